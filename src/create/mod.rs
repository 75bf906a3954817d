//! Generates pull Secrets.
//!
//! Credentials from the command line or from a [`docker_config`] become the entries of a [`document`]. [`judged`] returns what
//! the webhook would report about it, [`repaired`] applies the webhook's repair, and [`object`] writes the Secret.

pub mod docker_config;
pub mod document;
pub mod object;
pub mod registry_kind;

use jiff::Timestamp;
use regcred_engine::finding::Finding;
use regcred_engine::judge::{Judgement, Request, judge};
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::rules::Action;
use regcred_engine::secret::{Secret, SecretType};
use regcred_engine::wording;
use zeroize::Zeroizing;

use document::Entries;

/// The judgement of a Secret that is not written yet.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The warnings that the webhook would give.
    pub warnings: Vec<String>,
    /// The webhook's denial, if it would refuse the Secret.
    pub denial: Option<String>,
}

/// The context in which a new Secret is judged.
#[derive(Clone, Copy)]
pub struct NewSecretContext<'a> {
    /// The policy, which also selects the language.
    pub policy: &'a Policy,
    /// The Secret's namespace; empty if it is not known.
    pub namespace: &'a str,
    /// The time, to the second.
    pub now: Timestamp,
}

impl<'a> NewSecretContext<'a> {
    fn judge<'d>(self, document: &'d [u8]) -> Judgement<'d>
    where
        'a: 'd,
    {
        let secret =
            Secret { secret_type: SecretType::DockerConfigJson, document, data_bytes: document.len() };
        let requester = Requester { namespace: self.namespace, user: "", groups: &[] };
        judge(self.policy, &Request { requester, now: self.now, secret, old: None })
    }
}

/// Returns what the webhook would report about a Secret with these entries.
///
/// The document is judged without the `auth` that this module computes: in an `auth`, a colon in the username could not be
/// seen. A missing `auth` is then not reported, and neither is a fault that [`repaired`] fixes.
#[must_use]
pub fn judged(entries: &Entries, context: NewSecretContext<'_>) -> Verdict {
    let document = entries.without_auth();
    let mut judgement = context.judge(&document);
    // The consumers get the document with `auth`.
    let written = entries.document();
    let with_auth = context.judge(&written).findings;
    for finding in &mut judgement.findings {
        let same =
            |other: &&Finding<'_>| other.rule() == finding.rule() && other.place.key() == finding.place.key();
        finding.affected = with_auth.iter().find(same).map(|other| other.affected).unwrap_or_default();
    }
    let is_fixed = |finding: &Finding<'_>| {
        let is_written = finding.place.key().is_some_and(|key| entries.auth_is_written(key.as_written()));
        finding.rule().is_fixable() && is_written || finding.repairable && judgement.repair.is_some()
    };
    let with_action = |action: Action| -> Vec<_> {
        let findings = judgement.findings.iter().filter(|finding| !is_fixed(finding));
        findings.filter(|finding| finding.action == action).collect()
    };
    let denied = with_action(Action::Deny);
    let warned = with_action(Action::Warn);
    let language = context.policy.language;
    Verdict {
        warnings: warned.into_iter().flat_map(|finding| wording::warnings(finding, language)).collect(),
        denial: (!denied.is_empty()).then(|| wording::denial(&denied, language)),
    }
}

/// Applies the webhook's repair to a document of [`Entries`]. It can affect only [`document::Entry::Verbatim`].
#[must_use]
pub fn repaired(document: Zeroizing<Vec<u8>>, context: NewSecretContext<'_>) -> Zeroizing<Vec<u8>> {
    match context.judge(&document).repair {
        Some(repair) => Zeroizing::new(repair.apply(&document)),
        None => document,
    }
}
