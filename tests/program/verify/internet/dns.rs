//! The only name server. It answers only for the names of the tests; for `localhost` there is `/etc/hosts`.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::net::UdpSocket;

use super::State;

/// Types of records.
const A: u16 = 1;
const AAAA: u16 = 28;

/// Serves until the runtime ends.
pub async fn start(state: Arc<State>) {
    let socket = UdpSocket::bind("127.0.0.1:53").await.unwrap();
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((size, from)) = socket.recv_from(&mut query).await {
            if let Some(answer) = answer(&state, &query[..size]) {
                drop(socket.send_to(&answer, from).await);
            }
        }
    });
}

/// RFC 1035: a header of 12 bytes, and one question, whose name is a list of labels with their lengths.
fn answer(state: &State, query: &[u8]) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(std::str::from_utf8(query.get(at..at + length)?).ok()?);
        at += length;
    }
    let kind = u16::from_be_bytes([*query.get(at)?, *query.get(at + 1)?]);
    let addresses = look_up(state, &labels.join(".").to_ascii_lowercase(), kind);
    let code = if addresses.is_some() { 0 } else { 3 };
    let records: Vec<_> =
        addresses.unwrap_or_default().into_iter().filter(|ip| record(*ip) == kind).collect();

    let count = u8::try_from(records.len()).unwrap();
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    answer.extend(query.get(12..at + 4)?);
    for address in records {
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        // The name of the question, a type, class IN, and no time to live.
        answer.extend([0xc0, 12, 0, u8::try_from(kind).unwrap(), 0, 1, 0, 0, 0, 0, 0]);
        answer.push(u8::try_from(bytes.len()).unwrap());
        answer.extend(bytes);
    }
    Some(answer)
}

/// A look-up is a question for A; that for AAAA comes with it, and is answered alike.
fn look_up(state: &State, name: &str, kind: u16) -> Option<Vec<IpAddr>> {
    let mut zones = state.zones.lock().unwrap();
    let lists = zones.get_mut(name)?;
    if kind == A && lists.len() > 1 { Some(lists.remove(0)) } else { lists.first().cloned() }
}

fn record(address: IpAddr) -> u16 {
    if address.is_ipv4() { A } else { AAAA }
}
