//! The policy that guards the webhook configurations.

use serde_json::{Value, json};

/// Who may change them besides regcred: a cluster administrator is whoever may do everything, in RBAC's `cluster-admin`
/// by `*` on `*`.
const IS_ADMINISTRATOR: &str = "authorizer.group('*').resource('*').check('*').allowed()";

/// What lets only cluster administrators and regcred change or delete regcred's webhook configurations. A role that may
/// write all webhook configurations, as many operators have, could otherwise switch the admission off.
pub(super) fn spec() -> Value {
    json!({
        "failurePolicy": "Fail",
        "matchConstraints": {
            "matchPolicy": "Equivalent",
            "resourceRules": [{
                "apiGroups": ["admissionregistration.k8s.io"],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE", "DELETE"],
                "resources": ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
                "resourceNames": ["regcred"],
                "scope": "Cluster",
            }],
        },
        "validations": [{
            "expression": format!(
                "request.userInfo.username == 'system:serviceaccount:regcred-system:regcred'\n|| {IS_ADMINISTRATOR}"
            ),
            "message": "[regcred/guard] only cluster administrators and regcred itself may change or delete regcred's webhook \
                        configurations",
            "reason": "Forbidden",
        }],
    })
}
