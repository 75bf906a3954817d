//! Findings: which rule stands, where, and what was done about it. A finding borrows from the document only the
//! registry key, and shows of it only what may be shown.

mod fault;
mod place;

pub use fault::{EmptyHalf, Fault, GenericHost, InvalidJson, JsonType, NotBase64, Repeated};
pub use place::{EntryField, Place, RegistryKey, Spot, TopField, is_escaped};

use crate::rule::{Action, Rule};

/// One thing found in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// What is wrong.
    pub fault: Fault<'a>,
    /// Where it is.
    pub place: Place<'a>,
    /// What the policy's rule says, before anything capped it.
    pub rule_action: Action,
    /// What happens.
    pub action: Action,
    /// What made `action` milder than `rule_action`. Of several, the last that counted: taking away the one named
    /// here makes the action more severe.
    pub capped_by: Option<Cap>,
    /// Whether the repair of this document mends this finding, or would, were it not held back.
    pub repairable: bool,
}

impl Finding<'_> {
    /// The rule that stands.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.fault.rule()
    }
}

/// What made an action milder than its rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cap {
    /// The policy's `enforcement`.
    Enforcement,
    /// One of the policy's exemptions.
    Exemption,
    /// The old object had it already.
    Ratchet,
}

impl Cap {
    /// The word used in audit records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Cap::Enforcement => "enforcement",
            Cap::Exemption => "exemption",
            Cap::Ratchet => "ratchet",
        }
    }
}
