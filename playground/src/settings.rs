//! What the page is set to.

use jiff::Timestamp;
use regcred_engine::policy::{Language, Policy};

/// The policy, the language and the time.
pub(crate) struct Settings {
    pub(crate) policy: Policy,
    /// What is wrong with the policy that was pasted. The default policy applies then.
    pub(crate) policy_error: Option<String>,
    pub(crate) now: Timestamp,
}

impl Settings {
    pub(crate) fn new(policy: &str, language: &str, now: f64) -> Self {
        let given = (!policy.trim().is_empty()).then(|| Policy::parse(policy));
        let (mut policy, policy_error) = match given {
            None => (Policy::default(), None),
            Some(Ok(policy)) => (policy, None),
            Some(Err(error)) => (Policy::default(), Some(error.to_string())),
        };
        policy.language = if language == "zh" { Language::Chinese } else { Language::English };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a browser's time is a whole number of milliseconds"
        )]
        let now = Timestamp::from_millisecond(now as i64).unwrap_or_default();
        Settings { policy, policy_error, now }
    }

    pub(crate) const fn language(&self) -> Language {
        self.policy.language
    }
}
