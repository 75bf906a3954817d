//! Reading one registry key.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;

use super::glob::{HostGlob, is_glob};
use super::parts::{
    Port, has_malformed_escape, is_bracketed_ipv6, is_http, normalise_host, split_before, split_port,
    split_scheme, split_user_info,
};

/// The one spelling of Docker Hub that the kubelet, docker, podman and the key chain all find.
pub(crate) const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The hosts that people write for Docker Hub.
pub(super) const DOCKER_HUB_HOSTS: [&str; 9] = [
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "hub.docker.com",
    "registry.hub.docker.com",
    "docker.com",
    "www.docker.com",
    "registry.docker.io",
    "auth.docker.io",
];

/// Why a key names no registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyFault {
    /// Nothing at all.
    Empty,
    /// A scheme, a slash or a port, but no host.
    NoHost,
    /// White space anywhere.
    Whitespace,
    /// A control character anywhere.
    Control,
    /// A comma: several registries in one key.
    Comma,
    /// A query or a fragment.
    QueryOrFragment,
    /// `<` `>` `{` `}`: a placeholder left in.
    Placeholder,
    /// `\` `^` `|` or a back-quote in the host.
    HostCharacter,
    /// A `%` escape in the host, or a malformed one anywhere.
    Escape,
    /// A port that is not a number up to 65535.
    Port,
    /// A scheme other than http and https.
    Scheme,
    /// Two schemes.
    DoubledScheme,
    /// An IPv6 address without brackets.
    BareIpv6,
    /// One slash after the scheme.
    SingleSlash,
    /// Quotation marks around it.
    Quoted,
    /// `[` or `]` in the host, outside of an IPv6 address.
    Bracket,
}

/// Why the kubelet finds a key for no ordinary image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NeverMatches {
    /// Upper case in host or path.
    UpperCase,
    /// Upper case in the scheme.
    UpperCaseScheme,
    /// `/v1` or `/v2` without the closing slash.
    ApiVersionWithoutSlash,
    /// `:443`.
    DefaultPort,
    /// A dot after the host.
    TrailingDot,
    /// Characters outside ASCII in the host.
    NotAscii,
    /// A host that no image can have.
    Host,
    /// A lone `*`.
    LoneStar,
    /// One word without a port.
    OneWord,
    /// A bracketed IPv6 address without a port.
    Ipv6WithoutPort,
    /// A page of a registry's web interface.
    BrowserPage,
    /// A path that no image can have.
    Path,
}

/// Whether two keys, as written, name one registry: without scheme, default port, a leading `/v1` or `/v2` and closing
/// slashes, with all spellings of Docker Hub as one.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    Key::parse(one).identity() == Key::parse(other).identity()
}

/// A registry key in its parts. Every text has a host, perhaps an empty one.
#[derive(Clone)]
pub(crate) struct Key<'a> {
    written: &'a str,
    /// As written, without `://`.
    scheme: Option<&'a str>,
    /// After the scheme.
    rest: &'a str,
    /// Between scheme and path, without user-info: host and port as written.
    host_port: &'a str,
    user_info: bool,
    /// As written, without the port.
    host_written: &'a str,
    /// Normalised: lower case, without one trailing dot.
    host: Cow<'a, str>,
    port: Port,
    /// From its first slash up to a query or fragment.
    path: &'a str,
    query_or_fragment: bool,
    /// As [`split_plain`] says.
    is_plain: bool,
}

/// What two keys of one registry have in common, paths aside.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Site<'k> {
    host: &'k str,
    port: Port,
    /// As written.
    invalid_port: &'k str,
}

impl fmt::Display for Site<'_> {
    /// As in an image name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Port::Number(port) => write!(f, "{}:{port}", self.host),
            Port::None | Port::Empty | Port::Invalid => write!(f, "{}{}", self.host, self.invalid_port),
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
        if let Some((host, port)) = split_plain(written) {
            return Key {
                written,
                scheme: None,
                rest: written,
                host_port: written,
                user_info: false,
                host_written: host,
                host: Cow::Borrowed(host),
                port,
                path: "",
                query_or_fragment: false,
                is_plain: true,
            };
        }
        let (scheme, rest) = match split_scheme(written) {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, written),
        };
        let (authority, tail) = split_before(rest, b"/?#");
        let (path, query_and_fragment) = split_before(tail, b"?#");
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
            is_plain: false,
        }
    }

    /// The host for judging: lower case, without port and one trailing dot.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The host as [`Key::host`] has it, and the port as written if it is a number.
    pub(crate) fn into_host_and_port(self) -> Cow<'a, str> {
        match self.port {
            Port::Number(_) => {
                let port = self.host_port.strip_prefix(self.host_written).unwrap_or_default();
                Cow::Owned(format!("{}{port}", self.host))
            }
            Port::None | Port::Empty | Port::Invalid => self.host,
        }
    }

    pub(super) fn port(&self) -> Port {
        self.port
    }

    /// The globs that the key stands for. A `?` is a query for the host, and is held to be a glob in the host lists and
    /// for generic hosts as well, so that there can be two readings: with it cut off, and with it in the host.
    pub(crate) fn globs(&self) -> impl Iterator<Item = KeyGlob<'_>> {
        let cut = self.is_glob().then(|| KeyGlob { host: Cow::Borrowed(&*self.host), port: self.port });
        let rest = if self.is_plain { "" } else { self.rest };
        let (authority, _) = split_before(rest, b"/#");
        let whole = authority.contains('?').then(|| {
            let (_, host_port) = split_user_info(authority);
            let (host, port) = split_port(host_port);
            KeyGlob { host: normalise_host(host), port }
        });
        cut.into_iter().chain(whole.filter(|glob| is_glob(&glob.host) && !is_bracketed_ipv6(&glob.host)))
    }

    /// Whether the host is a glob.
    pub(crate) fn is_glob(&self) -> bool {
        !self.is_plain && self.host.contains(['*', '[']) && !is_bracketed_ipv6(&self.host)
    }

    /// Whether the host has a `*` that every kubelet reads as a glob: those built with a newer Go refuse brackets.
    pub(crate) fn is_wildcard(&self) -> bool {
        !self.is_plain && self.host.contains('*') && !self.host.contains(['[', ']'])
    }

    /// Whether the key holds user-info, or what would be user-info if its password had no `/`, `?` or `#`.
    pub(crate) fn has_credentials(&self) -> bool {
        self.user_info
            || (!self.is_plain && self.rest.split_once(':').is_some_and(|(_, rest)| rest.contains('@')))
    }

    /// Whether the key is a plain host and port, in which there is nothing to find ([`split_plain`]).
    pub(crate) const fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Whether the key names Docker Hub in another way than the one that is found by all.
    pub(crate) fn is_other_docker_hub(&self) -> bool {
        self.is_docker_hub() && self.written != DOCKER_HUB
    }

    /// Whether the key names Docker Hub.
    pub(crate) fn is_docker_hub(&self) -> bool {
        DOCKER_HUB_HOSTS.contains(&self.host())
    }

    /// Whether the key has a path, leaving out `/v1` and `/v2` at its beginning.
    pub(crate) fn has_path(&self) -> bool {
        !self.path_without_version().is_empty()
    }

    /// Whether the key is one that docker's login in the browser leaves in its config file.
    pub(crate) fn is_browser_login(&self) -> bool {
        self.host() == "index.docker.io" && matches!(self.path, "/v1/access-token" | "/v1/refresh-token")
    }

    /// Whether the key is `registry-1.docker.io`, with or without `https://`.
    pub(crate) fn is_registry_1(&self) -> bool {
        matches!(self.written, "registry-1.docker.io" | "https://registry-1.docker.io")
    }

    /// Why the key names no registry.
    pub(crate) fn fault(&self) -> Option<KeyFault> {
        let faults = [
            (KeyFault::Quoted, is_quoted(self.written)),
            (KeyFault::Empty, self.written.is_empty()),
            (KeyFault::Control, self.written.chars().any(|c| c.is_control() && !c.is_whitespace())),
            (KeyFault::Whitespace, self.written.chars().any(char::is_whitespace)),
            (KeyFault::Comma, self.written.contains(',')),
            (KeyFault::Placeholder, self.host_port.contains(['<', '>', '{', '}'])),
            (KeyFault::Scheme, self.scheme.is_some_and(|scheme| !is_http(scheme))),
            (KeyFault::DoubledScheme, self.scheme.is_some() && split_scheme(self.rest).is_some()),
            (KeyFault::SingleSlash, has_single_slash(self.written)),
            (KeyFault::QueryOrFragment, self.query_or_fragment),
            (KeyFault::BareIpv6, self.host_port.parse::<Ipv6Addr>().is_ok()),
            (KeyFault::Bracket, self.host.contains(['[', ']']) && !is_bracketed_ipv6(&self.host)),
            (KeyFault::Port, self.port == Port::Invalid),
            (KeyFault::NoHost, self.host.is_empty()),
            (KeyFault::Escape, self.host_port.contains('%') || has_malformed_escape(self.written)),
            (KeyFault::HostCharacter, self.host_port.contains(['\\', '^', '|', '`'])),
        ];
        faults.into_iter().find_map(|(fault, applies)| applies.then_some(fault))
    }

    /// Why the kubelet finds the key for no ordinary image, if it is known that it does not.
    pub(crate) fn why_never(&self) -> NeverMatches {
        let upper = |text: &str| text.bytes().any(|byte| byte.is_ascii_uppercase());
        let path: Cow<'_, [u8]> = percent_decode_str(self.path).into();
        let reasons = [
            (NeverMatches::UpperCaseScheme, self.scheme.is_some_and(upper)),
            (NeverMatches::BrowserPage, is_browser_page(&self.host, self.path)),
            (NeverMatches::UpperCase, upper(self.host_written) || path.iter().any(u8::is_ascii_uppercase)),
            (NeverMatches::TrailingDot, self.host_written.ends_with('.')),
            (NeverMatches::DefaultPort, self.port == Port::Number(443)),
            (NeverMatches::NotAscii, !self.host_written.is_ascii()),
            (NeverMatches::LoneStar, self.host == "*"),
            (NeverMatches::Ipv6WithoutPort, is_bracketed_ipv6(&self.host) && self.port == Port::None),
            (NeverMatches::OneWord, self.is_one_word()),
            (NeverMatches::ApiVersionWithoutSlash, matches!(&*path, b"/v1" | b"/v2")),
            (NeverMatches::Path, !self.path.is_empty() && is_host(&self.host)),
        ];
        reasons
            .into_iter()
            .find_map(|(reason, applies)| applies.then_some(reason))
            .unwrap_or(NeverMatches::Host)
    }

    /// A host that an image reference takes for a part of the path: no dot, no port, not `localhost`.
    pub(crate) fn is_one_word(&self) -> bool {
        self.port == Port::None
            && !self.host.contains('.')
            && self.host != "localhost"
            && !is_bracketed_ipv6(&self.host)
    }

    /// The path as written: from its first slash up to a query or fragment.
    pub(crate) fn path(&self) -> &str {
        self.path
    }

    /// The path without `/v1` or `/v2` at its beginning and without closing slashes.
    pub(crate) fn path_without_version(&self) -> &str {
        let path = ["/v1", "/v2"]
            .into_iter()
            .filter_map(|version| self.path.strip_prefix(version))
            .find(|rest| rest.is_empty() || rest.starts_with('/'))
            .unwrap_or(self.path);
        path.trim_end_matches('/')
    }

    /// What is compared to tell whether an UPDATE dropped the registry: without scheme, user-info, default port, a
    /// leading `/v1` or `/v2` and closing slashes, Docker Hub's spellings being one.
    pub(crate) fn identity(&self) -> (Site<'_>, &str) {
        (self.site(), self.path_without_version())
    }

    /// Its [`Key::identity`] without the path.
    pub(crate) fn site(&self) -> Site<'_> {
        let host = if self.is_docker_hub() { "docker.io" } else { self.host() };
        let port = self.port.compared();
        let invalid_port = match port {
            Port::Invalid => self.host_port.strip_prefix(self.host_written).unwrap_or_default(),
            Port::None | Port::Empty | Port::Number(_) => "",
        };
        Site { host, port, invalid_port }
    }
}

/// Longer keys are left to the models: consumers limit the length of names.
const LONGEST_PLAIN: usize = 128;

/// Splits a key that is `host` or `host:port` and nothing else, written as in image names: such a key is found by
/// every consumer, which a test compares with the models. Most keys are like this, and asking the models about each
/// takes longer than all the rest of a judgement.
fn split_plain(written: &str) -> Option<(&str, Port)> {
    let is_host =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let is_label = |label: &[u8]| {
        label.first().is_some_and(|first| *first != b'-') && label.last().is_some_and(|last| *last != b'-')
    };
    let end = written.bytes().position(|byte| !is_host(byte)).unwrap_or(written.len());
    let (host, rest) = written.split_at_checked(end)?;
    let port = match rest.strip_prefix(':') {
        Some(digits) => Port::parse(digits),
        None if rest.is_empty() => Port::None,
        None => return None,
    };
    let is_port = match port {
        Port::None => true,
        Port::Number(number) => number != 443 && !rest.starts_with(":0"),
        Port::Empty | Port::Invalid => false,
    };
    let mut labels = host.as_bytes().split(|byte| *byte == b'.');
    let is_plain = is_port
        && written.len() <= LONGEST_PLAIN
        && labels.next().is_some_and(is_label)
        && labels.next().is_some_and(is_label)
        && labels.all(is_label);
    is_plain.then_some((host, port))
}

/// Whether the same quotation mark is at both ends.
fn is_quoted(written: &str) -> bool {
    ['"', '\'', '`']
        .into_iter()
        .any(|mark| written.len() > 1 && written.starts_with(mark) && written.ends_with(mark))
}

/// `https:/HOST`
fn has_single_slash(written: &str) -> bool {
    let is_scheme =
        |(scheme, rest): (&str, &str)| is_http(scheme) && rest.starts_with('/') && !rest.starts_with("//");
    written.split_once(':').is_some_and(is_scheme)
}

/// Whether a path, as written in a key, is a page of a registry's web interface.
pub(crate) fn is_browser_page(host: &str, path: &str) -> bool {
    let is_below =
        |page: &str| path.strip_prefix(page).is_some_and(|more| more.is_empty() || more.starts_with('/'));
    (host == "quay.io" && is_below("/repository"))
        || is_below("/harbor/projects")
        || is_below("/harbor/sign-in")
}

/// Whether an image reference can have this host.
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        let fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'*');
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(fits)
    };
    is_bracketed_ipv6(host) || host.split('.').all(is_label)
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
    fn slash_in_password_does_not_hide_user_info() {
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
    fn a_port_follows_the_host_and_its_brackets() {
        for (key, fault) in [
            ("[::1]:5000", None),
            ("[fe80::1%25eth0]:5000", Some(KeyFault::Escape)),
            ("r.example.com:[0-9]000", Some(KeyFault::Port)),
            ("r.example.com:50[0-9]0", Some(KeyFault::Port)),
            (":[a]", Some(KeyFault::Port)),
            ("[r]egistry.example.com:5000", Some(KeyFault::Bracket)),
            ("registr[y].example.com", Some(KeyFault::Bracket)),
            ("https:/r.example.com", Some(KeyFault::SingleSlash)),
            ("'r.example.com'", Some(KeyFault::Quoted)),
            ("[::1]", None),
        ] {
            assert_eq!(Key::parse(key).fault(), fault, "{key}");
        }
    }

    #[test]
    fn reason_for_a_key_that_is_never_found() {
        for (key, reason) in [
            ("r.example.com/%41", NeverMatches::UpperCase),
            ("r.example.com/%76%31", NeverMatches::ApiVersionWithoutSlash),
            ("r.example.com/a%2F%2Fb", NeverMatches::Path),
            ("r.example.com/%e5%af%86", NeverMatches::Path),
            ("r.example.com/./x", NeverMatches::Path),
            ("HTTPS://r.example.com", NeverMatches::UpperCaseScheme),
            ("r.example.com.", NeverMatches::TrailingDot),
            ("r.example.com:443", NeverMatches::DefaultPort),
            ("[::1]", NeverMatches::Ipv6WithoutPort),
            ("a..b", NeverMatches::Host),
            ("r!.example.com", NeverMatches::Host),
            ("r．example.com", NeverMatches::NotAscii),
            ("*", NeverMatches::LoneStar),
            ("harbor", NeverMatches::OneWord),
            ("quay.io/repository/team", NeverMatches::BrowserPage),
        ] {
            assert_eq!(Key::parse(key).why_never(), reason, "{key}");
        }
    }

    #[test]
    fn port_is_shown_as_written() {
        assert_eq!(Key::parse("https://R.example.com:080/x").into_host_and_port(), "r.example.com:080");
    }
}
