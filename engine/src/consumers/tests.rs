//! The facts of docs/facts.md about consumers, one table for each consumer.

use super::*;

/// What a consumer reads from the only entry, written down: `u:p`, with tokens after it; or what it refuses.
fn read(consumer: Consumer, entry: &str) -> String {
    let document = format!(r#"{{"auths":{{"r.example.com":{entry}}}}}"#);
    read_document(consumer, &document)
}

fn read_document(consumer: Consumer, document: &str) -> String {
    ask(document.as_bytes(), SecretType::DockerConfigJson, |models| {
        if models.refuses_document(consumer) {
            return "refuses-document".to_owned();
        }
        match models.read(consumer, 0) {
            EntryRead::Credentials(it) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let tokens = [it.identity_token, it.registry_token].map(|token| format!(" {token}")).concat();
                format!("{}:{}{}", text(&it.username), text(&it.password), tokens.trim_end())
            }
            EntryRead::Nothing => "nothing".to_owned(),
            EntryRead::RefusesEntry | EntryRead::RefusesDocument => "refuses-entry".to_owned(),
        }
    })
    .unwrap()
}

/// The outcome for each consumer of the entry at `index`, by its first letters in the order of [`Consumer::ALL`].
fn outcomes(secret_type: SecretType, document: &str, index: usize) -> String {
    let name = |outcome| match outcome {
        Outcome::Uses => "uses",
        Outcome::MayUse => "may",
        Outcome::FindsNothing => "-",
        Outcome::RefusesEntry => "entry",
        Outcome::RefusesDocument => "document",
    };
    ask(document.as_bytes(), secret_type, |models| {
        Consumer::ALL.map(|consumer| name(models.outcome(consumer, index))).join(" ")
    })
    .unwrap()
}

/// The same for the only entry of a document with this key.
fn found(key: &str) -> String {
    outcomes(SecretType::DockerConfigJson, &format!(r#"{{"auths":{{"{key}":{{"auth":"dTpw"}}}}}}"#), 0)
}

#[test]
fn every_consumer_reads_its_own_fields() {
    const REFUSED: &str = "refuses-document";
    // kubelet, docker, podman, key chain, Argo CD Image Updater
    for (entry, expected) in [
        ("{}", ["nothing", "nothing", "nothing", "nothing", "refuses-entry"]),
        ("null", ["nothing", "nothing", "nothing", "nothing", "refuses-entry"]),
        ("[]", [REFUSED, REFUSED, REFUSED, REFUSED, "refuses-entry"]),
        (r#"{"username":"u","password":"p"}"#, ["u:p", "u:p", "nothing", "u:p", "refuses-entry"]),
        (r#"{"auth":"dTpw"}"#, ["u:p", "u:p", "u:p", "u:p", "u:p"]),
        (r#"{"username":"a","password":"b","auth":"dTpw"}"#, ["u:p"; 5]),
        (r#"{"AUTH":"dTpw"}"#, ["u:p", "u:p", "u:p", "u:p", "refuses-entry"]),
        (r#"{"auth":"dTpw","auth":null}"#, ["u:p", "u:p", "u:p", "u:p", "refuses-entry"]),
        (r#"{"auth":"dXM6cA"}"#, ["us:p", REFUSED, "refuses-entry", "us:p", "refuses-entry"]),
        (r#"{"auth":"dXNlcg=="}"#, [REFUSED, REFUSED, "nothing", REFUSED, "refuses-entry"]),
        (r#"{"auth":"u:p"}"#, [REFUSED, REFUSED, "refuses-entry", REFUSED, "refuses-entry"]),
        (r#"{"auth":"OnA="}"#, [":p", REFUSED, ":p", ":p", ":p"]),
        (r#"{"auth":"dTo="}"#, ["u:"; 5]),
        (r#"{"auth":"dTpwAA=="}"#, ["u:p\0", "u:p", "u:p", "u:p\0", "u:p\0"]),
        (r#"{"identitytoken":"t"}"#, ["nothing", ": t", "nothing", ": t", "refuses-entry"]),
        (r#"{"auth":"dTpw","identitytoken":"t"}"#, ["u:p", "u:p t", "u:p t", "u:p t", "u:p"]),
        (r#"{"auth":"dTpw","registrytoken":"t"}"#, ["u:p", "u:p  t", "u:p", "u:p  t", "u:p"]),
        (r#"{"auth":"dTpw","username":1}"#, [REFUSED, REFUSED, "u:p", REFUSED, "u:p"]),
        (r#"{"auth":"dTpw","email":1}"#, [REFUSED, "u:p", "u:p", "u:p", "u:p"]),
        (r#"{"auth":"dTpw","serveraddress":1}"#, ["u:p", REFUSED, "u:p", "u:p", "u:p"]),
        (r#"{"auth":"dTpw","identitytoken":1}"#, ["u:p", REFUSED, REFUSED, REFUSED, "u:p"]),
        (r#"{"auth":"dTpw","registrytoken":1}"#, ["u:p", REFUSED, "u:p", REFUSED, "u:p"]),
        (r#"{"auth":1}"#, [REFUSED, REFUSED, REFUSED, REFUSED, "refuses-entry"]),
    ] {
        assert_eq!(Consumer::ALL.map(|consumer| read(consumer, entry)), expected, "{entry}");
    }
}

#[test]
fn every_consumer_refuses_its_own_settings() {
    for (settings, expected) in [
        (r#""HttpHeaders":{"X":1}"#, [true, true, false, false, false]),
        (r#""HttpHeaders":{"X":null}"#, [false; 5]),
        (r#""credHelpers":{"r.example.com":1}"#, [false, true, true, false, false]),
        (r#""credsStore":1"#, [false, true, false, false, false]),
        (r#""psformat":1"#, [false, true, false, false, false]),
        (r#""features":{"buildkit":true}"#, [false, true, false, false, false]),
        (r#""pruneFilters":["a\"]", null]"#, [false; 5]),
        (r#""pruneFilters":["a", [1]]"#, [false, true, false, false, false]),
        (r#""pruneFilters":[true]"#, [false, true, false, false, false]),
        (r#""plugins":{"a":{"b":"c"}}"#, [false; 5]),
        (r#""plugins":{"a":{"b":1}}"#, [false, true, false, false, false]),
        (r#""proxies":{"default":{"httpProxy":1}}"#, [false, true, false, false, false]),
        (r#""proxies":{"default":{"other":1}}"#, [false; 5]),
        (r#""experimental":true"#, [false; 5]),
        (r#""auths":[]"#, [true, true, true, true, false]),
    ] {
        let document = format!(r#"{{"auths":{{}},{settings}}}"#);
        let refused = ask(document.as_bytes(), SecretType::DockerConfigJson, |models| {
            Consumer::ALL.map(|consumer| models.refuses_document(consumer))
        });
        assert_eq!(refused, Some(expected), "{settings}");
    }
}

#[test]
fn keys_are_found_as_the_facts_say() {
    for (key, expected) in [
        ("r.example.com", "uses uses uses uses uses"),
        ("https://r.example.com", "uses uses uses uses uses"),
        ("http://r.example.com", "uses uses uses uses -"),
        ("https://r.example.com/v2/", "uses uses uses uses uses"),
        ("r.example.com/", "uses uses - uses uses"),
        ("r.example.com/v1/", "uses uses - uses uses"),
        ("r.example.com/team", "uses uses uses uses uses"),
        ("r.example.com/team/", "uses uses - uses uses"),
        ("r.example.com:", "uses - - uses uses"),
        ("r.example.com:443", "- - - - uses"),
        ("r.example.com:5000", "uses uses uses uses uses"),
        ("R.example.com", "- - - - -"),
        ("HTTPS://r.example.com", "- uses - - -"),
        ("r.example.com/v1", "- - - - -"),
        ("*.example.com", "uses - - uses -"),
        ("localhost", "uses uses uses uses uses"),
        ("[::1]:5000", "uses uses - uses uses"),
        ("[::1]", "- uses - - uses"),
        ("my_host.example.com", "uses - uses uses -"),
    ] {
        assert_eq!(found(key), expected, "{key}");
    }
}

#[test]
fn docker_hub_is_found_under_these_names() {
    for (key, expected) in [
        ("https://index.docker.io/v1/", "uses uses uses uses -"),
        ("index.docker.io/v1/", "uses - - uses -"),
        ("index.docker.io", "uses - uses uses -"),
        ("docker.io", "uses - uses - -"),
        ("https://index.docker.io/v1", "- - - - -"),
        ("docker.io/acme", "uses - uses - -"),
        ("index.docker.io/acme", "- - - uses -"),
        ("index.docker.io/acme/app", "- may - uses -"),
    ] {
        assert_eq!(found(key), expected, "{key}");
    }
    // For Docker Hub's own images the host of the key does not matter.
    let hub = [ImageRef::parse("acme/app").unwrap()];
    for (key, expected) in [
        ("https://registry-1.docker.io", "- - uses - uses"),
        ("registry-1.docker.io", "- - uses - uses"),
        ("https://index.docker.io/v1", "- - uses - -"),
        ("hub.docker.com", "- - - - -"),
    ] {
        let document = format!(r#"{{"auths":{{"{key}":{{"auth":"dTpw"}}}}}}"#);
        let outcomes = ask(document.as_bytes(), SecretType::DockerConfigJson, |models| {
            Consumer::ALL.map(|consumer| models.outcome_for(consumer, 0, &hub) == Outcome::Uses)
        });
        let expected: Vec<_> = expected.split(' ').map(|outcome| outcome == "uses").collect();
        assert_eq!(outcomes.unwrap().to_vec(), expected, "{key}");
    }
}

#[test]
fn several_entries_for_one_registry() {
    const CONFIG: SecretType = SecretType::DockerConfigJson;
    for (entries, first, second) in [
        (
            r#""ghcr.io":{"auth":"dTox"},"https://ghcr.io":{"auth":"dToy"}"#,
            "may uses uses may may",
            "may - - may may",
        ),
        (
            r#""ghcr.io":{"auth":"dTox"},"https://ghcr.io":{"auth":"dTox"}"#,
            "uses uses uses uses uses",
            "uses uses uses uses uses",
        ),
        (
            r#""quay.io":{"auth":"dTox"},"quay.io/one":{"auth":"dToy"}"#,
            "uses uses uses uses may",
            "uses may uses uses may",
        ),
        (
            r#""quay.io/one":{"auth":"dTox"},"quay.io/two":{"auth":"dToy"}"#,
            "uses may uses uses may",
            "uses may uses uses may",
        ),
        (
            r#""r.example.com":{"auth":"dTox"},"r.example.com:":{"auth":"dToy"}"#,
            "may uses uses - may",
            "uses - - uses may",
        ),
        (
            r#""r.example.com":{"auth":"dTox"},"r.example.com":{"auth":"dToy"}"#,
            "- - - - -",
            "uses uses uses uses uses",
        ),
        (
            r#""r.example.com":{"auth":"dTox"},"bad key":{}"#,
            "uses uses uses document uses",
            "- - - document -",
        ),
        (
            r#""r.example.com":{"auth":"dTox"}},"auths":{"q.example.com":{"auth":"dToy"}"#,
            "uses uses uses uses -",
            "uses uses uses uses uses",
        ),
        (
            r#""r.example.com":{"auth":"dTox"}},"auths":null,"auths":{"q.example.com":{}"#,
            "- - - - -",
            "- - - - entry",
        ),
        (
            r#""r.example.com":{"auth":"dTox"},"q.example.com":{}},"credsStore":"pass""#,
            "uses entry uses uses uses",
            "- entry - - entry",
        ),
        (
            r#""r.example.com":{"auth":"dTox"},"q.example.com":{"auth":"dTox"}},"credHelpers":{"r.example.com":"pass"}"#,
            "uses entry entry uses uses",
            "uses uses uses uses uses",
        ),
    ] {
        let close =
            if entries.contains("\"credsStore\"") || entries.contains("credHelpers") { "}" } else { "}}" };
        let document = format!(r#"{{"auths":{{{entries}{close}"#);
        assert_eq!(outcomes(CONFIG, &document, 0), first, "first of {document}");
        assert_eq!(outcomes(CONFIG, &document, 1), second, "second of {document}");
    }
}

#[test]
fn a_dockercfg_is_read_by_three() {
    for (key, expected) in [
        ("r.example.com", "uses - uses uses -"),
        ("r.example.com/", "uses - uses uses -"),
        ("r.example.com:", "uses - - uses -"),
    ] {
        let document = format!(r#"{{"{key}":{{"auth":"dTpw"}}}}"#);
        assert_eq!(outcomes(SecretType::DockerCfg, &document, 0), expected, "{key}");
    }
}

/// argocd-image-updater at 648d1f44, registry-scanner/pkg/image/credentials_test.go (a7cd207c), `Test_ParseDockerConfig`
/// with its `valid-config.json` and `valid-config-noproto.json`: Docker Hub's key is that of its API, with or without
/// `https://`, and its path does not matter.
#[test]
fn the_image_updater_compares_beginnings() {
    let finds = |key: &str, image: &str| {
        let document = format!(r#"{{"auths":{{"{key}":{{"auth":"Zm9vOmJhcg=="}}}}}}"#);
        let image = ImageRef::parse(image).unwrap();
        ask(document.as_bytes(), SecretType::DockerConfigJson, |models| {
            models.outcome_for(Consumer::ImageUpdater, 0, &[image]) == Outcome::Uses
        })
    };
    for (key, image, expected) in [
        ("https://registry-1.docker.io/v2", "library/app", true),
        ("registry-1.docker.io/v2", "library/app", true),
        ("https://registry-1.docker.io/v2", "gcr.io/app", false),
        // credentials.go: `strings.HasPrefix(registry, registryURL)` and `strings.HasPrefix(registry, regPrefix)`
        ("r.example.com:5000", "r.example.com/app", true),
        ("r.example.com.cn", "r.example.com/app", true),
        ("http://r.example.com", "r.example.com/app", false),
        ("https://https://r.example.com", "r.example.com/app", false),
        // endpoints.go, `findRegistryEndpointByImage`: the one known registry is taken by its beginning, too
        ("registry-1.docker.io", "docker.io.example.com/app", true),
        // image.go, `NewFromIdentifier`: no domain, the default registry
        ("registry-1.docker.io", "my_host.example.com/app", true),
    ] {
        assert_eq!(finds(key, image), Some(expected), "{key} for {image}");
    }
    let outcome = |document: &str| {
        ask(document.as_bytes(), SecretType::DockerConfigJson, |models| {
            models.outcome(Consumer::ImageUpdater, 0)
        })
    };
    // credentials.go: `dockerConf["auths"].(map[string]any)`, `authConf.(map[string]any)`, `authEntry["auth"].(string)`
    for (document, expected) in [
        (r#"{"Auths":{"r.example.com":{"auth":"dTpw"}}}"#, Outcome::FindsNothing),
        (r#"{"auths":{"r.example.com":{"Auth":"dTpw"}}}"#, Outcome::RefusesEntry),
        (r#"{"auths":{"r.example.com":{"username":"u","password":"p"}}}"#, Outcome::RefusesEntry),
        (r#"{"auths":{"r.example.com":{"auth":"dXNlcg=="}}}"#, Outcome::RefusesEntry),
        (r#"{"auths":{"r.example.com":[]}}"#, Outcome::RefusesEntry),
    ] {
        assert_eq!(outcome(document), Some(expected), "{document}");
    }
}

#[test]
fn references_are_normalised() {
    for (text, name) in [
        ("app", Some("docker.io/library/app")),
        ("acme/app:1.2", Some("docker.io/acme/app")),
        ("index.docker.io/app", Some("docker.io/library/app")),
        ("localhost/app", Some("localhost/app")),
        ("localhost:5000/app:1", Some("localhost:5000/app")),
        ("R.example.com/app", Some("R.example.com/app")),
        ("[::1]:5000/app", Some("[::1]:5000/app")),
        ("my_host.example.com/app", Some("my_host.example.com/app")),
        ("r.example.com/a__b/c---d", Some("r.example.com/a__b/c---d")),
        ("my_host:5000/app", None),
        ("r.example.com/App", None),
        ("r.example.com/a..b", None),
        ("r.example.com/-a", None),
        ("r.example.com/", None),
        ("r.example.com:/app", None),
        ("", None),
    ] {
        assert_eq!(ImageRef::parse(text).as_ref().map(ImageRef::name), name, "{text}");
    }
    assert_eq!(ImageRef::parse("my_host.example.com/app").unwrap().domain(), "");
    assert!(ImageRef::parse(&format!("r.example.com/{}", "a".repeat(255))).is_some());
    assert!(ImageRef::parse(&format!("r.example.com/{}", "a".repeat(256))).is_none());
}
