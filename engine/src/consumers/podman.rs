//! podman: the auth file of podman's image library, which podman, buildah, skopeo and CRI-O read
//! (go.podman.io/image v5.42.0, pkg/docker/config/config.go: `findCredentialsInFile`, `decodeDockerAuth`,
//! `normalizeAuthFileKey`; docker/reference). It reads only `auth` and, next to it, `identitytoken`.

use std::borrow::Cow;

use crate::document::Document;
use crate::document::{EntryField, TopField};
use crate::secret::SecretType;

use super::entry::{
    EntryRead, Fields, LiveEntries, ReadCredentials, is_map_of_strings, pair, string_map, trim_nuls,
};
use super::image::ImageRef;
use super::order::{Lookup, NamedEntries};

const FIELDS: [EntryField; 2] = [EntryField::Auth, EntryField::IdentityToken];

/// Its reference grammar counts the registry, too.
const MAX_NAME: usize = 255;

pub(super) fn refuses_top(document: &Document<'_>) -> bool {
    document.top().iter().any(|member| {
        document.top_field(member) == Some(TopField::CredHelpers) && !is_map_of_strings(document, member, 0)
    })
}

pub(super) fn read<'a>(fields: &Fields<'a>) -> EntryRead<'a> {
    if !fields.fit(&FIELDS) {
        return EntryRead::RefusesDocument;
    }
    match fields.padded_auth() {
        None => EntryRead::RefusesEntry,
        Some(auth) => pair(auth).map_or(EntryRead::Nothing, |pair| {
            ReadCredentials { identity_token: fields.text(EntryField::IdentityToken), ..trim_nuls(pair) }
                .into()
        }),
    }
}

/// Whether it accepts a reference that docker accepts: no IPv6 address, no registry that only its capitals show to
/// be one.
pub(super) fn accepts(image: &ImageRef) -> bool {
    let host = image.host();
    (host == "localhost" || host.contains(['.', ':']))
        && !host.starts_with('[')
        && image.name().len() <= MAX_NAME
}

/// The entries of an auth file, and where helper programs have the credentials instead.
pub(super) struct AuthFile<'a> {
    /// Named by the registry that podman reduces a key to.
    pub(super) entries: NamedEntries<'a>,
    helpers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    is_flat: bool,
}

impl<'a> AuthFile<'a> {
    pub(super) fn new(document: &Document<'a>, live: &LiveEntries<'a>) -> Self {
        let helpers = string_map(document, TopField::CredHelpers);
        AuthFile { helpers, ..AuthFile::of(live, document.secret_type()) }
    }

    /// Without settings.
    pub(super) fn of(live: &LiveEntries<'a>, secret_type: SecretType) -> Self {
        let is_flat = secret_type == SecretType::DockerCfg;
        AuthFile {
            entries: NamedEntries::new(live, |key| registry_of(key, is_flat)),
            helpers: Vec::new(),
            is_flat,
        }
    }

    /// The whole name and every beginning of it that ends before a slash, the longest first, are looked for as they
    /// are; then a key that names the registry in another way. In a dockercfg only the registry is looked for.
    pub(super) fn find(&self, image: &ImageRef) -> Lookup {
        let registry = image.host();
        if self.helpers.binary_search_by(|(name, _)| (**name).cmp(registry)).is_ok() {
            return Lookup::Helper;
        }
        let mut key = if self.is_flat { registry } else { image.name() };
        loop {
            if let Some(entry) = self.entries.exact(key) {
                return Lookup::Entries(entry);
            }
            match key.rsplit_once('/') {
                Some((shorter, _)) => key = shorter,
                None => return Lookup::Entries(self.entries.named(normalise(registry).as_bytes())),
            }
        }
    }
}

/// The registry that a key names: without scheme, and then, as always in a dockercfg, without path.
fn registry_of<'a>(key: &Cow<'a, str>, is_flat: bool) -> Cow<'a, [u8]> {
    let without_http = key.strip_prefix("http://").unwrap_or(key);
    let bare = without_http.strip_prefix("https://").unwrap_or(without_http);
    let cuts_path = is_flat || bare.len() != key.len();
    let registry = if cuts_path { bare.split_once('/').map_or(bare, |(host, _)| host) } else { bare };
    let start = key.len() - bare.len();
    match (normalise(registry), key) {
        ("index.docker.io", _) => Cow::Borrowed(b"index.docker.io"),
        (_, Cow::Borrowed(key)) => {
            Cow::Borrowed(key.as_bytes().get(start..start + registry.len()).unwrap_or_default())
        }
        (registry, Cow::Owned(_)) => Cow::Owned(registry.as_bytes().to_vec()),
    }
}

fn normalise(registry: &str) -> &str {
    if matches!(registry, "registry-1.docker.io" | "docker.io") { "index.docker.io" } else { registry }
}
