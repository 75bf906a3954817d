//! Pull Secrets in files: where they are, what is wrong with them, and how they are repaired without changing anything
//! else.
//!
//! The data flow of one file: [`yaml`] or [`json`] parse it into a [`tree`], [`contents`] finds the objects in it, [`secret`],
//! [`docker_config`], [`kustomization`] and [`secret_template`] read their documents, the engine judges each, [`scalar`] maps
//! places of a document to places of the file, [`excerpt`] makes lines that are safe to show, and [`repair`] edits the file.
//! [`input`] and [`replace`] read and write the files themselves.

pub mod content;
mod contents;
pub mod diff;
mod docker_config;
mod excerpt;
pub mod file_error;
pub mod input;
mod json;
mod kustomization;
mod lines;
mod placeholder;
mod problem;
mod repair;
pub mod replace;
mod scalar;
mod secret;
mod secret_template;
mod tree;
pub mod walk;
mod yaml;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::PathBuf;

use jiff::Timestamp;
use regcred_engine::finding;
use regcred_engine::judge::{Judgement, Request, judge, judge_shape};
use regcred_engine::place::Spot;
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::rules::Rule;
use regcred_engine::secret::{Secret, SecretType};
use regcred_engine::wording::Bilingual;

use crate::guarded::{INTERNAL_ERROR, guarded};
use crate::report::{Judged, Object, Outcome, Region, ReportedFinding, Subject, Trouble, TroubleKind};
use content::Content;
use contents::FileContents;
use excerpt::Excerpts;
use lines::Lines;
use problem::ProblemKind;
use repair::NotRepaired;
use secret::{DocumentPlace, Misshapen, Origin, PullSecret, Writing};

/// A file that is checked. It contains credentials: there is no `Debug`.
pub struct Manifest<'f> {
    /// As it is shown.
    path: &'f str,
    content: &'f Content<'f>,
    text: &'f str,
    lines: Lines<'f>,
    contents: FileContents,
}

/// What Secrets are judged by.
#[derive(Clone, Copy)]
pub struct Terms<'p> {
    /// The policy.
    pub policy: &'p Policy,
    /// The time, to the second.
    pub now: Timestamp,
}

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

/// A Docker config that a kustomization makes a Secret of.
pub struct ListedConfig {
    /// The path as written: relative to the folder of the kustomization.
    pub path: PathBuf,
    /// The type of the Secret.
    pub secret_type: SecretType,
    /// The note if there is no such file.
    pub missing: Trouble,
    object: Object,
}

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
            let after = not_repaired(after, terms);
            let remains = |fixed: &ReportedFinding| {
                after.findings.iter().any(|left| left.rule == fixed.rule && left.field == fixed.field)
            };
            let fixed = before.findings.into_iter().filter(|found| found.outcome == Outcome::Repairable);
            let mut findings: Vec<_> = fixed
                .filter(|found| !remains(found))
                .map(|found| ReportedFinding { outcome: Outcome::Fixed, ..found })
                .collect();
            findings.extend(after.findings);
            Judged { findings, ..before }
        }
    });
    Checked { judged: judged.collect(), troubles, ..before }
}

/// Marks what could not be repaired safely.
fn not_repaired(mut judged: Judged, terms: Terms<'_>) -> Judged {
    for finding in judged.findings.iter_mut().filter(|finding| finding.outcome == Outcome::Repairable) {
        leave(finding, NotRepaired::Unsafe, terms);
    }
    judged
}

/// Marks a finding as not repaired, with another remedy: what is true of a Secret on its way to a cluster is not true of it.
fn leave(finding: &mut ReportedFinding, why: NotRepaired, terms: Terms<'_>) {
    finding.outcome = Outcome::Held(why.message(terms.policy.language));
    finding.statement.remedy = why.remedy().line(terms.policy.language);
}

impl<'f> Manifest<'f> {
    /// Reads a file.
    #[must_use]
    pub fn read(path: &'f str, content: &'f Content<'f>) -> Self {
        Manifest::new(path, content, FileContents::read(path, content))
    }

    /// Reads a file that a kustomization lists.
    #[must_use]
    pub fn read_listed(path: &'f str, content: &'f Content<'f>, listed: &ListedConfig) -> Self {
        let mut contents = FileContents::read_docker_config(content, listed.secret_type);
        for secret in &mut contents.secrets {
            secret.origin = Origin::ListedFile;
            secret.object = Some(listed.object.clone());
        }
        Manifest::new(path, content, contents)
    }

    fn new(path: &'f str, content: &'f Content<'f>, contents: FileContents) -> Self {
        let text = content.text();
        Manifest { path, content, text, lines: Lines::new(text), contents }
    }

    /// Judges what is in it.
    #[must_use]
    pub fn check(&self, terms: Terms<'_>) -> Checked {
        self.check_by(|secret| secret.judge(terms), terms)
    }

    /// Judges what is in it by `judge`. If that panics, the Secret is reported as an internal error.
    fn check_by<'s>(&'s self, judge: impl Fn(&'s PullSecret) -> Judgement<'s>, terms: Terms<'_>) -> Checked {
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
        let findings = judgement.findings.iter().map(|found| {
            let holder = &secret.place.holder;
            let mut finding = ReportedFinding::new(found, holder, BY_REPAIR, terms.policy.language);
            finding.region = Some(self.finding_region(secret, found, &excerpts));
            if let Some(why) = plan.reason(found.place.offset()).filter(|_| found.repairable) {
                leave(&mut finding, why, terms);
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
            notes.extend(
                secret.unfilled.iter().map(|entry| note(entry.start, ProblemKind::FilledInLater.message())),
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

    fn listed(&self, listed: &kustomization::ListedFile, terms: Terms<'_>) -> ListedConfig {
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
        found: &finding::Finding<'_>,
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

/// An unknown user, and the namespace if the file names it.
fn requester(object: Option<&Object>) -> Requester<'_> {
    let namespace = object.and_then(|object| object.namespace.as_deref()).unwrap_or_default();
    Requester { namespace, user: "", groups: &[] }
}

/// Findings that mean little in a user's own Docker config, whose credentials are in a helper.
const OF_HELPER: [Rule; 4] =
    [Rule::ClientOnlySettings, Rule::NoCredentials, Rule::NoRegistries, Rule::EmptyLeftover];

/// Findings that are not about the credentials or the key of an entry.
const OF_STRUCTURE: [Rule; 2] = [Rule::AmbiguousJson, Rule::NotAnObject];

impl PullSecret {
    /// Judges as the webhook would if this file were applied: by an unknown user, to a namespace that is known only if
    /// the file names it. What is kept or filled in elsewhere is not judged.
    fn judge<'a>(&'a self, terms: Terms<'_>) -> Judgement<'a> {
        let requester = requester(self.object.as_ref());
        let secret =
            Secret { secret_type: self.secret_type, document: &self.document, data_bytes: self.data_bytes };
        let request = Request { requester, now: terms.now, secret, old: None };
        let mut judgement = judge(terms.policy, &request);
        judgement.findings.retain(|found| {
            let rule = found.rule();
            let is_unfilled = self.is_unfilled(found.place.offset()) && !OF_STRUCTURE.contains(&rule);
            let is_of_helper = self.helper.is_some() && OF_HELPER.contains(&rule);
            !is_unfilled && !is_of_helper
        });
        let repair = judgement.repair.take();
        judgement.repair = repair.and_then(|repair| repair.without(|entry| self.is_unfilled(entry.start)).0);
        judgement
    }
}
