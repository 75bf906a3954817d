//! Connections that are no use.

use std::thread;
use std::time::{Duration, Instant};

use crate::resilience::report;

use super::watch::{Seen, Told, watch};
use super::{CONNECTIONS, IN_FLIGHT, begun, is_silent, serve, small, tcp, tls};

/// The beginning of a TLS handshake: a record of 512 bytes is announced, and a `ClientHello` in it.
const HALF_A_HANDSHAKE: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

/// How many, and for how long they stay.
struct Scale {
    silent: usize,
    slow: usize,
    stay: Duration,
}

const SHORT: Scale = Scale { silent: 400, slow: 200, stay: Duration::from_secs(1) };
const LONG: Scale = Scale { silent: 2000, slow: 1000, stay: Duration::from_secs(60) };

#[track_caller]
fn nobody_was_kept_out(seen: &Seen) {
    assert_eq!(seen.kept.count(Told::Nothing), 0, "{seen}");
    // In a storm of new connections one that is new as well may be closed before it has spoken.
    assert!(seen.new.count(Told::Nothing) <= seen.new.count(Told::Answer) / 50, "{seen}");
    assert_eq!(seen.kept.count(Told::ComeAgain) + seen.new.count(Told::ComeAgain), 0, "{seen}");
}

/// More connections than the server keeps, of which none says a word: some before TLS, some behind it.
fn silent(scale: &Scale) -> Seen {
    let regcred = serve();
    let seen = watch(&regcred, || {
        let plain = tcp(regcred.https, 2000, b"");
        let shaken = tls(&regcred, scale.silent, b"");
        thread::sleep(scale.stay);
        (plain, shaken)
    });
    nobody_was_kept_out(&seen);
    let given_up =
        regcred.metric("regcred_shed_total{port=\"admission\",reason=\"idle_connections\"}").unwrap();
    #[expect(clippy::cast_precision_loss, reason = "of a small number")]
    let least = (2000 - CONNECTIONS) as f64;
    assert!(given_up >= least, "{given_up}");
    assert_eq!(regcred.metric("regcred_shed_total{port=\"admission\",reason=\"connections\"}"), Some(0.0));
    seen
}

/// A byte of a header now and then.
fn slow_headers(scale: &Scale) -> Seen {
    let regcred = serve();
    let seen = watch(&regcred, || {
        let mut slow = tls(&regcred, scale.slow, b"POST /mutate HTTP/1.1\r\nX-Slow: ");
        let until = Instant::now() + scale.stay;
        while Instant::now() < until {
            // The server may close those that are too many.
            for connection in &mut slow {
                drop(connection.send(b"x"));
            }
            thread::sleep(Duration::from_millis(100));
        }
        slow
    });
    nobody_was_kept_out(&seen);
    seen
}

/// What is no TLS at all, and handshakes that are begun and left.
fn no_handshakes(scale: &Scale) -> Seen {
    let regcred = serve();
    let seen = watch(&regcred, || {
        let garbage = tcp(regcred.https, scale.slow, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        let half = tcp(regcred.https, scale.slow, HALF_A_HANDSHAKE);
        let until = Instant::now() + scale.stay;
        while Instant::now() < until {
            drop(tcp(regcred.https, 20, &[0xff; 4096]));
            drop(tcp(regcred.https, 20, HALF_A_HANDSHAKE));
            thread::sleep(Duration::from_millis(20));
        }
        (garbage, half)
    });
    nobody_was_kept_out(&seen);
    assert!(regcred.metric("regcred_tls_handshake_failures_total").unwrap() > 0.0);
    seen
}

/// So many requests with half of a body that there is no room for others: they are asked to come again, and are served
/// as soon as there is.
fn half_bodies(scale: &Scale) -> Seen {
    let regcred = serve();
    let body = small();
    let half = [&begun("/mutate", body.len()), &body[..body.len() / 2]].concat();
    let seen = watch(&regcred, || {
        let mut crowd = tls(&regcred, IN_FLIGHT + 50, &half);
        let until = Instant::now() + scale.stay;
        loop {
            // Those that were told that they were too slow are replaced.
            crowd.retain(is_silent);
            crowd.extend(tls(&regcred, IN_FLIGHT + 50 - crowd.len(), &half));
            if Instant::now() > until {
                return crowd;
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    assert!(seen.new.count(Told::ComeAgain) + seen.kept.count(Told::ComeAgain) > 0, "{seen}");
    assert_eq!(seen.new.count(Told::Nothing) + seen.kept.count(Told::Nothing), 0, "{seen}");
    assert_eq!(regcred.client().connect().post_bytes("/mutate", &body).status, 200);
    seen
}

#[test]
fn silent_connections_give_way_to_those_that_speak() {
    silent(&SHORT);
}

#[test]
fn slow_headers_keep_nobody_out() {
    slow_headers(&SHORT);
}

#[test]
fn what_is_no_handshake_keeps_nobody_out() {
    no_handshakes(&SHORT);
}

#[test]
fn half_sent_bodies_make_others_retry() {
    half_bodies(&SHORT);
}

#[test]
#[ignore = "takes five minutes"]
fn long_crowds_of_connections() {
    let show = |what: &str, seen: &Seen| report(what, &format!("\n{seen}"));
    show(&format!("2,000 silent before TLS, {} behind it", LONG.silent), &silent(&LONG));
    show(&format!("{} that send a header by bytes", LONG.slow), &slow_headers(&LONG));
    show(&format!("{0} with garbage, {0} with half a handshake, and more", LONG.slow), &no_handshakes(&LONG));
    show(&format!("{} with half a body", IN_FLIGHT + 50), &half_bodies(&LONG));
}

/// The API server keeps idle connections for 90 s, and some that it has never used.
#[test]
#[ignore = "takes two minutes"]
fn long_idle_connection_closes_after_120_seconds() {
    let regcred = serve();
    let mut used = regcred.client().connect();
    assert_eq!(used.post_bytes("/mutate", &small()).status, 200);
    let mut never_used = regcred.client().connect();
    let (mut closed, begun) = (regcred.client().connect(), Instant::now());
    thread::sleep(Duration::from_secs(100));
    for connection in [&mut used, &mut never_used] {
        assert_eq!(connection.post_bytes("/mutate", &small()).status, 200);
    }
    assert!(is_silent(&closed));
    assert!(closed.ended());
    report("a connection that was never used", &format!("closed after {:.1?}", begun.elapsed()));
    assert!(begun.elapsed() > Duration::from_secs(110));
}
