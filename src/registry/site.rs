//! Where a request goes: scheme, host and port.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::address::Reach;

/// A server that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Site {
    /// In lower case; an IPv6 address without brackets.
    host: String,
    port: u16,
    /// Plain HTTP.
    pub(super) plain: bool,
}

/// The hosts that the user named on the command line.
#[derive(Clone, Debug, Default)]
pub struct NamedHosts {
    /// Asked over plain HTTP: `HOST` or `HOST:PORT`.
    pub plain_http: Vec<String>,
    /// Accepted as token servers of any registry: `HOST` or `HOST:PORT`.
    pub allowed_realms: Vec<String>,
}

impl NamedHosts {
    fn has(list: &[String], host: &str, port: u16) -> bool {
        list.iter().any(|named| {
            let (name, named_port) = split_port(named);
            name.eq_ignore_ascii_case(host) && named_port.is_none_or(|named_port| named_port == port)
        })
    }

    /// Whether a server is asked over plain HTTP. Port 80 is the default then.
    fn is_plain(&self, host: &str, port: Option<u16>) -> bool {
        Self::has(&self.plain_http, host, port.unwrap_or(80))
    }

    /// Whether the user allowed a token server.
    pub(super) fn allows_realm(&self, site: &Site) -> bool {
        Self::has(&self.allowed_realms, &site.host, site.port)
    }
}

impl Site {
    /// Returns the registry at `HOST[:PORT]`, as it is written in image names.
    pub(super) fn of_registry(authority: &str, named: &NamedHosts) -> Site {
        let (host, port) = split_port(authority);
        let host = host.to_ascii_lowercase();
        let plain = named.is_plain(&host, port);
        Site { host, port: port.unwrap_or(if plain { 80 } else { 443 }), plain }
    }

    /// Returns the server of an absolute URL. `None` for anything but `https://HOST…`, and `http://HOST…` of a host that the
    /// user named for it; user-info is not accepted.
    pub(super) fn of_url(url: &http::Uri, named: &NamedHosts) -> Option<Site> {
        let authority = url.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let (host, port) = split_port(authority.as_str());
        let host = host.to_ascii_lowercase();
        let plain = match url.scheme_str()? {
            "https" => false,
            "http" if named.is_plain(&host, port) => true,
            _ => return None,
        };
        let port = port.unwrap_or(if plain { 80 } else { 443 });
        (!host.is_empty()).then_some(Site { host, port, plain })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Which addresses it may have.
    pub(super) fn reach(&self) -> Reach {
        Reach::of(&self.host)
    }

    /// The address, if the host is one.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The site as a URL without a path.
    pub(super) fn url(&self) -> String {
        format!("{}://{self}", if self.plain { "http" } else { "https" })
    }
}

impl fmt::Display for Site {
    /// As in a `Host` header: without the default port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.parse::<Ipv6Addr>().is_ok() {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        match (self.port, self.plain) {
            (443, false) | (80, true) => Ok(()),
            (port, _) => write!(f, ":{port}"),
        }
    }
}

/// Splits `HOST[:PORT]`. Brackets of an IPv6 address are removed.
fn split_port(authority: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_asked_over_https_unless_named() {
        let named = NamedHosts {
            plain_http: vec!["plain.example.com".to_owned(), "r.example.com:5000".to_owned()],
            ..NamedHosts::default()
        };
        for (registry, url) in [
            ("r.example.com", "https://r.example.com"),
            ("r.example.com:443", "https://r.example.com"),
            ("r.example.com:5000", "http://r.example.com:5000"),
            ("r.example.com:5001", "https://r.example.com:5001"),
            ("Plain.example.com", "http://plain.example.com"),
            ("plain.example.com:8080", "http://plain.example.com:8080"),
            ("[::1]:5000", "https://[::1]:5000"),
        ] {
            assert_eq!(Site::of_registry(registry, &named).url(), url, "{registry}");
        }
    }

    #[test]
    fn only_https_urls_without_user_info_are_servers() {
        let named = NamedHosts { plain_http: vec!["127.0.0.1:5000".to_owned()], ..NamedHosts::default() };
        for (url, site) in [
            ("https://auth.example.com/token", Some("auth.example.com")),
            ("https://auth.example.com:8443/token?x=y", Some("auth.example.com:8443")),
            ("http://127.0.0.1:5000/token", Some("127.0.0.1:5000")),
            ("http://auth.example.com/token", None),
            ("https://user:word@auth.example.com/token", None),
            ("ftp://auth.example.com/token", None),
            ("/token", None),
        ] {
            let found = Site::of_url(&url.parse().unwrap(), &named).map(|site| site.to_string());
            assert_eq!(found.as_deref(), site, "{url}");
        }
    }
}
