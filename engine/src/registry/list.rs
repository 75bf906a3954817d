//! The operator's lists of hosts.

use super::glob::{HostGlob, is_glob};
use super::key::{DOCKER_HUB_HOSTS, Key};
use super::parts::{Port, is_bracketed_ipv6, normalise_host, split_port};

/// Hosts, and globs over hosts, as an operator lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostList {
    patterns: Vec<HostPattern>,
}

/// One pattern of a [`HostList`]: `host[:port]`, where each label of the host may be a glob. Port 443 and an empty
/// port count as none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    host: String,
    glob: HostGlob,
    port: Port,
}

/// Why a text is no pattern for a host list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostPatternError {
    /// Nothing.
    Empty,
    /// A scheme, path, user-info or white space: only `host[:port]` is compared.
    NotAHost,
    /// A port that is no number up to 65535.
    Port,
    /// A glob that can match nothing, such as `[abc`.
    Glob,
}

impl HostPattern {
    /// Reads `host[:port]`.
    ///
    /// # Errors
    /// When the text is no such pattern.
    pub fn parse(text: &str) -> Result<HostPattern, HostPatternError> {
        if text.is_empty() {
            return Err(HostPatternError::Empty);
        }
        if text.contains(['/', '@', '#', ',', '%'])
            || text.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(HostPatternError::NotAHost);
        }
        let (host, port) = split_port(text);
        let host = normalise_host(host).into_owned();
        let glob = HostGlob::new(&host);
        match port.compared() {
            Port::Invalid => Err(HostPatternError::Port),
            _ if host.is_empty() => Err(HostPatternError::NotAHost),
            _ if glob.is_malformed() && !is_bracketed_ipv6(&host) => Err(HostPatternError::Glob),
            port => Ok(HostPattern { host, glob, port }),
        }
    }

    /// Whether this exact host fits.
    fn fits(&self, host: &str) -> bool {
        if is_glob(&self.host) && !is_bracketed_ipv6(&self.host) {
            self.glob.intersects(&HostGlob::literal(host))
        } else {
            self.host == host
        }
    }

    /// See [`HostList::regex`].
    fn regex(&self) -> String {
        let is_hub = DOCKER_HUB_HOSTS.iter().any(|spelling| self.fits(spelling));
        let spellings: &[&str] = if is_hub { &DOCKER_HUB_HOSTS } else { &[] };
        let literal = |host: &&str| host.replace('.', "[.]");
        let mut hosts: Vec<_> = spellings.iter().map(literal).collect();
        hosts.push(if is_bracketed_ipv6(&self.host) {
            self.host.replace('[', r"\[").replace(']', r"\]")
        } else {
            glob_regex(&self.host)
        });
        let port = match self.port {
            Port::Number(port) => format!(":{port}"),
            Port::None | Port::Empty | Port::Invalid => String::new(),
        };
        format!("(?:{}){port}", hosts.join("|"))
    }

    /// Whether the host fits, Docker Hub's spellings being one.
    fn fits_any_spelling(&self, host: &str) -> bool {
        self.fits(host)
            || (DOCKER_HUB_HOSTS.contains(&host)
                && DOCKER_HUB_HOSTS.iter().any(|spelling| self.fits(spelling)))
    }

    /// Whether some host fits both this pattern and a key's glob.
    fn meets(&self, key: &HostGlob) -> bool {
        let hub = || DOCKER_HUB_HOSTS.iter();
        let meets_hub = || {
            hub().any(|spelling| self.fits(spelling))
                && hub().any(|host| key.intersects(&HostGlob::literal(host)))
        };
        key.intersects(&self.glob) || meets_hub()
    }
}

/// A host of globs as a regular expression.
fn glob_regex(host: &str) -> String {
    let mut regex = String::new();
    let mut chars = host.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => regex.push_str("[^.:]*"),
            '?' => regex.push_str("[^.:]"),
            '[' => {
                regex.push('[');
                let class = chars.as_str();
                if class.starts_with('^') {
                    chars.next();
                    regex.push_str("^.:");
                }
            }
            ']' | '-' => regex.push(c),
            '\\' => regex.extend(['\\'].into_iter().chain(chars.next())),
            c if c.is_ascii_punctuation() => regex.extend(['\\', c]),
            c => regex.push(c),
        }
    }
    regex
}

impl FromIterator<HostPattern> for HostList {
    fn from_iter<I: IntoIterator<Item = HostPattern>>(patterns: I) -> Self {
        HostList { patterns: patterns.into_iter().collect() }
    }
}

impl HostList {
    /// Whether the list holds no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether all that the key stands for is on the list: a key that is itself a glob must equal a pattern.
    pub(crate) fn allows(&self, key: &Key<'_>) -> bool {
        if self.is_empty() {
            return false;
        }
        let mut globs = key.globs().peekable();
        if globs.peek().is_none() {
            return self.at(key.port()).any(|pattern| pattern.fits_any_spelling(key.host()));
        }
        globs.all(|glob| self.at(glob.port).any(|pattern| pattern.host == glob.host))
    }

    /// Whether anything that the key stands for is on the list: a key that is itself a glob need only be able to
    /// match.
    pub(crate) fn touches(&self, key: &Key<'_>) -> bool {
        if self.is_empty() {
            return false;
        }
        self.at(key.port()).any(|pattern| pattern.fits_any_spelling(key.host()))
            || key.globs().any(|glob| {
                let labels = glob.labels();
                self.at(glob.port).any(|pattern| pattern.meets(&labels))
            })
    }

    /// The hosts on the list as a regular expression over `host` or `host:port`, without anchors, for hosts that are no
    /// globs: lower case, without port 443 and a trailing dot.
    pub(crate) fn regex(&self) -> String {
        let alternatives: Vec<_> = self.patterns.iter().map(HostPattern::regex).collect();
        alternatives.join("|")
    }

    /// The patterns for a port.
    fn at(&self, port: Port) -> impl Iterator<Item = &HostPattern> {
        self.patterns.iter().filter(move |pattern| pattern.port == port.compared())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(patterns: &[&str]) -> HostList {
        patterns.iter().map(|pattern| HostPattern::parse(pattern).unwrap()).collect()
    }

    #[test]
    fn hosts_are_compared_with_their_port() {
        for (pattern, key, allowed) in [
            ("r.example.com", "https://R.example.com:443/v2/", true),
            ("r.example.com:443", "r.example.com", true),
            ("r.example.com", "r.example.com:", true),
            ("r.example.com", "r.example.com:5000", false),
            ("r.example.com:5000", "r.example.com:5000/team", true),
            ("*.example.com", "r.example.com", true),
            ("*.example.com", "a.r.example.com", false),
            ("*.example.com", "*.example.com", true),
            ("*.*.com", "*.example.com", false),
            ("docker.io", "registry-1.docker.io", true),
            ("*.docker.io", "docker.io", true),
            ("[::1]:5000", "[::1]:5000", true),
            ("r.example.com", "r.example.com?x", false),
            ("*.example.com", "*.example.com?x", false),
        ] {
            assert_eq!(list(&[pattern]).allows(&Key::parse(key)), allowed, "{pattern} and {key}");
        }
    }

    #[test]
    fn regular_expression_is_the_list() {
        let hosts = [
            "r.example.com",
            "r.example.com:5000",
            "rx.example.com",
            "a.example.com:5000",
            "d.example.com",
            "a.r.example.com",
            "r.example.org:5000",
            "1:5000",
            "docker.io",
            "registry-1.docker.io",
            "docker.io:5000",
        ];
        for pattern in [
            "r.example.com",
            "R.example.com:5000",
            "*.example.com",
            "*.example.com:5000",
            "*.example.*",
            "r?.example.com",
            "[a-c].example.com:5000",
            "[^a].example.com",
            "*",
            "*:5000",
            "[::1]:5000",
            "docker.io",
            "*.docker.io",
        ] {
            let list = list(&[pattern]);
            let regex = regex::Regex::new(&format!("^(?:{})$", list.regex())).unwrap();
            for host in hosts {
                assert_eq!(regex.is_match(host), list.allows(&Key::parse(host)), "{pattern} and {host}");
            }
        }
    }

    #[test]
    fn a_glob_is_denied_where_it_could_match() {
        for (pattern, key, touched) in [
            ("old.example.com", "*.example.com", true),
            ("old.example.com", "*.example.com:5000", false),
            ("old.example.com", "ol?.example.com", true),
            ("old.example.com", "ol?.example.com:5000", false),
            ("old.example.com:5000", "ol?.example.com:5000", true),
            ("old.example.com", "*.example.com?x=1", true),
            ("*.old.example.com", "a.*.example.com", true),
            ("old.example.com", "new.example.com", false),
            ("docker.io", "*.docker.io", true),
            ("old.example.com", "bot:1@old.example.com/x", true),
        ] {
            assert_eq!(list(&[pattern]).touches(&Key::parse(key)), touched, "{pattern} and {key}");
        }
    }

    #[test]
    fn a_pattern_is_a_host_and_a_port() {
        for (text, error) in [
            ("", HostPatternError::Empty),
            ("https://r.example.com", HostPatternError::NotAHost),
            ("r.example.com/team", HostPatternError::NotAHost),
            ("u@r.example.com", HostPatternError::NotAHost),
            ("r.example.com ", HostPatternError::NotAHost),
            (":5000", HostPatternError::NotAHost),
            ("r.example.com:99999", HostPatternError::Port),
            ("[abc.example.com", HostPatternError::Glob),
        ] {
            assert_eq!(HostPattern::parse(text), Err(error), "{text}");
        }
    }
}
