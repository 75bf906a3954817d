//! What is known about a registry in the course of a run.

use std::collections::HashMap;

use http::StatusCode;

use super::challenge::Challenge;
use super::image::PullImage;
use super::outcome::Conclusion;
use super::vendor::Vendor;

/// How a registry asks for credentials.
#[derive(Clone, Debug)]
pub(super) struct Contact {
    /// `None` if it does not ask.
    pub(super) challenge: Option<Challenge>,
    pub(super) vendor: Vendor,
}

/// What a login has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoggedIn {
    /// The registry accepts the credentials.
    Accepted,
    /// The token server issues a token, which the registry does not accept without a scope.
    TokenOnly,
}

/// What was found out about an image without credentials.
#[derive(Clone, Debug)]
pub(super) struct Anonymous {
    /// The status of the first response.
    pub(super) status: StatusCode,
    /// Whether it can be pulled; `None` if that is unknown.
    pub(super) is_public: Option<bool>,
    /// How the registry asks for credentials for this image.
    pub(super) challenge: Option<Challenge>,
}

/// A registry in the course of a run.
#[derive(Default)]
pub(super) struct RegistryState {
    /// The answer to the first contact.
    pub(super) contact: Option<Result<Contact, Conclusion>>,
    /// Why it is not asked again.
    pub(super) stopped: Option<Conclusion>,
    /// Failed attempts.
    pub(super) failures: u32,
    /// The logins by the mark of their credentials.
    pub(super) logins: HashMap<u64, Result<LoggedIn, Conclusion>>,
    /// The credentials that were refused with 401 or 403, which are never sent again.
    pub(super) refused: HashMap<u64, Conclusion>,
    pub(super) pulls: HashMap<(u64, PullImage), Conclusion>,
    pub(super) anonymous: HashMap<PullImage, Anonymous>,
}

impl RegistryState {
    /// Whether there may be another attempt with credentials.
    pub(super) fn may_spend(&self, max_failures: u32) -> Result<(), Conclusion> {
        if self.failures < max_failures {
            return Ok(());
        }
        let failures = self.failures;
        Err(Conclusion::undecided(
            format!(
                "Not asked: {failures} attempts have failed at this registry in this run, and more could lock out the user or the address \
                 (--max-failures)."
            ),
            format!(
                "未询问：本次运行中该仓库已有 {failures} 次登录失败，继续尝试可能导致用户或地址被锁定（--max-failures）。"
            ),
        ))
    }
}
