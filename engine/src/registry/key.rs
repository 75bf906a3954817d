//! Reading one registry key.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::glob::{HostGlob, is_glob};
use super::{HubSpelling, KeyFault, NeverMatches};

/// The one spelling of Docker Hub that docker, the kubelet and podman all find.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The hosts that people write for Docker Hub.
pub(super) const DOCKER_HUB_HOSTS: [&str; 5] =
    ["docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com", "registry.hub.docker.com"];

/// A registry key taken apart. What cannot be taken apart still has a host, perhaps an empty one.
#[derive(Clone)]
pub(crate) struct Key<'a> {
    written: &'a str,
    /// As written, without `://`.
    scheme: Option<&'a str>,
    /// Behind the scheme.
    rest: &'a str,
    /// Between scheme and path, without user-info: host and port as written.
    host_port: &'a str,
    user_info: bool,
    /// As written, without the port.
    host_written: &'a str,
    /// Normalised: lower case, one trailing dot taken off.
    host: Cow<'a, str>,
    port: Port,
    /// From its first slash up to a query or fragment.
    path: &'a str,
    query_or_fragment: bool,
    /// See [`is_plain_host`].
    plain_host: bool,
}

/// The port of a key or pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    None,
    Empty,
    Number(u16),
    Invalid,
}

impl Port {
    pub(super) fn parse(text: &str) -> Port {
        if text.is_empty() {
            Port::Empty
        } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().map_or(Port::Invalid, Port::Number)
        } else {
            Port::Invalid
        }
    }

    /// For comparisons: 443 and an empty port count as none.
    pub(super) fn compared(self) -> Port {
        match self {
            Port::Empty | Port::Number(443) => Port::None,
            port => port,
        }
    }
}

/// One reading of a key as a glob.
pub(crate) struct KeyGlob<'k> {
    /// Normalised, as [`Key::host`] is.
    pub(super) host: Cow<'k, str>,
    pub(super) port: Port,
}

impl KeyGlob<'_> {
    pub(super) fn labels(&self) -> HostGlob {
        HostGlob::new(&self.host)
    }
}

impl<'a> Key<'a> {
    pub(crate) fn parse(written: &'a str) -> Self {
        if is_plain_host(written) {
            return Key {
                written,
                scheme: None,
                rest: written,
                host_port: written,
                user_info: false,
                host_written: written,
                host: Cow::Borrowed(written),
                port: Port::None,
                path: "",
                query_or_fragment: false,
                plain_host: true,
            };
        }
        let (scheme, rest) = match split_scheme(written) {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, written),
        };
        let (authority, tail) = split_before(rest, &['/', '?', '#']);
        let (path, query_and_fragment) = split_before(tail, &['?', '#']);
        let (user_info, host_port) = split_user_info(authority);
        let (host_written, port) = split_port(host_port);
        Key {
            written,
            scheme,
            rest,
            host_port,
            user_info,
            host_written,
            host: normalise_host(host_written),
            port,
            path,
            query_or_fragment: !query_and_fragment.is_empty(),
            plain_host: false,
        }
    }

    /// The host for judging: lower case, without port and one trailing dot.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The host as [`Key::host`] has it, and the port as written.
    pub(crate) fn into_host_and_port(self) -> Cow<'a, str> {
        match self.port {
            Port::Number(port) => Cow::Owned(format!("{}:{port}", self.host)),
            Port::None | Port::Empty | Port::Invalid => self.host,
        }
    }

    pub(super) fn port(&self) -> Port {
        self.port
    }

    /// The globs that the key stands for. A `?` is a query for the host, and is held to be a glob in the host lists and
    /// for generic hosts as well, so that there can be two readings: with it cut off, and with it in the host.
    pub(crate) fn globs(&self) -> impl Iterator<Item = KeyGlob<'_>> {
        let cut = self.is_wildcard().then(|| KeyGlob { host: Cow::Borrowed(&*self.host), port: self.port });
        let authority = if self.plain_host { "" } else { split_before(self.rest, &['/', '#']).0 };
        let whole = authority.contains('?').then(|| {
            let (_, host_port) = split_user_info(authority);
            let (host, port) = split_port(host_port);
            KeyGlob { host: normalise_host(host), port }
        });
        cut.into_iter().chain(whole.filter(|glob| is_glob(&glob.host) && !is_bracketed_ipv6(&glob.host)))
    }

    /// Whether only consumers that know globs find the key.
    pub(crate) fn is_wildcard(&self) -> bool {
        !self.plain_host && self.host.contains(['*', '[']) && !is_bracketed_ipv6(&self.host)
    }

    /// Whether the key holds user-info, or what would have been user-info had its password no `/`, `?` or `#`.
    pub(crate) fn has_credentials(&self) -> bool {
        !self.plain_host && self.may_have_credentials()
    }

    fn may_have_credentials(&self) -> bool {
        self.user_info || self.rest.split_once(':').is_some_and(|(_, behind)| behind.contains('@'))
    }

    /// Why the key names no registry.
    pub(crate) fn fault(&self) -> Option<KeyFault> {
        if self.plain_host {
            return None;
        }
        let faults = [
            (KeyFault::Empty, self.written.is_empty()),
            (KeyFault::Control, self.written.chars().any(|c| c.is_control() && !c.is_whitespace())),
            (KeyFault::Whitespace, self.written.chars().any(char::is_whitespace)),
            (KeyFault::Comma, self.written.contains(',')),
            (KeyFault::Placeholder, self.host_port.contains(['<', '>', '{', '}'])),
            (KeyFault::Scheme, self.scheme.is_some_and(|scheme| !is_http(scheme))),
            (KeyFault::DoubledScheme, self.scheme.is_some() && split_scheme(self.rest).is_some()),
            (KeyFault::QueryOrFragment, self.query_or_fragment),
            (KeyFault::BareIpv6, self.host_port.parse::<Ipv6Addr>().is_ok()),
            (KeyFault::Port, self.port == Port::Invalid),
            (KeyFault::NoHost, self.host.is_empty()),
            (KeyFault::Escape, self.host_port.contains('%') || has_malformed_escape(self.written)),
            (KeyFault::HostCharacter, self.host_port.contains(['\\', '^', '|', '`'])),
        ];
        faults.into_iter().find_map(|(fault, stands)| stands.then_some(fault))
    }

    /// Why ordinary image references do not find the key in the kubelet. Asked only of a key without a fault.
    pub(crate) fn never_matches(&self) -> Option<NeverMatches> {
        if self.plain_host {
            return is_one_word(&self.host).then_some(NeverMatches::OneWord);
        }
        let upper = |text: &str| text.bytes().any(|byte| byte.is_ascii_uppercase());
        let path = resolve_escapes(self.path);
        let reasons = [
            (NeverMatches::UpperCaseScheme, self.scheme.is_some_and(upper)),
            (NeverMatches::UpperCase, upper(self.host_written) || path.iter().any(u8::is_ascii_uppercase)),
            (NeverMatches::TrailingDot, self.host_written.ends_with('.')),
            (NeverMatches::EmptyPort, self.port == Port::Empty),
            (NeverMatches::DefaultPort, self.port == Port::Number(443)),
            (
                NeverMatches::HostCharacter,
                !is_bracketed_ipv6(&self.host) && has_odd_host_character(&self.host),
            ),
            (NeverMatches::LoneStar, self.port == Port::None && self.host == "*"),
            (NeverMatches::OneWord, self.port == Port::None && is_one_word(&self.host)),
            (NeverMatches::ApiVersionWithoutSlash, matches!(&*path, b"/v1" | b"/v2")),
            (NeverMatches::Path, !is_image_path(&path)),
        ];
        reasons.into_iter().find_map(|(reason, stands)| stands.then_some(reason))
    }

    /// How Docker Hub is spelled, where the key is Docker Hub's and not the one spelling that everyone finds.
    pub(crate) fn hub_spelling(&self) -> Option<HubSpelling> {
        if !DOCKER_HUB_HOSTS.contains(&self.host()) || self.written == DOCKER_HUB {
            return None;
        }
        let plain_scheme = self.scheme.is_none_or(|scheme| scheme == "https" || scheme == "http");
        let plain_host = self.host == self.host_written && self.port == Port::None && plain_scheme;
        let (kubelet, podman) = match self.host() {
            "docker.io" | "index.docker.io" => (true, true),
            "registry-1.docker.io" => (false, true),
            _ => (false, false),
        };
        let kubelet = kubelet && plain_host && !matches!(self.path, "/v1" | "/v2");
        // podman takes the path off only together with a scheme; without one it is part of the name
        // (docs/facts.md, "Registry keys").
        let podman = podman && plain_host && (self.scheme.is_some() || self.path.is_empty());
        Some(match (kubelet, podman) {
            (true, true) => HubSpelling::NotDocker,
            (true, false) => HubSpelling::KubeletOnly,
            (false, true) => HubSpelling::PodmanOnly,
            (false, false) => HubSpelling::Nobody,
        })
    }

    /// What is compared to tell whether an UPDATE dropped the registry: without scheme, user-info, default port, a
    /// leading `/v1` or `/v2` and closing slashes, Docker Hub's spellings being one.
    pub(crate) fn identity(&self) -> String {
        let host = if DOCKER_HUB_HOSTS.contains(&self.host()) { "docker.io" } else { self.host() };
        let port = match self.port.compared() {
            Port::None => String::new(),
            Port::Number(port) => format!(":{port}"),
            Port::Empty | Port::Invalid => {
                self.host_port.strip_prefix(self.host_written).unwrap_or_default().to_owned()
            }
        };
        let path = ["/v1", "/v2"]
            .into_iter()
            .filter_map(|version| self.path.strip_prefix(version))
            .find(|behind| behind.is_empty() || behind.starts_with('/'))
            .unwrap_or(self.path);
        format!("{host}{port}{}", path.trim_end_matches('/'))
    }
}

/// Whether a key is nothing but a host of small letters, digits, hyphens and dots, as most are: then there is nothing to
/// take apart, and nothing is wrong with it that takes a closer look.
fn is_plain_host(written: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    // All are looked at, many at a time.
    let plain = written.bytes().fold(true, |plain, byte| plain & is_plain(byte));
    plain && !written.is_empty() && !written.ends_with('.')
}

/// Splits off a scheme: a letter, then letters, digits, `+`, `.` and `-` (RFC 3986), then `://`.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'));
    is_scheme.then_some((scheme, rest))
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Splits before the first of `stops`.
fn split_before<'a>(text: &'a str, stops: &[char]) -> (&'a str, &'a str) {
    text.find(stops).and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

/// Whether there is user-info, and what follows it.
fn split_user_info(authority: &str) -> (bool, &str) {
    match authority.rsplit_once('@') {
        Some((_, host_port)) => (true, host_port),
        None => (false, authority),
    }
}

/// Splits at the colon behind a bracketed IPv6 address, else at the first.
pub(super) fn split_port(host_port: &str) -> (&str, Port) {
    let brackets = host_port.find(']').map_or(0, |at| at + 1);
    let address = host_port.get(..brackets).filter(|host| is_bracketed_ipv6(host)).map_or(0, str::len);
    let colon = host_port.get(address..).and_then(|tail| tail.find(':')).map(|at| address + at);
    match colon.and_then(|at| Some((host_port.get(..at)?, host_port.get(at + 1..)?))) {
        Some((host, port)) => (host, Port::parse(port)),
        None => (host_port, Port::None),
    }
}

/// Lower case, one trailing dot taken off.
pub(super) fn normalise_host(host: &str) -> Cow<'_, str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

/// Whether this is `[ADDRESS]` or `[ADDRESS%ZONE]`.
pub(super) fn is_bracketed_ipv6(host: &str) -> bool {
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address = inside.map(|inside| inside.split_once('%').map_or(inside, |(address, _)| address));
    address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// A `%` without two hexadecimal digits behind it.
fn has_malformed_escape(text: &str) -> bool {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    text.split('%').skip(1).any(|behind| {
        let behind = behind.as_bytes();
        !(is_hex(behind.first()) && is_hex(behind.get(1)))
    })
}

/// Characters that no host of an image has. The underscore is left in peace: hosts with it resolve in practice.
fn has_odd_host_character(host: &str) -> bool {
    let in_class = host.contains('[');
    host.chars().any(|c| {
        !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '*') || (in_class && c.is_ascii()))
    })
}

/// A host that an image reference takes for a path component: no dot, no port, not `localhost`.
fn is_one_word(host: &str) -> bool {
    !host.contains('.') && host != "localhost" && !is_bracketed_ipv6(host)
}

/// The path with its `%` escapes resolved, a malformed one left as it is.
fn resolve_escapes(path: &str) -> Cow<'_, [u8]> {
    if !path.contains('%') {
        return Cow::Borrowed(path.as_bytes());
    }
    let mut resolved = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        let escaped = match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        resolved.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    Cow::Owned(resolved)
}

/// Whether an image can have this path: no empty component inside, and only `a-z 0-9 . _ - /`.
fn is_image_path(path: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(byte);
    path.iter().all(fits) && !path.windows(2).any(|pair| pair == b"//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_is_what_an_update_compares() {
        for (one, other, same) in [
            ("r.example.com", "https://r.example.com/v2/", true),
            ("r.example.com", "https://u:p@R.example.com:443/", true),
            ("r.example.com", "r.example.com:5000", false),
            ("r.example.com/team", "r.example.com/v1/team/", true),
            ("r.example.com/team", "r.example.com/other", false),
            ("r.example.com/v1", "r.example.com", true),
            ("r.example.com/v1x", "r.example.com", false),
            ("https://index.docker.io/v1/", "docker.io", true),
            ("registry-1.docker.io", "hub.docker.com", true),
        ] {
            assert_eq!(Key::parse(one).identity() == Key::parse(other).identity(), same, "{one} and {other}");
        }
    }

    #[test]
    fn hub_spellings_are_told_by_who_finds_them() {
        // the table of docs/facts.md, "Docker Hub"
        for (key, spelling) in [
            ("https://index.docker.io/v1/", None),
            ("index.docker.io/v1/", Some(HubSpelling::KubeletOnly)),
            ("index.docker.io", Some(HubSpelling::NotDocker)),
            ("docker.io", Some(HubSpelling::NotDocker)),
            ("https://index.docker.io/v1", Some(HubSpelling::PodmanOnly)),
            ("registry-1.docker.io", Some(HubSpelling::PodmanOnly)),
            ("registry.hub.docker.com", Some(HubSpelling::Nobody)),
            ("hub.docker.com", Some(HubSpelling::Nobody)),
            ("r.example.com", None),
        ] {
            assert_eq!(Key::parse(key).hub_spelling(), spelling, "{key}");
        }
    }

    #[test]
    fn a_password_with_a_slash_does_not_hide_user_info() {
        for (key, holds) in [
            ("bot:12/34@r.example.com", true),
            ("https://bot:1?2@r.example.com", true),
            ("https://bot:1#2@r.example.com", true),
            ("@r.example.com", true),
            ("https://r.example.com/team@x", false),
            ("r.example.com:5000/team", false),
        ] {
            assert_eq!(Key::parse(key).has_credentials(), holds, "{key}");
        }
    }

    #[test]
    fn a_port_is_what_stands_behind_the_host_and_its_brackets() {
        for (key, fault) in [
            ("[::1]:5000", None),
            ("[fe80::1%25eth0]:5000", Some(KeyFault::Escape)),
            ("r.example.com:[0-9]000", Some(KeyFault::Port)),
            ("r.example.com:50[0-9]0", Some(KeyFault::Port)),
            (":[a]", Some(KeyFault::Port)),
            ("[r]egistry.example.com:5000", None),
        ] {
            assert_eq!(Key::parse(key).fault(), fault, "{key}");
        }
    }

    #[test]
    fn a_path_is_looked_at_with_its_escapes_resolved() {
        for (key, reason) in [
            ("r.example.com/a%2Fb", None),
            ("r.example.com/a%2fb", None),
            ("r.example.com/%41", Some(NeverMatches::UpperCase)),
            ("r.example.com/%76%31", Some(NeverMatches::ApiVersionWithoutSlash)),
            ("r.example.com/a%2F%2Fb", Some(NeverMatches::Path)),
            ("r.example.com/%e5%af%86", Some(NeverMatches::Path)),
        ] {
            assert_eq!(Key::parse(key).never_matches(), reason, "{key}");
        }
    }
}
