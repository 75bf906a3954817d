//! How much is answered when more clients send large updates than can be answered at once.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::resilience::report;
use crate::support::client::Client;
use crate::support::review::{Review, document, pair, secret};

use super::{request, serve};

/// Clients that saturate the server with these updates.
const SATURATING: usize = 4;

/// DESIGN.md §5 asks for at least this share of the peak at 16 times the clients that saturate the server.
const LEAST_SHARE: f64 = 0.75;

/// What a number of clients received in one run.
#[derive(Clone, Copy, Default)]
struct Goodput {
    answered: usize,
    shed: usize,
    /// Connections that ended without an answer.
    dropped: usize,
    seconds: f64,
}

impl Goodput {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn per_second(self) -> f64 {
        self.answered as f64 / self.seconds
    }
}

/// An update of a Secret whose two objects carry almost 1 MiB of data each. Little of it needs judging, so reading it is
/// most of the work.
fn update() -> Vec<u8> {
    let object = |password: &str| {
        let mut object = secret(&document(&[("r.example.com", pair("u", password))]));
        object["data"]["padding"] = json!(BASE64_STANDARD.encode(vec![0x5a; 700 << 10]));
        object
    };
    request("/mutate", Review::update(&object("old"), &object("new")).0.to_string().as_bytes())
}

/// Each client sends its next request when it has the answer to the last one, and reconnects when it is refused. The time
/// begins when all are connected.
fn closed_loop(client: &Client, clients: usize, request: &[u8], time: Duration) -> Goodput {
    let [answered, shed, dropped] = [0; 3].map(AtomicUsize::new);
    let connected = Barrier::new(clients);
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let mut connection = client.connect();
                connected.wait();
                let begun = Instant::now();
                while begun.elapsed() < time {
                    let sent = connection.send(request);
                    let answer = connection.receive().map_err(|error| sent.err().unwrap_or(error));
                    let counter = match answer.map(|answer| answer.status) {
                        Ok(200) => &answered,
                        Ok(503) => &shed,
                        Ok(other) => panic!("{other}"),
                        Err(_) => &dropped,
                    };
                    // An answer that comes too late is not counted.
                    if begun.elapsed() < time {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                    if !std::ptr::eq(counter, &raw const answered) {
                        connection = client.connect();
                    }
                }
            });
        }
    });
    let [answered, shed, dropped] = [answered, shed, dropped].map(AtomicUsize::into_inner);
    Goodput { answered, shed, dropped, seconds: time.as_secs_f64() }
}

/// The goodput of the saturating number of clients and of 16 times as many, in alternating rounds, so that other load on
/// the machine affects both.
fn compare(rounds: usize, time: Duration) -> [Goodput; 2] {
    let regcred = serve();
    let request = update();
    let mut sums = [Goodput::default(); 2];
    for _ in 0..rounds {
        for (sum, clients) in sums.iter_mut().zip([SATURATING, SATURATING * 16]) {
            let round = closed_loop(&regcred.client(), clients, &request, time);
            sum.answered += round.answered;
            sum.shed += round.shed;
            sum.dropped += round.dropped;
            sum.seconds += round.seconds;
        }
    }
    for (sum, clients) in sums.iter().zip([SATURATING, SATURATING * 16]) {
        let Goodput { answered, shed, dropped, .. } = sum;
        let rate = sum.per_second();
        report(
            &format!("{clients} clients with updates of 2 MB"),
            &format!("{rate:.0} a second; {answered} answered, {shed} asked to retry, {dropped} dropped"),
        );
    }
    sums
}

#[test]
fn goodput_holds_at_16_times_the_clients() {
    let [peak, overloaded] = compare(2, Duration::from_secs(3)).map(Goodput::per_second);
    assert!(overloaded >= peak * LEAST_SHARE, "{overloaded:.1} a second, {peak:.1} at {SATURATING} clients");
}
