//! Whether an image can be pulled: a HEAD of its manifest, with credentials and without. A HEAD does not count as a pull
//! (docs.docker.com, "Docker Hub usage and limits").

use http::{HeaderValue, Method, StatusCode};

use super::attempts::Spending;
use super::challenge::{Challenge, TokenService};
use super::credential::{Credential, bearer};
use super::exchange::{Ask, Reply};
use super::image::PullImage;
use super::login::no_token;
use super::outcome::{Conclusion, VerifyOutcome};
use super::realm::TokenServer;
use super::session::Session;
use super::site::Site;
use super::state::{Anonymous, Contact};
use super::token::token;
use super::vendor::Vendor;
use super::words;

/// The manifests that runtimes ask for.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json, */*;q=0.1";

impl Session {
    /// The conclusion about an image.
    pub(super) async fn pull(
        &mut self,
        site: &Site,
        contact: &Contact,
        credential: &Credential,
        image: &PullImage,
    ) -> Conclusion {
        let key = (credential.mark(&self.hasher), image.clone());
        if let Some(known) = self.registry(site).pulls.get(&key) {
            return known.clone();
        }
        let conclusion = self.try_pull(site, contact, credential, image).await;
        self.registry(site).pulls.insert(key, conclusion.clone());
        conclusion
    }

    async fn try_pull(
        &mut self,
        site: &Site,
        contact: &Contact,
        credential: &Credential,
        image: &PullImage,
    ) -> Conclusion {
        if let Some(challenge) = &contact.challenge
            && let Err(conclusion) = self.login(site, contact.vendor, challenge, credential).await
        {
            let is_public = conclusion.outcome == VerifyOutcome::Refused
                && self
                    .anonymous(site, contact.vendor, image)
                    .await
                    .is_ok_and(|found| found.is_public == Some(true));
            return if is_public { conclusion.and(&words::PUBLIC_ANYWAY) } else { conclusion };
        }
        let anonymous = match self.anonymous(site, contact.vendor, image).await {
            Ok(anonymous) => anonymous,
            Err(conclusion) => return conclusion,
        };
        let Some(challenge) = anonymous.challenge.as_ref().or(contact.challenge.as_ref()) else {
            return match anonymous.status {
                StatusCode::OK => anonymous_suffices(),
                StatusCode::NOT_FOUND => not_found(contact.vendor),
                status => not_asked_for(site, status),
            };
        };
        let conclusion = match self.head_with(site, contact.vendor, challenge, credential, image).await {
            Ok(reply) => self.judge_head(site, contact.vendor, &reply),
            Err(conclusion) => conclusion,
        };
        match (conclusion.outcome, anonymous.is_public) {
            (VerifyOutcome::Valid, Some(true)) => anonymous_suffices(),
            (VerifyOutcome::NoPullPermission, Some(true)) => conclusion.and(&words::PUBLIC_ANYWAY),
            _ => conclusion,
        }
    }

    /// Asks for the manifest with credentials.
    async fn head_with(
        &mut self,
        site: &Site,
        vendor: Vendor,
        challenge: &Challenge,
        credential: &Credential,
        image: &PullImage,
    ) -> Result<Reply, Conclusion> {
        let spending = Spending { registry: site };
        let mark = credential.mark(&self.hasher);
        if let Some(refused) = self.registry(site).refused.get(&mark) {
            return Err(refused.clone());
        }
        match challenge {
            Challenge::Basic { .. } => {
                let authorization = credential.basic();
                let reply = self.ask(site, &head(image, authorization), Some(&spending)).await?;
                if reply.fails_login() {
                    self.registry(site).refused.insert(mark, not_sent_again());
                }
                Ok(reply)
            }
            Challenge::Bearer(service) => {
                let server = TokenServer::of(site, service, &self.options.named)
                    .map_err(|error| words::untrusted_realm(&error))?;
                let scope = service.scope.clone().unwrap_or_else(|| image.pull_scope());
                let ask = server.ask(Some(&scope), Some(credential));
                let reply = self.ask(&server.site, &ask, Some(&spending)).await?;
                if reply.fails_login() {
                    self.registry(site).refused.insert(mark, not_sent_again());
                }
                if matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
                    && words::general(&server.site, &reply, vendor).is_none()
                {
                    // The login worked, so this is about the scope.
                    return Err(no_permission(&words::status(&reply), vendor));
                }
                if reply.status != StatusCode::OK {
                    return Err(self.not_accepted(site, &server.site, &reply, vendor));
                }
                let authorization = token(&reply).and_then(|token| bearer(&token));
                let authorization = authorization.ok_or_else(|| no_token(&server.site))?;
                self.ask(site, &head(image, Some(authorization)), None).await
            }
        }
    }

    fn judge_head(&mut self, site: &Site, vendor: Vendor, reply: &Reply) -> Conclusion {
        if let Some(conclusion) = words::general(site, reply, vendor) {
            return self.stopped_by(site, conclusion);
        }
        match reply.status {
            StatusCode::OK => Conclusion::new(
                VerifyOutcome::Valid,
                "The credentials log in and may pull the image.",
                "这些凭据可以登录，并且有权拉取该镜像。",
            ),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => no_permission(&words::status(reply), vendor),
            StatusCode::NOT_FOUND => not_found(vendor),
            _ => words::unexpected(site, reply),
        }
    }

    /// Asks for the manifest without credentials, once for an image.
    async fn anonymous(
        &mut self,
        site: &Site,
        vendor: Vendor,
        image: &PullImage,
    ) -> Result<Anonymous, Conclusion> {
        if let Some(known) = self.registry(site).anonymous.get(image) {
            return Ok(known.clone());
        }
        let reply = self.ask(site, &head(image, None), None).await?;
        if let Some(conclusion) = words::general(site, &reply, vendor) {
            return Err(self.stopped_by(site, conclusion));
        }
        let challenge = match reply.status {
            StatusCode::UNAUTHORIZED => Challenge::read(reply.challenges()),
            _ => None,
        };
        let challenge = challenge.map(|challenge| self.pinned(site, challenge));
        let is_public = match (reply.status, &challenge) {
            (StatusCode::OK, _) => Some(true),
            (StatusCode::UNAUTHORIZED, Some(Challenge::Bearer(service))) => {
                let scope = service.scope.clone().unwrap_or_else(|| image.pull_scope());
                match TokenServer::of(site, service, &self.options.named) {
                    Ok(server) => self.is_public_with_token(site, &server, &scope, image).await,
                    Err(_) => None,
                }
            }
            _ => Some(false),
        };
        let anonymous = Anonymous { status: reply.status, is_public, challenge };
        self.registry(site).anonymous.insert(image.clone(), anonymous.clone());
        Ok(anonymous)
    }

    /// The challenge for an image: the token server of the first challenge, with the scope of this one. A later challenge could
    /// name another server, or send back what was sent.
    fn pinned(&mut self, site: &Site, challenge: Challenge) -> Challenge {
        let Some(Ok(contact)) = &mut self.registry(site).contact else { return challenge };
        match (&contact.challenge, challenge) {
            (Some(Challenge::Bearer(first)), Challenge::Bearer(this)) => {
                Challenge::Bearer(TokenService { scope: this.scope, ..first.clone() })
            }
            (Some(first), _) => first.clone(),
            (None, this) => {
                contact.challenge = Some(this.clone());
                this
            }
        }
    }

    /// Whether the manifest can be had with an anonymous token; `None` if that is unknown.
    async fn is_public_with_token(
        &mut self,
        site: &Site,
        server: &TokenServer,
        scope: &str,
        image: &PullImage,
    ) -> Option<bool> {
        let reply = self.ask(&server.site, &server.ask(Some(scope), None), None).await.ok()?;
        if reply.status.is_client_error() {
            return (reply.status != StatusCode::TOO_MANY_REQUESTS).then_some(false);
        }
        let authorization = bearer(&token(&reply)?)?;
        let reply = self.ask(site, &head(image, Some(authorization)), None).await.ok()?;
        match reply.status {
            StatusCode::OK => Some(true),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Some(false),
            _ => None,
        }
    }
}

fn head(image: &PullImage, authorization: Option<HeaderValue>) -> Ask {
    Ask { accept: MANIFESTS, authorization, ..Ask::new(Method::HEAD, image.manifest_path()) }
}

fn anonymous_suffices() -> Conclusion {
    Conclusion::new(
        VerifyOutcome::AnonymousSuffices,
        "The image can be pulled without credentials, so this does not show that they may pull it.",
        "该镜像无需凭据即可拉取，因此不能说明这些凭据有拉取权限。",
    )
}

/// The conclusion if the registry refuses an image, and asks for no credentials.
fn not_asked_for(site: &Site, status: StatusCode) -> Conclusion {
    let status = status.as_u16();
    Conclusion::undecided(
        format!(
            "{site} answers HTTP {status} for the image and asks for no credentials, so they cannot be tried."
        ),
        format!("{site} 对该镜像应答 HTTP {status}，且不要求凭据，因此无法验证。"),
    )
}

fn no_permission(said: &str, vendor: Vendor) -> Conclusion {
    Conclusion::new(
        VerifyOutcome::NoPullPermission,
        format!(
            "The credentials log in but may not pull the image, or there is no such repository ({said})."
        ),
        format!("这些凭据可以登录，但无权拉取该镜像，或者不存在该镜像仓库（{said}）。"),
    )
    .and_if(vendor.advice(VerifyOutcome::NoPullPermission))
}

fn not_found(vendor: Vendor) -> Conclusion {
    Conclusion::new(
        VerifyOutcome::NotFoundOrNoPermission,
        "The registry has no such image, or hides it from these credentials (HTTP 404): check the repository and the tag.",
        "该仓库中没有这个镜像，或对这些凭据不可见（HTTP 404）：请检查镜像仓库名和标签。",
    )
    .and_if(vendor.advice(VerifyOutcome::NotFoundOrNoPermission))
}

fn not_sent_again() -> Conclusion {
    Conclusion::undecided(
        "Not asked: the registry refused these credentials for another image, and refused credentials are never sent again in a run.",
        "未询问：该仓库已就另一个镜像拒绝了这些凭据，本次运行不再发送被拒绝的凭据。",
    )
}
