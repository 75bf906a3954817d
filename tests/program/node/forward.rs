//! Connections out of the network of the node. What the node can reach are the addresses that are forwarded here.

use std::net::{SocketAddr, TcpListener};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener as Listener, TcpStream};
use tokio::runtime::Runtime;

use super::sandbox::Sandbox;

/// Passes connections on until it is dropped.
pub struct Forward {
    runtime: Runtime,
}

impl Forward {
    pub fn new() -> Self {
        Forward { runtime: Runtime::new().unwrap() }
    }

    /// Passes on what arrives at `inside`, an address in the network of the node, to `outside`, one of the host.
    pub fn add(&self, sandbox: &Sandbox, inside: SocketAddr, outside: SocketAddr) {
        let listener = sandbox.listen(inside);
        self.runtime.spawn(pass_all(listener, outside));
    }
}

async fn pass_all(listener: TcpListener, outside: SocketAddr) {
    listener.set_nonblocking(true).unwrap();
    let listener = Listener::from_std(listener).unwrap();
    while let Ok((mut theirs, _)) = listener.accept().await {
        tokio::spawn(async move {
            // A connection that either side breaks ends for both.
            if let Ok(mut ours) = TcpStream::connect(outside).await {
                drop(copy_bidirectional(&mut theirs, &mut ours).await);
            }
        });
    }
}
