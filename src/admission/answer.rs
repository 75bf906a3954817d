//! What a webhook answers, before it is written as JSON.

use regcred_engine::finding::{Cap, Finding};
use regcred_engine::policy::Language;
use regcred_engine::repair::Repair;
use regcred_engine::rules::{Action, PerRule, Rule};
use regcred_engine::wording;
use serde::Serialize;

use super::outcome::{Counted, CountedFinding, Decision};
use super::request::RequestedSecret;

/// The answer of a webhook.
pub(super) struct Answer<'j> {
    pub(super) decision: Decision,
    pub(super) reported: ReportedFindings,
    pub(super) warnings: Vec<String>,
    pub(super) denial: Option<Denial>,
    pub(super) patch: Option<Patch<'j>>,
}

impl Answer<'_> {
    /// The answer to a request that is not judged.
    pub(super) fn skipped() -> Self {
        Answer {
            decision: Decision::Skipped,
            reported: ReportedFindings::default(),
            warnings: Vec::new(),
            denial: None,
            patch: None,
        }
    }
}

/// A refusal.
pub(super) struct Denial {
    /// `Invalid` (422) instead of `Forbidden` (403).
    pub(super) invalid: bool,
    pub(super) message: String,
    pub(super) causes: Vec<Cause>,
}

/// One finding of a refusal.
#[derive(Serialize)]
pub(super) struct Cause {
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) field: String,
}

impl Cause {
    pub(super) fn new(field: String, message: String) -> Self {
        Cause { reason: "FieldValueInvalid", message, field }
    }
}

/// The repair of a document.
pub(super) struct Patch<'j> {
    pub(super) secret: &'j RequestedSecret<'j>,
    pub(super) repair: &'j Repair,
}

/// At most this many findings are listed per record; the rest are counted. A hostile document can cause 100,000.
const MAX_LISTED_FINDINGS: usize = 100;

/// The findings that a webhook reports.
#[derive(Default)]
pub(super) struct ReportedFindings {
    /// The first [`MAX_LISTED_FINDINGS`].
    pub(super) listed: Vec<ListedFinding>,
    /// The number of findings after those.
    pub(super) omitted: usize,
    /// All findings that the patch does not fix.
    pub(super) counted: Counted,
    rules: PerRule<bool>,
}

/// A finding in an audit record.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedFinding {
    code: &'static str,
    action: &'static str,
    rule_action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    capped_by: Option<&'static str>,
    path: String,
    fixed: bool,
}

impl ReportedFindings {
    /// Records a finding. `action` is what this webhook does about it; `fixed` means that its patch fixes it.
    pub(super) fn add(&mut self, finding: &Finding<'_>, action: Action, fixed: bool) {
        let (rule, rule_action) = (finding.rule(), finding.rule_action);
        *self.rules.get_mut(rule) = true;
        if !fixed {
            self.counted.add(CountedFinding { rule, action, rule_action });
        }
        if self.listed.len() == MAX_LISTED_FINDINGS {
            self.omitted += 1;
            return;
        }
        self.listed.push(ListedFinding {
            code: rule.code(),
            action: action.as_str(),
            rule_action: rule_action.as_str(),
            // A fixed finding would not become more severe without the cap.
            capped_by: finding.capped_by.filter(|_| !fixed).map(Cap::as_str),
            path: finding.place.path(),
            fixed,
        });
    }

    /// Returns the codes of the rules of all findings, each once, in the order of the rule reference.
    pub(super) fn codes(&self) -> Vec<&'static str> {
        let rules = Rule::ALL.iter().filter(|rule| *self.rules.get(**rule));
        rules.map(|rule| rule.code()).collect()
    }
}

/// At most this many warnings per answer. The API server allows 4096 characters for all webhooks of a request and cuts
/// the rest (docs/facts.md, "Warnings").
const MAX_WARNINGS: usize = 15;

/// Returns one or two warnings for each finding; the last one counts the findings that do not fit.
pub(super) fn warnings(findings: &[&Finding<'_>], language: Language) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        let next = wording::warnings(finding, language);
        let left = findings.get(index..).unwrap_or_default();
        let room = MAX_WARNINGS - warnings.len();
        if next.len() > room || (next.len() == room && left.len() > 1) {
            warnings.push(wording::more(left, language));
            break;
        }
        warnings.extend(next);
    }
    warnings
}
