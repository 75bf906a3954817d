//! Writes to objects that others may change at the same time.

use crate::cluster::client::{ClusterError, describe};

/// The field manager of all changes.
pub(super) const FIELD_MANAGER: &str = "regcred";

/// The result of a write.
pub(super) enum Write<T> {
    Written(T),
    /// Another client changed the object first.
    Conflict,
}

pub(super) fn outcome<T>(result: kube::Result<T>) -> Result<Write<T>, ClusterError> {
    match result {
        Ok(value) => Ok(Write::Written(value)),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Write::Conflict),
        Err(error) => Err(describe(&error)),
    }
}
