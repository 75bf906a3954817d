//! The kubelet (kubernetes v1.37.2, pkg/credentialprovider/config.go: `UnmarshalJSON`, `decodeDockerConfigFieldAuth`;
//! keyring.go: `Lookup`, `isDefaultRegistryMatch`; secrets/secrets.go: `MakeDockerKeyring`). It tries all credentials
//! that it finds, one after the other.

use std::ops::Range;

use crate::document::Document;
use crate::document::{EntryField, TopField};

use super::entry::{EntryRead, Fields, is_map_of_strings};
use super::image::ImageRef;
use super::keyring::Keyring;

const FIELDS: [EntryField; 4] =
    [EntryField::Username, EntryField::Password, EntryField::Email, EntryField::Auth];

pub(super) fn refuses_top(document: &Document<'_>) -> bool {
    document.top().iter().any(|member| {
        document.top_field(member) == Some(TopField::HttpHeaders) && !is_map_of_strings(document, member, 0)
    })
}

pub(super) fn read<'a>(fields: &Fields<'a>) -> EntryRead<'a> {
    match fields.kubelet_pair() {
        Some(credentials) if fields.fit(&FIELDS) => credentials.into(),
        _ => EntryRead::RefusesDocument,
    }
}

pub(super) fn find(keyring: &Keyring, image: &ImageRef) -> Vec<Range<usize>> {
    let found = keyring.find(image.name());
    // A host without a dot and a port counts as Docker Hub here, `localhost` included.
    let is_hub = image.host() == "docker.io" || !image.host().contains(['.', ':']);
    if found.is_empty() && is_hub { keyring.hub().into_iter().collect() } else { found }
}
