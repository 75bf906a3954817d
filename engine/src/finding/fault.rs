//! What can be wrong.

use super::{EntryField, RegistryKey, TopField};
use crate::registry::{AcrService, HubSpelling, KeyFault, NeverMatches};
use crate::rule::Rule;

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
    pub region: Option<Box<str>>,
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
