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

/// A document with this in its password, and without `auth`.
fn document(password: &str) -> String {
    format!(r#"{{"auths":{{"r.example.com":{{"username":"u","password":"p{password}q"}}}}}}"#)
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
fn text_after_separator_is_refused() {
    let good = secret("stringData: {.dockerconfigjson: '{}'}");
    is_refused(&format!("{good}--- {{a: b}}\n"), 6, "text after `---`");
    is_refused(&format!("--- {{{}}}\n", HEAD.trim_end().replace('\n', ", ")), 1, "text after `---`");
    is_refused(&format!("{good}---x\n{good}"), 6, "text after `---`");
    is_refused(&format!("{good}---\r{good}"), 6, "text after `---`");
    // A comment may stand there, and blanks.
    for behind in ["", " \t", " # and now", "# and now", "\r"] {
        let Read { kubectl, check, .. } = read("a.yaml", &format!("{good}---{behind}\n{good}"));
        assert_eq!((kubectl.unwrap().len(), check.status), (2, 0), "{behind:?}");
        assert_eq!(check.lines("Summary")[0]["secrets"], 2, "{behind:?}");
    }
}

#[test]
fn escapes_that_only_json_has_are_refused() {
    let text = |escape: &str| {
        secret(&format!("stringData:\n  .dockerconfigjson: \"{{\\\"a\\\":\\\"{escape}\\\"}}\""))
    };
    is_refused(&text("\\/"), 6, "this escape");
    is_refused(&text("\\\\\\\\\\/"), 6, "this escape");
    is_refused(&text("\\ud83d\\ude00"), 6, "this escape");
    // In JSON they are what they are, and in other quotes no escapes.
    let json = r#"{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/dockerconfigjson","stringData":{".dockerconfigjson":"{\"auths\":{\"r\/a\":{\"auth\":\"\ud83d\ude00\"}}}"}}"#;
    for (name, text) in [
        ("a.json", json.to_owned()),
        ("a.yaml", secret("stringData: {.dockerconfigjson: '{\"auths\":{\"r\\/a\":{\"auth\":\"dTpw\"}}}'}")),
        (
            "a.yaml",
            secret(
                "stringData: {.dockerconfigjson: \"{\\\"auths\\\":{\\\"r\\\\/a\\\":{\\\"auth\\\":\\\"dTpw\\\"}}}\"}",
            ),
        ),
    ] {
        let Read { kubectl, check, .. } = read(name, &text);
        assert!(kubectl.is_ok() && check.lines("Error").is_empty(), "{text}: {kubectl:?} {}", check.stdout);
        assert_eq!(check.lines("Summary")[0]["secrets"], 1, "{text}: {}", check.stdout);
    }
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
    let Read { check, kubectl, .. } =
        read("a.yaml", &secret("stringData: {1: c, true: d, &k e: f, .dockerconfigjson: '{}'}"));
    assert!(kubectl.is_ok() && check.status == 0, "{kubectl:?} {}", check.stdout);
}

#[test]
fn helm_value_is_template_not_mapping() {
    let helm = "this is a template";
    for value in ["{{ template \"imagePullSecret\" . }}", "{{ .Values.x | b64enc }}", "{{ .Values.x }}"] {
        is_refused(&secret(&format!("data:\n  .dockerconfigjson: {value}")), 6, helm);
    }
    is_refused(&HEAD.replace("kubernetes.io/dockerconfigjson", "{{ .Values.type }} # dockercfg"), 4, helm);
    is_refused(&HEAD.replace("{name: a}", "{name: {{ .Release.Name }}}"), 3, helm);
}

#[test]
fn text_after_document_end_is_not_read() {
    let one =
        secret("stringData: {.dockerconfigjson: '{\"auths\":{\"r.example.com\":{\"auth\":\"dTpw\"}}}'}");
    let two = secret(&format!("stringData: {{.dockerconfigjson: '{}'}}", document("")));
    for behind in [two.as_str(), "}: ["] {
        let text = format!("{one}...\n{behind}");
        let Read { kubectl, check, changed } = read("a.yaml", &text);
        assert_eq!(kubectl.unwrap().len(), 1);
        assert!(check.status == 0 && !changed, "{}", check.stdout);
        assert_eq!(check.lines("Summary")[0]["secrets"], 1, "{}", check.stdout);
        // A Secret that nobody reads is worth a word.
        let notes = check.lines("Note");
        assert_eq!(notes.len(), usize::from(behind == two), "{}", check.stdout);
        for note in notes {
            assert_eq!(note["file"]["line"], 7, "{note}");
            assert!(note["message"].as_str().unwrap().contains("between `...`"), "{note}");
        }
    }
    // Also where it is in braces, and might have been JSON.
    let head = HEAD.trim_end().replace('\n', ", ");
    let flow = format!("{{{head}, stringData: {{.dockerconfigjson: '{{}}'}}}}\n...\n{two}");
    let Read { kubectl, check, .. } = read("a.yaml", &flow);
    assert_eq!(
        (kubectl.unwrap().len(), check.status, check.lines("Note").len()),
        (1, 0, 1),
        "{}",
        check.stdout
    );
    let Read { kubectl, check, changed } = read("a.yaml", &format!("{one}... # the end\n---\n{two}"));
    assert!(kubectl.unwrap().len() == 2 && check.status == 0 && changed, "{}", check.stdout);
}

/// The line ends of YAML 1.1 that YAML 1.2 has no more.
const LINE_ENDS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

#[test]
fn document_with_yaml_1_line_end_is_skipped() {
    for end in LINE_ENDS {
        for gap in [format!("{end} "), end.to_string(), format!(" {end}    ")] {
            let single = format!("'{}'", document(&gap));
            let double = format!("\"{}\"", document(&gap).replace('"', "\\\""));
            for written in [&single, &double] {
                let text = secret(&format!("stringData: {{.dockerconfigjson: {written}}}"));
                let Read { kubectl, check, changed } = read("a.yaml", &text);
                let read =
                    kubectl.unwrap()[0]["stringData"][".dockerconfigjson"].as_str().unwrap().to_owned();
                // A few are read as they stand; the rest is why none is judged.
                assert!(read != document(&gap) || gap == end.to_string(), "{text:?}: {read:?}");
                let errors = check.lines("Error");
                assert!(check.status == 2 && !changed && errors.len() == 1, "{text:?}: {}", check.stdout);
                assert!(errors[0]["message"].as_str().unwrap().contains("U+2028"), "{text:?}: {errors:?}");
                assert_eq!(check.lines("Summary")[0]["secrets"], 0, "{text:?}");
            }
        }
        // A block ends with them, unless by chance what comes is indented.
        for mark in ["|", ">"] {
            let text = secret(&format!(
                "stringData:\n  .dockerconfigjson: {mark}\n    {}",
                document(&end.to_string())
            ));
            let Read { kubectl, check, changed } = read("a.yaml", &text);
            assert!(kubectl.is_err() && check.status == 2 && !changed, "{text:?}: {}", check.stdout);
            let text =
                secret(&format!("stringData:\n  .dockerconfigjson: {mark}\n    {{{end}    \"auths\":{{}}}}"));
            let Read { kubectl, check, .. } = read("a.yaml", &text);
            assert!(kubectl.is_ok() && check.status == 2, "{text:?}: {}", check.stdout);
        }
    }
}

#[test]
fn yaml_1_1_line_end_counts_outside_documents() {
    let data = format!("stringData: {{.dockerconfigjson: '{}'}}", document(""));
    for end in LINE_ENDS {
        // The comment is over, and the Secret has data.
        let hidden = secret(&format!("# a comment{end}{data}"));
        let behind = secret(&format!("# a comment{end}\n{data}"));
        let between = secret(&format!("{end}{data}"));
        for text in [hidden, behind, between] {
            let Read { kubectl, check, changed } = read("a.yaml", &text);
            assert!(kubectl.unwrap()[0]["stringData"][".dockerconfigjson"].is_string(), "{text:?}");
            assert!(check.status == 0 && changed, "{text:?}: {}", check.stdout);
        }
        let text = secret(&format!("{data}\n# a comment{end}that goes on"));
        let Read { kubectl, check, changed } = read("a.yaml", &text);
        assert!(kubectl.is_err() && check.status == 2 && !changed, "{text:?}: {}", check.stdout);
    }
    // In JSON they are characters like any other.
    let json = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": document("\u{2028} ")},
    });
    let Read { kubectl, check, changed } = read("a.json", &json.to_string());
    assert_eq!(kubectl.unwrap()[0]["stringData"], json["stringData"]);
    assert!(check.status == 0 && changed, "{}", check.stdout);
}

#[test]
fn half_surrogate_pair_is_read_as_kubectl_does() {
    let config_map =
        r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"\ud800"}}"#;
    let Read { kubectl, check, .. } = read("a.json", config_map);
    assert!(kubectl.is_ok() && check.status == 0, "{}", check.stdout);
    let text = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"type":"kubernetes.io/dockerconfigjson",
        "stringData":{".dockerconfigjson":"{\"auths\":{\"\udc00\\\ud83d\ude00\ud800\":{\"auth\":\"dTpw\"}}}"}}"#;
    let Read { kubectl, check, .. } = read("a.json", text);
    let read = kubectl.unwrap()[0]["stringData"][".dockerconfigjson"].clone();
    assert_eq!(read, "{\"auths\":{\"\u{fffd}\\\u{1f600}\u{fffd}\":{\"auth\":\"dTpw\"}}}");
    assert_eq!(check.lines("Summary")[0]["secrets"], 1, "{}", check.stdout);
}

#[test]
fn null_that_empties_data_is_reported() {
    let null = "stringData: {.dockerconfigjson: ~}";
    let data = "data: {.dockerconfigjson: e30=}";
    let Read { kubectl, check, .. } = read("a.yaml", &secret(&format!("{data}\n{null}")));
    assert!(kubectl.unwrap()[0]["stringData"][".dockerconfigjson"].is_null());
    let errors = check.lines("Error");
    assert!(check.status == 2 && errors.len() == 1, "{}", check.stdout);
    assert_eq!(
        (&errors[0]["file"]["line"], &errors[0]["file"]["column"]),
        (&6.into(), &14.into()),
        "{errors:?}"
    );
    assert!(errors[0]["message"].as_str().unwrap().contains("replaces the value in data"), "{errors:?}");
    // Without a value in `data`, the data key is missing.
    let Read { check, .. } = read("a.yaml", &secret(null));
    let findings = check.lines("Finding");
    assert!(check.status == 1 && findings.len() == 1, "{}", check.stdout);
    assert_eq!(findings[0]["code"], "missing-data-key");
}

#[test]
fn words_are_text_as_for_kubectl() {
    let words = [
        "y", "Y", "yes", "Yes", "YES", "yEs", "NO", "nO", "off", "On", "True", "tRUE", "null", "Null",
        "nUll", "~", "nil",
    ];
    let lines = words.iter().enumerate().map(|(index, word)| format!("\n  w{index}: {word}"));
    let data = kubectl_reads(&format!("stringData:{}", lines.collect::<Vec<_>>().concat()));
    for (index, word) in words.iter().enumerate() {
        let is_text = data[format!("w{index}")].is_string();
        let Read { check, .. } =
            read("a.yaml", &secret(&format!("stringData:\n  .dockerconfigjson: {word}")));
        let is_missing = check.lines("Finding").iter().any(|finding| finding["code"] == "missing-data-key");
        let is_judged = check.lines("Summary")[0]["secrets"] == 1 && !is_missing;
        assert_eq!(is_judged, is_text, "{word}: {}", check.stdout);
    }
}

/// What stands under `stringData` of a Secret.
#[track_caller]
fn kubectl_reads(data: &str) -> Value {
    read("a.yaml", &secret(data)).kubectl.unwrap()[0]["stringData"].clone()
}
