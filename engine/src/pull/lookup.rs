//! The kubelet's look-up for one image, for callers that ask about an image and not about a Pod.

use jiff::Timestamp;

use super::cause::Cause;
use super::facts::PullSecret;
use super::ring::{Contents, Ring, Why};
use super::why::why;
use crate::bilingual::Bilingual;
use crate::consumers::ImageRef;
use crate::registry::RegistryKey;

/// What the kubelet finds for an image.
pub struct LookUp {
    /// The entries whose credentials it tries, in order.
    pub used: Vec<Used>,
    /// The Secrets of which it uses nothing, in the order of the Pod, and why.
    pub unused: Vec<Unused>,
    /// The Secrets that could not be read.
    pub unknown: Vec<String>,
}

/// An entry whose credentials the kubelet tries.
pub struct Used {
    /// The Secret's name.
    pub secret: String,
    /// The registry key.
    pub key: RegistryKey<'static>,
}

/// A Secret of which the kubelet uses nothing for an image.
pub struct Unused {
    /// The Secret's name.
    pub secret: String,
    /// The kind of reason.
    pub cause: Cause,
    /// The reason in one sentence, with the nearest key.
    pub why: Bilingual<String>,
}

/// Which entries of these Secrets the kubelet uses for an image; `None` if the reference is invalid. A malformed Secret
/// keeps the kubelet from using any.
#[must_use]
pub fn look_up(image: &str, secrets: &[PullSecret]) -> Option<LookUp> {
    let image = ImageRef::parse(image)?;
    let contents = Contents::read(secrets);
    let ring = Ring::new(&contents, Timestamp::UNIX_EPOCH);
    let found = ring.find(&image);
    let is_refused = found.reasons.iter().any(|reason| matches!(reason.why, Why::Malformed(_)));
    let used = found.usable.iter().filter(|_| !is_refused).map(|entry| Used {
        secret: ring.secret_of(entry).to_owned(),
        key: RegistryKey::new(entry.key.clone().into_owned()),
    });
    let (unknown, unused): (Vec<_>, Vec<_>) =
        found.reasons.iter().partition(|reason| matches!(reason.why, Why::Unknown));
    Some(LookUp {
        used: used.collect(),
        unused: unused
            .into_iter()
            .map(|reason| Unused {
                secret: reason.secret.to_owned(),
                cause: reason.why.cause(),
                why: why(reason, &image),
            })
            .collect(),
        unknown: unknown.into_iter().map(|reason| reason.secret.to_owned()).collect(),
    })
}
