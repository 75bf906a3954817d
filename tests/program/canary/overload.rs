//! The same while the server has no room, gives up connections, and throws away what it does not read.

use serde_json::json;

use super::{CANARIES, GARBAGE, Heard, PASSWORD, REQUEST_HEADER, Searcher, USERNAME};
use crate::abuse::{CONNECTIONS, IN_FLIGHT, begun, tcp, tls};
use crate::support::client::{Connection, head};
use crate::support::eventually;
use crate::support::regcred::{Regcred, Serve};
use crate::support::review::{Review, document, secret};

/// What is announced of a body that holds memory for long, what is sent of it, and what is sent of one that finds no room. A
/// larger body has to arrive faster.
const ANNOUNCED: usize = 32 << 10;
const SENT: usize = 24 << 10;
const UNREAD: usize = 16 << 10;

/// How many such bodies there is memory for, twice their size each.
const ROOM: usize = 256;

fn review() -> Vec<u8> {
    let rancher = document(&[("r.example.com", json!({"username": USERNAME, "password": PASSWORD}))]);
    Review::create(&secret(&rancher)).0.to_string().into_bytes()
}

/// Asks until it is shed for this reason.
#[track_caller]
fn is_shed(regcred: &Regcred, reason: &str, heard: &mut Heard) {
    let series = format!("regcred_shed_total{{port=\"admission\",reason=\"{reason}\"}}");
    let bearer = format!("Bearer {REQUEST_HEADER}");
    let length = review().len().to_string();
    let headers =
        [("Content-Type", "application/json"), ("Authorization", &bearer), ("Content-Length", &length)];
    let beginning = head("POST", "/mutate", &headers) + "\r\n";
    eventually(&series, || {
        let mut connection = regcred.client().connect();
        connection.send(&[beginning.as_bytes(), &review()].concat()).unwrap();
        let response = connection.receive().unwrap();
        heard.response(&response);
        // What still comes is thrown away.
        drop(connection.send(&review()));
        (response.status == 503).then_some(())
    });
    assert!(regcred.metric(&series).unwrap() > 0.0, "{series}");
}

fn all_places_are_taken(regcred: &Regcred, heard: &mut Heard) -> Vec<Connection> {
    let body = review();
    let half = [&begun("/mutate", body.len()), &body[..body.len() - 20]].concat();
    // Some more, in case that the server gave up a handshake.
    let crowd = tls(regcred, IN_FLIGHT + 50, &half);
    is_shed(regcred, "requests", heard);
    crowd
}

fn all_memory_is_taken(regcred: &Regcred, heard: &mut Heard) -> Vec<Connection> {
    let canary = format!("{GARBAGE} {PASSWORD} ");
    let body = canary.repeat(SENT / canary.len());
    let crowd = tls(regcred, ROOM, &[&begun("/validate", ANNOUNCED), body.as_bytes()].concat());
    #[expect(clippy::cast_precision_loss, reason = "a power of two")]
    let all = (ROOM * 2 * ANNOUNCED) as f64;
    eventually("all memory to be taken", || {
        regcred.metric("regcred_held_bodies_bytes").filter(|held| *held >= all)
    });
    let mut refused = regcred.client().connect();
    let unread = [&begun("/validate?timeout=2s", ANNOUNCED), &body.as_bytes()[..UNREAD]].concat();
    refused.send(&unread).unwrap();
    let response = refused.receive().unwrap();
    assert_eq!(response.status, 503);
    heard.response(&response);
    assert!(regcred.metric("regcred_shed_total{port=\"admission\",reason=\"memory\"}").unwrap() > 0.0);
    crowd
}

#[test]
fn full_server_shows_no_credential() {
    let regcred = Serve::dev().args(["--log-level", "trace"]).start();
    let mut heard = Heard::default();
    drop(all_places_are_taken(&regcred, &mut heard));
    regcred.wait_for_metric("regcred_admission_in_flight", 0.0);
    drop(all_memory_is_taken(&regcred, &mut heard));
    regcred.wait_for_metric("regcred_admission_in_flight", 0.0);

    // Too many connections, whose first bytes are a credential, and a request that panics among them.
    let crowd = tcp(regcred.https, CONNECTIONS + 50, PASSWORD.as_bytes());
    let silent = tcp(regcred.https, CONNECTIONS + 50, b"");
    let headers = [("Content-Type", "application/json"), ("X-Regcred-Test-Panic", REQUEST_HEADER)];
    let response = regcred.client().connect().request("POST", "/mutate", &headers, &review()).unwrap();
    assert_eq!(response.status, if cfg!(debug_assertions) { 500 } else { 200 });
    heard.response(&response);
    eventually("a connection to be given up", || {
        (regcred.metric("regcred_shed_total{port=\"admission\",reason=\"idle_connections\"}")? > 0.0)
            .then_some(())
    });
    drop((crowd, silent));
    let response = regcred.client().connect().post_bytes("/mutate", &review());
    assert_eq!(response.status, 200);
    heard.response(&response);

    heard.hear("metrics", &regcred.get("/metrics").body);
    let left = regcred.stop();
    heard.hear("log", left.stderr.as_bytes());
    heard.hear("audit", left.stdout.as_bytes());
    assert!(left.stderr.contains("too many requests at once"), "{}", left.stderr);
    let searcher = Searcher::new(&CANARIES);
    for (what, text) in &heard.0 {
        assert!(text.len() > 1, "{what} is empty");
        let found = searcher.search(text);
        assert!(found.is_empty(), "{found:?} in {what}");
    }
}
