//! Image references, as docker and the kubelet accept and normalise them (github.com/distribution/reference v0.6.0:
//! `ParseNormalizedNamed`, `Parse`).

use std::fmt;

const HUB: &str = "docker.io";
const MAX_PATH: usize = 255;
const MAX_TAG: usize = 128;

/// A normalised image reference without tag and digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageRef {
    name: String,
    /// How much of the name is the registry; 0 where the reference grammar takes the host for a part of the path,
    /// as it does with `my_host.example.com/app`.
    domain: usize,
}

impl ImageRef {
    /// Parses a reference; `None` if docker and the kubelet refuse it.
    #[must_use]
    pub fn parse(text: &str) -> Option<ImageRef> {
        if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let (domain, remainder) = split_domain(text);
        let library = domain == HUB && !remainder.contains('/');
        let full = [domain, "/", if library { "library/" } else { "" }, remainder].concat();
        let (rest, digest) = split_at(&full, full.find('@'));
        let last = rest.rfind('/')?;
        let (name, tag) = split_at(rest, rest.get(last..)?.find(':').map(|colon| last + colon));
        if !digest.is_none_or(is_digest) || !tag.is_none_or(is_tag) {
            return None;
        }
        let (first, path) = name.split_once('/')?;
        let (domain, path) = if is_domain(first) { (first.len(), path) } else { (0, name) };
        (path.len() <= MAX_PATH && path.split('/').all(is_component))
            .then(|| ImageRef { name: name.to_owned(), domain })
    }

    /// The whole name: registry and repository.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The registry with its port, `docker.io` for Docker Hub; empty where the grammar finds none.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.name.get(..self.domain).unwrap_or_default()
    }

    /// The repository, without the registry.
    #[must_use]
    pub fn path(&self) -> &str {
        match self.domain {
            0 => &self.name,
            domain => self.name.get(domain + 1..).unwrap_or_default(),
        }
    }

    /// What is before the first slash: the registry, whether or not the grammar takes it for one.
    #[must_use]
    pub fn host(&self) -> &str {
        self.name.split_once('/').map_or(&*self.name, |(host, _)| host)
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The registry and what follows it (`splitDockerDomain`), without the `library/` of Docker Hub.
fn split_domain(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some(("index.docker.io", rest)) => (HUB, rest),
        Some((first, rest))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (first, rest)
        }
        _ => (HUB, text),
    }
}

/// Splits at a place; what follows its separator is `None` without one.
fn split_at(text: &str, at: Option<usize>) -> (&str, Option<&str>) {
    match at.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, port)) => {
            let fits = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
            if address.is_empty() || !address.bytes().all(fits) {
                return false;
            }
            match port.strip_prefix(':') {
                Some(port) => (None, Some(port)),
                None if port.is_empty() => (None, None),
                None => return false,
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(text), None),
        },
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.is_none_or(|host| host.split('.').all(is_label))
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A part of a repository: letters and digits, joined by one `.`, one or two `_`, or any number of `-`.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut rest = text.as_bytes();
    loop {
        let word = rest.iter().take_while(|&&byte| is_word(byte)).count();
        rest = rest.get(word..).unwrap_or_default();
        let dashes = rest.iter().take_while(|&&byte| byte == b'-').count();
        let separator = match rest {
            [] => return word > 0,
            [b'_', b'_', ..] => 2,
            [b'_' | b'.', ..] => 1,
            _ => dashes,
        };
        if word == 0 || separator == 0 || rest.len() == separator {
            return false;
        }
        rest = rest.get(separator..).unwrap_or_default();
    }
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= MAX_TAG
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

/// The three algorithms that exist (github.com/opencontainers/go-digest v1.0.0: `Validate`).
fn is_digest(digest: &str) -> bool {
    let length = match digest.split_once(':') {
        Some(("sha256", _)) => 64,
        Some(("sha384", _)) => 96,
        Some(("sha512", _)) => 128,
        _ => return false,
    };
    let hex = digest.get(7..).unwrap_or_default();
    hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
