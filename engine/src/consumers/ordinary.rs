//! Ordinary images of a registry key: the references that people write for the registry that the key means
//! (docs/rules.md, "Ordinary image").

use super::image::ImageRef;
use crate::registry::is_browser_page;

/// The few references that suffice to tell what finds a key; none if the key has no ordinary image.
#[must_use]
pub fn ordinary_images(key: &str) -> Vec<ImageRef> {
    let (authority, path) = split_key(key);
    // Any other host is a part of the path in the grammar of references.
    let is_image_host = |host: &String| host == "localhost" || host.contains(['.', ':']);
    let Some(host) = image_host(authority).filter(is_image_host) else { return Vec::new() };
    let Some(path) = compared_path(path).filter(|_| !is_browser_page(&host, path)) else { return Vec::new() };
    if path == "/v1" || path == "/v2" {
        return Vec::new();
    }
    ["", "x", "/x", "/x/y"]
        .into_iter()
        .map(|more| [&path, more].concat())
        .filter(|repository| repository.starts_with('/'))
        .filter(|repository| !matches!(repository.split('/').nth(1), Some("v1" | "v2")))
        .filter_map(|repository| ImageRef::parse(&[&*host, &repository].concat()))
        .filter(|image| image.host() == host)
        .collect()
}

/// Host and port without scheme and user-info, and the path up to a query or fragment.
fn split_key(key: &str) -> (&str, &str) {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
    };
    let after_scheme = key.split_once(':').filter(|(scheme, _)| is_scheme(scheme));
    let rest = after_scheme.and_then(|(_, rest)| rest.strip_prefix("//")).unwrap_or(key);
    let rest = rest.find(['?', '#']).and_then(|at| rest.get(..at)).unwrap_or(rest);
    let (authority, path) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
    (authority.rsplit_once('@').map_or(authority, |(_, host)| host), path)
}

/// The host that an image of the registry has: lower case, without the default port and a trailing dot.
fn image_host(authority: &str) -> Option<String> {
    let bracket = authority.find(']').map_or(0, |at| at + 1);
    let colon = authority.get(bracket..)?.find(':').map(|at| bracket + at);
    let (host, port) = match colon.and_then(|at| authority.split_at_checked(at)) {
        Some((host, ":" | ":443")) => (host, ""),
        Some((host, port)) => (host, port),
        None => (authority, ""),
    };
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let mut name = String::with_capacity(authority.len());
    for c in host.chars() {
        match c {
            '*' if name.ends_with('\0') => {}
            '*' => name.push('\0'),
            c => name.push(c),
        }
    }
    let name = name.replace('\0', "a");
    let name = if name == "index.docker.io" && port.is_empty() { "docker.io".to_owned() } else { name };
    Some(name + port)
}

/// The path as the kubelet compares it: it unescapes a key twice, and takes a leading `/v1/` or `/v2/` for `/` in
/// between. `None` if an escape is malformed or does not stand for text.
fn compared_path(path: &str) -> Option<String> {
    let path = unescape(path)?;
    let versioned = path.starts_with("/v1/") || path.starts_with("/v2/");
    let path = if versioned { path.get(3..)? } else { &path };
    let path = path.find(['?', '#']).and_then(|at| path.get(..at)).unwrap_or(path);
    let path = unescape(path)?;
    Some(if path == "/" { String::new() } else { path })
}

fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_images_are_what_people_write() {
        for (key, images) in [
            ("r.example.com", "r.example.com/x r.example.com/x/y"),
            ("https://u:p@R.example.com.:443/v2/", "r.example.com/x r.example.com/x/y"),
            ("r.example.com:", "r.example.com/x r.example.com/x/y"),
            (
                "r.example.com:50/a",
                "r.example.com:50/a r.example.com:50/ax r.example.com:50/a/x r.example.com:50/a/x/y",
            ),
            ("r.example.com/team.", "r.example.com/team.x"),
            ("r.example.com/%74eam/", "r.example.com/team/x"),
            ("index.docker.io", "docker.io/library/x docker.io/x/y"),
            ("*.**.example.com", "a.a.example.com/x a.a.example.com/x/y"),
            ("my_host.example.com", "my_host.example.com/x my_host.example.com/x/y"),
            ("[::1]:5000", "[::1]:5000/x [::1]:5000/x/y"),
            ("localhost", "localhost/x localhost/x/y"),
            ("*", ""),
            ("harbor", ""),
            ("my_host:5000", ""),
            ("a..b", ""),
            ("r.example.com/v1", ""),
            ("r.example.com/v1/v2", ""),
            ("r.example.com/Team", ""),
            ("quay.io/repository/team", ""),
            ("r.example.com/harbor/projects", ""),
            ("r.example.com//a", ""),
            ("r.example.com/%zz", ""),
        ] {
            let found: Vec<_> = ordinary_images(key).iter().map(ToString::to_string).collect();
            assert_eq!(found.join(" "), images, "{key}");
        }
    }
}
