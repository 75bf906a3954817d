//! Reading an AdmissionReview `admission.k8s.io/v1`. Strings are borrowed from the body where they can be; nothing that
//! a parser says of the body is passed on, since it would quote it.

use std::borrow::Cow;
use std::fmt;

use regcred_engine::policy::Requester;
use regcred_engine::secret::{MAX_SECRET_BYTES, OldSecret, Secret, SecretType};
use serde::de::{Deserialize, DeserializeSeed as _, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::fields::{Fields, Filled, Text, text};
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

/// A review as the API server writes it, as far as it is read.
#[derive(Default)]
struct ReviewJson<'a> {
    api_version: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    has_request: bool,
    request: RequestJson<'a>,
}

#[derive(Default)]
struct RequestJson<'a> {
    uid: Option<Cow<'a, str>>,
    kind: KindJson<'a>,
    name: Option<Cow<'a, str>>,
    namespace: Option<Cow<'a, str>>,
    operation: Option<Cow<'a, str>>,
    user: UserJson<'a>,
    has_object: bool,
    object: SecretJson<'a>,
    has_old_object: bool,
    old_object: SecretJson<'a>,
    /// Objects are not read: one of them is no Secret.
    objects_passed_over: bool,
    dry_run: Option<bool>,
    options: OptionsJson<'a>,
}

#[derive(Default)]
struct KindJson<'a> {
    group: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
}

#[derive(Default)]
struct UserJson<'a> {
    username: Option<Cow<'a, str>>,
    groups: Groups<'a>,
}

/// A name takes three bytes of a body and 24 of memory, and nobody is in so many groups: without a bound, a body of 8 MiB
/// would take 100.
const MOST_GROUPS: usize = 10_000;

/// The user's groups: none are kept beyond [`MOST_GROUPS`].
#[derive(Default)]
struct Groups<'a> {
    names: Vec<Text<'a>>,
    too_many: bool,
}

impl<'de> Deserialize<'de> for Groups<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GroupsVisitor;

        impl<'de> Visitor<'de> for GroupsVisitor {
            type Value = Groups<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Groups<'de>, A::Error> {
                let mut groups = Groups::default();
                while let Some(name) = list.next_element()? {
                    if groups.names.len() == MOST_GROUPS {
                        groups.too_many = true;
                    } else {
                        groups.names.push(name);
                    }
                }
                Ok(groups)
            }
        }

        deserializer.deserialize_seq(GroupsVisitor)
    }
}

#[derive(Default)]
struct OptionsJson<'a> {
    field_manager: Option<Cow<'a, str>>,
}

impl<'de> Fields<'de> for ReviewJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "apiVersion" => self.api_version = text(map)?,
            "kind" => self.kind = text(map)?,
            "request" => self.has_request = map.next_value_seed(Filled(&mut self.request))?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for RequestJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        let mut object = |secret: &mut SecretJson<'de>| {
            if self.objects_passed_over {
                Ok(map.next_value::<Option<IgnoredAny>>()?.is_some())
            } else {
                map.next_value_seed(Filled(secret))
            }
        };
        match name {
            "object" => self.has_object = object(&mut self.object)?,
            "oldObject" => self.has_old_object = object(&mut self.old_object)?,
            "uid" => self.uid = text(map)?,
            "kind" => drop(map.next_value_seed(Filled(&mut self.kind))?),
            "name" => self.name = text(map)?,
            "namespace" => self.namespace = text(map)?,
            "operation" => self.operation = text(map)?,
            "userInfo" => drop(map.next_value_seed(Filled(&mut self.user))?),
            "dryRun" => self.dry_run = map.next_value()?,
            "options" => drop(map.next_value_seed(Filled(&mut self.options))?),
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for KindJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "group" => self.group = text(map)?,
            "kind" => self.kind = text(map)?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for UserJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "username" => self.username = text(map)?,
            "groups" => self.groups = map.next_value::<Option<_>>()?.unwrap_or_default(),
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for OptionsJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "fieldManager" => self.field_manager = text(map)?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'a> ReviewJson<'a> {
    fn read(&mut self, body: &'a str) -> serde_json::Result<()> {
        let mut json = serde_json::Deserializer::from_str(body);
        Filled(self).deserialize(&mut json)?;
        json.end()
    }
}

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

impl KindJson<'_> {
    /// What is left out says nothing against it.
    fn may_be_secret(&self) -> bool {
        self.group.as_deref().unwrap_or_default().is_empty()
            && self.kind.as_deref().is_none_or(|kind| kind == "Secret")
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
        assert_eq!(with(MOST_GROUPS), Ok(()));
        assert_eq!(with(MOST_GROUPS + 1), Err(BadReview::TooManyGroups));
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
