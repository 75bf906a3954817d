//! Files that are Docker configs themselves.

use regcred_engine::secret::SecretType;
use zeroize::Zeroizing;

use super::content::Content;
use super::file_contents::is_sealed_by_sops;
use super::json;
use super::pull_secret::{DocumentPlace, Origin, PullSecret, Writing};
use super::scalar::{Map, Style};
use super::tree::{NodeId, Tree};

/// Reads a file that is a Docker config itself. Consumers read its bytes, so that in UTF-16 it is not JSON.
pub(super) fn read(content: &Content<'_>, secret_type: SecretType) -> PullSecret {
    let file = content.text();
    let trees = json::read(file).unwrap_or_default();
    PullSecret::new(
        Origin::DockerConfig,
        secret_type,
        Zeroizing::new(content.bytes().to_vec()),
        DocumentPlace {
            holder: String::new(),
            key: 0..0,
            value: 0..file.len(),
            style: Style::Plain,
            writing: Writing::Plain((!content.is_utf16()).then(|| Map::of_file(file))),
            shared: false,
            sealed: trees.iter().any(|(tree, root)| is_sealed_by_sops(tree, *root)),
        },
    )
}

/// Whether a JSON value is a Docker config: not an object of Kubernetes, and with a field that only such a config has.
pub(super) fn is_one(tree: &Tree, root: NodeId) -> bool {
    let Some(members) = tree.members(root) else { return false };
    let known = ["auths", "credsStore", "credHelpers"];
    !members.contains_key("kind")
        && members.keys().any(|name| known.iter().any(|known| name.eq_ignore_ascii_case(known)))
}
