//! Kustomizations: the Secrets that a `secretGenerator` makes.
//!
//! Its syntax is that of kustomize's api/kv: a literal is `KEY=VALUE`, in which quotation marks around the value are
//! removed; a file is `KEY=PATH`, or a path whose last part is the key.

use std::ops::Range;

use regcred_engine::secret::SecretType;
use regcred_engine::shape;
use zeroize::Zeroizing;

use super::file_contents::{FileContents, ListedFile, name};
use super::placeholder::{Tools, is_json, is_placeholder_for_all};
use super::problem::{Problem, ProblemKind};
use super::pull_secret::{DocumentPlace, Misshapen, Origin, PullSecret, Writing};
use super::scalar::Map;
use super::secret::{is_filled_in_later, missing_key};
use super::tree::{NodeData, NodeId, Tree};
use crate::report::Object;

/// Whether a file with this name is a kustomization even if it does not say its kind.
pub(super) fn is_name(file_name: &str) -> bool {
    matches!(file_name, "kustomization.yaml" | "kustomization.yml" | "Kustomization")
}

/// Whether an object is a kustomization. Flux has another kind with the same name.
pub(super) fn is_one(version: Option<&str>, kind: Option<&str>, has_its_name: bool) -> bool {
    let is_of_kustomize = version.is_some_and(|version| version.starts_with("kustomize.config.k8s.io/"));
    match kind {
        Some("Kustomization" | "Component") => is_of_kustomize || version.is_none() && has_its_name,
        Some(_) => false,
        None => has_its_name,
    }
}

/// Reads the generators of a kustomization.
pub(super) fn read(file: &str, tree: &Tree, id: NodeId, contents: &mut FileContents) {
    let members = tree.members(id).unwrap_or_default();
    let Some(generators) = members.get("secretGenerator") else { return };
    for (index, generator) in list(tree, generators.value).into_iter().enumerate() {
        Generator { file, tree, id: generator, index }.read(contents);
    }
}

fn list(tree: &Tree, id: NodeId) -> Vec<NodeId> {
    match tree.resolve(id) {
        Some((_, NodeData::List(items), _)) => items.clone(),
        _ => Vec::new(),
    }
}

/// One item of a `secretGenerator`.
struct Generator<'t> {
    file: &'t str,
    tree: &'t Tree,
    id: NodeId,
    index: usize,
}

/// One literal or file of a generator.
struct KeySource<'t> {
    list: &'static str,
    index: usize,
    node: NodeId,
    key: &'t str,
    /// The value of a literal, or the path of a file, as bytes of the scalar.
    value: Range<usize>,
}

impl<'t> Generator<'t> {
    fn read(&self, contents: &mut FileContents) {
        let members = self.tree.members(self.id).unwrap_or_default();
        let text = |name: &str| members.get(name).and_then(|member| self.tree.text(member.value));
        let object = Object {
            namespace: text("namespace").and_then(name),
            name: text("name").and_then(name),
            resource_version: None,
        };
        let sources = self.sources();
        // Such a generator changes the Secret of another one, which has the type and can have the other keys.
        let is_change = matches!(text("behavior"), Some("merge" | "replace"));
        let secret_type = match text("type") {
            Some(type_name) if is_filled_in_later(type_name) => return,
            Some(type_name) => SecretType::from_name(type_name),
            None if is_change => sources.iter().find_map(|source| type_of_key(source.key)),
            None => None,
        };
        let misshapen = |shape, place: NodeId, field: String| Misshapen {
            origin: Origin::Generator,
            object: Some(object.clone()),
            shape,
            place: self.tree.span(place),
            field,
        };
        let Some(secret_type) = secret_type else {
            let document = sources.iter().find_map(|source| Some((source, type_of_key(source.key)?)));
            if let Some((source, meant)) = document {
                let (place, field) = match members.get("type") {
                    Some(member) => (member.value, self.field("type")),
                    None => (source.node, self.field(&format!("{}[{}]", source.list, source.index))),
                };
                contents.misshapen.push(misshapen(shape::Misshapen::WrongType(meant), place, field));
            }
            return;
        };
        let documents: Vec<_> =
            sources.iter().filter(|source| source.key == secret_type.data_key()).collect();
        let has_unread_sources = ["env", "envs"].iter().any(|name| members.contains_key(name));
        if let Some(first) = sources.first()
            && documents.is_empty()
            && !is_change
            && !has_unread_sources
        {
            let keys = sources.iter().map(|source| (source.key, self.literal(source)));
            let shape = missing_key(secret_type, keys);
            contents.misshapen.push(misshapen(shape, first.node, self.field(first.list)));
        }
        for source in documents {
            if source.list == "files" {
                contents.listed.push(ListedFile {
                    path: self.text(source.node).get(source.value.clone()).unwrap_or_default().into(),
                    secret_type,
                    object: object.clone(),
                    place: self.tree.span(source.node),
                });
                continue;
            }
            match self.secret(source, secret_type) {
                Ok(secret) => contents.secrets.push(PullSecret { object: Some(object.clone()), ..secret }),
                Err(problem) => contents.problems.push(Problem { object: Some(object.clone()), ..problem }),
            }
        }
    }

    fn field(&self, inner: &str) -> String {
        format!("secretGenerator[{}].{inner}", self.index)
    }

    fn text(&self, id: NodeId) -> &'t str {
        self.tree.text(id).unwrap_or_default()
    }

    fn sources(&self) -> Vec<KeySource<'t>> {
        let members = self.tree.members(self.id).unwrap_or_default();
        let mut sources = Vec::new();
        for list_name in ["literals", "files"] {
            let Some(member) = members.get(list_name) else { continue };
            for (index, node) in list(self.tree, member.value).into_iter().enumerate() {
                let text = self.text(node);
                let parts = text.split_once('=');
                let (key, value) = match (list_name, parts) {
                    ("literals", Some((key, value))) => {
                        let end = value.trim_end_matches(['"', '\'']).len();
                        let start = value.len() - value.trim_start_matches(['"', '\'']).len();
                        let begin = key.len() + 1;
                        (key, begin + start.min(end)..begin + end)
                    }
                    ("files", Some((key, _))) => (key, key.len() + 1..text.len()),
                    ("files", None) => (text.rsplit('/').next().unwrap_or_default(), 0..text.len()),
                    _ => continue,
                };
                sources.push(KeySource { list: list_name, index, node, key, value });
            }
        }
        sources
    }

    /// The value of a literal.
    fn literal(&self, source: &KeySource<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let value = self.text(source.node).get(source.value.clone())?;
        (source.list == "literals").then(|| Zeroizing::new(value.as_bytes().to_vec()))
    }

    /// The document in a literal.
    fn secret(&self, source: &KeySource<'_>, secret_type: SecretType) -> Result<PullSecret, Problem> {
        let document = self.literal(source).unwrap_or_default();
        let value = self.tree.span(source.node);
        let problem = |kind| Problem::new(value.start, kind);
        let text = std::str::from_utf8(&document).unwrap_or_default();
        if is_placeholder_for_all(text) || !is_json(text) && Tools::Any.may_make_json_of(text) {
            return Err(problem(ProblemKind::Placeholder));
        }
        let Some((node, NodeData::Scalar(scalar), shared)) = self.tree.resolve(source.node) else {
            return Err(problem(ProblemKind::NotText("secretGenerator", secret_type)));
        };
        let map = Map::new(self.file, &self.tree.span(node), scalar.style, &scalar.text);
        let key = map.as_ref().and_then(|map| map.range(&(0..source.key.len())));
        let place = DocumentPlace {
            holder: self.field(&format!("{}[{}]", source.list, source.index)),
            key: key.unwrap_or_else(|| value.clone()),
            style: scalar.style,
            writing: Writing::Plain(map.and_then(|map| map.part(&source.value))),
            value,
            shared,
            sealed: false,
        };
        Ok(PullSecret::new(Origin::Generator, secret_type, document, place))
    }
}

/// The type whose document has this data key.
fn type_of_key(key: &str) -> Option<SecretType> {
    SecretType::ALL.into_iter().find(|known| known.data_key() == key)
}
