//! Reading an AdmissionReview `admission.k8s.io/v1`. Strings are borrowed from the body where they can be; nothing that
//! a parser says of the body is passed on, since it would quote it.

use std::fmt;

use regcred_engine::policy::Requester;
use regcred_engine::secret::{MAX_SECRET_BYTES, OldSecret, Secret, SecretType};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::secret::{SecretJson, decode, decoded_bytes};
use crate::wiped::Wiped;

/// What was asked of the API server. PATCH and server-side apply arrive as one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A new object.
    Create,
    /// A changed object.
    Update,
    /// DELETE, CONNECT or what the configuration should not have sent.
    Other,
}

impl Operation {
    /// The word used in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Operation::Create => "CREATE",
            Operation::Update => "UPDATE",
            Operation::Other => "OTHER",
        }
    }
}

/// Why a body is no review that can be answered: HTTP 400 with this one line. It never quotes the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadReview {
    /// Not JSON.
    NotJson,
    /// JSON, but some field has another type.
    NotAReview,
    /// Another API version or kind.
    OtherVersion,
    /// No `request`.
    NoRequest,
    /// No `uid`.
    NoUid,
    /// What should be a Secret cannot be read as one.
    NotASecret,
}

impl fmt::Display for BadReview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadReview::NotJson => "the body is not JSON",
            BadReview::NotAReview => {
                "the body is JSON, but a field of it has another type than in an AdmissionReview"
            }
            BadReview::OtherVersion => "the body is no AdmissionReview of admission.k8s.io/v1",
            BadReview::NoRequest => "the AdmissionReview has no request",
            BadReview::NoUid => "the request of the AdmissionReview has no uid",
            BadReview::NotASecret => {
                "an object of the request says that it is a Secret and cannot be read as one"
            }
        })
    }
}

pub(super) const API_VERSION: &str = "admission.k8s.io/v1";
pub(super) const KIND: &str = "AdmissionReview";

/// A review that can be answered: it has a uid.
pub(super) struct Review<'a> {
    /// An object is `None` where it cannot be read as a Secret.
    request: RequestJson<'a, Option<SecretJson<'a>>>,
    uid: String,
}

/// A review whose objects are read as `O`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "O: Deserialize<'de>, 'de: 'a"))]
struct ReviewJson<'a, O> {
    api_version: Option<String>,
    kind: Option<String>,
    request: Option<RequestJson<'a, O>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "O: Deserialize<'de>, 'de: 'a"))]
struct RequestJson<'a, O> {
    uid: Option<String>,
    kind: Option<KindJson>,
    name: Option<String>,
    namespace: Option<String>,
    operation: Option<String>,
    user_info: Option<UserJson>,
    object: Option<O>,
    old_object: Option<O>,
    dry_run: Option<bool>,
    #[serde(borrow)]
    options: Option<&'a RawValue>,
}

impl<'a, O> ReviewJson<'a, O> {
    fn parse<'de: 'a>(body: &'de [u8]) -> serde_json::Result<Self>
    where
        O: Deserialize<'de>,
    {
        serde_json::from_slice(body)
    }

    /// The same with its objects read as `P`.
    fn map<P>(self, read: impl Fn(O) -> P) -> ReviewJson<'a, P> {
        let ReviewJson { api_version, kind, request } = self;
        let request = request.map(|request| RequestJson {
            uid: request.uid,
            kind: request.kind,
            name: request.name,
            namespace: request.namespace,
            operation: request.operation,
            user_info: request.user_info,
            object: request.object.map(&read),
            old_object: request.old_object.map(&read),
            dry_run: request.dry_run,
            options: request.options,
        });
        ReviewJson { api_version, kind, request }
    }
}

#[derive(Deserialize)]
struct KindJson {
    group: Option<String>,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct UserJson {
    username: Option<String>,
    groups: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OptionsJson {
    field_manager: Option<String>,
}

impl<'a> Review<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, BadReview> {
        let review = match ReviewJson::parse(body) {
            Ok(review) => review.map(Some),
            // What is no Secret may look like anything.
            Err(_) => ReviewJson::parse(body)
                .map_err(|error| match error.classify() {
                    Category::Data => BadReview::NotAReview,
                    Category::Io | Category::Syntax | Category::Eof => BadReview::NotJson,
                })?
                .map(|_: IgnoredAny| None),
        };
        if review.api_version.as_deref() != Some(API_VERSION) || review.kind.as_deref() != Some(KIND) {
            return Err(BadReview::OtherVersion);
        }
        let mut request = review.request.ok_or(BadReview::NoRequest)?;
        let uid = request.uid.take().filter(|uid| !uid.is_empty()).ok_or(BadReview::NoUid)?;
        Ok(Review { request, uid })
    }

    pub(super) fn uid(&self) -> &str {
        &self.uid
    }

    pub(super) fn operation(&self) -> Operation {
        match self.request.operation.as_deref() {
            Some("CREATE") => Operation::Create,
            Some("UPDATE") => Operation::Update,
            _ => Operation::Other,
        }
    }

    pub(super) fn dry_run(&self) -> bool {
        self.request.dry_run.unwrap_or(false)
    }

    pub(super) fn namespace(&self) -> &str {
        self.request.namespace.as_deref().unwrap_or_default()
    }

    /// Empty on CREATE with `generateName`.
    pub(super) fn name(&self) -> &str {
        self.request.name.as_deref().unwrap_or_default()
    }

    pub(super) fn user(&self) -> &str {
        self.request.user_info.as_ref().and_then(|user| user.username.as_deref()).unwrap_or_default()
    }

    pub(super) fn groups(&self) -> Vec<&str> {
        let groups = self.request.user_info.as_ref().and_then(|user| user.groups.as_ref());
        groups.into_iter().flatten().map(String::as_str).collect()
    }

    pub(super) fn requester<'r>(&'r self, groups: &'r [&'r str]) -> Requester<'r> {
        Requester { namespace: self.namespace(), user: self.user(), groups }
    }

    /// Who writes, as `kubectl` and others name themselves.
    pub(super) fn field_manager(&self) -> Option<String> {
        serde_json::from_str::<OptionsJson>(self.request.options?.get()).ok()?.field_manager
    }

    /// The object of the request.
    pub(super) fn object(&self) -> Result<Object, BadReview> {
        let is_secret = self.request.kind.as_ref().is_none_or(KindJson::is_secret);
        let object = self.request.object.as_ref();
        let Some(object) = object.filter(|_| is_secret && self.operation() != Operation::Other) else {
            return Ok(Object::default());
        };
        let secret = object.as_ref().ok_or(BadReview::NotASecret)?;
        let Some(secret_type) = secret.pull_secret_type() else { return Ok(Object::default()) };
        let subject = self.subject(secret, secret_type)?;
        Ok(Object { secret_type: Some(secret_type), subject })
    }

    fn subject(
        &self,
        secret: &SecretJson<'_>,
        secret_type: SecretType,
    ) -> Result<Option<Subject>, BadReview> {
        let Some(document) = secret.document(secret_type).filter(|_| !secret.is_being_deleted()) else {
            return Ok(None);
        };
        // The API server refuses a Secret of that size, but only after `/mutate`.
        if decoded_bytes(document) > MAX_SECRET_BYTES {
            return Ok(None);
        }
        let old = self.request.old_object.as_ref().filter(|_| self.operation() == Operation::Update);
        let old = match old {
            Some(old) => Some(Old::of(old.as_ref().ok_or(BadReview::NotASecret)?, secret_type, document)?),
            None => None,
        };
        let data_bytes = secret.data_bytes();
        Ok(Some(Subject { secret_type, document: decode(document)?, data_bytes, old }))
    }

    /// `metadata.generateName`, for a record of an object without a name.
    pub(super) fn generate_name(&self) -> Option<&str> {
        self.request.object.as_ref()?.as_ref()?.generate_name()
    }
}

impl KindJson {
    fn is_secret(&self) -> bool {
        self.group.as_deref().unwrap_or_default().is_empty() && self.kind.as_deref() == Some("Secret")
    }
}

/// What the request is about.
#[derive(Default)]
pub(super) struct Object {
    /// Its type, where it is a pull Secret.
    pub(super) secret_type: Option<SecretType>,
    /// What there is to judge; `None` where it is another kind or type, or no object, or has no document or one that is
    /// larger than any Secret, or is being deleted and left alone.
    pub(super) subject: Option<Subject>,
}

/// A pull Secret under judgement. It holds credentials: there is no `Debug`.
pub(super) struct Subject {
    pub(super) secret_type: SecretType,
    pub(super) document: Wiped,
    data_bytes: usize,
    old: Option<Old>,
}

/// What an UPDATE replaces.
struct Old {
    document: OldDocument,
    immutable: bool,
}

enum OldDocument {
    None,
    /// The same bytes: not decoded a second time.
    Same,
    Other(Wiped),
}

impl Old {
    fn of(old: &SecretJson<'_>, secret_type: SecretType, new_document: &str) -> Result<Self, BadReview> {
        let document = match old.document(secret_type) {
            None => OldDocument::None,
            Some(document) if document == new_document => OldDocument::Same,
            Some(document) => OldDocument::Other(decode(document)?),
        };
        Ok(Old { document, immutable: old.is_immutable() })
    }
}

impl Subject {
    pub(super) fn secret(&self) -> Secret<'_> {
        Secret { secret_type: self.secret_type, document: &self.document, data_bytes: self.data_bytes }
    }

    pub(super) fn old_secret(&self) -> Option<OldSecret<'_>> {
        let old = self.old.as_ref()?;
        let document = match &old.document {
            OldDocument::None => None,
            OldDocument::Same => Some(self.document.as_slice()),
            OldDocument::Other(document) => Some(document.as_slice()),
        };
        Some(OldSecret { document, immutable: old.immutable })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(body: &str) -> Result<(), BadReview> {
        Review::parse(body.as_bytes())?.object().map(|_| ())
    }

    #[test]
    fn a_body_that_cannot_be_answered_is_told_by_its_kind() {
        for (body, bad) in [
            ("", BadReview::NotJson),
            ("{", BadReview::NotJson),
            ("[]", BadReview::NotAReview),
            ("7", BadReview::NotAReview),
            (r#"{"apiVersion":1}"#, BadReview::NotAReview),
            ("{}", BadReview::OtherVersion),
            (
                r#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{"uid":"u"}}"#,
                BadReview::OtherVersion,
            ),
            (r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#, BadReview::NoRequest),
            (
                r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}"#,
                BadReview::NoRequest,
            ),
            (
                r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}"#,
                BadReview::NoUid,
            ),
            (
                r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":""}}"#,
                BadReview::NoUid,
            ),
            (
                r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","object":{"data":{"a":7}}}}"#,
                BadReview::NotASecret,
            ),
        ] {
            assert_eq!(review(body), Err(bad), "{body}");
        }
    }
}
