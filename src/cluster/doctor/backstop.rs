//! The admission policies that `regcred backstop` has made, if some are installed.

use regcred_engine::backstop::{Form, HASH_ANNOTATION, Options, Role, manifests};
use regcred_engine::policy::Policy;
use regcred_engine::wording::Bilingual;
use serde_json::Value;

use super::check::Observation;
use super::reader::{ObjectRead, items, read, text};
use crate::cluster::api_server::ApiServer;

/// The labels of everything that `regcred backstop` makes, which the chart keeps under any name.
const SELECTOR: &str = "app.kubernetes.io%2Fpart-of%3Dregcred,app.kubernetes.io%2Fcomponent%3Dbackstop";

/// Whether they are whole, and made from the policy in force by this version. None at all is as it should be: they are optional.
pub(super) fn policies(server: &ApiServer<'_>, policy: &Policy) -> Observation {
    let mut installed = Vec::new();
    for kind in ["mutatingadmissionpolicies", "validatingadmissionpolicies"] {
        let (policies, bindings) = match (list(server, kind), list(server, &bindings_of(kind))) {
            (ObjectRead::Found(policies), ObjectRead::Found(bindings)) => (policies, bindings),
            // A version of Kubernetes without them.
            (ObjectRead::Missing, _) | (_, ObjectRead::Missing) => continue,
            (ObjectRead::Unread(why), _) | (_, ObjectRead::Unread(why)) => return Observation::unread(why),
        };
        for object in items(&policies, "/items") {
            let name = text(object, "/metadata/name");
            if !items(&bindings, "/items").iter().any(|binding| text(binding, "/spec/policyName") == name) {
                return Observation::attention(
                    Bilingual::new(
                        format!("{name} has no binding, so it does nothing"),
                        format!("{name} 没有绑定，因此不起作用"),
                    ),
                    generate_again(),
                );
            }
            installed.push((name.to_owned(), hash_of(object).to_owned()));
        }
    }
    let expected = [Role::Backstop, Role::Standalone].map(|role| {
        let objects = manifests(policy, &Options { role, stage: policy.enforcement, form: Form::Objects });
        objects.first().map(hash_of).unwrap_or_default().to_owned()
    });
    match installed.iter().find(|(_, hash)| !expected.contains(hash)) {
        None => Observation::Fine,
        Some((name, _)) => Observation::attention(
            Bilingual::new(
                format!(
                    "{name} was made from another policy, with another enforcement or by another version"
                ),
                format!("{name} 由另一份策略、另一执行级别或另一版本生成"),
            ),
            generate_again(),
        ),
    }
}

/// Whether an object is one of those policies.
pub(super) fn is_own(object: &Value) -> bool {
    text(object, "/metadata/labels/app.kubernetes.io~1part-of") == "regcred"
        && text(object, "/metadata/labels/app.kubernetes.io~1component") == "backstop"
}

fn list(server: &ApiServer<'_>, plural: &str) -> ObjectRead {
    read(server, &format!("/apis/admissionregistration.k8s.io/v1/{plural}?labelSelector={SELECTOR}"))
}

/// The plural of the bindings of a kind.
fn bindings_of(plural: &str) -> String {
    plural.replace("policies", "policybindings")
}

fn hash_of(object: &Value) -> &str {
    object
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(HASH_ANNOTATION))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn generate_again() -> Bilingual<String> {
    Bilingual::new(
        "Generate them from the policy in force (regcred backstop --policy FILE --enforcement LIMIT), apply them, and delete those that are left over (docs/backstop.md#install).",
        "请按生效的策略重新生成（regcred backstop --policy FILE --enforcement LIMIT）并应用，再删除遗留的策略（docs/backstop.md#install）。",
    )
}
