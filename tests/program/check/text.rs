//! The text for people.

use std::fs;

use super::{check, folder};

const BAD: &str = r#"{"auths":{"r.example.com":{"username":"u","password":"p"},"s.example.com":{}}}"#;

#[test]
fn an_excerpt_has_one_head() {
    let folder = folder();
    fs::write(folder.path().join("config.json"), BAD).unwrap();
    // The second registry stands elsewhere than it is shown: what is kept back is as long as it likes.
    let said = check(folder.path(), ["config.json"]).stdout;
    assert!(said.contains(
        " --> config.json:1:59\n  |\n1 | … \"r.example.com\":{\"username\":\"***\",\"password\":\"***\"},\"s.example.com\":{}}}\n"
    ), "{said}");
    assert!(!said.contains(":::"), "{said}");
}
