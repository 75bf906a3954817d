//! What holds for every text and every Pod.

use jiff::Timestamp;
use proptest::prelude::*;
use regcred_engine::pull::{
    Cause, Certainty, ContainerFacts, EventFacts, Explanation, PodFacts, PullSecret, SecretFacts, Seen,
    Waiting, explain, explain_message,
};

const CANARY: &str = "canary-password";
const CANARY_BASE64: &str = "Y2FuYXJ5LXBhc3N3b3Jk";

/// Pieces of errors, and what must never be shown of them.
fn piece() -> impl Strategy<Value = String> {
    let known = [
        "Failed to pull image \"r.example.com/app:1\": ",
        "Back-off pulling image \"r.example.com/app:1\": ErrImagePull: ",
        "failed to pull and unpack image \"r.example.com/app:1\": ",
        "rpc error: code = NotFound desc = ",
        "[",
        "]",
        ", ",
        "\"",
        "failed to fetch oauth token: ",
        "unexpected status from GET request to https://canary-password@auth.example.com/token?account=canary-password: 403 Forbidden\n",
        "denied: canary-password\u{7}\u{202e}",
        "no basic auth credentials",
        "insufficient_scope: authorization failed",
        "dial tcp: lookup canary-password on 127.0.0.53:53: no such host",
        "Get \"https://s3.example.com/x?Signature=canary-password\": EOF",
        "httpReadSeeker: failed open: ",
        "docker://canary-password@r.example.com/app:1: ",
        "(Mirrors also failed: [",
        "]): ",
        "; artifact err: ",
        "json: cannot unmarshal canary-password",
        "x509: certificate is valid for canary-password, not r.example.com",
        "密码 ",
    ];
    prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat())
}

const DOCUMENTS: [&str; 9] = [
    r#"{"auths":{"r.example.com":{"username":"canary-password","password":"canary-password"}}}"#,
    r#"{"auths":{"r.example.com":{"auth":"canary-password"}}}"#,
    r#"{"auths":{"canary-password@r.example.com":{"auth":"canary-password"},"r.example.com:443":{"auth":"dTpw"}}}"#,
    r#"{"auths":{"r.example.com":"canary-password"}}"#,
    r#"{"auths":{"r.example.com":{"password":12345,"email":"canary-password"}}}"#,
    r#"{"r.example.com":{"auth":"Y2FuYXJ5LXBhc3N3b3JkOmNhbmFyeS1wYXNzd29yZA=="}}"#,
    r#"{"auths":"canary-password"#,
    "null",
    "",
];
const TYPES: [&str; 4] = ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg", "Opaque", "a\u{7}b"];

/// A Pod that can be printed, as those with credentials cannot.
#[derive(Clone, Debug)]
struct AnyPod {
    names: (String, String, Option<String>),
    is_template: bool,
    secrets: Vec<(String, AnySecret)>,
    image: String,
    reason: &'static str,
    message: String,
    event: String,
}

#[derive(Clone, Debug)]
enum AnySecret {
    Unknown,
    Missing(Vec<String>),
    Present(&'static str, &'static str),
}

impl AnyPod {
    fn facts(&self) -> PodFacts {
        let seen = |secret: &AnySecret| match secret {
            AnySecret::Unknown => Seen::Unknown,
            AnySecret::Missing(elsewhere) => Seen::Missing { elsewhere: elsewhere.clone() },
            AnySecret::Present(secret_type, document) => Seen::Present(SecretFacts {
                secret_type: (*secret_type).to_owned(),
                document: Some(document.as_bytes().to_vec()),
            }),
        };
        let secrets = self.secrets.iter();
        let (namespace, name, workload) = self.names.clone();
        PodFacts {
            namespace,
            name,
            workload,
            is_template: self.is_template,
            pull_secrets: secrets
                .map(|(name, secret)| PullSecret { name: name.clone(), seen: seen(secret) })
                .collect(),
            containers: vec![ContainerFacts {
                name: "app".to_owned(),
                image: self.image.clone(),
                waiting: Some(Waiting { reason: self.reason.to_owned(), message: self.message.clone() }),
                events: vec![EventFacts { reason: "Failed".to_owned(), message: self.event.clone() }],
                ..ContainerFacts::default()
            }],
            ..PodFacts::default()
        }
    }
}

fn secret() -> impl Strategy<Value = AnySecret> {
    let present = (prop::sample::select(TYPES.to_vec()), prop::sample::select(DOCUMENTS.to_vec()));
    prop_oneof![
        1 => Just(AnySecret::Unknown),
        1 => prop::collection::vec("[a-z ']{1,4}", 0..3).prop_map(AnySecret::Missing),
        3 => present.prop_map(|(secret_type, document)| AnySecret::Present(secret_type, document)),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("regcred".to_owned()), "[a-z0-9.$(`;'\" -]{0,6}"]
}

fn image() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("r.example.com/app:1".to_owned()),
        Just("R.example.com/app".to_owned()),
        Just("bob:canary-password@r.example.com/app".to_owned()),
        "[a-zA-Z0-9./:@$(`;'\" \\[-]{0,20}",
    ]
}

const REASONS: [&str; 5] =
    ["ErrImagePull", "ImagePullBackOff", "ContainerCreating", "ErrImageNeverPull", "json: canary-password"];

fn pod() -> impl Strategy<Value = AnyPod> {
    let secrets = prop::collection::vec((name(), secret()), 0..4);
    let names = (name(), name(), prop::option::of(name()));
    let reason = prop::sample::select(REASONS.to_vec());
    (names, any::<bool>(), secrets, image(), reason, text(), text()).prop_map(
        |(names, is_template, secrets, image, reason, message, event)| AnyPod {
            names,
            is_template,
            secrets,
            image,
            reason,
            message,
            event,
        },
    )
}

/// Every text that people see.
fn shown(explanation: &Explanation) -> Vec<&str> {
    let sentences = explanation.checked.iter().chain([&explanation.message]);
    let sentences = sentences.flat_map(|words| [&*words.english, &*words.chinese]);
    sentences.chain(explanation.remedy.iter().map(String::as_str)).chain([&*explanation.image]).collect()
}

fn is_clean(text: &str) -> bool {
    !text.contains(CANARY) && !text.contains(CANARY_BASE64) && !text.chars().any(char::is_control)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_ends_in_a_panic_or_is_quoted(text in text()) {
        let explained = explain_message(&text);
        let sentences = explained.checked.iter().chain([&explained.message]);
        for words in sentences.flat_map(|words| [&words.english, &words.chinese]) {
            prop_assert!(words.len() < 4_000 && !words.contains(CANARY), "{words}");
            prop_assert!(!words.chars().any(char::is_control), "{words}");
        }
        for text in [&explained.image, &explained.host].into_iter().flatten() {
            prop_assert!(is_clean(text), "{text}");
        }
        prop_assert_eq!(explained.alternatives.is_empty(), explained.certainty != Certainty::Open);
    }

    #[test]
    fn no_bytes_end_in_a_panic(text in "(?s).{0,200}") {
        let _ = explain_message(&text);
    }

    #[test]
    fn no_pod_shows_a_credential(pod in pod()) {
        for explanation in explain(&pod.facts(), Timestamp::UNIX_EPOCH) {
            for text in shown(&explanation) {
                prop_assert!(is_clean(text), "{text}");
            }
            match explanation.certainty {
                Certainty::Open => prop_assert_eq!(explanation.alternatives.first(), Some(&explanation.cause)),
                _ => prop_assert!(explanation.alternatives.is_empty()),
            }
            prop_assert!(pod.is_template || explanation.cause != Cause::None || explanation.remedy.is_empty());
        }
    }

    /// Outside of single quotation marks a command has only harmless characters, and every mark is closed.
    #[test]
    fn commands_are_safe_to_paste(pod in pod()) {
        for command in explain(&pod.facts(), Timestamp::UNIX_EPOCH).iter().flat_map(|it| &it.remedy) {
            let mut parts = command.split('\'');
            let outside = parts.clone().step_by(2);
            let fits = |c: char| c.is_ascii_alphanumeric() || " -_./:@=|+".contains(c);
            prop_assert!(outside.flat_map(str::chars).all(fits), "{command}");
            prop_assert_eq!(parts.by_ref().count() % 2, 1, "{}", command);
        }
    }
}
