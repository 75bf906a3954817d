//! Which findings the policies act on, outside of the API server. The regular expressions are those of the policies, and
//! what is around them does what their CEL does; the test `cluster::backstop` compares both.

use std::sync::LazyLock;

use base64::encoded_len;
use jiff::civil::Date;
use regex::bytes::{Regex, RegexBuilder};

use super::document::{self, S};
use super::{hosts, refusals, repair, scope};
use crate::finding::Finding;
use crate::policy::{Enforcement, Policy, Requester, Setting};
use crate::rules::{Action, PerRule, Rule};
use crate::secret::{Secret, SecretType};

/// What the policies do about a finding when the Secret is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// They repair it.
    Repairs,
    /// They refuse the Secret for it.
    Refuses,
    /// They warn of it, with [`super::Role::Standalone`].
    Warns,
    /// They record it, with [`super::Role::Standalone`].
    Records,
    /// Nothing.
    Nothing,
}

impl Effect {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Effect::Repairs => "repairs",
            Effect::Refuses => "refuses",
            Effect::Warns => "warns",
            Effect::Records => "records",
            Effect::Nothing => "nothing",
        }
    }
}

/// What the policies made from an operator's policy can do about the findings in a Secret.
pub struct Coverage<'a> {
    policy: &'a Policy,
    /// The rules with the exemptions that hold for the request. In CEL they have no end.
    settings: PerRule<Setting>,
    /// The entries; none if the policies cannot read the document.
    entries: Vec<EntryText<'a>>,
    /// Whether they add each `auth` that is missing.
    repairs: bool,
}

/// An entry as written: its key, with quotation marks, and its fields with their names.
struct EntryText<'a> {
    entry: &'a [u8],
    key: &'a [u8],
    fields: Vec<&'a [u8]>,
}

impl<'a> Coverage<'a> {
    /// Reads a Secret as the policies do. The document is expected to be JSON.
    #[must_use]
    pub fn new(policy: &'a Policy, requester: &Requester<'_>, secret: &Secret<'a>) -> Self {
        let settings = policy.settings(requester, Date::MIN);
        let is_small =
            encoded_len(secret.document.len(), true).is_some_and(|size| size <= scope::MAX_BASE64_BYTES);
        let is_asked = is_small && !scope::EXCLUDED.contains(&requester.namespace);
        let entries = if is_asked { read(secret).unwrap_or_default() } else { Vec::new() };
        let repairs = policy.enforcement != Enforcement::Audit
            && repair::is_certain_by(policy)
            && settings.get(Rule::MissingAuth).fix
            && settings.get(Rule::MissingAuth).action != Action::Off
            && secret.data_bytes * 4 / 3 < repair::MAX_DATA
            && entries.iter().all(EntryText::is_certain);
        Coverage { policy, settings, entries, repairs }
    }

    /// What the policies do about a finding in the document.
    #[must_use]
    pub fn effect(&self, finding: &Finding<'_>) -> Effect {
        let index = finding.entry.and_then(|entry| usize::try_from(entry.index()).ok());
        let Some(entry) = index.and_then(|index| self.entries.get(index)) else { return Effect::Nothing };
        if finding.repairable {
            let is_added = finding.rule() == Rule::MissingAuth && self.repairs;
            return if is_added { Effect::Repairs } else { Effect::Nothing };
        }
        if !refusals::is_expressed(finding.rule(), self.policy) || !entry.shows(finding.rule()) {
            return Effect::Nothing;
        }
        // A rule is in the policy for its own action. An exemption that leaves a milder one only takes it out of that.
        let rule = finding.rule();
        let own = self.policy.rules.get(rule).action.min(self.policy.enforcement.cap());
        if finding.action.min(self.settings.get(rule).action) != own {
            return Effect::Nothing;
        }
        match own {
            Action::Deny => Effect::Refuses,
            Action::Warn => Effect::Warns,
            Action::Audit => Effect::Records,
            Action::Off => Effect::Nothing,
        }
    }
}

/// The entries of a document; `None` if the policies leave it alone: `variables.readable`.
fn read<'a>(secret: &Secret<'a>) -> Option<Vec<EntryText<'a>>> {
    let patterns = &*PATTERNS;
    let (document, is_flat) = (secret.document, secret.secret_type == SecretType::DockerCfg);
    let outline = if is_flat { &patterns.flat } else { &patterns.usual };
    let head = outline.head.find(document)?.as_bytes();
    let front = outline.front.find(document)?.as_bytes();
    let tail = document.get(front.len()..).filter(|tail| outline.tail.is_match(tail))?;
    let found = patterns.entry.find_iter(front.get(head.len()..)?);
    let entries: Vec<_> = found.map(|entry| EntryText::new(entry.as_bytes())).collect();
    let length: usize = entries.iter().map(|entry| entry.entry.len()).sum();

    let keys: Vec<_> = entries.iter().map(|entry| entry.key).collect();
    let is_readable = !entries.is_empty()
        && head.len() + length == front.len()
        && !keys.iter().any(|key| key.contains(&b'\\') || is_flat && patterns.wrapper.is_match(key))
        && (is_flat || are_plain(&names_at_top(head, tail)))
        && are_unique(&keys)
        && entries.iter().all(|entry| are_plain(&entry.names()))
        && document.split(|byte| *byte == b'[').count() <= document::MAX_ARRAYS + 1
        && patterns.escape.find_iter(document).all(|escape| escape.len() != document::HALF_BYTES)
        && ![head, tail].iter().any(|part| patterns.bad_headers.is_match(part));
    is_readable.then_some(entries)
}

/// The names at the top, in lower case if they are known: `variables.top`.
fn names_at_top(head: &[u8], tail: &[u8]) -> Vec<Vec<u8>> {
    let after = |text: &[u8], mark: u8| text.iter().position(|byte| *byte == mark).map_or(0, |at| at + 1);
    let head = head.get(after(head, b'{')..).unwrap_or_default();
    let tail = tail.get(after(tail, b'}')..).unwrap_or_default();
    let top = [head, b"}", tail].concat();
    let patterns = &*PATTERNS;
    let found = patterns.name_or_value.find_iter(&top).map(|found| found.as_bytes());
    found
        .filter(|part| patterns.is_name.is_match(part))
        .map(|part| name(part, &patterns.known_at_top))
        .collect()
}

/// The name that a field begins with, in lower case if it is known.
fn name(field: &[u8], known: &Regex) -> Vec<u8> {
    let name = PATTERNS.string.find(field).map_or(&b""[..], |found| found.as_bytes());
    if known.is_match(name) { name.to_ascii_lowercase() } else { name.to_vec() }
}

fn are_plain(names: &[Vec<u8>]) -> bool {
    names.iter().all(|name| PATTERNS.plain_name.is_match(name)) && are_unique(names)
}

fn are_unique<T: Ord>(names: &[T]) -> bool {
    let mut sorted: Vec<_> = names.iter().collect();
    sorted.sort_unstable();
    sorted.is_sorted_by(|one, next| one < next)
}

impl<'a> EntryText<'a> {
    fn new(entry: &'a [u8]) -> Self {
        let patterns = &*PATTERNS;
        let key = patterns.string.find(entry).map_or(&b""[..], |found| found.as_bytes());
        let start = patterns.before_fields.find(entry).map_or(0, |found| found.end());
        let fields = patterns.field_or_value.find_iter(entry.get(start..).unwrap_or_default());
        EntryText { entry, key, fields: fields.map(|found| found.as_bytes()).collect() }
    }

    fn names(&self) -> Vec<Vec<u8>> {
        let named = self.fields.iter().filter(|field| PATTERNS.is_name.is_match(field));
        named.map(|field| name(field, &PATTERNS.known_in_entry)).collect()
    }

    /// A field with its name; empty if it is absent.
    fn field(&self, wanted: &str) -> &'a [u8] {
        let quoted = format!("\"{wanted}\"");
        let is_it = |field: &&&[u8]| {
            PATTERNS.is_name.is_match(field)
                && field.get(..quoted.len()).is_some_and(|name| name.eq_ignore_ascii_case(quoted.as_bytes()))
        };
        self.fields.iter().find(is_it).copied().unwrap_or_default()
    }

    /// Whether the field is absent, null or empty.
    fn lacks(&self, name: &str) -> bool {
        let field = self.field(name);
        field.is_empty() || PATTERNS.is_empty.is_match(field)
    }

    /// The text of a field with its quotation marks; empty if it is no string.
    fn text(&self, name: &str) -> &'a [u8] {
        PATTERNS.last_string.find(self.field(name)).map_or(&[], |found| found.as_bytes())
    }

    /// Whether the known fields are strings or null.
    fn is_typed(&self) -> bool {
        let patterns = &*PATTERNS;
        let mut known = self.fields.iter().filter(|field| patterns.is_known.is_match(field));
        known.all(|field| patterns.is_text.is_match(field))
    }

    /// Whether the policy's repair of the entry is the engine's: `variables.certain`.
    fn is_certain(&self) -> bool {
        let patterns = &*PATTERNS;
        let auth = self.field("auth");
        let [username, password] = ["username", "password"].map(|name| self.text(name));
        let is_added = self.lacks("auth") && [username, password].iter().all(|text| text.len() > 2);
        if !is_added {
            return !patterns.maybe_unpadded.is_match(auth);
        }
        let unescaped = |text: &[u8]| serde_json::from_slice::<String>(text);
        let (Ok(username), Ok(password)) = (unescaped(username), unescaped(password)) else { return false };
        let is_fit = |text: &String| {
            !patterns.unfit.is_match(text.as_bytes()) && !patterns.placeholder.is_match(text.as_bytes())
        };
        self.is_typed()
            && is_fit(&username)
            && is_fit(&password)
            && !username.contains(':')
            && (auth.is_empty()
                || self.entry.windows(auth.len()).filter(|window| *window == auth).count() == 1)
    }

    /// Whether the key is simple, and its host has a dot, not counting one at the end: [`hosts::site`].
    fn has_dot_in_host(&self) -> bool {
        let key = String::from_utf8_lossy(self.key).replace('"', "").to_ascii_lowercase();
        let schemes = ["https://", "http://"];
        let address = schemes.iter().find_map(|scheme| key.strip_prefix(scheme)).unwrap_or(&key);
        let host = address.split(['/', ':']).next().unwrap_or_default();
        PATTERNS.simple_key.is_match(self.key) && host.strip_suffix('.').unwrap_or(host).contains('.')
    }

    /// Whether the policies see that a rule applies to the entry, which it does.
    fn shows(&self, rule: Rule) -> bool {
        let patterns = &*PATTERNS;
        let is_typed = self.entry.ends_with(b"}")
            && ["auth", "username", "password", "identitytoken", "registrytoken"].iter().all(|name| {
                let field = self.field(name);
                field.is_empty() || patterns.is_text.is_match(field)
            });
        match rule {
            Rule::GenericRegistryHost | Rule::AcrNotARegistry | Rule::RegistryDenied => {
                patterns.simple_key.is_match(self.key)
            }
            Rule::NoCredentials => is_typed && self.has_dot_in_host(),
            Rule::IncompleteCredentials => is_typed,
            Rule::UsernameHasColon => is_typed && self.text("username").contains(&b':'),
            Rule::AuthNotBase64 => {
                is_typed && !patterns.maybe_template.is_match(&without_line_breaks(self.text("auth")))
            }
            Rule::UnfilledPlaceholder => {
                is_typed
                    && ["username", "password"]
                        .iter()
                        .any(|name| patterns.unfilled.is_match(self.field(name)))
            }
            Rule::RegistryKeyUnfilled => patterns.unfilled_key.is_match(self.key),
            Rule::MissingAuth => {
                is_typed && !self.text("username").iter().any(|byte| matches!(byte, b':' | b'\\'))
            }
            _ => false,
        }
    }
}

/// The text of `auth` without the escapes that base64 can have.
fn without_line_breaks(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    text.replace(r"\n", "").replace(r"\r", "").replace(r"\/", "/").into_bytes()
}

/// The patterns of a type's document.
struct Outline {
    head: Regex,
    front: Regex,
    tail: Regex,
}

impl Outline {
    fn new(secret_type: SecretType) -> Self {
        Outline {
            head: regex(&document::head(secret_type)),
            front: regex(&document::front(secret_type)),
            tail: regex(&document::tail(secret_type)),
        }
    }
}

struct Patterns {
    usual: Outline,
    flat: Outline,
    entry: Regex,
    string: Regex,
    last_string: Regex,
    before_fields: Regex,
    field_or_value: Regex,
    name_or_value: Regex,
    is_name: Regex,
    plain_name: Regex,
    known_at_top: Regex,
    known_in_entry: Regex,
    wrapper: Regex,
    escape: Regex,
    bad_headers: Regex,
    is_known: Regex,
    is_text: Regex,
    is_empty: Regex,
    maybe_unpadded: Regex,
    unfit: Regex,
    placeholder: Regex,
    simple_key: Regex,
    maybe_template: Regex,
    unfilled: Regex,
    unfilled_key: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns {
    usual: Outline::new(SecretType::DockerConfigJson),
    flat: Outline::new(SecretType::DockerCfg),
    entry: regex(&document::entry()),
    string: regex(S),
    last_string: regex(&format!("{S}$")),
    before_fields: regex(&document::before_fields()),
    field_or_value: regex(&document::field_or_value()),
    name_or_value: regex(&document::name_or_value()),
    is_name: regex(&document::is_name()),
    plain_name: regex(document::PLAIN_NAME),
    known_at_top: regex(document::KNOWN_AT_TOP),
    known_in_entry: regex(&document::known_in_entry()),
    wrapper: regex(document::WRAPPER),
    escape: regex(document::ESCAPE),
    bad_headers: regex(&document::bad_headers()),
    is_known: regex(&document::is_known()),
    is_text: regex(&document::is_text()),
    is_empty: regex(&document::is_empty()),
    maybe_unpadded: regex(repair::MAYBE_UNPADDED),
    unfit: regex(repair::UNFIT),
    placeholder: regex(repair::PLACEHOLDER),
    simple_key: regex(hosts::SIMPLE_KEY),
    maybe_template: regex(refusals::MAYBE_TEMPLATE),
    unfilled: regex(&refusals::unfilled()),
    unfilled_key: regex(hosts::UNFILLED),
});

/// A pattern of the policies. In CEL a character stands for a byte; here it is one.
#[expect(clippy::expect_used, reason = "the patterns are constants, and the tests compile them all")]
fn regex(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).unicode(false).build().expect("a valid pattern")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::judge::{Request, judge};

    /// What the policies do about each finding in a document, in its order.
    fn effects(policy: &str, secret_type: SecretType, document: &str) -> Vec<(Rule, Effect)> {
        let policy = Policy::parse(&format!("apiVersion: regcred/v1\nkind: Policy\n{policy}")).unwrap();
        let secret = Secret { secret_type, document: document.as_bytes(), data_bytes: document.len() };
        let requester = Requester { namespace: "default", user: "", groups: &[] };
        let request = Request { requester, now: Timestamp::UNIX_EPOCH, secret, old: None };
        let coverage = Coverage::new(&policy, &requester, &secret);
        let findings = judge(&policy, &request).findings;
        findings.iter().map(|finding| (finding.rule(), coverage.effect(finding))).collect()
    }

    fn of_first(secret_type: SecretType, document: &str) -> Option<(Rule, Effect)> {
        effects("", secret_type, document).first().copied()
    }

    #[test]
    fn repair_is_made_where_it_is_certain() {
        let long = format!(
            r#"{{"auths":{{"r.example.com":{{"username":"u","password":"{}"}}}}}}"#,
            "p".repeat(6_200)
        );
        for (document, expected) in [
            (r#"{"auths":{"r.example.com":{"username":"u","password":"p"}}}"#, Effect::Repairs),
            (
                r#"{"x":{"y":[{}]},"AUTHS" : {"r.example.com":{"PassWord":"p","username":"u","auth":null}}}"#,
                Effect::Repairs,
            ),
            (
                r#"{"auths":{"r.example.com":{"username":"\u00e9\ud83d\ude00","password":"\"\\\n"}}}"#,
                Effect::Repairs,
            ),
            (r#"{"auths":{"r.example\u002ecom":{"username":"u","password":"p"}}}"#, Effect::Nothing),
            (r#"{"auths":{"r.example.com":{"user\u006eame":"u","password":"p"}}}"#, Effect::Nothing),
            (
                r#"{"auths":{"r.example.com":{"username":"u","password":"p","x":{"w":{"y":{"z":{}}}}}}}"#,
                Effect::Nothing,
            ),
            (
                r#"{"auths":{"r.example.com":{"username":"u","password":"p","x":{"auth":""},"auth":""}}}"#,
                Effect::Nothing,
            ),
            (r#"{"auths":{"r.example.com":{"username":"u","password":"a${X}"}}}"#, Effect::Repairs),
            (r#"{"auths":{"r.example.com":{"username":"u","password":"${X"}}}"#, Effect::Nothing),
            (
                r#"{"auths":{"r.example.com":{"username":"u","password":"p"},"s.example.com":{"auth":"dTpwYQ"}}}"#,
                Effect::Nothing,
            ),
            (&long, Effect::Nothing),
        ] {
            let found = of_first(SecretType::DockerConfigJson, document);
            assert_eq!(found, Some((Rule::MissingAuth, expected)), "{document}");
        }
        let flat = r#"{"r.example.com":{"username":"u","password":"p"}}"#;
        let found = effects("", SecretType::DockerCfg, flat);
        assert!(found.contains(&(Rule::MissingAuth, Effect::Repairs)), "{found:?}");
    }

    #[test]
    fn refusal_needs_a_sight_of_the_fault() {
        for (document, rule, expected) in [
            (
                r#"{"auths":{"https://REGISTRY.cn-hangzhou.aliyuncs.com/v2/":{"auth":"dTpw"}}}"#,
                Rule::GenericRegistryHost,
                Effect::Refuses,
            ),
            (r#"{"auths":{"r.example.com":{}}}"#, Rule::NoCredentials, Effect::Refuses),
            (r#"{"auths":{"localhost":{}}}"#, Rule::NoCredentials, Effect::Nothing),
            (
                r#"{"auths":{"r.example.com":{"username":"u:x","password":"p"}}}"#,
                Rule::UsernameHasColon,
                Effect::Refuses,
            ),
            (
                r#"{"auths":{"r.example.com":{"username":"u\u003ax","password":"p"}}}"#,
                Rule::UsernameHasColon,
                Effect::Nothing,
            ),
            (r#"{"auths":{"r.example.com":{"auth":"u:p"}}}"#, Rule::AuthNotBase64, Effect::Refuses),
            (r#"{"auths":{"r.example.com":{"auth":"u\u003ap"}}}"#, Rule::AuthNotBase64, Effect::Nothing),
        ] {
            assert_eq!(
                of_first(SecretType::DockerConfigJson, document),
                Some((rule, expected)),
                "{document}"
            );
        }
    }

    #[test]
    fn policy_decides_what_is_done() {
        let bare = r#"{"auths":{"r.example.com":{"username":"u","password":"p"}}}"#;
        let empty = r#"{"auths":{"r.example.com":{}}}"#;
        for (policy, document, expected) in [
            ("enforcement: warn", bare, Effect::Repairs),
            ("enforcement: audit", bare, Effect::Nothing),
            ("enforcement: audit", empty, Effect::Records),
            ("enforcement: warn", empty, Effect::Warns),
            ("rules: {missing-auth: {fix: false}}", bare, Effect::Refuses),
            ("rules: {surrounding-whitespace: {action: deny}}", bare, Effect::Nothing),
            // This one has ended, which CEL does not know.
            (
                "exemptions: [{namespaces: [default], rules: [missing-auth], action: warn, until: 1969-01-01}]",
                bare,
                Effect::Repairs,
            ),
            (
                "exemptions: [{namespaces: [default], rules: [no-credentials], action: warn, until: 1969-01-01}]",
                empty,
                Effect::Nothing,
            ),
        ] {
            let found = effects(policy, SecretType::DockerConfigJson, document);
            assert_eq!(found.first().map(|(_, effect)| *effect), Some(expected), "{policy}: {document}");
        }
    }
}
