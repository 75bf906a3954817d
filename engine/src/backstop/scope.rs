//! Which requests the policies are about.

use serde_json::{Value, json};

use super::cel::{literal, variable};
use super::document::raw;
use crate::policy::{Exemption, Glob, Policy};
use crate::secret::SecretType;

/// Larger documents, in base64, are left alone: decoding one would reach the API server's limit for the cost of an
/// expression between 8 and 12 KiB.
pub(super) const MAX_BASE64_BYTES: usize = 8_192;

/// Namespaces that are left out, as by the webhook.
pub(super) const EXCLUDED: [&str; 2] = ["kube-system", "regcred-system"];

/// What all the policies begin with.
pub(super) struct Scope {
    pub(super) constraints: Value,
    pub(super) conditions: Vec<Value>,
    pub(super) variables: Vec<Value>,
}

/// The requests that the webhook configurations send: deploy/base/webhooks.yaml.
pub(super) fn of(policy: &Policy) -> Scope {
    let condition = |name: &str, expression: String| json!({"name": name, "expression": expression});
    let types = SecretType::ALL.map(|secret_type| literal(secret_type.name())).join(", ");
    let (raw, old) = (raw("object"), raw("oldObject"));
    Scope {
        constraints: json!({
            "matchPolicy": "Equivalent",
            "resourceRules": [{
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["secrets"],
                "scope": "Namespaced",
            }],
            "namespaceSelector": {"matchExpressions": [
                {
                    "key": "kubernetes.io/metadata.name",
                    "operator": "NotIn",
                    "values": EXCLUDED,
                },
                {"key": "regcred.dev/admission", "operator": "NotIn", "values": ["ignore"]},
            ]},
        }),
        conditions: vec![
            condition("image-pull-secret", format!("object.?type.orValue('') in [{types}]")),
            condition("not-deleted", "!has(object.metadata.deletionTimestamp)".to_owned()),
            condition("size", format!("{raw} != '' && {raw}.size() <= {MAX_BASE64_BYTES}")),
            condition("changed", format!("request.operation == 'CREATE' || {raw} != {old}")),
        ],
        variables: exemptions(policy),
    }
}

/// A variable for each exemption: whether it applies to the request.
fn exemptions(policy: &Policy) -> Vec<Value> {
    let of = |(index, exemption): (usize, &Exemption)| variable(&name(index), applies(exemption));
    policy.exemptions.iter().enumerate().map(of).collect()
}

fn name(index: usize) -> String {
    format!("exemption{index}")
}

/// Whether one of the exemptions that `is_meant` selects applies, for a match condition, which has no variables; `None` if
/// there are none.
pub(super) fn exempt(policy: &Policy, is_meant: impl Fn(&Exemption) -> bool) -> Option<String> {
    let meant = policy.exemptions.iter().filter(|exemption| is_meant(exemption));
    let applies: Vec<_> = meant.map(|exemption| format!("({})", applies(exemption))).collect();
    (!applies.is_empty()).then(|| applies.join(" || "))
}

/// As [`exempt`], for an expression that has the variables.
pub(super) fn exempt_by_variable(policy: &Policy, is_meant: impl Fn(&Exemption) -> bool) -> String {
    let meant = policy.exemptions.iter().enumerate().filter(|(_, exemption)| is_meant(exemption));
    let applies: Vec<_> = meant.map(|(index, _)| format!("variables.{} || ", name(index))).collect();
    applies.concat()
}

/// Whether an exemption applies to a request. CEL has no clock: one with `until` applies for ever.
fn applies(exemption: &Exemption) -> String {
    let any = |globs: &[Glob], value: &str| {
        let patterns: Vec<_> = globs.iter().map(|glob| format!("(?:{})", glob.regex())).collect();
        format!("{value}.matches({})", literal(&format!("(?s)^(?:{})$", patterns.join("|"))))
    };
    let mut conditions = Vec::new();
    if !exemption.namespaces.is_empty() {
        conditions.push(any(&exemption.namespaces, "request.namespace"));
    }
    if !exemption.users.is_empty() {
        conditions.push(any(&exemption.users, "request.userInfo.username"));
    }
    if !exemption.groups.is_empty() {
        conditions.push(format!(
            "request.userInfo.?groups.orValue([]).exists(group, {})",
            any(&exemption.groups, "group")
        ));
    }
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" && ") }
}
