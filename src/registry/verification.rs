//! The questions that are asked about credentials, one after the other:
//!
//! 1. what the credential itself says, without the network ([`said`](super::said)),
//! 2. a login without scope ([`login`](super::login)): is the password right,
//! 3. a HEAD of the manifest with scope ([`pull`](super::pull)): may it be pulled,
//! 4. the same without credentials: does it need them at all.
//!
//! None of them suffices alone: Harbor answers wrong credentials with an empty token if a scope is asked for, and GitHub's
//! registry logs in tokens that may not pull.

use jiff::Timestamp;
use regcred_engine::registry::Endpoint;
use regcred_engine::wording::Bilingual;

use super::entry::{LoginEntry, MAX_IMAGES};
use super::image::PullImage;
use super::outcome::{Conclusion, VerifyOutcome};
use super::said::{Said, said};
use super::site::Site;
use super::verifier::Verifier;

/// What is known about one entry, and one image of it.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The registry key, as far as it may be shown.
    pub registry: Option<String>,
    /// The image that was asked for.
    pub image: Option<String>,
    /// The outcome.
    pub outcome: VerifyOutcome,
    /// Whole sentences.
    pub message: Bilingual<String>,
    /// The requests with credentials that were sent for it.
    pub attempts: u32,
    /// When the credential ends, if it says so.
    pub expires: Option<Timestamp>,
}

impl Verifier {
    /// Verifies an entry: for each of its images, or by a login alone.
    pub async fn verify_entry(&mut self, entry: &LoginEntry) -> Vec<Verification> {
        let Said { expires, conclusion, notes } = said(entry, self.options.now);
        if let Some(conclusion) = conclusion {
            return vec![verification(entry, None, conclusion, 0, expires)];
        }
        let images = entry.images.iter().map(Some);
        let images: Vec<_> = if entry.images.is_empty() { vec![None] } else { images.collect() };
        let mut verifications = Vec::with_capacity(images.len());
        for image in images {
            let before = self.attempts().made;
            let conclusion = notes.iter().fold(self.conclude(entry, image).await, Conclusion::and);
            verifications.push(verification(
                entry,
                image,
                conclusion,
                self.attempts().made - before,
                expires,
            ));
        }
        if entry.omitted_images > 0 {
            verifications.push(verification(entry, None, omitted(entry.omitted_images), 0, expires));
        }
        verifications
    }

    async fn conclude(&mut self, entry: &LoginEntry, image: Option<&PullImage>) -> Conclusion {
        let host = match image.and_then(PullImage::registry) {
            Some(host) => host,
            None => match Endpoint::of(entry.key.as_written()) {
                Endpoint::Host(host) if host.is_ascii() => host,
                Endpoint::DependsOnImage => return needs_image(),
                Endpoint::HasCredentials => return has_credentials(),
                Endpoint::Host(_) | Endpoint::Invalid(_) => return names_no_registry(),
            },
        };
        let site = Site::of_registry(&host, &self.options.named);
        let contact = match self.contact(&site).await {
            Ok(contact) => contact,
            Err(conclusion) => return conclusion,
        };
        match image {
            Some(image) => self.pull(&site, &contact, &entry.credential, image).await,
            None => self.login_only(&site, &contact, &entry.credential).await,
        }
    }
}

fn verification(
    entry: &LoginEntry,
    image: Option<&PullImage>,
    conclusion: Conclusion,
    attempts: u32,
    expires: Option<Timestamp>,
) -> Verification {
    Verification {
        registry: Some(entry.key.shown().into_owned()),
        image: image.map(ToString::to_string),
        outcome: conclusion.outcome,
        message: conclusion.message,
        attempts,
        expires,
    }
}

fn omitted(images: usize) -> Conclusion {
    Conclusion::undecided(
        format!("{images} more images use this entry: at most {MAX_IMAGES} of an entry are asked for."),
        format!("另有 {images} 个镜像使用该条目：每个条目最多询问 {MAX_IMAGES} 个。"),
    )
}

fn needs_image() -> Conclusion {
    Conclusion::undecided(
        "This key stands for no single host: use --image with an image that it is for.",
        "该键不对应单个主机：请用 --image 指定它所对应的镜像。",
    )
}

fn has_credentials() -> Conclusion {
    Conclusion::undecided(
        "The key contains credentials, which belong in the entry; `regcred check` says what to do.",
        "该键中含有凭据，凭据应写在条目里；处理方法见 `regcred check`。",
    )
}

fn names_no_registry() -> Conclusion {
    Conclusion::undecided(
        "This key names no registry; `regcred check` says why.",
        "该键不是镜像仓库地址；原因见 `regcred check`。",
    )
}
