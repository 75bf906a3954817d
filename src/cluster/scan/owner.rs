//! Who writes a Secret again when it is changed: then the repair belongs into the source.

use std::collections::BTreeMap;

use regcred_engine::policy::Language;
use regcred_engine::wording::Bilingual;
use serde::Deserialize;

use crate::cluster::words::quoted;

/// What of an object's metadata tells its owner.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OwnedJson {
    #[serde(deserialize_with = "null_is_empty")]
    owner_references: Vec<OwnerReference>,
    #[serde(deserialize_with = "null_is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct OwnerReference {
    kind: String,
    name: String,
    controller: Option<bool>,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Where a mark of an owner stands.
#[derive(Clone, Copy)]
enum At {
    Label,
    Annotation,
}

/// Labels and annotations by which controllers know what is theirs, and who they are. `managed-by` comes last: what it
/// says is the least exact.
const MARKS: &[(At, &str, &str)] = &[
    (At::Annotation, "meta.helm.sh/release-name", "the Helm release"),
    (At::Annotation, "argocd.argoproj.io/tracking-id", "the Argo CD application"),
    (At::Label, "argocd.argoproj.io/instance", "the Argo CD application"),
    (At::Label, "kustomize.toolkit.fluxcd.io/name", "the Flux Kustomization"),
    (At::Label, "helm.toolkit.fluxcd.io/name", "the Flux HelmRelease"),
    (At::Label, "reconcile.external-secrets.io/created-by", "External Secrets Operator, ExternalSecret"),
    (At::Annotation, "reconcile.external-secrets.io/data-hash", "External Secrets Operator"),
    (
        At::Annotation,
        "management.cattle.io/project-scoped-secret-copy",
        "Rancher: a project-scoped Secret of project",
    ),
    (At::Annotation, "objectset.rio.cattle.io/owner-name", "Rancher or Fleet, object"),
    (At::Annotation, "sealedsecrets.bitnami.com/managed", "Sealed Secrets"),
    (At::Annotation, "reflector.v1.k8s.emberstack.com/reflects", "kubernetes-reflector, a copy of"),
    (At::Annotation, "replicator.v1.mittwald.de/replicated-from", "kubernetes-replicator, a copy of"),
    (At::Annotation, "replicator.v1.mittwald.de/replicate-from", "kubernetes-replicator, a copy of"),
    (At::Label, "kubed.appscode.com/origin.name", "config-syncer, a copy of"),
    (At::Label, "generate.kyverno.io/source-name", "Kyverno, a copy of"),
    (At::Label, "app.kubernetes.io/managed-by", "what calls itself"),
    // So does imagepullsecret-patcher.
    (At::Annotation, "app.kubernetes.io/managed-by", "what calls itself"),
];

/// The label that holds the project of a project-scoped Secret, and its copies.
const RANCHER_PROJECT: &str = "management.cattle.io/project-scoped-secret";

/// A value of a mark is cut at this many characters: a name, not a text.
const MAX_QUOTED_CHARS: usize = 80;

/// Who owns a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner(String);

impl OwnedJson {
    /// The owner, if anything names one. What only `kubectl apply` leaves behind names none.
    pub(super) fn owner(&self) -> Option<Owner> {
        let references = &self.owner_references;
        let reference =
            references.iter().find(|owner| owner.controller == Some(true)).or_else(|| references.first());
        if let Some(OwnerReference { kind, name, .. }) = reference {
            return Some(Owner(format!("{} {}", shown(kind), shown(name))));
        }
        MARKS.iter().find_map(|(at, key, who)| self.marked(*at, key, who))
    }

    fn marked(&self, at: At, key: &str, who: &str) -> Option<Owner> {
        let marks = match at {
            At::Label => &self.labels,
            At::Annotation => &self.annotations,
        };
        let value = marks.get(key)?;
        let value = match key {
            // The value is a hash, or only says that it is so.
            "reconcile.external-secrets.io/data-hash" | "sealedsecrets.bitnami.com/managed" => "",
            "management.cattle.io/project-scoped-secret-copy" => {
                self.labels.get(RANCHER_PROJECT).map_or("", String::as_str)
            }
            // `APP:GROUP/KIND:NAMESPACE/NAME`
            "argocd.argoproj.io/tracking-id" => value.split(':').next().unwrap_or_default(),
            _ => value,
        };
        Some(Owner(format!("{who} {}", shown(value)).trim_end().to_owned()))
    }
}

fn shown(value: &str) -> String {
    quoted(value, MAX_QUOTED_CHARS)
}

impl Owner {
    /// What to do about a Secret of this owner.
    pub(super) fn note(&self, language: Language) -> String {
        let owner = &self.0;
        let words = Bilingual::new(
            format!("owned by {owner}: mend it in its source, or it will be written back"),
            format!("由 {owner} 管理：请在其来源处修改，否则会被写回"),
        );
        words.into_line(language)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn owner(metadata: &Value) -> Option<String> {
        let owned: OwnedJson = serde_json::from_str(&metadata.to_string()).unwrap();
        owned.owner().map(|Owner(owner)| owner)
    }

    #[test]
    fn each_kind_of_owner_is_told_from_its_mark() {
        let annotated = |key: &str, value: &str| json!({"annotations": {(key): value}});
        let labelled = |key: &str, value: &str| json!({"labels": {(key): value}});
        for (metadata, expected) in [
            (
                json!({"ownerReferences": [
                    {"kind": "Other", "name": "a"}, {"kind": "SealedSecret", "name": "acr", "controller": true},
                ]}),
                "SealedSecret acr",
            ),
            (json!({"ownerReferences": [{"kind": "ExternalSecret", "name": "acr"}]}), "ExternalSecret acr"),
            (annotated("meta.helm.sh/release-name", "shop"), "the Helm release shop"),
            (
                annotated("argocd.argoproj.io/tracking-id", "shop:/Secret:team/acr"),
                "the Argo CD application shop",
            ),
            (labelled("kustomize.toolkit.fluxcd.io/name", "apps"), "the Flux Kustomization apps"),
            (
                json!({
                    "annotations": {"management.cattle.io/project-scoped-secret-copy": "true"},
                    "labels": {"management.cattle.io/project-scoped-secret": "p-x1"},
                }),
                "Rancher: a project-scoped Secret of project p-x1",
            ),
            (annotated("reconcile.external-secrets.io/data-hash", "0123"), "External Secrets Operator"),
            (labelled("app.kubernetes.io/managed-by", "pulumi"), "what calls itself pulumi"),
            (
                annotated("app.kubernetes.io/managed-by", "imagepullsecret-patcher"),
                "what calls itself imagepullsecret-patcher",
            ),
            // Anybody can write anything into an annotation, or call an owner so.
            (
                annotated("meta.helm.sh/release-name", "a\u{202e}b\u{ffff}"),
                r"the Helm release a\u{202e}b\u{ffff}",
            ),
            (json!({"ownerReferences": [{"kind": "A\nB", "name": "\u{1b}c"}]}), r"A B \u{1b}c"),
        ] {
            assert_eq!(owner(&metadata).as_deref(), Some(expected), "{metadata}");
        }
    }

    #[test]
    fn what_nobody_writes_back_has_no_owner() {
        for metadata in [
            json!({}),
            json!({"labels": null, "annotations": null, "ownerReferences": null}),
            json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}),
            // The project's own Secret, which is the source of the copies.
            json!({"labels": {"management.cattle.io/project-scoped-secret": "p-x1"}}),
            json!({"labels": {"app.kubernetes.io/instance": "shop"}}),
        ] {
            assert_eq!(owner(&metadata), None, "{metadata}");
        }
    }
}
