//! An image, as a registry is asked for it.

use std::fmt;

use regcred_engine::consumers::ImageRef;
use regcred_engine::registry::Endpoint;

/// An image with its tag or digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PullImage {
    /// As it was written.
    written: String,
    /// Without tag and digest, as the kubelet looks for credentials.
    name: ImageRef,
    reference: String,
}

impl PullImage {
    /// Reads an image reference as the kubelet does; `None` if it is not valid.
    #[must_use]
    pub fn parse(written: &str) -> Option<PullImage> {
        let name = ImageRef::parse(written)?;
        let (before_digest, digest) = match written.split_once('@') {
            Some((before, digest)) => (before, Some(digest)),
            None => (written, None),
        };
        let last = before_digest.rsplit('/').next().unwrap_or_default();
        let tag = last.split_once(':').map_or("latest", |(_, tag)| tag);
        let reference = digest.unwrap_or(tag).to_owned();
        Some(PullImage { written: written.to_owned(), name, reference })
    }

    /// The name without tag and digest.
    #[must_use]
    pub const fn name(&self) -> &ImageRef {
        &self.name
    }

    /// The registry, as `HOST[:PORT]`; `None` if the name has none that can be asked.
    pub(super) fn registry(&self) -> Option<String> {
        match Endpoint::of(self.name.domain()) {
            Endpoint::Host(host) => Some(host),
            Endpoint::DependsOnImage | Endpoint::HasCredentials | Endpoint::Invalid(_) => None,
        }
    }

    /// The path of its manifest in the registry's API.
    pub(super) fn manifest_path(&self) -> String {
        format!("/v2/{}/manifests/{}", self.name.path(), self.reference)
    }

    /// The scope of a token with which it can be pulled.
    pub(super) fn pull_scope(&self) -> String {
        format!("repository:{}:pull", self.name.path())
    }
}

impl fmt::Display for PullImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifest_of_an_image() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (written, registry, path) in [
            ("nginx", "registry-1.docker.io", "/v2/library/nginx/manifests/latest".to_owned()),
            ("r.example.com:5000/a/b:1.2", "r.example.com:5000", "/v2/a/b/manifests/1.2".to_owned()),
            ("r.example.com/a", "r.example.com", "/v2/a/manifests/latest".to_owned()),
            (&format!("r.example.com/a:1@{digest}"), "r.example.com", format!("/v2/a/manifests/{digest}")),
        ] {
            let image = PullImage::parse(written).unwrap();
            assert_eq!(image.registry().as_deref(), Some(registry), "{written}");
            assert_eq!(image.manifest_path(), path, "{written}");
        }
        assert_eq!(PullImage::parse("r.example.com/A"), None);
        assert_eq!(PullImage::parse("r.example.com/a?x"), None);
    }
}
