//! Tokens of a token server (distribution's spec/auth/token.md and oauth.md).

use form_urlencoded::Serializer;
use http::Method;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::credential::Credential;
use super::exchange::{Ask, Reply};
use super::realm::TokenServer;

/// The name by which the program is known to a token server.
const CLIENT_ID: &str = "regcred";

impl TokenServer {
    /// The request for a token, of `scope` or of no scope. A username and a password are sent once, by GET: the POST of OAuth 2.0 that
    /// containerd tries first would be a second failed login wherever a server only knows GET. An identity token can only be sent
    /// by POST.
    pub(super) fn ask(&self, scope: Option<&str>, credential: Option<&Credential>) -> Ask {
        if let Some(Credential::IdentityToken(token)) = credential {
            let mut form = Serializer::new(String::with_capacity(2 * token.len() + 256));
            form.append_pair("grant_type", "refresh_token");
            form.append_pair("client_id", CLIENT_ID);
            self.append(&mut form, scope);
            form.append_pair("refresh_token", token);
            let mut ask = Ask::new(Method::POST, self.target.clone());
            ask.form = Some(Zeroizing::new(form.finish()));
            return ask;
        }
        let mut query = Serializer::new(String::new());
        self.append(&mut query, scope);
        let query = query.finish();
        let separator = match query.is_empty() {
            true => "",
            false if self.target.contains('?') => "&",
            false => "?",
        };
        let mut ask = Ask::new(Method::GET, format!("{}{separator}{query}", self.target));
        ask.authorization = credential.and_then(Credential::basic);
        ask
    }

    fn append(&self, form: &mut Serializer<'_, String>, scope: Option<&str>) {
        if let Some(service) = &self.service {
            form.append_pair("service", service);
        }
        if let Some(scope) = scope {
            form.append_pair("scope", scope);
        }
    }
}

/// Returns the token in a response.
pub(super) fn token(reply: &Reply) -> Option<Zeroizing<String>> {
    #[derive(Deserialize)]
    struct TokenJson {
        #[serde(default)]
        token: Option<Zeroizing<String>>,
        #[serde(default)]
        access_token: Option<Zeroizing<String>>,
    }
    let read: TokenJson = serde_json::from_slice(&reply.body).ok().filter(|_| reply.is_whole)?;
    let some = |token: Option<Zeroizing<String>>| token.filter(|token| !token.is_empty());
    some(read.token).or_else(|| some(read.access_token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::site::{NamedHosts, Site};

    fn server(target: &str) -> TokenServer {
        let site = Site::of_registry("auth.example.com", &NamedHosts::default());
        TokenServer { site, target: target.to_owned(), service: Some("r.example.com".to_owned()) }
    }

    #[test]
    fn passwords_are_sent_by_get_and_identity_tokens_by_post() {
        let bytes = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        let password = Credential::Password { username: bytes("u"), password: bytes("p") };
        let ask = server("/token").ask(Some("repository:a/b:pull"), Some(&password));
        assert_eq!((ask.method, ask.form), (Method::GET, None));
        assert_eq!(ask.target, "/token?service=r.example.com&scope=repository%3Aa%2Fb%3Apull");
        assert_eq!(ask.authorization.unwrap(), "Basic dTpw");
        assert_eq!(server("/token?x=y").ask(None, None).target, "/token?x=y&service=r.example.com");

        let identity = Credential::IdentityToken(Zeroizing::new("to/ken".to_owned()));
        let ask = server("/token").ask(None, Some(&identity));
        assert_eq!((ask.method, ask.authorization), (Method::POST, None));
        assert_eq!(ask.target, "/token");
        let form = "grant_type=refresh_token&client_id=regcred&service=r.example.com&refresh_token=to%2Fken";
        assert_eq!(ask.form.unwrap().as_str(), form);
    }
}
