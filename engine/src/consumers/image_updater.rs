//! Argo CD Image Updater (argoproj-labs/argocd-image-updater at 648d1f44,
//! registry-scanner/pkg/image/credentials.go: `parseDockerConfigJson`, image.go: `NewFromIdentifier`;
//! registry-scanner/pkg/registry/endpoints.go: `GetRegistryEndpoint`, `registryTweaks`), with `pullsecret:` as its source
//! of credentials and no registry configured. It reads a Secret's `.dockerconfigjson` only, names in their exact
//! spelling, and takes one of the entries whose key begins with the registry's address.

use std::borrow::Cow;
use std::ops::Range;

use crate::document::JsonText;
use crate::document::JsonType;

use super::entry::{EntryRead, Fields, LiveEntries, ReadCredentials, decode_padded, pair};
use super::image::ImageRef;
use super::order::NamedEntries;

const HUB: &str = "registry-1.docker.io";

pub(super) fn read<'a>(fields: &Fields<'a>) -> EntryRead<'a> {
    let auth = match &fields.exact_auth {
        Some((JsonType::String, Some(text))) if fields.is_object() => JsonText::decode(*text),
        _ => return EntryRead::RefusesEntry,
    };
    let pair: Option<ReadCredentials<'a>> = decode_padded(&auth).as_ref().and_then(pair);
    pair.map_or(EntryRead::RefusesEntry, EntryRead::from)
}

/// The entries by what follows `https://` in their key, or by the key.
pub(super) fn entries<'a>(live: &LiveEntries<'a>) -> NamedEntries<'a> {
    NamedEntries::new(live, |key| match key {
        Cow::Borrowed(key) => Cow::Borrowed(key.strip_prefix("https://").unwrap_or(key).as_bytes()),
        Cow::Owned(key) => Cow::Owned(key.strip_prefix("https://").unwrap_or(key).as_bytes().to_vec()),
    })
}

/// One of these entries is taken, at random.
pub(super) fn find(entries: &NamedEntries<'_>, image: &ImageRef) -> Range<usize> {
    let domain = image.domain();
    // The one registry that it knows is also taken for others whose name begins like it.
    let registry = if domain.is_empty() || domain.starts_with("docker.io") { HUB } else { domain };
    entries.beginning_with(registry.as_bytes())
}
