//! A Secret in a cluster.

use regcred_engine::backstop::Coverage;
use regcred_engine::judge::{Judgement, Request, judge, judge_shape};
use regcred_engine::policy::{Language, Policy, Requester};
use regcred_engine::secret::{Secret, SecretType};
use regcred_engine::shape::{Misshapen, Shape};
use regcred_engine::wording::Bilingual;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Criteria;
use super::owner::{OwnedJson, Owner};
use crate::admission::secret::{ApiSecret, decode};
use crate::report::{Findings, Judged, Object, ReportedFinding, Subject};
use crate::wiped::Wiped;

/// The remedy of repairable findings: the webhook repairs Secrets when they are written, not stored ones.
const BY_REPAIR: Bilingual<&str> =
    Bilingual { english: "Use --fix to repair it.", chinese: "请用 --fix 修复。" };

/// A Secret as the API server stores it.
pub(super) enum Stored {
    PullSecret(StoredSecret),
    Mistyped(MistypedSecret),
    /// It is of no concern, or is being deleted.
    Other,
}

/// A pull Secret with a document. It contains credentials, so there is no `Debug`.
pub(super) struct StoredSecret {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) resource_version: String,
    pub(super) secret_type: SecretType,
    pub(super) document: Wiped,
    pub(super) immutable: bool,
    pub(super) owner: Option<Owner>,
    data_bytes: usize,
}

/// A Secret of another type, with a document under the data key of this one.
pub(super) struct MistypedSecret {
    pub(super) namespace: String,
    name: String,
    resource_version: String,
    owner: Option<Owner>,
    meant: SecretType,
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

impl Stored {
    /// Reads a Secret.
    pub(super) fn read(object: &RawValue) -> Result<Self, NotASecret> {
        let secret = ApiSecret::parse(object).map_err(|_| NotASecret)?;
        if secret.is_being_deleted() {
            return Ok(Stored::Other);
        }
        let metadata = || {
            let object: ObjectJson = serde_json::from_str(object.get()).map_err(|_| NotASecret)?;
            Ok(object.metadata)
        };
        match secret.shape() {
            Shape::PullSecret(secret_type, document) => {
                let document = decode(document).map_err(|_| NotASecret)?;
                let metadata = metadata()?;
                Ok(Stored::PullSecret(StoredSecret {
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
            Shape::WrongType(meant) => {
                let metadata = metadata()?;
                Ok(Stored::Mistyped(MistypedSecret {
                    namespace: metadata.namespace,
                    name: metadata.name,
                    resource_version: metadata.resource_version,
                    owner: metadata.owned.owner(),
                    meant,
                }))
            }
            // The API server stores no pull Secret without its data key.
            Shape::MissingDataKey(_) | Shape::Other => Ok(Stored::Other),
        }
    }
}

impl MistypedSecret {
    /// Judges it as if it were created now.
    pub(super) fn judged(&self, judging: &Criteria) -> Judged {
        let language = judging.policy.language;
        let requester = Requester { namespace: &self.namespace, user: "", groups: &[] };
        let misshapen = Misshapen::WrongType(self.meant);
        let judgement = judge_shape(&judging.policy, &requester, judging.now, &misshapen);
        let found = judgement.findings.iter();
        let findings: Findings =
            found.map(|finding| ReportedFinding::new(finding, "", BY_REPAIR, language)).collect();
        let owner = self.owner.as_ref().filter(|_| !findings.is_empty());
        let object = Object {
            namespace: Some(self.namespace.clone()),
            name: Some(self.name.clone()),
            resource_version: Some(self.resource_version.clone()),
        };
        let notes = owner.map(|owner| owner.note(language)).into_iter().collect();
        Judged { subject: Subject::Object(object), findings, notes }
    }
}

impl StoredSecret {
    /// Judges it as if it were created now.
    pub(super) fn judge(&self, judging: &Criteria) -> Judgement<'_> {
        let request =
            Request { requester: self.requester(), now: judging.now, secret: self.secret(), old: None };
        judge(&judging.policy, &request)
    }

    fn requester(&self) -> Requester<'_> {
        Requester { namespace: &self.namespace, user: "", groups: &[] }
    }

    fn secret(&self) -> Secret<'_> {
        Secret { secret_type: self.secret_type, document: &self.document, data_bytes: self.data_bytes }
    }

    /// The findings of a judgement, for the report.
    pub(super) fn findings(&self, judgement: &Judgement<'_>, policy: &Policy) -> Findings {
        if judgement.findings.is_empty() {
            return Findings::default();
        }
        let holder = format!("data[{}]", self.secret_type.data_key());
        let coverage = Coverage::new(policy, &self.requester(), &self.secret());
        let report = |finding| ReportedFinding {
            backstop: coverage.effect(finding),
            ..ReportedFinding::new(finding, &holder, BY_REPAIR, policy.language)
        };
        judgement.findings.iter().map(report).collect()
    }

    /// Combines this Secret with its findings.
    pub(super) fn judged(&self, findings: Findings, language: Language) -> Judged {
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
