//! The consumers of a pull Secret, each a model of its own source: what it reads of a document, and which entries it
//! takes for an image. Everything that is said about who is affected follows from here. The models are held to
//! the real libraries by a differential test (tests/consumers).

mod consumer;
mod docker;
mod entry;
mod go_url;
mod image;
mod image_updater;
mod keychain;
mod keyring;
mod kubelet;
mod models;
mod order;
mod ordinary;
mod pod_keyring;
mod podman;
mod single_key;

use crate::document::Document;
use crate::secret::SecretType;

pub use consumer::Consumer;
pub use entry::{EntryRead, ReadCredentials};
pub use image::ImageRef;
pub use models::{Models, Outcome, Taken};
pub use order::Group;
pub use ordinary::ordinary_images;
pub(crate) use pod_keyring::{PodEntry, PodKeyring};
pub use single_key::{images_that_find, is_never_found};

/// Reads a document as every consumer does, for callers that have only its bytes; `None` if it is not JSON as
/// `invalid-json` has it.
pub fn ask<T>(bytes: &[u8], secret_type: SecretType, question: impl FnOnce(&Models<'_>) -> T) -> Option<T> {
    let document = Document::read(bytes, secret_type).ok()?;
    Some(question(&Models::new(&document)))
}

#[cfg(test)]
mod tests;
