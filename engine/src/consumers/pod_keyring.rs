//! The kubelet's keyring over all pull Secrets of a Pod (kubernetes v1.37.2,
//! pkg/credentialprovider/secrets/secrets.go: `MakeDockerKeyring`; keyring.go: `Add`): the documents are added one after
//! the other, and entries that are filed under the same key are tried in the order of the Secrets.

use std::borrow::Cow;

use crate::document::{Document, Member};

use super::consumer::Consumer;
use super::entry::{EntryRead, Fields, live_entries};
use super::image::ImageRef;
use super::keyring::Keyring;
use super::kubelet;

/// The keyring, and which documents the kubelet refuses. If it refuses one, it pulls nothing for the Pod.
pub(crate) struct PodKeyring<'d> {
    keyring: Keyring,
    entries: Vec<PodEntry<'d>>,
    refused: Vec<RefusedDocument<'d>>,
}

/// An entry of one of the documents, unless a later one of the same document replaces it.
pub(crate) struct PodEntry<'d> {
    /// The number of the document.
    pub(crate) document: usize,
    /// The registry key.
    pub(crate) key: Cow<'d, str>,
    /// Whether there are a username and a password.
    pub(crate) is_complete: bool,
}

/// A document that the kubelet refuses.
pub(crate) struct RefusedDocument<'d> {
    /// The number of the document.
    pub(crate) document: usize,
    /// The registry key of the first entry that it refuses; `None` if it refuses the document for something else.
    pub(crate) key: Option<Cow<'d, str>>,
}

impl<'d> PodKeyring<'d> {
    /// From documents with their numbers, in the order of the Pod's Secrets.
    pub(crate) fn new(documents: impl IntoIterator<Item = (usize, &'d Document<'d>)>) -> Self {
        let mut entries: Vec<PodEntry<'d>> = Vec::new();
        let mut refused = Vec::new();
        for (number, document) in documents {
            let members: Vec<&Member> = document.entries().collect();
            let read = |member: &Member| kubelet::read(&Fields::read(document, member));
            let is_bad = |member: &&&Member| matches!(read(member), EntryRead::RefusesDocument);
            let bad = members.iter().find(is_bad).map(|member| document.name(member).decode());
            if bad.is_some() || Consumer::Kubelet.refuses_top(document) {
                refused.push(RefusedDocument { document: number, key: bad });
                continue;
            }
            for (key, at) in live_entries(document) {
                let member = usize::try_from(at).ok().and_then(|at| members.get(at));
                let is_complete = member.is_some_and(|member| {
                    matches!(read(member), EntryRead::Credentials(credentials) if credentials.is_complete())
                });
                entries.push(PodEntry { document: number, key, is_complete });
            }
        }
        let live = entries.iter().map(|entry| entry.key.clone()).zip(0..).collect();
        PodKeyring { keyring: Keyring::new(&live), entries, refused }
    }

    /// The documents that the kubelet refuses.
    pub(crate) fn refused(&self) -> &[RefusedDocument<'d>] {
        &self.refused
    }

    /// The entries of a document.
    pub(crate) fn of_document(&self, document: usize) -> impl Iterator<Item = &PodEntry<'d>> {
        self.entries.iter().filter(move |entry| entry.document == document)
    }

    /// The entries whose credentials the kubelet tries for an image, in order. The order of entries of one document that
    /// are filed under the same key is random in the kubelet.
    pub(crate) fn find(&self, image: &ImageRef) -> Vec<&PodEntry<'d>> {
        let ranges = kubelet::find(&self.keyring, image);
        let numbers = ranges.into_iter().filter_map(|range| self.keyring.entries.get(range)).flatten();
        numbers
            .filter_map(|&number| usize::try_from(number).ok().and_then(|at| self.entries.get(at)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretType;

    fn tried(documents: &[&'static str], image: &str) -> Vec<String> {
        let read = |text: &&'static str| Document::read(text.as_bytes(), SecretType::DockerConfigJson).ok();
        let documents: Vec<_> = documents.iter().filter_map(read).collect();
        let keyring = PodKeyring::new(documents.iter().enumerate());
        let found = keyring.find(&ImageRef::parse(image).unwrap());
        found.iter().map(|entry| format!("{}:{}", entry.document, entry.key)).collect()
    }

    #[test]
    fn longer_keys_first_then_the_order_of_the_secrets() {
        let first = r#"{"auths":{"r.example.com":{"auth":"dTpw"},"*.example.com":{"auth":"dTpw"}}}"#;
        let second =
            r#"{"auths":{"r.example.com/team":{"auth":"dTpw"},"https://r.example.com":{"auth":"dTpx"}}}"#;
        assert_eq!(
            tried(&[first, second], "r.example.com/team/app"),
            ["1:r.example.com/team", "0:r.example.com", "1:https://r.example.com", "0:*.example.com"]
        );
    }

    #[test]
    fn docker_hub_is_the_last_resort_over_all_secrets() {
        let plain = r#"{"auths":{"docker.io":{"auth":"dTpw"}}}"#;
        let usual = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"}}}"#;
        assert_eq!(tried(&[usual], "nginx"), ["0:https://index.docker.io/v1/"]);
        assert_eq!(tried(&[usual, plain], "nginx"), ["1:docker.io"]);
    }

    #[test]
    fn a_refused_document_is_named_with_its_entry() {
        let bad = r#"{"auths":{"a.example.com":{"auth":"dTpw"},"b.example.com":{"auth":"!!!"}}}"#;
        let document = Document::read(bad.as_bytes(), SecretType::DockerConfigJson).ok().unwrap();
        let keyring = PodKeyring::new([(0, &document)]);
        assert_eq!(keyring.refused().first().unwrap().key.as_deref(), Some("b.example.com"));
    }
}
