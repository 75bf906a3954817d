//! Entries in an order in which those that a consumer takes at random for one image are neighbours, so that a
//! question about all of them takes no longer than one about a single entry.

use std::borrow::Cow;
use std::ops::Range;

use super::entry::LiveEntries;

/// What docker or podman takes for an image.
pub(super) enum Lookup {
    /// One of the entries in this range of their order.
    Entries(Range<usize>),
    /// What a helper program answers.
    Helper,
}

/// Entries by their key as written, and by the name that a consumer reduces the key to.
pub(super) struct NamedEntries<'a> {
    /// Sorted by key; with each, where in `by_name` its entry is.
    by_key: Vec<(Cow<'a, str>, usize)>,
    by_name: Vec<(Cow<'a, [u8]>, u32)>,
}

impl<'a> NamedEntries<'a> {
    pub(super) fn new(live: &LiveEntries<'a>, name: impl Fn(&Cow<'a, str>) -> Cow<'a, [u8]>) -> Self {
        let mut named: Vec<_> =
            live.iter().enumerate().map(|(at, (key, entry))| (name(key), *entry, at)).collect();
        named.sort_unstable();
        let mut by_key: Vec<_> = live.iter().map(|(key, _)| (key.clone(), 0)).collect();
        for (place, (_, _, at)) in named.iter().enumerate() {
            if let Some((_, of_key)) = by_key.get_mut(*at) {
                *of_key = place;
            }
        }
        NamedEntries { by_key, by_name: named.into_iter().map(|(name, entry, _)| (name, entry)).collect() }
    }

    /// All entries, sorted by name; the ranges of the other functions are ranges of these.
    pub(super) fn sorted(&self) -> Vec<u32> {
        self.by_name.iter().map(|(_, entry)| *entry).collect()
    }

    /// The entry with this key.
    pub(super) fn exact(&self, key: &str) -> Option<Range<usize>> {
        let at = self.by_key.binary_search_by(|(other, _)| (**other).cmp(key)).ok()?;
        self.by_key.get(at).map(|&(_, place)| place..place + 1)
    }

    /// The entries with this name.
    pub(super) fn named(&self, name: &[u8]) -> Range<usize> {
        let start = self.by_name.partition_point(|(other, _)| **other < *name);
        let end = self.by_name.partition_point(|(other, _)| **other <= *name);
        start..end
    }

    /// The entries whose name begins with this.
    pub(super) fn beginning_with(&self, name: &[u8]) -> Range<usize> {
        let start = self.by_name.partition_point(|(other, _)| **other < *name);
        let end = self.by_name.partition_point(|(other, _)| **other < *name || other.starts_with(name));
        start..end
    }
}

/// The order of a consumer's entries, and which neighbours it reads the same from.
pub(super) struct Order {
    entries: Vec<u32>,
    /// For each entry of the document, its place; `u32::MAX` if it has none.
    places: Vec<u32>,
    /// For each place, where the run of entries ends from which the same is read.
    ends: Vec<u32>,
}

impl Order {
    /// From the entries in their order, the number of all entries in the document, and what is read from each.
    pub(super) fn new<T: PartialEq>(entries: Vec<u32>, count: usize, read: impl Fn(u32) -> T) -> Self {
        let mut places = vec![u32::MAX; count];
        let mut ends = vec![0; entries.len()];
        let mut next = None;
        for (place, &entry) in entries.iter().enumerate().rev() {
            if let Some(slot) = places.get_mut(index(entry)) {
                *slot = number(place);
            }
            let read = read(entry);
            let end = match &next {
                Some((same, end)) if *same == read => *end,
                _ => number(place + 1),
            };
            if let Some(slot) = ends.get_mut(place) {
                *slot = end;
            }
            next = Some((read, end));
        }
        Order { entries, places, ends }
    }

    /// A range of the order; `None` if it is empty.
    pub(super) fn group(&self, range: Range<usize>) -> Option<Group<'_>> {
        let entries = self.entries.get(range.clone()).filter(|entries| !entries.is_empty())?;
        Some(Group { order: self, range, entries })
    }
}

/// Entries of which a consumer takes one at random; never empty.
pub struct Group<'m> {
    order: &'m Order,
    range: Range<usize>,
    entries: &'m [u32],
}

impl Group<'_> {
    /// The entries, in no particular order.
    pub fn entries(&self) -> impl Iterator<Item = usize> + '_ {
        self.entries.iter().map(|&entry| index(entry))
    }

    /// Which places of the consumer's order they take: equal for equal groups of one consumer.
    #[must_use]
    pub fn places(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Whether an entry is one of them.
    #[must_use]
    pub fn contains(&self, entry: usize) -> bool {
        self.order.places.get(entry).is_some_and(|&place| self.range.contains(&index(place)))
    }

    /// Whether the consumer reads the same from all of them, so that it does not matter which one it takes.
    #[must_use]
    pub fn is_uniform(&self) -> bool {
        self.order.ends.get(self.range.start).is_some_and(|&end| index(end) >= self.range.end)
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// No document has more members than this can count.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
