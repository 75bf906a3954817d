//! What a check of a file and a scan of a Secret hold is linear in the document, whatever it contains (docs/threat-model.md).
//! A test binary of its own, with one test: the allocator counts for the whole process. engine/tests/memory.rs has more
//! shapes, for the judgement alone.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use peak_alloc::PeakAlloc;
use regcred::manifest::content::Content;
use regcred::manifest::{Manifest, Terms};
use regcred::report::{Findings, MAX_REPORTED_FINDINGS, ReportedFinding};
use regcred_engine::judge::{Request, judge};
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::secret::{Secret, SecretType};
use regcred_engine::wording::Bilingual;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes held at most, per byte of the file, besides the file itself.
const MAX_HELD_PER_BYTE: usize = 40;

/// Bytes that may be held besides: the models of consumers, and the findings that are reported one by one.
const HELD_AT_ANY_SIZE: usize = 3 * 1024 * 1024;

const MEASURED_BYTES: usize = 128 * 1024;

const NOW: Timestamp = Timestamp::constant(1_795_392_000, 0); // 2026-11-23

type Made = (&'static str, fn(usize) -> String);

/// Documents with as many findings as their size allows.
const DOCUMENTS: [Made; 9] = [
    ("empty entries", |bytes| auths(&numbered(bytes, 8, |n| format!(r#""{n:x}":{{}}"#)))),
    ("entries that are numbers", |bytes| auths(&numbered(bytes, 9, |n| format!(r#""{n:x}":0"#)))),
    ("each registry twice", |bytes| auths(&numbered(bytes, 20, |n| format!(r#""{n:x}":{{}},"{n:x}":{{}}"#)))),
    ("entries to repair", |bytes| {
        auths(&numbered(bytes, 40, |n| format!(r#""{n:x}":{{"username":"u","password":"p"}}"#)))
    }),
    ("entries to fill in", |bytes| auths(&numbered(bytes, 12, |n| format!(r#""${{{n:x}}}":{{}}"#)))),
    ("every field wrong", |bytes| {
        auths(&numbered(bytes, 100, |n| {
            format!(
                r#""{n:x}":{{"username":1,"password":1,"auth":1,"email":1,"identitytoken":1,"registrytoken":1,"serveraddress":1}}"#
            )
        }))
    }),
    ("a long escaped key, unknown names twice", |bytes| {
        let names = numbered(bytes / 2, 20, |n| format!(r#""{n:04x}":0,"{n:04x}":0"#));
        auths(&format!(r#""{}":{{{names}}}"#, "\\u0061".repeat(bytes / 12)))
    }),
    ("a long key, unknown names twice", |bytes| {
        let names = numbered(bytes / 2, 20, |n| format!(r#""{n:04x}":0,"{n:04x}":0"#));
        auths(&format!(r#""{}":{{{names}}}"#, "x".repeat(bytes / 2)))
    }),
    ("blanks before each entry", |bytes| {
        auths(&numbered(bytes, 2000, |n| format!(r#"{}"{n:x}":{{}}"#, " ".repeat(1990))))
    }),
];

type Writing = (&'static str, fn(&str) -> String);

/// Ways to write a document into a file.
const FILES: [Writing; 4] = [
    ("a Docker config", str::to_owned),
    ("a block", |document| manifest("stringData", &format!("|\n    {document}"))),
    ("quoted", |document| {
        let escaped = document.replace('\\', "\\\\").replace('"', "\\\"");
        manifest("stringData", &format!("\"{escaped}\""))
    }),
    ("base64", |document| manifest("data", &STANDARD.encode(document))),
];

fn manifest(field: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ntype: kubernetes.io/dockerconfigjson\n\
         {field}:\n  .dockerconfigjson: {value}\n"
    )
}

fn auths(entries: &str) -> String {
    format!(r#"{{"auths":{{{entries}}}}}"#)
}

/// Members that take about this many bytes together.
fn numbered(bytes: usize, each: usize, member: impl Fn(usize) -> String) -> String {
    (0..bytes / each).map(member).collect::<Vec<_>>().join(",")
}

/// Returns what was made, and the bytes that were held at most until then.
fn held<T>(made: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let made = made();
    (made, ALLOCATOR.peak_usage() - before)
}

/// As a scan makes the findings of a Secret.
fn scanned(policy: &Policy, document: &str) -> Findings {
    let secret = Secret {
        secret_type: SecretType::DockerConfigJson,
        document: document.as_bytes(),
        data_bytes: document.len(),
    };
    let requester = Requester { namespace: "default", user: "", groups: &[] };
    let judgement = judge(policy, &Request { requester, now: NOW, secret, old: None });
    let by_repair = Bilingual { english: "Repair it.", chinese: "请修复。" };
    let reported = |finding| ReportedFinding::new(finding, "data", by_repair, policy.language);
    judgement.findings.iter().map(reported).collect()
}

fn assert_bounded(name: &str, held: usize, bytes: usize) {
    let each = held.saturating_sub(HELD_AT_ANY_SIZE) / bytes;
    assert!(
        held <= HELD_AT_ANY_SIZE + bytes * MAX_HELD_PER_BYTE,
        "{name}: {held} bytes held for {bytes}, {each} per byte"
    );
}

/// Checks a file. Returns the bytes held at most, and the time.
fn check(policy: &Policy, text: &str) -> (usize, Duration) {
    let content = Content::new(text.as_bytes());
    let manifest = Manifest::read("a.yaml", &content);
    let start = Instant::now();
    let (_, held) = held(|| manifest.check(Terms { policy, now: NOW }));
    (held, start.elapsed())
}

#[test]
fn memory_and_time_are_linear_in_the_file() {
    let policy = Policy::default();
    for (shape, make) in DOCUMENTS {
        let document = make(MEASURED_BYTES);
        let (findings, bytes) = held(|| scanned(&policy, &document));
        assert!(findings.listed().len() <= MAX_REPORTED_FINDINGS, "{shape}");
        assert_bounded(&format!("{shape}, in a cluster"), bytes, document.len());
        for (file, write) in FILES {
            let text = write(&document);
            let (bytes, large) = check(&policy, &text);
            assert_bounded(&format!("{shape}, {file}"), bytes, text.len());
            // What is quadratic takes 256 times as long.
            let small = write(&make(MEASURED_BYTES / 16));
            let small = (0..2).map(|_| check(&policy, &small).1).min().unwrap_or_default();
            assert!(large < small * 128, "{shape}, {file}: {small:?}, {large:?} for 16 times the size");
        }
    }
}
