//! JSON as a [`Tree`].

use serde_json::error::Category;
use serde_json::value::RawValue;

use super::problem::{Problem, ProblemKind};
use super::scalar::Style;
use super::tree::{NodeData, NodeId, Scalar, Tree};
use crate::raw_json::Members;

/// Deeper than any manifest; `serde_json` itself stops at 128.
const MAX_DEPTH: usize = 100;

/// Reads the JSON values of a text, one after the other.
pub(super) fn read(text: &str) -> Result<Vec<(Tree, NodeId)>, Problem> {
    let mut trees = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    while let Some(value) = values.next() {
        let value = value.map_err(|error| problem(text, &error, values.byte_offset()))?;
        let mut tree = Tree::default();
        let root = node(&mut tree, text, value, 0)?;
        trees.push((tree, root));
    }
    Ok(trees)
}

/// Where the text is not JSON. The parser's message is not passed on, because it can quote its input.
fn problem(text: &str, error: &serde_json::Error, offset: usize) -> Problem {
    let line_start =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let at = if error.line() == 0 { offset } else { line_start + error.column().saturating_sub(1) };
    let what = match error.classify() {
        Category::Eof => ProblemKind::TruncatedJson,
        Category::Io | Category::Syntax | Category::Data => ProblemKind::InvalidJson,
    };
    Problem::new(floor(text, at), what)
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

fn node(tree: &mut Tree, source: &str, value: &RawValue, depth: usize) -> Result<NodeId, Problem> {
    let text = value.get();
    // The value borrows from the source.
    let start = (text.as_ptr() as usize).saturating_sub(source.as_ptr() as usize);
    let span = start..start + text.len();
    let bad = || Problem::new(start, ProblemKind::InvalidJson);
    if depth > MAX_DEPTH {
        return Err(Problem::new(start, ProblemKind::TooDeep));
    }
    let value = match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text).map_err(|_| bad())?;
            let pairs = members.into_iter().map(|(key, value)| {
                Ok((node(tree, source, key, depth + 1)?, node(tree, source, value, depth + 1)?))
            });
            NodeData::Map(pairs.collect::<Result<_, Problem>>()?)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| bad())?;
            let items = items.into_iter().map(|item| node(tree, source, item, depth + 1));
            NodeData::List(items.collect::<Result<_, _>>()?)
        }
        Some(b'"') => {
            let decoded = serde_json::from_str(text).or_else(|_| serde_json::from_str(&without_halves(text)));
            let text = decoded.map_err(|_| bad())?;
            NodeData::Scalar(Scalar { text, style: Style::Json })
        }
        Some(b'n') => NodeData::Null,
        _ => NodeData::Other,
    };
    Ok(tree.add(span, value))
}

/// A string in which each half of a surrogate pair is replaced as Go replaces it.
fn without_halves(text: &str) -> String {
    let unit = |text: &str| u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok();
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        whole.push_str(before);
        let is_pair = || escape.get(6..).and_then(unit).is_some_and(|low| (0xdc00..0xe000).contains(&low));
        let (length, half) = match unit(escape) {
            Some(0xd800..0xdc00) if is_pair() => (12, false),
            Some(0xd800..0xe000) => (6, true),
            Some(_) => (6, false),
            None => (2, false),
        };
        let Some((escape, after)) = escape.split_at_checked(length) else { break };
        whole.push_str(if half { "\\ufffd" } else { escape });
        rest = after;
    }
    whole.push_str(rest);
    whole
}
