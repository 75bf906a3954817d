//! A text of a runtime and a document against the explanation of a pull: no panic, and no text that is shown has a control
//! character or grows with the input.
//!
//! `cd engine && cargo +nightly fuzz run pull_message`

#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use regcred_engine::bilingual::Bilingual;
use regcred_engine::pull::{
    ContainerFacts, PodFacts, PullSecret, SecretFacts, Seen, Waiting, explain, explain_message,
};

/// Longer than any text that is built from names, hosts and keys.
const MAX_SHOWN_BYTES: usize = 16 * 1024;

fn check<'w>(sentences: impl IntoIterator<Item = &'w Bilingual<String>>) {
    for words in sentences {
        for text in [&words.english, &words.chinese] {
            assert!(text.len() < MAX_SHOWN_BYTES && !text.chars().any(char::is_control), "{text:?}");
        }
    }
}

fuzz_target!(|input: (&str, &str, &str, &[u8])| {
    let (reason, message, image, document) = input;
    let explained = explain_message(message);
    check(explained.checked.iter().chain([&explained.message]));
    let pod = PodFacts {
        namespace: "team-a".to_owned(),
        name: "web".to_owned(),
        pull_secrets: ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg", "Opaque"]
            .map(|secret_type| PullSecret {
                name: "regcred".to_owned(),
                seen: Seen::Present(SecretFacts {
                    secret_type: secret_type.to_owned(),
                    document: Some(document.to_vec()),
                }),
            })
            .to_vec(),
        containers: vec![ContainerFacts {
            name: "app".to_owned(),
            image: image.to_owned(),
            waiting: Some(Waiting { reason: reason.to_owned(), message: message.to_owned() }),
            ..ContainerFacts::default()
        }],
        ..PodFacts::default()
    };
    for explanation in explain(&pod, Timestamp::UNIX_EPOCH) {
        check(explanation.checked.iter().chain([&explanation.message]));
        assert!(explanation.remedy.iter().all(|command| !command.contains(['`', '$', ';', '&', '\n'])));
    }
});
