//! What happens between the pages of a list, and in the middle of one: every Secret is told of once, or it is said that
//! the report is not complete.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::json;

use crate::support::cluster::{Api, Cluster, Scanned};
use crate::support::proxy::{Passing, Then};

use super::{JSON, bad, cluster, of, standing};

/// So many make three pages.
const SECRETS: usize = 250;

/// The names that a report tells of, each once.
#[track_caller]
fn names(scanned: &Scanned) -> BTreeSet<String> {
    let findings = scanned.lines("Finding");
    let names: BTreeSet<_> =
        findings.iter().map(|finding| finding["secret"]["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names.len(), findings.len(), "told twice");
    names
}

/// Scans with something happening before the first request for a further page.
fn disturbed(namespace: &'static str, happens: impl FnMut() -> Then + Send + 'static) -> Scanned {
    disturbed_when(namespace, happens, 1)
}

/// The same for the first `times` of them.
fn disturbed_when(
    namespace: &'static str,
    mut happens: impl FnMut() -> Then + Send + 'static,
    mut times: usize,
) -> Scanned {
    standing(cluster(), namespace, &bad(SECRETS));
    let proxy = cluster().proxy(move |passing| {
        if passing.is_next_page() && times > 0 {
            times -= 1;
            return happens();
        }
        Then::Pass
    });
    let scanned = cluster().scan_through(&proxy, &of(&[namespace], &[])).run();
    assert!(proxy.seen().iter().any(Passing::is_next_page), "there is more than one page");
    scanned
}

#[track_caller]
fn is_whole(scanned: &Scanned) {
    assert_eq!((scanned.code, &scanned.summary()["errors"]), (Some(1), &json!(0)), "{scanned:?}");
    assert_eq!(names(scanned).len(), SECRETS);
}

/// What was read is told, and that it is not all.
#[track_caller]
fn is_said_to_be_incomplete(scanned: &Scanned, why: &str) {
    assert_eq!((scanned.code, scanned.errors().len()), (Some(2), 1), "{scanned:?}");
    assert!(scanned.errors()[0].contains(why), "{:?}", scanned.errors());
    assert!(scanned.stderr.contains("this report is incomplete"), "{}", scanned.stderr);
    assert!(!names(scanned).is_empty() && names(scanned).len() < SECRETS);
}

#[test]
fn broken_page_is_requested_again() {
    is_whole(&disturbed("pages-lost", || Then::Drop));
    is_whole(&disturbed("pages-cut", || Then::Cut));
    let busy = json!({"kind": "Status", "message": "too busy", "code": 503}).to_string();
    is_whole(&disturbed("pages-busy", move || Then::Answer(503, busy.clone())));
}

#[test]
fn server_lost_between_pages_is_reported() {
    let scanned = disturbed_when("pages-away", || Then::Drop, usize::MAX);
    is_said_to_be_incomplete(&scanned, "cannot reach the API server");
    let busy = json!({"kind": "Status", "message": "too busy", "code": 429}).to_string();
    let scanned = disturbed_when("pages-shed", move || Then::Answer(429, busy.clone()), usize::MAX);
    is_said_to_be_incomplete(&scanned, "too busy (5 attempts)");
}

#[test]
fn credentials_expired_between_pages_are_reported() {
    standing(cluster(), "pages-expired", &bad(SECRETS));
    let proxy = cluster().proxy(|passing| {
        if passing.is_next_page() {
            passing.headers.retain(|(name, _)| name != "authorization");
            passing.headers.push(("authorization".to_owned(), "Bearer expired".to_owned()));
        }
        Then::Pass
    });
    let scanned = cluster().scan_through(&proxy, &of(&["pages-expired"], &[])).run();
    is_said_to_be_incomplete(&scanned, "401 Unauthorized");
}

#[test]
fn lost_permission_repeats_no_findings() {
    standing(cluster(), "pages-revoked", &bad(2));
    let forbidden = json!({"kind": "Status", "message": "not any more", "reason": "Forbidden", "code": 403});
    let proxy = cluster().proxy(move |passing| {
        if passing.uri.starts_with("/api/v1/secrets?") && passing.uri.ends_with("dockercfg") {
            return Then::Answer(403, forbidden.to_string());
        }
        Then::Pass
    });
    let scanned = cluster().scan_through(&proxy, &[&JSON[..], &["-A"]].concat()).run();
    assert_eq!((scanned.code, scanned.errors()), (Some(2), vec!["not any more".to_owned()]), "{scanned:?}");
    let mut findings = scanned.lines("Finding");
    findings.retain(|finding| finding["secret"]["namespace"] == "pages-revoked");
    assert_eq!(findings.len(), 2, "{findings:?}");
}

#[test]
fn expired_list_without_token_starts_again() {
    let gone = json!({"kind": "Status", "message": "too old", "reason": "Expired", "code": 410}).to_string();
    let scanned = disturbed("pages-forgotten", move || Then::Answer(410, gone.clone()));
    is_whole(&scanned);
    assert!(scanned.stderr.contains("the rest of it is more recent"), "{}", scanned.stderr);

    let gone = json!({"kind": "Status", "message": "too old", "reason": "Expired", "code": 410}).to_string();
    let scanned = disturbed_when("pages-hopeless", move || Then::Answer(410, gone.clone()), usize::MAX);
    is_said_to_be_incomplete(&scanned, "interrupts its list repeatedly");
}

/// Forgets everything that was before now.
fn compact(api: &Api, folder: &Path) {
    let path = "/api/v1/namespaces/pages-compacted/secrets/acr-249";
    let label = json!({"metadata": {"labels": {"a": "b"}}}).to_string();
    let mut connection = api.connect().unwrap();
    let written = connection.request("PATCH", path, "application/merge-patch+json", &label).unwrap().json();
    let body = json!({"revision": written["metadata"]["resourceVersion"], "physical": true}).to_string();
    let mut etcd = UnixStream::connect(folder.join("etcd.sock")).unwrap();
    let length = body.len();
    let head = format!("Host: etcd\r\nConnection: close\r\nContent-Length: {length}\r\n");
    etcd.write_all(format!("POST /v3/kv/compaction HTTP/1.1\r\n{head}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    etcd.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn expired_list_continues_and_says_so() {
    // Otherwise the API server would go on from its own memory.
    let cluster = Cluster::start_with(&["--watch-cache=false"]);
    standing(&cluster, "pages-compacted", &bad(SECRETS));
    let (api, folder) = (cluster.api(), cluster.folder().to_owned());
    let mut compacted = false;
    let proxy = cluster.proxy(move |passing| {
        if passing.is_next_page() && !compacted {
            compacted = true;
            compact(&api, &folder);
        }
        Then::Pass
    });
    let scanned = cluster.scan_through(&proxy, &of(&["pages-compacted"], &[])).run();
    is_whole(&scanned);
    assert!(scanned.stderr.contains("the rest of it is more recent"), "{}", scanned.stderr);
}
