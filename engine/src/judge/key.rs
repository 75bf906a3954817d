//! The rules about a registry key.

use super::{EntryUnderJudgement, Judge};
use crate::finding::{Fault, GenericHost, Spot};
use crate::registry::{Key, acr_service, generic_host};
use crate::rule::Rule;

impl<'a> Judge<'_, 'a> {
    /// Judges the key of an entry.
    pub(super) fn registry_key(&mut self, entry: &EntryUnderJudgement<'_, 'a>, key: &Key<'_>) {
        if let Some(generic) = generic_host(key) {
            self.key_fault(entry, key, Fault::GenericRegistryHost(shown(entry, generic)));
        }
        if let Some(service) = acr_service(key) {
            self.key_fault(entry, key, Fault::AcrNotARegistry(service));
        }
        match key.fault() {
            Some(fault) if !self.is_off(Rule::RegistryKeyInvalid) => {
                self.key_fault(entry, key, Fault::RegistryKeyInvalid(fault));
            }
            _ => {
                if let Some(reason) = key.never_matches() {
                    self.key_fault(entry, key, Fault::RegistryKeyNeverMatches(reason));
                }
            }
        }
        if key.has_credentials() {
            self.key_fault(entry, key, Fault::RegistryKeyHasCredentials);
        }
        if let Some(spelling) = key.hub_spelling() {
            self.key_fault(entry, key, Fault::RegistryKeyDockerHub(spelling));
        }
        if key.is_wildcard() {
            self.key_fault(entry, key, Fault::RegistryKeyWildcard);
        }
        let listed = self.policy.denied_registries.touches(key);
        if listed || self.policy.allowed_registries.as_ref().is_some_and(|allowed| !allowed.allows(key)) {
            self.key_fault(entry, key, Fault::RegistryDenied { listed });
        }
    }

    /// Takes a finding in, unless the rule's own list allows the host.
    fn key_fault(&mut self, entry: &EntryUnderJudgement<'_, 'a>, key: &Key<'_>, fault: Fault<'a>) {
        if !self.policy.rules.get(fault.rule()).allow.allows(key) {
            self.found(entry.kept, fault, entry.offset(), Spot::Entry(entry.key.clone()));
        }
    }
}

/// Takes the region out where it stands before the last `@` of the key: nothing there may be shown.
fn shown(entry: &EntryUnderJudgement<'_, '_>, generic: GenericHost) -> GenericHost {
    let key = entry.key.to_string().to_ascii_lowercase();
    GenericHost { region: generic.region.filter(|region| key.contains(&**region)), ..generic }
}
