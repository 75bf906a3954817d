//! The pull Secrets in a manifest, and where their documents stand.

use std::collections::HashSet;
use std::ops::Range;

use base64::Engine as _;
use regcred_engine::secret::{MAX_SECRET_BYTES, SecretType};
use zeroize::Zeroizing;

use super::content::Content;
use super::json;
use super::problem::{Problem, WhatIsWrong};
use super::scalar::{Map, Style};
use super::template::{Tools, is_json, is_placeholder_for_all};
use super::tree::{Member, NodeId, Tree, Value};
use super::yaml::LINE_ENDS;
use crate::base64_engines::{GO_PADDED, decoded_len};
use crate::report::Object;

/// A pull Secret, or a bare Docker config, in a file. It holds credentials: there is no `Debug`.
pub(super) struct PullSecret {
    /// `None` for a bare Docker config.
    pub(super) object: Option<Object>,
    pub(super) secret_type: SecretType,
    pub(super) document: Zeroizing<Vec<u8>>,
    /// All of its data, decoded.
    pub(super) data_bytes: usize,
    pub(super) place: DocumentPlace,
}

/// Where in a file a document stands.
pub(super) struct DocumentPlace {
    /// `data` or `stringData`; `None` where the file is the document.
    pub(super) field: Option<&'static str>,
    /// The name of the data key.
    pub(super) key: Range<usize>,
    /// The text that holds it.
    pub(super) value: Range<usize>,
    pub(super) style: Style,
    pub(super) writing: Writing,
    /// The text is another's, too.
    pub(super) shared: bool,
    /// sops sees to it that nothing in the file changes.
    pub(super) sealed: bool,
}

/// How a document is written.
pub(super) enum Writing {
    /// In plain text; there is a map where it is known how.
    Plain(Option<Map>),
    Base64,
}

impl Writing {
    /// Who may fill in a document that is written so.
    pub(super) fn tools(&self) -> Tools {
        match self {
            Writing::Plain(_) => Tools::Any,
            Writing::Base64 => Tools::Vault,
        }
    }
}

/// Documents that aliases repeat come to so many bytes at most: thousands of real ones.
const REPEATED_BYTES: usize = 8 << 20;

/// What was found in a file.
#[derive(Default)]
pub(super) struct Found {
    pub(super) secrets: Vec<PullSecret>,
    pub(super) problems: Vec<Problem>,
    /// The policy files among its documents.
    pub(super) policies: Vec<Range<usize>>,
    /// Documents that do not parse and have nothing to do with pull Secrets.
    pub(super) skipped: usize,
}

impl Found {
    /// What there is in one YAML document or JSON value.
    pub(super) fn of(file: &str, tree: &Tree, root: NodeId, range: &Range<usize>) -> Self {
        let mut found = Found::default();
        found.objects(file, tree, root, range);
        found
    }

    /// Whether there is a pull Secret, be it one that cannot be judged.
    pub(super) const fn is_secret(&self) -> bool {
        !self.secrets.is_empty() || !self.problems.is_empty()
    }

    /// Records a document that does not parse. It is an error only if it mentions what this is about: most files that do
    /// not parse are templates and configurations of other programs.
    pub(super) fn unparsed(&mut self, document: &str, problem: Problem) {
        if !mentions_pull_secrets(document) {
            self.skipped += 1;
        } else if problem.what != WhatIsWrong::Template || !self.has_template() {
            self.problems.push(problem);
        }
    }

    /// One error for a template is enough for a file.
    fn has_template(&self) -> bool {
        self.problems.iter().any(|problem| problem.what == WhatIsWrong::Template)
    }

    /// Records a file that is not text.
    pub(super) fn not_text(&mut self, bytes: &[u8]) {
        if bytes.starts_with(GIT_CRYPT) {
            self.problems.push(Problem::new(0, WhatIsWrong::Encrypted));
        } else {
            self.unparsed(&String::from_utf8_lossy(bytes), Problem::new(0, WhatIsWrong::NotUtf8));
        }
    }

    /// Takes in the objects of one YAML document or JSON value, which is at `range` of the file.
    pub(super) fn objects(&mut self, file: &str, tree: &Tree, root: NodeId, range: &Range<usize>) {
        let sealed = is_sealed(tree, root);
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
            let core = version.is_none_or(|version| version == "v1");
            let is_list = kind.is_some_and(|kind| kind.ends_with("List"));
            if let Some(items) = members.get("items").filter(|_| core && is_list) {
                if let Some((_, Value::List(items), _)) = tree.resolve(items.value) {
                    // The last is taken first.
                    left.extend(items.iter().rev().map(|item| (*item, kind == Some("SecretList"))));
                }
                continue;
            }
            if core && (kind == Some("Secret") || in_secret_list && kind.is_none()) {
                let secret_type = text("type").and_then(SecretType::from_name);
                if let Some(secret_type) = secret_type {
                    let object = object(tree, members.get("metadata"));
                    match secret(file, tree, id, secret_type, sealed) {
                        Ok(secret) => {
                            repeated += if secret.place.shared { secret.document.len() } else { 0 };
                            if repeated > REPEATED_BYTES {
                                let object = Some(object);
                                let offset = tree.span(id).start;
                                let what = WhatIsWrong::Repeated;
                                self.problems.push(Problem { offset, object, what });
                                return;
                            }
                            self.secrets.push(PullSecret { object: Some(object), ..secret });
                        }
                        Err(problem) => self.problems.push(Problem { object: Some(object), ..problem }),
                    }
                }
            }
        }
    }
}

/// How a file begins that git-crypt has encrypted (its `commands.cpp`).
const GIT_CRYPT: &[u8] = b"\0GITCRYPT\0";

/// Whether a text has one of the words that a pull Secret, a Docker config or a policy file cannot do without.
fn mentions_pull_secrets(text: &str) -> bool {
    const WORDS: [&str; 5] = ["dockerconfigjson", "dockercfg", "auths", "credsStore", "credHelpers"];
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !is_word(c)).any(|word| WORDS.contains(&word)) || text.contains("regcred/v")
}

/// What `check` and `scan` write as JSON: it has the version of a policy, and may lie in a folder that is checked.
const REPORTED: [&str; 4] = ["Finding", "Error", "Note", "Summary"];

/// Whether this is a policy file, be it one whose version or kind is misspelt.
fn is_policy(version: Option<&str>, kind: Option<&str>) -> bool {
    version.is_some_and(|version| match kind {
        Some("Policy") => version.starts_with("regcred"),
        kind => version == "regcred/v1" && kind.is_none_or(|kind| !REPORTED.contains(&kind)),
    })
}

/// The name and namespace, as far as they are such: only what the API server would take is shown.
fn object(tree: &Tree, metadata: Option<&Member>) -> Object {
    let metadata = metadata.and_then(|metadata| tree.members(metadata.value)).unwrap_or_default();
    let name = |field: &str| {
        let text = tree.text(metadata.get(field)?.value)?;
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        (!text.is_empty() && text.len() <= 253 && text.bytes().all(plain)).then(|| text.to_owned())
    };
    Object { namespace: name("namespace"), name: name("name"), resource_version: None }
}

/// The document of a Secret. `stringData` counts before `data`, as in the API server.
fn secret(
    file: &str,
    tree: &Tree,
    id: NodeId,
    secret_type: SecretType,
    sealed: bool,
) -> Result<PullSecret, Problem> {
    let at = |id: NodeId| tree.span(id).start;
    let members = tree.members(id).unwrap_or_default();
    let mut data = std::collections::BTreeMap::new();
    let mut wins = None;
    for field in ["data", "stringData"] {
        let Some(member) = members.get(field) else { continue };
        let Some((_, value, _)) = tree.resolve(member.value) else { continue };
        if matches!(value, Value::Null) {
            continue;
        }
        let inner = tree
            .members(member.value)
            .ok_or_else(|| Problem::new(at(member.key), WhatIsWrong::NoMapping(field)))?;
        for (name, inner) in inner {
            let is_document = name == secret_type.data_key();
            if matches!(tree.resolve(inner.value), Some((_, Value::Null, _))) {
                // It counts as empty, and under `stringData` it empties what `data` has.
                data.insert(name, 0);
                if is_document && wins.is_some() {
                    return Err(Problem::new(at(inner.key), WhatIsWrong::Emptied(secret_type)));
                }
                continue;
            }
            let plain = field == "stringData";
            let text = tree.text(inner.value).unwrap_or_default();
            let bytes = if plain { text.len() } else { decoded_len(&without_line_breaks(text)) };
            data.insert(name, bytes);
            if is_document {
                wins = Some((field, Member { shared: inner.shared || member.shared, ..inner }));
            }
        }
    }
    let (field, member) =
        wins.ok_or_else(|| Problem::new(tree.span(id).start, WhatIsWrong::NoDocument(secret_type)))?;
    let problem = |what| Problem::new(at(member.key), what);
    let Some((node, Value::Text(text), _)) = tree.resolve(member.value) else {
        return Err(problem(WhatIsWrong::NoText(field, secret_type)));
    };
    if sealed && text.text.starts_with("ENC[") {
        return Err(problem(WhatIsWrong::Encrypted));
    }
    let value = tree.span(node);
    let source = file.get(value.clone()).unwrap_or_default();
    if text.style != Style::Json && source.contains(LINE_ENDS) {
        return Err(problem(WhatIsWrong::LineEnd));
    }
    if is_placeholder_for_all(&text.text) {
        return Err(problem(WhatIsWrong::Placeholder));
    }
    let (document, writing) = if field == "stringData" {
        let map = Map::new(file, &value, text.style, &text.text);
        (text.text.clone().into_bytes(), Writing::Plain(map))
    } else {
        let letters = without_line_breaks(&text.text);
        let document = GO_PADDED.decode(&letters).map_err(|_| {
            let without_blanks = letters.replace([' ', '\t'], "");
            problem(if Tools::Any.fill_in(&text.text) {
                WhatIsWrong::Placeholder
            } else if without_blanks.len() < letters.len() && GO_PADDED.decode(without_blanks).is_ok() {
                WhatIsWrong::BlankInBase64(secret_type)
            } else {
                WhatIsWrong::NotBase64(secret_type)
            })
        })?;
        (document, Writing::Base64)
    };
    let document = Zeroizing::new(document);
    if document.len() > MAX_SECRET_BYTES {
        return Err(problem(WhatIsWrong::TooLarge));
    }
    // JSON that is left open by a template is a template, and no JSON that is wrong.
    if let Ok(text) = std::str::from_utf8(&document)
        && !is_json(text)
        && writing.tools().may_make_json_of(text)
    {
        return Err(problem(WhatIsWrong::Placeholder));
    }
    Ok(PullSecret {
        object: None,
        secret_type,
        document,
        data_bytes: data.values().sum(),
        place: DocumentPlace {
            field: Some(field),
            key: tree.span(member.key),
            value,
            style: text.style,
            writing,
            shared: member.shared,
            sealed,
        },
    })
}

/// Go's decoder ignores line breaks.
fn without_line_breaks(base64: &str) -> String {
    base64.replace(['\r', '\n'], "")
}

/// A file that is a Docker config itself. Consumers read its bytes: in UTF-16 it is not JSON to them.
pub(super) fn bare(content: &Content<'_>, secret_type: SecretType) -> PullSecret {
    let file = content.text();
    PullSecret {
        object: None,
        secret_type,
        document: Zeroizing::new(content.bytes().to_vec()),
        // There is no limit for it.
        data_bytes: 0,
        place: DocumentPlace {
            field: None,
            key: 0..0,
            value: 0..file.len(),
            style: Style::Plain,
            writing: Writing::Plain((!content.is_utf16()).then(|| Map::of_file(file))),
            shared: false,
            sealed: json::read(file)
                .is_ok_and(|trees| trees.iter().any(|(tree, root)| is_sealed(tree, *root))),
        },
    }
}

/// Whether sops has written this: encrypted or not, all of it is in its checksum.
fn is_sealed(tree: &Tree, root: NodeId) -> bool {
    tree.members(root).is_some_and(|members| members.contains_key("sops"))
}

/// Whether a JSON value is a Docker config: no object of Kubernetes, and a field that only such a config has.
pub(super) fn is_docker_config(tree: &Tree, root: NodeId) -> bool {
    let Some(members) = tree.members(root) else { return false };
    let known = ["auths", "credsStore", "credHelpers"];
    !members.contains_key("kind")
        && members.keys().any(|name| known.iter().any(|known| name.eq_ignore_ascii_case(known)))
}
