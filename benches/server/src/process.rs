//! A server as a process: how it is started, what it takes of processor and memory.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::load::Target;

/// Two processors: the servers' and the load's.
#[derive(Clone, Copy)]
pub struct Processors {
    servers: usize,
    load: usize,
}

impl Processors {
    /// The first and the last that this process may use.
    pub fn choose() -> Self {
        let allowed = sched_getaffinity(None).unwrap();
        let mut usable = (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor));
        let servers = usable.next().unwrap();
        let load = usable.next_back().expect("the servers and the load each need a processor of their own");
        Processors { servers, load }
    }

    /// From now on this thread, and what it starts, runs where the servers are to.
    pub fn as_server(self) {
        pin(self.servers);
    }

    /// From now on this thread runs where the load is to.
    pub fn as_load(self) {
        pin(self.load);
    }
}

fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).unwrap();
}

/// A running server. It is killed when dropped.
pub struct Server {
    child: Child,
    pub target: Target,
}

impl Server {
    /// Starts a command that says on standard error where it listens, and waits for that.
    pub fn start(command: &mut Command, processors: Processors, ca: &str) -> Self {
        let mut child = spawn(command.stderr(Stdio::piped()), processors);
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "{command:?} does not listen");
            if let Some(address) = line.trim().strip_prefix("listening on https://") {
                break address.parse().unwrap();
            }
        };
        // What it says later is taken off it, so that it never has to wait.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Server { child, target: Target::new(address, ca) }
    }

    /// Starts a command that listens where it is told to, and waits until it does.
    pub fn start_at(command: &mut Command, address: SocketAddr, processors: Processors, ca: &str) -> Self {
        let child = spawn(command.stderr(Stdio::null()), processors);
        let server = Server { child, target: Target::new(address, ca) };
        let until = Instant::now() + Duration::from_secs(30);
        while server.target.connect().is_err() {
            assert!(Instant::now() < until, "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// The processor time that all of its threads have taken so far.
    pub fn cpu(&self) -> Cpu {
        let mut threads = HashMap::new();
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap() {
            let path = thread.unwrap().path();
            // A thread may end while it is looked at.
            let Ok(text) = fs::read_to_string(path.join("schedstat")) else { continue };
            let nanos = text.split(' ').next().and_then(|first| first.parse().ok()).unwrap();
            threads.insert(path.into_os_string(), nanos);
        }
        Cpu(threads)
    }

    /// A line of its `/proc/PID/status` in MiB: `VmRSS` for now, `VmHWM` for the most until now.
    pub fn memory(&self, name: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Started where servers run, which a child inherits.
fn spawn(command: &mut Command, processors: Processors) -> Child {
    processors.as_server();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    processors.as_load();
    child.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Processor time by thread, in nanoseconds.
pub struct Cpu(HashMap<std::ffi::OsString, u64>);

impl Cpu {
    /// What was taken since; of a thread that has ended in between, what came after the first look is not known.
    pub fn since(&self, before: &Cpu) -> Duration {
        let more = |(thread, &nanos): (_, &u64)| nanos - before.0.get(thread).copied().unwrap_or(0);
        Duration::from_nanos(self.0.iter().map(more).sum())
    }
}
