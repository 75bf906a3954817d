//! The policy that guards the webhook configurations.

use serde_json::{Value, json};

/// Who may change them besides regcred: a cluster administrator is a user who may do everything, as RBAC's `cluster-admin`
/// may by `*` on `*`.
const IS_ADMINISTRATOR: &str = "authorizer.group('*').resource('*').check('*').allowed()";

/// cert-manager's injector, which writes the CA into configurations that ask for it.
const IS_CA_INJECTOR: &str = "request.operation == 'UPDATE' && request.userInfo.username == 'system:serviceaccount:cert-manager:cert-manager-cainjector' && oldObject.metadata.?annotations[?'cert-manager.io/inject-ca-from'].hasValue()";

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
                "scope": "Cluster",
            }],
        },
        // Not `resourceNames`: the deletion of a collection names no object.
        "matchConditions": [{
            "name": "own",
            "expression": "(oldObject != null ? oldObject : object).metadata.name == 'regcred'",
        }],
        "validations": [{
            "expression": format!(
                "request.userInfo.username == 'system:serviceaccount:regcred-system:regcred'\n|| {IS_ADMINISTRATOR}\n|| {IS_CA_INJECTOR}"
            ),
            "message": "[regcred/guard] only cluster administrators and regcred itself may change or delete regcred's webhook \
                        configurations",
            "reason": "Forbidden",
        }],
    })
}
