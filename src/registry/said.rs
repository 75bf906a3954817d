//! What a credential says of itself, for which no network is needed: that it has expired, or that a registry is certain to
//! refuse it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use regcred_engine::finding::Finding;
use regcred_engine::judge::{Request, judge};
use regcred_engine::policy::{Language, Policy, Requester};
use regcred_engine::rules::{Rule, credential_end};
use regcred_engine::secret::{Secret, SecretType};
use regcred_engine::wording::{Bilingual, Statement, statement};
use serde::Serialize;
use zeroize::Zeroizing;

use super::credential::Credential;
use super::entry::LoginEntry;
use super::outcome::{Conclusion, VerifyOutcome};

/// What a credential says of itself.
pub(super) struct Said {
    /// When it ends.
    pub(super) expires: Option<Timestamp>,
    /// The conclusion, if the registry need not be asked.
    pub(super) conclusion: Option<Conclusion>,
    /// What to add to a conclusion of the registry, a sentence each.
    pub(super) notes: Vec<Bilingual<String>>,
}

/// Says that what was verified is not what the kubelet uses.
const KUBELET_IGNORES_TOKENS: Bilingual<&str> = Bilingual {
    english: "This is about the identity token, which docker uses and the kubelet ignores.",
    chinese: "这里验证的是 identity token：docker 使用它，kubelet 会忽略它。",
};

/// Findings with which every registry refuses the credentials. Sending them would only bring a lock-out closer.
const CERTAIN_REFUSALS: [Rule; 2] = [Rule::UnfilledPlaceholder, Rule::WrongKindOfCredential];

/// Reads what a credential says of itself.
pub(super) fn said(entry: &LoginEntry, now: Timestamp) -> Said {
    let (username, password, token) = match &entry.credential {
        Credential::Password { username, password } => (username.as_slice(), password.as_slice(), ""),
        Credential::IdentityToken(token) => (&[][..], &[][..], token.as_str()),
    };
    let expires = credential_end(username, password, token);
    if token.is_empty() && (username.is_empty() || password.is_empty()) {
        let conclusion = if entry.is_in_helper { in_helper() } else { incomplete() };
        return Said { expires, conclusion: Some(conclusion), notes: Vec::new() };
    }
    let document = document(entry.key.as_written(), username, password, token);
    let request = Request {
        requester: Requester { namespace: "", user: "", groups: &[] },
        now,
        secret: Secret {
            secret_type: SecretType::DockerConfigJson,
            document: &document,
            data_bytes: document.len(),
        },
        old: None,
    };
    let judgement = judge(&Policy::default(), &request);
    let find = |rules: &[Rule]| judgement.findings.iter().find(|found| rules.contains(&found.rule()));
    let conclusion = match (find(&[Rule::CredentialExpired]), find(&CERTAIN_REFUSALS)) {
        (Some(ended), _) => Some(not_sent(VerifyOutcome::Expired, ended)),
        (None, Some(refused)) => Some(not_sent(VerifyOutcome::Refused, refused)),
        (None, None) => None,
    };
    let is_token = matches!(entry.credential, Credential::IdentityToken(_));
    let ignored =
        is_token.then(|| Bilingual::new(KUBELET_IGNORES_TOKENS.english, KUBELET_IGNORES_TOKENS.chinese));
    let short_lived = find(&[Rule::CredentialShortLived]).map(|found| {
        let (english, chinese) = statements(found);
        Bilingual::new(
            format!("Note: {}. {}", english.clause, english.remedy),
            format!("注意：{}。{}", chinese.clause, chinese.remedy),
        )
    });
    Said { expires, conclusion, notes: ignored.into_iter().chain(short_lived).collect() }
}

/// A document with this entry alone, as the kubelet reads it, for the judgement.
fn document(key: &str, username: &[u8], password: &[u8], token: &str) -> Zeroizing<Vec<u8>> {
    #[derive(Serialize)]
    struct OneEntryJson<'a> {
        auths: BTreeMap<&'a str, PairJson<'a>>,
    }
    #[derive(Serialize)]
    struct PairJson<'a> {
        username: &'a str,
        password: &'a str,
        identitytoken: &'a str,
    }
    let text = |bytes| Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
    let (username, password) = (text(username), text(password));
    let pair = PairJson { username: &username, password: &password, identitytoken: token };
    let document = OneEntryJson { auths: BTreeMap::from([(key, pair)]) };
    // Room for all of it from the start, even if every byte is escaped: a buffer that grows leaves copies behind.
    let longest = 6 * (key.len() + username.len() + password.len() + token.len()) + 128;
    let mut json = Zeroizing::new(Vec::with_capacity(longest));
    // Strings can always be written, and so can memory.
    drop(serde_json::to_writer(&mut *json, &document));
    json
}

fn not_sent(outcome: VerifyOutcome, finding: &Finding<'_>) -> Conclusion {
    let (english, chinese) = statements(finding);
    let message = Bilingual::new(
        format!("Not sent: {}. {}", english.clause, english.remedy),
        format!("未发送：{}。{}", chinese.clause, chinese.remedy),
    );
    Conclusion { outcome, message }
}

/// What a finding says in English and in Chinese.
fn statements(finding: &Finding<'_>) -> (Statement, Statement) {
    (statement(finding, Language::English), statement(finding, Language::Chinese))
}

fn in_helper() -> Conclusion {
    Conclusion::undecided(
        "docker keeps these credentials in a credential helper (credsStore or credHelpers), which only docker can read.",
        "docker 将这些凭据存放在凭据助手（credsStore 或 credHelpers）中，只有 docker 能读取。",
    )
}

fn incomplete() -> Conclusion {
    Conclusion::undecided(
        "The entry has neither a username and a password nor an identity token, so there is nothing to verify.",
        "该条目没有完整的用户名和密码，也没有 identity token，无可验证。",
    )
}

#[cfg(test)]
mod tests {
    use regcred_engine::registry::RegistryKey;

    use super::*;

    fn outcome(key: &'static str, username: &str, password: &str) -> Option<VerifyOutcome> {
        let bytes = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        let credential = Credential::Password { username: bytes(username), password: bytes(password) };
        let entry = LoginEntry {
            key: RegistryKey::new(key),
            credential,
            images: Vec::new(),
            omitted_images: 0,
            is_in_helper: false,
        };
        let now = Timestamp::from_second(1_750_000_000).unwrap();
        said(&entry, now).conclusion.map(|conclusion| conclusion.outcome)
    }

    #[test]
    fn what_needs_no_network() {
        // exp 1704067200 and 1893456000
        let expired = "eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDQwNjcyMDB9.c2ln";
        let later = "eyJhbGciOiJub25lIn0.eyJleHAiOjE4OTM0NTYwMDB9.c2ln";
        for (key, username, password, expected) in [
            ("r.example.com", "robot", expired, Some(VerifyOutcome::Expired)),
            ("r.example.com", "robot", later, None),
            ("r.example.com", "robot$$ci", "example-word", Some(VerifyOutcome::Refused)),
            ("r.example.com", "_json_key", "key.json", Some(VerifyOutcome::Refused)),
            ("r.example.com", "ci", "${REGISTRY_PASSWORD}", Some(VerifyOutcome::Refused)),
            ("r.example.com", "ci", "", Some(VerifyOutcome::Undecided)),
            ("r.example.com", "ci", "example-word", None),
        ] {
            assert_eq!(outcome(key, username, password), expected, "{username} {password}");
        }
    }
}
