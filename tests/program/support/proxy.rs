//! A plain HTTP server in front of the API server, which does something between two requests.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::client::Client;

/// A request on its way.
#[derive(Clone, Debug)]
pub struct Passing {
    pub method: String,
    /// Path and query.
    pub uri: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Passing {
    /// Whether a further page of a list is asked for.
    pub fn is_next_page(&self) -> bool {
        self.method == "GET" && self.uri.contains("&continue=")
    }
}

/// What is done with a request.
pub enum Then {
    Pass,
    /// The connection ends without an answer.
    Drop,
    /// The same, but the server has got the request, and done what it asks for.
    Lose,
    /// The connection ends in the middle of the answer's body.
    Cut,
    /// An answer of this status and JSON.
    Answer(u16, String),
}

/// A running proxy. Its threads end with the connections.
pub struct Proxy {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Passing>>>,
}

impl Proxy {
    /// Leads to `server`. `hook` sees every request before it goes on, and may change it.
    pub fn start(server: Client, hook: impl FnMut(&mut Passing) -> Then + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Passing>>>::default();
        let (theirs, hook) = (Arc::clone(&seen), Arc::new(Mutex::new(hook)));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, seen, hook) = (server.clone(), Arc::clone(&theirs), Arc::clone(&hook));
                std::thread::spawn(move || {
                    let mut decide = |passing: &mut Passing| {
                        let then = hook.lock().unwrap()(passing);
                        seen.lock().unwrap().push(passing.clone());
                        then
                    };
                    // Whoever ends a connection early is a part of the tests.
                    drop(serve(stream.unwrap(), &server, &mut decide));
                });
            }
        });
        Proxy { address, seen }
    }

    /// The requests until now.
    pub fn seen(&self) -> Vec<Passing> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    server: &Client,
    decide: &mut dyn FnMut(&mut Passing) -> Then,
) -> io::Result<()> {
    let mut upstream = server.try_connect()?;
    let mut received = Vec::new();
    while let Some(mut passing) = receive(&mut stream, &mut received)? {
        let then = decide(&mut passing);
        let (status, body, cut) = match then {
            Then::Drop => return stream.shutdown(Shutdown::Both),
            Then::Answer(status, body) => (status, body.into_bytes(), false),
            Then::Pass | Then::Lose | Then::Cut => {
                let headers: Vec<_> =
                    passing.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let response = upstream.request(&passing.method, &passing.uri, &headers, &passing.body)?;
                if matches!(then, Then::Lose) {
                    return stream.shutdown(Shutdown::Both);
                }
                (response.status, response.body, matches!(then, Then::Cut))
            }
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        if cut {
            stream.write_all(&body[..body.len() * 2 / 3])?;
            return stream.shutdown(Shutdown::Both);
        }
        stream.write_all(&body)?;
    }
    Ok(())
}

/// The next request of a connection; `None` at its end.
fn receive(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<Option<Passing>> {
    let mut more = |received: &mut Vec<u8>| {
        let mut piece = [0; 16 << 10];
        let size = stream.read(&mut piece)?;
        received.extend_from_slice(&piece[..size]);
        Ok::<_, io::Error>(size > 0)
    };
    let end = loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if !more(received)? {
            return Ok(None);
        }
    };
    let head = String::from_utf8(received.drain(..end + 4).collect()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, uri) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let all: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = all.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse::<usize>().unwrap());
    while received.len() < length {
        if !more(received)? {
            return Ok(None);
        }
    }
    let body = received.drain(..length).collect();
    let headers = all
        .into_iter()
        .filter(|(name, _)| !["host", "content-length", "user-agent"].contains(&name.as_str()));
    Ok(Some(Passing { method, uri, headers: headers.collect(), body }))
}
