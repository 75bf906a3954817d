//! Admission policies in CEL that repair and refuse what the webhook would, inside the API server: for a cluster whose
//! webhook does not answer, or that has none.
//!
//! A policy repairs a document exactly as [`crate::judge`] does or leaves it alone, and refuses nothing that the
//! webhook admits. docs/backstop.md describes what it covers.

mod cel;
mod coverage;
mod document;
mod guard;
mod hosts;
mod refusals;
mod repair;
mod scope;
mod yaml;

use std::hash::Hasher as _;

use fnv::FnvHasher;
use serde_json::{Value, json};

use crate::policy::{Enforcement, Policy};
use crate::rules::Action;

pub use coverage::{Coverage, Effect};
pub use yaml::yaml;

/// What the policies are generated for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether the webhook runs in the cluster, too.
    pub role: Role,
    /// The limit to the policy's own `enforcement`.
    pub stage: Enforcement,
    /// How the policies reach the API server.
    pub form: Form,
}

/// Whether the webhook runs in the cluster, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It does. The policies act before it, also when it does not answer.
    #[default]
    Backstop,
    /// It does not: the policies also warn and record.
    Standalone,
}

/// How the policies reach the API server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As objects of its API.
    #[default]
    Objects,
    /// As files that it reads when it starts (Kubernetes ≥ 1.37, KEP-5793).
    Static,
}

/// The version of this crate, which is that of the program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The annotation with the version of the generator.
const VERSION_ANNOTATION: &str = "regcred.dev/version";
/// The annotation with what the policies enforce: `audit`, `warn` or `enforce`.
const ENFORCEMENT_ANNOTATION: &str = "regcred.dev/enforcement";
/// The annotation with a hash of the specs of all the generated objects: it differs if any of them does.
pub const HASH_ANNOTATION: &str = "regcred.dev/policy-hash";

/// Generates the policies and their bindings, in the order in which they are applied. The same input gives the same
/// objects.
#[must_use]
pub fn manifests(policy: &Policy, options: &Options) -> Vec<Value> {
    let enforcement = policy.enforcement.at_most(options.stage);
    let mut objects = Vec::new();
    if enforcement != Enforcement::Audit
        && let Some(spec) = repair::spec(policy)
    {
        objects.extend(pair("MutatingAdmissionPolicy", "repair", spec, None));
    }
    for (action, name, validation_actions) in [
        (Action::Deny, "refuse", &["Deny", "Audit"][..]),
        (Action::Warn, "warn", &["Warn", "Audit"]),
        (Action::Audit, "audit", &["Audit"]),
    ] {
        // The webhook warns and records itself.
        if action != Action::Deny && options.role == Role::Backstop {
            continue;
        }
        let has_action = |of_rule: Action| of_rule.min(enforcement.cap()) == action;
        if let Some(spec) = refusals::spec(policy, has_action) {
            objects.extend(pair("ValidatingAdmissionPolicy", name, spec, Some(validation_actions)));
        }
    }
    if options.role == Role::Backstop {
        objects.extend(pair("ValidatingAdmissionPolicy", "guard", guard::spec(), Some(&["Deny", "Audit"])));
    }
    let hash = hash(&objects);
    for object in &mut objects {
        finish(object, options.form, enforcement, &hash);
    }
    objects
}

/// A policy and its binding.
fn pair(kind: &str, name: &str, spec: Value, validation_actions: Option<&[&str]>) -> [Value; 2] {
    let name = format!("regcred-{name}");
    let object = |kind: &str, spec: Value| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        })
    };
    let binding = match validation_actions {
        Some(actions) => json!({"policyName": name, "validationActions": actions}),
        None => json!({"policyName": name}),
    };
    [object(kind, spec), object(&format!("{kind}Binding"), binding)]
}

/// FNV-1a, as it is only there to notice a change; std's hasher may differ between releases of Rust.
fn hash(objects: &[Value]) -> String {
    let mut hasher = FnvHasher::default();
    for object in objects {
        let mut object = object.clone();
        object.sort_all_objects(); // whatever features other crates enable in serde_json
        hasher.write(object.to_string().as_bytes());
    }
    format!("{:016x}", hasher.finish())
}

/// Adds the names and annotations that depend on the whole.
fn finish(object: &mut Value, form: Form, enforcement: Enforcement, hash: &str) {
    if form == Form::Static {
        for pointer in ["/metadata/name", "/spec/policyName"] {
            if let Some(Value::String(name)) = object.pointer_mut(pointer) {
                name.push_str(".static.k8s.io");
            }
        }
    }
    if let Some(Value::Object(metadata)) = object.pointer_mut("/metadata") {
        let annotations = json!({
            VERSION_ANNOTATION: VERSION,
            ENFORCEMENT_ANNOTATION: enforcement,
            HASH_ANNOTATION: hash,
        });
        metadata.insert("annotations".to_owned(), annotations);
        metadata.insert(
            "labels".to_owned(),
            json!({
                "app.kubernetes.io/name": "regcred",
                "app.kubernetes.io/part-of": "regcred",
                "app.kubernetes.io/component": "backstop",
            }),
        );
    }
    object.sort_all_objects();
}
