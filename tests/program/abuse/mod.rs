//! Clients that misbehave, in crowds, and more work than there is time for. A client that behaves is served all the
//! while or is asked at once to come again, health answers, memory has a bound, and nothing is left behind.
//!
//! Each scene has a size for `cargo test` and one that takes minutes and prints its figures:
//!
//!     cargo test --test program -- --ignored --nocapture --test-threads=1 abuse

mod connections;
mod goodput;
mod overload;
mod shedding;
mod soak;
mod watch;

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::client::{Connection, head};
use crate::support::regcred::{Regcred, Serve};
use crate::support::review::{Review, document, pair, secret};

/// The server's cap on connections, and on requests in flight.
pub const CONNECTIONS: usize = 768;
pub const IN_FLIGHT: usize = 512;

/// A server with its log in a file, and no bound on this process that would be met before the server's.
fn serve() -> Regcred {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let serve = Serve::dev();
    let log = serve.path("audit.log");
    serve.arg("--audit-log").arg(log).start()
}

/// A review of one registry to repair.
fn small() -> Vec<u8> {
    Review::create(&secret(&document(&[("r.example.com", pair("u", "p"))]))).0.to_string().into_bytes()
}

/// A request whose body is announced to be so long, up to the body.
pub fn begun(path: &str, length: usize) -> Vec<u8> {
    let length = length.to_string();
    let headers = [("Content-Type", "application/json"), ("Content-Length", length.as_str())];
    (head("POST", path, &headers) + "\r\n").into_bytes()
}

/// A whole request.
fn request(path: &str, body: &[u8]) -> Vec<u8> {
    [&begun(path, body.len()), body].concat()
}

/// So many TCP connections, each with these bytes on it.
pub fn tcp(address: SocketAddr, number: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let connect = |count: usize| {
        if count.is_multiple_of(100) {
            // Faster than they can be told apart from somebody who speaks a moment later is not tried here.
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let mut stream = TcpStream::connect(address).unwrap();
        // The server may have closed it already.
        drop(stream.write_all(bytes));
        stream
    };
    (0..number).map(connect).collect()
}

/// So many TLS connections, less those that the server closes because they are too many, and when all are there, these
/// bytes on each.
pub fn tls(regcred: &Regcred, number: usize, bytes: &[u8]) -> Vec<Connection> {
    let client = regcred.client();
    let mut crowd: Vec<Connection> = std::thread::scope(|scope| {
        let half = || {
            let connect =
                || (0..number.div_ceil(2)).filter_map(|_| client.try_connect().ok()).collect::<Vec<_>>();
            scope.spawn(connect)
        };
        let halves = [half(), half()];
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    for connection in &mut crowd {
        drop(connection.send(bytes));
    }
    crowd
}

/// Whether nothing has come, neither an answer nor the end.
pub fn is_silent(connection: &Connection) -> bool {
    let socket = connection.socket();
    socket.set_nonblocking(true).unwrap();
    let silent = socket.peek(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
    socket.set_nonblocking(false).unwrap();
    silent
}
