//! The first contact with a registry, and the login without scope, as `docker login` does it.

use http::{Method, StatusCode};

use super::attempts::Spending;
use super::challenge::{Challenge, TokenService};
use super::credential::{Credential, bearer};
use super::exchange::{Ask, Reply};
use super::outcome::{Conclusion, VerifyOutcome};
use super::realm::TokenServer;
use super::session::Session;
use super::site::Site;
use super::state::{Contact, LoggedIn};
use super::token::token;
use super::vendor::Vendor;
use super::words;

impl Session {
    /// Asks a registry how it wants to be asked, once in a run.
    pub(super) async fn contact(&mut self, site: &Site) -> Result<Contact, Conclusion> {
        if let Some(known) = &self.registry(site).contact {
            return known.clone();
        }
        let contact = match self.ask(site, &Ask::new(Method::GET, "/v2/"), None).await {
            Ok(reply) => contact_of(site, &reply),
            Err(conclusion) => {
                let advice = Vendor::of(site.host(), None).advice(conclusion.outcome);
                Err(conclusion.and_if(advice))
            }
        };
        self.registry(site).contact = Some(contact.clone());
        contact
    }

    /// The conclusion if only a login can be tried.
    pub(super) async fn login_only(
        &mut self,
        site: &Site,
        contact: &Contact,
        credential: &Credential,
    ) -> Conclusion {
        let Some(challenge) = &contact.challenge else {
            return Conclusion::new(
                VerifyOutcome::AnonymousSuffices,
                "The registry does not ask for a login, so the credentials cannot be tried without an image.",
                "该仓库不要求登录，因此没有镜像就无法验证凭据。",
            );
        };
        match self.login(site, contact.vendor, challenge, credential).await {
            Ok(LoggedIn::Accepted) => Conclusion::new(
                VerifyOutcome::Valid,
                "The registry accepts the credentials. This says nothing about single repositories: use --image for that.",
                "该仓库接受这些凭据。这并不说明能拉取具体的镜像：请用 --image 验证。",
            ),
            Ok(LoggedIn::TokenOnly) => Conclusion::undecided(
                "The token server accepts the credentials, but the registry does not accept its token: use --image.",
                "令牌服务接受这些凭据，但仓库不接受其令牌：请用 --image 验证。",
            ),
            Err(conclusion) => conclusion,
        }
    }

    /// Logs in without scope, once for the same credentials.
    pub(super) async fn login(
        &mut self,
        site: &Site,
        vendor: Vendor,
        challenge: &Challenge,
        credential: &Credential,
    ) -> Result<LoggedIn, Conclusion> {
        let mark = credential.mark(&self.hasher);
        if let Some(known) = self.registry(site).logins.get(&mark) {
            return known.clone();
        }
        let login = match challenge {
            Challenge::Basic { .. } => self.basic_login(site, vendor, credential).await,
            Challenge::Bearer(service) => self.token_login(site, vendor, service, credential).await,
        };
        self.registry(site).logins.insert(mark, login.clone());
        login
    }

    async fn basic_login(
        &mut self,
        site: &Site,
        vendor: Vendor,
        credential: &Credential,
    ) -> Result<LoggedIn, Conclusion> {
        let Some(authorization) = credential.basic() else { return Err(token_without_server()) };
        let ask = Ask { authorization: Some(authorization), ..Ask::new(Method::GET, "/v2/") };
        let reply = self.ask(site, &ask, Some(&Spending { registry: site })).await?;
        match reply.status {
            StatusCode::OK => Ok(LoggedIn::Accepted),
            _ => Err(self.not_accepted(site, site, &reply, vendor)),
        }
    }

    async fn token_login(
        &mut self,
        site: &Site,
        vendor: Vendor,
        service: &TokenService,
        credential: &Credential,
    ) -> Result<LoggedIn, Conclusion> {
        let server = TokenServer::of(site, service, &self.options.named)
            .map_err(|error| words::untrusted_realm(&error))?;
        let ask = server.ask(None, Some(credential));
        let reply = self.ask(&server.site, &ask, Some(&Spending { registry: site })).await?;
        if reply.status == StatusCode::BAD_REQUEST && matches!(credential, Credential::IdentityToken(_)) {
            // `invalid_grant` (RFC 6749, section 5.2).
            return Err(refused(&server.site, &words::status(&reply), vendor));
        }
        if reply.status != StatusCode::OK {
            return Err(self.not_accepted(site, &server.site, &reply, vendor));
        }
        let Some(authorization) = token(&reply).and_then(|token| bearer(&token)) else {
            return Err(no_token(&server.site));
        };
        let ask = Ask { authorization: Some(authorization), ..Ask::new(Method::GET, "/v2/") };
        match self.ask(site, &ask, None).await {
            Ok(reply) if matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Ok(LoggedIn::TokenOnly)
            }
            Ok(reply) => match words::general(site, &reply, vendor) {
                Some(conclusion) => Err(self.stopped_by(site, conclusion)),
                None => Ok(LoggedIn::Accepted),
            },
            Err(conclusion) => Err(conclusion),
        }
    }

    /// The conclusion of a request with credentials that did not succeed. `asked` is the registry or its token server.
    pub(super) fn not_accepted(
        &mut self,
        registry: &Site,
        asked: &Site,
        reply: &Reply,
        vendor: Vendor,
    ) -> Conclusion {
        let said = words::status(reply);
        if let Some(conclusion) = words::general(asked, reply, vendor) {
            return self.stopped_by(registry, conclusion);
        }
        if reply.status == StatusCode::FORBIDDEN && vendor.bans_with_403() && reply.error_code().is_none() {
            return self.stopped_by(registry, words::locked_out(asked, &said, vendor));
        }
        match reply.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => refused(asked, &said, vendor),
            _ => words::unexpected(asked, reply),
        }
    }

    /// Remembers that a registry must not be asked again, if the conclusion says so.
    pub(super) fn stopped_by(&mut self, registry: &Site, conclusion: Conclusion) -> Conclusion {
        if matches!(conclusion.outcome, VerifyOutcome::RateLimited | VerifyOutcome::LockedOut) {
            self.registry(registry).stopped = Some(conclusion.clone());
        }
        conclusion
    }
}

/// What the answer to `GET /v2/` without credentials shows.
fn contact_of(site: &Site, reply: &Reply) -> Result<Contact, Conclusion> {
    let challenge = Challenge::read(reply.challenges());
    let vendor = Vendor::of(site.host(), challenge.as_ref());
    if let Some(conclusion) = words::general(site, reply, vendor) {
        return Err(conclusion);
    }
    let said = words::status(reply);
    match reply.status {
        StatusCode::UNAUTHORIZED if challenge.is_some() => Ok(Contact { challenge, vendor }),
        StatusCode::OK if !reply.is_html() => Ok(Contact { challenge: None, vendor }),
        StatusCode::FORBIDDEN if !reply.is_html() => Err(Conclusion::new(
            VerifyOutcome::LockedOut,
            format!(
                "{site} refuses this address before any login ({said}): it has banned it, as GitLab does after failed logins, or a firewall \
                 does."
            ),
            format!("{site} 在登录之前就拒绝了该地址（{said}）：可能因登录失败被封禁（如 GitLab），或被防火墙拦截。"),
        )
        .and_if(vendor.advice(VerifyOutcome::LockedOut))),
        _ => Err(Conclusion::new(
            VerifyOutcome::NotARegistry,
            format!("{site} is not a registry: it answers GET /v2/ with {said}."),
            format!("{site} 不是镜像仓库：它对 GET /v2/ 的应答是 {said}。"),
        )),
    }
}

fn refused(asked: &Site, said: &str, vendor: Vendor) -> Conclusion {
    Conclusion::new(
        VerifyOutcome::Refused,
        format!("{asked} refuses the credentials ({said})."),
        format!("{asked} 拒绝了这些凭据（{said}）。"),
    )
    .and_if(vendor.advice(VerifyOutcome::Refused))
}

fn token_without_server() -> Conclusion {
    Conclusion::undecided(
        "The entry has only an identity token, which needs a token server; this registry wants a username and password.",
        "该条目只有 identity token，需要令牌服务；而该仓库要求用户名和密码。",
    )
}

/// The conclusion if a token server answers 200 without a usable token.
pub(super) fn no_token(server: &Site) -> Conclusion {
    Conclusion::undecided(
        format!("{server} answers the login with something that is not a token, or too long."),
        format!("{server} 对登录的应答不是令牌，或者过长。"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::session::VerifyOptions;
    use crate::registry::site::NamedHosts;

    const BEARER: (&str, &str) =
        ("www-authenticate", r#"Bearer realm="https://r.example.com/token",service="r.example.com""#);
    const GITLAB: (&str, &str) = (
        "www-authenticate",
        r#"Bearer realm="https://gitlab.example.com/jwt/auth",service="container_registry""#,
    );
    const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");
    const DENIED: &str = r#"{"errors":[{"code":"DENIED","message":"made up"}]}"#;
    const TOO_MANY: &str = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"made up"}]}"#;
    const LOCKED: &str = "toomanyrequests: too many failed login attempts for username or IP address";

    fn site() -> Site {
        Site::of_registry("r.example.com", &NamedHosts::default())
    }

    #[test]
    fn what_the_first_contact_shows() {
        for (status, headers, body, outcome) in [
            (401, &[BEARER][..], "", None),
            (401, &[("www-authenticate", "Basic realm=\"x\"")], "", None),
            (200, &[], "", None),
            (200, &[HTML], "", Some(VerifyOutcome::NotARegistry)),
            (401, &[], "", Some(VerifyOutcome::NotARegistry)),
            (404, &[], "", Some(VerifyOutcome::NotARegistry)),
            (403, &[HTML], "", Some(VerifyOutcome::NotARegistry)),
            (403, &[], "", Some(VerifyOutcome::LockedOut)),
            (429, &[], TOO_MANY, Some(VerifyOutcome::RateLimited)),
            (429, &[], LOCKED, Some(VerifyOutcome::LockedOut)),
            (503, &[("retry-after", "60")], "", Some(VerifyOutcome::RateLimited)),
            (503, &[], "", Some(VerifyOutcome::Unreachable)),
            (307, &[("location", "https://elsewhere.example.net/")], "", Some(VerifyOutcome::Undecided)),
        ] {
            let contact = contact_of(&site(), &Reply::made_up(status, headers, body));
            assert_eq!(
                contact.err().map(|conclusion| conclusion.outcome),
                outcome,
                "{status} {headers:?} {body}"
            );
        }
    }

    #[test]
    fn what_a_failed_login_shows() {
        let options = VerifyOptions {
            named: NamedHosts::default(),
            ca: None,
            timeout: std::time::Duration::from_secs(1),
            max_failures: 3,
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        let mut session = Session::new(options).ok().unwrap();
        for (status, challenge, body, outcome) in [
            (401, BEARER, "", VerifyOutcome::Refused),
            (403, BEARER, DENIED, VerifyOutcome::Refused),
            (403, BEARER, "", VerifyOutcome::Refused),
            (403, GITLAB, DENIED, VerifyOutcome::Refused),
            (403, GITLAB, "Forbidden", VerifyOutcome::LockedOut),
            (429, BEARER, TOO_MANY, VerifyOutcome::RateLimited),
            (429, BEARER, LOCKED, VerifyOutcome::LockedOut),
            (302, BEARER, "", VerifyOutcome::Undecided),
            (400, BEARER, "", VerifyOutcome::Undecided),
            (404, BEARER, "", VerifyOutcome::Undecided),
            (502, BEARER, "", VerifyOutcome::Unreachable),
        ] {
            let challenge = Challenge::read(std::iter::once(challenge.1));
            let vendor = Vendor::of("r.example.com", challenge.as_ref());
            let reply = Reply::made_up(status, &[], body);
            let conclusion = session.not_accepted(&site(), &site(), &reply, vendor);
            assert_eq!(conclusion.outcome, outcome, "{status} {body}");
            let stops = matches!(outcome, VerifyOutcome::RateLimited | VerifyOutcome::LockedOut);
            assert_eq!(session.registry(&site()).stopped.take().is_some(), stops, "{status} {body}");
        }
    }

    #[test]
    fn nothing_of_a_server_is_shown_but_known_codes() {
        let canary = "made-up-canary";
        let body =
            format!(r#"{{"errors":[{{"code":"{canary}","message":"{canary}"}},{{"code":"DENIED"}}]}}"#);
        let headers = [("location", "https://made-up-canary.example.net/"), ("retry-after", "99999999")];
        for status in [200, 301, 400, 401, 403, 404, 429, 500] {
            let reply = Reply::made_up(status, &headers, &body);
            let shown = format!("{:?} {}", contact_of(&site(), &reply).err(), words::status(&reply));
            assert!(!shown.contains(canary) && !shown.contains("99999999"), "{shown}");
            assert_eq!(words::status(&reply), format!("HTTP {status} DENIED"));
        }
    }
}
