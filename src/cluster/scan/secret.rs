//! A pull Secret as it stands in the cluster.

use regcred_engine::judge::{Judgement, Request, judge};
use regcred_engine::policy::{Language, Requester};
use regcred_engine::secret::{Secret, SecretType};
use regcred_engine::wording::Bilingual;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Judging;
use super::owner::{OwnedJson, Owner};
use crate::admission::secret::{SecretJson, decode};
use crate::report::{Finding, Judged, Object, Subject};
use crate::wiped::Wiped;

/// The remedy of what a repair mends: the webhook repairs what is written, not what is stored.
const BY_REPAIR: Bilingual<&str> = Bilingual {
    english: "regcred repairs this: with --fix.",
    chinese: "regcred 可以修复此项：请用 --fix。",
};

/// A pull Secret with a document. It holds credentials: there is no `Debug`.
pub(super) struct Standing {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) resource_version: String,
    pub(super) secret_type: SecretType,
    pub(super) document: Wiped,
    pub(super) immutable: bool,
    pub(super) owner: Option<Owner>,
    data_bytes: usize,
}

/// Why an object cannot be judged: it is no Secret as an API server sends one.
pub(super) struct NoSecret;

#[derive(Deserialize)]
struct ObjectJson {
    metadata: MetadataJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataJson {
    namespace: String,
    name: String,
    resource_version: String,
    #[serde(flatten)]
    owned: OwnedJson,
}

impl Standing {
    /// Reads a Secret; `None` for what is not judged: another type, no document, or being deleted.
    pub(super) fn read(object: &RawValue) -> Result<Option<Self>, NoSecret> {
        let secret = SecretJson::parse(object).map_err(|_| NoSecret)?;
        let Some(secret_type) = secret.pull_secret_type() else { return Ok(None) };
        let Some(document) = secret.document(secret_type).filter(|_| !secret.is_being_deleted()) else {
            return Ok(None);
        };
        let document = decode(document).map_err(|_| NoSecret)?;
        let ObjectJson { metadata } = serde_json::from_str(object.get()).map_err(|_| NoSecret)?;
        Ok(Some(Standing {
            namespace: metadata.namespace,
            name: metadata.name,
            resource_version: metadata.resource_version,
            secret_type,
            document,
            immutable: secret.is_immutable(),
            owner: metadata.owned.owner(),
            data_bytes: secret.data_bytes(),
        }))
    }

    /// Judges it as the webhook judges one that is created.
    pub(super) fn judge(&self, judging: &Judging) -> Judgement<'_> {
        let request = Request {
            requester: Requester { namespace: &self.namespace, user: "", groups: &[] },
            now: judging.now,
            secret: Secret {
                secret_type: self.secret_type,
                document: &self.document,
                data_bytes: self.data_bytes,
            },
            old: None,
        };
        judge(&judging.policy, &request)
    }

    /// What a judgement found, as reports have it.
    pub(super) fn findings(&self, judgement: &Judgement<'_>, language: Language) -> Vec<Finding> {
        let holder = format!("data[{}]", self.secret_type.data_key());
        let findings = judgement.findings.iter();
        findings.map(|finding| Finding::new(finding, &holder, BY_REPAIR, language)).collect()
    }

    /// These findings about this Secret.
    pub(super) fn judged(&self, findings: Vec<Finding>, language: Language) -> Judged {
        let owner = self.owner.as_ref().filter(|_| !findings.is_empty());
        let notes = owner.map(|owner| owner.note(language)).into_iter().collect();
        Judged { subject: Subject::Object(self.object()), findings, notes }
    }

    /// The Secret by its name.
    pub(super) fn object(&self) -> Object {
        Object {
            namespace: Some(self.namespace.clone()),
            name: Some(self.name.clone()),
            resource_version: Some(self.resource_version.clone()),
        }
    }

    /// The path of the object in the API.
    pub(super) fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets/{}", self.namespace, self.name)
    }
}
