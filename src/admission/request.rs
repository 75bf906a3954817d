//! Reading an AdmissionReview `admission.k8s.io/v1`. Strings are borrowed from the body, and errors of the parser are not
//! passed on, since they would quote it.

use std::cell::OnceCell;
use std::fmt;

use regcred_engine::policy::Requester;
use regcred_engine::secret::{MAX_SECRET_BYTES, OldDocument, OldSecret, Secret, SecretType};
use regcred_engine::shape::{MeantKey, Misshapen, Shape};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::borrowed::BorrowedStr;
use super::review_json::{KindJson, OptionsJson, ReviewJson, UserJson};
use super::secret::{ApiSecret, decode, find_meant_key};
use crate::base64_engines::decoded_len;
use crate::wiped::Wiped;

/// The API version of the reviews that are read and written.
pub(super) const API_VERSION: &str = "admission.k8s.io/v1";
/// The kind of the objects that are read and written.
pub(super) const KIND: &str = "AdmissionReview";

/// The operation that the API server was asked for. PATCH and server-side apply arrive as one of the first two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A new object.
    Create,
    /// A changed object.
    Update,
    /// DELETE, CONNECT, or anything else that the webhook configuration should not send.
    Other,
}

impl Operation {
    fn from_name(name: &str) -> Self {
        match name {
            "CREATE" => Operation::Create,
            "UPDATE" => Operation::Update,
            _ => Operation::Other,
        }
    }

    /// Returns the word used in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Operation::Create => "CREATE",
            Operation::Update => "UPDATE",
            Operation::Other => "OTHER",
        }
    }
}

/// Why a body is not a review that can be answered: HTTP 400 with this one line, which never quotes the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadReview {
    /// Not JSON.
    NotJson,
    /// JSON, but a field has the wrong type or is repeated.
    NotAReview,
    /// Another API version or kind.
    OtherVersion,
    /// No `request`.
    NoRequest,
    /// No `uid`.
    NoUid,
    /// More groups than any user has.
    TooManyGroups,
    /// An object that must be a Secret cannot be read as one.
    NotASecret,
}

impl fmt::Display for BadReview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadReview::NotJson => "the body is not JSON",
            BadReview::NotAReview => {
                "the body is JSON but not an AdmissionReview: a field has the wrong type or is repeated"
            }
            BadReview::OtherVersion => "the body is not an AdmissionReview of admission.k8s.io/v1",
            BadReview::NoRequest => "the AdmissionReview has no request",
            BadReview::NoUid => "the request of the AdmissionReview has no uid",
            BadReview::TooManyGroups => "the user of the AdmissionReview is in more than 10000 groups",
            BadReview::NotASecret => {
                "an object of the request is declared as a Secret but cannot be read as one"
            }
        })
    }
}

/// A review that can be answered. It holds credentials: there is no `Debug`.
pub(super) struct Review<'a> {
    body: &'a str,
    uid: BorrowedStr<'a>,
    operation: Operation,
    name: Option<BorrowedStr<'a>>,
    namespace: Option<BorrowedStr<'a>>,
    user: Option<UserJson<'a>>,
    options: Option<OptionsJson<'a>>,
    dry_run: bool,
    /// The object to store, if it is a Secret.
    object: Option<ApiSecret<'a>>,
    /// The object that an UPDATE of a Secret replaces.
    old: Option<Result<ApiSecret<'a>, BadReview>>,
}

impl<'a> Review<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, BadReview> {
        let body = std::str::from_utf8(body).map_err(|_| BadReview::NotJson)?;
        // Reading the objects in the same pass saves 6 % of a request for a small Secret, and more for a large one. An object of
        // another kind can have any shape, and then the body is read again, without them.
        if let Ok(review) = serde_json::from_str::<ReviewJson<'_, ApiSecret<'_>>>(body) {
            return Review::new(body, review, Ok);
        }
        let review = serde_json::from_str::<ReviewJson<'_, &RawValue>>(body);
        let review = review.map_err(|error| match error.classify() {
            Category::Data => BadReview::NotAReview,
            Category::Io | Category::Syntax | Category::Eof => BadReview::NotJson,
        })?;
        Review::new(body, review, parse_secret)
    }

    fn new<O>(
        body: &'a str,
        review: ReviewJson<'a, O>,
        secret: impl Fn(O) -> Result<ApiSecret<'a>, BadReview>,
    ) -> Result<Self, BadReview> {
        if review.api_version.as_deref() != Some(API_VERSION) || review.kind.as_deref() != Some(KIND) {
            return Err(BadReview::OtherVersion);
        }
        let request = review.request.ok_or(BadReview::NoRequest)?;
        let uid = request.uid.filter(|uid| !uid.is_empty()).ok_or(BadReview::NoUid)?;
        let groups = request.user_info.as_ref().and_then(|user| user.groups.as_ref());
        if groups.is_some_and(|groups| groups.too_many) {
            return Err(BadReview::TooManyGroups);
        }
        let operation = request.operation.as_deref().map_or(Operation::Other, Operation::from_name);
        let may_be_secret =
            operation != Operation::Other && request.kind.as_ref().is_none_or(KindJson::may_be_secret);
        let is_update = may_be_secret && operation == Operation::Update;
        Ok(Review {
            body,
            uid,
            operation,
            name: request.name,
            namespace: request.namespace,
            user: request.user_info,
            options: request.options,
            dry_run: request.dry_run.unwrap_or(false),
            object: request.object.filter(|_| may_be_secret).map(&secret).transpose()?,
            old: request.old_object.filter(|_| is_update).map(&secret),
        })
    }

    pub(super) fn uid(&self) -> &str {
        &self.uid
    }

    pub(super) fn operation(&self) -> Operation {
        self.operation
    }

    pub(super) fn dry_run(&self) -> bool {
        self.dry_run
    }

    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    /// Empty on CREATE with `generateName`.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Returns `metadata.generateName` of the Secret.
    pub(super) fn generate_name(&self) -> &str {
        self.object.as_ref().and_then(ApiSecret::generate_name).unwrap_or_default()
    }

    pub(super) fn user(&self) -> &str {
        let user = self.user.as_ref();
        user.and_then(|user| user.username.as_deref()).unwrap_or_default()
    }

    pub(super) fn groups(&self) -> Vec<&str> {
        let groups = self.user.as_ref().and_then(|user| user.groups.as_ref());
        groups.map(|groups| groups.names.iter().map(|name| &**name).collect()).unwrap_or_default()
    }

    pub(super) fn requester<'r>(&'r self, groups: &'r [&'r str]) -> Requester<'r> {
        Requester { namespace: self.namespace(), user: self.user(), groups }
    }

    /// Returns the name under which the client manages fields, such as `kubectl-client-side-apply`.
    pub(super) fn field_manager(&self) -> Option<&str> {
        self.options.as_ref()?.field_manager.as_deref()
    }

    /// Returns the type of the object if it is a pull Secret.
    pub(super) fn secret_type(&self) -> Option<SecretType> {
        match self.object.as_ref()?.shape() {
            Shape::PullSecret(secret_type, _) | Shape::MissingDataKey(secret_type) => Some(secret_type),
            Shape::WrongType(_) | Shape::Other => None,
        }
    }

    /// Returns what is to be judged. `None` for an object of no concern, and for a Secret that is being deleted or has a
    /// document larger than any Secret: the API server refuses that one, but only after `/mutate`.
    pub(super) fn requested(&self) -> Result<Option<Requested<'_>>, BadReview> {
        let Some(secret) = self.object.as_ref().filter(|secret| !secret.is_being_deleted()) else {
            return Ok(None);
        };
        let is_update = self.operation == Operation::Update;
        let old = || self.old.as_ref().map(Result::as_ref).transpose().map_err(|error| *error);
        Ok(match secret.shape() {
            Shape::PullSecret(_, document) if decoded_len(document) > MAX_SECRET_BYTES => None,
            Shape::PullSecret(secret_type, document) => {
                let replaced = old()?.map(|old| ReplacedSecret::new(old, secret_type, document));
                let data_bytes = secret.data_bytes();
                let document = decode(document).map_err(|_| BadReview::NotASecret)?;
                Some(Requested::Document(RequestedSecret { secret_type, document, data_bytes, replaced }))
            }
            Shape::MissingDataKey(secret_type) => Some(Requested::Shape(Misshapen::MissingDataKey {
                secret_type,
                meant: self.meant_key(secret_type),
                was_missing: old()?.is_some_and(|old| old.document(secret_type).is_none()),
            })),
            // The type of an existing Secret cannot be changed.
            Shape::WrongType(meant) if !is_update => Some(Requested::Shape(Misshapen::WrongType(meant))),
            Shape::WrongType(_) | Shape::Other => None,
        })
    }
}

impl Review<'_> {
    /// Reads the object again, because its other keys are of interest only where the document is missing.
    fn meant_key(&self, secret_type: SecretType) -> Option<MeantKey> {
        let review = serde_json::from_str::<ReviewJson<'_, &RawValue>>(self.body).ok()?;
        find_meant_key(review.request?.object?, secret_type)
    }
}

fn parse_secret(object: &RawValue) -> Result<ApiSecret<'_>, BadReview> {
    ApiSecret::parse(object).map_err(|_| BadReview::NotASecret)
}

/// What is judged of a request. It holds credentials: there is no `Debug`.
pub(super) enum Requested<'r> {
    /// The document of a pull Secret.
    Document(RequestedSecret<'r>),
    /// The shape of a Secret, in the place of its document.
    Shape(Misshapen),
}

/// The pull Secret that a request stores. It holds credentials: there is no `Debug`.
pub(super) struct RequestedSecret<'r> {
    pub(super) secret_type: SecretType,
    pub(super) document: Wiped,
    data_bytes: usize,
    replaced: Option<ReplacedSecret<'r>>,
}

/// The Secret that an UPDATE replaces.
struct ReplacedSecret<'r> {
    document: ReplacedDocument<'r>,
    immutable: bool,
}

enum ReplacedDocument<'r> {
    Absent,
    /// The same bytes as the new document.
    Same,
    Changed(Base64Document<'r>),
}

/// A document that is decoded when it is first asked for: `/mutate` needs the old document for few policies.
struct Base64Document<'r> {
    base64: &'r str,
    /// `None` if it cannot be decoded.
    decoded: OnceCell<Option<Wiped>>,
}

impl AsRef<[u8]> for Base64Document<'_> {
    fn as_ref(&self) -> &[u8] {
        let decoded = self.decoded.get_or_init(|| decode(self.base64).ok());
        decoded.as_ref().map(|document| document.as_slice()).unwrap_or_default()
    }
}

impl<'r> ReplacedSecret<'r> {
    fn new(old: &'r ApiSecret<'_>, secret_type: SecretType, new_document: &str) -> Self {
        let document = match old.document(secret_type) {
            None => ReplacedDocument::Absent,
            Some(document) if document == new_document => ReplacedDocument::Same,
            Some(base64) => ReplacedDocument::Changed(Base64Document { base64, decoded: OnceCell::new() }),
        };
        ReplacedSecret { document, immutable: old.is_immutable() }
    }
}

impl RequestedSecret<'_> {
    pub(super) fn secret(&self) -> Secret<'_> {
        Secret { secret_type: self.secret_type, document: &self.document, data_bytes: self.data_bytes }
    }

    pub(super) fn old_secret(&self) -> Option<OldSecret<'_>> {
        let replaced = self.replaced.as_ref()?;
        let document = match &replaced.document {
            ReplacedDocument::Absent => None,
            ReplacedDocument::Same => Some(OldDocument::Bytes(&self.document)),
            ReplacedDocument::Changed(document) => Some(OldDocument::Changed(document)),
        };
        Some(OldSecret { document, immutable: replaced.immutable })
    }

    /// Whether the old document was needed and is not base64.
    pub(super) fn has_bad_old_document(&self) -> bool {
        self.replaced.as_ref().is_some_and(|replaced| match &replaced.document {
            ReplacedDocument::Changed(document) => matches!(document.decoded.get(), Some(None)),
            ReplacedDocument::Absent | ReplacedDocument::Same => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(body: &str) -> Result<(), BadReview> {
        Review::parse(body.as_bytes())?.requested().map(|_| ())
    }

    #[test]
    fn each_bad_body_has_its_own_error() {
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
    fn groups_are_bounded() {
        let with = |groups: usize| {
            let groups = vec![r#""""#; groups].join(",");
            review(&format!(
                r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","userInfo":{{"groups":[{groups}]}}}}}}"#
            ))
        };
        assert_eq!(with(10_000), Ok(()));
        assert_eq!(with(10_001), Err(BadReview::TooManyGroups));
    }

    fn with_fields(fields: &str) -> String {
        format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"UPDATE",{fields}}}}}"#
        )
    }

    #[test]
    fn a_repeated_field_is_refused() {
        // The API server repeats no field, so either reading of such a body could be the wrong one.
        let secret = r#"{"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"e30="}}"#;
        let twice = secret.replacen('{', r#"{"type":"Opaque","#, 1);
        for (fields, expected) in [
            (format!(r#""object":{secret}"#), Ok(())),
            (format!(r#""object":{secret},"object":{{"type":"Opaque"}}"#), Err(BadReview::NotAReview)),
            (format!(r#""object":{secret},"object":null"#), Err(BadReview::NotAReview)),
            (format!(r#""object":{twice}"#), Err(BadReview::NotASecret)),
            (format!(r#""object":{secret},"oldObject":{twice}"#), Err(BadReview::NotASecret)),
        ] {
            assert_eq!(review(&with_fields(&fields)), expected, "{fields}");
        }
    }

    #[test]
    fn other_kinds_may_have_any_shape() {
        for kind in [r#"{"group":"","kind":"ConfigMap"}"#, r#"{"group":"example.com","kind":"Secret"}"#] {
            for object in [r#""text""#, "[1e999]", r#"{"data":{"a":7},"type":7,"metadata":[]}"#] {
                let body = with_fields(&format!(r#""kind":{kind},"object":{object},"oldObject":{object}"#));
                assert_eq!(review(&body), Ok(()), "{body}");
            }
        }
    }
}
