//! How Go's `net/url` takes a URL apart (go1.26, src/net/url/url.go: `Parse`, `parseHost`, `unescape`), as far as
//! registry keys need it: host and path. Bytes, because an escape can stand for any byte.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The host with its port, and the path, both with their escapes resolved.
pub(super) struct Url<'a> {
    pub(super) host: Cow<'a, [u8]>,
    pub(super) path: Cow<'a, [u8]>,
}

/// Which part of a URL is unescaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Zone,
    /// Path, fragment and user-info, in which every well-formed escape is accepted.
    Other,
}

/// Parses a URL; `None` if Go refuses it. An opaque URL (`mailto:x`) has no host and no path here.
pub(super) fn parse(url: &[u8]) -> Option<Url<'_>> {
    let (url, fragment) = cut(url, b'#').unwrap_or((url, b""));
    if url.iter().any(|&byte| byte < b' ' || byte == 0x7f) {
        return None;
    }
    unescape(fragment, Part::Other)?;
    let (scheme, rest) = split_scheme(url)?;
    let rest = cut(rest, b'?').map_or(rest, |(rest, _)| rest);
    if !rest.starts_with(b"/") {
        let opaque_or_empty = !scheme.is_empty() || rest.is_empty();
        let segment = cut(rest, b'/').map_or(rest, |(segment, _)| segment);
        let path = if opaque_or_empty { b"" } else { rest };
        return (opaque_or_empty || !segment.contains(&b':'))
            .then(|| unescape(path, Part::Other))
            .flatten()
            .map(|path| Url { host: Cow::Borrowed(b""), path });
    }
    let has_authority = rest.starts_with(b"//") && (!scheme.is_empty() || !rest.starts_with(b"///"));
    let (host, path) = if has_authority {
        let authority = rest.get(2..)?;
        let at = authority.iter().position(|&byte| byte == b'/').unwrap_or(authority.len());
        let (authority, path) = authority.split_at_checked(at)?;
        (parse_authority(scheme, authority)?, path)
    } else {
        (Cow::Borrowed(&b""[..]), rest)
    };
    Some(Url { host, path: unescape(path, Part::Other)? })
}

/// Splits at the first `byte`, which is dropped.
pub(super) fn cut(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&other| other == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Scheme and rest; `None` if the URL begins with a colon.
fn split_scheme(url: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_later = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let end = url.iter().position(|&byte| !is_later(byte));
    match end.and_then(|end| Some((end, url.get(end)?))) {
        Some((0, b':')) => None,
        Some((end, b':')) if url.first().is_some_and(u8::is_ascii_alphabetic) => {
            Some((url.get(..end)?, url.get(end + 1..)?))
        }
        _ => Some((b"", url)),
    }
}

fn parse_authority<'a>(scheme: &[u8], authority: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let Some(at) = authority.iter().rposition(|&byte| byte == b'@') else {
        return parse_host(scheme, authority);
    };
    let user_info = authority.get(..at)?;
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !user_info.iter().all(fits) {
        return None;
    }
    unescape(user_info, Part::Other)?;
    parse_host(scheme, authority.get(at + 1..)?)
}

fn parse_host<'a>(scheme: &[u8], host: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    match host.iter().rposition(|&byte| byte == b'[') {
        Some(0) => {
            let close = host.iter().rposition(|&byte| byte == b']')?;
            let (address, port) = (host.get(1..close)?, host.get(close + 1..)?);
            if !is_optional_port(port) {
                return None;
            }
            let address = match address.windows(3).position(|escape| escape == b"%25") {
                Some(zone) => {
                    let (address, zone) = address.split_at_checked(zone)?;
                    [unescape(address, Part::Host)?, unescape(zone, Part::Zone)?].concat()
                }
                None => unescape(address, Part::Host)?.into_owned(),
            };
            is_ipv6(&address).then(|| Cow::Owned([b"[", &*address, b"]", port].concat()))
        }
        Some(_) => None,
        None => {
            let is_http = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
            let colon = if is_http {
                host.iter().position(|&byte| byte == b':')
            } else {
                host.iter().rposition(|&byte| byte == b':')
            };
            let port = colon.map_or(Some(&b""[..]), |colon| host.get(colon..))?;
            if is_optional_port(port) { unescape(host, Part::Host) } else { None }
        }
    }
}

/// Nothing, or a colon and digits, which may be none.
pub(super) fn is_optional_port(port: &[u8]) -> bool {
    match port {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// An IPv6 address with or without a zone (go1.26, src/net/netip/netip.go: `ParseAddr`).
pub(super) fn is_ipv6(address: &[u8]) -> bool {
    let (address, zone) = match cut(address, b'%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (address, None),
    };
    zone != Some(b"") && std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// Resolves `%` escapes; `None` if one is malformed or, in a host, not allowed, or if a host has a wrong character.
fn unescape(text: &[u8], part: Part) -> Option<Cow<'_, [u8]>> {
    if !text.contains(&b'%') {
        return text
            .iter()
            .all(|&byte| part == Part::Other || is_host_byte(byte))
            .then_some(Cow::Borrowed(text));
    }
    let mut resolved = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let (digits, tail) = tail.split_at_checked(2)?;
            let value = hex(digits)?;
            let allowed = match part {
                Part::Host => value >= 0x80 || digits == b"25",
                Part::Zone => digits == b"25" || value == b' ' || is_host_byte(value),
                Part::Other => true,
            };
            if !allowed {
                return None;
            }
            resolved.push(value);
            rest = tail;
        } else {
            if part != Part::Other && !is_host_byte(byte) {
                return None;
            }
            resolved.push(byte);
            rest = tail;
        }
    }
    Some(Cow::Owned(resolved))
}

fn hex(digits: &[u8]) -> Option<u8> {
    let mut value = 0;
    for &digit in digits {
        value = value * 16 + u8::try_from(char::from(digit).to_digit(16)?).ok()?;
    }
    Some(value)
}

/// What a host may contain unescaped (go1.26, src/net/url: `encodeHost` in its table), or any byte above ASCII.
fn is_host_byte(byte: u8) -> bool {
    byte >= 0x80 || byte.is_ascii_alphanumeric() || br#"!"$&'()*+,-.:;<=>[]_~"#.contains(&byte)
}
