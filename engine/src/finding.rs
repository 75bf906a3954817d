//! Findings: which rule applies, where, and what was done about it. A finding borrows only the registry key from the
//! document, and shows only the part of it that may be shown.

use std::num::NonZeroU32;

use crate::affected::Affected;
use crate::place::Place;
use crate::rules::{Action, Fault, Rule};

/// One thing found in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// What is wrong.
    pub fault: Fault,
    /// Where it is.
    pub place: Place<'a>,
    /// The policy's action for the rule, before anything capped it.
    pub rule_action: Action,
    /// The action applied.
    pub action: Action,
    /// What made `action` milder than `rule_action`. Of several, the last that counted: without the one named
    /// here, the action is more severe.
    pub capped_by: Option<Cap>,
    /// Whether the repair of this document fixes this finding, or would if it were not held back.
    pub repairable: bool,
    /// What the consumers make of it. Empty if they were not asked.
    pub affected: Affected,
    /// The number, among all entries of the document, of the entry that it is about.
    pub(crate) entry: Option<EntryNumber>,
}

/// Which entry of a document. A finding without one takes no more room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryNumber(NonZeroU32);

impl EntryNumber {
    pub(crate) const fn of_index(index: u32) -> Self {
        EntryNumber(NonZeroU32::MIN.saturating_add(index))
    }

    pub(crate) const fn index(self) -> u32 {
        self.0.get() - 1
    }
}

impl Finding<'_> {
    /// The rule that applies.
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
    /// The old object already had it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_small() {
        // A hostile document can make 200,000.
        assert!(
            size_of::<Fault>() <= 8 && size_of::<Finding<'_>>() <= 80,
            "{} {}",
            size_of::<Fault>(),
            size_of::<Finding<'_>>()
        );
    }
}
