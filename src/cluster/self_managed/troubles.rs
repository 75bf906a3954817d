//! What is wrong is said when it begins, when it changes and when it ends, and not at every pass.

use std::collections::BTreeMap;

/// The troubles that have been said, by what they are about.
#[derive(Default)]
pub(super) struct Troubles(BTreeMap<&'static str, String>);

impl Troubles {
    /// How something stands after a pass.
    pub(super) fn report(&mut self, about: &'static str, result: Result<(), String>) {
        match result {
            Ok(()) => {
                if self.0.remove(about).is_some() {
                    tracing::info!("{about}: in order again");
                }
            }
            Err(trouble) => {
                if self.0.get(about) != Some(&trouble) {
                    tracing::error!("{about}: {trouble}");
                    self.0.insert(about, trouble);
                }
            }
        }
    }
}
