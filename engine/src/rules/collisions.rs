//! Several entries for one registry, and whether it matters which of them a consumer takes.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::ops::Range;

use crate::consumers::{Consumer, Group, Models, ordinary_images};
use crate::document::{Document, JsonType};
use crate::registry::Key;

use super::credentials::usable_hash;
use super::entry_ref::EntryRef;

/// Up to this many entries the models are made of the whole document, else of the entries that share a host with
/// another one, and of each only one image is tried, so that the time is bounded. No pull Secret has this many.
const MAX_WHOLE: usize = 1_000;

/// Of the entries that another consumer takes at random, this many are compared with the one in question. Where there
/// are more, they are compared among themselves in any case.
const MAX_COMPARED: usize = 16;

/// The entries that collide with an earlier one, by their number among all entries of the document.
#[derive(Default)]
pub(crate) struct Collisions(Vec<(u32, Collision)>);

/// With which earlier entries an entry collides: both are usable, have different credentials, and consumers differ in
/// which of them they take, or take one at random.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Collision {
    /// With one under another key for the same registry.
    pub(crate) same_registry: bool,
    /// With one for a registry that differs only in its path.
    pub(crate) other_path: bool,
}

/// An entry of a host that others name, too.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Candidate {
    /// Hashes of the registry without and with its path.
    site: u64,
    registry: u64,
    /// Of what is compared to tell whether credentials are different.
    credentials: u64,
}

impl Collisions {
    /// Compares the entries of a document. Takes time in the order of n log n.
    pub(crate) fn find(document: &Document<'_>, entries: &[EntryRef<'_, '_>]) -> Self {
        let hasher = RandomState::new();
        let Some((numbers, candidates)) = candidates(document, entries, &hasher) else {
            return Collisions::default();
        };
        let models = Models::of_some(document, Some(&numbers));
        let mut search = Search {
            collisions: vec![Collision::default(); candidates.len()],
            candidates,
            models: &models,
            groups: HashMap::new(),
        };
        for (entry, key) in models.keys().enumerate() {
            search.compare(entry, &key);
        }
        search.compare_groups();
        let found = numbers.into_iter().zip(search.collisions);
        Collisions(found.filter(|(_, collision)| *collision != Collision::default()).collect())
    }

    /// With which earlier entries this one collides.
    pub(crate) fn of(&self, entry: u32) -> Collision {
        let at = self.0.binary_search_by_key(&entry, |(entry, _)| *entry).ok();
        at.and_then(|at| self.0.get(at)).map(|(_, collision)| *collision).unwrap_or_default()
    }
}

/// The numbers of the entries that the models are made of, and with each whether it is usable and its host has another
/// one with different credentials; `None` if there are no such entries.
fn candidates(
    document: &Document<'_>,
    entries: &[EntryRef<'_, '_>],
    hasher: &RandomState,
) -> Option<(Vec<u32>, Vec<Option<Candidate>>)> {
    if entries.len() < 2 {
        return None;
    }
    let site = |entry: &EntryRef<'_, '_>| hasher.hash_one(Key::parse(entry.key.as_written()).site());
    let mut by_site: Vec<(u64, &EntryRef<'_, '_>)> =
        entries.iter().map(|entry| (site(entry), entry)).collect();
    by_site.sort_unstable_by_key(|(site, entry)| (*site, entry.index));
    let mut found: Vec<(u32, Option<Candidate>)> = Vec::new();
    let mut others: Vec<u32> = Vec::new();
    for group in by_site.chunk_by(|(one, _), (other, _)| one == other) {
        let begin = found.len();
        if group.len() > 1 {
            found.extend(group.iter().map(|(site, entry)| {
                let is_object = matches!(entry.member.kind, JsonType::Object | JsonType::Null);
                let fields = is_object.then(|| document.entry(entry.member));
                let credentials = fields.and_then(|fields| usable_hash(&fields, hasher));
                let candidate = credentials.map(|credentials| Candidate {
                    site: *site,
                    registry: hasher.hash_one(Key::parse(entry.key.as_written()).identity()),
                    credentials,
                });
                (entry.index, candidate)
            }));
        }
        let mut usable = found.iter().skip(begin).filter_map(|(_, candidate)| *candidate);
        let first = usable.next();
        let is_different =
            |other: Candidate| first.is_some_and(|first| first.credentials != other.credentials);
        if !usable.any(is_different) {
            found.truncate(begin);
            others.extend(group.iter().map(|(_, entry)| entry.index));
        }
    }
    if found.is_empty() {
        return None;
    }
    if entries.len() <= MAX_WHOLE {
        found.extend(others.into_iter().map(|entry| (entry, None)));
    }
    found.sort_unstable_by_key(|(entry, _)| *entry);
    Some(found.into_iter().unzip())
}

/// The search for collisions. Entries have the numbers of the models.
struct Search<'m> {
    models: &'m Models<'m>,
    candidates: Vec<Option<Candidate>>,
    collisions: Vec<Collision>,
    /// The groups of which a consumer takes one at random, and which of their entries it takes for an image of their own
    /// key.
    groups: HashMap<(Consumer, Range<usize>), Vec<usize>>,
}

impl Search<'_> {
    fn candidate(&self, entry: usize) -> Option<Candidate> {
        self.candidates.get(entry).copied().flatten()
    }

    /// Compares an entry with those that another consumer takes for an image of its key.
    fn compare(&mut self, entry: usize, key: &str) {
        if self.candidate(entry).is_none() {
            return;
        }
        let images = ordinary_images(key);
        let tried = if self.candidates.len() > MAX_WHOLE { 1 } else { images.len() };
        for image in images.into_iter().rev().take(tried) {
            let found = Consumer::ALL.map(|consumer| self.models.find(consumer, &image).groups);
            for (consumer, groups) in Consumer::ALL.into_iter().zip(&found) {
                let own = groups.iter().find(|group| group.contains(entry) && !group.is_uniform());
                // It takes keys that begin like the image's registry, so that it finds some that no other consumer does.
                // That is not reported on its own (docs/rules.md).
                let is_reported = consumer != Consumer::ImageUpdater;
                if let Some(own) =
                    own.filter(|_| is_reported && self.models.complete(consumer, entry).is_some())
                {
                    let asked = self.groups.entry((consumer, own.places())).or_default();
                    if asked.last() != Some(&entry) {
                        asked.push(entry);
                    }
                }
            }
            let takes = |consumer, groups: &'_ [Group<'_>]| {
                let counts = |other: &usize| self.models.complete(consumer, *other).is_some();
                let own = |group: &&Group<'_>| group.contains(entry) && counts(&entry);
                let first = groups.iter().find(|group| {
                    own(group) || group.entries().take(MAX_COMPARED).any(|other| counts(&other))
                });
                let entries = first.into_iter().flat_map(|group| group.entries().take(MAX_COMPARED));
                (consumer, entries.filter(counts).collect::<Vec<_>>(), first.is_some_and(|group| own(&group)))
            };
            let all: Vec<_> = Consumer::ALL
                .into_iter()
                .zip(&found)
                .map(|(consumer, groups)| takes(consumer, groups))
                .collect();
            for (consumer, _, _) in all.iter().filter(|(_, _, is_taken)| *is_taken) {
                for (other_consumer, others, _) in all.iter().filter(|(other, _, _)| other != consumer) {
                    for &other in others {
                        let reads_different =
                            |consumer: &Consumer| !self.models.reads_same(*consumer, entry, other);
                        if reads_different(consumer) || reads_different(other_consumer) {
                            self.collide(entry, other);
                        }
                    }
                }
            }
        }
    }

    /// Records that two entries collide, if they name one registry, its path aside, with different credentials.
    fn collide(&mut self, one: usize, other: usize) {
        let Some((first, second)) = self.candidate(one).zip(self.candidate(other)) else { return };
        let collides = first.site == second.site && first.credentials != second.credentials;
        if let Some(collision) = self.collisions.get_mut(one.max(other)).filter(|_| collides) {
            collision.same_registry |= first.registry == second.registry;
            collision.other_path |= first.registry != second.registry;
        }
    }

    /// Compares the entries of each group of which a consumer takes one at random. One of two that collide must be found
    /// for an image of its own key.
    fn compare_groups(&mut self) {
        for ((consumer, places), asked) in std::mem::take(&mut self.groups) {
            let mut members: Vec<usize> = self.models.group(consumer, places);
            members.sort_unstable();
            let mut asked = asked.into_iter().peekable();
            let mut before: HashMap<u64, Before> = HashMap::new();
            for entry in members {
                let is_asked = asked.next_if_eq(&entry).is_some();
                let Some((candidate, read)) =
                    self.candidate(entry).zip(self.models.complete(consumer, entry))
                else {
                    continue;
                };
                let before = before.entry(candidate.site).or_default();
                let of_registry = before.registries.entry(candidate.registry).or_default();
                let alone = Point { entry, one: read, other: 0 };
                let with_path = Point { entry, one: read, other: candidate.registry };
                let found = [
                    of_registry.differing(Point { other: 1, ..alone }, is_asked),
                    before.paths.differing(with_path, is_asked),
                ];
                of_registry.add(alone, is_asked);
                before.paths.add(with_path, is_asked);
                for earlier in found.into_iter().flatten() {
                    self.collide(earlier, entry);
                }
            }
        }
    }
}

/// The entries of one host that come before another in a group.
#[derive(Default)]
struct Before {
    /// By registry.
    registries: HashMap<u64, Earlier>,
    paths: Earlier,
}

/// Earlier entries: all, and those for which their group was asked.
#[derive(Default)]
struct Earlier {
    all: Representatives,
    asked: Representatives,
}

impl Earlier {
    /// An earlier entry that differs in both ways. If the group was not asked for this one, it must have been for that.
    fn differing(&self, point: Point, is_asked: bool) -> Option<usize> {
        if is_asked { &self.all } else { &self.asked }.differing(point)
    }

    fn add(&mut self, point: Point, is_asked: bool) {
        self.all.add(point);
        if is_asked {
            self.asked.add(point);
        }
    }
}

/// An entry, and the two things in which others must differ from it.
#[derive(Clone, Copy)]
struct Point {
    entry: usize,
    one: u64,
    other: u64,
}

/// A few entries that answer, for all that were added, whether one differs in both ways.
#[derive(Default)]
struct Representatives(Vec<Point>);

impl Representatives {
    fn differing(&self, point: Point) -> Option<usize> {
        self.0.iter().find(|kept| kept.one != point.one && kept.other != point.other).map(|kept| kept.entry)
    }

    /// Keeps the entry if there can be a question that none of those that are kept answers, which makes at most six.
    fn add(&mut self, point: Point) {
        let ones = || self.0.iter().map(|kept| Some(kept.one)).chain([None]);
        let others = || self.0.iter().map(|kept| Some(kept.other)).chain([None]);
        let is_answered = |one: Option<u64>, other: Option<u64>| {
            self.0.iter().any(|kept| Some(kept.one) != one && Some(kept.other) != other)
        };
        let is_new = ones().filter(|one| *one != Some(point.one)).any(|one| {
            others().filter(|other| *other != Some(point.other)).any(|other| !is_answered(one, other))
        });
        if is_new {
            self.0.push(point);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::registry::RegistryKey;
    use crate::rules::Kept;
    use crate::secret::SecretType;

    fn found(document: &Document<'_>) -> Vec<Collision> {
        let entry = |(member, index)| {
            let key = RegistryKey::new(document.name(member).decode());
            EntryRef { member, key, index, kept: Kept::Nothing }
        };
        let entries: Vec<_> = document.entries().zip(0..).map(entry).collect();
        let collisions = Collisions::find(document, &entries);
        entries.iter().map(|entry| collisions.of(entry.index)).collect()
    }

    /// What the rule says, pair by pair.
    fn by_definition(document: &Document<'_>) -> Vec<Collision> {
        let hasher = RandomState::new();
        let models = Models::new(document);
        let keys: Vec<_> = models.keys().collect();
        let usable: Vec<_> =
            document.entries().map(|entry| usable_hash(&document.entry(entry), &hasher)).collect();
        let complete = |consumer, entry| models.complete(consumer, entry).is_some();
        let mut collisions = vec![Collision::default(); keys.len()];
        for later in 0..keys.len() {
            for earlier in 0..later {
                let (one, other) = (Key::parse(&keys[earlier]), Key::parse(&keys[later]));
                let is_pair = keys[earlier] != keys[later]
                    && one.site() == other.site()
                    && usable[earlier].is_some()
                    && usable[later].is_some()
                    && usable[earlier] != usable[later];
                let pair = [earlier, later];
                let matters = |image: &crate::consumers::ImageRef| {
                    let groups = Consumer::ALL.map(|consumer| models.find(consumer, image).groups);
                    let reads_different = |consumer| !models.reads_same(consumer, earlier, later);
                    let is_random = Consumer::ALL.into_iter().zip(&groups).any(|(consumer, groups)| {
                        consumer != Consumer::ImageUpdater
                            && pair.iter().all(|entry| complete(consumer, *entry))
                            && reads_different(consumer)
                            && groups.iter().any(|group| pair.iter().all(|entry| group.contains(*entry)))
                    });
                    let takes = |consumer: Consumer, entry: usize| {
                        let groups = Consumer::ALL.into_iter().zip(&groups);
                        groups.filter(|(other, _)| *other == consumer).any(|(_, groups)| {
                            let counts =
                                |group: &&Group<'_>| group.entries().any(|entry| complete(consumer, entry));
                            groups.iter().find(counts).is_some_and(|group| group.contains(entry))
                                && complete(consumer, entry)
                        })
                    };
                    is_random
                        || Consumer::ALL.into_iter().any(|first| {
                            Consumer::ALL.into_iter().filter(|second| *second != first).any(|second| {
                                takes(first, earlier)
                                    && takes(second, later)
                                    && (reads_different(first) || reads_different(second))
                            })
                        })
                };
                let images = pair.iter().flat_map(|entry| ordinary_images(&keys[*entry]));
                if is_pair && images.into_iter().any(|image| matters(&image)) {
                    collisions[later].same_registry |= one.identity() == other.identity();
                    collisions[later].other_path |= one.identity() != other.identity();
                }
            }
        }
        collisions
    }

    fn text(is_flat: impl Strategy<Value = bool>) -> impl Strategy<Value = String> {
        let key = select(
            &[
                "r.example.com",
                "https://r.example.com",
                "http://r.example.com/",
                "r.example.com:443",
                "R.example.com",
                "r.example.com/v1/",
                "r.example.com/a",
                "https://r.example.com/a",
                "r.example.com/a/b",
                "r.example.com/A",
                "u@r.example.com",
                "*.example.com",
                "https://*.example.com",
                "docker.io",
                "https://index.docker.io/v1/",
                "index.docker.io",
                "docker.io/a",
                "https://registry-1.docker.io",
            ][..],
        );
        let entry = select(
            &[
                r#"{"auth":"dTpw"}"#,
                r#"{"auth":"dTpx"}"#,
                r#"{"auth":"dTpwYQ"}"#,
                r#"{"username":"u","password":"p"}"#,
                r#"{"username":"u","password":"q"}"#,
                r#"{"identitytoken":"t"}"#,
                r#"{"auth":"dTpw","identitytoken":"t"}"#,
                r#"{"auth":"dTpw","registrytoken":"t"}"#,
                r"{}",
            ][..],
        );
        let entries = prop::collection::vec((key, entry), 0..7);
        (entries, any::<bool>(), is_flat).prop_map(|(entries, has_helper, is_flat)| {
            let entries: Vec<_> = entries.iter().map(|(key, entry)| format!("\"{key}\":{entry}")).collect();
            if is_flat {
                return format!("{{{}}}", entries.join(","));
            }
            let helper = if has_helper { r#","credHelpers":{"docker.io":"x"}"# } else { "" };
            format!("{{\"auths\":{{{}}}{helper}}}", entries.join(","))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn collisions_are_those_of_the_definition(text in text(any::<bool>())) {
            let is_flat = !text.starts_with(r#"{"auths""#);
            let secret_type = if is_flat { SecretType::DockerCfg } else { SecretType::DockerConfigJson };
            let Ok(document) = Document::read(text.as_bytes(), secret_type) else { return Ok(()) };
            prop_assert_eq!(found(&document), by_definition(&document));
        }

        #[test]
        fn a_few_representatives_answer_for_all(points in prop::collection::vec((0..5_u64, 0..5_u64), 0..30)) {
            let mut representatives = Representatives::default();
            for (entry, &(one, other)) in points.iter().enumerate() {
                let differs = points[..entry].iter().any(|(a, b)| *a != one && *b != other);
                let point = Point { entry, one, other };
                prop_assert_eq!(representatives.differing(point).is_some(), differs);
                representatives.add(point);
            }
            prop_assert!(representatives.0.len() <= 6);
        }
    }
}
