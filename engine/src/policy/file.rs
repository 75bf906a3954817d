//! The policy file.

/// A policy file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError;

/// The JSON schema of the policy file.
#[must_use]
pub fn schema() -> String { String::new() }
