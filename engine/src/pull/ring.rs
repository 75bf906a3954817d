//! The kubelet's keyring over the pull Secrets of a Pod: which entries it would use for an image or, for each Secret, why
//! none of them.

use std::cell::OnceCell;

use jiff::Timestamp;

use super::cause::Cause;
use super::facts::{PullSecret, SecretFacts, Seen};
use super::malformed::{self, Malformation};
use super::near::{self, Near};
use crate::bilingual::Bilingual;
use crate::consumers::{ImageRef, PodEntry, PodKeyring};
use crate::document::Document;
use crate::finding::Finding;
use crate::registry::RegistryKey;
use crate::secret::SecretType;

/// The Secrets of a list, with their documents read. Without those of no name, which the kubelet skips.
pub(super) struct Contents<'a>(Vec<(&'a str, Content<'a>)>);

enum Content<'a> {
    Missing(&'a [String]),
    Unknown,
    /// Of a type that the kubelet does not read, and what its document would be.
    WrongType(&'a str, Option<Document<'a>>),
    /// There is no value under the key of the type.
    NoDocument(SecretType),
    NotJson(&'a [u8], SecretType),
    Read(&'a [u8], Document<'a>),
}

impl<'a> Contents<'a> {
    pub(super) fn read(secrets: impl IntoIterator<Item = &'a PullSecret>) -> Self {
        let named = secrets.into_iter().filter(|secret| !secret.name.is_empty());
        Contents(named.map(|secret| (&*secret.name, Content::read(&secret.seen))).collect())
    }
}

impl<'a> Content<'a> {
    fn read(seen: &'a Seen) -> Self {
        let SecretFacts { secret_type, document } = match seen {
            Seen::Missing { elsewhere } => return Content::Missing(elsewhere),
            Seen::Unknown => return Content::Unknown,
            Seen::Present(facts) => facts,
        };
        let bytes = document.as_deref().filter(|bytes| !bytes.is_empty());
        let Some(secret_type) = SecretType::from_name(secret_type) else {
            let read = |form| Document::read(bytes?, form).ok();
            let wrapped =
                read(SecretType::DockerConfigJson).filter(|document| document.entries().next().is_some());
            return Content::WrongType(secret_type, wrapped.or_else(|| read(SecretType::DockerCfg)));
        };
        let Some(bytes) = bytes else { return Content::NoDocument(secret_type) };
        match Document::read(bytes, secret_type) {
            Ok(document) => Content::Read(bytes, document),
            Err(_) if Document::is_accepted_by_go(bytes) => Content::Unknown,
            Err(_) => Content::NotJson(bytes, secret_type),
        }
    }
}

/// The kubelet's keyring over the Secrets of a list.
pub(super) struct Ring<'s> {
    contents: &'s Contents<'s>,
    keyring: PodKeyring<'s>,
    /// The Secrets that the kubelet cannot read, by their number.
    malformed: Vec<(usize, Malformation)>,
    /// What the rules find in each document.
    findings: Vec<OnceCell<Vec<Finding<'s>>>>,
    now: Timestamp,
}

/// What the keyring has for one image.
pub(super) struct KeyringAnswer<'s> {
    /// The entries with a username and a password, in the order in which they are tried.
    pub(super) usable: Vec<&'s PodEntry<'s>>,
    /// Why each of the other Secrets gives none.
    pub(super) reasons: Vec<Reason<'s>>,
}

/// Why a Secret gives no credentials for an image.
pub(super) struct Reason<'s> {
    pub(super) secret: &'s str,
    pub(super) why: Why<'s>,
    /// How many entries its document has, if the kubelet reads it.
    pub(super) entries: usize,
}

pub(super) enum Why<'s> {
    Missing,
    Elsewhere(&'s [String]),
    Unknown,
    WrongType {
        secret_type: &'s str,
        /// With the right type it would have credentials for the image.
        fits: bool,
        /// The form of its document, if it has one.
        form: Option<SecretType>,
    },
    NoDocument(SecretType),
    Malformed(&'s Malformation),
    /// There are no entries; what the rules say about such a document.
    NoEntries(Option<Bilingual<String>>),
    /// The entry that matches lacks the username or the password.
    Incomplete(RegistryKey<'static>),
    /// No key matches; the nearest.
    Near(Near),
    /// No key matches, and none is near; the first keys, and how many there are.
    NoKey(Vec<RegistryKey<'static>>, usize),
}

impl Why<'_> {
    pub(super) const fn cause(&self) -> Cause {
        match self {
            Why::Missing => Cause::SecretMissing,
            Why::Elsewhere(_) => Cause::SecretInOtherNamespace,
            Why::Unknown => Cause::Undecided,
            Why::WrongType { .. } => Cause::WrongSecretType,
            Why::Malformed(_) => Cause::SecretMalformed,
            Why::NoDocument(_) | Why::NoEntries(_) | Why::Incomplete(_) | Why::Near(_) | Why::NoKey(..) => {
                Cause::NoMatchingEntry
            }
        }
    }

    /// How well the Secret would fit if what is wrong with it were not: smaller is better.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Why::Malformed(_) => 0,
            Why::WrongType { fits: true, .. } | Why::Incomplete(_) => 1,
            Why::Near(near) if near.relation.is_same_registry() => 2,
            Why::Missing | Why::Elsewhere(_) => 3,
            Why::Unknown => 4,
            Why::NoDocument(_) | Why::NoEntries(_) => 5,
            Why::WrongType { fits: false, .. } => 6,
            Why::Near(_) => 7,
            Why::NoKey(..) => 8,
        }
    }
}

/// This many keys of a Secret without a near one are named.
const MAX_NAMED_KEYS: usize = 3;

impl<'s> Ring<'s> {
    /// Credentials that say when they end are compared with `now`.
    pub(super) fn new(contents: &'s Contents<'s>, now: Timestamp) -> Self {
        let documents = contents.0.iter().enumerate().filter_map(|(number, (_, content))| match content {
            Content::Read(_, document) => Some((number, document)),
            _ => None,
        });
        let keyring = PodKeyring::new(documents);
        let malformed = contents.0.iter().enumerate().filter_map(|(number, (_, content))| {
            let malformation = match content {
                Content::NotJson(bytes, form) => Malformation::find(bytes, *form, None),
                Content::Read(bytes, document) => {
                    let refused = keyring.refused().iter().find(|refused| refused.document == number)?;
                    Malformation::find(bytes, document.secret_type(), refused.key.as_deref())
                }
                _ => return None,
            };
            Some((number, malformation))
        });
        let malformed = malformed.collect();
        let findings = contents.0.iter().map(|_| OnceCell::new()).collect();
        Ring { contents, keyring, malformed, findings, now }
    }

    /// Whether no Secret is named.
    pub(super) fn is_empty(&self) -> bool {
        self.contents.0.is_empty()
    }

    /// The Secrets that could not be read.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &str> {
        let contents = self.contents.0.iter();
        contents.filter(|(_, content)| matches!(content, Content::Unknown)).map(|(name, _)| *name)
    }

    /// The Secrets that the kubelet cannot read.
    pub(super) fn malformed(&self) -> impl Iterator<Item = (&str, &Malformation)> {
        self.malformed.iter().map(|(number, malformation)| {
            (self.contents.0.get(*number).map_or("", |(name, _)| *name), malformation)
        })
    }

    /// How many other entries there are in the document of an entry.
    pub(super) fn entries_beside(&self, entry: &PodEntry<'_>) -> usize {
        self.keyring.of_document(entry.document).count().saturating_sub(1)
    }

    /// The name of the Secret that an entry is in.
    pub(super) fn secret_of(&self, entry: &PodEntry<'_>) -> &str {
        self.contents.0.get(entry.document).map_or("", |(name, _)| name)
    }

    /// What the rules find in an entry.
    pub(super) fn findings(&self, entry: &PodEntry<'_>) -> impl Iterator<Item = &Finding<'s>> {
        let find = || match self.contents.0.get(entry.document) {
            Some((_, Content::Read(bytes, document))) => {
                malformed::findings(bytes, document.secret_type(), self.now)
            }
            _ => Vec::new(),
        };
        let findings = self.findings.get(entry.document).map(|findings| findings.get_or_init(find));
        findings
            .into_iter()
            .flatten()
            .filter(|finding| finding.place.key().map(RegistryKey::as_written) == Some(&*entry.key))
    }

    /// What the keyring has for an image.
    pub(super) fn find(&self, image: &ImageRef) -> KeyringAnswer<'_> {
        let tried = self.keyring.find(image);
        let reasons = self.contents.0.iter().enumerate().filter_map(|(number, (name, content))| {
            let mut matching = tried.iter().filter(|entry| entry.document == number);
            let first = matching.clone().next();
            if matching.any(|entry| entry.is_complete) {
                return None;
            }
            Some(Reason {
                secret: name,
                why: self.why(number, content, image, first.copied()),
                entries: self.keyring.of_document(number).count(),
            })
        });
        let reasons = reasons.collect();
        KeyringAnswer { usable: tried.into_iter().filter(|entry| entry.is_complete).collect(), reasons }
    }

    fn why<'r>(
        &'r self,
        number: usize,
        content: &'r Content<'_>,
        image: &ImageRef,
        matching: Option<&PodEntry<'_>>,
    ) -> Why<'r> {
        if let Some((_, malformation)) = self.malformed.iter().find(|(malformed, _)| *malformed == number) {
            return Why::Malformed(malformation);
        }
        match content {
            Content::Missing([]) => Why::Missing,
            Content::Missing(elsewhere) => Why::Elsewhere(elsewhere),
            Content::Unknown => Why::Unknown,
            Content::WrongType(secret_type, document) => {
                let keyring = PodKeyring::new(document.iter().map(|document| (0, document)));
                let fits = keyring.find(image).iter().any(|entry| entry.is_complete);
                Why::WrongType { secret_type, fits, form: document.as_ref().map(Document::secret_type) }
            }
            Content::NoDocument(secret_type) | Content::NotJson(_, secret_type) => {
                Why::NoDocument(*secret_type)
            }
            Content::Read(bytes, document) => {
                let owned = |entry: &PodEntry<'_>| RegistryKey::new(entry.key.clone().into_owned());
                let entries = || self.keyring.of_document(number);
                match (matching, entries().next()) {
                    (Some(entry), _) => Why::Incomplete(owned(entry)),
                    (None, None) => Why::NoEntries(malformed::why_empty(bytes, document.secret_type())),
                    (None, Some(_)) => near::nearest(image, entries()).map_or_else(
                        || Why::NoKey(entries().take(MAX_NAMED_KEYS).map(owned).collect(), entries().count()),
                        Why::Near,
                    ),
                }
            }
        }
    }
}
