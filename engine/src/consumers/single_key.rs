//! For which images a consumer finds a key, whatever the credentials under it.

use std::borrow::Cow;

use crate::secret::SecretType;

use super::consumer::Consumer;
use super::image::ImageRef;
use super::order::Lookup;
use super::ordinary::ordinary_images;
use super::{docker, image_updater, keychain, keyring, kubelet, podman};

/// The images of a key for which a consumer finds it, if it is the only key of a document of this type.
#[must_use]
pub fn images_that_find(consumer: Consumer, secret_type: SecretType, key: &str) -> Vec<ImageRef> {
    if !consumer.reads(secret_type) {
        return Vec::new();
    }
    let mut images = ordinary_images(key).into_iter().filter(|image| consumer.accepts(image)).peekable();
    if images.peek().is_none() {
        return Vec::new();
    }
    let only = vec![(Cow::Borrowed(key), 0)];
    let is_some = |lookup| matches!(lookup, Lookup::Entries(range) if !range.is_empty());
    match consumer {
        Consumer::Kubelet => {
            let keyring = keyring::Keyring::new(&only);
            images.filter(|image| !kubelet::find(&keyring, image).is_empty()).collect()
        }
        Consumer::Docker => {
            let config_file = docker::ConfigFile::of(&only);
            images.filter(|image| is_some(config_file.find(image))).collect()
        }
        Consumer::Podman => {
            let auth_file = podman::AuthFile::of(&only, secret_type);
            images.filter(|image| is_some(auth_file.find(image))).collect()
        }
        Consumer::KeyChain => {
            let keyring = keyring::Keyring::new(&only);
            let finds = |image: &ImageRef| !keychain::find(&keyring, image).is_empty();
            images.filter(|image| !keyring.has_unparsable && finds(image)).collect()
        }
        Consumer::ImageUpdater => {
            let updater = image_updater::entries(&only);
            images.filter(|image| !image_updater::find(&updater, image).is_empty()).collect()
        }
    }
}

/// Whether the kubelet finds the key for no ordinary image.
#[must_use]
pub fn is_never_found(key: &str) -> bool {
    images_that_find(Consumer::Kubelet, SecretType::DockerConfigJson, key).is_empty()
}
