//! What the consumers make of a finding, computed from their models for the document at hand.

mod sentence;

use crate::consumers::{Consumer, EntryRead, ImageRef, Models, Outcome, ordinary_images};
use crate::registry::Key;
use crate::secret::SecretType;

pub(crate) use sentence::{readers, sentence};

/// What each consumer makes of the entry, or of the document, that a finding is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    outcomes: [Option<Outcome>; Consumer::ALL.len()],
    /// What becomes of the entry for [`other_images`].
    for_other_images: [Option<Outcome>; Consumer::ALL.len()],
    /// Which consumers read the plain username and password and not `auth`, one bit for each in the order of
    /// [`Consumer::ALL`]: a hostile document can make 200,000 findings.
    reads_plain: u8,
    /// Which consumers read no complete credentials from the entry, one bit for each.
    reads_incomplete: u8,
    /// Which consumers that refuse the entry take it at random, among others from which they read something else; one bit
    /// for each.
    refuses_at_random: u8,
    has_ordinary_image: bool,
    /// How many registries the document has, besides that of the entry.
    other_registries: u16,
}

impl Affected {
    /// For an entry, by its number among the entries of the document. `plain` is its plain username and password, if it
    /// has both; `registries` is how many registries the document names.
    pub(crate) fn by_entry(
        models: &Models<'_>,
        entry: usize,
        key: &str,
        plain: Option<(&str, &str)>,
        registries: u16,
    ) -> Self {
        let reads = models.read_by_each(entry);
        let reads_plain = |consumer: Consumer| match (reads.get(consumer as usize), plain) {
            (Some(EntryRead::Credentials(read)), Some((username, password))) => {
                *read.username == *username.as_bytes() && *read.password == *password.as_bytes()
            }
            _ => false,
        };
        let images = ordinary_images(key);
        let others = other_images(&Key::parse(key), images.is_empty());
        let outcomes =
            |images: &[ImageRef]| Consumer::ALL.map(|consumer| models.outcome_for(consumer, entry, images));
        let (ordinary, other) = (outcomes(&images), (!others.is_empty()).then(|| outcomes(&others)));
        // What is taken at random is of interest only where it is refused, and asking for it again doubles the time.
        let refuses_at_random = |consumer: Consumer| {
            let refuses =
                |outcomes: &[Outcome]| outcomes.get(consumer as usize) == Some(&Outcome::RefusesEntry);
            (refuses(&ordinary) && models.takes_at_random(consumer, entry, &images))
                || (other.as_ref().is_some_and(|other| refuses(other))
                    && models.takes_at_random(consumer, entry, &others))
        };
        Affected {
            outcomes: ordinary.map(Some),
            for_other_images: other.map_or_else(Default::default, |other| other.map(Some)),
            reads_plain: bits(reads_plain),
            reads_incomplete: bits(|consumer| !models.reads_complete(consumer, entry)),
            refuses_at_random: bits(refuses_at_random),
            has_ordinary_image: !images.is_empty(),
            other_registries: registries.saturating_sub(1),
        }
    }

    /// For the document: which consumers refuse it, and, if it has no entries, that the others find nothing. `registries` is
    /// how many registries it names.
    pub(crate) fn by_document(models: &Models<'_>, secret_type: SecretType, registries: u16) -> Self {
        let is_empty = models.count() == 0;
        let outcome = |consumer: Consumer| match models.refuses_document(consumer) {
            _ if !consumer.reads(secret_type) => None,
            true => Some(Outcome::RefusesDocument),
            false => is_empty.then_some(Outcome::FindsNothing),
        };
        Affected { outcomes: Consumer::ALL.map(outcome), other_registries: registries, ..Affected::default() }
    }

    /// The consumers with an outcome, and the outcome.
    pub fn outcomes(&self) -> impl Iterator<Item = (Consumer, Outcome)> {
        known(self.outcomes)
    }

    /// What becomes of the entry for images that the key may mean besides its ordinary ones.
    fn for_other_images(&self) -> impl Iterator<Item = (Consumer, Outcome)> {
        known(self.for_other_images)
    }

    /// Whether this consumer uses the credentials for images that the key may mean besides its ordinary ones.
    pub(crate) fn is_used_for_other_images_by(&self, consumer: Consumer) -> bool {
        self.for_other_images().any(|(other, outcome)| other == consumer && is_use(outcome))
    }

    /// Whether some consumer uses the credentials for such images; also if no consumer was asked.
    pub(crate) fn may_be_used_for_other_images(&self) -> bool {
        let mut asked = self.for_other_images().peekable();
        asked.peek().is_none() || asked.any(|(_, outcome)| is_use(outcome))
    }
}

fn known(outcomes: [Option<Outcome>; Consumer::ALL.len()]) -> impl Iterator<Item = (Consumer, Outcome)> {
    Consumer::ALL.into_iter().zip(outcomes).filter_map(|(consumer, outcome)| Some((consumer, outcome?)))
}

const fn is_use(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Uses | Outcome::MayUse)
}

/// One bit for each consumer.
fn bits(is_set: impl Fn(Consumer) -> bool) -> u8 {
    Consumer::ALL.into_iter().fold(0, |bits, consumer| bits | u8::from(is_set(consumer)) << consumer as u8)
}

const fn is_set(bits: u8, consumer: Consumer) -> bool {
    bits >> consumer as u8 & 1 == 1
}

/// Images that a key may mean besides its ordinary ones: those of Docker Hub for another spelling of it, and those of its
/// host if there are no ordinary images. docker, for one, ignores the path of a key.
fn other_images(key: &Key<'_>, has_no_ordinary_image: bool) -> Vec<ImageRef> {
    if key.is_other_docker_hub() {
        hub_image_below(key).map_or_else(|| ordinary_images("docker.io"), |image| vec![image])
    } else if has_no_ordinary_image && !key.has_credentials() {
        ordinary_images(&key.clone().into_host_and_port())
    } else {
        Vec::new()
    }
}

/// An image of Docker Hub below the path of a key; `None` if the key has no path, or no image can have it.
fn hub_image_below(key: &Key<'_>) -> Option<ImageRef> {
    let below = || ordinary_images(&format!("docker.io{}", key.path_without_version())).pop();
    key.has_path().then(below).flatten()
}
