//! Pull Secrets in files: where they are, what is wrong with them, and how they are repaired without changing anything
//! else.
//!
//! The data flow of one file: [`yaml`] or [`json`] parse it into a [`tree`], [`contents`] finds the objects in it, [`secret`],
//! [`docker_config`], [`kustomization`] and [`secret_template`] read their documents, the engine judges each ([`check`]), [`scalar`] maps
//! places of a document to places of the file, [`excerpt`] makes lines that are safe to show, and [`repair`] edits the file.
//! [`input`] and [`replace`] read and write the files themselves.

mod check;
pub mod content;
mod contents;
#[cfg(not(target_family = "wasm"))]
pub mod diff;
mod docker_config;
mod documents;
mod elsewhere;
mod excerpt;
mod file_contents;
#[cfg(not(target_family = "wasm"))]
pub mod file_error;
pub mod hunks;
#[cfg(not(target_family = "wasm"))]
pub mod input;
mod json;
mod kustomization;
mod lines;
pub(crate) mod objects;
mod placeholder;
mod problem;
mod pull_secret;
mod repair;
#[cfg(not(target_family = "wasm"))]
pub mod replace;
mod scalar;
mod secret;
mod secret_template;
mod tree;
#[cfg(not(target_family = "wasm"))]
pub mod walk;
mod yaml;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use jiff::Timestamp;
use regcred_engine::judge::{Judgement, Request, judge};
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::rules::Rule;
use regcred_engine::secret::{Secret, SecretType};

use crate::guarded::guarded;
use crate::report::{Object, Trouble};
use content::Content;
use file_contents::FileContents;
use lines::Lines;
use problem::{Problem, ProblemKind};
use pull_secret::{Origin, PullSecret};

pub use check::{Checked, after_repair};
pub use documents::ManifestDocument;

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

impl<'f> Manifest<'f> {
    /// Reads a file.
    #[must_use]
    pub fn read(path: &'f str, content: &'f Content<'f>) -> Self {
        Manifest::read_by(|| FileContents::read(path, content), path, content)
    }

    /// Reads a file that a kustomization lists.
    #[must_use]
    pub fn read_listed(path: &'f str, content: &'f Content<'f>, listed: &ListedConfig) -> Self {
        let read = || {
            let mut contents = FileContents::read_docker_config(content, listed.secret_type);
            for secret in &mut contents.secrets {
                secret.origin = Origin::ListedFile;
                secret.object = Some(listed.object.clone());
            }
            contents
        };
        Manifest::read_by(read, path, content)
    }

    /// Reads a file by `read`. If that panics, the file is reported as an internal error.
    fn read_by(read: impl FnOnce() -> FileContents, path: &'f str, content: &'f Content<'f>) -> Self {
        let contents = guarded(read).unwrap_or_else(|| FileContents {
            problems: vec![Problem::new(0, ProblemKind::InternalError)],
            ..FileContents::default()
        });
        let text = content.text();
        Manifest { path, content, text, lines: Lines::new(text), contents }
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
    fn secret(&self) -> Secret<'_> {
        Secret { secret_type: self.secret_type, document: &self.document, data_bytes: self.data_bytes }
    }

    /// Judges as the webhook would if this file were applied: by an unknown user, to a namespace that is known only if
    /// the file names it. What is kept or filled in elsewhere is not judged.
    fn judge<'a>(&'a self, terms: Terms<'_>) -> Judgement<'a> {
        let requester = requester(self.object.as_ref());
        let request = Request { requester, now: terms.now, secret: self.secret(), old: None };
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
