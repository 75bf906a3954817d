//! The keyring of the kubelet, of which the key chain is a copy: entries by host, with globs, and path
//! (kubernetes v1.37.2, pkg/credentialprovider/keyring.go: `Add`, `Lookup`, `URLsMatch`;
//! go-containerregistry/pkg/authn/kubernetes 2026-02-24, keychain.go).

use std::borrow::Cow;
use std::ops::Range;

use super::entry::LiveEntries;
use super::go_url::{self, Url};

/// Keys with a glob that are compared at most, one of each host. Every image is compared with each, so that without
/// a bound the time would be quadratic; no pull Secret has this many.
const MAX_GLOBS: usize = 64;

/// The entries by the key under which the keyring files them.
pub(super) struct Keyring {
    /// Sorted by the key they are filed under, without those that Go cannot parse.
    pub(super) entries: Vec<u32>,
    /// Whether Go cannot parse one of the keys.
    pub(super) has_unparsable: bool,
    /// Sorted by host, port and path.
    patterns: Vec<Pattern>,
    /// Each host with a glob and its port.
    globs: Vec<HostPort<'static>>,
    /// Whether some are left out, because there are more than [`MAX_GLOBS`].
    pub(super) is_cut: bool,
    /// The entries under exactly `index.docker.io`.
    hub: Option<Range<usize>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct HostPort<'a> {
    host: Cow<'a, [u8]>,
    port: Cow<'a, [u8]>,
}

/// One key under which entries are filed.
struct Pattern {
    host: HostPort<'static>,
    path: Vec<u8>,
    entries: Range<usize>,
    /// Of the patterns before this one, the last of the same host whose path is a beginning of this path.
    shorter: Option<u32>,
}

impl Keyring {
    pub(super) fn new(live: &LiveEntries<'_>) -> Self {
        let mut filed: Vec<_> =
            live.iter().filter_map(|(key, entry)| Some((filing_key(key)?, *entry))).collect();
        filed.sort_unstable();
        let mut keyring = Keyring {
            entries: filed.iter().map(|(_, entry)| *entry).collect(),
            has_unparsable: filed.len() < live.len(),
            patterns: Vec::with_capacity(filed.len()),
            globs: Vec::new(),
            is_cut: false,
            hub: None,
        };
        let mut start = 0;
        for group in filed.chunk_by(|(one, _), (other, _)| one == other) {
            let entries = start..start + group.len();
            start = entries.end;
            let Some((key, _)) = group.first() else { continue };
            if key == b"index.docker.io" {
                keyring.hub = Some(entries.clone());
            }
            keyring.add(key, entries);
        }
        keyring
            .patterns
            .sort_unstable_by(|one, other| (&one.host, &one.path).cmp(&(&other.host, &other.path)));
        keyring.link_shorter();
        keyring.globs.sort_unstable();
        keyring.globs.dedup();
        keyring.is_cut = keyring.globs.len() > MAX_GLOBS;
        keyring.globs.truncate(MAX_GLOBS);
        keyring
    }

    /// Links each pattern to the next shorter one, so that a look-up does not have to try every beginning of a path.
    fn link_shorter(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        for at in 0..self.patterns.len() {
            let (before, rest) = self.patterns.split_at_mut(at);
            let Some(pattern) = rest.first_mut() else { continue };
            let is_beginning =
                |shorter: &Pattern| shorter.host == pattern.host && pattern.path.starts_with(&shorter.path);
            while open.last().and_then(|&last| before.get(last)).is_some_and(|last| !is_beginning(last)) {
                open.pop();
            }
            pattern.shorter = open.last().and_then(|&last| u32::try_from(last).ok());
            open.push(at);
        }
    }

    /// A look-up parses what a key is filed under once more, and resolves what is then an escape.
    fn add(&mut self, key: &[u8], entries: Range<usize>) {
        let url = [b"https://", key].concat();
        let Some(Url { host, path }) = go_url::parse(&url) else { return };
        let host = split_host_port(host.into_owned());
        if is_glob(&host.host) {
            self.globs.push(host.clone());
        }
        self.patterns.push(Pattern { host, path: path.into_owned(), entries, shorter: None });
    }

    /// The groups of entries for an image's host and name, the longest key first. Entries of one group are filed
    /// under one key, in the order of Go's map, which is random.
    pub(super) fn find(&self, name: &str) -> Vec<Range<usize>> {
        let url = ["https://", name].concat();
        let Some(Url { host, path }) = go_url::parse(url.as_bytes()) else { return Vec::new() };
        let image = split_host_port(host.into_owned());
        let globs =
            self.globs.iter().filter(|glob| glob.port == image.port && matches(&glob.host, &image.host));
        let plain = (!is_glob(&image.host)).then_some(&image);
        let mut found = Vec::new();
        for host in globs.chain(plain) {
            // Every pattern whose path is a beginning of this one is the last that is not after it, or shorter.
            let end =
                self.patterns.partition_point(|pattern| (&pattern.host, &*pattern.path) <= (host, &*path));
            let mut next = end.checked_sub(1).and_then(|last| self.patterns.get(last));
            let Some(last) = next.filter(|last| last.host == *host) else { continue };
            let common = last.path.iter().zip(&*path).take_while(|(one, other)| one == other).count();
            while let Some(pattern) = next {
                if pattern.path.len() <= common {
                    found.push(pattern.entries.clone());
                }
                let shorter = pattern.shorter.and_then(|shorter| usize::try_from(shorter).ok());
                next = shorter.and_then(|shorter| self.patterns.get(shorter));
            }
        }
        // Entries are sorted by key, and Go looks through the keys from the last to the first.
        found.sort_unstable_by_key(|entries| std::cmp::Reverse(entries.start));
        found
    }

    /// The entries that the kubelet takes for Docker Hub if it finds no others.
    pub(super) fn hub(&self) -> Option<Range<usize>> {
        self.hub.clone()
    }
}

/// Whether Go can parse a key.
pub(super) fn is_parsable(key: &str) -> bool {
    filing_key(key).is_some()
}

/// What a key is filed under: host and path, of which a leading `/v1/` or `/v2/` is taken off; `None` if Go cannot
/// parse the key.
fn filing_key(key: &str) -> Option<Vec<u8>> {
    let has_scheme = key.starts_with("https://") || key.starts_with("http://");
    let url = if has_scheme { Cow::Borrowed(key) } else { Cow::Owned(["https://", key].concat()) };
    let Url { host, path } = go_url::parse(url.as_bytes())?;
    let path = if path.starts_with(b"/v1/") || path.starts_with(b"/v2/") { path.get(3..)? } else { &*path };
    Some([&*host, if path == b"/" { b"" } else { path }].concat())
}

/// Go's `net.SplitHostPort` (go1.26, src/net/ipsock.go), where what it refuses is a host without a port.
fn split_host_port(host: Vec<u8>) -> HostPort<'static> {
    let colon = host.iter().rposition(|&byte| byte == b':');
    let (inside, port) = match (host.as_slice(), colon) {
        ([b'[', rest @ ..], Some(colon)) => {
            let end = rest.iter().position(|&byte| byte == b']');
            let inside = end.filter(|end| end + 2 == colon).and_then(|end| rest.get(..end));
            (inside, host.get(colon + 1..))
        }
        (_, Some(colon)) => (host.get(..colon), host.get(colon + 1..)),
        (_, None) => (None, None),
    };
    match (inside, port) {
        (Some(inside), Some(port))
            if is_free_of(inside, host.first() != Some(&b'[')) && is_free_of(port, true) =>
        {
            HostPort { host: inside.to_vec().into(), port: port.to_vec().into() }
        }
        _ => HostPort { host: host.into(), port: Cow::Borrowed(b"") },
    }
}

/// No brackets, nor colons where those are no part of an address.
fn is_free_of(text: &[u8], colons: bool) -> bool {
    !text.iter().any(|&byte| matches!(byte, b'[' | b']') || (colons && byte == b':'))
}

fn is_glob(host: &[u8]) -> bool {
    host.contains(&b'*') || host.starts_with(b"[")
}

/// Go's `filepath.Match` (go1.26), label by label, for what is left of its patterns in a parsed host: stars, and a
/// bracketed address without a port, which is a class of characters.
fn matches(glob: &[u8], host: &[u8]) -> bool {
    if let [b'[', class @ .., b']'] = glob {
        return !class.contains(&b'.') && matches!(host, [one] if class.contains(one));
    }
    let labels = |host| <[u8]>::split(host, |&byte: &u8| byte == b'.');
    labels(glob).count() == labels(host).count()
        && labels(glob).zip(labels(host)).all(|(glob, label)| label_matches(glob, label))
}

/// Each piece between stars is looked for from the left, which is linear and finds a match if there is one.
fn label_matches(glob: &[u8], label: &[u8]) -> bool {
    let (Ok(glob), Ok(label)) = (std::str::from_utf8(glob), std::str::from_utf8(label)) else { return false };
    let Some((first, rest)) = glob.split_once('*') else { return glob == label };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut label) = label.strip_prefix(first).and_then(|label| label.strip_suffix(last)) else {
        return false;
    };
    for piece in middle.split('*') {
        match label.split_once(piece) {
            Some((_, tail)) => label = tail,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn look_up_finds_every_path_prefix(
            keys in prop::collection::vec("(https://)?[ab*]\\.c(/[ab/]{0,6})?", 0..12),
            image in "[ab]\\.c/[ab/]{0,6}",
        ) {
            let mut live: LiveEntries<'_> = keys.iter().map(|key| Cow::Borrowed(key.as_str())).zip(0..).collect();
            live.sort_unstable();
            let keyring = Keyring::new(&live);
            let (host, path) = image.split_at(3);
            let mut expected: Vec<_> = keyring
                .patterns
                .iter()
                .filter(|pattern| matches(&pattern.host.host, host.as_bytes()))
                .filter(|pattern| path.as_bytes().starts_with(&pattern.path))
                .map(|pattern| pattern.entries.clone())
                .collect();
            expected.sort_unstable_by_key(|entries| std::cmp::Reverse(entries.start));
            prop_assert_eq!(keyring.find(&image), expected);
        }
    }
}
