//! The parts of a registry key, as texts.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The port of a key or pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// Splits off a scheme: a letter, then letters, digits, `+`, `.` and `-` (RFC 3986), then `://`.
pub(super) fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'));
    rest.strip_prefix("//").filter(|_| is_scheme).map(|rest| (scheme, rest))
}

pub(super) fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Splits before the first of `stops`, which are ASCII.
pub(super) fn split_before<'a>(text: &'a str, stops: &[u8]) -> (&'a str, &'a str) {
    let stop = text.bytes().position(|byte| stops.contains(&byte));
    stop.and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

/// Whether there is user-info, and what follows it.
pub(super) fn split_user_info(authority: &str) -> (bool, &str) {
    match authority.rsplit_once('@') {
        Some((_, host_port)) => (true, host_port),
        None => (false, authority),
    }
}

/// Splits at the colon after a bracketed IPv6 address, else at the first one.
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

/// A `%` without two hexadecimal digits after it.
pub(super) fn has_malformed_escape(text: &str) -> bool {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    text.split('%').skip(1).any(|rest| {
        let rest = rest.as_bytes();
        !(is_hex(rest.first()) && is_hex(rest.get(1)))
    })
}
