//! Pull Secrets in the making.
//!
//! The way of one: credentials from the command line, or those that [`docker_config`] finds, become [`document`] entries;
//! [`judged`] says what the webhook would say of them; [`object`] writes the Secret around the document.

pub mod docker_config;
pub mod document;
pub mod object;

use jiff::civil::Date;
use regcred_engine::finding::Finding;
use regcred_engine::judge::{Request, judge};
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::rule::Action;
use regcred_engine::secret::{Secret, SecretType};
use regcred_engine::wording;

use document::Entries;

/// What there is to say of a Secret before it is made.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What the webhook would warn of.
    pub warnings: Vec<String>,
    /// The words in which the webhook would refuse it, where it would.
    pub denial: Option<String>,
}

/// What the webhook would say of a Secret with these entries.
///
/// The document is judged without the `auth` that is written here, since a colon in the username is told from one that
/// parts it from the password only there. That `auth` is missing there is then no finding.
#[must_use]
pub fn judged(entries: &Entries, namespace: &str, policy: &Policy, today: Date) -> Verdict {
    let document = entries.without_auth();
    let request = Request {
        requester: Requester { namespace, user: "", groups: &[] },
        today,
        secret: Secret {
            secret_type: SecretType::DockerConfigJson,
            document: &document,
            data_bytes: document.len(),
        },
        old: None,
    };
    let judgement = judge(policy, &request);
    let mended = |finding: &Finding<'_>| {
        finding.rule().is_fixable()
            && finding.place.key().is_some_and(|key| entries.auth_is_written(key.as_written()))
    };
    let at = |action: Action| -> Vec<_> {
        let findings = judgement.findings.iter().filter(|finding| !mended(finding));
        findings.filter(|finding| finding.action == action).collect()
    };
    let denied = at(Action::Deny);
    let warned = at(Action::Warn);
    Verdict {
        warnings: warned
            .into_iter()
            .flat_map(|finding| wording::warnings(finding, policy.language))
            .collect(),
        denial: (!denied.is_empty()).then(|| wording::denial(&denied, policy.language)),
    }
}
