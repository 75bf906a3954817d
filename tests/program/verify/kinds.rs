//! Each kind of registry, for a right and a wrong password, with and without permission.

use serde_json::{Value, json};

use super::internet::{Internet, in_namespace};
use super::registries::{IDENTITY_TOKEN, PASSWORD, TokenRegistry, USER, basic, body, error, scope, status};
use super::{Verified, Verify};

const WRONG: &str = "made-up-wrong-password";

fn login(password: &str) -> Value {
    json!({"username": USER, "password": password})
}

/// Runs the entry of one key; returns the run and the number of attempts that the servers saw.
fn run(internet: &Internet, key: &str, entry: &Value, images: &[&str]) -> (Verified, u64) {
    let before = internet.attempts();
    let mut verify = Verify::entries(&json!({ key: entry })).ca(&internet.ca()).args(&["--timeout", "5s"]);
    for image in images {
        verify = verify.image(image);
    }
    let ran = verify.run();
    (ran, u64::try_from(internet.attempts() - before).unwrap())
}

/// What one entry comes to, whose attempts must be the servers'.
#[track_caller]
fn outcome(internet: &Internet, key: &str, password: &str, images: &[&str]) -> String {
    let (ran, attempts) = run(internet, key, &login(password), images);
    let outcome = ran.outcome();
    assert_eq!(ran.spent().0, attempts, "{ran:?}");
    let failures = u64::from(["refused", "locked-out"].contains(&outcome.as_str()));
    assert!(ran.spent().1 <= attempts && ran.spent().1 >= failures.min(attempts), "{ran:?}");
    outcome
}

const HUB: &str = "https://index.docker.io/v1/";

fn hub() -> TokenRegistry {
    TokenRegistry::new("registry-1.docker.io", "https://auth.docker.io/token", "registry.docker.io")
        .wrong(|_| body(401, &json!({"details": "incorrect username or password"})))
}

#[test]
fn docker_hub() {
    in_namespace(|| {
        let internet = Internet::new();
        hub().start(&internet);
        for (password, images, expected) in [
            (PASSWORD, &[][..], "valid"),
            (PASSWORD, &["team/app:1"], "valid"),
            (PASSWORD, &["docker.io/team/public:1"], "anonymous-suffices"),
            (PASSWORD, &["team/other:1"], "no-pull-permission"),
            (PASSWORD, &["team/app:2"], "not-found-or-no-permission"),
            (WRONG, &[], "refused"),
            (WRONG, &["team/app:1"], "refused"),
            // The stale password breaks the pull of a public image.
            (WRONG, &["team/public:1"], "refused"),
        ] {
            assert_eq!(outcome(&internet, HUB, password, images), expected, "{password} {images:?}");
        }
        // HEAD is no pull.
        let manifests: Vec<_> = internet
            .asked("registry-1.docker.io")
            .into_iter()
            .filter(|request| request.path.contains("/manifests/"))
            .collect();
        assert!(!manifests.is_empty());
        assert!(manifests.iter().all(|request| request.method == "HEAD"));
        // The password is the token server's affair.
        assert!(internet.asked("registry-1.docker.io").iter().all(|request| request.secret().is_none()));
    });
}

#[test]
fn harbor_answers_wrong_passwords_with_an_empty_token() {
    in_namespace(|| {
        let internet = Internet::new();
        let token = super::registries::token;
        TokenRegistry::new(
            "harbor.example.com",
            "https://harbor.example.com/service/token",
            "harbor-registry",
        )
        .wrong(
            move |request| {
                if scope(request).is_some() { token("") } else { error(401, "UNAUTHORIZED", "unauthorized") }
            },
        )
        .start(&internet);
        let key = "harbor.example.com";
        for (password, images, expected) in [
            (PASSWORD, &[][..], "valid"),
            (PASSWORD, &["harbor.example.com/team/app:1"], "valid"),
            (PASSWORD, &["harbor.example.com/team/other:1"], "no-pull-permission"),
            (WRONG, &["harbor.example.com/team/app:1"], "refused"),
            (WRONG, &[], "refused"),
        ] {
            assert_eq!(outcome(&internet, key, password, images), expected, "{password} {images:?}");
        }
    });
}

#[test]
fn ghcr_logs_in_and_refuses_the_pull() {
    in_namespace(|| {
        let internet = Internet::new();
        TokenRegistry::new("ghcr.io", "https://ghcr.io/token", "ghcr.io")
            .wrong(|_| error(403, "DENIED", "denied"))
            .denied(|_| error(403, "DENIED", "requested access to the resource is denied"))
            .start(&internet);
        for (password, images, expected) in [
            (PASSWORD, &[][..], "valid"),
            (PASSWORD, &["ghcr.io/team/app:1"], "valid"),
            (PASSWORD, &["ghcr.io/team/other:1"], "no-pull-permission"),
            (WRONG, &[], "refused"),
        ] {
            assert_eq!(outcome(&internet, "ghcr.io", password, images), expected, "{password} {images:?}");
        }
    });
}

#[test]
fn acr_has_its_token_server_elsewhere() {
    in_namespace(|| {
        let internet = Internet::new();
        for (host, realm, service) in [
            (
                "crpi-a1b2c3d4e5f6g7h8.cn-hangzhou.personal.cr.aliyuncs.com",
                "https://dockerauth.cn-hangzhou.aliyuncs.com/auth",
                "registry.aliyuncs.com:cn-hangzhou:26842",
            ),
            (
                "crpi-a1b2c3d4e5f6g7h8-vpc.cn-hangzhou.personal.cr.aliyuncs.com",
                "https://dockerauth-vpc.cn-hangzhou.aliyuncs.com/auth",
                "registry.aliyuncs.com:cn-hangzhou:26842",
            ),
            (
                "registry.cn-hangzhou.aliyuncs.com",
                "https://dockerauth.cn-hangzhou.aliyuncs.com/auth",
                "registry.aliyuncs.com:cn-hangzhou:26842",
            ),
            (
                "team-registry.cn-shanghai.cr.aliyuncs.com",
                "https://dockerauth-ee.cn-shanghai.aliyuncs.com/auth",
                "registry.aliyuncs.com:cn-shanghai:china:cri-a1b2c3d4e5f6g7h8:26842",
            ),
            (
                "registry.cn-zhangjiakou.aliyuncs.com",
                "https://dockerauth-cn-zhangjiakou.aliyuncs.com/auth",
                "registry.aliyuncs.com:cn-zhangjiakou:26842",
            ),
        ] {
            TokenRegistry::new(host, realm, service).start(&internet);
            let image = format!("{host}/team/app:1");
            assert_eq!(outcome(&internet, host, PASSWORD, &[&image]), "valid", "{host}");
            assert_eq!(outcome(&internet, host, WRONG, &[&image]), "refused", "{host}");
            let other = format!("{host}/team/other:1");
            assert_eq!(outcome(&internet, host, PASSWORD, &[&other]), "no-pull-permission", "{host}");
        }
    });
}

#[test]
fn gitlab_bans_the_address() {
    in_namespace(|| {
        let internet = Internet::new();
        TokenRegistry::new("registry.gitlab.com", "https://gitlab.com/jwt/auth", "container_registry")
            .wrong(|_| status(403))
            .start(&internet);
        let key = "registry.gitlab.com";
        assert_eq!(outcome(&internet, key, PASSWORD, &["registry.gitlab.com/team/app:1"]), "valid");
        assert_eq!(outcome(&internet, key, WRONG, &["registry.gitlab.com/team/app:1"]), "locked-out");
    });
}

#[test]
fn ecr_says_that_a_token_has_ended() {
    in_namespace(|| {
        let internet = Internet::new();
        let host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
        basic(&internet, host, |_| {
            error(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
        });
        let image = format!("{host}/team/app:1");
        assert_eq!(outcome(&internet, host, PASSWORD, &[&image]), "valid");
        assert_eq!(
            outcome(&internet, host, PASSWORD, &[&format!("{host}/team/app:2")]),
            "not-found-or-no-permission"
        );
        assert_eq!(outcome(&internet, host, "an-opaque-one", &[&image]), "refused");
    });
}

#[test]
fn a_credential_that_says_its_end_is_not_sent_after_it() {
    in_namespace(|| {
        let internet = Internet::new();
        let host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
        basic(&internet, host, |_| error(403, "DENIED", "denied"));
        let token = |expiration: u64| {
            let payload = json!({"payload": "x", "datakey": "x", "version": "2", "type": "DATA_KEY", "expiration": expiration});
            base64::Engine::encode(&base64::prelude::BASE64_STANDARD, payload.to_string())
        };
        let entry = json!({"username": "AWS", "password": token(1_757_147_299)});
        let (ran, attempts) = run(&internet, host, &entry, &[]);
        assert_eq!((ran.code, ran.outcome().as_str(), attempts), (Some(1), "expired", 0), "{ran:?}");
        assert_eq!(ran.lines("Verification")[0]["expires"], "2025-09-06T08:28:19Z", "{ran:?}");
        assert!(internet.all_asked().is_empty());

        let entry = json!({"username": "AWS", "password": token(4_102_444_800)});
        let (ran, attempts) = run(&internet, host, &entry, &[]);
        assert_eq!((ran.outcome().as_str(), attempts), ("refused", 1), "{ran:?}");
        assert_eq!(ran.lines("Verification")[0]["expires"], "2100-01-01T00:00:00Z", "{ran:?}");
    });
}

#[test]
fn an_identity_token_is_exchanged() {
    in_namespace(|| {
        let internet = Internet::new();
        hub().start(&internet);
        let entry = json!({"identitytoken": IDENTITY_TOKEN});
        let (ran, attempts) = run(&internet, HUB, &entry, &["team/app:1"]);
        assert_eq!((ran.outcome().as_str(), ran.spent().0), ("valid", attempts), "{ran:?}");
        let (ran, attempts) = run(&internet, HUB, &json!({"identitytoken": "another"}), &["team/app:1"]);
        assert_eq!((ran.outcome().as_str(), ran.spent(), attempts), ("refused", (1, 1), 1), "{ran:?}");
    });
}

#[test]
fn token_servers_may_know_only_get() {
    in_namespace(|| {
        let internet = Internet::new();
        let mut old = TokenRegistry::new("old.example.com", "https://old.example.com/token", "made-up");
        old.oauth = false;
        old.start(&internet);
        assert_eq!(outcome(&internet, "old.example.com", PASSWORD, &["old.example.com/team/app:1"]), "valid");
        assert_eq!(outcome(&internet, "old.example.com", WRONG, &["old.example.com/team/app:1"]), "refused");
    });
}

#[test]
fn certificates_by_strangers_get_no_password() {
    in_namespace(|| {
        let internet = Internet::new();
        hub().start(&internet);
        for host in ["registry-1.docker.io", "auth.docker.io"] {
            internet.distrust(host);
            assert_eq!(outcome(&internet, HUB, PASSWORD, &["team/app:1"]), "untrusted-certificate", "{host}");
        }
    });
}

#[test]
fn absent_names_are_unreachable() {
    in_namespace(|| {
        let internet = Internet::new();
        let host = "crpi-a1b2c3d4e5f6g7h9.cn-hangzhou.personal.cr.aliyuncs.com";
        assert_eq!(outcome(&internet, host, PASSWORD, &[]), "unreachable");
        // Found, and refused on the port.
        internet.serve("registry.example.com", |_| None);
        assert_eq!(outcome(&internet, "registry.example.com:6000", PASSWORD, &[]), "unreachable");
    });
}
