//! The names and types that a Docker config has.

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

impl JsonType {
    /// With its article.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            JsonType::Null => "null",
            JsonType::Boolean => "a boolean",
            JsonType::Number => "a number",
            JsonType::String => "a string",
            JsonType::Array => "an array",
            JsonType::Object => "an object",
        }
    }

    /// In Chinese.
    pub(crate) const fn chinese_name(self) -> &'static str {
        match self {
            JsonType::Null => " null",
            JsonType::Boolean => "布尔值",
            JsonType::Number => "数字",
            JsonType::String => "字符串",
            JsonType::Array => "数组",
            JsonType::Object => "对象",
        }
    }
}
