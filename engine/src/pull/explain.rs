//! The explanation of one Pod.

use jiff::Timestamp;

use super::cause::{Cause, Certainty};
use super::facts::PodFacts;
use crate::bilingual::Bilingual;

/// Why a container's image is not pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The container's name.
    pub container: String,
    /// The image that is not pulled: the container's, or that of an image volume.
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

/// Explains the pulls of a Pod: one explanation for each container, and for each image volume that is not the
/// container's own failure. A container that does not wait for an image has the cause [`Cause::None`].
#[must_use]
pub fn explain(pod: &PodFacts, now: Timestamp) -> Vec<Explanation> {
    let _ = now;
    let undecided = |container: &super::facts::ContainerFacts| Explanation {
        container: container.name.clone(),
        image: container.image.clone(),
        cause: Cause::Undecided,
        certainty: Certainty::Open,
        alternatives: vec![Cause::Undecided],
        message: Bilingual::new("the cause is unknown", "原因未知"),
        remedy: Vec::new(),
        checked: Vec::new(),
    };
    pod.containers.iter().map(undecided).collect()
}

/// Explains one error text of a kubelet, a runtime or docker.
#[must_use]
pub fn explain_message(text: &str) -> MessageExplanation {
    let _ = text;
    MessageExplanation {
        image: None,
        host: None,
        cause: Cause::Undecided,
        certainty: Certainty::Open,
        alternatives: vec![Cause::Undecided],
        message: Bilingual::new("the cause is unknown", "原因未知"),
        checked: Vec::new(),
    }
}
