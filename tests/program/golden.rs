//! Whole answers, word for word. `REGCRED_UPDATE=1` writes them anew; each is then to be read before it is kept.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::regcred::{Serve, command};
use crate::support::review::Review;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn read(name: &str) -> Value {
    let text = fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// Whether the files are to be written.
fn updates() -> bool {
    std::env::var_os("REGCRED_UPDATE").is_some_and(|update| update == "1")
}

/// Compares `answer` with the file of the golden one, or writes it there. Nothing is normalised.
#[track_caller]
fn is_golden(name: &str, answer: &Value) {
    let name = format!("{name}.response.json");
    if updates() {
        fs::write(file(&name), serde_json::to_string_pretty(answer).unwrap() + "\n").unwrap();
    }
    let golden = read(&name);
    assert!(*answer == golden, "{name}\nis       {answer}\nexpected {golden}");
}

/// Asks `/mutate` with the request `{name}.request.json`, and `/validate` with what came of it.
fn ask_both(name: &str, language: &str) {
    let policy = format!("apiVersion: regcred/v1\nkind: Policy\nlanguage: {language}\n");
    let regcred = Serve::dev().policy(&policy).start();
    let review = Review(read(&format!("{name}.request.json")));
    let mutate = regcred.post("/mutate?timeout=5s", &review.0).json();
    let validate = regcred.post("/validate?timeout=5s", &review.mutated(&mutate).0).json();
    let name = if language == "en" { name.to_owned() } else { format!("{name}.{language}") };
    is_golden(&format!("{name}.mutate"), &mutate);
    is_golden(&format!("{name}.validate"), &validate);
}

#[test]
fn create_sent_to_mutate() {
    ask_both("review-create-mutate", "en");
}

#[test]
fn create_sent_to_validate() {
    // Its document was not repaired before: what `/mutate` would mend is refused.
    let regcred = Serve::dev().start();
    let review = read("review-create-validate.request.json");
    is_golden("review-create-validate.validate", &regcred.post("/validate?timeout=5s", &review).json());
}

#[test]
fn an_update_as_the_api_server_sends_it() {
    ask_both("review-update", "en");
}

#[test]
fn a_generic_host_is_refused_in_every_language() {
    for language in ["en", "zh", "both"] {
        ask_both("generic-host", language);
    }
}

#[test]
fn rancher_secret_is_repaired_in_every_language() {
    for language in ["en", "zh", "both"] {
        ask_both("rancher-create", language);
    }
}

#[test]
fn rancher_edit_dropping_registry_is_warned_of() {
    for language in ["en", "zh", "both"] {
        ask_both("rancher-drops-registry", language);
    }
}

/// The policies of the kustomize components, which the chart links to, are the output of `regcred backstop` for the shipped policy.
#[test]
fn shipped_backstop_is_what_backstop_prints() {
    let deploy = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy");
    for stage in ["audit", "warn", "enforce"] {
        let output = command()
            .args(["backstop", "--enforcement", stage, "--policy"])
            .arg(deploy.join("policy/policy.yaml"))
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let file = deploy.join(format!("components/backstop/{stage}/policies.yaml"));
        if updates() {
            fs::write(&file, &output.stdout).unwrap();
        }
        let is_generated = fs::read(&file).unwrap() == output.stdout;
        assert!(
            is_generated,
            "{}: REGCRED_UPDATE=1 cargo test --test program shipped_backstop",
            file.display()
        );
    }
}
