//! Reading an AdmissionReview `admission.k8s.io/v1`. Strings are borrowed from the body where they can be; nothing that
//! a parser says of the body is passed on, since it would quote it.

use std::fmt;

use regcred_engine::policy::Requester;
use regcred_engine::secret::{MAX_SECRET_BYTES, OldSecret, Secret, SecretType};
use serde_json::error::Category;

use super::fields::Text;
use super::review_json::{RequestJson, ReviewJson};
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
    /// More groups than any user has.
    TooManyGroups,
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
            BadReview::TooManyGroups => "the user of the AdmissionReview is in more than 10000 groups",
            BadReview::NotASecret => {
                "an object of the request says that it is a Secret and cannot be read as one"
            }
        })
    }
}

pub(super) const API_VERSION: &str = "admission.k8s.io/v1";
pub(super) const KIND: &str = "AdmissionReview";

/// A review that can be answered: it has a uid. It holds credentials: there is no `Debug`.
pub(super) struct Review<'a>(ReviewJson<'a>);

impl<'a> Review<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, BadReview> {
        let body = std::str::from_utf8(body).map_err(|_| BadReview::NotJson)?;
        let mut review = Review(ReviewJson::default());
        if review.0.read(body).is_err() {
            // What is no Secret may look like anything.
            review = Review(ReviewJson::default());
            review.0.request.objects_passed_over = true;
            review.0.read(body).map_err(|error| match error.classify() {
                Category::Data => BadReview::NotAReview,
                Category::Io | Category::Syntax | Category::Eof => BadReview::NotJson,
            })?;
        }
        let ReviewJson { api_version, kind, has_request, request } = &review.0;
        if api_version.as_deref() != Some(API_VERSION) || kind.as_deref() != Some(KIND) {
            return Err(BadReview::OtherVersion);
        }
        if !has_request {
            return Err(BadReview::NoRequest);
        }
        if request.uid.as_deref().unwrap_or_default().is_empty() {
            return Err(BadReview::NoUid);
        }
        if request.user.groups.too_many {
            return Err(BadReview::TooManyGroups);
        }
        Ok(review)
    }

    fn request(&self) -> &RequestJson<'a> {
        &self.0.request
    }

    pub(super) fn uid(&self) -> &str {
        self.request().uid.as_deref().unwrap_or_default()
    }

    pub(super) fn operation(&self) -> Operation {
        match self.request().operation.as_deref() {
            Some("CREATE") => Operation::Create,
            Some("UPDATE") => Operation::Update,
            _ => Operation::Other,
        }
    }

    pub(super) fn dry_run(&self) -> bool {
        self.request().dry_run.unwrap_or(false)
    }

    pub(super) fn namespace(&self) -> &str {
        self.request().namespace.as_deref().unwrap_or_default()
    }

    /// Empty on CREATE with `generateName`.
    pub(super) fn name(&self) -> &str {
        self.request().name.as_deref().unwrap_or_default()
    }

    pub(super) fn user(&self) -> &str {
        self.request().user.username.as_deref().unwrap_or_default()
    }

    pub(super) fn groups(&self) -> Vec<&str> {
        self.request().user.groups.names.iter().map(|Text(group)| &**group).collect()
    }

    pub(super) fn requester<'r>(&'r self, groups: &'r [&'r str]) -> Requester<'r> {
        Requester { namespace: self.namespace(), user: self.user(), groups }
    }

    /// Who writes, as `kubectl` and others name themselves.
    pub(super) fn field_manager(&self) -> Option<&str> {
        self.request().options.field_manager.as_deref()
    }

    /// The object of the request.
    pub(super) fn object(&self) -> Result<Object, BadReview> {
        let request = self.request();
        if !request.has_object || !request.kind.may_be_secret() || self.operation() == Operation::Other {
            return Ok(Object::default());
        }
        if request.objects_passed_over {
            return Err(BadReview::NotASecret);
        }
        let Some(secret_type) = request.object.pull_secret_type() else { return Ok(Object::default()) };
        let subject = self.subject(&request.object, secret_type)?;
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
        let request = self.request();
        let replaces = request.has_old_object && self.operation() == Operation::Update;
        let old = if replaces { Some(Old::of(&request.old_object, secret_type, document)?) } else { None };
        let data_bytes = secret.data_bytes();
        Ok(Some(Subject { secret_type, document: decode(document)?, data_bytes, old }))
    }

    /// `metadata.generateName`, for a record of an object without a name.
    pub(super) fn generate_name(&self) -> Option<&str> {
        self.request().object.generate_name()
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

    #[test]
    fn a_user_has_a_bounded_number_of_groups() {
        let with = |groups: usize| {
            let groups = vec![r#""""#; groups].join(",");
            review(&format!(
                r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","userInfo":{{"groups":[{groups}]}}}}}}"#
            ))
        };
        assert_eq!(with(10_000), Ok(()));
        assert_eq!(with(10_001), Err(BadReview::TooManyGroups));
    }

    #[test]
    fn of_a_field_that_stands_twice_the_later_counts_and_objects_are_merged() {
        // The API server writes no field twice, and nobody else's review leads to anything.
        let secret = r#"{"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"e30="}}"#;
        for (fields, judged) in [
            (format!(r#""object":{secret}"#), true),
            (format!(r#""object":{secret},"object":{{}}"#), true),
            (format!(r#""object":{{"type":"Opaque"}},"object":{secret}"#), true),
            (format!(r#""object":{secret},"object":{{"type":"Opaque"}}"#), false),
            (format!(r#""object":{secret},"object":null"#), false),
        ] {
            let body = format!(
                r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE",{fields}}}}}"#
            );
            let review = Review::parse(body.as_bytes()).ok().unwrap();
            assert_eq!(review.object().ok().unwrap().subject.is_some(), judged, "{body}");
        }
    }
}
