//! Any policy file: no panic, every error has a place in the file, and a comment in front changes nothing.
//!
//! `cd engine && cargo +nightly fuzz run policy_file`

#![no_main]

use libfuzzer_sys::fuzz_target;
use regcred_engine::policy::Policy;

fuzz_target!(|text: &str| match Policy::parse(text) {
    Ok(policy) => {
        if !text.starts_with('\u{feff}') {
            let commented = Policy::parse(&format!("# a comment\n\n{text}"));
            assert_eq!(format!("{policy:?}"), format!("{:?}", commented.expect("the same file")));
        }
    }
    Err(error) => {
        assert!(!error.faults().is_empty() && error.faults().is_sorted());
        let lines = text.split(['\n', '\r']).count() as u64;
        for fault in error.faults() {
            assert!((1..=lines + 1).contains(&fault.line) && fault.column >= 1, "{fault}");
            assert!(!fault.message.is_empty() && !fault.message.contains(char::is_control), "{fault}");
        }
    }
});
