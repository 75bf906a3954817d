//! Scans by those who may not see everything, or nothing, or cannot even ask.

use std::fs;

use serde_json::{Value, json};

use crate::support::cluster::{Account, Scan, Scanned};
use crate::support::eventually;
use crate::support::proxy::Then;

use super::{HOST, JSON, auths, bad, bare, cluster, of, standing};

/// Lets a user do something, in a namespace or everywhere.
fn grant(user: &str, namespace: Option<&str>, resource: &str) {
    let kind = if namespace.is_some() { "role" } else { "clusterrole" };
    let name = format!("{user}-{resource}");
    let (resource, user, role) =
        (format!("--resource={resource}"), format!("--user={user}"), format!("--{kind}={name}"));
    let binding = format!("{kind}binding");
    let mut make = vec!["create", kind, &name, "--verb=list", &resource];
    let mut bind = vec!["create", &binding, &name, &role, &user];
    for arguments in [&mut make, &mut bind] {
        arguments.extend(namespace.map(|_| "-n"));
        arguments.extend(namespace);
        cluster().accepts(arguments, "");
    }
}

/// Runs the scan of a user once the API server knows of the grants.
fn once_granted(user: &str, arguments: &[&str], granted: impl Fn(&Scanned) -> bool) -> Scanned {
    eventually("the permission", || {
        let scanned = cluster().scan_as(Account::As(user), arguments).run();
        granted(&scanned).then_some(scanned)
    })
}

fn namespaces_of(scanned: &Scanned) -> Vec<Value> {
    let findings = scanned.lines("Finding").into_iter();
    findings.map(|finding| finding["secret"]["namespace"].clone()).collect()
}

#[test]
fn one_readable_namespace_is_shown_others_named() {
    standing(cluster(), "access-mine", &bad(2));
    standing(cluster(), "access-theirs", &bad(1));
    grant("one-namespace", Some("access-mine"), "secrets");

    let mine = once_granted("one-namespace", &of(&["access-mine"], &[]), |scanned| scanned.code == Some(1));
    assert_eq!(mine.summary()["deny"], 2);

    let both = of(&["access-theirs", "access-mine"], &[]);
    let scanned = cluster().scan_as(Account::As("one-namespace"), &both).run();
    assert_eq!(scanned.code, Some(2));
    assert_eq!(namespaces_of(&scanned), ["access-mine", "access-mine"]);
    let errors = scanned.errors();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0]
            .starts_with("cannot read namespace access-theirs: secrets is forbidden: User \"one-namespace\""),
        "{errors:?}"
    );
    assert_eq!(
        scanned.stderr,
        "regcred: this report is incomplete: it says what could not be read or done\n"
    );

    // Everywhere: neither the Secrets nor the namespaces of the cluster.
    let everywhere = [&JSON[..], &["-A"]].concat();
    let scanned = cluster().scan_as(Account::As("one-namespace"), &everywhere).run();
    assert_eq!((scanned.code, &scanned.summary()["secrets"]), (Some(2), &json!(0)));
    assert!(scanned.errors()[0].contains("use -n with the namespaces that you can read"), "{scanned:?}");

    grant("one-namespace", None, "namespaces");
    let scanned = once_granted("one-namespace", &everywhere, |scanned| !scanned.lines("Finding").is_empty());
    assert_eq!(scanned.code, Some(2));
    assert!(scanned.stderr.contains("reading each namespace"), "{}", scanned.stderr);
    assert_eq!(namespaces_of(&scanned), ["access-mine", "access-mine"]);
    let errors = scanned.errors();
    for other in ["access-theirs", "kube-system"] {
        assert!(errors.iter().any(|error| error.starts_with(&format!("cannot read namespace {other}"))));
    }
    assert_eq!(scanned.summary()["errors"], errors.len());
}

#[test]
fn unreadable_is_never_reported_as_nothing_found() {
    for arguments in [of(&["default"], &[]), JSON.to_vec(), [&JSON[..], &["-A"]].concat()] {
        let scanned = cluster().scan_as(Account::As("nobody-at-all"), &arguments).run();
        assert_eq!((scanned.code, scanned.errors().len()), (Some(2), 1), "{scanned:?}");
        assert!(scanned.errors()[0].contains("is forbidden: User \"nobody-at-all\""), "{scanned:?}");
    }
}

#[test]
fn rejected_token_is_reported_and_not_shown() {
    for format in ["text", "json", "sarif", "junit", "github"] {
        let arguments = ["-A", "--output-format", format];
        let scanned = cluster().scan_as(Account::Token("expired-token-canary"), &arguments).run();
        assert_eq!(scanned.code, Some(2));
        assert!(scanned.stdout.contains("401 Unauthorized"), "{scanned:?}");
        assert!(!format!("{}{}", scanned.stdout, scanned.stderr).contains("canary"), "{scanned:?}");
    }
}

#[test]
fn missing_namespace_is_not_empty() {
    standing(cluster(), "access-empty", &[]);
    let scanned = cluster().scan(&of(&["access-empty", "access-missing"], &[])).run();
    assert_eq!(
        (scanned.code, scanned.errors()),
        (Some(2), vec!["namespace access-missing does not exist".to_owned()])
    );

    let scanned = cluster().scan(&of(&["access-empty"], &[])).run();
    assert_eq!((scanned.code, &scanned.summary()["secrets"]), (Some(0), &json!(0)));

    // Who may list Secrets and nothing else, and then namespaces too, but not get any.
    grant("namespaceless", None, "secrets");
    let missing = of(&["access-missing"], &[]);
    let scanned = once_granted("namespaceless", &missing, |scanned| scanned.code == Some(0));
    let notes = scanned.lines("Note");
    assert_eq!((notes.len(), &scanned.summary()["notJudged"]), (1, &json!(1)), "{scanned:?}");
    assert_eq!(
        notes[0]["message"],
        "found nothing in namespace access-missing; the API server does not say whether it exists"
    );
    let text =
        cluster().scan_as(Account::As("namespaceless"), &["-n", "access-missing", "--lang", "zh"]).run();
    assert!(
        text.stdout.contains("API server 未说明该命名空间是否存在") && !text.stdout.contains("没有发现问题"),
        "{text:?}"
    );
    grant("namespaceless", None, "namespaces");
    let scanned = once_granted("namespaceless", &missing, |scanned| scanned.code == Some(2));
    assert_eq!(scanned.errors(), ["namespace access-missing does not exist"]);
    let scanned = cluster().scan_as(Account::As("namespaceless"), &of(&["access-empty"], &[])).run();
    assert_eq!((scanned.code, scanned.lines("Note").len()), (Some(0), 0), "{scanned:?}");
    assert_eq!(scanned.stderr, "");
}

#[test]
fn unknown_namespace_is_not_taken_for_existing() {
    standing(cluster(), "access-unsaid", &[]);
    // What the namespace itself is answered with, and the list of namespaces.
    let scanned = |one: u16, list: u16| {
        let proxy = cluster().proxy(move |passing| {
            if passing.uri.contains("/secrets") {
                return Then::Pass;
            }
            let status = if passing.uri.starts_with("/api/v1/namespaces/") { one } else { list };
            Then::Answer(status, json!({"kind": "Status", "message": "no", "code": status}).to_string())
        });
        cluster().scan_through(&proxy, &of(&["access-unsaid"], &[])).run()
    };
    for status in [400, 403, 405, 422] {
        let scanned = scanned(status, status);
        assert_eq!((scanned.code, scanned.lines("Note").len()), (Some(0), 1), "{status}: {scanned:?}");
        assert_eq!(
            scanned.lines("Note")[0]["message"],
            "found nothing in namespace access-unsaid; the API server does not say whether it exists"
        );
    }
    // Credentials that have expired since the Secrets were listed.
    for (one, list) in [(401, 403), (403, 401)] {
        let scanned = scanned(one, list);
        assert_eq!((scanned.code, scanned.errors().len()), (Some(2), 1), "{one}, {list}: {scanned:?}");
        assert!(scanned.errors()[0].contains("401 Unauthorized"), "{scanned:?}");
    }
}

#[test]
fn invalid_namespace_is_not_all_namespaces() {
    let namespace = standing(cluster(), "access-nameless", &bad(1));
    let proxy = cluster().proxy(|_| Then::Pass);
    for name in ["", "access-nameless,", ".", "..", "a/b", "Team"] {
        let scanned = cluster().scan_through(&proxy, &of(&[name], &["--fix"])).run();
        assert_eq!((scanned.code, scanned.stdout.as_str()), (Some(2), ""), "{name:?}: {scanned:?}");
        assert!(
            scanned.stderr.contains("a namespace has at most 63 lowercase letters"),
            "{name:?}: {}",
            scanned.stderr
        );
    }
    assert_eq!(proxy.seen().len(), 0, "the cluster is not even asked");
    assert_eq!(namespace.document("acr-000"), auths(&[&bare(HOST)]));
}

#[test]
fn context_without_namespace_means_default() {
    let proxy = cluster().proxy(|_| Then::Pass);
    let mut config = cluster().kubeconfig(Account::Admin, Some(&proxy));
    for none in ["", "default\n"] {
        config["contexts"][0]["context"]["namespace"] = json!(none);
        let scanned = Scan::new(&config, &JSON).run();
        assert_eq!((scanned.lines("Summary").len(), scanned.errors()), (1, vec![]), "{scanned:?}");
    }
    let asked = proxy.seen();
    assert!(
        asked.iter().all(|passing| passing.uri.starts_with("/api/v1/namespaces/default")),
        "{:?}",
        asked.iter().map(|passing| &passing.uri).collect::<Vec<_>>()
    );

    config["contexts"][0]["context"]["namespace"] = json!("..");
    let scanned = Scan::new(&config, &JSON).run();
    assert_eq!(scanned.code, Some(2));
    assert!(scanned.stderr.contains("the namespace of the kubeconfig's context is invalid"), "{scanned:?}");
    assert_eq!(proxy.seen().len(), asked.len());
}

#[test]
fn kubeconfigs_are_found_as_kubectl_finds_them() {
    standing(cluster(), "access-config", &bad(1));
    let folder = tempfile::tempdir().unwrap();
    // The context and cluster in one file, the user in another; of what is there twice the first counts.
    let mut first = cluster().kubeconfig(Account::Admin, None);
    let users = first.as_object_mut().unwrap().remove("users").unwrap();
    first["contexts"][0]["context"]["namespace"] = json!("access-config");
    let second = json!({"apiVersion": "v1", "kind": "Config", "current-context": "other", "users": users,
        "contexts": [{"name": "other", "context": {"cluster": "none", "user": "none"}}]});
    for (name, config) in [("first", &first), ("second", &second)] {
        fs::write(folder.path().join(name), config.to_string()).unwrap();
    }
    let files = std::env::join_paths(["first", "second"].map(|name| folder.path().join(name))).unwrap();

    let scanned = Scan::without_kubeconfig(&JSON).env("KUBECONFIG", &files).run();
    assert_eq!((scanned.code, &scanned.summary()["deny"]), (Some(1), &json!(1)), "{scanned:?}");
    let scanned =
        Scan::without_kubeconfig(&[&JSON[..], &["--context", "test"]].concat()).env("KUBECONFIG", &files);
    assert_eq!(scanned.run().code, Some(1));

    // An account of its own that a program gives.
    let mut plugin = cluster().kubeconfig(Account::Admin, None);
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": "admin-token"}});
    plugin["users"][0]["user"] = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
        "command": "printf", "args": ["%s", credential.to_string()], "interactiveMode": "Never"}});
    assert_eq!(Scan::new(&plugin, &of(&["access-config"], &[])).run().code, Some(1));
}

#[test]
fn kubeconfig_error_does_not_quote_content() {
    let good = cluster().kubeconfig(Account::Token("token-canary"), None);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut config = good.clone();
        change(&mut config);
        config.to_string()
    };
    let exec = |shell: &str| {
        let shell = shell.to_owned();
        with(&move |config| {
            config["users"][0]["user"] = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
                "command": "sh", "args": ["-c", shell, "args-canary"], "interactiveMode": "Never"}});
        })
    };
    for (content, says) in [
        ("users: [{name: u, user: {token: [token-canary}]".to_owned(), "the kubeconfig is not valid"),
        ("users: [{name: token-canary, user: token-canary}]".to_owned(), "the kubeconfig is not valid"),
        (with(&|config| config["current-context"] = json!("gone")), "has no context \"gone\""),
        (with(&|config| config["clusters"][0]["name"] = json!("gone")), "has no cluster \"test\""),
        (
            with(&|config| config["clusters"][0]["cluster"]["certificate-authority-data"] = json!("canary!")),
            "base64",
        ),
        (
            with(&|config| config["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1")),
            "cannot reach the API server",
        ),
        (
            with(&|config| config["clusters"][0]["cluster"]["server"] = json!("http s://token-canary")),
            "cannot be used",
        ),
        (
            with(&|config| config["users"][0]["user"]["token"] = json!("token-canary\n")),
            "has invalid characters",
        ),
        (
            exec("echo token-canary; echo token-canary >&2; exit 3"),
            "plugin of the kubeconfig failed (exit status: 3)",
        ),
        (exec("echo '{token-canary'"), "returned no credentials"),
        (exec("echo '{\"kind\": [\"token-canary\"]}'"), "returned no credentials"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, &content).unwrap();
        let scanned = Scan::without_kubeconfig(&JSON).env("KUBECONFIG", &path).run();
        assert_eq!(scanned.code, Some(2), "{content}: {scanned:?}");
        let said = format!("{}{}", scanned.stdout, scanned.stderr);
        assert!(said.contains(says), "{content}: {scanned:?}");
        assert!(!said.contains("canary"), "{content}: {scanned:?}");
    }
    let scanned = Scan::without_kubeconfig(&["--kubeconfig", "/nonexistent/config"]).run();
    assert_eq!(scanned.code, Some(2));
    assert!(scanned.stderr.contains("cannot read the kubeconfig /nonexistent/config"), "{scanned:?}");
    let scanned = Scan::without_kubeconfig(&[]).run();
    assert!(scanned.stderr.contains("no cluster: there is no kubeconfig"), "{scanned:?}");
}
