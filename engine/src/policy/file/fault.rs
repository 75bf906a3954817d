//! What is wrong with a policy file, and where.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// Why a policy file cannot be used: at least one fault, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    faults: Vec<PolicyFault>,
    more: usize,
}

/// One thing that is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyFault {
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1 in characters.
    pub column: u64,
    /// What is wrong, and the remedy. One line without control characters; of the file it shows only the key or
    /// value that is meant, cut at 80 characters.
    pub message: String,
}

impl PolicyError {
    /// The faults, never none, in the order of the file.
    #[must_use]
    pub fn faults(&self) -> &[PolicyFault] {
        &self.faults
    }

    /// How many further faults there are. Only the first hundred are described.
    #[must_use]
    pub const fn more(&self) -> usize {
        self.more
    }

    /// The one fault that keeps a file from being read at all.
    pub(super) fn one(place: Place, message: impl Into<String>) -> Self {
        let Place { line, column } = place;
        PolicyError { faults: vec![PolicyFault { line, column, message: message.into() }], more: 0 }
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl fmt::Display for PolicyError {
    /// One line for each fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_char('\n')?;
            }
            fault.fmt(f)?;
        }
        if self.more > 0 { write!(f, "\n… and {} more", self.more) } else { Ok(()) }
    }
}

impl std::error::Error for PolicyError {}

/// A place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Place {
    /// Where a file begins.
    pub(super) const START: Place = Place { line: 1, column: 1 };
}

/// One step from a value to a value inside it.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Key(&'static str),
    Item(usize),
}

/// Gathers the faults of a file while it is read.
#[derive(Default)]
pub(super) struct Faults {
    kept: Vec<PolicyFault>,
    more: usize,
    path: Vec<Step>,
}

impl Faults {
    /// So many are described; a file with more of them is not worth the memory.
    const DESCRIBED: usize = 100;

    /// Adds a fault of what is read at present. The message is made only when it is kept.
    pub(super) fn add(&mut self, Place { line, column }: Place, message: impl FnOnce() -> String) {
        if self.kept.len() >= Self::DESCRIBED {
            self.more += 1;
            return;
        }
        let mut text = self.path();
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&message());
        self.kept.push(PolicyFault { line, column, message: text });
    }

    /// Reads something that lies one step further inside.
    pub(super) fn within<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let value = read(self);
        self.path.pop();
        value
    }

    /// What was read, if nothing was wrong with it.
    pub(super) fn verdict<T>(mut self, value: Option<T>) -> Result<T, PolicyError> {
        match value {
            Some(value) if self.kept.is_empty() => Ok(value),
            _ => {
                self.kept.sort();
                Err(PolicyError { faults: self.kept, more: self.more })
            }
        }
    }

    /// The path as people write it: `exemptions[0].rules`. It holds only words that the reader knows.
    fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Step::Item(index) => drop(write!(path, "[{index}]")), // a String takes all
            }
        }
        path
    }
}

/// A key or value of the file as it may be shown: between back-quotes, what cannot be seen escaped, cut at 80
/// characters.
pub(super) fn shown(text: &str) -> String {
    format!("`{}`", plain(text, 80))
}

/// A text without anything that cannot be seen, cut at `room` characters.
pub(super) fn plain(text: &str, mut room: usize) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        let piece = if is_unseen(c) { c.escape_unicode().to_string() } else { c.to_string() };
        let Some(left) = room.checked_sub(piece.chars().count()) else {
            shown.push('…');
            break;
        };
        room = left;
        shown.push_str(&piece);
    }
    shown
}

/// Control characters, and those that change how a line reads without being seen.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `; did you mean …?` where one of the known words is near enough.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|near| format!("; did you mean `{near}`?"))
}

/// The known word that `word` was most likely meant to be.
fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    let letters = |text: &str| -> Vec<char> {
        let text = text.chars().filter(|c| !matches!(c, '-' | '_' | ' '));
        text.flat_map(char::to_lowercase).take(LONGEST + 1).collect()
    };
    let word = letters(word);
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let near = known.into_iter().map(|known| (edits(&word, &letters(known)), known));
    let (edits, near) = near.min_by_key(|(edits, _)| *edits)?;
    let allowed = match word.len() {
        0..=3 => 1,
        4..=8 => 2,
        _ => 3,
    };
    (edits <= allowed).then_some(near)
}

/// How many letters have to be put in, taken out or changed to make one word the other (Levenshtein).
fn edits(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (taken_out, from) in from.iter().enumerate() {
        let (mut diagonal, mut left) = (taken_out, taken_out + 1);
        for (cell, to) in row.iter_mut().skip(1).zip(to) {
            let changed = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = changed.min(left + 1).min(*cell + 1);
            *cell = left;
        }
    }
    if to.is_empty() { from.len() } else { row.last().copied().unwrap_or_default() }
}

/// Where each key of a mapping was written first.
#[derive(Default)]
pub(super) struct Keys<'n>(BTreeMap<&'n str, Place>);

impl<'n> Keys<'n> {
    /// Takes a key; the place of the first one if this is its second.
    pub(super) fn insert(&mut self, key: &'n str, place: Place) -> Option<Place> {
        let first = *self.0.entry(key).or_insert(place);
        (first != place).then_some(first)
    }

    /// Whether the key was there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }
}
