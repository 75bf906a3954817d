//! Any file that `regcred check` reads: no panic, places inside the file, and a repaired file needs no repair.
//!
//! `cd engine && cargo +nightly fuzz run manifest`

#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use regcred::manifest::content::Content;
use regcred::manifest::{Manifest, Terms};
use regcred_engine::policy::Policy;

const NAMES: [&str; 6] =
    ["secret.yaml", "secret.json", "config.json", ".dockercfg", ".dockerconfigjson", "templates/secret.yaml"];

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);

fuzz_target!(|input: (u8, &str)| {
    let (name, text) = input;
    let path = NAMES[usize::from(name) % NAMES.len()];
    let terms = Terms { policy: &POLICY, now: Timestamp::constant(1_795_392_000, 0) };
    let content = Content::new(text.as_bytes());
    let manifest = Manifest::read(path, &content);
    let checked = manifest.check(terms);
    let lines = text.split(['\n', '\r']).count();
    for region in
        checked.judged.iter().flat_map(|judged| judged.findings.listed()).filter_map(|f| f.region.as_ref())
    {
        assert!((1..=lines + 1).contains(&region.line) && region.column >= 1);
        assert!((region.line, region.column) <= (region.end_line, region.end_column));
    }
    if let Some(repaired) = manifest.repaired(terms) {
        let content = Content::new(repaired.as_bytes());
        let again = Manifest::read(path, &content);
        assert!(again.repaired(terms).is_none(), "a second repair");
        assert_eq!(again.check(terms).judged.len(), checked.judged.len());
    }
});
