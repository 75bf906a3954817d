//! The credentials of an entry, as they are sent.

use std::hash::{BuildHasher, Hash, RandomState};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use zeroize::{Zeroize as _, Zeroizing};

/// What logs in. There is no `Debug`.
#[derive(Clone)]
pub enum Credential {
    /// A username and a password, as the kubelet reads them.
    Password {
        /// The username.
        username: Zeroizing<Vec<u8>>,
        /// The password.
        password: Zeroizing<Vec<u8>>,
    },
    /// docker's identity token: a refresh token for the token server.
    IdentityToken(Zeroizing<String>),
}

impl Credential {
    /// A mark by which equal credentials are recognized within one run, without holding them.
    pub(super) fn mark(&self, hasher: &RandomState) -> u64 {
        struct Parts<'c>(&'c Credential);
        impl Hash for Parts<'_> {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                match self.0 {
                    Credential::Password { username, password } => {
                        (0, username.as_slice(), password.as_slice()).hash(state);
                    }
                    Credential::IdentityToken(token) => (1, token.as_bytes()).hash(state),
                }
            }
        }
        hasher.hash_one(Parts(self))
    }

    /// The value of `Authorization` for a username and a password.
    pub(super) fn basic(&self) -> Option<HeaderValue> {
        let Credential::Password { username, password } = self else { return None };
        let mut pair = Zeroizing::new(Vec::with_capacity(username.len() + 1 + password.len()));
        pair.extend_from_slice(username);
        pair.push(b':');
        pair.extend_from_slice(password);
        authorization("Basic ", &Zeroizing::new(STANDARD.encode(&*pair)))
    }
}

/// The value of `Authorization` for a token.
pub(super) fn bearer(token: &str) -> Option<HeaderValue> {
    authorization("Bearer ", token)
}

fn authorization(scheme: &str, value: &str) -> Option<HeaderValue> {
    let mut text = [scheme, value].concat();
    let header = HeaderValue::from_str(&text).ok();
    text.zeroize();
    let mut header = header?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(username: &str, password: &str) -> Credential {
        let bytes = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        Credential::Password { username: bytes(username), password: bytes(password) }
    }

    #[test]
    fn basic_is_as_in_rfc_7617() {
        // The example of RFC 7617, section 2.
        let header = password("Aladdin", "open sesame").basic().unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(header.is_sensitive());
        assert!(bearer("a\nb").is_none());
    }

    #[test]
    fn marks_are_equal_for_equal_credentials_only() {
        let hasher = RandomState::new();
        let mark = |credential: &Credential| credential.mark(&hasher);
        assert_eq!(mark(&password("a", "b")), mark(&password("a", "b")));
        assert_ne!(mark(&password("a", "b")), mark(&password("a", "c")));
        assert_ne!(mark(&password("ab", "c")), mark(&password("a", "bc")));
        let token = Credential::IdentityToken(Zeroizing::new("b".to_owned()));
        assert_ne!(mark(&token), mark(&password("", "b")));
    }
}
