//! What registries answer to the credentials of a failed pull, for `explain --verify`.

use std::slice;

use regcred_engine::pull::{Cause, Explanation, PodFacts, Seen};
use regcred_engine::registry::RegistryKey;
use regcred_engine::secret::SecretType;
use regcred_engine::wording::Bilingual;
use tokio::runtime::Runtime;

use crate::registry::{PullImage, Verification, Verifier, login_entries};

/// The causes that an answer of the registry can confirm or rule out.
const CAN_BE_ASKED: [Cause; 7] = [
    Cause::CredentialsRefused,
    Cause::CredentialsExpired,
    Cause::NoPermission,
    Cause::NotFound,
    Cause::TokenServerError,
    Cause::Mirror,
    Cause::Undecided,
];

/// Asks registries, with one budget of attempts for the whole run.
pub(crate) struct RegistryAnswers<'r> {
    runtime: &'r Runtime,
    verifier: Verifier,
}

impl<'r> RegistryAnswers<'r> {
    pub(crate) fn new(runtime: &'r Runtime, verifier: Verifier) -> Self {
        RegistryAnswers { runtime, verifier }
    }

    /// Adds what the registries answer to what was checked.
    pub(crate) fn add(&mut self, pod: &PodFacts, explanations: &mut [Explanation]) {
        for explanation in explanations {
            let mut causes = explanation.alternatives.iter().chain([&explanation.cause]);
            if causes.any(|cause| CAN_BE_ASKED.contains(cause)) {
                let answers = self.ask(pod, &explanation.image);
                explanation.checked.extend(answers);
            }
        }
    }

    /// Asks about each entry that the kubelet would use for an image.
    fn ask(&mut self, pod: &PodFacts, image: &str) -> Vec<Bilingual<String>> {
        let Some(image) = PullImage::parse(image) else { return Vec::new() };
        let mut answers = Vec::new();
        for secret in &pod.pull_secrets {
            let Seen::Present(facts) = &secret.seen else { continue };
            let secret_type = SecretType::from_name(&facts.secret_type);
            let Some((document, secret_type)) = facts.document.as_ref().zip(secret_type) else { continue };
            // A document that the kubelet refuses is explained without asking.
            let Ok(read) = login_entries(document, secret_type, slice::from_ref(&image)) else { continue };
            for entry in read.entries.iter().filter(|entry| !entry.images.is_empty()) {
                let verifications = self.runtime.block_on(self.verifier.verify_entry(entry));
                answers.extend(
                    verifications.iter().map(|verification| sentence(&secret.name, &entry.key, verification)),
                );
            }
        }
        answers
    }
}

/// The answer, with its outcome as `verify` names it. It was asked from here, which is not a node.
fn sentence(secret: &str, key: &RegistryKey<'_>, verification: &Verification) -> Bilingual<String> {
    let Verification { outcome, message, attempts, .. } = verification;
    let (outcome, key) = (outcome.as_str(), key.shown());
    let times = if *attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
    Bilingual::new(
        format!(
            "Asked from here with the entry {key} of the Secret {secret} ({times}): {outcome}. {}",
            message.english
        ),
        format!(
            "用 Secret {secret} 的条目 {key} 从此处询问（尝试 {attempts} 次）：{outcome}。{}",
            message.chinese
        ),
    )
}
