//! Where the registry that a key names answers.

use super::key::{Key, KeyFault};

/// Docker Hub's registry API, which has a host of its own (docs/facts.md, "Docker Hub").
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// Where the registry that a key names answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// At this host and port, as in image names. For every spelling of Docker Hub it is `registry-1.docker.io`.
    Host(String),
    /// The key is a glob, or a word that is no host: only an image decides.
    DependsOnImage,
    /// The key contains credentials, which cannot always be told from the host.
    HasCredentials,
    /// The key names no registry.
    Invalid(KeyFault),
}

impl Endpoint {
    /// Returns the endpoint of a key, or of the registry in an image name.
    #[must_use]
    pub fn of(key: &str) -> Endpoint {
        let key = Key::parse(key);
        if key.has_credentials() {
            return Endpoint::HasCredentials;
        }
        if key.is_glob() {
            return Endpoint::DependsOnImage;
        }
        match key.fault() {
            Some(fault) => Endpoint::Invalid(fault),
            None if key.is_docker_hub() => Endpoint::Host(DOCKER_HUB_API.to_owned()),
            None if key.is_one_word() => Endpoint::DependsOnImage,
            None => Endpoint::Host(key.site().to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_is_the_host_that_the_key_names() {
        let host = |host: &str| Endpoint::Host(host.to_owned());
        for (key, endpoint) in [
            ("r.example.com", host("r.example.com")),
            ("https://R.example.com:443/v2/", host("r.example.com")),
            ("http://r.example.com:5000/team", host("r.example.com:5000")),
            ("[::1]:5000", host("[::1]:5000")),
            ("localhost", host("localhost")),
            ("localhost:5000", host("localhost:5000")),
            ("https://index.docker.io/v1/", host("registry-1.docker.io")),
            ("docker.io", host("registry-1.docker.io")),
            ("*.example.com", Endpoint::DependsOnImage),
            ("harbor", Endpoint::DependsOnImage),
            ("https://u:p@r.example.com", Endpoint::HasCredentials),
            ("u:12/34@r.example.com", Endpoint::HasCredentials),
            ("", Endpoint::Invalid(KeyFault::Empty)),
            ("r.example.com:x", Endpoint::Invalid(KeyFault::Port)),
        ] {
            assert_eq!(Endpoint::of(key), endpoint, "{key}");
        }
    }
}
