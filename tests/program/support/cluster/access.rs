//! The API server as a service account sees it.

use std::net::SocketAddr;

use serde_json::json;

use super::Cluster;
use super::scanned::Account;

impl Cluster {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A token of a service account, as a pod has it.
    #[track_caller]
    pub fn token_of(&self, namespace: &str, account: &str) -> String {
        self.accepts(&["create", "token", account, "--namespace", namespace], "").stdout.trim().to_owned()
    }

    /// A kubeconfig with the token of a pod in this namespace, by way of this address.
    pub fn pod_kubeconfig(&self, address: SocketAddr, token: &str, namespace: &str) -> String {
        let mut kubeconfig = self.kubeconfig(Account::Token(token), None);
        kubeconfig["clusters"][0]["cluster"]["server"] = json!(format!("https://{address}"));
        kubeconfig["contexts"][0]["context"]["namespace"] = json!(namespace);
        kubeconfig.to_string()
    }
}
