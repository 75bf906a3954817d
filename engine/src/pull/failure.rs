//! Which text tells of a container's failed pull: its status, or an event if the status has none.

use super::facts::{ContainerFacts, EventFacts, PodFacts};
use super::message::{self, Attempt, TextReading};
use super::proof::Proof;
use crate::consumers::ImageRef;

/// A pull that failed.
pub(super) struct Failure<'p> {
    /// The image that is not pulled: the container's, or that of an image volume.
    pub(super) image: &'p str,
    pub(super) attempts: Vec<Attempt<'p>>,
    /// It is the image of the Pod's sandbox, for which the Pod's Secrets play no part.
    pub(super) is_sandbox: bool,
}

/// Words of the kubelet that stand for a failed pull (kubernetes v1.37.2, pkg/kubelet/images/types.go) and of CRI-O
/// (cri-o 1.37, `server/image_pull.go`).
const PULL_REASONS: [&str; 7] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// Words of the kubelet for a container whose image may still be pulled.
const STARTING_REASONS: [&str; 3] = ["", "ContainerCreating", "PodInitializing"];

/// Reasons of events that say that the image is there.
const IS_PULLED: [&str; 3] = ["Pulled", "Created", "Started"];

impl<'p> Failure<'p> {
    /// `None` for a container that does not wait for an image.
    pub(super) fn of(pod: &'p PodFacts, container: &'p ContainerFacts) -> Option<Self> {
        let (reason, text) =
            container.waiting.as_ref().map_or(("", ""), |waiting| (&*waiting.reason, &*waiting.message));
        // Since 1.33 a reason can be any error of a parser, which is no single word.
        let is_error = message::is_parser_error(reason) || reason.contains(' ');
        if STARTING_REASONS.contains(&reason) {
            return of_events(pod, container).or_else(|| of_sandbox(pod));
        }
        if !is_error && !PULL_REASONS.contains(&reason) {
            return None;
        }
        let mut reading = message::read(if text.is_empty() && is_error { reason } else { text });
        let named = reading.image.or_else(|| image_of_event(container, pod, text));
        let image = named.and_then(|image| container.image_named(image)).unwrap_or(&container.image);
        if let Some(attempt) = attempt_of_reason(reason)
            && reading.attempts.iter().all(|attempt| attempt.proof == Proof::Unrecognised)
        {
            reading.attempts = vec![attempt];
        }
        if reading.attempts.is_empty()
            && let Some(of_event) = of_events(pod, container)
        {
            return Some(of_event);
        }
        Some(Failure { image, attempts: reading.attempts, is_sandbox: false })
    }
}

impl Failure<'_> {
    /// The error about which most is known.
    pub(super) fn attempt(&self) -> Option<&Attempt<'_>> {
        self.attempts.iter().find(|attempt| attempt.host.is_some()).or(self.attempts.first())
    }
}

/// What the reason alone says.
fn attempt_of_reason<'p>(reason: &str) -> Option<Attempt<'p>> {
    let proof = match reason {
        "ErrImageNeverPull" => Proof::NeverPull,
        "InvalidImageName" => Proof::InvalidName,
        "RegistryUnavailable" => Proof::Connection,
        "SignatureValidationFailed" => Proof::SignaturePolicy,
        reason if message::is_parser_error(reason) => Proof::Malformed,
        _ => return None,
    };
    Some(Attempt::new(proof))
}

/// The last event of a failed pull, unless the image was pulled later.
fn of_events<'p>(pod: &'p PodFacts, container: &'p ContainerFacts) -> Option<Failure<'p>> {
    let mut failure = None;
    for event in &container.events {
        if IS_PULLED.contains(&&*event.reason) {
            failure = None;
        }
        failure = of_event(container, event, true).or(failure);
    }
    failure.or_else(|| {
        let is_pulled = container.events.iter().any(|event| IS_PULLED.contains(&&*event.reason));
        let of_pod = || pod.events.iter().rev().find_map(|event| of_event(container, event, false));
        if is_pulled { None } else { of_pod() }
    })
}

/// What one event says of a container. An event that does not name the container must name an image of it.
fn of_event<'p>(
    container: &'p ContainerFacts,
    event: &'p EventFacts,
    names_container: bool,
) -> Option<Failure<'p>> {
    let text = &*event.message;
    let is_failure = match &*event.reason {
        "InspectFailed" | "ErrImageNeverPull" => true,
        "Failed" => {
            let error = text.strip_prefix("Error: ").is_some_and(message::is_parser_error);
            error || text.contains("Failed to pull image \"")
        }
        _ => false,
    };
    let reading: TextReading<'p> = is_failure.then(|| message::read(text))?;
    let named = reading.image.and_then(|image| container.image_named(image));
    let image = match (named, names_container) {
        (Some(image), _) => image,
        // Events of many containers that are alike are combined, and then name the image of one of them.
        (None, true) if reading.image.is_none() => &container.image,
        _ => return None,
    };
    (!reading.attempts.is_empty()).then_some(Failure { image, attempts: reading.attempts, is_sandbox: false })
}

/// The image that an event names for the same error, which can be one that names none.
fn image_of_event<'p>(container: &'p ContainerFacts, pod: &'p PodFacts, error: &str) -> Option<&'p str> {
    let events = container.events.iter().chain(&pod.events).rev();
    let same = events.filter(|event| !error.is_empty() && event.message.ends_with(error));
    same.map(|event| message::read(&event.message)).find_map(|reading| reading.image)
}

/// A sandbox that is not made for want of its image.
fn of_sandbox(pod: &PodFacts) -> Option<Failure<'_>> {
    let is_sandbox = |event: &&EventFacts| {
        event.reason == "FailedCreatePodSandBox" && event.message.contains("sandbox image \"")
    };
    let event = pod.events.iter().rev().find(is_sandbox)?;
    let reading = message::read(&event.message);
    let image = reading.image?;
    Some(Failure { image, attempts: reading.attempts, is_sandbox: true })
}

impl ContainerFacts {
    /// Which of the container's images this is. Runtimes add registry and tag.
    fn image_named(&self, named: &str) -> Option<&str> {
        let own = || [&self.image].into_iter().chain(&self.image_volumes).map(String::as_str);
        let parsed = ImageRef::parse(named);
        let same = |image: &&str| parsed.is_some() && ImageRef::parse(image) == parsed;
        own().find(|image| *image == named).or_else(|| own().find(same))
    }
}
