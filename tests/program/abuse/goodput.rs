//! How much is answered when more clients send large updates than can be answered at once.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::resilience::report;
use crate::support::client::Client;
use crate::support::review::{Review, document, pair, secret};

use super::{request, serve};

/// Clients that saturate the server with these updates.
const SATURATING: usize = 4;
const OVERLOADING: usize = 16 * SATURATING;

/// What has to be left of the peak with [`OVERLOADING`] clients.
const LEAST_SHARE: f64 = 0.75;

/// What a number of clients received.
#[derive(Clone, Copy, Debug, Default)]
struct Goodput {
    answered: usize,
    shed: usize,
    /// Connections that ended without an answer.
    dropped: usize,
    seconds: f64,
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
impl Goodput {
    fn per_second(self) -> f64 {
        self.answered as f64 / self.seconds
    }

    fn add(&mut self, other: Goodput) {
        self.answered += other.answered;
        self.shed += other.shed;
        self.dropped += other.dropped;
        self.seconds += other.seconds;
    }

    /// The answered share of the requests.
    fn share(self) -> f64 {
        self.answered as f64 / (self.answered + self.shed + self.dropped) as f64
    }
}

/// An update of a Secret, of 2 MB: its two objects carry almost 1 MiB of data each. Little of it needs judging, so reading
/// it is most of the work.
fn update() -> Vec<u8> {
    let object = |password: &str| {
        let mut object = secret(&document(&[("r.example.com", pair("u", password))]));
        object["data"]["padding"] = json!(BASE64_STANDARD.encode(vec![0x5a; 700 << 10]));
        object
    };
    request("/mutate", Review::update(&object("old"), &object("new")).0.to_string().as_bytes())
}

/// Each client sends this many requests, the next one when it has the answer to the last one, and reconnects when it is
/// refused. The first ones are sent when all clients are connected.
fn closed_loop(client: &Client, clients: usize, requests: usize, request: &[u8]) -> Goodput {
    let [answered, shed, dropped] = [0; 3].map(AtomicUsize::new);
    let connected = Barrier::new(clients + 1);
    let begun = thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let mut connection = client.connect();
                connected.wait();
                for _ in 0..requests {
                    let sent = connection.send(request);
                    let answer = connection.receive().map_err(|error| sent.err().unwrap_or(error));
                    let counter = match answer.map(|answer| answer.status) {
                        Ok(200) => &answered,
                        Ok(503) => &shed,
                        Ok(other) => panic!("{other}"),
                        Err(_) => &dropped,
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                    if counter.as_ptr() != answered.as_ptr() {
                        connection = client.connect();
                    }
                }
            });
        }
        connected.wait();
        Instant::now()
    });
    let [answered, shed, dropped] = [answered, shed, dropped].map(AtomicUsize::into_inner);
    Goodput { answered, shed, dropped, seconds: begun.elapsed().as_secs_f64() }
}

fn show(clients: usize, goodput: Goodput) {
    let Goodput { answered, shed, dropped, .. } = goodput;
    let figures = format!(
        "{:.0} a second; {answered} answered, {shed} asked to retry, {dropped} dropped",
        goodput.per_second()
    );
    report(&format!("{clients} clients with updates of 2 MB"), &figures);
}

/// Also a debug build can answer so many within their deadlines.
#[test]
fn bursts_of_large_updates_are_answered() {
    let regcred = serve();
    let request = update();
    for clients in [SATURATING, OVERLOADING] {
        let goodput = closed_loop(&regcred.client(), clients, 3, &request);
        show(clients, goodput);
        assert!(goodput.share() >= LEAST_SHARE, "{goodput:?}");
    }
}

/// Rounds of both kinds alternate, so that other load on the machine meets both.
#[test]
#[ignore = "takes minutes, on a machine with nothing else to do"]
fn long_goodput_holds_at_16_times_the_clients() {
    let regcred = serve();
    let request = update();
    let [mut peak, mut overloaded] = [Goodput::default(); 2];
    for _ in 0..5 {
        for (sum, clients) in [(&mut peak, SATURATING), (&mut overloaded, OVERLOADING)] {
            sum.add(closed_loop(&regcred.client(), clients, 320 / clients, &request));
        }
    }
    show(SATURATING, peak);
    show(OVERLOADING, overloaded);
    assert!(overloaded.per_second() >= peak.per_second() * LEAST_SHARE, "{overloaded:?}, {peak:?}");
}
