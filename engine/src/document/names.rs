//! Names that occur twice.

use std::borrow::Cow;
use std::collections::HashSet;

/// Tells each name that occurs again, once.
#[derive(Default)]
pub(crate) struct Repetitions<'a> {
    seen: HashSet<Cow<'a, str>>,
    told: HashSet<Cow<'a, str>>,
}

impl<'a> Repetitions<'a> {
    /// For so many names.
    pub(crate) fn with_capacity(names: usize) -> Self {
        Repetitions { seen: HashSet::with_capacity(names), told: HashSet::new() }
    }

    /// Whether the name is one to tell.
    pub(crate) fn repeats(&mut self, name: Cow<'a, str>) -> bool {
        !self.seen.insert(name.clone()) && self.told.insert(name)
    }
}
