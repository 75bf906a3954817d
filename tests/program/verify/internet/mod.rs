//! A small internet: names, addresses and servers in a network namespace of the test's own.
//!
//! The program resolves names and connects as it does anywhere. No address of this machine or of its network can be
//! reached from the namespace, so addresses that the program must never connect to are given to the loopback
//! interface, and a server listens on all of them.

mod dns;
mod namespace;
mod request;
mod server;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Response;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::certificate::Authority;

pub use namespace::{FORBIDDEN, in_namespace};
pub use request::{Request, Secret};

/// The ports on which every server answers, with TLS or without.
pub const PORTS: [u16; 4] = [80, 443, 5000, 8443];

/// What a server answers. `None`: it never does.
pub type Answer = Option<Response<Body>>;
type Handler = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

/// All names and servers there are.
pub struct Internet {
    runtime: Runtime,
    state: Arc<State>,
    folder: TempDir,
}

struct State {
    authority: Authority,
    stranger: Authority,
    /// The addresses of a name: one list per look-up, of which the last is also for all later ones.
    zones: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    servers: Mutex<HashMap<String, Handler>>,
    /// The name whose certificate is by a CA that nobody knows.
    untrusted: Mutex<Option<String>>,
    asked: Mutex<Vec<Request>>,
    /// Where connections arrived.
    connections: Mutex<Vec<SocketAddr>>,
}

impl Internet {
    /// An empty one. Only in [`in_namespace`], since it listens on port 53 and on [`PORTS`].
    pub fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::Builder::new().prefix("regcred-internet-").tempdir().unwrap();
        let authority = Authority::named("the CA of the tests' internet");
        authority.write(&folder.path().join("ca.crt"));
        let state = Arc::new(State {
            authority,
            stranger: Authority::named("a CA that nobody trusts"),
            zones: Mutex::default(),
            servers: Mutex::default(),
            untrusted: Mutex::default(),
            asked: Mutex::default(),
            connections: Mutex::default(),
        });
        runtime.block_on(async {
            dns::start(Arc::clone(&state)).await;
            server::start(&state);
        });
        Internet { runtime, state, folder }
    }

    /// The file with the CA of all certificates.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// A server for a name, which gets an address of its own.
    pub fn serve(&self, host: &str, handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
        let mut servers = self.state.servers.lock().unwrap();
        servers.insert(host.to_owned(), Arc::new(handler));
        let number = u8::try_from(servers.len()).unwrap();
        self.state
            .zones
            .lock()
            .unwrap()
            .entry(host.to_owned())
            .or_insert_with(|| vec![vec![IpAddr::V4(Ipv4Addr::new(10, 9, 0, number + 1))]]);
    }

    /// Another answer of a server, which may also give the usual one.
    pub fn replace(
        &self,
        host: &str,
        handler: impl Fn(&Request, &dyn Fn(&Request) -> Answer) -> Answer + Send + Sync + 'static,
    ) {
        let mut servers = self.state.servers.lock().unwrap();
        let usual = servers.remove(host).unwrap();
        servers.insert(host.to_owned(), Arc::new(move |request: &Request| handler(request, &*usual)));
    }

    /// A name with these addresses: one list per look-up, of which the last is also for all later ones.
    pub fn name(&self, host: &str, addresses: &[&[IpAddr]]) {
        let lists = addresses.iter().map(|list| list.to_vec()).collect();
        self.state.zones.lock().unwrap().insert(host.to_owned(), lists);
    }

    /// Gives the server of this name, and no other, a certificate by a CA that nobody trusts.
    pub fn distrust(&self, host: &str) {
        *self.state.untrusted.lock().unwrap() = Some(host.to_owned());
    }

    /// What a server was asked so far.
    pub fn asked(&self, host: &str) -> Vec<Request> {
        let asked = self.state.asked.lock().unwrap();
        asked.iter().filter(|request| request.host == host).cloned().collect()
    }

    /// What all servers were asked so far.
    pub fn all_asked(&self) -> Vec<Request> {
        self.state.asked.lock().unwrap().clone()
    }

    /// The number of requests so far that carried a password or a token that stands for one.
    pub fn attempts(&self) -> usize {
        self.all_asked().iter().filter(|request| request.secret().is_some()).count()
    }

    /// The connections so far to addresses that no server was given.
    pub fn intrusions(&self) -> Vec<SocketAddr> {
        let connections = self.state.connections.lock().unwrap();
        connections.iter().filter(|address| !namespace::is_of_a_server(address.ip())).copied().collect()
    }

    /// Connects to an address as any program would.
    pub fn connects(&self, address: SocketAddr) -> bool {
        let before = self.intrusions().len();
        self.runtime.block_on(async { tokio::net::TcpStream::connect(address).await.is_ok() })
            && crate::support::eventually("the connection's arrival", || {
                (self.intrusions().len() > before).then_some(true)
            })
    }
}
