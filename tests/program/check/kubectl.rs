//! Files are read as the real kubectl reads them: what it refuses is an error here, and what it reads otherwise than
//! others is not judged, and not repaired, as others read it.

use std::fs;

use serde_json::Value;

use super::{Ran, check, folder, kubectl};

const HEAD: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: kubernetes.io/dockerconfigjson\n";

/// A Secret with this behind its head.
fn secret(rest: &str) -> String {
    format!("{HEAD}{rest}\n")
}

/// What kubectl and `check --fix` make of a file.
struct Read {
    kubectl: Result<Vec<Value>, String>,
    check: Ran,
    changed: bool,
}

fn read(name: &str, text: &str) -> Read {
    let folder = folder();
    let file = folder.path().join(name);
    fs::write(&file, text).unwrap();
    let kubectl = kubectl(folder.path(), name);
    let check = check(folder.path(), ["--fix", "--output-format", "json", name]);
    Read { kubectl, check, changed: fs::read_to_string(&file).unwrap() != text }
}

/// What kubectl refuses: an error at this line, with these words.
#[track_caller]
fn is_refused(text: &str, line: u64, words: &str) {
    let Read { kubectl, check, changed } = read("a.yaml", text);
    assert!(kubectl.is_err(), "kubectl takes {text:?}");
    let errors = check.lines("Error");
    assert!(check.status == 2 && !changed && errors.len() == 1, "{text:?}: {}", check.stdout);
    assert_eq!(errors[0]["file"]["line"], line, "{text:?}: {errors:?}");
    assert!(errors[0]["message"].as_str().unwrap().contains(words), "{text:?}: {errors:?}");
}

#[test]
fn names_that_are_no_texts_are_refused() {
    for (data, line) in [
        ("data:\n  ? {a: b}\n  : c", 6),
        ("data:\n  ? [a]\n  : c", 6),
        ("data: {[a]: c}", 5),
        ("data:\n  ~: c", 6),
    ] {
        is_refused(&secret(data), line, "a name here");
    }
    is_refused(&secret("x: &k {a: b}\ndata: {*k : c}"), 6, "a name here");
    let Read { check, kubectl, .. } = read("a.yaml", &secret("stringData: {1: c, true: d, &k e: f}"));
    assert!(kubectl.is_ok() && check.status == 0, "{kubectl:?} {}", check.stdout);
}

#[test]
fn a_value_that_helm_writes_is_a_template_and_no_mapping() {
    let helm = "this is a template";
    for value in ["{{ template \"imagePullSecret\" . }}", "{{ .Values.x | b64enc }}", "{{ .Values.x }}"] {
        is_refused(&secret(&format!("data:\n  .dockerconfigjson: {value}")), 6, helm);
    }
    is_refused(&HEAD.replace("kubernetes.io/dockerconfigjson", "{{ .Values.type }}"), 4, helm);
    is_refused(&HEAD.replace("{name: a}", "{name: {{ .Release.Name }}}"), 3, helm);
}
