//! The rules about what an entry logs in with.

use super::{EntryUnderJudgement, Judge, Mend, name_offset};
use crate::auth::Auth;
use crate::document::{Document, Entry, Text};
use crate::finding::{EmptyHalf, EntryField, Fault, Spot};
use crate::repair::Repair;

/// An entry's non-empty credentials.
struct Credentials<'a> {
    username: Option<Text<'a>>,
    password: Option<Text<'a>>,
    identity_token: bool,
    /// An identity token or a registry token.
    token: bool,
}

impl<'a> Credentials<'a> {
    fn of(fields: &Entry<'_, 'a>) -> Self {
        let identity_token = fields.text(EntryField::IdentityToken).is_some();
        Credentials {
            username: fields.text(EntryField::Username),
            password: fields.text(EntryField::Password),
            identity_token,
            token: identity_token || fields.text(EntryField::RegistryToken).is_some(),
        }
    }
}

impl<'a> Judge<'_, 'a> {
    /// Judges an entry's credentials.
    pub(super) fn credentials(&mut self, document: &Document<'a>, entry: &EntryUnderJudgement<'_, 'a>) {
        let fields = &entry.fields;
        if [EntryField::Username, EntryField::Password, EntryField::Auth]
            .iter()
            .any(|field| fields.wrong_type(*field))
        {
            return;
        }
        let credentials = Credentials::of(fields);
        self.plain_text(entry, EntryField::Username);
        self.plain_text(entry, EntryField::Password);
        match fields.text(EntryField::Auth) {
            Some(auth) => self.with_auth(document, entry, &credentials, auth),
            None => self.without_auth(document, entry, &credentials),
        }
    }

    /// Takes in a finding about a field; where the field is absent, about its entry.
    fn field_fault(&mut self, entry: &EntryUnderJudgement<'_, 'a>, field: EntryField, fault: Fault<'a>) {
        let offset = entry.fields.member(field).map_or_else(|| entry.offset(), name_offset);
        self.found(entry.kept, fault, offset, Spot::Field(entry.key.clone(), field));
    }

    fn entry_fault(&mut self, entry: &EntryUnderJudgement<'_, 'a>, fault: Fault<'a>) {
        self.found(entry.kept, fault, entry.offset(), Spot::Entry(entry.key.clone()));
    }

    /// Characters that do not belong in a plain username or password.
    fn plain_text(&mut self, entry: &EntryUnderJudgement<'_, 'a>, field: EntryField) {
        let Some(text) = entry.fields.text(field) else { return };
        let text = text.decode();
        if text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return;
        }
        let nul = text.contains('\0');
        // Google's _json_key password is JSON of several lines, and works.
        if nul || text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            self.field_fault(entry, field, Fault::ControlCharacters { nul });
        }
        if is_surrounded_by_whitespace(&text) {
            self.field_fault(entry, field, Fault::SurroundingWhitespace);
        }
    }

    fn without_auth(
        &mut self,
        document: &Document<'a>,
        entry: &EntryUnderJudgement<'_, 'a>,
        credentials: &Credentials<'a>,
    ) {
        let has_colon = credentials.username.is_some_and(|username| username.decode().contains(':'));
        if has_colon {
            self.field_fault(entry, EntryField::Username, Fault::UsernameHasColon);
        }
        match (credentials.username, credentials.password) {
            (Some(username), Some(password)) if !has_colon => {
                self.auth_fault(entry, Fault::MissingAuth, |repair| {
                    let empty = entry.fields.member(EntryField::Auth);
                    repair.add_auth(document, entry.member, empty, username, password)
                });
            }
            (Some(_), Some(_)) => {}
            _ if credentials.token => self.entry_fault(entry, Fault::TokenOnly),
            (Some(_), None) => self.incomplete(entry, EntryField::Password),
            (None, Some(_)) => self.incomplete(entry, EntryField::Username),
            (None, None) => self.entry_fault(entry, Fault::NoCredentials),
        }
    }

    fn incomplete(&mut self, entry: &EntryUnderJudgement<'_, 'a>, missing: EntryField) {
        self.field_fault(entry, missing, Fault::IncompleteCredentials { missing });
    }

    fn with_auth(
        &mut self,
        document: &Document<'a>,
        entry: &EntryUnderJudgement<'_, 'a>,
        credentials: &Credentials<'a>,
        auth: Text<'a>,
    ) {
        let auth = match Auth::decode(&auth.decode()) {
            Ok(auth) => auth,
            Err(cause) => {
                self.field_fault(entry, EntryField::Auth, Fault::AuthNotBase64(cause));
                return;
            }
        };
        if auth.bytes().contains(&0) {
            self.field_fault(entry, EntryField::Auth, Fault::ControlCharacters { nul: true });
        }
        self.decoded_auth(entry, credentials, &auth);
        if auth.missing_padding > 0 {
            self.auth_fault(entry, Fault::AuthUnpadded, |repair| {
                let member = entry.fields.member(EntryField::Auth)?;
                repair.pad_auth(document, entry.member, member, auth.missing_padding)
            });
        }
    }

    /// What `auth` decodes to.
    fn decoded_auth(
        &mut self,
        entry: &EntryUnderJudgement<'_, 'a>,
        credentials: &Credentials<'a>,
        auth: &Auth,
    ) {
        let Some((username, password)) = auth.halves() else {
            let fault = Fault::AuthWithoutColon { encoded_twice: auth.is_encoded_twice() };
            self.field_fault(entry, EntryField::Auth, fault);
            return;
        };
        let empty = match (username.is_empty(), password.is_empty()) {
            (true, true) => Some(EmptyHalf::Both),
            (true, false) => Some(EmptyHalf::Username),
            (false, true) if !credentials.identity_token => Some(EmptyHalf::Password),
            (false, _) => None,
        };
        if let Some(half) = empty {
            self.field_fault(entry, EntryField::Auth, Fault::AuthEmptyHalf(half));
        }
        if password.is_empty() && credentials.token {
            self.entry_fault(entry, Fault::TokenOnly);
        }
        if let (Some(plain_username), Some(plain_password)) = (credentials.username, credentials.password)
            && (plain_username.decode().as_bytes() != username
                || plain_password.decode().as_bytes() != password)
        {
            self.field_fault(entry, EntryField::Auth, Fault::AuthDisagrees);
        }
        let surrounded = |half: &[u8]| match std::str::from_utf8(auth.bytes()) {
            Ok(_) => std::str::from_utf8(half).is_ok_and(is_surrounded_by_whitespace),
            // Not UTF-8: a byte above ASCII says nothing, it may be a letter of another code page.
            Err(_) => [half.first(), half.last()]
                .into_iter()
                .flatten()
                .any(|byte| matches!(byte, b' ' | b'\t'..=b'\r')),
        };
        if surrounded(username) || surrounded(password) {
            self.field_fault(entry, EntryField::Auth, Fault::SurroundingWhitespace);
        }
    }

    /// Takes in a finding about `auth`, and makes the edit that mends it, if its rule repairs what it finds.
    fn auth_fault(
        &mut self,
        entry: &EntryUnderJudgement<'_, 'a>,
        fault: Fault<'a>,
        edit: impl FnOnce(&mut Repair) -> Option<()>,
    ) {
        let (finding, rule) = (self.findings.len(), fault.rule());
        self.field_fault(entry, EntryField::Auth, fault);
        if self.setting(rule).fix && !self.is_off(rule) && edit(&mut self.repair).is_some() {
            self.mends.push(Mend { finding, entry: entry.offset(), kept: entry.kept });
        }
    }
}

/// By a glance, whether a repair may have something to do in an entry: there is a pair without `auth`, or an `auth` whose
/// padding may be missing.
pub(super) fn may_lack(fields: &Entry<'_, '_>) -> bool {
    match fields.text(EntryField::Auth) {
        None => {
            [EntryField::Username, EntryField::Password].iter().all(|field| fields.text(*field).is_some())
        }
        Some(auth) => auth.may_be_unpadded(),
    }
}

fn is_surrounded_by_whitespace(text: &str) -> bool {
    text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace)
}
