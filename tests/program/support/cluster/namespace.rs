//! A namespace and the Secrets in it.

use serde_json::Value;

use super::{Cluster, Said, document_of};
use crate::support::client::Response;
use crate::support::eventually;
use crate::support::regcred::Regcred;

/// A namespace of a cluster.
pub struct Namespace<'c> {
    pub cluster: &'c Cluster,
    pub name: String,
}

impl Namespace<'_> {
    #[track_caller]
    pub fn kubectl(&self, arguments: &[&str], stdin: &str) -> Said {
        let mut all = vec!["--namespace", &self.name];
        all.extend(arguments);
        self.cluster.kubectl(&all, stdin)
    }

    #[track_caller]
    pub fn accepts(&self, arguments: &[&str], stdin: &str) -> Said {
        let said = self.kubectl(arguments, stdin);
        assert!(said.success, "{said:?}");
        said
    }

    #[track_caller]
    pub fn rejects(&self, arguments: &[&str], stdin: &str) -> Said {
        let said = self.kubectl(arguments, stdin);
        assert!(!said.success, "{said:?}");
        said
    }

    /// `kubectl create` of one object.
    #[track_caller]
    pub fn create(&self, object: &Value, more: &[&str]) -> Said {
        let mut arguments = vec!["create", "-f", "-"];
        arguments.extend(more);
        self.kubectl(&arguments, &object.to_string())
    }

    /// Rancher's request on the Secrets of this namespace; `path` is empty or `/NAME`.
    #[track_caller]
    pub fn rancher(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        let path = format!("/api/v1/namespaces/{}/secrets{path}", self.name);
        self.cluster.rancher(method, &path, body)
    }

    /// A Secret as it is stored.
    #[track_caller]
    pub fn secret(&self, name: &str) -> Value {
        self.cluster.get(&["--namespace", &self.name, "secret", name])
    }

    /// The document that is stored.
    #[track_caller]
    pub fn document(&self, name: &str) -> String {
        document_of(&self.secret(name))
    }

    /// The names of the Secrets that are stored.
    #[track_caller]
    pub fn secrets(&self) -> Vec<String> {
        let listed = self.accepts(&["get", "secrets", "-o", "name"], "").stdout;
        listed.lines().map(|line| line.trim_start_matches("secret/").to_owned()).collect()
    }

    /// The audit records of this namespace until now.
    pub fn records(&self, regcred: &Regcred) -> Vec<Value> {
        records_of(regcred, &self.name)
    }

    /// Waits for the record of a call, the last if there were several.
    #[track_caller]
    pub fn record(&self, regcred: &Regcred, name: &str, webhook: &str) -> Value {
        eventually(&format!("a record of {name} by {webhook}"), || {
            let of_call = |record: &Value| record["name"] == name && record["webhook"] == webhook;
            self.records(regcred).into_iter().rfind(of_call)
        })
    }
}

pub(super) fn records_of(regcred: &Regcred, namespace: &str) -> Vec<Value> {
    regcred.audit().into_iter().filter(|record| record["namespace"] == namespace).collect()
}
