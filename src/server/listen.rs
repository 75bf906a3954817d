//! Addresses to listen on.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use tokio::net::{TcpListener, TcpSocket};

/// Completed connections that the kernel holds until they are accepted.
pub(crate) const BACKLOG: u32 = 1024;

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// On every address of the machine, IPv6 and IPv4, written `:PORT`.
    Everywhere(u16),
    /// On one address. `[::]` includes IPv4.
    At(SocketAddr),
}

/// An address that cannot be bound.
#[derive(Debug)]
pub struct ListenError {
    flag: &'static str,
    listen: Listen,
    error: io::Error,
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix(':') {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().ok().map(Listen::Everywhere)
            }
            _ => text.parse().ok().map(Listen::At),
        }
        .ok_or(
            "expected IP:PORT or :PORT, such as 127.0.0.1:8443, [::]:8443 or :8443; port 0 takes a free one",
        )
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Everywhere(port) => write!(f, ":{port}"),
            Listen::At(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot listen on {}: {}; choose another address with {}",
            self.listen, self.error, self.flag
        )
    }
}

impl std::error::Error for ListenError {}

impl Listen {
    /// Binds the address. An error names the setting `flag`. Must be called within a tokio runtime.
    pub(crate) fn bind(self, flag: &'static str) -> Result<TcpListener, ListenError> {
        let bound = match self {
            Listen::At(address) => bind(address),
            // A kernel without IPv6 has no [::].
            Listen::Everywhere(port) => match bind((Ipv6Addr::UNSPECIFIED, port).into()) {
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    bind((Ipv4Addr::UNSPECIFIED, port).into())
                }
                bound => bound,
            },
        };
        bound.map_err(|error| ListenError { flag, listen: self, error })
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        // IPv4 as well, also where the sysctl net.ipv6.bindv6only is 1.
        rustix::net::sockopt::set_ipv6_v6only(&socket, false)?;
    }
    // A restart must not wait for the connections of the previous process.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ports_are_read() {
        assert_eq!(":8080".parse(), Ok(Listen::Everywhere(8080)));
        assert_eq!("127.0.0.1:0".parse(), Ok(Listen::At(([127, 0, 0, 1], 0).into())));
        assert_eq!("[::]:8443".parse::<Listen>().unwrap().to_string(), "[::]:8443");
        for text in ["", ":", ":x", ":+1", ":70000", "8080", "localhost:8080", "tcp://10.0.0.1:8080"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn errors_name_the_address_and_its_flag() {
        let taken = Listen::At(([127, 0, 0, 1], 0).into()).bind("--listen").unwrap();
        let address = taken.local_addr().unwrap();
        let error = Listen::At(address).bind("--ops-listen").unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.ends_with("with --ops-listen"), "{error}");
    }

    #[tokio::test]
    async fn a_port_alone_includes_ipv4() {
        let listener = Listen::Everywhere(0).bind("--listen").unwrap();
        if listener.local_addr().unwrap().is_ipv6() {
            assert!(!rustix::net::sockopt::ipv6_v6only(&listener).unwrap());
        }
        let port = listener.local_addr().unwrap().port();
        assert!(std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
    }
}
