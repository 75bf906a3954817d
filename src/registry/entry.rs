//! The entries of a document: their credentials as the kubelet reads them, and the images that it would use them for.

use std::collections::HashMap;

use regcred_engine::consumers::{Consumer, EntryRead, Models, ReadCredentials, ask, ordinary_images};
use regcred_engine::registry::RegistryKey;
use regcred_engine::secret::SecretType;
use zeroize::Zeroizing;

use super::credential::Credential;
use super::image::PullImage;

/// An entry that is verified. There is no `Debug`.
pub struct LoginEntry {
    /// The registry key.
    pub key: RegistryKey<'static>,
    /// The credentials. A half can be empty.
    pub credential: Credential,
    /// Of the images that were asked for, those for which the kubelet finds the entry.
    pub images: Vec<PullImage>,
    /// The number of such images over [`MAX_IMAGES`].
    pub omitted_images: usize,
    /// docker keeps the credentials in a helper program, and the entry has none.
    pub is_in_helper: bool,
}

/// The entries of a document that are verified.
pub struct LoginEntries {
    /// At most [`MAX_ENTRIES`], in the order of the document.
    pub entries: Vec<LoginEntry>,
    /// The number of the others.
    pub omitted: usize,
}

/// No pull Secret has this many registries. Without a bound, one Secret could hold up the verification of all others.
pub const MAX_ENTRIES: usize = 50;

/// At most this many images of an entry are asked for.
pub const MAX_IMAGES: usize = 50;

/// Why there is no entry to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableDocument {
    /// It is not JSON.
    NotJson,
    /// The kubelet refuses the whole document.
    RefusedByKubelet,
    /// It has no entry.
    Empty,
}

/// Reads the entries of a document. Of a key that is written twice, the last entry counts, as in Go.
///
/// # Errors
/// When there is none that the kubelet could use.
pub fn login_entries(
    document: &[u8],
    secret_type: SecretType,
    images: &[PullImage],
) -> Result<LoginEntries, UnreadableDocument> {
    let entries = ask(document, secret_type, |models| {
        if models.refuses_document(Consumer::Kubelet) {
            return Err(UnreadableDocument::RefusedByKubelet);
        }
        Ok(read_entries(models, images))
    });
    match entries.ok_or(UnreadableDocument::NotJson)?? {
        read if read.entries.is_empty() => Err(UnreadableDocument::Empty),
        read => Ok(read),
    }
}

fn read_entries(models: &Models<'_>, images: &[PullImage]) -> LoginEntries {
    let keys: Vec<_> = models.keys().collect();
    let last: HashMap<_, _> = keys.iter().enumerate().map(|(number, key)| (key, number)).collect();
    let mut entries = Vec::new();
    let counted = keys.iter().enumerate().filter(|(number, key)| last.get(key) == Some(number));
    for (number, key) in counted.take(MAX_ENTRIES) {
        let is_found = |image: &&PullImage| {
            let found = models.find(Consumer::Kubelet, image.name());
            found.groups.iter().any(|group| group.contains(number))
        };
        let mut images: Vec<_> = images.iter().filter(is_found).cloned().collect();
        let omitted_images = images.len().saturating_sub(MAX_IMAGES);
        images.truncate(MAX_IMAGES);
        entries.push(LoginEntry {
            key: RegistryKey::new(key.clone().into_owned()),
            credential: credential(models, number),
            images,
            omitted_images,
            is_in_helper: ordinary_images(key)
                .first()
                .is_some_and(|image| models.find(Consumer::Docker, image).asks_helper),
        });
    }
    let omitted = last.len().saturating_sub(entries.len());
    LoginEntries { entries, omitted }
}

/// The pair that the kubelet reads; if that is not complete, the identity token, which docker reads.
fn credential(models: &Models<'_>, entry: usize) -> Credential {
    let of = |consumer| match models.read(consumer, entry) {
        EntryRead::Credentials(credentials) => credentials,
        EntryRead::Nothing | EntryRead::RefusesEntry | EntryRead::RefusesDocument => {
            ReadCredentials::default()
        }
    };
    let pair = of(Consumer::Kubelet);
    let token = of(Consumer::KeyChain).identity_token;
    if !pair.is_complete() && !token.is_empty() {
        return Credential::IdentityToken(Zeroizing::new(token.into_owned()));
    }
    Credential::Password {
        username: Zeroizing::new(pair.username.into_owned()),
        password: Zeroizing::new(pair.password.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str, images: &[&str]) -> Result<Vec<LoginEntry>, UnreadableDocument> {
        let images: Vec<_> = images.iter().map(|image| PullImage::parse(image).unwrap()).collect();
        let read = login_entries(document.as_bytes(), SecretType::DockerConfigJson, &images);
        read.map(|read| read.entries)
    }

    fn username(entry: &LoginEntry) -> &str {
        match &entry.credential {
            Credential::Password { username, .. } => std::str::from_utf8(username).unwrap(),
            Credential::IdentityToken(token) => token,
        }
    }

    #[test]
    fn entries_are_read_as_the_kubelet_reads_them() {
        let document = r#"{"auths":{
            "a.example.com":{"auth":"ZnJvbTphdXRo","username":"plain","password":"p"},
            "b.example.com":{"username":"plain","password":"p"},
            "c.example.com":{"auth":"MDAwMDo=","identitytoken":"token"},
            "a.example.com":{"username":"last","password":"p"}}}"#;
        let entries = read(document, &["b.example.com/x:1", "docker.io/x"]).unwrap();
        let shown: Vec<_> = entries
            .iter()
            .map(|entry| (entry.key.to_string(), username(entry), entry.images.len()))
            .collect();
        let expected = [
            ("b.example.com".to_owned(), "plain", 1),
            ("c.example.com".to_owned(), "token", 0),
            ("a.example.com".to_owned(), "last", 0),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_document_with_many_entries_is_cut() {
        let entries: Vec<_> = (0..60).map(|number| format!(r#""r{number}.example.com":{{}}"#)).collect();
        let document = format!(r#"{{"auths":{{{}}}}}"#, entries.join(","));
        let read = login_entries(document.as_bytes(), SecretType::DockerConfigJson, &[]).ok().unwrap();
        assert_eq!((read.entries.len(), read.omitted), (MAX_ENTRIES, 10));
    }

    #[test]
    fn documents_without_an_entry_to_verify() {
        for (document, why) in [
            ("{", UnreadableDocument::NotJson),
            (r#"{"auths":{"r.example.com":{"auth":"%%%"}}}"#, UnreadableDocument::RefusedByKubelet),
            (r#"{"auths":{}}"#, UnreadableDocument::Empty),
        ] {
            assert_eq!(read(document, &[]).err(), Some(why), "{document}");
        }
    }
}
