//! Connections: TLS, keep-alive, and clients that get either wrong.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::certificate::Authority;
use crate::support::client::{Client, Connection};
use crate::support::regcred::{Regcred, Serve};
use crate::support::review::{Review, document, pair, secret};

fn review() -> Review {
    Review::create(&secret(&document(&[("r.example.com", pair("robot", "made-up"))])))
}

#[track_caller]
fn is_answered(connection: &mut Connection) {
    let response = connection.post("/mutate?timeout=5s", &review().0);
    assert_eq!((response.status, &response.json()["response"]["allowed"]), (200, &true.into()));
}

fn with(regcred: &Regcred, protocols: &[&str]) -> Client {
    Client::https_with(regcred.https, regcred.ca(), rustls::DEFAULT_VERSIONS, protocols)
}

#[test]
fn tls_1_2_and_1_3_are_served() {
    let regcred = Serve::dev().start();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut connection =
            Client::https_with(regcred.https, regcred.ca(), &[version], &["http/1.1"]).connect();
        assert_eq!(connection.tls().protocol_version(), Some(version.version));
        is_answered(&mut connection);
    }
}

#[test]
fn only_http_1_1_is_offered() {
    let regcred = Serve::dev().start();
    for (offered, agreed) in [(&["h2", "http/1.1"][..], Some(&b"http/1.1"[..])), (&[], None)] {
        let mut connection = with(&regcred, offered).connect();
        assert_eq!(connection.tls().alpn_protocol(), agreed, "{offered:?}");
        is_answered(&mut connection);
    }
    let error = with(&regcred, &["h2"]).try_connect().err().expect("no common protocol");
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[test]
fn connections_carry_many_requests() {
    let regcred = Serve::dev().start();
    let mut connection = regcred.client().connect();
    for _ in 0..20 {
        is_answered(&mut connection);
        assert_eq!(connection.post_bytes("/validate", b"not json").status, 400);
    }
    // Requests that are sent before the answer to the one before are answered in order.
    let body = review().uid("first").0.to_string();
    let request = |body: &str| {
        let length = body.len();
        format!(
            "POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    connection.send((request(&body) + &request(&body.replace("first", "second"))).as_bytes()).unwrap();
    for uid in ["first", "second"] {
        assert_eq!(connection.receive().unwrap().json()["response"]["uid"], uid);
    }
}

#[test]
fn failed_handshakes_are_counted_by_reason() {
    let regcred = Serve::dev().start();
    let mut connection = regcred.client().connect();
    let mut open = Vec::new();
    for bytes in [
        &b"GET /mutate HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        &[0xff; 4096],
        // The first bytes of a ClientHello that never goes on.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"",
    ] {
        let mut stream = TcpStream::connect(regcred.https).unwrap();
        stream.write_all(bytes).unwrap();
        open.push(stream);
    }
    is_answered(&mut connection);
    is_answered(&mut regcred.client().connect());

    let stranger = Authority::new();
    stranger.write(&regcred.path("stranger.crt"));
    let error =
        Client::https(regcred.https, &regcred.path("stranger.crt")).try_connect().err().expect("not trusted");
    assert!(error.to_string().contains("certificate"), "{error}");
    // Two do not speak TLS, one does not trust the CA; the two silent ones still have time.
    for (reason, count) in [("other", 2.0), ("certificate_rejected", 1.0), ("eof", 0.0), ("timeout", 0.0)] {
        regcred
            .wait_for_metric(&format!("regcred_tls_handshake_failures_total{{reason=\"{reason}\"}}"), count);
    }
    drop(open);
    regcred.wait_for_metric("regcred_tls_handshake_failures_total{reason=\"eof\"}", 2.0);
    is_answered(&mut connection);
}

#[test]
fn idle_connections_stay_open() {
    let regcred = Serve::dev().start();
    let mut never_used = regcred.client().connect();
    let mut used = regcred.client().connect();
    is_answered(&mut used);
    // The one wait for nothing to happen among these tests: an end by the server would be seen within it.
    for connection in [&mut never_used, &mut used] {
        connection.patience(Duration::from_secs(2));
        let error = connection.receive().err().expect("nothing was asked");
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        connection.patience(crate::support::PATIENCE);
        is_answered(connection);
    }
}

/// Only debug builds of the program know the header that makes a review panic.
#[cfg(debug_assertions)]
#[test]
fn panics_fail_only_their_request() {
    let regcred = Serve::dev().start();
    let mut other = regcred.client().connect();
    is_answered(&mut other);
    let headers = [("Content-Type", "application/json"), ("X-Regcred-Test-Panic", "1")];
    for (count, path) in [(1.0, "/mutate"), (2.0, "/validate")] {
        let body = review().0.to_string();
        let response = regcred.client().connect().request("POST", path, &headers, body.as_bytes()).unwrap();
        assert_eq!(response.status, 500);
        assert_eq!(response.text(), "internal error: the review failed; the log of regcred says where\n");
        regcred.wait_for_metric("regcred_panics_total", count);
    }
    regcred.wait_for_log("panic at src/server/review.rs:");
    is_answered(&mut regcred.client().connect());
    is_answered(&mut other);
    assert_eq!(regcred.metric("regcred_admission_in_flight"), Some(0.0));
}
