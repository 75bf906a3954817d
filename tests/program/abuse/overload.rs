//! More work than there is time for.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::resilience::report;
use crate::support::client::{Client, Connection};
use crate::support::regcred::Regcred;
use crate::support::review::{Review, document, pair, secret};

use super::watch::{Seen, Told, watch};
use super::{is_silent, request, serve, small, tls};

/// Requests that are sent on one connection before an answer of it is read.
const PIPELINED: usize = 50;

/// More than may be in flight, and fewer than the connections that are kept: of more that are all at work, those that
/// are too many are closed, which is no answer.
const OUTSTANDING: usize = 550;

/// An update of a Secret of 0.6 MiB, whose entries all change and lack their auth.
fn large() -> Vec<u8> {
    let entries = |password: &str| {
        let hosts: Vec<String> = (0..6000).map(|number| format!("r{number}.example.com")).collect();
        let entries: Vec<_> = hosts.iter().map(|host| (host.as_str(), pair("u", password))).collect();
        secret(&document(&entries))
    };
    let review = Review::update(&entries("old"), &entries(&"n".repeat(60)));
    json!(review.0).to_string().into_bytes()
}

/// Requests until `until` by so many clients, each of whom sends the next when it has the answer: the answers a second.
fn closed_loop(client: &Client, clients: usize, request: &[u8], until: Instant) -> f64 {
    let (answered, begun) = (AtomicUsize::new(0), Instant::now());
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let mut connection = client.connect();
                while Instant::now() < until {
                    let answer = connection.send(request).and_then(|()| connection.receive());
                    match answer.map(|answer| answer.status) {
                        Ok(200) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        _ => connection = client.connect(),
                    }
                }
            });
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "for a reader")]
    let answered = answered.load(Ordering::Relaxed) as f64;
    answered / begun.elapsed().as_secs_f64()
}

/// As many requests as the wire takes on so many connections, whose answers are read later and thrown away.
fn flood(regcred: &Regcred, connections: usize, until: Instant) -> Vec<Connection> {
    let pipelined = request("/validate", &small()).repeat(PIPELINED);
    thread::scope(|scope| {
        let flooding = || {
            scope.spawn(|| {
                let mut crowd = tls(regcred, connections / 4, b"");
                while Instant::now() < until {
                    for connection in &mut crowd {
                        // A client that sends faster than it is answered is to be blocked, and no more.
                        connection.send(&pipelined).unwrap();
                    }
                    for connection in &mut crowd {
                        for _ in 0..PIPELINED {
                            assert_eq!(connection.receive().unwrap().status, 200);
                        }
                    }
                }
                crowd
            })
        };
        let floods: Vec<_> = (0..4).map(|_| flooding()).collect();
        floods.into_iter().flat_map(|flood| flood.join().unwrap()).collect()
    })
}

/// Small requests from `connections`, ten times as many as there can be answered at once and more: each sends
/// [`PIPELINED`] at a time.
fn small_requests(connections: usize, time: Duration) -> Seen {
    let regcred = serve();
    let seen = watch(&regcred, || flood(&regcred, connections, Instant::now() + time));
    assert!(seen.kept.count(Told::Answer) > 0 && seen.new.count(Told::Answer) > 0, "{seen}");
    assert_eq!(seen.kept.count(Told::Nothing) + seen.new.count(Told::Nothing), 0, "{seen}");
    seen
}

/// What became of large requests that came at ten times the rate that can be answered.
struct Large {
    capacity: f64,
    sent: usize,
    answered: usize,
    shed: usize,
    /// Closed without an answer, being one connection too many.
    dropped: usize,
    seen: Seen,
}

/// Large requests by the clock, each on a connection of its own, whether or not those before were answered.
fn large_requests(time: Duration) -> Large {
    let regcred = serve();
    let client = regcred.client();
    let request = request("/mutate", &large());
    let capacity = closed_loop(&client, 4, &request, Instant::now() + time / 2);
    let every = Duration::from_secs_f64(0.1 / capacity);
    let [sent, answered, shed, dropped] = [0; 4].map(AtomicUsize::new);
    let seen = watch(&regcred, || {
        thread::scope(|scope| {
            let (begun, mut number) = (Instant::now(), 0);
            while begun.elapsed() < time {
                number += 1;
                thread::sleep((begun + every * number).saturating_duration_since(Instant::now()));
                let ended: usize =
                    [&answered, &shed, &dropped].map(|ended| ended.load(Ordering::Relaxed)).iter().sum();
                if sent.load(Ordering::Relaxed) - ended >= OUTSTANDING {
                    continue;
                }
                sent.fetch_add(1, Ordering::Relaxed);
                scope.spawn(|| {
                    let answer = client.try_connect().and_then(|mut connection| {
                        send_until_answered(&mut connection, &request)?;
                        connection.receive()
                    });
                    match answer.map(|answer| answer.status) {
                        Ok(200) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Ok(503) => drop(shed.fetch_add(1, Ordering::Relaxed)),
                        Ok(other) => panic!("{other}"),
                        Err(_) => drop(dropped.fetch_add(1, Ordering::Relaxed)),
                    }
                });
            }
        });
    });
    assert_eq!(seen.kept.count(Told::Nothing) + seen.new.count(Told::Nothing), 0, "{seen}");
    assert!(seen.kept.count(Told::Answer) > 0 && seen.new.count(Told::Answer) > 0, "{seen}");
    let [sent, answered, shed, dropped] = [sent, answered, shed, dropped].map(AtomicUsize::into_inner);
    assert_eq!(sent, answered + shed + dropped);
    assert!(dropped <= sent / 50, "{dropped} of {sent} had no answer\n{seen}");
    Large { capacity, sent, answered, shed, dropped, seen }
}

/// Sends a request as an API server does: it stops when the answer is there.
fn send_until_answered(connection: &mut Connection, request: &[u8]) -> io::Result<()> {
    for piece in request.chunks(16 << 10) {
        if !is_silent(connection) {
            break;
        }
        connection.send(piece)?;
    }
    Ok(())
}

/// Large answers that nobody reads. Ten seconds later they are given up.
fn unread(connections: usize, wait: bool) -> Seen {
    let regcred = serve();
    let request = request("/mutate", &large()).repeat(4);
    watch(&regcred, || {
        let mut crowd = tls(&regcred, connections, b"");
        for connection in &mut crowd {
            connection.socket().set_write_timeout(Some(Duration::from_millis(200))).unwrap();
            // More than the kernel takes for a server that stops to read, since its answers do not leave.
            let sent = connection.send(&request);
            assert!(sent.is_ok() || sent.is_err_and(|error| error.kind() != io::ErrorKind::NotConnected));
            drop(connection.socket().flush());
        }
        if wait {
            thread::sleep(Duration::from_secs(15));
        }
        crowd
    })
}

#[test]
fn small_request_flood_starves_no_client() {
    small_requests(100, Duration::from_secs(1));
}

#[test]
fn large_requests_at_ten_times_rate_are_answered() {
    let large = large_requests(Duration::from_secs(1));
    assert!(large.answered > 0, "{}", large.seen);
}

#[test]
fn answers_that_nobody_reads_keep_nobody_out() {
    let seen = unread(8, false);
    assert!(seen.kept.count(Told::Answer) > 0 && seen.new.count(Told::Answer) > 0, "{seen}");
}

#[test]
#[ignore = "takes two minutes"]
fn long_overload() {
    let regcred = serve();
    let request = request("/validate", &small());
    for clients in [1, 4, 64, 400] {
        let rate = closed_loop(&regcred.client(), clients, &request, Instant::now() + Duration::from_secs(5));
        report(&format!("{clients} clients that wait for their answers"), &format!("{rate:.0} a second"));
    }
    drop(regcred);
    let seen = small_requests(400, Duration::from_secs(30));
    report(&format!("400 connections with {PIPELINED} small requests each at a time"), &format!("\n{seen}"));
    let Large { capacity, sent, answered, shed, dropped, seen } = large_requests(Duration::from_secs(30));
    let figures = format!(
        "{capacity:.0} a second can be answered; {sent} sent at ten times that rate, {answered} answered, {shed} asked to \
         come again, {dropped} dropped\n{seen}"
    );
    report("updates of 0.6 MiB", &figures);
    let seen = unread(128, true);
    report("128 connections with 4 such updates each, whose answers nobody reads", &format!("\n{seen}"));
}
