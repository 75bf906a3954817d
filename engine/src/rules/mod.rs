//! The rules, one file for each or for a small family, and their list.
//!
//! A rule is a type that implements [`definition::Check`]: its code, its default action, what it checks, what it says in
//! both languages, its text in the rule reference and an example. The list below is the only other place that names it.

mod acr_not_a_registry;
mod ambiguous_json;
mod auth_disagrees;
mod auth_empty_half;
mod auth_not_base64;
mod auth_unpadded;
mod auth_without_colon;
mod auths_wrapper;
mod client_only_settings;
mod collisions;
mod control_characters;
mod credential_end;
mod credentials;
mod credentials_stripped;
mod definition;
mod empty_leftover;
mod entry_ref;
mod field_not_string;
mod generic_registry_host;
mod incomplete_credentials;
mod invalid_json;
mod missing_auth;
mod missing_data_key;
mod no_credentials;
mod no_registries;
mod not_a_docker_config;
mod not_a_registry;
mod not_an_object;
mod placeholder;
mod registries_dropped;
mod registry_denied;
mod registry_key_docker_hub;
mod registry_key_has_credentials;
mod registry_key_invalid;
mod registry_key_never_matches;
mod registry_key_partial;
mod registry_key_unfilled;
mod registry_key_wildcard;
mod several_entries;
mod surrounding_whitespace;
mod suspicious_credential;
mod token_only;
mod too_large_to_fix;
mod unfilled_placeholder;
mod username_has_colon;
mod view;
mod wrong_kind_of_credential;
mod wrong_secret_type;

use std::fmt;

use crate::place::Spot;
use crate::repair::Edit;

pub(crate) use collisions::Collisions;
pub use credential_end::credential_end;
pub(crate) use credentials::{Credentials, is_usable};
pub use definition::{Action, Example, Misplaced};
pub(crate) use definition::{Announcement, Context, Definition, Message};
pub(crate) use entry_ref::{EntryRef, Kept};
pub(crate) use view::{DocumentView, EntryView, Lists, STRIPPED, Shared};

use definition::{Check, Found, Kind};

macro_rules! rules {
    ($( $module:ident::$name:ident, )+) => {
        $( pub use $module::$name; )+

        /// A rule, named by its code. The order is alphabetical by code, which is also the order in which findings
        /// of one place are reported.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the type of the same name says it")]
        #[repr(u8)]
        pub enum Rule { $( $name, )+ }

        /// What is wrong, with what its text needs to know.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the type of the same name says it")]
        pub enum Fault { $( $name($name), )+ }

        impl Rule {
            /// Every rule, in the order of their codes.
            pub const ALL: &'static [Rule] = &[ $( Rule::$name, )+ ];

            pub(crate) const fn definition(self) -> &'static Definition {
                match self { $( Rule::$name => const { &<$name as Check>::DEFINITION }, )+ }
            }
        }

        impl Fault {
            /// The rule that applies.
            #[must_use]
            pub const fn rule(&self) -> Rule {
                match self { $( Fault::$name(_) => Rule::$name, )+ }
            }

            pub(crate) fn message(&self, context: &Context<'_>) -> Message {
                match self { $( Fault::$name(rule) => rule.message(context), )+ }
            }
        }

        /// Asks the rules about a document as a whole, except those that are not wanted.
        pub(crate) fn check_document<'a>(
            view: &DocumentView<'_, 'a>,
            wanted: &PerRule<bool>,
            mut report: impl FnMut(Reported<'a>),
        ) {
            $( if *wanted.get(Rule::$name) {
                for found in $name::document(view) { report(Reported::new(found, Fault::$name)); }
            } )+
        }

        /// Asks the rules about an entry, except those that are not wanted.
        pub(crate) fn check_entry<'a>(
            entry: &EntryView<'_, 'a>,
            wanted: &PerRule<bool>,
            mut report: impl FnMut(Reported<'a>),
        ) {
            $( if *wanted.get(Rule::$name) {
                for found in $name::entry(entry) { report(Reported::new(found, Fault::$name)); }
            } )+
        }
    };
}

// In the order of their codes.
rules! {
    acr_not_a_registry::AcrNotARegistry,
    ambiguous_json::AmbiguousJson,
    auth_disagrees::AuthDisagrees,
    auth_empty_half::AuthEmptyHalf,
    auth_not_base64::AuthNotBase64,
    auth_unpadded::AuthUnpadded,
    auth_without_colon::AuthWithoutColon,
    client_only_settings::ClientOnlySettings,
    control_characters::ControlCharacters,
    credential_end::CredentialExpired,
    credential_end::CredentialShortLived,
    credentials_stripped::CredentialsStripped,
    empty_leftover::EmptyLeftover,
    field_not_string::FieldNotString,
    generic_registry_host::GenericRegistryHost,
    incomplete_credentials::IncompleteCredentials,
    invalid_json::NotJson,
    auths_wrapper::MisplacedAuthsWrapper,
    missing_auth::MissingAuth,
    auths_wrapper::MissingAuthsWrapper,
    missing_data_key::MissingDataKey,
    no_credentials::NoCredentials,
    no_registries::NoRegistries,
    not_a_docker_config::NotADockerConfig,
    not_a_registry::NotARegistry,
    not_an_object::NotAnObject,
    registries_dropped::RegistriesDropped,
    registry_denied::RegistryDenied,
    registry_key_docker_hub::RegistryKeyDockerHub,
    registry_key_has_credentials::RegistryKeyHasCredentials,
    registry_key_invalid::RegistryKeyInvalid,
    registry_key_never_matches::RegistryKeyNeverMatches,
    registry_key_partial::RegistryKeyPartial,
    registry_key_unfilled::RegistryKeyUnfilled,
    registry_key_wildcard::RegistryKeyWildcard,
    several_entries::RegistryNamedTwice,
    several_entries::RegistryPathsCollide,
    surrounding_whitespace::SurroundingWhitespace,
    suspicious_credential::SuspiciousCredential,
    token_only::TokenOnly,
    too_large_to_fix::TooLargeToFix,
    unfilled_placeholder::UnfilledPlaceholder,
    username_has_colon::UsernameHasColon,
    wrong_kind_of_credential::WrongKindOfCredential,
    wrong_secret_type::WrongSecretType,
}

/// Something that was found, whichever rule applies.
pub(crate) struct Reported<'a> {
    pub(crate) fault: Fault,
    pub(crate) offset: usize,
    pub(crate) spot: Spot<'a>,
    pub(crate) edit: Option<Edit>,
}

impl<'a> Reported<'a> {
    fn new<R>(found: Found<'a, R>, fault: impl FnOnce(R) -> Fault) -> Self {
        Reported { fault: fault(found.rule), offset: found.offset, spot: found.spot, edit: found.edit }
    }

    /// An entry that is not an object, of which nothing else can be judged.
    pub(crate) fn malformed(entry: &EntryRef<'_, 'a>) -> Option<Self> {
        NotAnObject::of_entry(entry).map(|found| Reported::new(found, Fault::NotAnObject))
    }
}

impl Rule {
    /// The rule with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Rule> {
        Rule::ALL.iter().copied().find(|rule| rule.code() == code)
    }

    /// The rule's code, as written in policies, records, metrics and messages.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.definition().code
    }

    /// The action if no policy says otherwise.
    #[must_use]
    pub const fn default_action(self) -> Action {
        self.definition().action
    }

    /// What is said after the rule has repaired something; `None` if it repairs nothing.
    pub(crate) const fn announcement(self) -> Option<&'static Announcement> {
        match &self.definition().kind {
            Kind::Fixable(announcement) => Some(announcement),
            Kind::Content | Kind::Harmless | Kind::Host | Kind::Unpatchable => None,
        }
    }

    /// Whether the rule can repair what it finds. If it can, it does unless the policy says `fix: false`.
    #[must_use]
    pub const fn is_fixable(self) -> bool {
        self.announcement().is_some()
    }

    /// Whether the rule judges the registry key alone: an old key is enough for the ratchet, and the finding does not
    /// stop a repair.
    #[must_use]
    pub const fn judges_host(self) -> bool {
        matches!(self.definition().kind, Kind::Host)
    }

    /// Whether the policy can list hosts for which the rule reports nothing. `registry-denied` has lists of its own.
    #[must_use]
    pub const fn takes_allow(self) -> bool {
        self.judges_host() && !matches!(self, Rule::RegistryDenied)
    }

    /// Whether an entry with a finding of this rule that denies is not repaired: a half-repaired entry would no longer be
    /// the one that the ratchet knows.
    pub(crate) const fn stops_repair(self) -> bool {
        matches!(self.definition().kind, Kind::Content | Kind::Unpatchable)
    }

    /// Whether a document to which the rule applies is never patched, whatever the rule's action.
    pub(crate) const fn stops_every_repair(self) -> bool {
        matches!(self.definition().kind, Kind::Unpatchable)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A value for each rule.
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

    /// The value for `rule`.
    #[allow(
        clippy::indexing_slicing,
        reason = "the array is as long as the enum, whose discriminants index it"
    )]
    #[must_use]
    pub const fn get(&self, rule: Rule) -> &T {
        &self.0[rule as usize]
    }

    /// The value for `rule`, to change it.
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
