//! Writes to objects that others may change at the same time.

use crate::cluster::client::{ClusterError, describe};

/// The field manager of all changes.
pub(super) const FIELD_MANAGER: &str = "regcred";

/// The result of a write.
pub(super) enum Outcome<T> {
    Written(T),
    /// Another client changed the object first.
    Conflict,
}

pub(super) fn outcome<T>(result: kube::Result<T>) -> Result<Outcome<T>, ClusterError> {
    match result {
        Ok(value) => Ok(Outcome::Written(value)),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Outcome::Conflict),
        Err(error) => Err(describe(&error)),
    }
}
