//! Pieces of an error text: what is quoted in it, the requests that it names, and their status.

/// Only the beginning of a text is read. The kubelet's own limit of an event is 1 KiB; a status can be longer if
/// several credentials were tried.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// How Go names a request in an error, and how containerd and the image library of CRI-O do.
const BEFORE_URL: [&str; 6] = ["Head ", "Get ", "Post ", "request to ", "status code ", "last URL "];

/// A request that a text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NamedRequest<'t> {
    /// The host, and the port if there is one.
    pub(super) host: &'t str,
    /// containerd asked a mirror, and says for which registry in `ns`.
    pub(super) names_a_mirror: bool,
    /// The `service` for which a token is asked, if it is written like a host. For most registries it is their host.
    pub(super) service: Option<&'t str>,
}

/// The beginning of a text, cut between characters.
pub(super) fn beginning(text: &str) -> &str {
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    let end = (0..=MAX_TEXT_BYTES).rev().find(|&end| text.is_char_boundary(end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// What follows the first occurrence of a mark.
pub(super) fn after<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

/// A text in quotation marks as Go's `%q` writes it, and what follows it. Escapes are not resolved: no valid image
/// reference has any.
pub(super) fn quoted(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut is_escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            '"' if !is_escaped => return Some((inside.get(..at)?, inside.get(at + 1..)?)),
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    None
}

/// The first request that a text names.
pub(super) fn request(text: &str) -> Option<NamedRequest<'_>> {
    let urls = BEFORE_URL.iter().flat_map(|mark| {
        text.match_indices(mark).filter_map(|(at, mark)| {
            let rest = text.get(at + mark.len()..)?;
            let url = rest.strip_prefix('"').unwrap_or(rest);
            url.starts_with("http").then_some((at, url))
        })
    });
    let (_, url) = urls.min_by_key(|(at, _)| *at)?;
    let (_, rest) = url.split_once("://")?;
    let url = rest.find([' ', '"', '\n']).and_then(|end| rest.get(..end)).unwrap_or(rest);
    let (authority, tail) =
        url.find(['/', '?', '#']).and_then(|at| url.split_at_checked(at)).unwrap_or((url, ""));
    // An old runtime ends an unquoted URL with a colon.
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).trim_end_matches(':');
    let (_, query) = tail.split_once('?').unwrap_or_default();
    is_host(host).then(|| NamedRequest {
        host,
        names_a_mirror: query.split('&').any(|pair| pair.starts_with("ns=")),
        service: query
            .split('&')
            .find_map(|pair| pair.strip_prefix("service="))
            .map(|service| service.trim_end_matches(':'))
            .filter(|service| is_host(service) && service.contains('.') && !service.contains(':')),
    })
}

/// The words of an error without what was filled in: quoted texts, URLs, references, hosts and paths. An image can be
/// called anything, and its name must not be taken for an error.
pub(super) fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut is_quoted = false;
    for token in text.split_inclusive([' ', '\n']) {
        let marks = token.matches('"').count() - token.matches("\\\"").count();
        let was_quoted = is_quoted;
        is_quoted ^= marks % 2 == 1;
        let is_filled_in = was_quoted || marks > 0 || is_name(token.trim_end());
        if is_filled_in {
            words.push_str(
                token
                    .trim_end()
                    .rfind(':')
                    .filter(|at| at + 1 == token.trim_end().len())
                    .map_or(" ", |_| ": "),
            );
        } else {
            words.push_str(token);
        }
    }
    words
}

/// Whether a word of an error is a host, a path, a reference or a URL, and not one of Go's own words that look like one.
fn is_name(word: &str) -> bool {
    const WORDS: [&str; 5] = ["i/o", "net/http:", "username/password:", "Client.Timeout", "(Client.Timeout"];
    let inside = word.trim_end_matches([':', ',', '.', ';', ')', ']']);
    inside.contains(['/', '.', ':']) && !WORDS.contains(&word) && !word.starts_with("text/")
}

/// The HTTP status of the answer that a text is about.
pub(super) fn status<'t>(text: &'t str) -> Option<u16> {
    let of_registry = after(text, "invalid status code from registry ").and_then(three_digits);
    let mut after_marks =
        ["unexpected status", "failed with status code", "unexpected HTTP status", "StatusCode"]
            .into_iter()
            .filter_map(|mark| after(text, mark));
    let after_colons = |text: &'t str| text.match_indices(": ").filter_map(|(at, _)| text.get(at + 2..));
    // A text that was cut can still have the status with its name.
    let is_named = |text: &&str| {
        text.get(3..).is_some_and(|name| name.starts_with([' ']) && is_capital(name.trim_start()))
    };
    of_registry
        .or_else(|| after_marks.find_map(|rest| after_colons(rest).find_map(three_digits)))
        .or_else(|| after_colons(text).filter(is_named).find_map(three_digits))
        .filter(|status| (100..600).contains(status))
}

fn is_capital(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
}

/// A number of three digits at the beginning of a text.
fn three_digits(text: &str) -> Option<u16> {
    let digits = text.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let follows = text.get(3..)?.chars().next();
    follows.is_none_or(|c| !c.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The host before the first slash or space, if it is one.
pub(super) fn host_at_start(text: &str) -> Option<&str> {
    let end = text.find(['/', ' ', '"', '\n']).unwrap_or(text.len());
    let host = text.get(..end)?.trim_end_matches(':');
    (is_host(host) && (host.contains(['.', ':']) || host == "localhost")).then_some(host)
}

/// Whether a text may be shown as a host: the characters that hosts have, and no others.
pub(super) fn is_host(text: &str) -> bool {
    (1..=260).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_found_in_every_form() {
        for (text, host, names_a_mirror, service) in [
            (r#"Head "https://r.example.com:5000/v2/a/manifests/1": EOF"#, "r.example.com:5000", false, None),
            (
                "status from HEAD request to https://m.example.com/v2/a/manifests/1?ns=docker.io: 401",
                "m.example.com",
                true,
                None,
            ),
            ("Get https://registry-1.docker.io/v2/: net/http: timeout", "registry-1.docker.io", false, None),
            (
                r#"(last URL "https://auth.example.com/token?account=bob&ns2=1", body"#,
                "auth.example.com",
                false,
                None,
            ),
            (r#"Post "https://u:p@auth.example.com/token": EOF"#, "auth.example.com", false, None),
            (
                "unexpected status code https://r.example.com/v2/a/blobs/sha256:0: 403 Forbidden",
                "r.example.com",
                false,
                None,
            ),
            (
                "GET request to https://auth.example.com/token?scope=x&service=r.example.com: 401 Unauthorized",
                "auth.example.com",
                false,
                Some("r.example.com"),
            ),
            (
                "GET request to https://auth.example.com/token?service=registry.aliyuncs.com:cn-hangzhou:26842: 401 Unauthorized",
                "auth.example.com",
                false,
                None,
            ),
        ] {
            let expected = NamedRequest { host, names_a_mirror, service };
            assert_eq!(request(text), Some(expected), "{text}");
        }
        assert_eq!(request("see https://www.docker.com/increase-rate-limit"), None);
    }

    #[test]
    fn the_status_is_read_after_the_url() {
        for (text, expected) in [
            (
                "unexpected status from HEAD request to https://r.example.com:5000/v2/a/manifests/1: 401 Unauthorized",
                Some(401),
            ),
            ("pulling from host r failed with status code [manifests 1]: 429 Too Many Requests", Some(429)),
            ("unexpected status: 403 Forbidden", Some(403)),
            ("received unexpected HTTP status: 500 Internal Server Error", Some(500)),
            ("fetching blob: StatusCode: 403, \"<?xml\"", Some(403)),
            ("failed to fetch anonymous token: 401 Unauthorized", Some(401)),
            ("unexpected status: 40311", None),
            ("exit status: 127", None),
            ("not found", None),
        ] {
            assert_eq!(status(text), expected, "{text}");
        }
    }

    #[test]
    fn names_are_no_words_of_an_error() {
        for (text, expected) in [
            (
                r#"failed to resolve reference "x509.example.com/denied:1": not found"#,
                "failed to resolve reference : not found",
            ),
            (
                "reading manifest 1 in denied.example.com/team/app: manifest unknown",
                "reading manifest 1 in : manifest unknown",
            ),
            (
                r#"Head "https://no.such.host/v2/": dial tcp 10.0.0.1:443: i/o timeout"#,
                "Head : dial tcp : i/o timeout",
            ),
            (r#"body start "<html>not found</html>"): bad"#, "body start : bad"),
            (r#"a "b \" c" d"#, "a   d"),
        ] {
            let words = words(text);
            assert_eq!(
                words.split_whitespace().collect::<Vec<_>>(),
                expected.split_whitespace().collect::<Vec<_>>(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_quoted_text_ends_at_its_own_mark() {
        assert_eq!(quoted(r#""a\"b": rest"#), Some((r#"a\"b"#, ": rest")));
        assert_eq!(quoted(r#""open"#), None);
    }
}
