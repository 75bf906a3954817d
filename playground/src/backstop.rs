//! `regcred backstop`.

use regcred_engine::backstop::{Options, Role, manifests, yaml};

use crate::settings::Settings;

/// Returns what `regcred backstop --role ROLE` prints.
pub(crate) fn policies(role: &str, settings: &Settings) -> String {
    let role = if role == "standalone" { Role::Standalone } else { Role::Backstop };
    let options = Options { role, ..Options::default() };
    yaml(&manifests(&settings.policy, &options), &options)
}
