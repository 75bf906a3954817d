//! A steady load of writes of image pull Secrets that lack their `auth`, and what became of each.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::client::Response;
use crate::support::cluster::{Api, ApiConnection, document_of, pull_secret};
use crate::support::eventually;

/// How much is written.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub workers: u32,
    /// By all workers together.
    pub per_second: u32,
    /// All workers write at the same moment, rather than one after the other: the API server then opens a connection
    /// for each, most of which are idle for most of the time.
    pub at_once: bool,
}

/// A running load. Each worker goes round: it creates a Secret, updates it, patches it and deletes it.
pub struct Load {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    api: Api,
    name: String,
    path: String,
    started: Instant,
    stopping: AtomicBool,
    tally: Mutex<Tally>,
}

/// What became of the writes until now.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Stored with their `auth`, or deleted.
    pub good: u64,
    /// Stored without it: the mutating webhook was passed over.
    pub unpatched: Vec<Trouble>,
    /// Not stored.
    pub failed: Vec<Trouble>,
    /// How long each write took, in the order of their ends.
    pub times: Vec<Duration>,
}

/// A write that did not go as it should.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// When it began, since the start of the load.
    pub at: Duration,
    #[expect(dead_code, reason = "shown when a test fails")]
    pub operation: Operation,
    /// What the API server, or the connection to it, said.
    #[expect(dead_code, reason = "shown when a test fails")]
    pub said: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    Update,
    Patch,
    Delete,
}

impl Load {
    /// Begins to write into a namespace.
    pub fn start(api: Api, namespace: &str, rate: Rate, name: &str) -> Self {
        let shared = Arc::new(Shared {
            api,
            name: name.to_owned(),
            path: format!("/api/v1/namespaces/{namespace}/secrets"),
            started: Instant::now(),
            stopping: AtomicBool::new(false),
            tally: Mutex::default(),
        });
        let every = Duration::from_secs(1) * rate.workers / rate.per_second;
        let worker = |number| {
            let shared = Arc::clone(&shared);
            let offset = if rate.at_once { Duration::ZERO } else { every * number / rate.workers };
            let first = shared.started + offset;
            std::thread::spawn(move || work(&shared, number, first, every))
        };
        let workers = (0..rate.workers).map(worker).collect();
        Load { shared, workers }
    }

    /// What became of the writes until now.
    pub fn tally(&self) -> Tally {
        self.shared.tally.lock().unwrap().clone()
    }

    /// Waits for the end of so many more writes.
    #[track_caller]
    pub fn wait_for(&self, more: usize) {
        let ended = || self.shared.tally.lock().unwrap().times.len();
        let wanted = ended() + more;
        eventually(&format!("{more} more writes"), || (ended() >= wanted).then_some(()));
    }

    /// How long it has been running.
    pub fn elapsed(&self) -> Duration {
        self.shared.started.elapsed()
    }

    /// Lets every worker end what it does.
    #[track_caller]
    pub fn stop(mut self) -> Tally {
        self.shared.stopping.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            worker.join().unwrap();
        }
        self.tally()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }
}

impl Tally {
    /// Fails if one write failed or was left unpatched.
    #[track_caller]
    pub fn is_clean(&self) {
        assert!(
            self.failed.is_empty() && self.unpatched.is_empty(),
            "of {} writes {} failed, {} are unpatched: {:#?} {:#?}",
            self.times.len(),
            self.failed.len(),
            self.unpatched.len(),
            self.failed.first(),
            self.unpatched.first(),
        );
    }

    /// One line of figures.
    pub fn figures(&self) -> String {
        format!(
            "{} writes, {} failed, {} unpatched; p50 {:?}, p99 {:?}, longest {:?}",
            self.times.len(),
            self.failed.len(),
            self.unpatched.len(),
            self.quantile(0.5),
            self.quantile(0.99),
            self.quantile(1.0),
        )
    }

    /// The writes that failed and those that were left unpatched.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.failed.iter().chain(&self.unpatched)
    }

    /// The time within which this part of the writes ended, of 1.
    fn quantile(&self, part: f64) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into some thousands"
        )]
        let index = (times.len().saturating_sub(1) as f64 * part) as usize;
        times.get(index).copied().unwrap_or_default()
    }
}

/// What became of one write.
enum Outcome {
    Good,
    Unpatched,
    Failed(String),
}

fn work(shared: &Shared, worker: u32, first: Instant, every: Duration) {
    let mut connection = None;
    let mut due = first;
    for round in 0_u64.. {
        let name = format!("{}-{worker}-{round}", shared.name);
        for operation in [Operation::Create, Operation::Update, Operation::Patch, Operation::Delete] {
            // What could not be done in time is not made up for: the load stays the same after a stop.
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            due = (due + every).max(Instant::now());
            if shared.stopping.load(Ordering::Relaxed) {
                return;
            }
            let begun = Instant::now();
            let outcome = write(shared, &mut connection, operation, &name, round)
                .unwrap_or_else(|error| Outcome::Failed(format!("no answer of the API server: {error}")));
            let created = !(operation == Operation::Create && matches!(outcome, Outcome::Failed(_)));
            shared.note(operation, begun, outcome);
            if !created {
                break;
            }
        }
    }
}

impl Shared {
    fn note(&self, operation: Operation, begun: Instant, outcome: Outcome) {
        let trouble = |said| Trouble { at: begun - self.started, operation, said };
        let mut tally = self.tally.lock().unwrap();
        tally.times.push(begun.elapsed());
        match outcome {
            Outcome::Good => tally.good += 1,
            Outcome::Unpatched => tally.unpatched.push(trouble(String::new())),
            Outcome::Failed(said) => tally.failed.push(trouble(said)),
        }
    }
}

fn write(
    shared: &Shared,
    connection: &mut Option<ApiConnection>,
    operation: Operation,
    name: &str,
    round: u64,
) -> io::Result<Outcome> {
    // A password of its own for each, so that each change is one.
    let password = format!("made-up-{round}-{operation:?}");
    let bare = document(&password, "");
    let secret = pull_secret(name, &bare);
    let one = format!("{}/{name}", shared.path);
    let (method, path, content_type, body) = match operation {
        Operation::Create => ("POST", &shared.path, "application/json", secret.to_string()),
        Operation::Update => ("PUT", &one, "application/json", secret.to_string()),
        Operation::Patch => {
            let patch = json!({"data": secret["data"]});
            ("PATCH", &one, "application/merge-patch+json", patch.to_string())
        }
        Operation::Delete => ("DELETE", &one, "application/json", String::new()),
    };
    let mut on = match connection.take() {
        Some(connection) => connection,
        None => shared.api.connect()?,
    };
    let answer = on.request(method, path, content_type, &body)?;
    *connection = Some(on);
    Ok(judge(operation, &password, &answer))
}

fn judge(operation: Operation, password: &str, answer: &Response) -> Outcome {
    if !(200..300).contains(&answer.status) {
        return Outcome::Failed(format!("{}: {}", answer.status, answer.text()));
    }
    let auth = BASE64_STANDARD.encode(format!("robot:{password}"));
    let whole = document(password, &format!(r#","auth":"{auth}""#));
    if operation == Operation::Delete || document_of(&stored(answer)) == whole {
        Outcome::Good
    } else {
        Outcome::Unpatched
    }
}

/// The Secret as it was stored: the API server answers with it.
fn stored(answer: &Response) -> Value {
    answer.json()
}

fn document(password: &str, auth: &str) -> String {
    format!(r#"{{"auths":{{"registry.example.com":{{"username":"robot","password":"{password}"{auth}}}}}}}"#)
}
