//! The check of a file: what is reported of its Secrets and its policy files, before and after a repair.

use std::ops::Range;

use regcred_engine::backstop::Coverage;
use regcred_engine::finding::Finding;
use regcred_engine::judge::{Judgement, judge_shape};
use regcred_engine::place::Spot;
use regcred_engine::policy::Policy;
use regcred_engine::wording::Bilingual;

use super::content::Content;
use super::excerpt::Excerpts;
use super::file_contents::ListedFile;
use super::problem::ProblemKind;
use super::pull_secret::{DocumentPlace, Misshapen, Origin, PullSecret, Writing};
use super::repair::NotRepaired;
use super::{ListedConfig, Manifest, Terms, requester};
use crate::guarded::{INTERNAL_ERROR, guarded};
use crate::report::{Judged, Object, Outcome, Region, ReportedFinding, Subject, Trouble, TroubleKind};

/// What was found in a file.
#[derive(Default)]
pub struct Checked {
    /// The Secrets, in the order of the file.
    pub judged: Vec<Judged>,
    /// Errors and notes.
    pub troubles: Vec<Trouble>,
    /// The number of policy files among its documents.
    pub policies: usize,
    /// The number of documents that were skipped because they do not parse and have nothing to do with pull Secrets.
    pub skipped: usize,
    /// Whether the file is a Docker config itself.
    pub is_docker_config: bool,
    /// The Docker configs that a kustomization in it makes Secrets of.
    pub listed: Vec<ListedConfig>,
}

/// At most this many entries of a document that are filled in later have a note each; one more note counts the rest.
const MAX_LISTED_ENTRIES: usize = 1_000;

/// The remedy of a finding that `--fix` repairs: a file may be on its way to a cluster.
const BY_REPAIR: Bilingual<&str> = Bilingual {
    english: "regcred repairs this: with --fix now, or automatically on admission.",
    chinese: "regcred 可以修复此项：现在用 --fix，或在准入时自动完成。",
};

/// Returns what to report of a file after its repair: what remains, and what was repaired. `after` is the repaired text,
/// if anything was repaired.
#[must_use]
pub fn after_repair(before: Checked, path: &str, after: Option<&str>, terms: Terms<'_>) -> Checked {
    let Checked { judged, troubles, .. } = before;
    // The repaired text can have more lines, so that errors and notes have other places.
    let (remaining, troubles) =
        match after.map(|text| Manifest::read(path, &Content::new(text.as_bytes())).check(terms)) {
            Some(repaired) => (repaired.judged.into_iter().map(Some).collect(), repaired.troubles),
            None => (judged.iter().map(|_| None).collect::<Vec<_>>(), troubles),
        };
    let judged = judged.into_iter().zip(remaining).map(|(before, after)| match after {
        None => not_repaired(before, terms),
        Some(after) => {
            let findings = before.findings.repaired(not_repaired(after, terms).findings);
            Judged { findings, ..before }
        }
    });
    Checked { judged: judged.collect(), troubles, ..before }
}

/// Marks what could not be repaired safely.
fn not_repaired(mut judged: Judged, terms: Terms<'_>) -> Judged {
    let (outcome, remedy) = held(NotRepaired::Unsafe, terms);
    judged.findings.leave(&outcome, &remedy);
    judged
}

/// The outcome and the remedy of what is not repaired: what is true of a Secret on its way to a cluster is not true of it.
fn held(why: NotRepaired, terms: Terms<'_>) -> (Outcome, String) {
    let language = terms.policy.language;
    (Outcome::Held(why.message(language)), why.remedy().line(language))
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
        let contents = &self.contents;
        let language = terms.policy.language;
        let mut checked = Checked {
            policies: contents.policies.len(),
            skipped: contents.skipped,
            is_docker_config: contents.secrets.iter().any(|secret| secret.origin == Origin::DockerConfig),
            ..Checked::default()
        };
        for secret in &contents.secrets {
            match guarded(|| self.judged(secret, judge(secret), terms)) {
                Some((judged, notes)) => {
                    checked.judged.push(judged);
                    checked.troubles.extend(notes);
                }
                None => checked.troubles.push(Trouble {
                    kind: TroubleKind::Unreadable,
                    subject: Some(self.subject(secret.object.as_ref())),
                    region: Some(self.region(secret.place.key.clone())),
                    message: INTERNAL_ERROR.line(language),
                }),
            }
        }
        checked.judged.extend(contents.misshapen.iter().map(|secret| self.misshapen(secret, terms)));
        for problem in &contents.problems {
            checked.troubles.push(Trouble {
                kind: problem.report_as(),
                subject: Some(self.subject(problem.object.as_ref())),
                region: Some(self.region(problem.offset..problem.offset)),
                message: problem.message(language),
            });
        }
        for range in &contents.policies {
            self.policy(range, &mut checked);
        }
        checked.listed = contents.listed.iter().map(|listed| self.listed(listed, terms)).collect();
        checked
    }

    /// Returns the findings in a document, and the notes about it.
    fn judged(
        &self,
        secret: &PullSecret,
        mut judgement: Judgement<'_>,
        terms: Terms<'_>,
    ) -> (Judged, Vec<Trouble>) {
        let plan = self.plan(secret, &mut judgement);
        let excerpts = Excerpts::new(self.text, &self.lines, secret);
        let notes = self.notes(secret, &excerpts, terms);
        let coverage = (!judgement.findings.is_empty())
            .then(|| Coverage::new(terms.policy, &requester(secret.object.as_ref()), &secret.secret()));
        let findings = judgement.findings.iter().map(|found| {
            let holder = &secret.place.holder;
            let mut finding = ReportedFinding::new(found, holder, BY_REPAIR, terms.policy.language);
            if let Some(coverage) = &coverage {
                finding.backstop = coverage.effect(found);
            }
            finding.region = Some(self.finding_region(secret, found, &excerpts));
            if let Some(why) = plan.reason(found.place.offset()).filter(|_| found.repairable) {
                let (outcome, remedy) = held(why, terms);
                finding.leave(outcome, remedy);
            }
            finding
        });
        let judged = Judged {
            subject: self.subject(secret.object.as_ref()),
            findings: findings.collect(),
            notes: secret.origin.notes(terms.policy.language),
        };
        (judged, notes)
    }

    /// Says where the credentials of a document are if they are not in it.
    fn notes(&self, secret: &PullSecret, excerpts: &Excerpts<'_, '_>, terms: Terms<'_>) -> Vec<Trouble> {
        let note = |offset, message: Bilingual<String>| Trouble {
            kind: TroubleKind::CredentialsElsewhere,
            subject: Some(self.subject(secret.object.as_ref())),
            region: Some(self.region_in(secret, offset, excerpts)),
            message: message.into_line(terms.policy.language),
        };
        let mut notes = Vec::new();
        if let Some(offset) = secret.helper {
            notes.push(note(offset, ProblemKind::CredentialHelper.message()));
        }
        // A template is there to be filled in.
        if !matches!(secret.origin, Origin::Template(_)) {
            let (listed, omitted) = secret.unfilled.split_at(secret.unfilled.len().min(MAX_LISTED_ENTRIES));
            notes.extend(listed.iter().map(|entry| note(entry.start, ProblemKind::FilledInLater.message())));
            notes.extend(
                omitted
                    .first()
                    .map(|entry| note(entry.start, ProblemKind::MoreFilledInLater(omitted.len()).message())),
            );
        }
        notes
    }

    /// Returns the finding of a Secret whose type or data keys are wrong.
    fn misshapen(&self, secret: &Misshapen, terms: Terms<'_>) -> Judged {
        let judgement =
            judge_shape(terms.policy, &requester(secret.object.as_ref()), terms.now, &secret.shape);
        let findings = judgement.findings.iter().map(|found| ReportedFinding {
            field: secret.field.clone(),
            region: Some(self.region(secret.place.clone())),
            ..ReportedFinding::new(found, "", BY_REPAIR, terms.policy.language)
        });
        Judged {
            subject: self.subject(secret.object.as_ref()),
            findings: findings.collect(),
            notes: secret.origin.notes(terms.policy.language),
        }
    }

    fn listed(&self, listed: &ListedFile, terms: Terms<'_>) -> ListedConfig {
        let object = listed.object.clone();
        ListedConfig {
            path: listed.path.clone(),
            secret_type: listed.secret_type,
            missing: Trouble {
                kind: TroubleKind::NotJudged,
                subject: Some(self.subject(Some(&object))),
                region: Some(self.region(listed.place.clone())),
                message: ProblemKind::ListedFileMissing.message().into_line(terms.policy.language),
            },
            object,
        }
    }

    fn subject(&self, object: Option<&Object>) -> Subject {
        Subject::File { path: self.path.to_owned(), object: object.cloned() }
    }

    /// Returns where in the file a finding is: at the name that it is about if the document is in plain text, else at the
    /// data key.
    fn finding_region(
        &self,
        secret: &PullSecret,
        found: &Finding<'_>,
        excerpts: &Excerpts<'_, '_>,
    ) -> Region {
        let is_whole = found.place.spot == Spot::Document && found.place.offset() == 0;
        if is_whole && !secret.place.holder.is_empty() {
            return Region { excerpt: excerpts.of_key(), ..self.region(secret.place.key.clone()) };
        }
        self.region_in(secret, found.place.offset(), excerpts)
    }

    /// Returns where in the file a byte of a document is.
    fn region_in(&self, secret: &PullSecret, offset: usize, excerpts: &Excerpts<'_, '_>) -> Region {
        let DocumentPlace { key, writing, .. } = &secret.place;
        let inside = match writing {
            Writing::Plain(Some(map)) => {
                excerpts.name_at(offset).and_then(|name| Some((map.range(&name)?, name)))
            }
            Writing::Plain(None) | Writing::Base64 => None,
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

    /// Reports the errors of a policy file.
    fn policy(&self, range: &Range<usize>, checked: &mut Checked) {
        let Err(error) = Policy::parse(self.text.get(range.clone()).unwrap_or_default()) else { return };
        let (first_line, _) = self.lines.place(range.start);
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        checked.troubles.extend(error.faults().iter().map(|fault| {
            let line = first_line.saturating_add(number(fault.line)).saturating_sub(1);
            let column = number(fault.column);
            let region = Region { line, column, end_line: line, end_column: column, excerpt: None };
            Trouble {
                kind: TroubleKind::Policy,
                subject: Some(self.subject(None)),
                region: Some(region),
                message: fault.message.clone(),
            }
        }));
    }
}
