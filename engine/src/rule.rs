//! The rules: their codes, what they do by default, and which of them judge a host.
//!
//! The table is the contract that policies, audit records and dashboards rely on. What each rule says to people is
//! in [`crate::wording`].

use std::fmt;

/// What happens to a finding. The order is from mild to severe, so that a cap is `min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Not looked for, and nothing repaired.
    Off,
    /// Recorded only.
    Audit,
    /// Admitted, with a warning.
    Warn,
    /// Refused.
    Deny,
}

impl Action {
    /// Every action, mildest first.
    pub const ALL: [Action; 4] = [Action::Off, Action::Audit, Action::Warn, Action::Deny];

    /// The word used in policies, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Off => "off",
            Action::Audit => "audit",
            Action::Warn => "warn",
            Action::Deny => "deny",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One row of the table: what a rule is called and does when no policy says otherwise.
struct Row {
    code: &'static str,
    action: Action,
    fixable: bool,
    host: bool,
}

macro_rules! rules {
    ($( $(#[$doc:meta])* $name:ident = $code:literal, $action:ident $(, $flag:ident)* ;)+) => {
        /// A rule, named by its code. The order is alphabetical by code, which is also the order in which findings
        /// of one place are reported.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Rule { $( $(#[$doc])* $name, )+ }

        impl Rule {
            /// Every rule, in the order of their codes.
            pub const ALL: &'static [Rule] = &[ $( Rule::$name, )+ ];

            const fn row(self) -> Row {
                match self {
                    $( Rule::$name => row($code, Action::$action, &[ $( Flag::$flag, )* ]), )+
                }
            }

            /// The rule with this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Rule> {
                match code {
                    $( $code => Some(Rule::$name), )+
                    _ => None,
                }
            }
        }
    };
}

#[derive(Clone, Copy)]
enum Flag {
    /// The rule can also repair what it finds.
    Fix,
    /// The rule judges the registry key alone, so an entry that keeps its key keeps its standing.
    Host,
}

const fn row(code: &'static str, action: Action, flags: &[Flag]) -> Row {
    let (fixable, host) = match flags {
        [Flag::Fix, ..] => (true, false),
        [Flag::Host, ..] => (false, true),
        [] => (false, false),
    };
    Row { code, action, fixable, host }
}

rules! {
    /// The host belongs to Alibaba ACR but is no registry.
    AcrNotARegistry = "acr-not-a-registry", Warn, Host;
    /// A name is written twice, or two known fields differ by case only.
    AmbiguousJson = "ambiguous-json", Deny;
    /// `auth` and the plain pair name different credentials.
    AuthDisagrees = "auth-disagrees", Warn;
    /// `auth` decodes to an empty username or password.
    AuthEmptyHalf = "auth-empty-half", Deny;
    /// `auth` is not base64 as the kubelet reads it.
    AuthNotBase64 = "auth-not-base64", Deny;
    /// `auth` lacks its base64 padding.
    AuthUnpadded = "auth-unpadded", Warn, Fix;
    /// `auth` decodes to something without a colon.
    AuthWithoutColon = "auth-without-colon", Deny;
    /// `credsStore` or `credHelpers` is set.
    ClientOnlySettings = "client-only-settings", Warn;
    /// A control character in a credential.
    ControlCharacters = "control-characters", Deny;
    /// An UPDATE took a token or the email out of an entry.
    CredentialsStripped = "credentials-stripped", Warn;
    /// A field of an entry or of `HttpHeaders` is no string.
    FieldNotString = "field-not-string", Deny;
    /// The host is a generic Alibaba ACR domain.
    GenericRegistryHost = "generic-registry-host", Deny, Host;
    /// One half of a username and password.
    IncompleteCredentials = "incomplete-credentials", Deny;
    /// The document is not one JSON value.
    InvalidJson = "invalid-json", Deny;
    /// dockerconfigjson content under dockercfg.
    MisplacedAuthsWrapper = "misplaced-auths-wrapper", Deny;
    /// Username and password, but no `auth`.
    MissingAuth = "missing-auth", Deny, Fix;
    /// dockercfg content under dockerconfigjson.
    MissingAuthsWrapper = "missing-auths-wrapper", Deny;
    /// An entry without any credential.
    NoCredentials = "no-credentials", Deny;
    /// A document without any entry.
    NoRegistries = "no-registries", Audit;
    /// An object was expected.
    NotAnObject = "not-an-object", Deny;
    /// An UPDATE took a registry out.
    RegistriesDropped = "registries-dropped", Warn;
    /// The operator's own lists refuse the host.
    RegistryDenied = "registry-denied", Deny, Host;
    /// A spelling of Docker Hub that not everyone finds.
    RegistryKeyDockerHub = "registry-key-docker-hub", Warn, Host;
    /// User-info in a registry key.
    RegistryKeyHasCredentials = "registry-key-has-credentials", Deny, Host;
    /// The key names no registry.
    RegistryKeyInvalid = "registry-key-invalid", Deny, Host;
    /// No ordinary image reference finds the key.
    RegistryKeyNeverMatches = "registry-key-never-matches", Warn, Host;
    /// The key is a glob.
    RegistryKeyWildcard = "registry-key-wildcard", Audit, Host;
    /// White space around a credential.
    SurroundingWhitespace = "surrounding-whitespace", Warn;
    /// Only a token that the kubelet does not read.
    TokenOnly = "token-only", Warn;
    /// No room for the repair.
    TooLargeToFix = "too-large-to-fix", Deny;
    /// A username that `auth` cannot hold.
    UsernameHasColon = "username-has-colon", Deny;
}

impl Rule {
    /// The rule's code, as written in policies, records, metrics and messages.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// What happens when no policy says otherwise.
    #[must_use]
    pub const fn default_action(self) -> Action {
        self.row().action
    }

    /// Whether the rule can repair what it finds. Where it can, it does unless the policy says `fix: false`.
    #[must_use]
    pub const fn is_fixable(self) -> bool {
        self.row().fixable
    }

    /// Whether the rule judges the registry key alone: then an old key is enough for the ratchet, and the finding
    /// does not stand in the way of a repair.
    #[must_use]
    pub const fn judges_host(self) -> bool {
        self.row().host
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Something held for each rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerRule<T>([T; Rule::ALL.len()]);

impl<T: Default> Default for PerRule<T> {
    fn default() -> Self {
        PerRule::from_fn(|_| T::default())
    }
}

impl<T> PerRule<T> {
    /// Asks once for each rule.
    #[allow(clippy::indexing_slicing, reason = "the array is as long as `Rule::ALL`")]
    pub fn from_fn(mut value: impl FnMut(Rule) -> T) -> Self {
        PerRule(std::array::from_fn(|index| value(Rule::ALL[index])))
    }

    /// What is held for `rule`.
    #[allow(
        clippy::indexing_slicing,
        reason = "the array is as long as the enum, whose discriminants index it"
    )]
    #[must_use]
    pub const fn get(&self, rule: Rule) -> &T {
        &self.0[rule as usize]
    }

    /// What is held for `rule`, to change it.
    #[allow(
        clippy::indexing_slicing,
        reason = "the array is as long as the enum, whose discriminants index it"
    )]
    pub const fn get_mut(&mut self, rule: Rule) -> &mut T {
        &mut self.0[rule as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_name_their_rule_and_are_in_order() {
        for (index, rule) in Rule::ALL.iter().enumerate() {
            assert_eq!(Rule::from_code(rule.code()), Some(*rule));
            assert_eq!(*rule as usize, index);
        }
        assert!(Rule::ALL.is_sorted_by_key(|rule| rule.code()));
        assert_eq!(Rule::from_code("Missing-Auth"), None);
    }
}
