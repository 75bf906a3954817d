//! What one finding says: each text once in English and once in Chinese, next to each other.
//!
//! - the clause names what is wrong: no closing mark, in English ASCII and at most 60 characters;
//! - the second sentence says who fails over it and who does not;
//! - the remedy is the one thing to do.
//!
//! A text promises nothing about what a registry will answer, and shows nothing of the document. The facts are in
//! docs/rules.md, rule by rule.

use super::Bilingual;
use crate::finding::{Fault, Finding};

/// What a finding says in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) clause: String,
    pub(super) affected: String,
    pub(super) remedy: String,
}

/// What a finding says.
pub(super) type Said = Bilingual<Text>;

/// English and Chinese: clause, who is affected, remedy.
macro_rules! said {
    (
        [$clause:literal, $affected:literal, $remedy:literal $(,)?],
        [$clause_zh:literal, $affected_zh:literal, $remedy_zh:literal $(,)?] $(,)?
    ) => {
        Said {
            english: Text {
                clause: format!($clause),
                affected: format!($affected),
                remedy: format!($remedy),
            },
            chinese: Text {
                clause: format!($clause_zh),
                affected: format!($affected_zh),
                remedy: format!($remedy_zh),
            },
        }
    };
}

/// A name in Latin letters before Chinese ones.
fn latin(name: &str) -> String {
    format!("{name} ")
}

mod auth;
mod credential;
mod document;
mod host;
mod key;

/// What this finding says.
pub(super) fn of(finding: &Finding<'_>) -> Said {
    let place = &finding.place;
    match &finding.fault {
        Fault::InvalidJson(cause) => document::invalid_json(*cause, place.offset),
        Fault::AmbiguousJson(repeated) => document::ambiguous_json(repeated),
        Fault::NotAnObject(found) => document::not_an_object(place, *found),
        Fault::MissingAuthsWrapper { bare_entry } => document::missing_auths_wrapper(*bare_entry),
        Fault::MisplacedAuthsWrapper => document::misplaced_auths_wrapper(),
        Fault::NoRegistries => document::no_registries(),
        Fault::ClientOnlySettings => document::client_only_settings(place),
        Fault::FieldNotString(found) => document::field_not_string(place, *found),
        Fault::RegistriesDropped => document::registries_dropped(),
        Fault::TooLargeToFix { would_be } => document::too_large_to_fix(*would_be),

        Fault::NoCredentials => credential::no_credentials(),
        Fault::IncompleteCredentials { missing } => credential::incomplete(*missing),
        Fault::TokenOnly => credential::token_only(),
        Fault::UsernameHasColon => credential::username_has_colon(),
        Fault::ControlCharacters { nul } => credential::control_characters(place, *nul),
        Fault::SurroundingWhitespace => credential::surrounding_whitespace(place),
        Fault::CredentialsStripped => credential::stripped(place),

        Fault::MissingAuth => auth::missing(finding.repairable),
        Fault::AuthNotBase64(cause) => auth::not_base64(*cause),
        Fault::AuthUnpadded => auth::unpadded(finding.repairable),
        Fault::AuthWithoutColon { encoded_twice } => auth::without_colon(*encoded_twice),
        Fault::AuthEmptyHalf(half) => auth::empty_half(*half),
        Fault::AuthDisagrees => auth::disagrees(),

        Fault::GenericRegistryHost(host) => host::generic(host),
        Fault::AcrNotARegistry(service) => host::not_a_registry(*service),
        Fault::RegistryDenied { listed } => host::denied(*listed),
        Fault::RegistryKeyDockerHub(spelling) => host::docker_hub(*spelling),
        Fault::RegistryKeyInvalid(fault) => key::invalid(*fault),
        Fault::RegistryKeyHasCredentials => key::has_credentials(),
        Fault::RegistryKeyNeverMatches(why) => key::never_matches(*why),
        Fault::RegistryKeyWildcard => key::wildcard(),
    }
}
