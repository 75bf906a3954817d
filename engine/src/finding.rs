//! Findings: which rule stands, where, and what was done about it. A finding borrows from the document only the
//! registry key, and shows of it only what may be shown.

use std::borrow::Cow;
use std::fmt;

use crate::registry::{AcrService, HubSpelling, Key, KeyFault, NeverMatches};
use crate::rule::{Action, Rule};
use crate::secret::SecretType;

/// One thing found in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// What is wrong.
    pub fault: Fault<'a>,
    /// Where it is.
    pub place: Place<'a>,
    /// What the policy's rule says, before anything capped it.
    pub rule_action: Action,
    /// What happens.
    pub action: Action,
    /// What made `action` milder than `rule_action`. Of several, the last that counted: taking away the one named
    /// here makes the action more severe.
    pub capped_by: Option<Cap>,
    /// Whether the repair of this document mends this finding, or would, were it not held back.
    pub repairable: bool,
}

impl Finding<'_> {
    /// The rule that stands.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.fault.rule()
    }
}

/// What made an action milder than its rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cap {
    /// The policy's `enforcement`.
    Enforcement,
    /// One of the policy's exemptions.
    Exemption,
    /// The old object had it already.
    Ratchet,
}

impl Cap {
    /// The word used in audit records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Cap::Enforcement => "enforcement",
            Cap::Exemption => "exemption",
            Cap::Ratchet => "ratchet",
        }
    }
}

/// A registry key as written in the document, escapes resolved. It may hold a password before an `@`, so it can only
/// be shown through [`fmt::Display`], which keeps that back; [`RegistryKey::as_written`] is for
/// judging.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RegistryKey<'a>(Cow<'a, str>);

/// A key is cut at this many characters where it is shown.
const SHOWN_KEY_CHARS: usize = 253;

impl<'a> RegistryKey<'a> {
    /// Wraps a key.
    #[must_use]
    pub fn new(key: impl Into<Cow<'a, str>>) -> Self {
        RegistryKey(key.into())
    }

    /// The whole key. Never to be shown.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.0
    }

    /// The host, and the port where there is one, of what may be shown of the key: for audit records.
    #[must_use]
    pub fn shown_host(&self) -> String {
        let shown = self.to_string();
        Key::parse(&shown).host_and_port()
    }
}

impl fmt::Display for RegistryKey<'_> {
    /// Without anything up to the last `@`, control characters escaped, cut at 253 characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.rsplit_once('@').map_or(&*self.0, |(_, behind)| behind);
        let mut room = SHOWN_KEY_CHARS;
        for c in shown.chars() {
            let escape = c.is_control() || is_invisible(c);
            let width = if escape { c.escape_unicode().len() } else { 1 };
            let Some(left) = room.checked_sub(width) else { return f.write_str("…") };
            room = left;
            if escape {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

/// Characters that change how a line reads without being seen: line and paragraph separators, and the marks that
/// turn the direction of writing.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl fmt::Debug for RegistryKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryKey({self})")
    }
}

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Which of the two document shapes the path is in.
    pub secret_type: SecretType,
    /// Where in the document's bytes: the start of the name of the field or key that the finding is about. 0 for
    /// the document itself and for what is no longer in it.
    pub offset: usize,
    /// What the place is called.
    pub spot: Spot<'a>,
}

/// What a place is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot<'a> {
    /// The document as a whole.
    Document,
    /// A field at the top.
    Top(TopField),
    /// An entry.
    Entry(RegistryKey<'a>),
    /// A field of an entry.
    Field(RegistryKey<'a>, EntryField),
}

impl<'a> Place<'a> {
    /// The registry key of the entry that the place is in.
    #[must_use]
    pub const fn key(&self) -> Option<&RegistryKey<'a>> {
        match &self.spot {
            Spot::Entry(key) | Spot::Field(key, _) => Some(key),
            Spot::Document | Spot::Top(_) => None,
        }
    }
}

impl fmt::Display for Place<'_> {
    /// The JSON path inside the document, such as `auths["r.example.com"].auth`; empty for the whole document.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrapper = match self.secret_type {
            SecretType::DockerConfigJson => "auths",
            SecretType::DockerCfg => "",
        };
        match &self.spot {
            Spot::Document => Ok(()),
            Spot::Top(field) => f.write_str(field.name()),
            Spot::Entry(key) => write!(f, "{wrapper}[\"{}\"]", quoted(key)),
            Spot::Field(key, field) => write!(f, "{wrapper}[\"{}\"].{}", quoted(key), field.name()),
        }
    }
}

/// A key between quotation marks: those of its own are escaped.
fn quoted(key: &RegistryKey<'_>) -> String {
    key.to_string().replace('"', "\\\"")
}

/// A known field at the top of a dockerconfigjson document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopField {
    /// The registries.
    Auths,
    /// Headers that the kubelet and docker send.
    HttpHeaders,
    /// docker's store for all registries.
    CredsStore,
    /// docker's stores for single registries.
    CredHelpers,
}

impl TopField {
    /// Every known field.
    pub const ALL: [TopField; 4] =
        [TopField::Auths, TopField::HttpHeaders, TopField::CredsStore, TopField::CredHelpers];

    /// The usual spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TopField::Auths => "auths",
            TopField::HttpHeaders => "HttpHeaders",
            TopField::CredsStore => "credsStore",
            TopField::CredHelpers => "credHelpers",
        }
    }
}

/// A known field of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryField {
    /// The plain username.
    Username,
    /// The plain password.
    Password,
    /// The email: a name only, but part of the kubelet's record.
    Email,
    /// base64 of `username:password`.
    Auth,
    /// docker's identity token.
    IdentityToken,
    /// docker's registry token.
    RegistryToken,
    /// docker's own note of the server.
    ServerAddress,
}

impl EntryField {
    /// Every known field.
    pub const ALL: [EntryField; 7] = [
        EntryField::Username,
        EntryField::Password,
        EntryField::Email,
        EntryField::Auth,
        EntryField::IdentityToken,
        EntryField::RegistryToken,
        EntryField::ServerAddress,
    ];

    /// The usual spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EntryField::Username => "username",
            EntryField::Password => "password",
            EntryField::Email => "email",
            EntryField::Auth => "auth",
            EntryField::IdentityToken => "identitytoken",
            EntryField::RegistryToken => "registrytoken",
            EntryField::ServerAddress => "serveraddress",
        }
    }
}

/// The JSON types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JsonType {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number
    Number,
    /// A string
    String,
    /// An array
    Array,
    /// An object
    Object,
}

/// What is wrong, with what its text needs to know. One variant for each rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault<'a> {
    /// `acr-not-a-registry`
    AcrNotARegistry(AcrService),
    /// `ambiguous-json`
    AmbiguousJson(Repeated<'a>),
    /// `auth-disagrees`
    AuthDisagrees,
    /// `auth-empty-half`
    AuthEmptyHalf(EmptyHalf),
    /// `auth-not-base64`
    AuthNotBase64(NotBase64),
    /// `auth-unpadded`
    AuthUnpadded,
    /// `auth-without-colon`
    AuthWithoutColon {
        /// Decoding once more gives a colon.
        encoded_twice: bool,
    },
    /// `client-only-settings`: the place names which
    ClientOnlySettings,
    /// `control-characters`: the place names the field
    ControlCharacters {
        /// The character is NUL.
        nul: bool,
    },
    /// `credentials-stripped`: the place names the field that is gone
    CredentialsStripped,
    /// `field-not-string`: the place names the field (of an entry, or `HttpHeaders` for one of its values)
    FieldNotString(JsonType),
    /// `generic-registry-host`
    GenericRegistryHost(GenericHost),
    /// `incomplete-credentials`
    IncompleteCredentials {
        /// The half that is not there: [`EntryField::Username`] or [`EntryField::Password`].
        missing: EntryField,
    },
    /// `invalid-json`: the place's offset is where reading stopped
    InvalidJson(InvalidJson),
    /// `misplaced-auths-wrapper`
    MisplacedAuthsWrapper,
    /// `missing-auth`
    MissingAuth,
    /// `missing-auths-wrapper`
    MissingAuthsWrapper {
        /// The top level is one entry, not a map of them.
        bare_entry: bool,
    },
    /// `no-credentials`
    NoCredentials,
    /// `no-registries`
    NoRegistries,
    /// `not-an-object`: the place names what should have been one
    NotAnObject(JsonType),
    /// `registries-dropped`: the place names the registry that is gone
    RegistriesDropped,
    /// `registry-denied`
    RegistryDenied {
        /// `deniedRegistries` matches; otherwise `allowedRegistries` is set and does not.
        listed: bool,
    },
    /// `registry-key-docker-hub`
    RegistryKeyDockerHub(HubSpelling),
    /// `registry-key-has-credentials`
    RegistryKeyHasCredentials,
    /// `registry-key-invalid`
    RegistryKeyInvalid(KeyFault),
    /// `registry-key-never-matches`
    RegistryKeyNeverMatches(NeverMatches),
    /// `registry-key-wildcard`
    RegistryKeyWildcard,
    /// `surrounding-whitespace`: the place names the field; for `auth`, a half of what it decodes to
    SurroundingWhitespace,
    /// `token-only`
    TokenOnly,
    /// `too-large-to-fix`
    TooLargeToFix {
        /// Bytes of the Secret's data after the repair.
        would_be: usize,
    },
    /// `username-has-colon`
    UsernameHasColon,
}

impl Fault<'_> {
    /// The rule that looks for this.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        match self {
            Fault::AcrNotARegistry(_) => Rule::AcrNotARegistry,
            Fault::AmbiguousJson(_) => Rule::AmbiguousJson,
            Fault::AuthDisagrees => Rule::AuthDisagrees,
            Fault::AuthEmptyHalf(_) => Rule::AuthEmptyHalf,
            Fault::AuthNotBase64(_) => Rule::AuthNotBase64,
            Fault::AuthUnpadded => Rule::AuthUnpadded,
            Fault::AuthWithoutColon { .. } => Rule::AuthWithoutColon,
            Fault::ClientOnlySettings => Rule::ClientOnlySettings,
            Fault::ControlCharacters { .. } => Rule::ControlCharacters,
            Fault::CredentialsStripped => Rule::CredentialsStripped,
            Fault::FieldNotString(_) => Rule::FieldNotString,
            Fault::GenericRegistryHost(_) => Rule::GenericRegistryHost,
            Fault::IncompleteCredentials { .. } => Rule::IncompleteCredentials,
            Fault::InvalidJson(_) => Rule::InvalidJson,
            Fault::MisplacedAuthsWrapper => Rule::MisplacedAuthsWrapper,
            Fault::MissingAuth => Rule::MissingAuth,
            Fault::MissingAuthsWrapper { .. } => Rule::MissingAuthsWrapper,
            Fault::NoCredentials => Rule::NoCredentials,
            Fault::NoRegistries => Rule::NoRegistries,
            Fault::NotAnObject(_) => Rule::NotAnObject,
            Fault::RegistriesDropped => Rule::RegistriesDropped,
            Fault::RegistryDenied { .. } => Rule::RegistryDenied,
            Fault::RegistryKeyDockerHub(_) => Rule::RegistryKeyDockerHub,
            Fault::RegistryKeyHasCredentials => Rule::RegistryKeyHasCredentials,
            Fault::RegistryKeyInvalid(_) => Rule::RegistryKeyInvalid,
            Fault::RegistryKeyNeverMatches(_) => Rule::RegistryKeyNeverMatches,
            Fault::RegistryKeyWildcard => Rule::RegistryKeyWildcard,
            Fault::SurroundingWhitespace => Rule::SurroundingWhitespace,
            Fault::TokenOnly => Rule::TokenOnly,
            Fault::TooLargeToFix { .. } => Rule::TooLargeToFix,
            Fault::UsernameHasColon => Rule::UsernameHasColon,
        }
    }
}

/// What `ambiguous-json` found twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repeated<'a> {
    /// A known field at the top.
    Top(TopField),
    /// A registry.
    Registry(RegistryKey<'a>),
    /// A known field of an entry.
    Entry(EntryField),
    /// A name that means nothing to us, and is therefore not shown.
    Unknown,
}

/// Which half of the decoded `auth` is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EmptyHalf {
    /// Nothing before the colon.
    Username,
    /// Nothing behind the colon, and no identity token.
    Password,
    /// Nothing but the colon.
    Both,
}

/// Why `auth` is likely not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotBase64 {
    /// It is plain `user:password`.
    PlainPair,
    /// It begins with `Basic `.
    BasicPrefix,
    /// It uses `-` and `_`.
    UrlSafe,
    /// It holds spaces or tabs.
    Blanks,
    /// A placeholder such as `${AUTH}`, `{{ .auth }}` or `<auth>` was left in.
    Template,
    /// It is wrapped in quotation marks.
    Quoted,
    /// The padding is wrong.
    Padding,
    /// No likely cause.
    Other,
}

/// A generic Alibaba ACR host, or a glob that matches one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GenericHost {
    /// The region in the host, such as `cn-hangzhou`; `None` where the host names none or is a glob.
    pub region: Option<String>,
    /// The host is the VPC form.
    pub vpc: bool,
    /// The key is a glob that matches generic hosts.
    pub glob: bool,
}

/// Why a document is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvalidJson {
    /// Nothing, or white space only.
    Empty,
    /// A byte order mark stands in front.
    ByteOrderMark,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// The document is base64 of a document.
    EncodedTwice,
    /// It ends in the middle.
    CutOff,
    /// More follows behind the value.
    TrailingText,
    /// More than 64 levels of objects and arrays.
    TooDeep,
    /// A `\u` escape that is half of a pair.
    LoneSurrogate,
    /// A number that no float64 can hold.
    NumberOutOfRange,
    /// A raw control character, such as a line break, inside a string.
    RawControl,
    /// Anything else that JSON does not allow here.
    Syntax,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_shows_a_key_without_what_may_be_a_password_and_quotes_it() {
        for (key, path) in [
            ("r.example.com", r#"auths["r.example.com"].auth"#),
            ("u:p@r.example.com/a", r#"auths["r.example.com/a"].auth"#),
            (r#"a"]["b"#, r#"auths["a\"][\"b"].auth"#),
            ("a\nb", r#"auths["a\u{a}b"].auth"#),
        ] {
            let place = Place {
                secret_type: SecretType::DockerConfigJson,
                offset: 0,
                spot: Spot::Field(RegistryKey::new(key), EntryField::Auth),
            };
            assert_eq!(place.to_string(), path);
        }
    }
}
