//! Secrets in files: which there are, where everything stands, what is wrong with them, and how they are repaired
//! without touching anything else.
//!
//! The way of one file: [`yaml`] or [`json`] make a [`tree`] of it, [`secret`] finds the pull Secrets in it, the engine
//! judges each, [`scalar`] finds the places in the file, [`excerpt`] makes lines of it fit to be shown, and [`repair`]
//! edits it. [`input`] and [`replace`] read and write the files themselves.

mod check;
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
use regcred_engine::judge::{Judgement, Request, judge};
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::secret::{Secret, SecretType};

use crate::report::TroubleKind;
use content::Content;
use lines::Lines;
use problem::{Problem, WhatIsWrong};
use secret::{Found, PullSecret};
use template::Tools;

pub use check::{Checked, mended};

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

impl<'f> Manifest<'f> {
    /// Reads a file.
    #[must_use]
    pub fn read(path: &'f str, content: &'f Content<'f>) -> Self {
        let text = content.text();
        Manifest { path, content, text, lines: Lines::new(text), found: found(path, content) }
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
