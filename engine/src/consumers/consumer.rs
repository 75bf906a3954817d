//! The consumers, and the model that answers for each.

use crate::document::{Document, JsonType, TopField};
use crate::secret::SecretType;

use super::entry::{EntryRead, Fields};
use super::image::ImageRef;
use super::{docker, image_updater, keychain, kubelet, podman};

/// A program that reads pull Secrets or Docker configs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consumer {
    /// The kubelet.
    Kubelet,
    /// docker/cli's config file: docker, Compose, BuildKit, kaniko, ko, crane.
    Docker,
    /// podman's image library: podman, buildah, skopeo, CRI-O.
    Podman,
    /// go-containerregistry's Kubernetes key chain: Flux 2, Tekton, Knative, Kyverno, cosign.
    KeyChain,
    /// Argo CD Image Updater.
    ImageUpdater,
}

impl Consumer {
    /// Every consumer, in the order in which they are listed.
    pub const ALL: [Consumer; 5] =
        [Consumer::Kubelet, Consumer::Docker, Consumer::Podman, Consumer::KeyChain, Consumer::ImageUpdater];

    /// The name in a sentence, without an article.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Consumer::Kubelet => "kubelet",
            Consumer::Docker => "docker",
            Consumer::Podman => "podman",
            Consumer::KeyChain => "key chain",
            Consumer::ImageUpdater => "Argo CD Image Updater",
        }
    }

    /// The name of the field in JSON.
    #[must_use]
    pub const fn json_name(self) -> &'static str {
        match self {
            Consumer::Kubelet => "kubelet",
            Consumer::Docker => "docker",
            Consumer::Podman => "podman",
            Consumer::KeyChain => "keychain",
            Consumer::ImageUpdater => "imageUpdater",
        }
    }

    /// Whether it reads Secrets of this type.
    #[must_use]
    pub const fn reads(self, secret_type: SecretType) -> bool {
        match self {
            Consumer::Kubelet | Consumer::Podman | Consumer::KeyChain => true,
            Consumer::Docker | Consumer::ImageUpdater => {
                matches!(secret_type, SecretType::DockerConfigJson)
            }
        }
    }

    /// Whether it accepts an image reference, which docker and the kubelet do in their grammar.
    #[must_use]
    pub fn accepts(self, image: &ImageRef) -> bool {
        match self {
            Consumer::Kubelet | Consumer::ImageUpdater => true,
            // A host that the grammar takes for a part of the path is none for docker.
            Consumer::Docker => !image.domain().is_empty(),
            Consumer::Podman => podman::accepts(image),
            Consumer::KeyChain => keychain::accepts(image),
        }
    }

    /// What it makes of one entry.
    pub(super) fn read<'a>(self, fields: &Fields<'a>) -> EntryRead<'a> {
        match self {
            Consumer::Kubelet => kubelet::read(fields),
            Consumer::Docker => docker::read(fields),
            Consumer::Podman => podman::read(fields),
            Consumer::KeyChain => keychain::read(fields),
            Consumer::ImageUpdater => image_updater::read(fields),
        }
    }

    /// Whether it refuses the document for its own type, that of `auths`, or another setting.
    pub(super) fn refuses_top(self, document: &Document<'_>) -> bool {
        let is_optional_object = |kind| matches!(kind, JsonType::Object | JsonType::Null);
        let auths_fit = document
            .top()
            .iter()
            .filter(|member| document.top_field(member) == Some(TopField::Auths))
            .all(|auths| is_optional_object(auths.kind));
        !is_optional_object(document.kind())
            || match self {
                Consumer::Kubelet => !auths_fit || kubelet::refuses_top(document),
                Consumer::Docker => docker::refuses_top(document),
                Consumer::Podman => !auths_fit || podman::refuses_top(document),
                Consumer::KeyChain => !auths_fit,
                Consumer::ImageUpdater => false,
            }
    }
}
