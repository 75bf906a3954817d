//! Secrets in files: which there are, where everything stands, what is wrong with them, and how they are repaired
//! without touching anything else.
//!
//! The way of one file: [`yaml`] or [`json`] make a [`tree`] of it, [`secret`] finds the pull Secrets in it, the engine
//! judges each, [`scalar`] finds the places in the file, [`excerpt`] makes lines of it fit to be shown, and [`repair`]
//! edits it. [`input`] and [`replace`] read and write the files themselves.

pub mod content;
pub mod diff;
mod excerpt;
pub mod file_error;
pub mod input;
mod json;
mod lines;
mod problem;
mod repair;
pub mod replace;
mod scalar;
mod secret;
mod template;
mod tree;
pub mod walk;
mod yaml;

#[cfg(test)]
mod tests;

use std::path::Path;

use jiff::Timestamp;
use regcred_engine::finding;
use regcred_engine::judge::{Judgement, Request, judge};
use regcred_engine::place::Spot;
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::secret::{Secret, SecretType};
use regcred_engine::wording::Bilingual;

use crate::guarded::{INTERNAL_ERROR, guarded};
use crate::report::{Judged, Outcome, Region, ReportedFinding, Subject, Trouble, TroubleKind};
use content::Content;
use excerpt::Excerpts;
use lines::Lines;
use problem::{Problem, WhatIsWrong};
use repair::Hold;
use secret::{DocumentPlace, Found, PullSecret, Writing};
use template::Tools;

/// A file that is checked. It holds credentials: there is no `Debug`.
pub struct Manifest<'f> {
    /// As it is shown.
    path: &'f str,
    content: &'f Content<'f>,
    text: &'f str,
    lines: Lines<'f>,
    found: Found,
}

/// By what is judged.
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
    /// What could not be judged.
    pub troubles: Vec<Trouble>,
    /// How many policy files there are among its documents.
    pub policies: usize,
    /// How many documents were passed over because they do not parse and have nothing to do with pull Secrets.
    pub skipped: usize,
}

/// The remedy of what a repair mends: a file may be on its way into a cluster.
const BY_REPAIR: Bilingual<&str> = Bilingual {
    english: "regcred repairs this: with --fix now, or by itself on admission.",
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

impl<'f> Manifest<'f> {
    /// Reads a file.
    #[must_use]
    pub fn read(path: &'f str, content: &'f Content<'f>) -> Self {
        let text = content.text();
        Manifest { path, content, text, lines: Lines::new(text), found: found(path, content) }
    }

    /// Judges what is in it.
    #[must_use]
    pub fn check(&self, terms: Terms<'_>) -> Checked {
        self.check_by(|secret| secret.judge(terms), terms)
    }

    /// Judges what is in it by `judge`. If that panics, the Secret is reported as an internal error.
    fn check_by<'s>(&'s self, judge: impl Fn(&'s PullSecret) -> Judgement<'s>, terms: Terms<'_>) -> Checked {
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
        found: &finding::Finding<'_>,
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

    fn region(&self, range: std::ops::Range<usize>) -> Region {
        let (line, column) = self.lines.place(range.start);
        let (end_line, end_column) = self.lines.place(range.end);
        Region { line, column, end_line, end_column, excerpt: None }
    }

    /// The faults of a policy file.
    fn policy(&self, range: &std::ops::Range<usize>, checked: &mut Checked) {
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

impl PullSecret {
    /// What the webhook would say if this file were applied: by somebody who is not known, to a namespace that is known
    /// only if the file says it.
    fn judge<'a>(&'a self, terms: Terms<'_>) -> Judgement<'a> {
        let namespace =
            self.object.as_ref().and_then(|object| object.namespace.as_deref()).unwrap_or_default();
        let secret =
            Secret { secret_type: self.secret_type, document: &self.document, data_bytes: self.data_bytes };
        let requester = Requester { namespace, user: "", groups: &[] };
        judge(terms.policy, &Request { requester, now: terms.now, secret, old: None })
    }
}

/// What there is in a file.
fn found(path: &str, content: &Content<'_>) -> Found {
    let mut found = Found::default();
    if !content.is_text() {
        found.not_text(content.bytes());
        return found;
    }
    let file = content.text();
    let file_name = path.rsplit('/').next().unwrap_or_default();
    let bare = match file_name {
        ".dockercfg" => Some(SecretType::DockerCfg),
        ".dockerconfigjson" => Some(SecretType::DockerConfigJson),
        _ => None,
    };
    if let Some(secret_type) = bare {
        found.secrets.push(secret::bare(content, secret_type));
        return found;
    }
    let begin = if file.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let text = file.get(begin..).unwrap_or_default();
    if !text.trim_start().starts_with('{') {
        yaml_objects(file, begin, &mut found);
        return found;
    }
    // A place in the file is a place in the text and what is before it: JSON allows white space there.
    let blank = format!("{}{text}", " ".repeat(begin));
    match json::read(&blank) {
        Ok(trees) => {
            if let [(tree, root)] = trees.as_slice()
                && secret::is_docker_config(tree, *root)
            {
                found.secrets.push(secret::bare(content, SecretType::DockerConfigJson));
                return found;
            }
            for (tree, root) in &trees {
                found.objects(file, tree, *root, &(0..file.len()));
            }
        }
        Err(_) if is_meant_as_docker_config(file_name, text, begin) => {
            if Tools::Any.may_make_json_of(text) {
                found.problems.push(Problem::new(begin, WhatIsWrong::Placeholder));
            } else {
                found.secrets.push(secret::bare(content, SecretType::DockerConfigJson));
            }
        }
        Err(problem) => {
            // kubectl also reads YAML in braces.
            let mut yaml = Found::default();
            yaml_objects(file, begin, &mut yaml);
            let is_read = |problem: &Problem| {
                let is_no_error = problem.kind() == TroubleKind::NotJudged;
                is_no_error || problem.object.is_some() || problem.what == WhatIsWrong::Template
            };
            if yaml.problems.iter().all(is_read) {
                return yaml;
            }
            found.unparsed(text, problem);
        }
    }
    found
}

/// Whether a text that is not JSON was meant as a bare Docker config. With a comma too many it is still YAML, in which it
/// can be seen what it was meant for.
fn is_meant_as_docker_config(file_name: &str, text: &str, base: usize) -> bool {
    let is_config = || {
        let trees = yaml::read(text, base);
        matches!(trees.as_deref(), Ok([(tree, root)]) if secret::is_docker_config(tree, *root))
    };
    let extension = Path::new(file_name).extension();
    let is_meant_as_yaml =
        extension.is_some_and(|name| name.eq_ignore_ascii_case("yaml") || name.eq_ignore_ascii_case("yml"));
    text.contains("\"auths\"") && (file_name == "config.json" || !is_meant_as_yaml && is_config())
}

fn yaml_objects(file: &str, begin: usize, found: &mut Found) {
    for yaml::Part { range, bad_line } in yaml::documents(file.get(begin..).unwrap_or_default()) {
        let range = range.start + begin..range.end + begin;
        let document = file.get(range.clone()).unwrap_or_default();
        if let Some(line) = bad_line {
            found.unparsed(document, Problem::new(begin + line, WhatIsWrong::Separator));
            continue;
        }
        match yaml::read(document, range.start) {
            Ok(trees) => {
                for (number, (tree, root)) in trees.iter().enumerate() {
                    if number == 0 {
                        found.objects(file, tree, *root, &range);
                    } else if Found::of(file, tree, *root, &range).is_secret() {
                        let offset = tree.span(*root).start;
                        found.problems.push(Problem::new(offset, WhatIsWrong::BehindTheEnd));
                    }
                }
            }
            Err(problem) => {
                let template = ["{{", "{%"].iter().filter_map(|open| document.find(open)).min();
                let problem = match template.filter(|_| problem.what != WhatIsWrong::Template) {
                    Some(at) => Problem::new(range.start + at, WhatIsWrong::Template),
                    None => problem,
                };
                found.unparsed(document, problem);
            }
        }
    }
}
