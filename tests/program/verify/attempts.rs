//! How often the program tries to log in: never more than it says, and never again where that could lock somebody out.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::cluster::pull_secret;

use super::internet::{Internet, Request, Secret, in_namespace};
use super::registries::{PASSWORD, TokenRegistry, USER, error, status, with_header};
use super::{Verified, Verify};

const HOST: &str = "registry.example.com";
const REALM: &str = "https://registry.example.com/token";

fn registry() -> TokenRegistry {
    TokenRegistry::new(HOST, REALM, "made-up")
}

/// A file of Secrets, each with one entry for the registry.
fn secrets(logins: &[(&str, &str)]) -> String {
    let secret = |(number, (user, password)): (usize, &(&str, &str))| {
        let document = json!({"auths": {HOST: {"username": user, "password": password}}});
        pull_secret(&format!("pull-{number}"), &document.to_string())
    };
    let items: Vec<Value> = logins.iter().enumerate().map(secret).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn verify(internet: &Internet, logins: &[(&str, &str)], more: &[&str]) -> Verified {
    let verify = Verify::new(&["-o", "json", "--timeout", "5s"]).ca(&internet.ca()).args(more);
    let file = verify.file("secrets.json", &secrets(logins));
    verify.arg("-f").arg(file).run()
}

/// The passwords that the servers saw.
fn passwords(internet: &Internet) -> Vec<String> {
    let asked = internet.all_asked();
    let password = |request: &Request| match request.secret()? {
        Secret::Password { password, .. } => Some(password),
        Secret::RefreshToken(_) => None,
    };
    asked.iter().filter_map(password).collect()
}

#[test]
fn one_attempt_for_the_same_credentials() {
    in_namespace(|| {
        let internet = Internet::new();
        registry().start(&internet);
        let ran = verify(&internet, &[(USER, "wrong"); 6], &[]);
        assert_eq!(passwords(&internet), ["wrong"], "{ran:?}");
        assert_eq!(ran.outcomes(), vec![format!("{HOST} - refused"); 6], "{ran:?}");
        assert_eq!((ran.code, ran.spent()), (Some(1), (1, 1)), "{ran:?}");
        let each: Vec<_> = ran.lines("Verification").iter().map(|line| line["attempts"].clone()).collect();
        assert_eq!(each.iter().map(|attempts| attempts.as_u64().unwrap()).sum::<u64>(), 1, "{ran:?}");
    });
}

#[test]
fn one_login_for_the_same_credentials() {
    in_namespace(|| {
        let internet = Internet::new();
        registry().start(&internet);
        let one = verify(&internet, &[(USER, PASSWORD)], &[]);
        let attempts = internet.attempts();
        assert_eq!((one.code, one.spent().1), (Some(0), 0), "{one:?}");
        let six = verify(&internet, &[(USER, PASSWORD); 6], &[]);
        assert_eq!(six.outcomes(), vec![format!("{HOST} - valid"); 6], "{six:?}");
        assert_eq!((internet.attempts() - attempts, six.spent()), (attempts, one.spent()), "{six:?}");
    });
}

#[test]
fn spellings_of_a_registry_are_one_registry() {
    in_namespace(|| {
        let internet = Internet::new();
        TokenRegistry::new("registry-1.docker.io", "https://auth.docker.io/token", "registry.docker.io")
            .start(&internet);
        let entry = json!({"username": USER, "password": "wrong"});
        let keys = ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"];
        let auths: serde_json::Map<String, Value> =
            keys.iter().map(|&key| (key.to_owned(), entry.clone())).collect();
        let ran = Verify::entries(&Value::Object(auths)).ca(&internet.ca()).run();
        assert_eq!(passwords(&internet), ["wrong"], "{ran:?}");
        assert_eq!(ran.lines("Verification").len(), 4, "{ran:?}");

        registry().start(&internet);
        let entry = json!({"username": USER, "password": "other"});
        let ran = Verify::entries(&json!({HOST: entry, "https://registry.example.com": entry, "REGISTRY.example.com/v2/": entry, "registry.example.com/team": entry}))
            .ca(&internet.ca())
            .run();
        assert_eq!(passwords(&internet), ["wrong", "other"], "{ran:?}");
    });
}

#[test]
fn the_budget_of_a_registry_is_kept() {
    in_namespace(|| {
        let internet = Internet::new();
        registry().start(&internet);
        let users = ["user-1", "user-2", "user-3", "user-4", "user-5", "user-6"];
        let wrong = users.map(|user| (user, "wrong"));
        for (arguments, budget) in [
            (&[][..], 3),
            (&["--max-failures", "1"], 1),
            (&["--max-failures", "5"], 5),
            (&["--max-failures=6"], 6),
        ] {
            let before = internet.attempts();
            let ran = verify(&internet, &wrong, arguments);
            let attempts = internet.attempts() - before;
            assert_eq!(attempts, budget, "{arguments:?} {ran:?}");
            let spent = u64::try_from(attempts).unwrap();
            assert_eq!((ran.code, ran.spent()), (Some(1), (spent, spent)), "{arguments:?} {ran:?}");
            let expected: Vec<_> = (0..users.len())
                .map(|number| format!("{HOST} - {}", if number < budget { "refused" } else { "undecided" }))
                .collect();
            assert_eq!(ran.outcomes(), expected, "{arguments:?} {ran:?}");
        }
    });
}

#[test]
fn the_budget_is_for_each_registry() {
    in_namespace(|| {
        let internet = Internet::new();
        registry().start(&internet);
        TokenRegistry::new("r.example.net", "https://r.example.net/token", "made-up").start(&internet);
        let auths = |number: usize| {
            let entry = json!({"username": format!("user-{number}"), "password": "wrong"});
            pull_secret(
                &format!("pull-{number}"),
                &json!({"auths": {HOST: entry, "r.example.net": entry}}).to_string(),
            )
        };
        let items: Vec<_> = (0..5).map(auths).collect();
        let verify = Verify::new(&["-o", "json"]).ca(&internet.ca());
        let file = verify
            .file("secrets.json", &json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
        let ran = verify.arg("-f").arg(file).run();
        for host in [HOST, "r.example.net"] {
            let attempts = internet.asked(host).iter().filter(|request| request.secret().is_some()).count();
            assert_eq!(attempts, 3, "{ran:?}");
        }
        assert_eq!(ran.spent(), (6, 6), "{ran:?}");
    });
}

#[test]
fn nothing_more_is_asked_after_a_refusal() {
    in_namespace(|| {
        let internet = Internet::new();
        let images =
            ["--image", "registry.example.com/team/app:1", "--image", "registry.example.com/team/public:1"];
        for code in [401, 403] {
            registry().wrong(move |_| error(code, "DENIED", "denied")).start(&internet);
            let before = internet.all_asked().len();
            let ran = verify(&internet, &[(USER, "wrong")], &images);
            let asked = internet.all_asked().split_off(before);
            let refused = asked.iter().position(|request| request.secret().is_some()).unwrap();
            let later = &asked[refused + 1..];
            assert!(later.iter().all(|request| request.secret().is_none()), "{code} {later:?} {ran:?}");
            assert_eq!(ran.spent(), (1, 1), "{code} {ran:?}");
        }
    });
}

#[test]
fn a_server_that_wants_to_be_left_alone_is() {
    in_namespace(|| {
        let internet = Internet::new();
        for (code, seconds) in [(429, "3600"), (503, "3600")] {
            registry()
                .wrong(move |_| {
                    with_header(error(code, "TOOMANYREQUESTS", "slow down"), "Retry-After", seconds)
                })
                .start(&internet);
            let before = internet.all_asked().len();
            let begun = Instant::now();
            let logins = [("user-1", "wrong"), ("user-2", "wrong"), ("user-3", "wrong")];
            let ran = verify(&internet, &logins, &["--image", "registry.example.com/team/app:1"]);
            let asked = internet.all_asked().split_off(before);
            let first = asked.iter().position(|request| request.secret().is_some()).unwrap();
            assert_eq!(asked.len(), first + 1, "{code} {asked:?} {ran:?}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{ran:?}");
            assert_eq!((ran.code, ran.spent().0), (Some(1), 1), "{code} {ran:?}");
            assert!(
                ran.outcomes().iter().all(|outcome| outcome.ends_with(" rate-limited")),
                "{code} {ran:?}"
            );
        }
    });
}

#[test]
fn a_short_pause_is_kept() {
    in_namespace(|| {
        let internet = Internet::new();
        registry()
            .wrong(|_| with_header(error(429, "TOOMANYREQUESTS", "slow down"), "Retry-After", "2"))
            .start(&internet);
        let ran = verify(&internet, &[("user-1", "wrong"), ("user-2", "wrong")], &[]);
        let asked = internet.all_asked();
        let first = asked.iter().find(|request| request.secret().is_some()).unwrap().at;
        // Whether it waits or gives up: nothing is asked earlier.
        let later = asked.iter().filter(|request| request.at > first);
        assert!(
            later.map(|request| request.at - first).all(|pause| pause >= Duration::from_secs(2)),
            "{ran:?}"
        );
    });
}

#[test]
fn a_lock_out_ends_all_attempts() {
    in_namespace(|| {
        let internet = Internet::new();
        let text = "too many failed login attempts for username or IP address";
        TokenRegistry::new("registry-1.docker.io", "https://auth.docker.io/token", "registry.docker.io")
            .wrong(move |_| error(429, "TOOMANYREQUESTS", text))
            .start(&internet);
        let items: Vec<_> = (0..3)
            .map(|number| {
                let entry = json!({"username": format!("user-{number}"), "password": "wrong"});
                let document = json!({"auths": {"https://index.docker.io/v1/": entry}});
                pull_secret(&format!("pull-{number}"), &document.to_string())
            })
            .collect();
        let verify = Verify::new(&["-o", "json"]).ca(&internet.ca());
        let file = verify
            .file("secrets.json", &json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
        let ran = verify.arg("-f").arg(file).image("docker.io/team/app:1").run();
        assert_eq!((ran.code, internet.attempts(), ran.spent()), (Some(1), 1, (1, 1)), "{ran:?}");
        assert!(ran.outcomes().iter().all(|outcome| outcome.ends_with(" locked-out")), "{ran:?}");
    });
}

#[test]
fn one_host_after_the_other() {
    in_namespace(|| {
        let internet = Internet::new();
        let busy = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let overlaps = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let hosts = ["a.example.com", "b.example.com", "c.example.com"];
        for host in hosts {
            let (busy, overlaps) = (busy.clone(), overlaps.clone());
            internet.serve(host, move |_| {
                use std::sync::atomic::Ordering::SeqCst;
                if busy.swap(true, SeqCst) {
                    overlaps.store(true, SeqCst);
                }
                std::thread::sleep(Duration::from_millis(50));
                busy.store(false, SeqCst);
                status(200)
            });
        }
        let auths: serde_json::Map<String, Value> = hosts
            .iter()
            .map(|&host| (host.to_owned(), json!({"username": USER, "password": PASSWORD})))
            .collect();
        let ran = Verify::entries(&Value::Object(auths)).ca(&internet.ca()).run();
        assert_eq!(ran.lines("Verification").len(), 3, "{ran:?}");
        assert!(hosts.iter().all(|host| !internet.asked(host).is_empty()));
        assert!(!overlaps.load(std::sync::atomic::Ordering::SeqCst));
    });
}
