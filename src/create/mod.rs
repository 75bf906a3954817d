//! Pull Secrets in the making.
//!
//! The way of one: credentials from the command line, or those that [`docker_config`] finds, become [`document`] entries;
//! [`judged`] says what the webhook would say of them, [`repaired`] does what it would do; [`object`] writes the Secret around the document.

pub mod docker_config;
pub mod document;
pub mod object;

use jiff::Timestamp;
use regcred_engine::finding::Finding;
use regcred_engine::judge::{Judgement, Request, judge};
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::rules::Action;
use regcred_engine::secret::{Secret, SecretType};
use regcred_engine::wording;
use zeroize::Zeroizing;

use document::Entries;

/// What there is to say of a Secret before it is made.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What the webhook would warn of.
    pub warnings: Vec<String>,
    /// The words in which the webhook would refuse it, where it would.
    pub denial: Option<String>,
}

/// By what and for whom Secrets are judged before they are made.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The policy; it also says in which language.
    pub policy: &'a Policy,
    /// The Secret's namespace; empty where it is not known.
    pub namespace: &'a str,
    /// The time, to the second.
    pub now: Timestamp,
}

impl<'a> Terms<'a> {
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

/// What the webhook would say of a Secret with these entries.
///
/// The document is judged without the `auth` that is written here, since a colon in the username is told from one that
/// parts it from the password only there. That `auth` is missing there is then no finding, nor is what [`repaired`] mends.
#[must_use]
pub fn judged(entries: &Entries, terms: Terms<'_>) -> Verdict {
    let document = entries.without_auth();
    let mut judgement = terms.judge(&document);
    // The consumers get the document with `auth`.
    let written = entries.document();
    let with_auth = terms.judge(&written).findings;
    for finding in &mut judgement.findings {
        let same =
            |other: &&Finding<'_>| other.rule() == finding.rule() && other.place.key() == finding.place.key();
        finding.affected = with_auth.iter().find(same).map(|other| other.affected).unwrap_or_default();
    }
    let mended = |finding: &Finding<'_>| {
        let is_written = finding.place.key().is_some_and(|key| entries.auth_is_written(key.as_written()));
        finding.rule().is_fixable() && is_written || finding.repairable && judgement.repair.is_some()
    };
    let at = |action: Action| -> Vec<_> {
        let findings = judgement.findings.iter().filter(|finding| !mended(finding));
        findings.filter(|finding| finding.action == action).collect()
    };
    let denied = at(Action::Deny);
    let warned = at(Action::Warn);
    let language = terms.policy.language;
    Verdict {
        warnings: warned.into_iter().flat_map(|finding| wording::warnings(finding, language)).collect(),
        denial: (!denied.is_empty()).then(|| wording::denial(&denied, language)),
    }
}

/// A document of [`Entries`] after the webhook's repair: of entries that are no login, and so stand in it as they came.
#[must_use]
pub fn repaired(document: Zeroizing<Vec<u8>>, terms: Terms<'_>) -> Zeroizing<Vec<u8>> {
    match terms.judge(&document).repair {
        Some(repair) => Zeroizing::new(repair.apply(&document)),
        None => document,
    }
}
