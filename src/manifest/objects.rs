//! All objects of a file, for `explain`: kind by kind, not only Secrets.

use std::collections::HashMap;
use std::ops::Range;

use regcred_engine::policy::Language;
use serde_json::{Map, Number, Value};

use super::content::Content;
use super::docker_config;
use super::json;
use super::lines::Lines;
use super::problem::{Problem, ProblemKind};
use super::tree::{NodeData, NodeId, Tree};
use super::yaml;
use crate::report::{Region, Subject, Trouble, TroubleKind};

/// An object of a file.
pub(crate) struct FileObject {
    /// The object without members that are null, as kubectl reads it.
    pub(crate) value: Value,
    /// Where it begins.
    region: Region,
    /// The texts that are called `image` or `reference` in it, and where each is.
    images: Vec<(String, Region)>,
}

/// The same, before lines are counted.
struct FoundObject {
    value: Value,
    start: usize,
    images: Vec<(String, Range<usize>)>,
}

impl FileObject {
    /// Where the object has this image; where it begins if it does not.
    pub(crate) fn place_of(&self, image: &str) -> Region {
        let found = self.images.iter().find(|(text, _)| text == image);
        found.map_or(&self.region, |(_, region)| region).clone()
    }
}

/// What a file contains.
pub(crate) enum FileObjects {
    /// The file is a Docker config.
    DockerConfig,
    /// Its objects, and the documents that are not read.
    Objects(Vec<FileObject>, Vec<Trouble>),
}

/// Values that aliases repeat are converted at most this many times, so that a few aliases cannot fill the memory.
const MAX_VALUES: usize = 2_000_000;

/// No manifest is nested more deeply.
const MAX_DEPTH: usize = 200;

/// Reads the objects of a file.
pub(crate) fn objects(path: &str, content: &Content<'_>, language: Language) -> FileObjects {
    let text = content.text();
    let lines = Lines::new(text);
    let mut problems = Vec::new();
    let mut trees = Vec::new();
    if !content.is_text() {
        problems.push(Problem::new(0, ProblemKind::NotUtf8));
    }
    let begin = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let after_mark = text.get(begin..).unwrap_or_default();
    // White space in place of the byte order mark keeps the offsets.
    let blank = format!("{}{after_mark}", " ".repeat(begin));
    let as_json = after_mark.trim_start().starts_with('{').then(|| json::read(&blank));
    if let Some(Ok(read)) = as_json {
        trees = read;
    } else {
        for yaml::Part { range, bad_line } in yaml::documents(after_mark) {
            let base = range.start + begin;
            let document = after_mark.get(range).unwrap_or_default();
            let read = match bad_line {
                Some(line) => Err(Problem::new(begin + line, ProblemKind::TextAfterSeparator)),
                None => yaml::read(document, base),
            };
            match read {
                // kubectl reads the first document before `...`.
                Ok(read) => trees.extend(read.into_iter().take(1)),
                Err(problem) => problems.push(with_template(problem, document, base)),
            }
        }
        if let Some(Err(problem)) = as_json.filter(|_| !problems.is_empty()) {
            problems = vec![problem];
        }
    }
    if let [(tree, root)] = trees.as_slice()
        && docker_config::is_one(tree, *root)
    {
        return FileObjects::DockerConfig;
    }
    let mut objects = Vec::new();
    for (tree, root) in &trees {
        if let Err(problem) = (Reader { text, tree, values: 0 }).read(*root, &mut objects) {
            problems.push(problem);
        }
    }
    let troubles = problems.iter().map(|problem| trouble(problem, path, &lines, language));
    let troubles = troubles.collect();
    FileObjects::Objects(placed(objects, &lines), troubles)
}

/// Counts lines in the order of the file: a line can be as long as the file, and is then read once.
fn placed(found: Vec<FoundObject>, lines: &Lines<'_>) -> Vec<FileObject> {
    let ends = |span: &Range<usize>| [span.start, span.end];
    let of_object = |object: &FoundObject| {
        let images = object.images.iter().flat_map(|(_, span)| ends(span)).collect::<Vec<_>>();
        std::iter::once(object.start).chain(images)
    };
    let mut offsets: Vec<usize> = found.iter().flat_map(of_object).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let places: HashMap<usize, (usize, usize)> =
        offsets.into_iter().map(|offset| (offset, lines.place(offset))).collect();
    let region = |span: &Range<usize>| {
        let place = |offset| places.get(&offset).copied().unwrap_or((1, 1));
        let ((line, column), (end_line, end_column)) = (place(span.start), place(span.end));
        Region { line, column, end_line, end_column, excerpt: None }
    };
    let object = |FoundObject { value, start, images }: FoundObject| FileObject {
        value,
        region: region(&(start..start)),
        images: images.into_iter().map(|(image, span)| (image, region(&span))).collect(),
    };
    found.into_iter().map(object).collect()
}

/// A document that is a template does not parse for that reason.
fn with_template(problem: Problem, document: &str, base: usize) -> Problem {
    let template = ["{{", "{%"].iter().filter_map(|open| document.find(open)).min();
    template.map_or(problem, |at| Problem::new(base + at, ProblemKind::Template))
}

fn trouble(problem: &Problem, path: &str, lines: &Lines<'_>, language: Language) -> Trouble {
    let (line, column) = lines.place(problem.offset);
    Trouble {
        kind: TroubleKind::Unreadable,
        subject: Some(Subject::File { path: path.to_owned(), object: None }),
        region: Some(Region { line, column, end_line: line, end_column: column, excerpt: None }),
        message: problem.message(language),
    }
}

/// Reads the objects of one document.
struct Reader<'t> {
    text: &'t str,
    tree: &'t Tree,
    values: usize,
}

impl Reader<'_> {
    /// Adds an object, or those of a list.
    fn read(&mut self, id: NodeId, objects: &mut Vec<FoundObject>) -> Result<(), Problem> {
        let Some(members) = self.tree.members(id) else { return Ok(()) };
        let kind = members.get("kind").and_then(|kind| self.tree.text(kind.value));
        if let Some(items) = members.get("items").filter(|_| kind.is_some_and(|kind| kind.ends_with("List")))
        {
            // The items of a `PodList` leave out their kind.
            let of_items = kind.and_then(|kind| kind.strip_suffix("List")).filter(|kind| !kind.is_empty());
            let version = members.get("apiVersion").and_then(|version| self.tree.text(version.value));
            let Some((_, NodeData::List(items), _)) = self.tree.resolve(items.value) else { return Ok(()) };
            for item in items {
                self.object(*item, of_items.zip(version), objects)?;
            }
            return Ok(());
        }
        self.object(id, None, objects)
    }

    fn object(
        &mut self,
        id: NodeId,
        of_list: Option<(&str, &str)>,
        objects: &mut Vec<FoundObject>,
    ) -> Result<(), Problem> {
        let mut images = Vec::new();
        let Some(mut value) = self.value(id, 0, &mut images)? else { return Ok(()) };
        let Some(members) = value.as_object_mut() else { return Ok(()) };
        if let Some((kind, version)) = of_list {
            members.entry("kind").or_insert_with(|| kind.into());
            members.entry("apiVersion").or_insert_with(|| version.into());
        }
        let start = self.tree.span(id).start;
        objects.push(FoundObject { value, start, images });
        Ok(())
    }

    /// Converts a value; `None` for null.
    fn value(
        &mut self,
        id: NodeId,
        depth: usize,
        images: &mut Vec<(String, Range<usize>)>,
    ) -> Result<Option<Value>, Problem> {
        let start = self.tree.span(id).start;
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Problem::new(start, ProblemKind::TooManyAliases));
        }
        if depth > MAX_DEPTH {
            return Err(Problem::new(start, ProblemKind::TooDeep));
        }
        let Some((node, data, _)) = self.tree.resolve(id) else { return Ok(None) };
        Ok(match data {
            NodeData::Null | NodeData::Alias(_) => None,
            NodeData::Other => Some(self.plain(node)),
            NodeData::Scalar(scalar) => Some(Value::String(scalar.text.clone())),
            NodeData::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.extend(self.value(*item, depth + 1, images)?);
                }
                Some(Value::Array(list))
            }
            NodeData::Map(_) => {
                let mut map = Map::new();
                for (name, member) in self.tree.members(id).unwrap_or_default() {
                    let Some(value) = self.value(member.value, depth + 1, images)? else { continue };
                    if let ("image" | "reference", Value::String(text)) = (name, &value) {
                        let place = self.tree.resolve(member.value).map_or(member.value, |(node, ..)| node);
                        images.push((text.clone(), self.tree.span(place)));
                    }
                    map.insert(name.to_owned(), value);
                }
                Some(Value::Object(map))
            }
        })
    }

    /// A number or a boolean. What is neither in JSON is not read by anything here.
    fn plain(&self, node: NodeId) -> Value {
        let source = self.text.get(self.tree.span(node)).unwrap_or_default();
        serde_json::from_str(source).unwrap_or_else(|_| match source {
            "true" | "True" | "yes" | "on" => Value::Bool(true),
            _ => Value::Number(Number::from(0)),
        })
    }
}
