//! Entries of a Docker config become a Secret.

use serde_json::json;

use super::{Ran, create, fed, with_password};

fn from_config(config: &str, arguments: &[&str]) -> Ran {
    fed(
        create(&[&["pull", "--from-docker-config", "-", "-o", "json"], arguments].concat()),
        config.as_bytes(),
    )
}

#[test]
fn login_is_written_as_by_flags() {
    let wanted = with_password(b"p:<q>", &["-o", "json"]).stdout;
    let auth = "cm9ib3Q6cDo8cT4="; // robot:p:<q>
    for entry in [
        json!({"auth": auth}),
        json!({"auth": auth.trim_end_matches('=')}),
        json!({"username": "robot", "password": "p:<q>"}),
        json!({"auth": auth, "username": "robot"}),
    ] {
        let config =
            json!({"auths": {"r.example.com": entry, "s.example.com": {"auth": "!"}}, "credsStore": "pass"});
        let ran = from_config(&config.to_string(), &["--registry", "r.example.com"]);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (wanted.as_str(), ""), "{config}");
    }
}

#[test]
fn registry_is_selected_by_any_spelling() {
    let login = json!({"auth": "cm9ib3Q6cA=="});
    let config = json!({"auths": {
        "https://index.docker.io/v1/": login, "r.example.com": login, "s.example.com:5000": login,
    }});
    let keys = |arguments: &[&str]| {
        let document: serde_json::Value =
            serde_json::from_str(&from_config(&config.to_string(), arguments).document()).unwrap();
        document["auths"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(&["--registry", "docker.io"]), ["https://index.docker.io/v1/"]);
    assert_eq!(
        keys(&["--registry", "https://R.example.com", "--registry", "s.example.com:5000"]),
        ["r.example.com", "s.example.com:5000"]
    );
    assert_eq!(keys(&[]).len(), 3);
}

#[test]
fn what_is_not_in_the_file_is_said() {
    let marked = json!({"auths": {"r.example.com": {}}, "credsStore": "desktop"});
    let helped = json!({"auths": {"s.example.com": {"auth": "cm9ib3Q6cA=="}}, "credHelpers": {"r.example.com": "gcloud"}});
    let only_helped = json!({"credHelpers": {"r.example.com": "gcloud"}});
    for (config, registry, said) in [
        (
            &marked,
            None,
            "it does not contain the credentials of r.example.com: docker keeps them in its credential helper desktop",
        ),
        (&marked, Some("r.example.com"), "credential helper desktop"),
        (&helped, Some("r.example.com"), "credential helper gcloud"),
        (&only_helped, None, "credential helper gcloud"),
        (&helped, Some("t.example.com"), "it does not contain t.example.com; it contains: s.example.com"),
        // As Docker Desktop writes it.
        (&json!({"auths": {}, "credsStore": "desktop"}), None, "credential helper desktop"),
        (&json!({"credsStore": "desktop"}), None, "credential helper desktop"),
        (
            &json!({"credsStore": "desktop"}),
            Some("r.example.com"),
            "does not contain the credentials of r.example.com",
        ),
        (
            &json!({"auths": {"r.example.com": {"auth": ""}}, "credsStore": "desktop"}),
            None,
            "credential helper desktop",
        ),
        (
            &json!({"auths": {"r.example.com": {"Auth": null, "email": "e"}}, "credsStore": "desktop"}),
            None,
            "credential helper desktop",
        ),
        (
            &json!({"auths": {"r.example.com": null}, "CREDSSTORE": "desktop"}),
            None,
            "credential helper desktop",
        ),
        (&json!({}), None, "it contains no registry"),
        (&json!([]), None, "not a Docker config"),
        (&json!({"auths": 1}), None, "not a Docker config"),
    ] {
        let arguments: Vec<_> = registry.iter().flat_map(|registry| ["--registry", registry]).collect();
        let ran = from_config(&config.to_string(), &arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{config}: {ran:?}");
        assert!(ran.stderr.starts_with("regcred: -: ") && ran.stderr.contains(said), "{config}: {ran:?}");
    }
    let ran = from_config(&helped.to_string(), &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let chinese = from_config(&marked.to_string(), &["--lang", "zh"]);
    assert!(chinese.stderr.contains("凭据助手 desktop"), "{chinese:?}");
}

#[test]
fn an_email_goes_with_a_password_only() {
    let ran = from_config(r#"{"auths":{"r.example.com":{"auth":"cm9ib3Q6cA=="}}}"#, &["--email", "a@b"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(ran.stderr.contains("--email") && ran.stderr.contains("cannot be used with"), "{ran:?}");
}

#[test]
fn what_docker_and_the_rules_read_is_read() {
    let login = r#"{"auth":"cm9ib3Q6cA=="}"#;
    let auths = format!(r#"{{"r.example.com":{login}}}"#);
    let wanted = from_config(&format!(r#"{{"auths":{auths}}}"#), &[]).stdout;
    for config in [
        format!(r#"{{"Auths":{auths}}}"#),
        format!(r#"{{"AUTHS":{auths},"credsstore":null}}"#),
        format!(r#"{{"auths":{auths},"credHelpers":{{"x":null,"y":7}}}}"#),
        format!(r#"{{"auths":{auths},"credHelpers":null,"credsStore":7}}"#),
        format!(r#"{{"auths":{auths},"credHelpers":[]}}"#),
        format!("\u{feff}{{\"auths\":{auths}}}"),
    ] {
        let ran = from_config(&config, &[]);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (wanted.as_str(), ""), "{config}");
    }
    for (config, said) in [
        (r#"{"auths":null}"#.to_owned(), "it contains no registry"),
        (format!(r#"{{"auths":{auths},"auths":{auths}}}"#), "it contains auths more than once"),
        (format!(r#"{{"auths":{auths},"Auths":{{}}}}"#), "it contains auths more than once"),
        (
            "{\n \"auths\": [1]}".to_owned(),
            "not a Docker config, which is a JSON object with auths (line 2, column 11)",
        ),
        ("{\n \"auths\": {\"r\": }".to_owned(), "(line 2, column 17)"),
    ] {
        let ran = from_config(&config, &[]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{config}: {ran:?}");
        assert!(ran.stderr.contains(said), "{config}: {ran:?}");
    }
}

#[test]
fn only_missing_auth_is_changed() {
    for (entry, repaired) in [
        (
            r#"{"username":"u","password":"p","serveraddress":"a"}"#,
            r#"{"username":"u","password":"p","serveraddress":"a","auth":"dTpw"}"#,
        ),
        (
            r#"{ "username":"u", "password":"p", "identitytoken":"" }"#,
            r#"{ "username":"u", "password":"p", "identitytoken":"","auth":"dTpw" }"#,
        ),
        (
            r#"{"username":"u","password":"p","auth":null}"#,
            r#"{"username":"u","password":"p","auth":"dTpw"}"#,
        ),
        (
            r#"{"username":"u","password":"p","email":null}"#,
            r#"{"username":"u","password":"p","email":null,"auth":"dTpw"}"#,
        ),
        (r#"{"Username":"u","Password":"p"}"#, r#"{"Username":"u","Password":"p","auth":"dTpw"}"#),
        (r#"{"auth":"cm9ib3Q6cA","x":1}"#, r#"{"auth":"cm9ib3Q6cA==","x":1}"#),
    ] {
        // Beside a login, whose auth is written here in any case.
        for beside in ["", r#","s.example.com":{"auth":"cm9ib3Q6cA=="}"#] {
            let config = format!(r#"{{"auths":{{"r.example.com":{entry}{beside}}}}}"#);
            let ran = from_config(&config, &[]);
            let login = r#"{"username":"robot","password":"p","auth":"cm9ib3Q6cA=="}"#;
            let beside = beside.replace(r#"{"auth":"cm9ib3Q6cA=="}"#, login);
            assert_eq!(
                ran.document(),
                format!(r#"{{"auths":{{"r.example.com":{repaired}{beside}}}}}"#),
                "{config}"
            );
            assert_eq!(ran.stderr, "", "{config}");
        }
    }
    // Where the policy does not repair, neither does this.
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    let text = "apiVersion: regcred/v1\nkind: Policy\nrules: {missing-auth: {fix: false}}\n";
    std::fs::write(&policy, text).unwrap();
    let config = r#"{"auths":{"r.example.com":{"username":"u","password":"p","x":1}}}"#;
    let ran = from_config(config, &["--policy", policy.to_str().unwrap()]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stderr.contains("set auth to base64") && !ran.stderr.contains("on admission"), "{ran:?}");
}

#[test]
fn entry_without_login_is_judged_unchanged() {
    for (entry, status, code) in [
        (r#"{"auth":"!"}"#, 1, "auth-not-base64"),
        (r#"{"auth":"cm9ib3Q6cA==","username":"robot","password":"other"}"#, 0, "auth-disagrees"),
        (r#"{"username":"robot:x","password":"p"}"#, 1, "username-has-colon"),
        (r#"{"username":"robot","username":"robot","password":"p"}"#, 1, "ambiguous-json"),
        (r#"["robot","p"]"#, 1, "not-an-object"),
        (r#"{"identitytoken":"t"}"#, 0, "token-only"),
        ("{}", 1, "no-credentials"),
    ] {
        let config = format!(r#"{{"auths":{{"r.example.com":{entry}}}}}"#);
        let ran = from_config(&config, &[]);
        assert_eq!(ran.status, status, "{entry}: {ran:?}");
        assert!(ran.stderr.contains(&format!("[regcred/{code}] r.example.com: ")), "{entry}: {ran:?}");
        if status == 0 {
            assert_eq!(ran.document(), config);
        }
    }
    let login = r#"{"auth":"cm9ib3Q6cA=="}"#;
    let twice = format!(r#"{{"auths":{{"r.example.com":{login},"r.example.com":{login}}}}}"#);
    let ran = from_config(&twice, &[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
}
