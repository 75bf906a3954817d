//! Logs a problem when it begins, changes or ends, and not at every pass.

use std::collections::BTreeMap;

/// The problems that are logged and not over, by what they concern.
#[derive(Default)]
pub(super) struct Problems(BTreeMap<&'static str, String>);

impl Problems {
    /// Records the result of a pass.
    pub(super) fn report(&mut self, about: &'static str, result: Result<(), String>) {
        match result {
            Ok(()) => {
                if self.0.remove(about).is_some() {
                    tracing::info!("{about}: the problem is over");
                }
            }
            Err(problem) => {
                if self.0.get(about) != Some(&problem) {
                    tracing::error!("{about}: {problem}");
                    self.0.insert(about, problem);
                }
            }
        }
    }
}
