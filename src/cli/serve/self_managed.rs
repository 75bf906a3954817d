//! `serve --tls self-managed`: the cluster's side and the server's side, which do not know each other, put together.

use crate::cluster::client::{self, ClusterError};
use crate::cluster::self_managed::{Serving, Wrong};
use crate::server::{ConfigurationProblem, Supply};

/// The cluster that certificates are managed in. Whether it answers is seen later: the server starts without it.
pub(super) async fn cluster() -> Result<kube::Config, ClusterError> {
    let config = client::infer().await?;
    // What is wrong with the credentials themselves is said now.
    drop(client::connect(config.clone())?);
    Ok(config)
}

impl Serving for Supply {
    fn serve(&self, certificate: &str, key: &str) -> Result<(), String> {
        Supply::serve(self, certificate, key)
    }

    fn checked(&self, successful: bool) {
        Supply::checked(self, successful);
    }

    fn bundle_corrected(&self) {
        Supply::bundle_corrected(self);
    }

    fn configurations_wrong(&self, wrong: Wrong) {
        for (problem, count) in [
            (ConfigurationProblem::Missing, wrong.missing),
            (ConfigurationProblem::Unreadable, wrong.unreadable),
            (ConfigurationProblem::CaBundle, wrong.ca_bundle),
            (ConfigurationProblem::TypeCondition, wrong.type_condition),
        ] {
            self.configuration_problem(problem, count);
        }
    }

    fn panicked(&self) {
        Supply::panicked(self);
    }
}
