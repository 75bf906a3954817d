//! What a file contains: its documents, and the pull Secrets and policies among them.

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use regcred_engine::secret::SecretType;

use super::content::Content;
use super::docker_config;
use super::file_contents::{FileContents, is_sealed_by_sops, object};
use super::json;
use super::kustomization;
use super::placeholder::Tools;
use super::problem::{Problem, ProblemKind};
use super::pull_secret::{Misshapen, PullSecret};
use super::secret::{self, Read};
use super::secret_template;
use super::tree::{NodeData, NodeId, Tree};
use super::yaml;

/// The documents that aliases repeat have at most this many bytes in total: thousands of real ones.
const MAX_REPEATED_BYTES: usize = 8 << 20;

/// How a file that git-crypt has encrypted begins (its `commands.cpp`).
const GIT_CRYPT: &[u8] = b"\0GITCRYPT\0";

impl FileContents {
    /// Reads a file. Its name decides what a Docker config and a kustomization are.
    pub(super) fn read(path: &str, content: &Content<'_>) -> Self {
        let mut contents = FileContents::default();
        if !content.is_text() {
            contents.not_text(content.bytes());
            return contents;
        }
        let text = content.text();
        let name = path.rsplit('/').next().unwrap_or_default();
        let by_name = match name {
            ".dockercfg" => Some(SecretType::DockerCfg),
            ".dockerconfigjson" => Some(SecretType::DockerConfigJson),
            _ => None,
        };
        if let Some(secret_type) = by_name {
            contents.secrets.push(docker_config::read(content, secret_type));
            return contents;
        }
        let file = File { text, is_kustomization: kustomization::is_name(name) };
        let begin = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let after_mark = text.get(begin..).unwrap_or_default();
        if after_mark.trim_start().starts_with('{') {
            contents.braces(&file, name, begin, content);
        } else {
            contents.yaml(&file, begin);
        }
        contents
    }

    /// Reads a Docker config that is one because something else says so.
    pub(super) fn read_docker_config(content: &Content<'_>, secret_type: SecretType) -> Self {
        let mut contents = FileContents::default();
        if content.is_text() {
            contents.secrets.push(docker_config::read(content, secret_type));
        } else {
            contents.not_text(content.bytes());
        }
        contents
    }

    /// Whether there is a pull Secret, even if it cannot be judged.
    const fn has_secret(&self) -> bool {
        !self.secrets.is_empty() || !self.misshapen.is_empty() || !self.problems.is_empty()
    }

    /// Records a document that does not parse. It is an error only if it mentions pull Secrets: most files that do not
    /// parse are templates and configurations of other programs.
    fn unparsed(&mut self, document: &str, problem: Problem) {
        if !mentions_pull_secrets(document) {
            self.skipped += 1;
        } else if problem.kind != ProblemKind::Template || !self.has_template() {
            self.problems.push(problem);
        }
    }

    /// One error for a template is enough for a file.
    fn has_template(&self) -> bool {
        self.problems.iter().any(|problem| problem.kind == ProblemKind::Template)
    }

    fn not_text(&mut self, bytes: &[u8]) {
        if bytes.starts_with(GIT_CRYPT) {
            self.problems.push(Problem::new(0, ProblemKind::Encrypted));
        } else {
            self.unparsed(&String::from_utf8_lossy(bytes), Problem::new(0, ProblemKind::NotUtf8));
        }
    }

    /// Reads a file that begins with a brace: JSON, or YAML in braces. `begin` is the length of its byte order mark.
    fn braces(&mut self, file: &File<'_>, name: &str, begin: usize, content: &Content<'_>) {
        let text = file.text.get(begin..).unwrap_or_default();
        // White space in place of the mark, which JSON allows, keeps the offsets.
        let blank = format!("{}{text}", " ".repeat(begin));
        match json::read(&blank) {
            Ok(trees) => {
                if let [(tree, root)] = trees.as_slice()
                    && docker_config::is_one(tree, *root)
                {
                    self.secrets.push(docker_config::read(content, SecretType::DockerConfigJson));
                    return;
                }
                for (tree, root) in &trees {
                    self.objects(file, tree, *root, &(0..file.text.len()));
                }
            }
            Err(_) if is_meant_as_docker_config(name, text, begin) => {
                if Tools::Any.may_make_json_of(text) {
                    self.problems.push(Problem::new(begin, ProblemKind::Placeholder));
                } else {
                    self.secrets.push(docker_config::read(content, SecretType::DockerConfigJson));
                }
            }
            Err(problem) => {
                // kubectl also reads YAML in braces.
                let mut yaml = FileContents::default();
                yaml.yaml(file, begin);
                let is_read = |problem: &Problem| {
                    let is_no_error = problem.report_as().is_note();
                    is_no_error || problem.object.is_some() || problem.kind == ProblemKind::Template
                };
                if yaml.problems.iter().all(is_read) {
                    *self = yaml;
                } else {
                    self.unparsed(text, problem);
                }
            }
        }
    }

    fn yaml(&mut self, file: &File<'_>, begin: usize) {
        for yaml::Part { range, bad_line } in yaml::documents(file.text.get(begin..).unwrap_or_default()) {
            let range = range.start + begin..range.end + begin;
            let document = file.text.get(range.clone()).unwrap_or_default();
            if let Some(line) = bad_line {
                self.unparsed(document, Problem::new(begin + line, ProblemKind::TextAfterSeparator));
                continue;
            }
            match yaml::read(document, range.start) {
                Ok(trees) => {
                    for (number, (tree, root)) in trees.iter().enumerate() {
                        if number == 0 {
                            self.objects(file, tree, *root, &range);
                            continue;
                        }
                        let mut unseen = FileContents::default();
                        unseen.objects(file, tree, *root, &range);
                        if unseen.has_secret() {
                            let offset = tree.span(*root).start;
                            self.problems.push(Problem::new(offset, ProblemKind::AfterDocumentEnd));
                        }
                    }
                }
                Err(problem) => {
                    let template = ["{{", "{%"].iter().filter_map(|open| document.find(open)).min();
                    let problem = match template.filter(|_| problem.kind != ProblemKind::Template) {
                        Some(at) => Problem::new(range.start + at, ProblemKind::Template),
                        None => problem,
                    };
                    self.unparsed(document, problem);
                }
            }
        }
    }

    /// Records the objects of one YAML document or JSON value, which is at `range` of the file.
    fn objects(&mut self, file: &File<'_>, tree: &Tree, root: NodeId, range: &Range<usize>) {
        let sealed = is_sealed_by_sops(tree, root);
        let mut left = vec![(root, false)];
        let mut seen = HashSet::new();
        let mut repeated = 0;
        while let Some((id, in_secret_list)) = left.pop() {
            // What aliases repeat is one object: lists of aliases of lists of … would have no end.
            if !tree.resolve(id).is_some_and(|(node, ..)| seen.insert(node)) {
                continue;
            }
            let Some(members) = tree.members(id) else { continue };
            let text = |name: &str| members.get(name).and_then(|member| tree.text(member.value));
            let (version, kind) = (text("apiVersion"), text("kind"));
            if is_policy(version, kind) {
                self.policies.push(range.clone());
                continue;
            }
            let is_core = version.is_none_or(|version| version == "v1");
            let is_list = kind.is_some_and(|kind| kind.ends_with("List"));
            if let Some(items) = members.get("items").filter(|_| is_core && is_list) {
                if let Some((_, NodeData::List(items), _)) = tree.resolve(items.value) {
                    // The last one is popped first.
                    left.extend(items.iter().rev().map(|item| (*item, kind == Some("SecretList"))));
                }
                continue;
            }
            if kustomization::is_one(version, kind, file.is_kustomization) {
                kustomization::read(file.text, tree, id, self);
                continue;
            }
            let object = || object(tree, members.get("metadata"));
            if let Some(kind) = secret_template::kind(version, kind) {
                secret_template::read(file.text, tree, id, kind, object(), self);
                continue;
            }
            if !is_core || !(kind == Some("Secret") || in_secret_list && kind.is_none()) {
                continue;
            }
            match secret::read(file.text, tree, id, sealed) {
                Ok(None) => {}
                Ok(Some(Read::Misshapen(misshapen))) => {
                    self.misshapen.push(Misshapen { object: Some(object()), ..misshapen });
                }
                Ok(Some(Read::Secret(secret))) => {
                    repeated += if secret.place.shared { secret.document.len() } else { 0 };
                    if repeated > MAX_REPEATED_BYTES {
                        let offset = tree.span(id).start;
                        let problem = Problem::new(offset, ProblemKind::TooManyAliases);
                        self.problems.push(Problem { object: Some(object()), ..problem });
                        return;
                    }
                    self.secrets.push(PullSecret { object: Some(object()), ..secret });
                }
                Err(problem) => self.problems.push(Problem { object: Some(object()), ..problem }),
            }
        }
    }
}

/// A file whose objects are read.
struct File<'f> {
    text: &'f str,
    /// Its name is that of a kustomization, which may leave out its kind.
    is_kustomization: bool,
}

/// Whether a text has one of the words without which there is no pull Secret, Docker config or policy file.
fn mentions_pull_secrets(text: &str) -> bool {
    const WORDS: [&str; 5] = ["dockerconfigjson", "dockercfg", "auths", "credsStore", "credHelpers"];
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !is_word(c)).any(|word| WORDS.contains(&word)) || text.contains("regcred/v")
}

/// Whether a text that is not JSON was meant as a bare Docker config. With a trailing comma it is still YAML, which shows
/// what it was meant as.
fn is_meant_as_docker_config(name: &str, text: &str, base: usize) -> bool {
    let is_config = || {
        let trees = yaml::read(text, base);
        matches!(trees.as_deref(), Ok([(tree, root)]) if docker_config::is_one(tree, *root))
    };
    let extension = Path::new(name).extension();
    let is_meant_as_yaml =
        extension.is_some_and(|name| name.eq_ignore_ascii_case("yaml") || name.eq_ignore_ascii_case("yml"));
    text.contains("\"auths\"") && (name == "config.json" || !is_meant_as_yaml && is_config())
}

/// The kinds of the lines that `check`, `scan` and `verify` write as JSON. They have the version of a policy, and can be in a folder
/// that is checked.
const REPORT_KINDS: [&str; 5] = ["Finding", "Error", "Note", "Summary", "Verification"];

/// Whether this is a policy file, even if its version or kind is misspelt.
fn is_policy(version: Option<&str>, kind: Option<&str>) -> bool {
    version.is_some_and(|version| match kind {
        Some("Policy") => version.starts_with("regcred"),
        kind => version == "regcred/v1" && kind.is_none_or(|kind| !REPORT_KINDS.contains(&kind)),
    })
}
