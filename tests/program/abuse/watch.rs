//! What becomes of others while somebody misbehaves.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::client::{Client, Connection, Response};
use crate::support::eventually;
use crate::support::process::{Memory, descriptors};
use crate::support::regcred::Regcred;

use super::{request, small};

/// A client that behaves waits so long between two requests.
const PAUSE: Duration = Duration::from_millis(10);

/// What it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The review's answer.
    Answer,
    /// 503, come again in a second, on another connection.
    ComeAgain,
    /// Nothing: the connection ended.
    Nothing,
}

impl Told {
    fn by(response: &io::Result<Response>) -> Self {
        match response {
            Ok(response) if response.status == 200 => Told::Answer,
            Ok(response) => {
                let headers = (response.header("retry-after"), response.header("connection"));
                assert_eq!((response.status, headers), (503, (Some("1"), Some("close"))));
                Told::ComeAgain
            }
            Err(error) => {
                assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "no answer at all");
                Told::Nothing
            }
        }
    }
}

/// What one kind of client met: what it was told, and how long that took.
#[derive(Default)]
pub struct Met(Vec<(Told, Duration)>);

impl Met {
    pub fn count(&self, told: Told) -> usize {
        self.0.iter().filter(|(what, _)| *what == told).count()
    }
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times: Vec<_> = self.0.iter().map(|(_, time)| *time).collect();
        times.sort_unstable();
        let at = |of_hundred: usize| times.get(times.len() * of_hundred / 100).copied().unwrap_or_default();
        let [answers, again, nothing] =
            [Told::Answer, Told::ComeAgain, Told::Nothing].map(|told| self.count(told));
        let most = times.last().copied().unwrap_or_default();
        write!(f, "{answers} answered, {again} asked to come again, {nothing} dropped; ")?;
        write!(f, "median {:.1?}, 99 % {:.1?}, longest {most:.1?}", at(50), at(99))
    }
}

/// What happened to others, and to the server, while something was done to it.
pub struct Seen {
    /// Requests on a connection that is kept, as an API server keeps them.
    pub kept: Met,
    /// Requests on new connections.
    pub new: Met,
    /// The operations port: its slowest answer, of so many.
    pub health: (Duration, usize),
    pub before: Memory,
    pub during: Memory,
    pub after: Memory,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  kept connection   {}", self.kept)?;
        writeln!(f, "  new connections   {}", self.new)?;
        writeln!(f, "  health            {} asked, slowest {:.1?}", self.health.1, self.health.0)?;
        writeln!(f, "  memory before     {}", self.before)?;
        writeln!(f, "  memory during     {}", self.during)?;
        write!(f, "  memory afterwards {}", self.after)
    }
}

/// Watches others while `misbehave` runs, and that everything it took has come back when what it returns is dropped.
#[track_caller]
pub fn watch<T>(regcred: &Regcred, misbehave: impl FnOnce() -> T) -> Seen {
    let (before, open) = (Memory::of(regcred.pid()), descriptors(regcred.pid()));
    let done = AtomicBool::new(false);
    let mut seen = thread::scope(|scope| {
        let _done = Done(&done);
        let kept = scope.spawn(|| keep_asking(&regcred.client(), &done));
        let new = scope.spawn(|| repeat(&done, || ask_anew(&regcred.client())));
        let health = scope.spawn(|| health(regcred, &done));
        // An API server that is at work has spoken before.
        eventually("the first answers", || {
            regcred.metric("regcred_admission_duration_seconds_count").filter(|count| *count >= 2.0)
        });
        let rest = misbehave();
        let during = Memory::of(regcred.pid());
        done.store(true, Ordering::Relaxed);
        let (kept, new, health) = (kept.join().unwrap(), new.join().unwrap(), health.join().unwrap());
        drop(rest);
        Seen { kept, new, health, before, during, after: during }
    });
    eventually("all descriptors to be given back", || (descriptors(regcred.pid()) <= open).then_some(()));
    regcred.wait_for_metric("regcred_admission_in_flight", 0.0);
    seen.after = Memory::of(regcred.pid());
    assert_eq!(regcred.metric("regcred_panics_total"), Some(0.0));
    assert!(seen.after.most < 256 << 10, "more memory than the pod has: {}", seen.after);
    seen
}

/// Ends the watchers, also where the misbehaviour itself fails.
struct Done<'d>(&'d AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn repeat(done: &AtomicBool, mut ask: impl FnMut() -> Told) -> Met {
    let mut met = Met::default();
    while !done.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let told = ask();
        met.0.push((told, begun.elapsed()));
        thread::sleep(PAUSE);
    }
    met
}

fn ask(connection: &mut Connection) -> io::Result<Response> {
    connection.send(&request("/mutate", &small()))?;
    connection.receive()
}

fn ask_anew(client: &Client) -> Told {
    Told::by(&client.try_connect().and_then(|mut connection| ask(&mut connection)))
}

/// On one connection, until its server asks to close it.
fn keep_asking(client: &Client, done: &AtomicBool) -> Met {
    let mut kept = client.try_connect();
    repeat(done, || {
        let told = Told::by(&kept.as_mut().map_err(|error| error.kind().into()).and_then(ask));
        if told != Told::Answer {
            kept = client.try_connect();
        }
        told
    })
}

fn health(regcred: &Regcred, done: &AtomicBool) -> (Duration, usize) {
    let (mut slowest, mut asked) = (Duration::ZERO, 0);
    while !done.load(Ordering::Relaxed) {
        for path in ["/livez", "/readyz", "/metrics"] {
            let begun = Instant::now();
            assert_eq!(regcred.get(path).status, 200, "{path}");
            slowest = slowest.max(begun.elapsed());
            asked += 1;
        }
        thread::sleep(PAUSE);
    }
    (slowest, asked)
}
