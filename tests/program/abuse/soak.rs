//! Nothing piles up: many requests of all kinds leave neither memory nor descriptors behind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::resilience::report;
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::process::{Memory, descriptors, threads};
use crate::support::regcred::Serve;
use crate::support::review::{Review, document, good, pair, secret};

use super::{request, serve};

const CLIENTS: usize = 4;

/// So many requests are sent on one connection.
const PER_CONNECTION: usize = 500;

/// Requests of all kinds with the status of their answer, as often as they stand here.
fn mixed() -> Vec<(Vec<u8>, u16)> {
    let entries = |number: usize, entry: &Value| {
        let hosts: Vec<String> = (0..number).map(|host| format!("r{host}.example.com")).collect();
        let entries: Vec<_> = hosts.iter().map(|host| (host.as_str(), entry.clone())).collect();
        secret(&document(&entries))
    };
    let (bare, whole) = (pair("u", "p"), good("u", "p"));
    let generic = secret(&document(&[("registry.cn-hangzhou.aliyuncs.com", whole.clone())]));
    let mut opaque = entries(1, &bare);
    opaque["type"] = json!("Opaque");
    let broken = secret("{\"auths\":{\"r.example.com\":{\"auth\":\"no base64\"},");
    let asked = |path: &str, review: Review| (request(path, review.0.to_string().as_bytes()), 200);
    vec![
        asked("/mutate", Review::create(&entries(1, &bare))),
        asked("/validate", Review::create(&entries(1, &whole))),
        asked("/mutate", Review::create(&entries(3, &whole))),
        asked("/mutate", Review::create(&entries(50, &bare))),
        asked("/validate", Review::create(&generic)),
        asked("/validate", Review::update(&generic, &generic)),
        asked("/mutate", Review::update(&entries(3, &whole), &entries(2, &bare))),
        asked("/validate", Review::create(&opaque)),
        asked("/mutate", Review::create(&broken)),
        asked("/validate", Review::create(&broken)),
        (request("/mutate", b"{\"kind\":"), 400),
        // Longer than what is judged on the connection's own thread.
        asked("/mutate", Review::create(&entries(600, &bare))),
    ]
}

/// Sends so many of them.
fn send(client: &Client, requests: &[(Vec<u8>, u16)], total: usize) {
    let sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = client.connect();
                loop {
                    let number = sent.fetch_add(1, Ordering::Relaxed);
                    if number >= total {
                        return;
                    }
                    if number.is_multiple_of(PER_CONNECTION) {
                        connection = client.connect();
                    }
                    // The large one is one of a hundred.
                    let most = requests.len() - usize::from(!number.is_multiple_of(100));
                    let (request, status) = &requests[number % most];
                    connection.send(request).unwrap();
                    assert_eq!(connection.receive().unwrap().status, *status);
                }
            });
        }
    });
}

/// Sends ten times `tenth`, and gives the memory after each tenth. The first is a time of growing: buffers, and the
/// allocator's idea of how much will be needed.
fn memory_after_each(tenth: usize) -> Vec<Memory> {
    let regcred = serve();
    let requests = mixed();
    let open = descriptors(regcred.pid());
    let begun = Instant::now();
    let memory = (0..10).map(|_| {
        send(&regcred.client(), &requests, tenth);
        Memory::of(regcred.pid())
    });
    let memory: Vec<_> = memory.collect();
    report("requests of all kinds", &format!("{} in {:.0?}", tenth * 10, begun.elapsed()));
    eventually("all descriptors to be given back", || (descriptors(regcred.pid()) <= open).then_some(()));
    assert_eq!(regcred.metric("regcred_audit_records_lost_total"), Some(0.0));
    memory
}

#[track_caller]
fn is_flat(memory: &[Memory]) {
    let (first, last) = (memory[0].now, memory[memory.len() - 1].now);
    assert!(
        last < first + (4 << 10),
        "{first} KiB after the first tenth, {last} KiB after the last: {memory:?}"
    );
}

#[test]
fn twenty_thousand_requests_leave_nothing_behind() {
    is_flat(&memory_after_each(2_000));
}

/// Each thread keeps memory of its own, and the pod may have 256 MiB on every node. What is asked for here is what the
/// runtime would take by itself where there are so many processors.
#[test]
fn many_processors_start_few_threads() {
    let regcred = Serve::dev().env("TOKIO_WORKER_THREADS", "64").start();
    let threads = threads(regcred.pid());
    assert!(threads < 16, "{threads}");
}

#[test]
#[ignore = "takes minutes"]
fn long_million_requests_leave_nothing_behind() {
    let memory = memory_after_each(100_000);
    for (number, memory) in memory.iter().enumerate() {
        report("memory", &format!("after {}00,000: {memory}", number + 1));
    }
    is_flat(&memory);
}
