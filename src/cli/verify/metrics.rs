//! The outcomes as metrics, for the textfile collector of `node_exporter`.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tempfile::NamedTempFile;

use super::report::CredentialSource;
use crate::registry::Verification;

/// The metrics of a run. The number of series grows with the number of Secrets, so they are not part of the webhook's.
#[derive(Default)]
pub(super) struct VerifyMetrics {
    valid: Family<OutcomeLabels, Gauge>,
    expires: Family<EntryLabels, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    namespace: String,
    secret: String,
    registry: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EntryLabels {
    namespace: String,
    secret: String,
    registry: String,
}

impl VerifyMetrics {
    /// Records a verification. Several images with the same outcome are one series.
    pub(super) fn add(&self, source: &CredentialSource, verification: &Verification) {
        let labels = EntryLabels {
            namespace: source.namespace.clone().unwrap_or_default(),
            secret: source.secret.clone().unwrap_or_default(),
            registry: verification.registry.clone().unwrap_or_default(),
        };
        if let Some(expires) = verification.expires {
            self.expires.get_or_create(&labels).set(expires.as_second());
        }
        let EntryLabels { namespace, secret, registry } = labels;
        let outcome = verification.outcome.as_str();
        let labels = OutcomeLabels { namespace, secret, registry, outcome };
        self.valid.get_or_create(&labels).set(i64::from(verification.outcome.is_valid()));
    }

    /// Writes the file in one step: a collector never reads half of it.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut registry = Registry::with_prefix("regcred");
        let help = "Whether the credentials of an entry of a pull Secret were valid when last verified (1), or not (0)";
        registry.register("credential_valid", help, self.valid.clone());
        let help = "When the credential of an entry of a pull Secret ends, if it says so";
        registry.register("credential_expires_timestamp_seconds", help, self.expires.clone());
        let mut text = String::new();
        encode(&mut text, &registry).map_err(io::Error::other)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = NamedTempFile::with_prefix_in(".regcred-", folder)?;
        file.write_all(text.as_bytes())?;
        // The collector may be another user.
        file.as_file().set_permissions(Permissions::from_mode(0o644))?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}
