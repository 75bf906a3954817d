//! Repairing what stands: by a patch of the document alone, which fails if anybody changed the Secret meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use hyper::body::Bytes;
use regcred_engine::rule::Rule;
use serde_json::json;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::secret::Standing;
use super::server::{Call, CallError, Server};
use super::words::{Words, in_language};
use super::{Fix, Judging};
use crate::report::{Finding, Judged, Outcome};
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

/// What came of a patch.
enum Patched {
    /// The Secret as it is stored now, or would be.
    Stored(Box<Standing>),
    /// Somebody changed it meanwhile.
    Changed,
    /// Somebody deleted it meanwhile.
    Gone,
    /// The API server, or a webhook, does not want it.
    Refused(String),
}

impl Repairer<'_, '_> {
    /// Judges a Secret, and repairs it where that is asked for and can be done; `None` where it was deleted meanwhile.
    pub(super) fn treat(&self, mut standing: Standing) -> Result<Option<Judged>, CallError> {
        for _ in 0..ATTEMPTS {
            let judgement = standing.judge(self.judging);
            let findings = standing.findings(&judgement, self.judging.policy.language);
            let Some(repair) = &judgement.repair else {
                return Ok(Some(self.judged(&standing, self.unrepaired(findings))));
            };
            if let Some(why) = self.held(&standing) {
                return Ok(Some(self.judged(&standing, instead(findings, &Outcome::Held(why)))));
            }
            if self.fix == Fix::No {
                return Ok(Some(self.judged(&standing, findings)));
            }
            let document = Wiped::from(repair.apply(&standing.document));
            match self.patch(&standing, &document)? {
                Patched::Stored(after) => return Ok(Some(self.repaired(&standing, findings, &after))),
                Patched::Gone => return Ok(None),
                Patched::Refused(why) => {
                    let why = self.say(
                        format!("the API server refused the repair: {why}"),
                        format!("API server 拒绝了修复：{why}"),
                    );
                    return Ok(Some(self.judged(&standing, instead(findings, &Outcome::Refused(why)))));
                }
                Patched::Changed => {}
            }
            let Some(fresh) = self.fresh(&standing)? else { return Ok(None) };
            standing = fresh;
        }
        let judgement = standing.judge(self.judging);
        let findings = standing.findings(&judgement, self.judging.policy.language);
        let why = self.say(
            format!("somebody else changed it in the middle of each of {ATTEMPTS} attempts; run this again"),
            format!("尝试了 {ATTEMPTS} 次，每次都被其他人同时修改；请重新运行"),
        );
        Ok(Some(self.judged(&standing, instead(findings, &Outcome::Refused(why)))))
    }

    /// Findings without a repair. What is repairable among them all the same is so but for the policy.
    fn unrepaired(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let why = self.say(
            "the policy says enforcement: audit, under which nothing is changed".to_owned(),
            "策略为 enforcement: audit，不做任何修改".to_owned(),
        );
        instead(findings, &Outcome::Held(why))
    }

    /// Why a Secret that could be repaired is left alone.
    fn held(&self, standing: &Standing) -> Option<String> {
        if standing.immutable {
            return Some(
                self.say(
                    "the Secret is immutable: delete it, and create it again with the repaired document"
                        .to_owned(),
                    "该 Secret 是 immutable：请删除后用修复好的内容重新创建".to_owned(),
                ),
            );
        }
        let leave_alone = match self.fix {
            Fix::No => false,
            Fix::Write { include_owned } | Fix::DryRun { include_owned } => !include_owned,
        };
        standing.owner.as_ref().filter(|_| leave_alone)?;
        Some(self.say(
            "somebody owns it; --include-owned repairs it all the same".to_owned(),
            "它有管理者；使用 --include-owned 可强制修复".to_owned(),
        ))
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
                let body = self.server.body(response).map_err(CallError::Unanswered)?;
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
                format!("dry run, accepted by the API server; values masked: {}", changes.join("; ")),
                format!("试运行，API server 已接受；值已隐藏：{}", changes.join("；")),
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

    fn say(&self, english: String, chinese: String) -> String {
        in_language(self.judging.policy.language, Words { english, chinese })
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

/// What could be repaired comes to this instead.
fn instead(mut findings: Vec<Finding>, outcome: &Outcome) -> Vec<Finding> {
    for finding in &mut findings {
        if finding.outcome == Outcome::Repairable {
            finding.outcome = outcome.clone();
        }
    }
    findings
}

fn read(body: &[u8]) -> Result<Option<Standing>, CallError> {
    let object: Result<&RawValue, _> = serde_json::from_slice(body);
    let secret = object.ok().map(Standing::read);
    match secret {
        Some(Ok(secret)) => Ok(secret),
        _ => Err(CallError::Unanswered("the API server's answer is no Secret".to_owned())),
    }
}
