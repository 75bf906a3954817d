//! The end of the program: it says that it is leaving, finishes what it has begun, and leaves.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::client::{Connection, Response, head};
use crate::support::eventually;
use crate::support::regcred::{Regcred, Serve};
use crate::support::review::{Review, document, pair, secret};

fn review() -> Value {
    Review::create(&secret(&document(&[("r.example.com", pair("u", "p"))]))).0
}

fn serve(drain_delay: &str) -> Regcred {
    Serve::dev().args(["--drain-delay", drain_delay]).start()
}

/// A request whose second half is still to come.
struct Half {
    connection: Connection,
    rest: String,
}

impl Half {
    fn send(regcred: &Regcred) -> Self {
        let body = review().to_string();
        let (first, rest) = body.split_at(body.len() / 2);
        let length = body.len().to_string();
        let head =
            head("POST", "/mutate", &[("Content-Type", "application/json"), ("Content-Length", &length)]);
        let mut connection = regcred.client().connect();
        connection.send(format!("{head}\r\n{first}").as_bytes()).unwrap();
        regcred.wait_for_metric("regcred_admission_in_flight", 1.0);
        Half { connection, rest: rest.to_owned() }
    }

    fn finish(mut self) -> Response {
        self.connection.send(self.rest.as_bytes()).unwrap();
        self.connection.receive().unwrap()
    }
}

fn wait_until_not_ready(regcred: &Regcred) {
    let response =
        eventually("no readiness", || Some(regcred.get("/readyz")).filter(|response| response.status == 503));
    assert_eq!(response.text(), "not ready: shutting down\n");
}

#[track_caller]
fn is_answered_and_asked_to_close(response: &Response) {
    assert_eq!((response.status, response.header("connection")), (200, Some("close")));
    assert_eq!(response.json()["response"]["patchType"], "JSONPatch");
}

#[test]
fn draining_servers_answer_and_ask_to_close() {
    let delay = Duration::from_secs(3);
    let regcred = serve("3s");
    let mut old = regcred.client().connect();
    let response = old.post("/mutate", &review());
    assert_eq!((response.status, response.header("connection")), (200, None));

    let started = Instant::now();
    regcred.signal(Signal::TERM);
    wait_until_not_ready(&regcred);
    is_answered_and_asked_to_close(&old.post("/mutate", &review()));
    assert!(old.ended());
    is_answered_and_asked_to_close(&regcred.post("/mutate", &review()));
    assert_eq!(regcred.get("/livez").status, 200);

    let left = regcred.wait();
    assert!(started.elapsed() >= delay, "it left before the cluster could know");
    assert_eq!((left.status.code(), left.audit().len()), (Some(0), 3));
}

#[test]
fn requests_in_flight_are_finished() {
    let regcred = serve("100ms");
    let idle = regcred.client().connect();
    let half = Half::send(&regcred);
    regcred.signal(Signal::INT);
    eventually("no more connections", || regcred.client().try_connect().err());
    is_answered_and_asked_to_close(&half.finish());
    let left = regcred.wait();
    assert_eq!((left.status.code(), left.audit().len()), (Some(0), 1));
    drop(idle);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let regcred = serve("60s");
    let _half = Half::send(&regcred);
    regcred.signal(Signal::TERM);
    wait_until_not_ready(&regcred);
    let started = Instant::now();
    regcred.signal(Signal::TERM);
    let left = regcred.wait();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(left.status.code(), Some(1), "something was cut off: {}", left.stderr);
}

#[test]
fn idle_connections_do_not_delay_the_end() {
    let regcred = serve("0s");
    let mut used = regcred.client().connect();
    used.post("/mutate", &review());
    let mut never_used = regcred.client().connect();
    let started = Instant::now();
    let left = regcred.stop();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(left.status.success());
    for idle in [&mut used, &mut never_used] {
        // For a request that would have been on its way.
        assert_eq!(idle.receive().unwrap().status, 503);
        assert!(idle.ended());
    }
}

#[test]
fn half_a_header_does_not_delay_the_end() {
    let regcred = serve("0s");
    let mut used = regcred.client().connect();
    used.post("/mutate", &review());
    let mut never_used = regcred.client().connect();
    for connection in [&mut used, &mut never_used] {
        connection.send(b"POST /mutate HTTP/1.1\r\nHost: x").unwrap();
    }
    let started = Instant::now();
    let left = regcred.stop();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(left.status.code(), Some(0), "{}", left.stderr);
    for connection in [&mut used, &mut never_used] {
        assert_eq!(connection.receive().unwrap().status, 503);
        assert!(connection.ended());
    }
}
