//! The scheduler of a cluster with one node: every Pod is bound to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;

use crate::support::cluster::Api;

/// Binds Pods until it is dropped.
pub struct Scheduler {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scheduler {
    pub fn start(api: Api) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopping);
        let thread = thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                bind_all(&api);
                thread::sleep(Duration::from_millis(100));
            }
        });
        Scheduler { stopping, thread: Some(thread) }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn bind_all(api: &Api) {
    let unbound = api.request("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3D", "").json();
    for pod in unbound["items"].as_array().into_iter().flatten() {
        let (namespace, name) = (&pod["metadata"]["namespace"], &pod["metadata"]["name"]);
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
            "target": {"apiVersion": "v1", "kind": "Node", "name": "node1"},
        });
        let (namespace, name) = (namespace.as_str().unwrap(), name.as_str().unwrap());
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/binding");
        // A Pod may have been deleted meanwhile.
        drop(api.request("POST", &path, &binding.to_string()));
    }
}
