//! The check of a file: what is reported of its Secrets and its policy files, before and after a repair.

use std::ops::Range;

use regcred_engine::finding::Finding;
use regcred_engine::judge::Judgement;
use regcred_engine::place::Spot;
use regcred_engine::policy::Policy;
use regcred_engine::wording::Bilingual;

use super::content::Content;
use super::excerpt::Excerpts;
use super::repair::Hold;
use super::secret::{DocumentPlace, PullSecret, Writing};
use super::{Manifest, Terms};
use crate::guarded::{INTERNAL_ERROR, guarded};
use crate::report::{Judged, Outcome, Region, ReportedFinding, Subject, Trouble, TroubleKind};

/// What was found in a file.
#[derive(Default)]
pub struct Checked {
    /// The Secrets, in the order of the file.
    pub judged: Vec<Judged>,
    /// What could not be judged.
    pub troubles: Vec<Trouble>,
    /// How many policy files there are among its documents.
    pub policies: usize,
    /// How many documents were passed over because they do not parse and have nothing to do with pull Secrets.
    pub skipped: usize,
}

/// The remedy of what a repair mends: a file may be on its way into a cluster.
const BY_REPAIR: Bilingual<&str> = Bilingual {
    english: "regcred repairs this: with --fix now, or automatically on admission.",
    chinese: "regcred 可以修复此项：现在用 --fix，或在准入时自动完成。",
};

/// What is told of a file after its repair: what remains, and what was mended. `after` is what the repair made of it,
/// if anything.
#[must_use]
pub fn mended(before: Checked, path: &str, after: Option<&str>, terms: Terms<'_>) -> Checked {
    let Checked { judged, troubles, policies, skipped } = before;
    // In the repaired text, which can have more lines, the troubles have other places.
    let (remains, troubles) =
        match after.map(|text| Manifest::read(path, &Content::new(text.as_bytes())).check(terms)) {
            Some(repaired) => (repaired.judged.into_iter().map(Some).collect(), repaired.troubles),
            None => (judged.iter().map(|_| None).collect::<Vec<_>>(), troubles),
        };
    let judged = judged.into_iter().zip(remains).map(|(before, after)| match after {
        None => not_repaired(before, terms),
        Some(after) => {
            let after = not_repaired(after, terms);
            let stands = |fixed: &ReportedFinding| {
                after.findings.iter().any(|left| left.rule == fixed.rule && left.field == fixed.field)
            };
            let fixed = before.findings.into_iter().filter(|found| found.outcome == Outcome::Repairable);
            let mut findings: Vec<_> = fixed
                .filter(|found| !stands(found))
                .map(|found| ReportedFinding { outcome: Outcome::Fixed, ..found })
                .collect();
            findings.extend(after.findings);
            Judged { findings, ..before }
        }
    });
    Checked { judged: judged.collect(), troubles, policies, skipped }
}

/// What a repair could not do safely stands, and is told so.
fn not_repaired(mut judged: Judged, terms: Terms<'_>) -> Judged {
    for finding in judged.findings.iter_mut().filter(|finding| finding.outcome == Outcome::Repairable) {
        hold(finding, Hold::Written, terms);
    }
    judged
}

/// What is left alone stands, with what to do about it: what is said of a Secret on its way into a cluster is not true of it.
fn hold(finding: &mut ReportedFinding, why: Hold, terms: Terms<'_>) {
    finding.outcome = Outcome::Held(why.said(terms.policy.language));
    finding.statement.remedy = why.remedy().line(terms.policy.language);
}

impl Manifest<'_> {
    /// Judges what is in it.
    #[must_use]
    pub fn check(&self, terms: Terms<'_>) -> Checked {
        self.check_by(|secret| secret.judge(terms), terms)
    }

    /// Judges what is in it by `judge`. If that panics, the Secret is reported as an internal error.
    pub(super) fn check_by<'s>(
        &'s self,
        judge: impl Fn(&'s PullSecret) -> Judgement<'s>,
        terms: Terms<'_>,
    ) -> Checked {
        let (policies, skipped) = (self.found.policies.len(), self.found.skipped);
        let mut checked = Checked { policies, skipped, ..Checked::default() };
        for secret in &self.found.secrets {
            match guarded(|| self.judged(secret, judge(secret), terms)) {
                Some(judged) => checked.judged.push(judged),
                None => checked.troubles.push(Trouble {
                    kind: TroubleKind::Unreadable,
                    subject: Some(self.subject(secret)),
                    region: Some(self.region(secret.place.key.clone())),
                    message: INTERNAL_ERROR.line(terms.policy.language),
                }),
            }
        }
        let language = terms.policy.language;
        for problem in &self.found.problems {
            checked.troubles.push(Trouble {
                kind: problem.kind(),
                subject: Some(Subject::File { path: self.path.to_owned(), object: problem.object.clone() }),
                region: Some(self.region(problem.offset..problem.offset)),
                message: problem.message(language),
            });
        }
        for range in &self.found.policies {
            self.policy(range, &mut checked);
        }
        checked
    }

    fn judged(&self, secret: &PullSecret, mut judgement: Judgement<'_>, terms: Terms<'_>) -> Judged {
        let place = &secret.place;
        let holder = place.field.map(|field| format!("{field}[{}]", secret.secret_type.data_key()));
        let holder = holder.unwrap_or_default();
        let plan = self.plan(secret, &mut judgement);
        let excerpts = Excerpts::new(self.text, &self.lines, secret);
        let findings = judgement.findings.iter().map(|found| {
            let mut finding = ReportedFinding::new(found, &holder, BY_REPAIR, terms.policy.language);
            finding.region = Some(self.finding_region(secret, found, &excerpts));
            if let Some(why) = plan.hold(found.place.offset()).filter(|_| found.repairable) {
                hold(&mut finding, why, terms);
            }
            finding
        });
        Judged { subject: self.subject(secret), findings: findings.collect(), notes: Vec::new() }
    }

    fn subject(&self, secret: &PullSecret) -> Subject {
        Subject::File { path: self.path.to_owned(), object: secret.object.clone() }
    }

    /// Where in the file a finding stands: the key that it is about where the document is in plain text, otherwise the
    /// data key.
    fn finding_region(
        &self,
        secret: &PullSecret,
        found: &Finding<'_>,
        excerpts: &Excerpts<'_, '_>,
    ) -> Region {
        let DocumentPlace { key, writing, field, .. } = &secret.place;
        let of_the_whole = field.is_some() && found.place.spot == Spot::Document && found.place.offset() == 0;
        let inside = match writing {
            Writing::Plain(Some(map)) if !of_the_whole => {
                excerpts.name_at(found.place.offset()).and_then(|name| Some((map.range(&name)?, name)))
            }
            _ => None,
        };
        match inside {
            Some((range, name)) => Region { excerpt: excerpts.inside(&name), ..self.region(range) },
            None => Region { excerpt: excerpts.of_key(), ..self.region(key.clone()) },
        }
    }

    fn region(&self, range: Range<usize>) -> Region {
        let (line, column) = self.lines.place(range.start);
        let (end_line, end_column) = self.lines.place(range.end);
        Region { line, column, end_line, end_column, excerpt: None }
    }

    /// The faults of a policy file.
    fn policy(&self, range: &Range<usize>, checked: &mut Checked) {
        let Err(error) = Policy::parse(self.text.get(range.clone()).unwrap_or_default()) else { return };
        let (first_line, _) = self.lines.place(range.start);
        let subject = Subject::File { path: self.path.to_owned(), object: None };
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        checked.troubles.extend(error.faults().iter().map(|fault| {
            let line = first_line.saturating_add(number(fault.line)).saturating_sub(1);
            let column = number(fault.column);
            let region = Region { line, column, end_line: line, end_column: column, excerpt: None };
            Trouble {
                kind: TroubleKind::Policy,
                subject: Some(subject.clone()),
                region: Some(region),
                message: fault.message.clone(),
            }
        }));
    }
}
