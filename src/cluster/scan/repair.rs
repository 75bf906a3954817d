//! Repairs a Secret by a patch of its document, which fails if another client has changed the Secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use hyper::body::Bytes;
use regcred_engine::rules::Rule;
use regcred_engine::wording::Bilingual;
use serde_json::json;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::secret::{NotASecret, Stored, StoredSecret};
use super::{Criteria, Fix};
use crate::cluster::api_server::{ApiServer, Call, CallError};
use crate::report::{Findings, Judged, Outcome, ReportedFinding, UNDER_AUDIT};
use crate::wiped::Wiped;

/// The field manager in `metadata.managedFields`.
pub(super) const FIELD_MANAGER: &str = "regcred-scan";

/// At most this many attempts are made for a Secret that other clients keep changing.
const MAX_ATTEMPTS: u32 = 5;

/// At most this many changes are listed in the note about a dry run; the rest are counted. The note is reported with each
/// finding.
const MAX_LISTED_CHANGES: usize = 20;

/// Judges and repairs Secrets according to `--fix`.
pub(super) struct Repairer<'s, 'r> {
    pub(super) server: &'s ApiServer<'r>,
    pub(super) judging: &'s Criteria,
    pub(super) fix: Fix,
}

/// The outcome of repairable findings that are not repaired.
struct Unrepaired {
    outcome: Outcome,
    /// What to do instead.
    remedy: String,
}

/// The result of a patch.
enum Patched {
    /// The Secret after the patch, or after the dry run.
    Stored(Box<StoredSecret>),
    /// Another client changed it; or the patch was stored, and the response lost.
    Changed,
    /// Another client deleted it.
    Gone,
    /// The API server or a webhook refused it.
    Refused(Bilingual<String>),
}

impl Repairer<'_, '_> {
    /// Judges a Secret, and repairs it if requested and possible. `None` if it was deleted in the meantime.
    pub(super) fn treat(&self, mut secret: StoredSecret) -> Result<Option<Judged>, CallError> {
        for _ in 0..MAX_ATTEMPTS {
            let judgement = secret.judge(self.judging);
            let findings = secret.findings(&judgement, &self.judging.policy);
            let Some(repair) = &judgement.repair else {
                return Ok(Some(self.judged(&secret, instead(findings, &self.held_back()))));
            };
            if let Some(held) = self.held(&secret) {
                return Ok(Some(self.judged(&secret, instead(findings, &held))));
            }
            if self.fix == Fix::No {
                return Ok(Some(self.judged(&secret, findings)));
            }
            let document = Wiped::from(repair.apply(&secret.document));
            match self.patch(&secret, &document)? {
                Patched::Stored(after) => return Ok(Some(self.repaired(&secret, findings, &after))),
                Patched::Gone => return Ok(None),
                Patched::Refused(why) => {
                    return Ok(Some(self.judged(&secret, instead(findings, &self.refused(&why)))));
                }
                Patched::Changed => {}
            }
            let Some(fresh) = self.fresh(&secret)? else { return Ok(None) };
            // Already repaired: the response of an earlier attempt was lost, or another scan was first.
            if matches!(self.fix, Fix::Write { .. }) && *fresh.document == *document {
                return Ok(Some(self.repaired(&secret, findings, &fresh)));
            }
            secret = fresh;
        }
        let judgement = secret.judge(self.judging);
        let findings = secret.findings(&judgement, &self.judging.policy);
        Ok(Some(self.judged(&secret, instead(findings, &self.always_changed()))))
    }

    /// For repairable findings without a repair: only the policy prevents it.
    fn held_back(&self) -> Unrepaired {
        let why = self.say(
            "the policy has enforcement: audit, which changes nothing",
            "策略为 enforcement: audit，不做任何修改",
        );
        let remedy = UNDER_AUDIT.line(self.judging.policy.language);
        Unrepaired { outcome: Outcome::Held(why), remedy }
    }

    /// Why a Secret that could be repaired is skipped, if it is.
    fn held(&self, secret: &StoredSecret) -> Option<Unrepaired> {
        if secret.immutable {
            let why = self.say("the Secret is immutable", "该 Secret 是 immutable");
            let remedy = self.say(
                "Delete the Secret and create it again with the repaired document.",
                "请删除该 Secret，再用修复好的内容重新创建。",
            );
            return Some(Unrepaired { outcome: Outcome::Held(why), remedy });
        }
        secret.owner.as_ref().filter(|_| !self.fix.includes_owned())?;
        let why = self.say("a controller manages it", "它由控制器管理");
        let remedy = self.say(
            "Fix it in its source. --fix --include-owned repairs it here anyway, until the controller overwrites it.",
            "请在其来源处修改；用 --fix --include-owned 可强制在此修复，但之后会被写回。",
        );
        Some(Unrepaired { outcome: Outcome::Held(why), remedy })
    }

    fn refused(&self, why: &Bilingual<String>) -> Unrepaired {
        let refused = Bilingual::new("the API server refused the repair", "API server 拒绝了修复");
        let why = refused.because(why).into_line(self.judging.policy.language);
        let remedy = self.say(
            "Resolve the reason for the refusal and retry.",
            "请先消除 API server 拒绝的原因，再重新运行。",
        );
        Unrepaired { outcome: Outcome::Refused(why), remedy }
    }

    fn always_changed(&self) -> Unrepaired {
        let why = self.say(
            &format!("another client changed it during each of {MAX_ATTEMPTS} attempts"),
            &format!("尝试了 {MAX_ATTEMPTS} 次，每次都被其他客户端同时修改"),
        );
        Unrepaired { outcome: Outcome::Refused(why), remedy: self.say("Retry.", "请重新运行。") }
    }

    fn patch(&self, secret: &StoredSecret, document: &[u8]) -> Result<Patched, CallError> {
        let value = Zeroizing::new(STANDARD.encode(document));
        let patch = json!({
            // Any other version is a conflict.
            "metadata": {"resourceVersion": secret.resource_version},
            "data": {(secret.secret_type.data_key()): *value},
        });
        let dry_run = if matches!(self.fix, Fix::DryRun { .. }) { "&dryRun=All" } else { "" };
        let call = Call {
            method: Method::PATCH,
            content_type: Some("application/merge-patch+json"),
            body: Bytes::from(patch.to_string()),
            ..Call::get(format!("{}?fieldManager={FIELD_MANAGER}{dry_run}", secret.path()))
        };
        match self.server.call(&call) {
            Ok(response) => {
                let body = match self.server.body(response) {
                    Ok(body) => body,
                    Err(_) if matches!(self.fix, Fix::Write { .. }) => return Ok(Patched::Changed),
                    Err(error) => return Err(CallError::Unanswered(error)),
                };
                let stored = read(&body)?;
                Ok(stored.map_or(Patched::Gone, |stored| Patched::Stored(Box::new(stored))))
            }
            Err(CallError::Refused(refusal)) => Ok(match refusal.code {
                StatusCode::CONFLICT => Patched::Changed,
                StatusCode::NOT_FOUND => Patched::Gone,
                // Every other Secret would fail as well.
                StatusCode::UNAUTHORIZED => return Err(CallError::Refused(refusal)),
                _ => Patched::Refused(refusal.message),
            }),
            Err(error) => Err(error),
        }
    }

    /// Reads the current Secret.
    fn fresh(&self, secret: &StoredSecret) -> Result<Option<StoredSecret>, CallError> {
        match self.server.call(&Call::get(secret.path())) {
            Ok(response) => read(&self.server.body(response).map_err(CallError::Unanswered)?),
            Err(CallError::Refused(refusal)) if refusal.code == StatusCode::NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The findings after a repair: those that it fixed, and those that remain.
    fn repaired(&self, before: &StoredSecret, found: Findings, after: &StoredSecret) -> Judged {
        let left = after.findings(&after.judge(self.judging), &self.judging.policy);
        if matches!(self.fix, Fix::DryRun { .. }) {
            let is_fixed = left.fixed();
            let fixed = found.listed().iter().filter(|&finding| is_fixed(&finding.into()));
            let changes: Vec<_> = fixed.take(MAX_LISTED_CHANGES).map(change).collect();
            let more = found.all().filter(is_fixed).count() - changes.len();
            let (more, more_zh) = match more {
                0 => (String::new(), String::new()),
                more => (format!("; and {more} more"), format!("；另有 {more} 处")),
            };
            let mut judged = self.judged(before, found);
            judged.notes.push(self.say(
                &format!("dry run, accepted by the API server; values masked: {}{more}", changes.join("; ")),
                &format!("试运行，API server 已接受；值已隐藏：{}{more_zh}", changes.join("；")),
            ));
            return judged;
        }
        self.judged(after, found.repaired(left))
    }

    fn judged(&self, secret: &StoredSecret, findings: Findings) -> Judged {
        secret.judged(findings, self.judging.policy.language)
    }

    fn say(&self, english: &str, chinese: &str) -> String {
        Bilingual::new(english, chinese).into_line(self.judging.policy.language)
    }
}

/// One line of a diff with masked values.
fn change(finding: &ReportedFinding) -> String {
    if finding.rule == Rule::AuthUnpadded {
        format!("~ {} \"********\" -> \"********=\"", finding.field)
    } else {
        format!("+ {} \"********\"", finding.field)
    }
}

/// Sets the outcome and the remedy of repairable findings that are not repaired.
fn instead(mut findings: Findings, unrepaired: &Unrepaired) -> Findings {
    findings.leave(&unrepaired.outcome, &unrepaired.remedy);
    findings
}

fn read(body: &[u8]) -> Result<Option<StoredSecret>, CallError> {
    let object: Result<&RawValue, _> = serde_json::from_slice(body);
    match object.ok().map(Stored::read) {
        Some(Ok(Stored::PullSecret(secret))) => Ok(Some(secret)),
        Some(Ok(Stored::Mistyped(_) | Stored::Other)) => Ok(None),
        Some(Err(NotASecret)) | None => Err(CallError::unanswered(
            "the response of the API server is not a Secret",
            "API server 的应答不是 Secret",
        )),
    }
}
