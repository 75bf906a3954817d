//! YAML as a [`Tree`], as kubectl reads it: document by document, each parsed separately.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};

use super::problem::{Problem, ProblemKind};
use super::scalar::Style;
use super::tree::{NodeData, NodeId, Scalar, Tree};
use crate::yaml_words::{is_bool, is_null};

/// A document of a stream.
pub(super) struct Part {
    pub(super) range: Range<usize>,
    /// The offset of a line that begins with `---` and has more text: kubectl refuses a document with such a line.
    pub(super) bad_line: Option<usize>,
}

/// Splits a stream into documents. kubectl splits it at lines of `---` before it parses, so that an invalid document does not
/// affect the others.
pub(super) fn documents(text: &str) -> Vec<Part> {
    let mut documents = Vec::new();
    let (mut start, mut at, mut bad_line) = (0, 0, None);
    for line in text.split_inclusive('\n') {
        if let Some(after) = line.strip_prefix("---").map(str::trim) {
            if after.is_empty() || after.starts_with('#') {
                documents.push(Part { range: start..at, bad_line: bad_line.take() });
                start = at + line.len();
            } else {
                bad_line = bad_line.or(Some(at));
            }
        }
        at += line.len();
    }
    documents.push(Part { range: start..text.len(), bad_line });
    documents
}

/// The line ends of YAML 1.1, which kubectl knows and the parser does not.
pub(super) const LINE_ENDS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// Reads one document. `base` is where it begins in the file. After `...` there may be more of them, up to one that is not
/// YAML; kubectl reads the first.
pub(super) fn read(text: &str, base: usize) -> Result<Vec<(Tree, NodeId)>, Problem> {
    let mut text = with_line_ends(text);
    let stand_in = stand_in(&text);
    // Each round removes the escapes from one scalar.
    for _ in 0..MAX_SCALARS_WITH_ESCAPED_APOSTROPHE {
        match parse(&text, base, stand_in) {
            Err(ParseFailure::Escape(start)) => match without_escaped_apostrophes(&text, start, stand_in) {
                Some(replaced) => text = Cow::Owned(replaced),
                None => return Err(Problem::new(base + start, ProblemKind::InvalidYaml)),
            },
            Err(ParseFailure::Problem(problem)) => return Err(problem),
            Ok(trees) => return Ok(trees),
        }
    }
    Err(Problem::new(base, ProblemKind::InvalidYaml))
}

/// Why a document is not read.
enum ParseFailure {
    Problem(Problem),
    /// The scalar that begins here has an escape that the parser does not know.
    Escape(usize),
}

fn parse(text: &str, base: usize, stand_in: char) -> Result<Vec<(Tree, NodeId)>, ParseFailure> {
    let mut builder = Builder { text, base, stand_in, ..Builder::default() };
    let mut options = Options::default();
    // Events of comments are buffered by the parser, and no more than 96 of them.
    options.set_emit_comments(false);
    for event in Parser::new_from_str_with_options(text, options) {
        let read = match event {
            Ok((event, span)) => builder.event(event, &span).map_err(ParseFailure::Problem),
            Err(error) if *error.kind() == ErrorKind::UnknownQuotedScalarEscape => {
                Err(ParseFailure::Escape(error.marker().byte_offset().unwrap_or_default()))
            }
            Err(error) => Err(ParseFailure::Problem(problem(&error, text, base))),
        };
        match read {
            Err(failure) if builder.done.is_empty() => return Err(failure),
            Err(_) => break,
            Ok(()) => {}
        }
    }
    Ok(builder.done)
}

/// A document in which more scalars have a `\'` is not read, so that the time stays linear.
const MAX_SCALARS_WITH_ESCAPED_APOSTROPHE: usize = 64;

/// Returns a character of two bytes that the text does not contain. It replaces `\'`, which kubectl's reader knows and the
/// parser does not, so that every other byte keeps its offset.
fn stand_in(text: &str) -> char {
    ('\u{700}'..'\u{800}').find(|c| !text.contains(*c)).unwrap_or('\u{7ff}')
}

/// Returns the text with the stand-in for each `\'` of the double-quoted scalar at `start`; `None` if it has none.
fn without_escaped_apostrophes(text: &str, start: usize, stand_in: char) -> Option<String> {
    let (head, scalar) = text.split_at_checked(start)?;
    let mut replaced = String::with_capacity(text.len());
    replaced.push_str(head);
    let mut rest = scalar.strip_prefix('"')?;
    replaced.push('"');
    let mut found = false;
    loop {
        let at = rest.find(['\\', '"'])?;
        let (before, mark) = rest.split_at(at);
        replaced.push_str(before);
        if mark.starts_with('"') {
            replaced.push_str(mark);
            return found.then_some(replaced);
        }
        rest = if let Some(after) = mark.strip_prefix("\\'") {
            found = true;
            replaced.push(stand_in);
            after
        } else {
            let length = mark.chars().take(2).map(char::len_utf8).sum();
            let (escape, after) = mark.split_at_checked(length)?;
            replaced.push_str(escape);
            after
        };
    }
}

/// Replaces the line ends of YAML 1.1. Every other byte keeps its offset.
fn with_line_ends(text: &str) -> Cow<'_, str> {
    if !text.contains(LINE_ENDS) {
        return Cow::Borrowed(text);
    }
    let mut read = String::with_capacity(text.len());
    for c in text.chars() {
        if LINE_ENDS.contains(&c) {
            // White space before a line end is not part of a text.
            read.extend(std::iter::repeat_n(' ', c.len_utf8() - 1).chain(['\n']));
        } else {
            read.push(c);
        }
    }
    Cow::Owned(read)
}

fn problem(error: &ScanError, text: &str, base: usize) -> Problem {
    let offset = error.marker().byte_offset().unwrap_or_default().min(text.len());
    // The parser's own words stay here: they may quote what it read.
    let what = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => ProblemKind::Tab,
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            ProblemKind::ForbiddenCharacter
        }
        ErrorKind::RecursionLimitExceeded => ProblemKind::TooDeep,
        ErrorKind::UnknownAnchor => ProblemKind::UnknownAnchor,
        _ => ProblemKind::InvalidYaml,
    };
    Problem::new(base + offset, what)
}

/// A collection that is not closed yet.
struct Open {
    id: NodeId,
    children: Vec<NodeId>,
    map: bool,
}

#[derive(Default)]
struct Builder<'t> {
    text: &'t str,
    base: usize,
    stand_in: char,
    tree: Tree,
    open: Vec<Open>,
    anchors: HashMap<usize, NodeId>,
    root: Option<NodeId>,
    done: Vec<(Tree, NodeId)>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Problem> {
        let range = span.byte_range().unwrap_or_default();
        let source = self.text.get(range.clone()).unwrap_or_default();
        let range = range.start + self.base..range.end.max(range.start) + self.base;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if style == ScalarStyle::DoubleQuoted
                    && let Some(at) = unknown_escape(source)
                {
                    return Err(Problem::new(range.start + at, ProblemKind::UnsupportedEscape));
                }
                let text = match style {
                    ScalarStyle::DoubleQuoted => text.replace(self.stand_in, "'"),
                    _ => text.into_owned(),
                };
                let id = self.tree.add(range, scalar(text, style, tag.as_deref()));
                self.placed(id, anchor);
            }
            Event::Alias(anchor) => {
                let value = match self.anchors.get(&anchor) {
                    Some(&target) => {
                        if let Some(node) = self.tree.nodes.get_mut(target) {
                            node.referred_to = true;
                        }
                        NodeData::Alias(target)
                    }
                    None => NodeData::Null,
                };
                let id = self.tree.add(range, value);
                self.placed(id, 0);
            }
            Event::SequenceStart(_, anchor, _) => self.begin(range, anchor, false),
            Event::MappingStart(_, anchor, _) => self.begin(range, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            Event::DocumentEnd => {
                let tree = std::mem::take(&mut self.tree);
                self.anchors.clear();
                if let Some(root) = self.root.take() {
                    self.done.push((tree, root));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, span: Range<usize>, anchor: usize, map: bool) {
        let id = self.tree.add(span, NodeData::Null);
        self.placed(id, anchor);
        self.open.push(Open { id, children: Vec::new(), map });
    }

    fn end(&mut self) -> Result<(), Problem> {
        let Some(Open { id, children, map }) = self.open.pop() else { return Ok(()) };
        let value = if map {
            let mut pairs = Vec::with_capacity(children.len() / 2);
            let mut children = children.into_iter();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                self.name(id, key)?;
                pairs.push((key, value));
            }
            NodeData::Map(pairs)
        } else {
            NodeData::List(children)
        };
        if let Some(node) = self.tree.nodes.get_mut(id) {
            node.value = value;
        }
        Ok(())
    }

    /// Checks that kubectl accepts a name of a mapping. A template such as `{{ … }}` is a mapping without one.
    fn name(&self, map: NodeId, key: NodeId) -> Result<(), Problem> {
        let is_taken = match self.tree.resolve(key) {
            Some((_, NodeData::Scalar(_) | NodeData::Other, _)) => true,
            Some((_, NodeData::Null | NodeData::List(_) | NodeData::Map(_) | NodeData::Alias(_), _))
            | None => false,
        };
        if is_taken {
            return Ok(());
        }
        let start = self.tree.span(map).start;
        let source = start.checked_sub(self.base).and_then(|start| self.text.get(start..));
        let is_template = source.is_some_and(|source| source.starts_with("{{"));
        Err(if is_template {
            Problem::new(start, ProblemKind::Template)
        } else {
            Problem::new(self.tree.span(key).start, ProblemKind::InvalidName)
        })
    }

    fn placed(&mut self, id: NodeId, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(id),
            None => self.root = Some(id),
        }
    }
}

/// Returns the offset of an escape in double quotes that YAML 1.2 and the parser know, and kubectl does not.
fn unknown_escape(source: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(next) = source.get(at..)?.find('\\') {
        at += next;
        let after = source.get(at + 1..)?;
        let half = || u32::from_str_radix(after.strip_prefix('u')?.get(..4)?, 16).ok();
        if after.starts_with('/') || half().is_some_and(|code| (0xd800..0xe000).contains(&code)) {
            return Some(at);
        }
        at += 1 + after.chars().next()?.len_utf8();
    }
    None
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>) -> NodeData {
    let core = tag.and_then(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:"));
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    match core.as_deref() {
        Some("binary") => {
            let letters: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            let decoded = STANDARD.decode(letters).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            decoded.map_or(NodeData::Other, |text| NodeData::Scalar(Scalar { text, style: Style::Binary }))
        }
        None if style == Style::Plain && tag.is_none() => plain(text),
        Some("null") => NodeData::Null,
        Some("bool" | "int" | "float") => NodeData::Other,
        _ => NodeData::Scalar(Scalar { text, style }),
    }
}

/// A plain scalar by the rules of YAML 1.1, which kubectl follows.
fn plain(text: String) -> NodeData {
    if is_null(&text) {
        return NodeData::Null;
    }
    let number = text.replace('_', "");
    let unsigned = number.trim_start_matches(['+', '-']);
    let number_like = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && (unsigned.parse::<f64>().is_ok()
            || ["0x", "0o", "0b"].iter().any(|prefix| {
                unsigned
                    .strip_prefix(prefix)
                    .is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()))
            }));
    if number_like || is_bool(&text) {
        return NodeData::Other;
    }
    NodeData::Scalar(Scalar { text, style: Style::Plain })
}
