//! Repairing what stands: by a patch of the document alone, which fails if anybody changed the Secret meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use hyper::body::Bytes;
use regcred_engine::rules::Rule;
use regcred_engine::wording::Bilingual;
use serde_json::json;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::secret::Standing;
use super::server::{Call, CallError, Server};
use super::{Fix, Judging};
use crate::report::{Finding, Judged, Outcome, UNDER_AUDIT};
use crate::wiped::Wiped;

/// Who writes, in `metadata.managedFields`.
pub(super) const FIELD_MANAGER: &str = "regcred-scan";

/// A Secret that others go on changing is left alone after so many attempts.
const ATTEMPTS: u32 = 5;

/// Treats one Secret after the other as `--fix` says.
pub(super) struct Repairer<'s, 'r> {
    pub(super) server: &'s Server<'r>,
    pub(super) judging: &'s Judging,
    pub(super) fix: Fix,
}

/// What becomes of findings that could be repaired and are not.
struct Unrepaired {
    outcome: Outcome,
    /// What to do instead.
    remedy: String,
}

/// What came of a patch.
enum Patched {
    /// The Secret as it is stored now, or would be.
    Stored(Box<Standing>),
    /// Somebody changed it meanwhile; or it was stored, and the answer that said so was lost.
    Changed,
    /// Somebody deleted it meanwhile.
    Gone,
    /// The API server, or a webhook, does not want it.
    Refused(Bilingual<String>),
}

impl Repairer<'_, '_> {
    /// Judges a Secret, and repairs it where that is asked for and can be done; `None` where it was deleted meanwhile.
    pub(super) fn treat(&self, mut standing: Standing) -> Result<Option<Judged>, CallError> {
        for _ in 0..ATTEMPTS {
            let judgement = standing.judge(self.judging);
            let findings = standing.findings(&judgement, self.judging.policy.language);
            let Some(repair) = &judgement.repair else {
                return Ok(Some(self.judged(&standing, instead(findings, &self.held_back()))));
            };
            if let Some(held) = self.held(&standing) {
                return Ok(Some(self.judged(&standing, instead(findings, &held))));
            }
            if self.fix == Fix::No {
                return Ok(Some(self.judged(&standing, findings)));
            }
            let document = Wiped::from(repair.apply(&standing.document));
            match self.patch(&standing, &document)? {
                Patched::Stored(after) => return Ok(Some(self.repaired(&standing, findings, &after))),
                Patched::Gone => return Ok(None),
                Patched::Refused(why) => {
                    return Ok(Some(self.judged(&standing, instead(findings, &self.refused(&why)))));
                }
                Patched::Changed => {}
            }
            let Some(fresh) = self.fresh(&standing)? else { return Ok(None) };
            // The repair is there: the answer of an earlier attempt was lost, or another scan was faster.
            if matches!(self.fix, Fix::Write { .. }) && *fresh.document == *document {
                return Ok(Some(self.repaired(&standing, findings, &fresh)));
            }
            standing = fresh;
        }
        let judgement = standing.judge(self.judging);
        let findings = standing.findings(&judgement, self.judging.policy.language);
        Ok(Some(self.judged(&standing, instead(findings, &self.never_at_rest()))))
    }

    /// Of what has no repair and is repairable all the same: it is so but for the policy.
    fn held_back(&self) -> Unrepaired {
        let why = self.say(
            "the policy says enforcement: audit, under which nothing is changed",
            "策略为 enforcement: audit，不做任何修改",
        );
        let remedy = UNDER_AUDIT.line(self.judging.policy.language);
        Unrepaired { outcome: Outcome::Held(why), remedy }
    }

    /// Whether a Secret that could be repaired is left alone, and why.
    fn held(&self, standing: &Standing) -> Option<Unrepaired> {
        if standing.immutable {
            let why = self.say("the Secret is immutable", "该 Secret 是 immutable");
            let remedy = self.say(
                "Delete it, and create it again with the repaired document.",
                "请删除该 Secret，再用修复好的内容重新创建。",
            );
            return Some(Unrepaired { outcome: Outcome::Held(why), remedy });
        }
        standing.owner.as_ref().filter(|_| !self.fix.includes_owned())?;
        let why = self.say("somebody owns it", "它有管理者");
        let remedy = self.say(
            "Mend it in its source; --fix --include-owned repairs it here all the same, until it is written back.",
            "请在其来源处修改；用 --fix --include-owned 可强制在此修复，但之后会被写回。",
        );
        Some(Unrepaired { outcome: Outcome::Held(why), remedy })
    }

    fn refused(&self, why: &Bilingual<String>) -> Unrepaired {
        let refused = Bilingual::new("the API server refused the repair", "API server 拒绝了修复");
        let why = refused.because(why).into_line(self.judging.policy.language);
        let remedy = self.say(
            "Change what the API server refused it for, and run this again.",
            "请先消除 API server 拒绝的原因，再重新运行。",
        );
        Unrepaired { outcome: Outcome::Refused(why), remedy }
    }

    fn never_at_rest(&self) -> Unrepaired {
        let why = self.say(
            &format!("somebody else changed it in the middle of each of {ATTEMPTS} attempts"),
            &format!("尝试了 {ATTEMPTS} 次，每次都被其他人同时修改"),
        );
        Unrepaired {
            outcome: Outcome::Refused(why), remedy: self.say("Run this again.", "请重新运行。")
        }
    }

    fn patch(&self, standing: &Standing, document: &[u8]) -> Result<Patched, CallError> {
        let value = Zeroizing::new(STANDARD.encode(document));
        let patch = json!({
            // Another version than this one is a conflict.
            "metadata": {"resourceVersion": standing.resource_version},
            "data": {(standing.secret_type.data_key()): *value},
        });
        let dry_run = if matches!(self.fix, Fix::DryRun { .. }) { "&dryRun=All" } else { "" };
        let call = Call {
            method: Method::PATCH,
            uri: format!("{}?fieldManager={FIELD_MANAGER}{dry_run}", standing.path()),
            content_type: Some("application/merge-patch+json"),
            body: Bytes::from(patch.to_string()),
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
                // No other Secret would fare better.
                StatusCode::UNAUTHORIZED => return Err(CallError::Refused(refusal)),
                _ => Patched::Refused(refusal.message),
            }),
            Err(error) => Err(error),
        }
    }

    /// The Secret as it is now.
    fn fresh(&self, standing: &Standing) -> Result<Option<Standing>, CallError> {
        match self.server.call(&Call::get(standing.path())) {
            Ok(response) => read(&self.server.body(response).map_err(CallError::Unanswered)?),
            Err(CallError::Refused(refusal)) if refusal.code == StatusCode::NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is told of a Secret after its repair: what that mended, and what stands in it now.
    fn repaired(&self, before: &Standing, found: Vec<Finding>, after: &Standing) -> Judged {
        let language = self.judging.policy.language;
        let left = after.findings(&after.judge(self.judging), language);
        let mended = |finding: &Finding| {
            finding.outcome == Outcome::Repairable
                && !left.iter().any(|left| left.rule == finding.rule && left.field == finding.field)
        };
        if matches!(self.fix, Fix::DryRun { .. }) {
            let changes: Vec<_> = found.iter().filter(|finding| mended(finding)).map(change).collect();
            let mut judged = self.judged(before, found);
            judged.notes.push(self.say(
                &format!("dry run, accepted by the API server; values masked: {}", changes.join("; ")),
                &format!("试运行，API server 已接受；值已隐藏：{}", changes.join("；")),
            ));
            return judged;
        }
        let mut findings = found;
        findings.retain(mended);
        for finding in &mut findings {
            finding.outcome = Outcome::Fixed;
        }
        findings.extend(left);
        self.judged(after, findings)
    }

    fn judged(&self, standing: &Standing, findings: Vec<Finding>) -> Judged {
        standing.judged(findings, self.judging.policy.language)
    }

    fn say(&self, english: &str, chinese: &str) -> String {
        Bilingual::new(english, chinese).into_line(self.judging.policy.language)
    }
}

/// A line of a diff, with nothing of what is secret in it.
fn change(finding: &Finding) -> String {
    if finding.rule == Rule::AuthUnpadded {
        format!("~ {} \"********\" -> \"********=\"", finding.field)
    } else {
        format!("+ {} \"********\"", finding.field)
    }
}

/// What could be repaired comes to this instead. What is said of a Secret that is written now is not true of it.
fn instead(mut findings: Vec<Finding>, unrepaired: &Unrepaired) -> Vec<Finding> {
    for finding in &mut findings {
        if finding.outcome == Outcome::Repairable {
            finding.outcome = unrepaired.outcome.clone();
            finding.statement.remedy.clone_from(&unrepaired.remedy);
        }
    }
    findings
}

fn read(body: &[u8]) -> Result<Option<Standing>, CallError> {
    let object: Result<&RawValue, _> = serde_json::from_slice(body);
    match object.ok().map(Standing::read) {
        Some(Ok(secret)) => Ok(secret),
        _ => {
            Err(CallError::unanswered("the API server's answer is no Secret", "API server 的应答不是 Secret"))
        }
    }
}
