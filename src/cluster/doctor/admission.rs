//! Whether a Pod of the installation would be admitted to its namespace (`--pre`): a dry run, so that quotas, limit ranges, Pod
//! Security and other policies judge it themselves.

use http::{Method, StatusCode};
use hyper::body::Bytes;
use regcred_engine::wording::Bilingual;
use serde_json::{Value, json};

use super::check::Observation;
use super::reader::reason;
use crate::cluster::api_server::{ApiServer, Call, CallError, JSON, segment};

/// A Pod as it is shipped, without its volumes. Its priority class is left out, because a quota for that class is installed with it.
fn shipped_pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "regcred-doctor-"},
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "regcred", "image": "regcred",
                "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    })
}

/// Sends the Pod as a dry run. In a namespace that does not exist yet, nothing is in the way.
pub(super) fn pod_admission(server: &ApiServer<'_>, namespace: &str) -> Observation {
    let call = Call {
        method: Method::POST,
        uri: format!("/api/v1/namespaces/{}/pods?dryRun=All&fieldManager=regcred-doctor", segment(namespace)),
        accept: JSON,
        content_type: Some(JSON),
        body: Bytes::from(shipped_pod().to_string()),
    };
    let refusal = match server.call(&call) {
        Ok(_) => return Observation::Fine,
        Err(CallError::Refused(refusal)) if refusal.code == StatusCode::NOT_FOUND => {
            return Observation::Fine;
        }
        Err(CallError::Refused(refusal)) => refusal.message,
        Err(error) => return Observation::unread(reason(error)),
    };
    if refusal.english.contains("cannot create resource") {
        return Observation::attention(
            refusal,
            Bilingual::new(
                "Without permission to create Pods in that namespace, this cannot be tried.",
                "没有在该命名空间创建 Pod 的权限，无法进行此项检查。",
            ),
        );
    }
    Observation::broken(
        refusal,
        Bilingual::new(
            "Raise the quota or the limit range, label the namespace for Pod Security restricted or less, or set the Helm value resources.",
            "请提高配额或 LimitRange、将命名空间的 Pod Security 标签设为 restricted 或更宽松，或设置 Helm 值 resources。",
        ),
    )
}
