//! `--image` and `--for`: the key, the username and the kind of credential.

use super::{create, fed};

const KEY_FILE: &[u8] = br#"{"type":"service_account","private_key":"made up"}"#;

/// Arguments of `create pull`, with the password on standard input.
fn created(arguments: &[&str], password: &[u8]) -> super::Ran {
    let arguments: Vec<_> =
        ["pull", "--password-stdin", "-o", "json"].iter().chain(arguments).copied().collect();
    fed(create(&arguments), password)
}

#[test]
fn an_image_gives_the_key() {
    for (image, key) in [
        ("r.example.com:8443/team/app:v1", "r.example.com:8443"),
        ("nginx", "https://index.docker.io/v1/"),
        ("docker.io/team/app", "https://index.docker.io/v1/"),
        (
            "ghcr.io/team/app@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "ghcr.io",
        ),
    ] {
        let document = created(&["--image", image, "--username", "u"], b"p").document();
        assert!(document.starts_with(&format!(r#"{{"auths":{{"{key}":{{"#)), "{image}: {document}");
    }
    let ran = created(&["--image", "Not An Image", "--username", "u"], b"p");
    assert!(ran.status == 2 && ran.stderr.contains("not a valid image reference"), "{ran:?}");
}

#[test]
fn a_kind_of_registry_gives_key_and_username() {
    let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    for (arguments, password, document) in [
        (
            &["--for", "hub", "--username", "u"][..],
            &b"p"[..],
            r#"{"auths":{"https://index.docker.io/v1/":{"username":"u","#,
        ),
        (&["--for", "ecr", "--registry", ecr], b"p", r#""username":"AWS","password":"p""#),
        (
            &["--for", "gar", "--image", "europe-docker.pkg.dev/p/r/app"],
            KEY_FILE,
            r#"{"auths":{"europe-docker.pkg.dev":{"username":"_json_key","#,
        ),
    ] {
        let ran = created(arguments, password);
        assert!(ran.document().contains(document), "{arguments:?}: {ran:?}");
    }
    let ecr = created(&["--for", "ecr", "--registry", ecr], b"p");
    assert!(ecr.stderr.contains("Note: this credential lasts for 12 hours"), "{ecr:?}");
}

#[test]
fn what_a_registry_does_not_accept_is_refused() {
    for (arguments, password, words) in [
        (&["--for", "ghcr", "--username", "u"][..], &b"github_pat_made_up"[..], "fine-grained"),
        (&["--for", "hub", "--username", "u"], b"glpat-made-up", "a token of GitLab"),
        (&["--for", "gar", "--registry", "gcr.io", "--username", "_json_key"], b"key.json", "private_key"),
        (&["--for", "ecr", "--registry", "r.example.com"], b"p", "not a host of Amazon ECR"),
        (&["--for", "harbor", "--username", "u"], b"p", "use --registry or --image"),
        (&["--for", "quay"], b"p", "no username"),
    ] {
        let ran = created(arguments, password);
        assert!(ran.status == 2 && ran.stderr.contains(words), "{arguments:?}: {ran:?}");
        assert!(ran.stdout.is_empty());
        let password = std::str::from_utf8(password).unwrap();
        assert!(password == "p" || !ran.stderr.contains(password), "{ran:?}");
    }
}

#[test]
fn byte_order_mark_is_left_out_of_password() {
    let ran = created(&["--registry", "r.example.com", "--username", "u"], b"\xef\xbb\xbfp\r\n");
    assert!(ran.document().contains(r#""password":"p","auth":"dTpw""#), "{ran:?}");
    assert!(ran.stderr.contains("Note: the password began with a byte order mark"), "{ran:?}");
}
