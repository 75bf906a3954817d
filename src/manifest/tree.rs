//! A manifest as a tree whose values know their position in the file. YAML and JSON give the same tree.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use super::scalar::Style;

/// A value of a [`Tree`].
pub(super) type NodeId = usize;

/// One YAML document or JSON value.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<TreeNode>,
    /// The number of members that were visited because of merges.
    merged: Cell<usize>,
}

/// A value and its position.
pub(super) struct TreeNode {
    /// Bytes of the file. A block scalar begins after the indentation of its first line that is not empty.
    pub(super) span: Range<usize>,
    pub(super) value: NodeData,
    /// Whether an alias refers to it.
    pub(super) referred_to: bool,
}

/// A value. Texts contain credentials: there is no `Debug`.
pub(super) enum NodeData {
    Null,
    /// A number or a boolean.
    Other,
    Scalar(Scalar),
    List(Vec<NodeId>),
    Map(Vec<(NodeId, NodeId)>),
    Alias(NodeId),
}

/// A text after decoding, and how it is written in the file.
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) style: Style,
}

/// A member of a mapping.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) key: NodeId,
    pub(super) value: NodeId,
    /// It comes from an alias or a merge, or others refer to it: a change of it would change other places, too.
    pub(super) shared: bool,
}

/// At most this many members are merged into the mappings of a document, which bounds the cost of aliases of aliases.
const MAX_MERGED_MEMBERS: usize = 1_000_000;

impl Tree {
    pub(super) fn add(&mut self, span: Range<usize>, value: NodeData) -> NodeId {
        self.nodes.push(TreeNode { span, value, referred_to: false });
        self.nodes.len() - 1
    }

    pub(super) fn span(&self, id: NodeId) -> Range<usize> {
        self.nodes.get(id).map_or(0..0, |node| node.span.clone())
    }

    /// Returns the value of an id, with aliases resolved, and whether others share it.
    pub(super) fn resolve(&self, id: NodeId) -> Option<(NodeId, &NodeData, bool)> {
        let node = self.nodes.get(id)?;
        match &node.value {
            // An alias refers to a node, never to an alias.
            NodeData::Alias(target) => Some((*target, &self.nodes.get(*target)?.value, true)),
            value => Some((id, value, node.referred_to)),
        }
    }

    pub(super) fn text(&self, id: NodeId) -> Option<&str> {
        match self.resolve(id)?.1 {
            NodeData::Scalar(text) => Some(&text.text),
            _ => None,
        }
    }

    /// Returns the members of a mapping as kubectl reads them: if a name is repeated, the last one counts, and the members of
    /// `<<` replace those before it. Returns `None` if the value is not a mapping.
    pub(super) fn members(&self, id: NodeId) -> Option<BTreeMap<&str, Member>> {
        let (_, NodeData::Map(_), shared) = self.resolve(id)? else { return None };
        let mut members = BTreeMap::new();
        self.merge(id, shared, &mut members, 0);
        Some(members)
    }

    fn merge<'t>(&'t self, id: NodeId, shared: bool, members: &mut BTreeMap<&'t str, Member>, depth: usize) {
        let Some((_, NodeData::Map(pairs), _)) = self.resolve(id) else { return };
        for &(key, value) in pairs {
            if depth > 0 {
                self.merged.set(self.merged.get() + 1);
                if depth == 16 || self.merged.get() > MAX_MERGED_MEMBERS {
                    return;
                }
            }
            let Some((_, NodeData::Scalar(name), _)) = self.resolve(key) else { continue };
            if name.text == "<<" && name.style == Style::Plain {
                match self.resolve(value) {
                    // If there are several, the first one counts.
                    Some((_, NodeData::List(maps), _)) => {
                        for &map in maps.iter().rev() {
                            self.merge(map, true, members, depth + 1);
                        }
                    }
                    _ => self.merge(value, true, members, depth + 1),
                }
                continue;
            }
            let shared = shared || self.resolve(value).is_some_and(|(.., shared)| shared);
            members.insert(&name.text, Member { key, value, shared });
        }
    }
}
