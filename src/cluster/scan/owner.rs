//! Finds the controller that would overwrite a repaired Secret. Such a Secret must be fixed in its source.

use std::collections::BTreeMap;

use regcred_engine::policy::Language;
use regcred_engine::wording::Bilingual;
use serde::Deserialize;

use crate::cluster::words::quoted;

/// The metadata from which the owner is known.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OwnedJson {
    #[serde(deserialize_with = "null_is_empty")]
    owner_references: Vec<OwnerJson>,
    #[serde(deserialize_with = "null_is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct OwnerJson {
    kind: String,
    name: String,
    controller: Option<bool>,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The place of a mark.
#[derive(Clone, Copy)]
enum MarkPlace {
    Label,
    Annotation,
}

/// The labels and annotations by which controllers recognise their objects. `managed-by` comes last, because it is the
/// least specific.
const MARKS: &[(MarkPlace, &str, &str)] = &[
    (MarkPlace::Annotation, "meta.helm.sh/release-name", "the Helm release"),
    (MarkPlace::Annotation, "argocd.argoproj.io/tracking-id", "the Argo CD application"),
    (MarkPlace::Label, "argocd.argoproj.io/instance", "the Argo CD application"),
    (MarkPlace::Label, "kustomize.toolkit.fluxcd.io/name", "the Flux Kustomization"),
    (MarkPlace::Label, "helm.toolkit.fluxcd.io/name", "the Flux HelmRelease"),
    (
        MarkPlace::Label,
        "reconcile.external-secrets.io/created-by",
        "External Secrets Operator, ExternalSecret",
    ),
    (MarkPlace::Annotation, "reconcile.external-secrets.io/data-hash", "External Secrets Operator"),
    (
        MarkPlace::Annotation,
        "management.cattle.io/project-scoped-secret-copy",
        "Rancher: a project-scoped Secret of project",
    ),
    (MarkPlace::Annotation, "objectset.rio.cattle.io/owner-name", "Rancher or Fleet, object"),
    (MarkPlace::Annotation, "sealedsecrets.bitnami.com/managed", "Sealed Secrets"),
    (MarkPlace::Annotation, "reflector.v1.k8s.emberstack.com/reflects", "kubernetes-reflector, a copy of"),
    (MarkPlace::Annotation, "replicator.v1.mittwald.de/replicated-from", "kubernetes-replicator, a copy of"),
    (MarkPlace::Annotation, "replicator.v1.mittwald.de/replicate-from", "kubernetes-replicator, a copy of"),
    (MarkPlace::Label, "kubed.appscode.com/origin.name", "config-syncer, a copy of"),
    (MarkPlace::Label, "generate.kyverno.io/source-name", "Kyverno, a copy of"),
    (MarkPlace::Label, "app.kubernetes.io/managed-by", "the manager"),
    // imagepullsecret-patcher uses an annotation.
    (MarkPlace::Annotation, "app.kubernetes.io/managed-by", "the manager"),
];

/// The label with the project of a project-scoped Secret and of its copies.
const RANCHER_PROJECT: &str = "management.cattle.io/project-scoped-secret";

/// A value is cut after this many characters.
const MAX_NAME_CHARS: usize = 80;

/// Who owns a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner(String);

impl OwnedJson {
    /// The owner, if there is one. The annotation of `kubectl apply` is not an owner.
    pub(super) fn owner(&self) -> Option<Owner> {
        let references = &self.owner_references;
        let reference =
            references.iter().find(|owner| owner.controller == Some(true)).or_else(|| references.first());
        if let Some(OwnerJson { kind, name, .. }) = reference {
            return Some(Owner(format!("{} {}", shown(kind), shown(name))));
        }
        MARKS.iter().find_map(|(at, key, who)| self.marked(*at, key, who))
    }

    fn marked(&self, at: MarkPlace, key: &str, who: &str) -> Option<Owner> {
        let marks = match at {
            MarkPlace::Label => &self.labels,
            MarkPlace::Annotation => &self.annotations,
        };
        let value = marks.get(key)?;
        let value = match key {
            // The value is a hash, or only `true`.
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
    quoted(value, MAX_NAME_CHARS)
}

impl Owner {
    /// What to do with a Secret of this owner.
    pub(super) fn note(&self, language: Language) -> String {
        let owner = &self.0;
        let words = Bilingual::new(
            format!("managed by {owner}: fix it in its source, or it will be overwritten"),
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
    fn every_kind_of_owner_is_recognised() {
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
            (labelled("app.kubernetes.io/managed-by", "pulumi"), "the manager pulumi"),
            (
                annotated("app.kubernetes.io/managed-by", "imagepullsecret-patcher"),
                "the manager imagepullsecret-patcher",
            ),
            // Users control annotations and the names of owners.
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
    fn secret_without_controller_has_no_owner() {
        for metadata in [
            json!({}),
            json!({"labels": null, "annotations": null, "ownerReferences": null}),
            json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}),
            // The project's own Secret, the source of the copies.
            json!({"labels": {"management.cattle.io/project-scoped-secret": "p-x1"}}),
            json!({"labels": {"app.kubernetes.io/instance": "shop"}}),
        ] {
            assert_eq!(owner(&metadata), None, "{metadata}");
        }
    }
}
