//! The Pods of a workload, by their owners: labels may be shared.

use std::collections::HashSet;

use serde::Deserialize;

use super::fetch::{listed, read_object};
use crate::cluster::api_server::{ApiServer, CallError, segment};
use crate::cluster::list::{List, ListError, OBJECTS_PER_PAGE};
use crate::explain::objects::{ObjectMetadata, Pod};
use crate::explain::workload::WorkloadKind;

#[derive(Deserialize)]
struct Owned {
    metadata: ObjectMetadata,
}

/// The Pods of the workload with this `uid`. A Deployment and a `CronJob` own them through other objects.
pub(super) fn pods(
    server: &ApiServer<'_>,
    namespace: &str,
    kind: WorkloadKind,
    uid: &str,
) -> Result<Vec<Pod>, CallError> {
    let owners = match kind {
        WorkloadKind::Deployment => owned(server, namespace, WorkloadKind::ReplicaSet, uid)?,
        WorkloadKind::CronJob => owned(server, namespace, WorkloadKind::Job, uid)?,
        _ => HashSet::from([uid.to_owned()]),
    };
    let path = format!("/api/v1/namespaces/{}/pods", segment(namespace));
    let list = List { page_size: OBJECTS_PER_PAGE, ..List::new(server, path) };
    let mut pods = Vec::new();
    let read = list.each(|object| {
        let pod: Pod = read_object(object)?;
        if owners.iter().any(|owner| pod.metadata.is_owned_by(owner)) && pod.waits() {
            pods.push(pod);
        }
        Ok(())
    });
    match read {
        Ok(_) => Ok(pods),
        Err(ListError::Call(error) | ListError::Taker(error)) => Err(error),
    }
}

/// The `uid`s of the objects of a kind that the object with this `uid` owns. Without permission to list them there are none.
fn owned(
    server: &ApiServer<'_>,
    namespace: &str,
    kind: WorkloadKind,
    uid: &str,
) -> Result<HashSet<String>, CallError> {
    let path = format!("{}/namespaces/{}/{}", kind.group_path(), segment(namespace), kind.plural());
    let list = List { page_size: OBJECTS_PER_PAGE, ..List::new(server, path) };
    let mut owned = HashSet::new();
    listed(&list, |object: Owned| {
        if object.metadata.is_owned_by(uid) {
            owned.insert(object.metadata.uid);
        }
    })?;
    Ok(owned)
}
