//! What an explanation contains.

use regcred_engine::pull::{Cause, Certainty, Explanation, MessageExplanation};
use regcred_engine::wording::Bilingual;

use crate::report::Region;

/// Why a pull fails, or would.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The Pod, or the workload that has its template.
    pub subject: Option<ExplainedObject>,
    /// Where the image is in a file.
    pub place: Option<ExplainedPlace>,
    /// The container.
    pub container: Option<String>,
    /// The image.
    pub image: Option<String>,
    /// The host that a text names.
    pub host: Option<String>,
    /// The cause; if it is open, the first alternative.
    pub cause: Cause,
    /// How certain it is.
    pub certainty: Certainty,
    /// The causes that cannot be told apart, if it is open.
    pub alternatives: Vec<Cause>,
    /// One sentence.
    pub message: Bilingual<String>,
    /// Shell commands.
    pub remedy: Vec<String>,
    /// What was checked.
    pub checked: Vec<Bilingual<String>>,
    /// What each consumer would use, if that was asked.
    pub consumers: Vec<ConsumerUse>,
}

/// A Pod, or a workload with the template of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExplainedObject {
    /// Such as `Pod` or `Deployment`.
    pub kind: &'static str,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ExplainedObject {
    /// Returns `NAMESPACE/NAME` of a Pod, and `KIND NAMESPACE/NAME` of a workload.
    #[must_use]
    pub fn shown(&self) -> String {
        let ExplainedObject { kind, namespace, name } = self;
        if *kind == POD { format!("{namespace}/{name}") } else { format!("{kind} {namespace}/{name}") }
    }
}

/// The kind of a Pod.
pub const POD: &str = "Pod";

/// A place in a file.
#[derive(Clone, Debug)]
pub struct ExplainedPlace {
    /// The file as it was named; `-` for standard input.
    pub path: String,
    /// Where in the file.
    pub region: Option<Region>,
}

/// What one consumer would use for an image.
#[derive(Clone, Debug)]
pub struct ConsumerUse {
    /// The consumer, as in the field `consumers` of a finding.
    pub consumer: &'static str,
    /// The name in a sentence.
    pub name: &'static str,
    /// The entries in the order in which it tries them: the Secret and the registry key.
    pub uses: Vec<(String, String)>,
    /// Why it uses none, or takes one at random.
    pub note: Option<Bilingual<String>>,
}

impl Explained {
    /// Whether there is something to report: not if a pull that was not tried yet may find credentials.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.cause != Cause::None && !self.alternatives.contains(&Cause::None)
    }

    /// Converts an explanation of the engine.
    #[must_use]
    pub fn of_container(subject: ExplainedObject, explanation: Explanation) -> Self {
        let Explanation { container, image, cause, certainty, alternatives, message, remedy, checked } =
            explanation;
        Explained {
            subject: Some(subject),
            place: None,
            container: Some(container),
            image: Some(image),
            host: None,
            cause,
            certainty,
            alternatives,
            message,
            remedy,
            checked,
            consumers: Vec::new(),
        }
    }

    /// Converts an explanation of an image without a Pod.
    #[must_use]
    pub fn of_image(explanation: Explanation) -> Self {
        let nothing = ExplainedObject { kind: POD, namespace: String::new(), name: String::new() };
        Explained { subject: None, container: None, ..Explained::of_container(nothing, explanation) }
    }

    /// Converts an explanation of one text.
    #[must_use]
    pub fn of_message(explanation: MessageExplanation) -> Self {
        let MessageExplanation { image, host, cause, certainty, alternatives, message, checked } =
            explanation;
        Explained {
            subject: None,
            place: None,
            container: None,
            image,
            host,
            cause,
            certainty,
            alternatives,
            message,
            remedy: Vec::new(),
            checked,
            consumers: Vec::new(),
        }
    }
}
