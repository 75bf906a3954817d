//! The explanation of one Pod, and of one error text.

use jiff::Timestamp;

use super::cause::{Cause, Certainty};
use super::checked::{self, CREDENTIAL_RULES, MAX_NAMED};
use super::facts::{ContainerFacts, NodeFacts, PodFacts, PullSecret};
use super::failure::Failure;
use super::message;
use super::remedy::Remedy;
use super::ring::{Contents, KeyringAnswer, Ring};
use super::sentence::sentence;
use super::shown::shown_image;
use super::verdict::{AccountSecrets, Evidence, Look, Verdict, of_attempts, of_template};
use super::words::ClauseSubject;
use crate::bilingual::Bilingual;
use crate::consumers::{ImageRef, PodEntry};
use crate::registry::RegistryKey;
use crate::rules::Rule;

/// Why a container's image is not pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The container's name.
    pub container: String,
    /// The image that is not pulled: the container's, or that of an image volume. What stands before an `@` in its host is
    /// left out.
    pub image: String,
    /// The cause; if it is open, the first alternative.
    pub cause: Cause,
    /// How certain the cause is.
    pub certainty: Certainty,
    /// The causes that cannot be told apart, if it is open.
    pub alternatives: Vec<Cause>,
    /// One sentence: the cause, and how certain it is.
    pub message: Bilingual<String>,
    /// Shell commands that fix it. Words in capitals are for the user to replace.
    pub remedy: Vec<String>,
    /// What was checked, one sentence each.
    pub checked: Vec<Bilingual<String>>,
}

/// What one error text proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageExplanation {
    /// The image that the text names.
    pub image: Option<String>,
    /// The host that answered, or was asked, if the text names it.
    pub host: Option<String>,
    /// The cause; if it is open, the first alternative.
    pub cause: Cause,
    /// How certain the cause is.
    pub certainty: Certainty,
    /// The causes that the text does not tell apart, if it is open.
    pub alternatives: Vec<Cause>,
    /// One sentence: the cause, and how certain it is.
    pub message: Bilingual<String>,
    /// What the text proves, one sentence each.
    pub checked: Vec<Bilingual<String>>,
}

/// Explains the pulls of a Pod: one explanation for each container and, for a template, one for each of its image volumes
/// as well. A container that does not wait for an image has the cause [`Cause::None`]. Credentials that say when they
/// end are compared with `now`.
#[must_use]
pub fn explain(pod: &PodFacts, now: Timestamp) -> Vec<Explanation> {
    let of_account = pod.service_account.iter().flat_map(|account| &account.pull_secrets);
    let of_account: Vec<&PullSecret> = of_account.collect();
    let is_named = |secret: &PullSecret| pod.pull_secrets.iter().any(|own| own.name == secret.name);
    // The list of the ServiceAccount is copied when a Pod without one is created.
    let is_copied = pod.is_template && pod.pull_secrets.iter().all(|secret| secret.name.is_empty());
    let (used, others) = if is_copied {
        (of_account, Vec::new())
    } else {
        let others = of_account.into_iter().filter(|secret| !is_named(secret)).collect();
        (pod.pull_secrets.iter().collect(), others)
    };
    let (used, others) = (Contents::read(used), Contents::read(others));
    let known = Known { pod, used: Ring::new(&used, now), others: Ring::new(&others, now) };
    pod.containers.iter().flat_map(|container| known.explain(container)).collect()
}

/// What is known about a Pod.
struct Known<'k> {
    pod: &'k PodFacts,
    /// The Secrets that the kubelet uses.
    used: Ring<'k>,
    /// Those of the service account that it does not use.
    others: Ring<'k>,
}

impl Known<'_> {
    fn explain(&self, container: &ContainerFacts) -> Vec<Explanation> {
        if self.pod.is_template {
            let images = [&container.image].into_iter().chain(&container.image_volumes);
            return images.map(|image| self.explain_image(container, image, None)).collect();
        }
        let failure = Failure::of(self.pod, container);
        let image = failure.as_ref().map_or(&*container.image, |failure| failure.image);
        vec![self.explain_image(container, image, failure.as_ref())]
    }

    fn explain_image(
        &self,
        container: &ContainerFacts,
        image: &str,
        failure: Option<&Failure<'_>>,
    ) -> Explanation {
        // The Pod's Secrets play no part for the image of its sandbox.
        let is_sandbox = failure.is_some_and(|failure| failure.is_sandbox);
        let parsed = ImageRef::parse(image).filter(|_| !is_sandbox);
        let found = parsed.as_ref().map(|parsed| self.used.find(parsed));
        let evidence = self.evidence(image, parsed.as_ref(), found.as_ref());
        let verdict = match failure {
            Some(failure) if failure.is_sandbox => of_sandbox(failure),
            Some(failure) => of_attempts(&failure.attempts, &evidence),
            None if self.pod.is_template => of_template(&evidence, self.pod.service_account.is_some()),
            None => Verdict::certain(Cause::None),
        };
        let malformed = self.used.malformed().next();
        let account_secret = match evidence.account {
            AccountSecrets::Fits(secret) | AccountSecrets::Unknown(secret) => Some(secret),
            AccountSecrets::Nothing => None,
        };
        let is_idle = failure.is_none() && !self.pod.is_template;
        let subject = ClauseSubject {
            namespace: &self.pod.namespace,
            image: Some(image),
            attempt: failure.and_then(Failure::attempt),
            used: found.as_ref().filter(|_| !is_idle).map_or_else(Vec::new, |found| self.named_used(found)),
            closest: evidence.closest(),
            account: self.pod.service_account.as_ref().map(|account| &*account.name),
            account_secret,
            malformed,
            platform: self.pod.node.as_ref().and_then(platform),
        };
        let remedy = Remedy {
            pod: self.pod,
            container,
            image,
            closest: evidence.closest(),
            used: found.as_ref().and_then(|found| self.sole_used(found)),
            account_secret,
            malformed: malformed.map(|(secret, malformation)| (secret, malformation.key.as_ref())),
        };
        let checked = if is_idle {
            Vec::new()
        } else {
            checked::sentences(&checked::Checked {
                pod: self.pod,
                image: parsed.as_ref(),
                ring: &self.used,
                evidence: &evidence,
                failure,
                verdict: &verdict,
                pull_policy: container.pull_policy.as_deref(),
            })
        };
        Explanation {
            container: container.name.clone(),
            image: shown_image(image),
            cause: verdict.cause(),
            certainty: verdict.certainty,
            alternatives: verdict.alternatives(),
            message: sentence(&verdict, &subject),
            remedy: if is_idle || is_sandbox { Vec::new() } else { remedy.commands(verdict.cause()) },
            checked,
        }
    }

    fn evidence<'h>(
        &'h self,
        written: &str,
        image: Option<&'h ImageRef>,
        found: Option<&'h KeyringAnswer<'h>>,
    ) -> Evidence<'h> {
        Evidence {
            image,
            is_short_name: is_short_name(written),
            names_secrets: !self.used.is_empty(),
            found,
            account: image.map_or(AccountSecrets::Nothing, |image| self.of_account(image)),
            look: found.map_or(Look::Plausible, |found| self.look(found)),
            is_missing_by_event: self.pod.is_missing_by_event(),
        }
    }

    /// The Secrets of the service account that the Pod does not use.
    fn of_account(&self, image: &ImageRef) -> AccountSecrets<'_> {
        let found = self.others.find(image);
        if let Some(entry) = found.usable.first() {
            return AccountSecrets::Fits(self.others.secret_of(entry));
        }
        let unknown = self.others.unknown().next();
        unknown.map_or(AccountSecrets::Nothing, AccountSecrets::Unknown)
    }

    fn look(&self, found: &KeyringAnswer<'_>) -> Look {
        if self.all_have(found, |rule| rule == Rule::CredentialExpired) {
            Look::Expired
        } else if self.all_have(found, |rule| CREDENTIAL_RULES.contains(&rule)) {
            Look::Suspicious
        } else {
            Look::Plausible
        }
    }

    /// Whether one of some rules applies to every entry that the kubelet would try.
    fn all_have(&self, found: &KeyringAnswer<'_>, is_wanted: impl Fn(Rule) -> bool) -> bool {
        let mut entries = found.usable.iter().take(MAX_NAMED);
        !found.usable.is_empty()
            && entries.all(|entry| self.used.findings(entry).any(|finding| is_wanted(finding.rule())))
    }

    /// The Secrets whose credentials are used, with the keys of the entries.
    fn named_used(&self, found: &KeyringAnswer<'_>) -> Vec<(&str, RegistryKey<'static>)> {
        let named = |entry: &&PodEntry<'_>| {
            (self.used.secret_of(entry), RegistryKey::new(entry.key.clone().into_owned()))
        };
        found.usable.iter().take(MAX_NAMED).map(named).collect()
    }

    /// The Secret whose credentials are used first, and whether it has no other entry.
    fn sole_used(&self, found: &KeyringAnswer<'_>) -> Option<(&str, bool)> {
        let entry = found.usable.first()?;
        Some((self.used.secret_of(entry), self.used.entries_beside(entry) == 0))
    }
}

impl PodFacts {
    /// Whether an event says that a pull Secret could not be retrieved.
    fn is_missing_by_event(&self) -> bool {
        let of_containers = self.containers.iter().flat_map(|container| &container.events);
        self.events.iter().chain(of_containers).any(|event| event.reason == "FailedToRetrieveImagePullSecret")
    }
}

/// Whether an image is written without a registry.
fn is_short_name(image: &str) -> bool {
    !image.split_once('/').is_some_and(|(host, _)| host == "localhost" || host.contains(['.', ':']))
}

/// The image of a sandbox is pulled with what the node has.
fn of_sandbox(failure: &Failure<'_>) -> Verdict {
    let verdict = of_attempts(&failure.attempts, &Evidence::NOTHING_KNOWN);
    let is_of_secrets = |cause| {
        matches!(
            cause,
            Cause::NoPullSecret | Cause::NoMatchingEntry | Cause::SecretMissing | Cause::SecretMalformed
        )
    };
    if verdict.causes().any(is_of_secrets) { Verdict::open(Cause::Undecided, []) } else { verdict }
}

fn platform(node: &NodeFacts) -> Option<String> {
    let NodeFacts { operating_system, architecture, .. } = node;
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_word(operating_system) && is_word(architecture)).then(|| format!("{operating_system}/{architecture}"))
}

/// Explains one error text of a kubelet, a runtime or docker.
#[must_use]
pub fn explain_message(text: &str) -> MessageExplanation {
    let reading = message::read(text);
    let image = reading.image.and_then(ImageRef::parse);
    let is_short_name = reading.image.is_some_and(is_short_name);
    let evidence = Evidence { image: image.as_ref(), is_short_name, ..Evidence::NOTHING_KNOWN };
    let verdict = of_attempts(&reading.attempts, &evidence);
    let host = reading.attempts.iter().find_map(|attempt| attempt.host);
    let attempt = reading.attempts.iter().find(|attempt| attempt.host.is_some()).or(reading.attempts.first());
    let subject = ClauseSubject {
        namespace: "",
        image: reading.image,
        attempt,
        used: Vec::new(),
        closest: None,
        account: None,
        account_secret: None,
        malformed: None,
        platform: None,
    };
    MessageExplanation {
        image: reading.image.map(shown_image),
        host: host.map(str::to_owned),
        cause: verdict.cause(),
        certainty: verdict.certainty,
        alternatives: verdict.alternatives(),
        message: sentence(&verdict, &subject),
        checked: checked::of_attempts(&reading.attempts),
    }
}
