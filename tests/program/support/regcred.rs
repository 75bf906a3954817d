//! The real program as a process of its own.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::PATIENCE;
use super::client::{Client, Response};
use super::eventually;

/// The program with nothing of the caller's environment that could change what it does. Another build of it, the image's
/// for instance, is tried where `REGCRED_TEST_PROGRAM` names its file.
pub fn command() -> Command {
    let program = std::env::var_os("REGCRED_TEST_PROGRAM").unwrap_or(env!("CARGO_BIN_EXE_regcred").into());
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let foreign = name.to_string_lossy();
        if foreign.starts_with("REGCRED_") || foreign.starts_with("RUST_") {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// How to start `regcred serve`: on free ports of loopback, in a folder of its own.
pub struct Serve {
    folder: TempDir,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    ca: Option<PathBuf>,
    stdout_unread: bool,
    stderr_unread: bool,
}

impl Serve {
    /// Without a certificate: name one with [`Serve::certificate`], or take [`Serve::dev`].
    pub fn new() -> Self {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"];
        Serve {
            folder: tempfile::Builder::new().prefix("regcred-test-").tempdir().unwrap(),
            arguments: arguments.map(OsString::from).to_vec(),
            environment: Vec::new(),
            ca: None,
            stdout_unread: false,
            stderr_unread: false,
        }
    }

    /// With `--tls self-managed`, in the cluster that this kubeconfig leads to.
    pub fn self_managed(kubeconfig: &str) -> Self {
        Self::new().args(["--tls", "self-managed"]).kubeconfig(kubeconfig)
    }

    /// With this kubeconfig, in place of a pod's service account.
    pub fn kubeconfig(self, text: &str) -> Self {
        let path = self.path("kubeconfig");
        fs::write(&path, text).unwrap();
        self.env("KUBECONFIG", path)
    }

    /// With this in its environment.
    pub fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// With `--dev`: the certificate is made by the program itself.
    pub fn dev() -> Self {
        let mut serve = Self::new().arg("--dev");
        serve.ca = Some(serve.path("certs/dev/ca.crt"));
        serve
    }

    /// With these files; clients made by [`Regcred::client`] trust `ca`.
    pub fn certificate(mut self, certificate: &Path, key: &Path, ca: &Path) -> Self {
        self.ca = Some(ca.to_owned());
        self.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key)
    }

    /// With this policy, in the file `policy.yaml` of the program's folder.
    pub fn policy(self, text: &str) -> Self {
        let path = self.path("policy.yaml");
        fs::write(&path, text).unwrap();
        self.arg("--policy").arg(path)
    }

    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn args<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.arguments.extend(arguments.map(OsString::from));
        self
    }

    /// Standard output is a pipe that nobody reads.
    pub fn stdout_unread(mut self) -> Self {
        self.stdout_unread = true;
        self
    }

    /// After the two lines with its addresses, nobody reads standard error.
    pub fn stderr_unread(mut self) -> Self {
        self.stderr_unread = true;
        self
    }

    /// A file in the program's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it and waits until it is ready.
    #[track_caller]
    pub fn start(self) -> Regcred {
        let regcred = self.start_unready();
        regcred.wait_until_ready();
        regcred
    }

    /// Starts it and waits until it listens.
    #[track_caller]
    pub fn start_unready(self) -> Regcred {
        let mut child = command()
            .current_dir(self.folder.path())
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut unread_stderr = None;
        let mut stderr = child.stderr.take().unwrap();
        let stderr = if self.stderr_unread {
            let addresses = first_lines(&mut stderr, 2);
            unread_stderr = Some(stderr);
            Collected::of(addresses)
        } else {
            Collected::from(stderr)
        };
        let mut unread = None;
        let mut stdout = Collected::default();
        if self.stdout_unread {
            unread = child.stdout.take();
        } else {
            stdout = Collected::from(child.stdout.take().unwrap());
        }
        let address = |prefix: &str, suffix: &str| {
            let found = stderr.wait_for(|text| listening(text, prefix, suffix));
            found.unwrap_or_else(|| panic!("it does not listen; its standard error: {}", stderr.text()))
        };
        let https = address("https://", "");
        let ops = address("http://", " (ops)");
        Regcred { child, folder: self.folder, ca: self.ca, https, ops, stdout, stderr, unread, unread_stderr }
    }
}

/// Reads so many lines and not a byte more.
fn first_lines(stream: &mut impl Read, number: usize) -> Vec<u8> {
    let (mut lines, mut byte, mut complete) = (Vec::new(), [0], 0);
    while complete < number && stream.read(&mut byte).unwrap() == 1 {
        lines.push(byte[0]);
        complete += usize::from(byte == *b"\n");
    }
    lines
}

/// The address in a line that says where the program listens.
fn listening(text: &str, prefix: &str, suffix: &str) -> Option<SocketAddr> {
    let complete = text.rsplit_once('\n')?.0;
    complete.lines().find_map(|line| {
        // With `--log-format json` it is the message of an object.
        let object = serde_json::from_str::<Value>(line).ok();
        let line = object.as_ref().map_or(Some(line.trim()), |object| object["message"].as_str())?;
        let address = line.strip_prefix("listening on ")?.strip_prefix(prefix)?.strip_suffix(suffix)?;
        address.parse().ok()
    })
}

/// A running `regcred serve`. It is killed when dropped.
pub struct Regcred {
    child: Child,
    folder: TempDir,
    ca: Option<PathBuf>,
    /// Where it serves `/mutate` and `/validate`.
    pub https: SocketAddr,
    /// Where it serves `/livez`, `/readyz` and `/metrics`.
    pub ops: SocketAddr,
    stdout: Collected,
    stderr: Collected,
    /// Kept, so that the pipe fills up rather than breaks.
    unread: Option<ChildStdout>,
    unread_stderr: Option<ChildStderr>,
}

/// What a program left behind.
pub struct Left {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Regcred {
    /// A file in the program's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[track_caller]
    pub fn wait_until_ready(&self) {
        eventually("readiness", || (self.get("/readyz").status == 200).then_some(()));
    }

    /// The CA that its certificate is by.
    pub fn ca(&self) -> &Path {
        self.ca.as_deref().expect("started with a certificate")
    }

    /// A client of the HTTPS port.
    pub fn client(&self) -> Client {
        Client::https(self.https, self.ca())
    }

    /// Posts JSON on a connection of its own.
    #[track_caller]
    pub fn post(&self, path: &str, review: &Value) -> Response {
        self.client().connect().post(path, review)
    }

    /// Gets something from the ops port.
    #[track_caller]
    pub fn get(&self, path: &str) -> Response {
        Client::http(self.ops).connect().get(path)
    }

    /// The value of a series, written as in the exposition: `regcred_panics_total` or `name{label="value"}`. A
    /// name alone is the sum of all its series.
    #[track_caller]
    pub fn metric(&self, series: &str) -> Option<f64> {
        let text = self.get("/metrics").text();
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(series)?;
            let value = rest
                .strip_prefix(' ')
                .or_else(|| rest.strip_prefix('{')?.split_once("} ").map(|(_, value)| value))?;
            Some(value.trim().parse::<f64>().unwrap())
        });
        values.reduce(|sum, value| sum + value)
    }

    /// Waits until a series has a value.
    #[track_caller]
    pub fn wait_for_metric(&self, series: &str, wanted: f64) {
        let mut last = None;
        let until = Instant::now() + PATIENCE;
        while last != Some(wanted) {
            assert!(Instant::now() < until, "{series} is {last:?}, not {wanted}");
            last = self.metric(series);
        }
    }

    /// The audit records on standard output until now.
    #[track_caller]
    pub fn audit(&self) -> Vec<Value> {
        records(&self.stdout.text())
    }

    /// Waits for the audit record of one call.
    #[track_caller]
    pub fn audit_record(&self, uid: &str, webhook: &str) -> Value {
        let of_call = |record: &Value| record["uid"] == uid && record["webhook"] == webhook;
        eventually(&format!("an audit record of {uid} by {webhook}"), || {
            self.audit().into_iter().find(of_call)
        })
    }

    /// What it has written to standard error until now.
    pub fn log(&self) -> String {
        self.stderr.text()
    }

    /// Waits for words on standard error.
    #[track_caller]
    pub fn wait_for_log(&self, words: &str) {
        let found = self.stderr.wait_for(|text| text.contains(words).then_some(()));
        assert!(found.is_some(), "{words:?} is not in the log: {}", self.log());
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Begins reading standard output after [`Serve::stdout_unread`].
    pub fn read_stdout(&mut self) {
        self.stdout = Collected::from(self.unread.take().expect("not read before"));
    }

    /// Begins reading standard error after [`Serve::stderr_unread`].
    pub fn read_stderr(&mut self) {
        self.stderr = Collected::from(self.unread_stderr.take().expect("not read before"));
    }

    /// Asks it to end, and waits until it did.
    #[track_caller]
    pub fn stop(self) -> Left {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Left {
        let status = eventually("the end of the program", || self.child.try_wait().unwrap());
        (self.unread, self.unread_stderr) = (None, None);
        Left { status, stdout: self.stdout.finish(), stderr: self.stderr.finish() }
    }
}

impl Drop for Regcred {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Left {
    /// The audit records.
    pub fn audit(&self) -> Vec<Value> {
        records(&self.stdout)
    }
}

/// The complete lines of an audit stream.
#[track_caller]
pub fn records(text: &str) -> Vec<Value> {
    let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
    complete
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no record: {line}")))
        .collect()
}

/// A stream that a thread reads to its end.
#[derive(Default)]
struct Collected {
    shared: Arc<(Mutex<Vec<u8>>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Collected {
    /// What has been read already, of a stream that is not read any further.
    fn of(text: Vec<u8>) -> Self {
        let collected = Collected::default();
        *collected.shared.0.lock().unwrap() = text;
        collected
    }

    fn from(mut stream: impl Read + Send + 'static) -> Self {
        let shared = Arc::<(Mutex<Vec<u8>>, Condvar)>::default();
        let theirs = Arc::clone(&shared);
        let reader = std::thread::spawn(move || {
            let mut piece = vec![0; 64 << 10];
            while let Ok(size @ 1..) = stream.read(&mut piece) {
                theirs.0.lock().unwrap().extend_from_slice(&piece[..size]);
                theirs.1.notify_all();
            }
        });
        Collected { shared, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shared.0.lock().unwrap()).into_owned()
    }

    /// Looks at the text whenever there is more of it; `None` when it ends or takes too long.
    fn wait_for<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let until = Instant::now() + PATIENCE;
        let mut bytes = self.shared.0.lock().unwrap();
        loop {
            let ended = self.reader.as_ref().is_none_or(JoinHandle::is_finished);
            if let Some(found) = find(&String::from_utf8_lossy(&bytes)) {
                return Some(found);
            }
            let left = until.saturating_duration_since(Instant::now());
            if ended || left.is_zero() {
                return None;
            }
            // Short turns, since the end of the stream rings no bell.
            bytes =
                self.shared.1.wait_timeout(bytes, left.min(std::time::Duration::from_millis(50))).unwrap().0;
        }
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}
