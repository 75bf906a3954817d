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
    let (mut installed, mut kinds) = (Vec::new(), Vec::new());
    for (kind, plural) in KINDS {
        let (policies, bindings) = match (list(server, plural), list(server, &bindings_of(plural))) {
            (ObjectRead::Found(policies), ObjectRead::Found(bindings)) => (policies, bindings),
            // A version of Kubernetes without them.
            (ObjectRead::Missing, _) | (_, ObjectRead::Missing) => continue,
            (ObjectRead::Unread(why), _) | (_, ObjectRead::Unread(why)) => return Observation::unread(why),
        };
        kinds.push(kind);
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
    let made = [Role::Backstop, Role::Standalone]
        .map(|role| manifests(policy, &Options { role, stage: policy.enforcement, form: Form::Objects }));
    let hash = |objects: &[Value]| objects.first().map(hash_of).unwrap_or_default().to_owned();
    let expected = [hash(&made[0]), hash(&made[1])];
    if let Some((name, _)) = installed.iter().find(|(_, hash)| !expected.contains(hash)) {
        return Observation::attention(
            Bilingual::new(
                format!(
                    "{name} was made from another policy, with another enforcement or by another version"
                ),
                format!("{name} 由另一份策略、另一执行级别或另一版本生成"),
            ),
            generate_again(),
        );
    }
    let role =
        made.iter().find(|objects| installed.first().is_some_and(|(_, first)| *first == hash(objects)));
    let wanted = role.into_iter().flatten().filter(|object| kinds.contains(&text(object, "/kind")));
    let parts: Vec<_> = wanted.map(|object| part_of(text(object, "/metadata/name"))).collect();
    let is_missing = |part: &&str| !installed.iter().any(|(name, _)| part_of(name) == *part);
    match parts.into_iter().find(is_missing) {
        None => Observation::Fine,
        Some(part) => Observation::attention(
            Bilingual::new(
                format!("the policy whose name ends in {part} is missing, and others are there"),
                format!("缺少名称以 {part} 结尾的策略，而其他策略存在"),
            ),
            generate_again(),
        ),
    }
}

/// The kinds of policies, and their plurals.
const KINDS: [(&str, &str); 2] = [
    ("MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
    ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
];

/// What a policy does, by its name: the chart replaces what is before it.
fn part_of(name: &str) -> &str {
    name.rsplit('-').next().unwrap_or(name)
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
