//! The kubelet's look-up over all pull Secrets of a Pod.

use super::cause::Cause;
use super::facts::PullSecret;
use crate::bilingual::Bilingual;
use crate::registry::RegistryKey;

/// What the kubelet finds for an image.
pub struct LookUp {
    /// The entries whose credentials it tries, in order.
    pub used: Vec<Used>,
    /// The Secrets of which it uses nothing, in the order of the Pod, and why.
    pub unused: Vec<Unused>,
    /// The Secrets that it could use, and that could not be read.
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

/// Which entries of these Secrets the kubelet uses for an image; `None` if the reference is invalid.
#[must_use]
pub fn look_up(image: &str, secrets: &[PullSecret]) -> Option<LookUp> {
    crate::consumers::ImageRef::parse(image)?;
    Some(LookUp {
        used: Vec::new(),
        unused: Vec::new(),
        unknown: secrets.iter().map(|secret| secret.name.clone()).collect(),
    })
}
