//! Servers that are no registries, or bad ones: redirects, pages, bodies without an end, and silence.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::Response;
use serde_json::json;

use crate::support::cluster::pull_secret;
use crate::support::process::Memory;

use super::internet::{Answer, Internet, Request, in_namespace};
use super::registries::{PASSWORD, TokenRegistry, USER, basic, manifest, status, token, with_header};
use super::{Verified, Verify};

const HOST: &str = "registry.example.com";
const REALM: &str = "https://registry.example.com/token";
const COLLECTOR: &str = "collector.example.net";

fn verify(internet: &Internet) -> Verify {
    Verify::entries(&json!({HOST: {"username": USER, "password": PASSWORD}}))
        .ca(&internet.ca())
        .args(&["--timeout", "2s"])
        .image("registry.example.com/team/app:1")
}

/// A registry with a token server, of which one part answers differently.
fn with_part(internet: &Internet, part: Part, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
    TokenRegistry::new(HOST, REALM, "made-up").start(internet);
    internet.replace(HOST, move |request, usual| {
        let asked = match request.path.as_str() {
            "/v2/" if request.authorization().is_none() => Part::Ping,
            "/v2/" => Part::Login,
            "/token" => Part::Token,
            _ => Part::Manifest,
        };
        if asked == part { answer(request) } else { usual(request) }
    });
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Ping,
    Login,
    Token,
    Manifest,
}

const PARTS: [Part; 4] = [Part::Ping, Part::Login, Part::Token, Part::Manifest];

/// What a run took.
struct Cost {
    time: Duration,
    kib: u64,
}

fn measured(verify: Verify) -> (Verified, Cost) {
    let begun = Instant::now();
    let mut command = verify.command;
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let mut kib = 0;
    while child.try_wait().unwrap().is_none() {
        kib = Memory::of_program(pid, "regcred").map_or(0, |memory| memory.most).max(kib);
        std::thread::sleep(Duration::from_millis(10));
        if begun.elapsed() > crate::support::PATIENCE {
            child.kill().unwrap();
        }
    }
    let ran = Verified::of(&child.wait_with_output().unwrap());
    (ran, Cost { time: begun.elapsed(), kib })
}

#[test]
fn redirects_get_no_credentials() {
    in_namespace(|| {
        let internet = Internet::new();
        internet.serve(COLLECTOR, |request: &Request| {
            if manifest(&request.path).is_some() { status(200) } else { token("team/app") }
        });
        for part in PARTS {
            for code in [301, 302, 303, 307, 308] {
                let target = format!("https://{COLLECTOR}/{part:?}");
                with_part(&internet, part, move |_| with_header(status(code), "Location", &target));
                let ran = verify(&internet).run();
                for request in internet.asked(COLLECTOR) {
                    assert!(
                        request.authorization().is_none() && request.body.is_empty(),
                        "{request:?} {ran:?}"
                    );
                }
                // Where a registry was reached at all, the answer of a stranger does not make the password right.
                if part != Part::Login {
                    assert_ne!(ran.outcome(), "valid", "{part:?} {code} {ran:?}");
                }
            }
        }
        // To the same host by plain HTTP, and to this machine.
        for target in
            ["http://registry.example.com/token", "https://127.0.0.1/token", "https://localhost/token"]
        {
            for part in PARTS {
                with_part(&internet, part, move |_| with_header(status(307), "Location", target));
                let ran = verify(&internet).run();
                assert!(internet.all_asked().iter().all(|request| request.tls), "{ran:?}");
                assert_eq!(internet.intrusions(), [], "{ran:?}");
            }
        }
        // A registry with Basic, which gets the password with each request itself.
        basic(&internet, "basic.example.com", |_| status(401));
        for part in ["/v2/", "/v2/team/app/manifests/1"] {
            basic(&internet, "basic.example.com", |_| status(401));
            internet.replace("basic.example.com", move |request, usual| {
                if request.path == part && request.secret().is_some() {
                    with_header(status(307), "Location", "https://collector.example.net/")
                } else {
                    usual(request)
                }
            });
            let ran =
                Verify::entries(&json!({"basic.example.com": {"username": USER, "password": PASSWORD}}))
                    .ca(&internet.ca())
                    .image("basic.example.com/team/app:1")
                    .run();
            assert_ne!(ran.outcome(), "valid", "{ran:?}");
            assert!(internet.asked(COLLECTOR).iter().all(|request| request.secret().is_none()));
        }
    });
}

/// An answer whose body never ends.
fn endless(code: u16, beginning: &'static str) -> Answer {
    let piece = Bytes::from(vec![b' '; 64 << 10]);
    let pieces =
        futures_util::stream::iter(std::iter::once(Bytes::from(beginning)).chain(std::iter::repeat(piece)));
    let body = Body::from_stream(futures_util::StreamExt::map(pieces, Ok::<_, std::io::Error>));
    let response =
        Response::builder().status(code).header("Content-Type", "application/json").body(body).unwrap();
    let challenge = format!(r#"Bearer realm="{REALM}",service="made-up""#);
    if code == 401 { with_header(Some(response), "WWW-Authenticate", &challenge) } else { Some(response) }
}

#[test]
fn endless_bodies_end() {
    in_namespace(|| {
        let internet = Internet::new();
        TokenRegistry::new(HOST, REALM, "made-up").start(&internet);
        let (ran, usual) = measured(verify(&internet));
        assert_eq!(ran.outcome(), "valid", "{ran:?}");
        for part in PARTS {
            for code in [200, 401, 500] {
                for beginning in [
                    "",
                    "{\"token\":\"",
                    "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"",
                    "<!DOCTYPE html>",
                ] {
                    with_part(&internet, part, move |_| endless(code, beginning));
                    let (ran, cost) = measured(verify(&internet));
                    assert!(ran.code.is_some(), "{part:?} {code} {beginning}: {ran:?}");
                    assert!(
                        cost.time < Duration::from_secs(15),
                        "{part:?} {code} {beginning}: {:?}",
                        cost.time
                    );
                    let more = cost.kib.saturating_sub(usual.kib);
                    assert!(more < 4 << 10, "{part:?} {code} {beginning}: {more} KiB more");
                }
            }
        }
    });
}

#[test]
fn silence_ends() {
    in_namespace(|| {
        let internet = Internet::new();
        for part in [Part::Ping, Part::Token, Part::Manifest] {
            with_part(&internet, part, |_| None);
            let (ran, cost) = measured(verify(&internet));
            let expected = if part == Part::Ping { "unreachable" } else { "undecided" };
            assert!([expected, "unreachable"].contains(&ran.outcome().as_str()), "{part:?} {ran:?}");
            assert!(
                cost.time > Duration::from_secs(1) && cost.time < Duration::from_secs(12),
                "{:?}",
                cost.time
            );
        }
        // The password was sent, so it may have been counted.
        with_part(&internet, Part::Token, |_| None);
        let before = internet.attempts();
        let ran = verify(&internet).run();
        assert_eq!((internet.attempts() - before, ran.spent().0), (1, 1), "{ran:?}");
    });
}

#[test]
fn silence_before_the_first_byte_ends() {
    in_namespace(|| {
        let internet = Internet::new();
        internet.serve(HOST, |_| None);
        // It takes connections, and says nothing: not even the TLS handshake.
        let silent = TcpListener::bind("10.9.0.2:7001").unwrap();
        let key = "registry.example.com:7001";
        let entry = json!({"username": USER, "password": PASSWORD});
        let arguments = Verify::entries(&json!({key: entry})).ca(&internet.ca()).args(&["--timeout", "1s"]);
        let (ran, cost) = measured(arguments);
        assert_eq!(ran.outcome(), "unreachable", "{ran:?}");
        assert!(cost.time < Duration::from_secs(10), "{:?}", cost.time);
        drop(silent);

        // One byte a moment, of what may become a header.
        let dripping = TcpListener::bind("10.9.0.2:7002").unwrap();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = dripping.accept() {
                std::thread::spawn(move || {
                    drop(stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nX-Header: "));
                    while stream.write_all(b"x").is_ok() {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                });
            }
        });
        let key = "registry.example.com:7002";
        let arguments = Verify::entries(&json!({key: entry})).args(&["--timeout", "1s", "--plain-http", key]);
        let (ran, cost) = measured(arguments);
        assert!(["unreachable", "undecided"].contains(&ran.outcome().as_str()), "{ran:?}");
        assert!(cost.time < Duration::from_secs(10), "{:?}", cost.time);
    });
}

#[test]
fn a_silent_host_is_waited_for_once() {
    in_namespace(|| {
        let internet = Internet::new();
        internet.serve(HOST, |_| None);
        let logins: Vec<_> = (0..6)
            .map(|number| {
                let entry = json!({"username": format!("user-{number}"), "password": PASSWORD});
                pull_secret(&format!("pull-{number}"), &json!({"auths": {HOST: entry}}).to_string())
            })
            .collect();
        let verify = Verify::new(&["-o", "json", "--timeout", "3s"]).ca(&internet.ca());
        let file = verify
            .file("secrets.json", &json!({"apiVersion": "v1", "kind": "List", "items": logins}).to_string());
        let (ran, cost) = measured(verify.arg("-f").arg(file));
        assert_eq!(ran.outcomes(), vec![format!("{HOST} - unreachable"); 6], "{ran:?}");
        assert!(
            cost.time < Duration::from_secs(6) && internet.asked(HOST).len() == 1,
            "{:?} {ran:?}",
            cost.time
        );
    });
}

#[test]
fn entries_without_end_are_cut() {
    in_namespace(|| {
        let internet = Internet::new();
        let entry = json!({"username": USER, "password": PASSWORD});
        let auths: serde_json::Map<_, _> =
            (0..5_000).map(|number| (format!("r{number}.example.com"), entry.clone())).collect();
        let (ran, cost) = measured(Verify::entries(&auths.into()).ca(&internet.ca()));
        let lines = ran.lines("Verification");
        assert_eq!((ran.code, lines.len()), (Some(2), 51), "{ran:?}");
        assert!(lines[50]["message"].as_str().unwrap().contains("4950"), "{ran:?}");
        assert!(cost.time < Duration::from_secs(15), "{:?}", cost.time);
    });
}

/// Headers without an end, in number and in length.
#[test]
fn endless_headers_end() {
    in_namespace(|| {
        let internet = Internet::new();
        internet.serve(HOST, |_| None);
        for (port, piece) in [(7001, "x".repeat(1 << 16)), (7002, "X-Header: x\r\n".repeat(1 << 12))] {
            let listener = TcpListener::bind(("10.9.0.2", port)).unwrap();
            std::thread::spawn(move || {
                while let Ok((mut stream, _)) = listener.accept() {
                    drop(stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nX-Header: "));
                    while stream.write_all(piece.as_bytes()).is_ok() {}
                }
            });
            let key = format!("registry.example.com:{port}");
            let entry = json!({&key: {"username": USER, "password": PASSWORD}});
            let (ran, cost) =
                measured(Verify::entries(&entry).args(&["--timeout", "2s", "--plain-http", &key]));
            assert!(ran.outcome() != "valid" && ran.spent() == (0, 0), "{ran:?}");
            assert!(
                cost.time < Duration::from_secs(10) && cost.kib < 64 << 10,
                "{:?} {}",
                cost.time,
                cost.kib
            );
        }
    });
}

#[test]
fn pages_are_no_registries() {
    in_namespace(|| {
        let internet = Internet::new();
        let page = |code: u16| {
            let html = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Welcome</body></html>";
            let response =
                Response::builder().status(code).header("Content-Type", "text/html; charset=utf-8");
            Some(response.body(Body::from(html)).unwrap())
        };
        for code in [200, 403, 404] {
            internet.serve(HOST, move |_| page(code));
            let before = internet.attempts();
            let ran = verify(&internet).run();
            assert_eq!((ran.code, ran.outcome().as_str()), (Some(1), "not-a-registry"), "{code} {ran:?}");
            assert_eq!((internet.attempts() - before, ran.spent()), (0, (0, 0)), "{ran:?}");
            assert!(!format!("{ran:?}").contains("Welcome"), "{ran:?}");
        }
        // The page of a proxy in between, in place of a token.
        for code in [200, 403, 503] {
            with_part(&internet, Part::Token, move |_| page(code));
            let ran = verify(&internet).run();
            assert_ne!(ran.outcome(), "valid", "{code} {ran:?}");
            assert!(ran.spent().0 <= 1 && !format!("{ran:?}").contains("Welcome"), "{code} {ran:?}");
        }
        // What is no HTTP at all.
        let listener = TcpListener::bind("10.9.0.2:7001").unwrap();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                drop(stream.write_all(b"SSH-2.0-made_up\r\n"));
            }
        });
        let entry = json!({"registry.example.com:7001": {"username": USER, "password": PASSWORD}});
        for arguments in [&[][..], &["--plain-http", "registry.example.com:7001"]] {
            let ran = Verify::entries(&entry).args(arguments).args(&["--timeout", "2s"]).run();
            assert!(["not-a-registry", "unreachable"].contains(&ran.outcome().as_str()), "{ran:?}");
            assert_eq!(ran.spent(), (0, 0), "{ran:?}");
        }
    });
}
