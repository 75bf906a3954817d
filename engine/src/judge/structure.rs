//! The rules about the shape of a document: types, duplicates, wrappers, and what is there at all.

use super::{EntryUnderJudgement, Judge, Kept, name_offset, registry_key};
use crate::document::{Document, Member, Repetitions, UnknownNames};
use crate::finding::{EntryField, Fault, JsonType, Repeated, Spot, TopField};
use crate::rule::Rule;
use crate::secret::SecretType;

impl<'a> Judge<'_, 'a> {
    /// Judges everything but the entries, and returns the entries that are to be judged.
    pub(super) fn structure<'d>(&mut self, document: &'d Document<'a>) -> Vec<&'d Member> {
        if !matches!(document.kind(), JsonType::Object | JsonType::Null) {
            self.found(Kept::Nothing, Fault::NotAnObject(document.kind()), 0, Spot::Document);
            return Vec::new();
        }
        let entries = match self.request.secret.secret_type {
            SecretType::DockerConfigJson => self.docker_config_json(document),
            SecretType::DockerCfg => self.docker_cfg(document),
        };
        self.repeated_registries(document);
        entries
    }

    fn docker_config_json<'d>(&mut self, document: &'d Document<'a>) -> Vec<&'d Member> {
        self.repeated_top_fields(document);
        let mut fields = [None; TopField::ALL.len()];
        let mut unreadable_auths = false;
        for member in document.top() {
            let Some(field) = document.top_field(member) else { continue };
            if field == TopField::Auths {
                unreadable_auths |= self.must_be_object(field, member);
            }
            if let Some(slot) = fields.get_mut(field as usize) {
                *slot = Some(member);
            }
        }
        let [auths, http_headers, creds_store, cred_helpers] = fields;
        if let Some(headers) = http_headers {
            self.http_headers(document, headers);
        }
        for (field, member) in [(TopField::CredsStore, creds_store), (TopField::CredHelpers, cred_helpers)] {
            if let Some(member) = member.filter(|member| is_set(document, member)) {
                self.found(Kept::Nothing, Fault::ClientOnlySettings, name_offset(member), Spot::Top(field));
            }
        }
        let wrapper_missing = auths.is_none() && self.missing_auths_wrapper(document);
        let entries: Vec<_> = document.entries().collect();
        if entries.is_empty() && !wrapper_missing && !unreadable_auths {
            self.found(Kept::Nothing, Fault::NoRegistries, 0, Spot::Document);
        }
        entries
    }

    fn docker_cfg<'d>(&mut self, document: &'d Document<'a>) -> Vec<&'d Member> {
        let (wrappers, entries): (Vec<_>, Vec<_>) =
            document.entries().partition(|member| self.is_misplaced_wrapper(document, member));
        for wrapper in &wrappers {
            let spot = Spot::Top(TopField::Auths);
            self.found(Kept::Nothing, Fault::MisplacedAuthsWrapper, name_offset(wrapper), spot);
        }
        if wrappers.is_empty() && entries.is_empty() {
            self.found(Kept::Nothing, Fault::NoRegistries, 0, Spot::Document);
        }
        entries
    }

    /// Whether what stands for an entry in a dockercfg is an `auths` with entries in it.
    pub(super) fn is_misplaced_wrapper(&self, document: &Document<'a>, member: &Member) -> bool {
        self.request.secret.secret_type == SecretType::DockerCfg
            && !self.is_off(Rule::MisplacedAuthsWrapper)
            && document.name(member).folds_to(TopField::Auths.name())
            && document.members(member).iter().any(|entry| looks_like_entry(document, entry))
    }

    /// Whether a finding was made.
    fn must_be_object(&mut self, field: TopField, member: &Member) -> bool {
        let wrong = !matches!(member.kind, JsonType::Object | JsonType::Null);
        if wrong {
            self.found(Kept::Nothing, Fault::NotAnObject(member.kind), name_offset(member), Spot::Top(field));
        }
        wrong
    }

    fn http_headers(&mut self, document: &Document<'a>, headers: &Member) {
        if self.must_be_object(TopField::HttpHeaders, headers) {
            return;
        }
        // The names of headers are not shown, so one finding says it of all.
        let is_text = |header: &&Member| matches!(header.kind, JsonType::String | JsonType::Null);
        if let Some(header) = document.members(headers).iter().find(|header| !is_text(header)) {
            let spot = Spot::Top(TopField::HttpHeaders);
            self.found(Kept::Nothing, Fault::FieldNotString(header.kind), name_offset(header), spot);
        }
    }

    /// Whether the top level is what should stand under `auths`.
    fn missing_auths_wrapper(&mut self, document: &Document<'a>) -> bool {
        if self.is_off(Rule::MissingAuthsWrapper) {
            return false;
        }
        let unknown = || document.top().iter().filter(|member| document.top_field(member).is_none());
        let bare = unknown().find(|member| document.entry_field(member).is_some());
        let Some(first) = bare.or_else(|| unknown().find(|member| looks_like_entry(document, member))) else {
            return false;
        };
        let fault = Fault::MissingAuthsWrapper { bare_entry: bare.is_some() };
        self.found(Kept::Nothing, fault, name_offset(first), Spot::Document);
        true
    }

    /// Names at the top that occur twice, or, being known, fold together.
    fn repeated_top_fields(&mut self, document: &Document<'a>) {
        if let [] | [_] = document.top() {
            return;
        }
        let mut known = Repetitions::default();
        let mut unknown = UnknownNames::default();
        for member in document.top() {
            let (again, what) = match document.top_field(member) {
                Some(field) => (known.repeats(field.name().into()), Repeated::Top(field)),
                None => (unknown.is_first_repetition(document.name(member).decode()), Repeated::Unknown),
            };
            if again {
                self.found(Kept::Nothing, Fault::AmbiguousJson(what), name_offset(member), Spot::Document);
            }
        }
    }

    /// Registries that occur twice: a finding of the document.
    fn repeated_registries(&mut self, document: &Document<'a>) {
        // Programs written in Go sort what they write: then there is nothing to remember.
        let ascends = |one: &&Member, next: &&Member| {
            let names = document.name(one).as_written().zip(document.name(next).as_written());
            names.is_some_and(|(one, next)| one < next)
        };
        if document.entries().is_sorted_by(ascends) {
            return;
        }
        let mut names = Repetitions::with_capacity(document.entries().count());
        for member in document.entries() {
            if names.repeats(document.name(member).decode()) {
                let what = Repeated::Registry(registry_key(document, member));
                self.found(Kept::Nothing, Fault::AmbiguousJson(what), name_offset(member), Spot::Document);
            }
        }
    }

    /// The names and types of an entry's fields.
    pub(super) fn entry_structure(&mut self, entry: &EntryUnderJudgement<'_, 'a>) {
        for again in &entry.fields.repeated {
            let what = again.known.map_or(Repeated::Unknown, Repeated::Entry);
            let spot = Spot::Entry(entry.key.clone());
            self.found(entry.kept, Fault::AmbiguousJson(what), name_offset(again.member), spot);
        }
        for field in EntryField::ALL.into_iter().filter(|field| entry.fields.wrong_type(*field)) {
            if let Some(member) = entry.fields.member(field) {
                let spot = Spot::Field(entry.key.clone(), field);
                self.found(entry.kept, Fault::FieldNotString(member.kind), name_offset(member), spot);
            }
        }
    }
}

/// Whether a setting holds something: not null, not empty.
fn is_set(document: &Document<'_>, member: &Member) -> bool {
    match member.kind {
        JsonType::Null => false,
        JsonType::String => document.string(member).is_some_and(|text| !text.is_empty()),
        JsonType::Object => !document.members(member).is_empty(),
        JsonType::Boolean | JsonType::Number | JsonType::Array => true,
    }
}

/// Whether a member looks like a registry and its entry: by an entry's field in it or, being an object or null, by a
/// name as registries have.
fn looks_like_entry(document: &Document<'_>, member: &Member) -> bool {
    match member.kind {
        JsonType::Object | JsonType::Null => {
            document.name(member).chars().any(|c| matches!(c, '.' | ':' | '/'))
                || document.members(member).iter().any(|field| document.entry_field(field).is_some())
        }
        _ => false,
    }
}
