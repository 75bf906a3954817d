//! Why the kubelet could not pull an image: what the Pod's objects contain, held against what the runtime printed.
//!
//! Data flows one way: [`PodFacts`] → the kubelet's look-up ([`look_up`]) and what a text proves ([`explain_message`])
//! → [`explain()`]. Nothing here reads a cluster, a file or a clock. What the texts prove was recorded from real kubelets
//! and runtimes (`tests/pulls/README.md`).

mod cause;
mod checked;
mod explain;
mod facts;
mod failure;
mod lookup;
mod malformed;
mod message;
mod near;
mod proof;
mod remedy;
mod ring;
mod sentence;
mod shown;
mod text;
mod verdict;
mod why;
mod words;

pub use cause::{Cause, Certainty};
pub use explain::{Explanation, MessageExplanation, explain, explain_message};
pub use facts::{
    ContainerFacts, ContainerKind, EventFacts, NodeFacts, PodFacts, PullSecret, SecretFacts, Seen,
    ServiceAccountFacts, Waiting,
};
pub use lookup::{LookUp, Unused, Used, look_up};
