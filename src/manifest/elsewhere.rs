//! Credentials that are not in a document: kept in a credential helper, or filled in later.

use std::ops::Range;

use regcred_engine::secret::SecretType;

use super::json;
use super::placeholder::has_variable;
use super::tree::{NodeData, NodeId, Tree};

/// Returns the entries of a document whose key, username, password or `auth` contains `${…}` or `{{…}}`, each from the
/// quotation mark of its key to its end.
pub(super) fn unfilled_entries(document: &[u8], secret_type: SecretType) -> Vec<Range<usize>> {
    let Some(text) = std::str::from_utf8(document).ok().filter(|text| has_variable(text)) else {
        return Vec::new();
    };
    let trees = json::read(text).unwrap_or_default();
    let [(tree, root)] = trees.as_slice() else { return Vec::new() };
    let registries: Vec<_> = match secret_type {
        SecretType::DockerCfg => pairs(tree, *root).collect(),
        SecretType::DockerConfigJson => {
            let top = pairs(tree, *root).filter(|(name, _)| is_named(tree, *name, "auths"));
            top.flat_map(|(_, auths)| pairs(tree, auths)).collect()
        }
    };
    let has_variable = |id| tree.text(id).is_some_and(has_variable);
    let is_unfilled = |key, entry| {
        let mut fields = pairs(tree, entry);
        has_variable(key)
            || fields.any(|(name, value)| {
                let is_credential = ["username", "password", "auth"].iter();
                has_variable(value) && is_credential.into_iter().any(|known| is_named(tree, name, known))
            })
    };
    let unfilled = registries.into_iter().filter(|(key, entry)| is_unfilled(*key, *entry));
    unfilled.map(|(key, entry)| tree.span(key).start..tree.span(entry).end).collect()
}

/// Returns where a document names a credential helper: `credsStore` or `credHelpers` that is not null, `""` or `{}`. The
/// last value of a field counts, null aside.
pub(super) fn credential_helper(document: &[u8], secret_type: SecretType) -> Option<usize> {
    let text = std::str::from_utf8(document).ok()?;
    if secret_type == SecretType::DockerCfg {
        return None;
    }
    let trees = json::read(text).ok()?;
    let [(tree, root)] = trees.as_slice() else { return None };
    ["credsstore", "credhelpers"].into_iter().find_map(|known| {
        let values = pairs(tree, *root).filter(|(name, _)| is_named(tree, *name, known));
        let mut values = values.filter_map(|(name, value)| Some((name, tree.resolve(value)?.1)));
        let (name, value) = values.rfind(|(_, value)| !matches!(value, NodeData::Null))?;
        let is_empty = match value {
            NodeData::Scalar(scalar) => scalar.text.is_empty(),
            NodeData::Map(members) => members.is_empty(),
            _ => false,
        };
        (!is_empty).then(|| tree.span(name).start)
    })
}

/// The members of an object in their order, repeated names included.
fn pairs(tree: &Tree, id: NodeId) -> impl DoubleEndedIterator<Item = (NodeId, NodeId)> {
    let pairs = match tree.resolve(id) {
        Some((_, NodeData::Map(pairs), _)) => pairs.as_slice(),
        _ => &[],
    };
    pairs.iter().copied()
}

/// Whether a name is this known field to Go's reader, which ignores letter case (docs/facts.md, "JSON dialect").
fn is_named(tree: &Tree, name: NodeId, known: &str) -> bool {
    let folded = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    tree.text(name).is_some_and(|name| name.chars().map(folded).eq(known.chars()))
}
