//! What was found in a file.

use std::ops::Range;
use std::path::PathBuf;

use regcred_engine::secret::SecretType;

use super::problem::Problem;
use super::pull_secret::{Misshapen, PullSecret};
use super::tree::{Member, NodeId, Tree};
use crate::report::Object;

/// What a file contains.
#[derive(Default)]
pub(super) struct FileContents {
    pub(super) secrets: Vec<PullSecret>,
    /// The Secrets without a document that can be judged: the type or the data key is wrong.
    pub(super) misshapen: Vec<Misshapen>,
    pub(super) problems: Vec<Problem>,
    /// The policy files among its documents.
    pub(super) policies: Vec<Range<usize>>,
    /// The Docker configs that a kustomization makes Secrets of.
    pub(super) listed: Vec<ListedFile>,
    /// Documents that do not parse and have nothing to do with pull Secrets.
    pub(super) skipped: usize,
}

/// A file that a kustomization makes a pull Secret of.
#[derive(Clone, Debug)]
pub(super) struct ListedFile {
    /// As written, relative to the folder of the kustomization.
    pub(super) path: PathBuf,
    pub(super) secret_type: SecretType,
    pub(super) object: Object,
    /// Where the kustomization lists it.
    pub(super) place: Range<usize>,
}

/// Reads the name and namespace, if they are names that the API server accepts: nothing else is shown.
pub(super) fn object(tree: &Tree, metadata: Option<&Member>) -> Object {
    let metadata = metadata.and_then(|metadata| tree.members(metadata.value)).unwrap_or_default();
    let name = |field: &str| name(tree.text(metadata.get(field)?.value)?);
    Object { namespace: name("namespace"), name: name("name"), resource_version: None }
}

/// A name, if the API server accepts it.
pub(super) fn name(text: &str) -> Option<String> {
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    (!text.is_empty() && text.len() <= 253 && text.bytes().all(is_allowed)).then(|| text.to_owned())
}

/// Whether sops has written this. All of it, encrypted or not, is in its checksum.
pub(super) fn is_sealed_by_sops(tree: &Tree, root: NodeId) -> bool {
    tree.members(root).is_some_and(|members| members.contains_key("sops"))
}
