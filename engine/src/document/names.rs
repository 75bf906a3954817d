//! Names that occur more than once.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Reports each duplicated name once.
#[derive(Default)]
pub(crate) struct Repetitions<'a> {
    /// The names so far, and whether each occurred again.
    seen: HashMap<Cow<'a, str>, bool>,
}

impl<'a> Repetitions<'a> {
    /// For at most this many names without growing.
    pub(crate) fn with_capacity(names: usize) -> Self {
        Repetitions { seen: HashMap::with_capacity(names) }
    }

    /// Whether this is the second occurrence of the name.
    pub(crate) fn repeats(&mut self, name: Cow<'a, str>) -> bool {
        match self.seen.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(false);
                false
            }
            Entry::Occupied(mut again) => !again.insert(true),
        }
    }
}

/// The names of one object that are not known fields. They are never shown, so a finding says the same for each of
/// them, and only the first duplicate is reported: a document can have tens of thousands.
#[derive(Default)]
pub(crate) struct UnknownNames<'a> {
    seen: HashSet<Cow<'a, str>>,
    found: bool,
}

impl<'a> UnknownNames<'a> {
    /// Whether this is the first name that occurs again.
    pub(crate) fn is_first_repetition(&mut self, name: Cow<'a, str>) -> bool {
        if self.found {
            return false;
        }
        self.found = !self.seen.insert(name);
        self.found
    }
}
