//! What the background tasks share with the ports.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::audit::Audit;
use super::metrics::Metrics;
use super::tls::Served;
use crate::policy_file::PolicyInForce;

/// What is in use now, and may be replaced while the server runs.
pub(crate) struct Shared {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) served: Arc<Served>,
    pub(crate) policy: Arc<PolicyInForce>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) audit: Arc<Audit>,
}
