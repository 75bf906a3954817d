//! A registry key and an image against the models of consumers: no panic, and the models do not contradict themselves.
//! `tests/consumers` holds them to the real libraries.
//!
//! `cd engine && cargo +nightly fuzz run key_image`

#![no_main]

use libfuzzer_sys::fuzz_target;
use regcred_engine::consumers::{self, Consumer, ImageRef, Outcome, ordinary_images};
use regcred_engine::secret::SecretType;
use serde_json::json;

fuzz_target!(|input: (bool, &str, &str)| {
    let (legacy, key, image) = input;
    let auths = json!({ key: { "auth": "dTpw" } });
    let (secret_type, document) = if legacy {
        (SecretType::DockerCfg, auths.to_string())
    } else {
        (SecretType::DockerConfigJson, json!({ "auths": auths }).to_string())
    };
    let ordinary = ordinary_images(key);
    consumers::ask(document.as_bytes(), secret_type, |models| {
        for consumer in Consumer::ALL {
            let finds = |image: &ImageRef| {
                let found = models.find(consumer, image);
                let entries: Vec<usize> = found.groups.iter().flat_map(|group| group.entries()).collect();
                assert!(entries.is_empty() || entries == [0], "{consumer:?} {key:?}: {entries:?}");
                !entries.is_empty()
            };
            if let Some(image) = ImageRef::parse(image) {
                assert!(!finds(&image) || !models.refuses_document(consumer), "{consumer:?} {key:?}");
            }
            let found = ordinary.iter().filter(|image| finds(image)).count();
            match models.outcome(consumer, 0) {
                Outcome::Uses => assert!(found > 0, "{consumer:?} uses {key:?} for no ordinary image"),
                Outcome::MayUse => panic!("{consumer:?} has no other entry than {key:?}"),
                Outcome::FindsNothing | Outcome::RefusesEntry | Outcome::RefusesDocument => {}
            }
        }
        let kubelet = ordinary.iter().any(|image| !models.find(Consumer::Kubelet, image).groups.is_empty());
        assert_eq!(consumers::is_never_found(key), !kubelet, "{key:?}");
    });
});
