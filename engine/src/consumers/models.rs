//! All consumers at one document: what they read of its entries, and which of them they take for an image.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::ops::Range;

use crate::document::{Document, Member};
use crate::secret::SecretType;

use super::consumer::Consumer;
use super::entry::{self, EntryRead, Fields};
use super::image::ImageRef;
use super::order::{Group, Lookup, NamedEntries, Order};
use super::ordinary::ordinary_images;
use super::{docker, image_updater, keychain, keyring, kubelet, podman};

/// What becomes of an entry in a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// For an ordinary image of the key it ends up with the entry's credentials.
    Uses,
    /// It takes one of several at random, or tries another one first. An entry that it does not find does not count,
    /// even if one of the several has the same credentials.
    MayUse,
    /// It finds nothing, or takes another entry.
    FindsNothing,
    /// It fails where it would need the entry.
    RefusesEntry,
    /// It fails for the whole document.
    RefusesDocument,
}

impl Outcome {
    /// The value in JSON.
    #[must_use]
    pub const fn json_name(self) -> &'static str {
        match self {
            Outcome::Uses => "uses",
            Outcome::MayUse => "may-use",
            Outcome::FindsNothing => "finds-nothing",
            Outcome::RefusesEntry => "refuses-entry",
            Outcome::RefusesDocument => "refuses-document",
        }
    }
}

/// What a consumer takes for an image.
pub struct Taken<'m> {
    /// The kubelet tries an entry of the first group, then the others of it, then those of the next. All other
    /// consumers have at most one group, of which they take one entry.
    pub groups: Vec<Group<'m>>,
    /// It asks a helper program in place of the entries.
    pub asks_helper: bool,
}

/// What is read from an entry, without holding it: equal for equal credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Nothing,
    Refused,
    Credentials { is_complete: bool, hash: u64 },
}

/// What one consumer reads of a document.
struct Reading {
    refuses_document: bool,
    marks: Vec<Mark>,
    order: Order,
}

/// The consumers at one document. Entries are numbered in the order in which they are written, those of all `auths` in
/// a row.
pub struct Models<'d> {
    document: &'d Document<'d>,
    entries: Vec<&'d Member>,
    readings: [Reading; Consumer::ALL.len()],
    keyring: keyring::Keyring,
    config_file: docker::ConfigFile<'d>,
    auth_file: podman::AuthFile<'d>,
    updater: NamedEntries<'d>,
}

impl<'d> Models<'d> {
    /// Reads a document as every consumer does.
    pub(crate) fn new(document: &'d Document<'d>) -> Self {
        Models::of_some(document, None)
    }

    /// Reads a document as every consumer does, but keeps only some of its entries, which are numbered in their order.
    /// `some` are their numbers among all entries, sorted. Whether a consumer refuses the document depends on all.
    pub(crate) fn of_some(document: &'d Document<'d>, some: Option<&[u32]>) -> Self {
        let mut live = entry::live_entries(document);
        let mut last = match document.secret_type() {
            SecretType::DockerConfigJson => entry::entries_of_last_auths(document),
            SecretType::DockerCfg => Vec::new(),
        };
        let mut is_live = vec![false; document.entries().count()];
        for (_, entry) in &live {
            if let Some(is_live) = usize::try_from(*entry).ok().and_then(|entry| is_live.get_mut(entry)) {
                *is_live = true;
            }
        }
        let has_unparsable = some.is_some() && live.iter().any(|(key, _)| !keyring::is_parsable(key));
        if let Some(some) = some {
            entry::keep(&mut live, some);
            entry::keep(&mut last, some);
        }
        let keyring = keyring::Keyring::new(&live);
        let config_file = docker::ConfigFile::new(document, &live);
        let auth_file = podman::AuthFile::new(document, &live);
        let updater = image_updater::entries(&last);
        let hasher = RandomState::new();
        let mut marked = Consumer::ALL.map(|consumer| Marked::new(consumer, document));
        let mut entries = Vec::new();
        for ((entry, is_kept), is_live) in kept(document, some).zip(is_live) {
            let fields = Fields::read(document, entry);
            for marked in &mut marked {
                marked.add(&fields, is_kept, is_live, &hasher);
            }
            entries.extend(is_kept.then_some(entry));
        }
        let readings = marked.map(|marked| {
            let order = match marked.consumer {
                Consumer::Kubelet | Consumer::KeyChain => keyring.entries.clone(),
                Consumer::Docker => config_file.entries.sorted(),
                Consumer::Podman => auth_file.entries.sorted(),
                Consumer::ImageUpdater => updater.sorted(),
            };
            let refuses_key =
                marked.consumer == Consumer::KeyChain && (has_unparsable || keyring.has_unparsable);
            marked.in_order(order, refuses_key)
        });
        Models { document, entries, readings, keyring, config_file, auth_file, updater }
    }

    fn reading(&self, consumer: Consumer) -> &Reading {
        let [kubelet, docker, podman, key_chain, image_updater] = &self.readings;
        match consumer {
            Consumer::Kubelet => kubelet,
            Consumer::Docker => docker,
            Consumer::Podman => podman,
            Consumer::KeyChain => key_chain,
            Consumer::ImageUpdater => image_updater,
        }
    }

    /// The registry keys, one for each entry.
    pub fn keys(&self) -> impl Iterator<Item = Cow<'d, str>> + '_ {
        self.entries.iter().map(|entry| self.document.name(entry).decode())
    }

    /// Whether there are more keys with a glob than the models compare, so that they may be wrong about some.
    pub(crate) const fn are_cut(&self) -> bool {
        self.keyring.is_cut
    }

    /// How many entries there are.
    pub(crate) const fn count(&self) -> usize {
        self.entries.len()
    }

    /// What each consumer makes of an entry, in the order of [`Consumer::ALL`].
    pub(crate) fn read_by_each(&self, entry: usize) -> [EntryRead<'d>; Consumer::ALL.len()] {
        let fields = self.fields(entry);
        Consumer::ALL.map(|consumer| consumer.read(&fields))
    }

    /// What a consumer makes of an entry.
    ///
    /// # Panics
    /// If there is no entry with this number, which would otherwise read as one without credentials.
    #[must_use]
    pub fn read(&self, consumer: Consumer, entry: usize) -> EntryRead<'d> {
        consumer.read(&self.fields(entry))
    }

    #[expect(clippy::expect_used, reason = "another number is a bug, and must not read as no credentials")]
    fn fields(&self, entry: usize) -> Fields<'d> {
        Fields::read(self.document, self.entries.get(entry).expect("an entry of the document"))
    }

    /// Whether a consumer refuses the whole document.
    #[must_use]
    pub fn refuses_document(&self, consumer: Consumer) -> bool {
        consumer.reads(self.document.secret_type()) && self.reading(consumer).refuses_document
    }

    /// Whether a consumer reads a username and a password, or a token, from an entry.
    #[must_use]
    pub fn reads_complete(&self, consumer: Consumer, entry: usize) -> bool {
        matches!(self.reading(consumer).marks.get(entry), Some(Mark::Credentials { is_complete: true, .. }))
    }

    /// What a consumer reads from an entry, if that is a username and a password, or a token: equal for equal credentials.
    #[must_use]
    pub(crate) fn complete(&self, consumer: Consumer, entry: usize) -> Option<u64> {
        match self.reading(consumer).marks.get(entry) {
            Some(Mark::Credentials { is_complete: true, hash }) => Some(*hash),
            _ => None,
        }
    }

    /// Whether a consumer reads the same from two entries.
    #[must_use]
    pub fn reads_same(&self, consumer: Consumer, one: usize, other: usize) -> bool {
        let marks = &self.reading(consumer).marks;
        marks.get(one) == marks.get(other)
    }

    /// Which entries a consumer takes for an image; nothing if it refuses the document or the image, or does not read
    /// Secrets of this type.
    #[must_use]
    pub fn find(&self, consumer: Consumer, image: &ImageRef) -> Taken<'_> {
        if !consumer.reads(self.document.secret_type())
            || self.refuses_document(consumer)
            || !consumer.accepts(image)
        {
            return Taken { groups: Vec::new(), asks_helper: false };
        }
        let ranges = match consumer {
            Consumer::Kubelet => kubelet::find(&self.keyring, image),
            Consumer::KeyChain => keychain::find(&self.keyring, image),
            Consumer::ImageUpdater => vec![image_updater::find(&self.updater, image)],
            Consumer::Docker => return self.looked_up(consumer, self.config_file.find(image)),
            Consumer::Podman => return self.looked_up(consumer, self.auth_file.find(image)),
        };
        let order = &self.reading(consumer).order;
        Taken {
            groups: ranges.into_iter().filter_map(|range| order.group(range)).collect(),
            asks_helper: false,
        }
    }

    /// What kaniko, ko and crane take for an image: what docker's library finds for its whole name, unless that is
    /// nothing.
    #[must_use]
    pub fn find_by_whole_name(&self, image: &ImageRef) -> Taken<'_> {
        let consumer = Consumer::Docker;
        let host = self.find(consumer, image);
        if !consumer.reads(self.document.secret_type())
            || self.refuses_document(consumer)
            || !consumer.accepts(image)
        {
            return host;
        }
        let whole = self.looked_up(consumer, self.config_file.find_whole_name(image));
        let has_credentials =
            |entry| matches!(self.reading(consumer).marks.get(entry), Some(Mark::Credentials { .. }));
        let answers = whole.asks_helper
            || whole.groups.first().and_then(|group| group.entries().next()).is_some_and(has_credentials);
        if answers { whole } else { host }
    }

    /// The entries at these places of a consumer's order, as [`Group::places`] has them.
    pub(crate) fn group(&self, consumer: Consumer, places: Range<usize>) -> Vec<usize> {
        let group = self.reading(consumer).order.group(places);
        group.iter().flat_map(Group::entries).collect()
    }

    fn looked_up(&self, consumer: Consumer, lookup: Lookup) -> Taken<'_> {
        match lookup {
            Lookup::Helper => Taken { groups: Vec::new(), asks_helper: true },
            Lookup::Entries(range) => {
                let group = self.reading(consumer).order.group(range);
                Taken { groups: group.into_iter().collect(), asks_helper: false }
            }
        }
    }

    /// What becomes of an entry in a consumer, for the ordinary images of its key.
    #[must_use]
    pub fn outcome(&self, consumer: Consumer, entry: usize) -> Outcome {
        let key = self.entries.get(entry).map(|entry| self.document.name(entry).decode());
        self.outcome_for(consumer, entry, &key.map(|key| ordinary_images(&key)).unwrap_or_default())
    }

    /// What becomes of an entry in a consumer, for these images.
    #[must_use]
    pub fn outcome_for(&self, consumer: Consumer, entry: usize, images: &[ImageRef]) -> Outcome {
        if self.refuses_document(consumer) {
            return Outcome::RefusesDocument;
        }
        let rank = |outcome: Outcome| match outcome {
            Outcome::Uses => 3,
            Outcome::MayUse => 2,
            Outcome::RefusesEntry => 1,
            Outcome::FindsNothing | Outcome::RefusesDocument => 0,
        };
        let mut best = Outcome::FindsNothing;
        for image in images {
            let outcome = self.outcome_of(consumer, entry, &self.find(consumer, image));
            let outcome = if consumer == Consumer::Docker && outcome == Outcome::FindsNothing {
                // Of the programs that this consumer stands for, some ask in another way.
                match self.outcome_of(consumer, entry, &self.find_by_whole_name(image)) {
                    Outcome::Uses => Outcome::MayUse,
                    outcome => outcome,
                }
            } else {
                outcome
            };
            if rank(outcome) > rank(best) {
                best = outcome;
            }
            if best == Outcome::Uses {
                break;
            }
        }
        best
    }

    /// Whether a consumer takes an entry for one of these images at random, among others from which it reads something else.
    pub(crate) fn takes_at_random(&self, consumer: Consumer, entry: usize, images: &[ImageRef]) -> bool {
        let is_random = |group: &Group<'_>| group.contains(entry) && !group.is_uniform();
        images.iter().any(|image| self.find(consumer, image).groups.iter().any(is_random))
    }

    fn outcome_of(&self, consumer: Consumer, entry: usize, found: &Taken<'_>) -> Outcome {
        if found.asks_helper {
            return Outcome::RefusesEntry;
        }
        let Some(first) = found.groups.first() else { return Outcome::FindsNothing };
        let same = first.entries().next().is_some_and(|other| self.reads_same(consumer, entry, other));
        let is_sure = first.is_uniform() && same;
        let is_found = is_sure || found.groups.iter().any(|group| group.contains(entry));
        match self.reading(consumer).marks.get(entry) {
            Some(Mark::Credentials { .. }) if is_sure => Outcome::Uses,
            Some(Mark::Credentials { .. }) if is_found => Outcome::MayUse,
            Some(Mark::Refused) if is_found => Outcome::RefusesEntry,
            _ => Outcome::FindsNothing,
        }
    }
}

/// What one consumer reads of the entries so far.
struct Marked {
    consumer: Consumer,
    refuses_document: bool,
    marks: Vec<Mark>,
}

impl Marked {
    fn new(consumer: Consumer, document: &Document<'_>) -> Self {
        Marked { consumer, refuses_document: consumer.refuses_top(document), marks: Vec::new() }
    }

    fn add(&mut self, fields: &Fields<'_>, is_kept: bool, is_live: bool, hasher: &RandomState) {
        let read = self.consumer.read(fields);
        // docker decodes `auth` only where no later entry has the same key.
        let is_late = self.consumer == Consumer::Docker && docker::entry_fits(fields);
        self.refuses_document |= matches!(read, EntryRead::RefusesDocument) && (!is_late || is_live);
        if !is_kept {
            return;
        }
        self.marks.push(match read {
            EntryRead::Credentials(credentials) => Mark::Credentials {
                is_complete: credentials.is_complete(),
                hash: hasher.hash_one(&credentials),
            },
            EntryRead::Nothing => Mark::Nothing,
            EntryRead::RefusesEntry | EntryRead::RefusesDocument => Mark::Refused,
        });
    }

    /// With the entries in the consumer's order.
    fn in_order(self, entries: Vec<u32>, refuses_key: bool) -> Reading {
        let Marked { refuses_document, marks, .. } = self;
        let at = |entry: u32| usize::try_from(entry).unwrap_or(usize::MAX);
        let order = Order::new(entries, marks.len(), |entry| marks.get(at(entry)).copied());
        Reading { refuses_document: refuses_document || refuses_key, marks, order }
    }
}

/// The entries of a document, and whether each is one of those that are kept.
fn kept<'m>(document: &'m Document<'_>, some: Option<&[u32]>) -> impl Iterator<Item = (&'m Member, bool)> {
    let mut some = some.map(|some| some.iter().peekable());
    document.entries().zip(0..).map(move |(member, number)| {
        let is_kept = some.as_mut().is_none_or(|some| some.next_if(|kept| **kept == number).is_some());
        (member, is_kept)
    })
}
