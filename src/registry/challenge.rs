//! How a registry asks for credentials (`WWW-Authenticate`; distribution's spec/auth/token.md).

use http_auth::{ChallengeRef, parse_challenges};

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// The username and password themselves.
    Basic {
        /// The name that the registry gives itself; empty if none.
        realm: String,
    },
    /// A token of this token server.
    Bearer(TokenService),
}

/// A token server, as a registry names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenService {
    /// The URL.
    pub(super) realm: String,
    pub(super) service: Option<String>,
    /// What the token must permit, if the registry says so.
    pub(super) scope: Option<String>,
}

impl Challenge {
    /// Reads the challenges of a response. Of several, `Bearer` is taken, as containerd does.
    pub(super) fn read<'a>(values: impl Iterator<Item = &'a str>) -> Option<Challenge> {
        let mut basic = None;
        for value in values {
            let Ok(challenges) = parse_challenges(value) else { continue };
            for challenge in &challenges {
                if challenge.scheme.eq_ignore_ascii_case("Bearer")
                    && let Some(realm) = parameter(challenge, "realm")
                {
                    return Some(Challenge::Bearer(TokenService {
                        realm,
                        service: parameter(challenge, "service").filter(|service| !service.is_empty()),
                        scope: parameter(challenge, "scope").filter(|scope| !scope.is_empty()),
                    }));
                }
                if challenge.scheme.eq_ignore_ascii_case("Basic") {
                    let realm = parameter(challenge, "realm").unwrap_or_default();
                    basic.get_or_insert(Challenge::Basic { realm });
                }
            }
        }
        basic
    }
}

fn parameter(challenge: &ChallengeRef<'_>, name: &str) -> Option<String> {
    let (_, value) = challenge.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(value.to_unescaped())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (service, scope) = (owned(service), owned(scope));
        Challenge::Bearer(TokenService { realm: realm.to_owned(), service, scope })
    }

    #[test]
    fn challenges_of_known_registries() {
        // The first is that of Docker Hub, the second of Alibaba ACR, the third of distribution with htpasswd.
        for (values, challenge) in [
            (
                &[r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#][..],
                Some(bearer("https://auth.docker.io/token", Some("registry.docker.io"), None)),
            ),
            (
                &[
                    r#"Bearer realm="https://dockerauth.cn-hangzhou.aliyuncs.com/auth",service="registry.aliyuncs.com:cn-hangzhou:26842""#,
                ],
                Some(bearer(
                    "https://dockerauth.cn-hangzhou.aliyuncs.com/auth",
                    Some("registry.aliyuncs.com:cn-hangzhou:26842"),
                    None,
                )),
            ),
            (
                &[r#"Basic realm="Registry Realm""#],
                Some(Challenge::Basic { realm: "Registry Realm".to_owned() }),
            ),
            (
                &[r#"Basic realm="x", bearer REALM="https://a/t", scope="repository:a/b:pull,push""#],
                Some(bearer("https://a/t", None, Some("repository:a/b:pull,push"))),
            ),
            (&["Basic realm=x", r#"Bearer realm="https://a/t""#], Some(bearer("https://a/t", None, None))),
            (&["Bearer"], None),
            (&["Bearer realm"], None),
            (&["Negotiate"], None),
            (&[], None),
        ] {
            assert_eq!(Challenge::read(values.iter().copied()), challenge, "{values:?}");
        }
    }
}
