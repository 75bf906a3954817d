//! Watches the three objects, so that a change starts a pass at once.
//!
//! Only metadata is watched: what a pass works with, it reads itself, in the order that its writes depend on.

use std::fmt::Debug;
use std::mem;
use std::pin::pin;

use futures_util::StreamExt as _;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object};
use kube::{Api, Client, Resource};
use tokio::sync::watch::{Receiver, Sender, channel};

use super::names::Names;
use crate::cluster::client::describe;

/// Starts a task for each watch. The receiver is notified of every change, and of every failure of a watch, so that the
/// next pass finds out whether the API server can be reached. Must be called within a tokio runtime.
pub(super) fn start(client: &Client, namespace: &str, names: &Names) -> Receiver<()> {
    let (sender, receiver) = channel(());
    let configuration = &names.webhook_configuration;
    let mutating: Api<PartialObjectMeta<MutatingWebhookConfiguration>> = Api::all(client.clone());
    tokio::spawn(follow(mutating, configuration.clone(), sender.clone()));
    let validating: Api<PartialObjectMeta<ValidatingWebhookConfiguration>> = Api::all(client.clone());
    tokio::spawn(follow(validating, configuration.clone(), sender.clone()));
    let secret: Api<PartialObjectMeta<Secret>> = Api::namespaced(client.clone(), namespace);
    tokio::spawn(follow(secret, names.ca_secret.clone(), sender));
    receiver
}

/// Follows one object. Errors of the connection are only debug messages, because the next pass fails as well and reports it.
async fn follow<K>(api: Api<PartialObjectMeta<K>>, name: String, changes: Sender<()>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + 'static,
{
    let kind = K::kind(&());
    let mut refused = false;
    let mut events = pin!(watch_object(api, &name).default_backoff());
    while let Some(event) = events.next().await {
        changes.send_replace(());
        match event.map_err(into_kube) {
            Ok(_) => {
                if mem::take(&mut refused) {
                    tracing::info!("{kind} {name}: watching it");
                }
            }
            Err(Some(kube::Error::Api(status))) if matches!(status.code, 401 | 403) => {
                if !mem::replace(&mut refused, true) {
                    let error = describe(&kube::Error::Api(status));
                    tracing::warn!("{kind} {name}: cannot watch it, so changes are noticed late: {error}");
                }
            }
            Err(Some(error)) => tracing::debug!("{kind} {name}: the watch ended: {}", describe(&error)),
            Err(None) => tracing::debug!("{kind} {name}: the watch ended"),
        }
    }
}

fn into_kube(error: watcher::Error) -> Option<kube::Error> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Some(error),
        watcher::Error::WatchError(status) => Some(kube::Error::Api(status)),
        watcher::Error::NoResourceVersion => None,
    }
}
