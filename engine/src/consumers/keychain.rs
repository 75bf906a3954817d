//! The key chain: go-containerregistry's Kubernetes key chain, which Flux 2, Tekton, Knative, Kyverno and cosign use
//! (go-containerregistry v0.22.1, pkg/authn/authn.go: `UnmarshalJSON`; pkg/name/registry.go;
//! pkg/authn/kubernetes 2026-02-24, keychain.go: `NewFromPullSecrets`, `Resolve`). It takes the first credentials that
//! it finds, and refuses a document with a key that Go cannot parse.

use std::ops::Range;

use crate::document::EntryField;

use super::entry::{EntryRead, Fields, with_tokens};
use super::go_url::is_ipv6;
use super::image::ImageRef;
use super::keyring::Keyring;

const FIELDS: [EntryField; 5] = [
    EntryField::Username,
    EntryField::Password,
    EntryField::Auth,
    EntryField::IdentityToken,
    EntryField::RegistryToken,
];

pub(super) fn read<'a>(fields: &Fields<'a>) -> EntryRead<'a> {
    match fields.kubelet_pair() {
        Some(credentials) if fields.fit(&FIELDS) => with_tokens(credentials, fields).into(),
        _ => EntryRead::RefusesDocument,
    }
}

/// Whether it accepts a reference that docker accepts.
pub(super) fn accepts(image: &ImageRef) -> bool {
    let host = image.host();
    let address = host.strip_prefix('[').and_then(|host| host.split_once(']'));
    (host == "localhost" || host.contains(['.', ':']))
        && address.is_none_or(|(address, _)| is_ipv6(address.as_bytes()))
}

pub(super) fn find(keyring: &Keyring, image: &ImageRef) -> Vec<Range<usize>> {
    let found = match image.name().strip_prefix("docker.io/") {
        Some(path) => keyring.find(&["index.docker.io/", path].concat()),
        None => keyring.find(image.name()),
    };
    found.into_iter().take(1).collect()
}
