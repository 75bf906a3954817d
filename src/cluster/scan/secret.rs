//! A pull Secret in a cluster.

use regcred_engine::judge::{Judgement, Request, judge};
use regcred_engine::policy::{Language, Requester};
use regcred_engine::secret::{Secret, SecretType};
use regcred_engine::wording::Bilingual;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Judging;
use super::owner::{OwnedJson, Owner};
use crate::admission::secret::{ApiSecret, decode};
use crate::report::{Judged, Object, ReportedFinding, Subject};
use crate::wiped::Wiped;

/// The remedy of repairable findings: the webhook repairs Secrets when they are written, not stored ones.
const BY_REPAIR: Bilingual<&str> =
    Bilingual { english: "Use --fix to repair it.", chinese: "请用 --fix 修复。" };

/// A pull Secret with a document. It contains credentials, so there is no `Debug`.
pub(super) struct PullSecret {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) resource_version: String,
    pub(super) secret_type: SecretType,
    pub(super) document: Wiped,
    pub(super) immutable: bool,
    pub(super) owner: Option<Owner>,
    data_bytes: usize,
}

/// The object is not a Secret of an API server.
pub(super) struct NotASecret;

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

impl PullSecret {
    /// Reads a Secret. `None` if it has another type or no document, or is being deleted.
    pub(super) fn read(object: &RawValue) -> Result<Option<Self>, NotASecret> {
        let secret = ApiSecret::parse(object).map_err(|_| NotASecret)?;
        let Some(secret_type) = secret.pull_secret_type() else { return Ok(None) };
        let Some(document) = secret.document(secret_type).filter(|_| !secret.is_being_deleted()) else {
            return Ok(None);
        };
        let document = decode(document).map_err(|_| NotASecret)?;
        let ObjectJson { metadata } = serde_json::from_str(object.get()).map_err(|_| NotASecret)?;
        Ok(Some(PullSecret {
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

    /// Judges it as if it were created now.
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

    /// The findings of a judgement, for the report.
    pub(super) fn findings(&self, judgement: &Judgement<'_>, language: Language) -> Vec<ReportedFinding> {
        let holder = format!("data[{}]", self.secret_type.data_key());
        let findings = judgement.findings.iter();
        findings.map(|finding| ReportedFinding::new(finding, &holder, BY_REPAIR, language)).collect()
    }

    /// Combines this Secret with its findings.
    pub(super) fn judged(&self, findings: Vec<ReportedFinding>, language: Language) -> Judged {
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
