//! Memory and time are linear in the document, whatever it contains (docs/threat-model.md). A test binary of its own, with
//! one test: the allocator counts for the whole process.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that meets something unexpected is to fail"
)]

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use peak_alloc::PeakAlloc;
use regcred_engine::judge::{Request, judge};
use regcred_engine::policy::{Language, Policy, Requester};
use regcred_engine::secret::{OldDocument, OldSecret, Secret, SecretType};
use regcred_engine::wording;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes held at most, per byte of the two documents.
const MAX_HELD_PER_BYTE: usize = 40;

/// Bytes that may be held besides: the models of consumers are made of documents of up to 1,000 entries only.
const HELD_AT_ANY_SIZE: usize = 1280 * 1024;

const MEASURED_BYTES: usize = 96 * 1024;

/// What makes a document, or a part of one, of a size in bytes, and its name.
type Shape = (&'static str, fn(usize) -> String);

type Make = Box<dyn Fn(usize) -> String>;

/// How a registry key is written, which decides whether reading it makes a copy.
const KEYS: [Shape; 6] = [
    ("a plain key", |bytes| "x".repeat(bytes)),
    ("a key with one escape", |bytes| format!("\\u0061{}", "x".repeat(bytes))),
    ("a key of escapes", |bytes| "\\u0061".repeat(bytes / 6)),
    ("a key of control characters", |bytes| "\\u0001".repeat(bytes / 6)),
    ("a key with an at sign", |bytes| format!("\\u0061:{}@", "x".repeat(bytes))),
    ("a key of globs", |bytes| format!("{}.aliyuncs.com", "*?".repeat(bytes / 2))),
];

/// What is in the entry: each makes as many findings as it can.
const ENTRIES: [Shape; 5] = [
    ("unknown names twice", |bytes| numbered(bytes, 20, |n| format!(r#""{n:04x}":0,"{n:04x}":0"#))),
    ("known names in every case", |bytes| {
        numbered(bytes, 30, |n| {
            let name =
                ["auth", "Auth", "aUth", "AUTH", "\\u0061uth", "username", "USERNAME", "email", "Email"];
            format!(r#""{}":7"#, name[n % name.len()])
        })
    }),
    ("a pair to repair", |bytes| format!(r#""username":"u","password":"{}""#, "p".repeat(bytes))),
    ("an auth to pad", |bytes| format!(r#""auth":"dTpw{}YQ""#, "YWFh".repeat(bytes / 4))),
    ("an auth of escapes", |bytes| format!(r#""auth":"{}""#, "\\n".repeat(bytes / 2))),
];

/// Documents of many small things.
const SHAPES: [Shape; 17] = [
    ("empty entries", |bytes| auths(&numbered(bytes, 11, |n| format!(r#""{n:x}":{{}}"#)))),
    ("entries that are numbers", |bytes| auths(&numbered(bytes, 9, |n| format!(r#""{n:x}":0"#)))),
    ("keys with escapes", |bytes| auths(&numbered(bytes, 16, |n| format!(r#""\u0061{n:x}":{{}}"#)))),
    ("keys with user-info", |bytes| auths(&numbered(bytes, 14, |n| format!(r#""{n:x}:@,":{{}}"#)))),
    ("entries to repair", |bytes| {
        auths(&numbered(bytes, 40, |n| format!(r#""{n:x}":{{"username":"u","password":"p"}}"#)))
    }),
    ("every field wrong", |bytes| {
        auths(&numbered(bytes, 100, |n| {
            format!(
                r#""{n:x}":{{"username":1,"password":1,"auth":1,"email":1,"identitytoken":1,"registrytoken":1,"serveraddress":1}}"#
            )
        }))
    }),
    ("the same registry again and again", |bytes| auths(&numbered(bytes, 10, |_| r#""r.a":{}"#.to_owned()))),
    ("each registry twice", |bytes| auths(&numbered(bytes, 20, |n| format!(r#""{n:x}":{{}},"{n:x}":{{}}"#)))),
    ("names at the top twice", |bytes| {
        format!("{{{}}}", numbered(bytes, 18, |n| format!(r#""{n:x}":0,"{n:x}":0"#)))
    }),
    ("headers that are numbers", |bytes| {
        format!(r#"{{"auths":{{}},"HttpHeaders":{{{}}}}}"#, numbered(bytes, 9, |n| format!(r#""{n:x}":0"#)))
    }),
    ("paths of one host", |bytes| {
        auths(&numbered(bytes, 36, |n| {
            format!(r#""r.a/{n:x}":{{"auth":"{}"}}"#, STANDARD.encode(format!("u:{n:06}")))
        }))
    }),
    ("paths of one host, and the host", |bytes| {
        auths(&format!(
            r#""r.a":{{"auth":"dTpw"}},{}"#,
            numbered(bytes, 28, |n| format!(r#""r.a/{n:x}":{{"auth":"dTpx"}}"#))
        ))
    }),
    ("users of one host", |bytes| {
        auths(&numbered(bytes, 30, |n| format!(r#""{n:x}@r.a":{{"auth":"dTp{}"}}"#, ["w", "x"][n % 2])))
    }),
    ("each path twice", |bytes| {
        auths(&numbered(bytes, 64, |n| {
            format!(r#""r.a/{n:x}":{{"auth":"dTpw"}},"https://r.a/{n:x}":{{"auth":"dTpx"}}"#)
        }))
    }),
    ("each host twice", |bytes| {
        auths(&numbered(bytes, 60, |n| {
            format!(r#""r.a{n:x}":{{"auth":"dTpw"}},"https://r.a{n:x}":{{"auth":"dTpx"}}"#)
        }))
    }),
    ("paths that begin like each other", |bytes| {
        auths(&numbered(bytes, 150, |n| {
            let path = "a".repeat(n % 255);
            let scheme = ["", "https://", "http://"][n / 255 % 3];
            format!(r#""{scheme}r.a/{path}{n:x}":{{"auth":"dTp{}"}}"#, ["w", "x"][n % 2])
        }))
    }),
    ("patterns and hosts", |bytes| {
        auths(&numbered(bytes, 60, |n| {
            format!(r#""*.a{n:x}":{{"auth":"dTpw"}},"http://*.a{n:x}":{{"auth":"dTpx"}}"#)
        }))
    }),
];

fn auths(entries: &str) -> String {
    format!(r#"{{"auths":{{{entries}}}}}"#)
}

/// Members that take about this many bytes together.
fn numbered(bytes: usize, each: usize, member: impl Fn(usize) -> String) -> String {
    (0..bytes / each).map(member).collect::<Vec<_>>().join(",")
}

/// Judges a document, says every finding once, and repairs it. Returns the bytes held at most, and the time.
fn measure(document: &str, old: Option<&str>, secret_type: SecretType) -> (usize, Duration) {
    let policy = Policy::default();
    let request = Request {
        requester: Requester { namespace: "default", user: "u-abcde", groups: &[] },
        now: Timestamp::constant(1_795_392_000, 0), // 2026-11-23
        secret: Secret { secret_type, document: document.as_bytes(), data_bytes: document.len() },
        old: old
            .map(|old| OldSecret { document: Some(OldDocument::Bytes(old.as_bytes())), immutable: false }),
    };
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let start = Instant::now();
    let judgement = judge(&policy, &request);
    for finding in &judgement.findings {
        assert!(!wording::message(finding, Language::English).is_empty());
        assert!(finding.place.path().len() < 4096);
    }
    drop(judgement.repair.map(|repair| repair.apply(document.as_bytes())));
    (ALLOCATOR.peak_usage() - before, start.elapsed())
}

fn assert_bounded(name: &str, document: &str, old: Option<&str>) {
    for secret_type in [SecretType::DockerConfigJson, SecretType::DockerCfg] {
        let (held, _) = measure(document, old, secret_type);
        let bytes = document.len() + old.map_or(0, str::len);
        assert!(
            held <= HELD_AT_ANY_SIZE + bytes * MAX_HELD_PER_BYTE,
            "{name}, {secret_type:?}: {held} bytes held for {bytes}, {} per byte",
            held / bytes
        );
    }
}

/// The time is compared at two sizes, the shorter of two: what is quadratic takes 256 times as long.
fn assert_linear(name: &str, make: &dyn Fn(usize) -> String) {
    let shortest = |bytes| {
        let document = make(bytes);
        let time = |_| measure(&document, Some(&make(bytes / 2)), SecretType::DockerConfigJson).1;
        (0..2).map(time).min().unwrap()
    };
    let (small, large) = (shortest(MEASURED_BYTES / 16), shortest(MEASURED_BYTES));
    assert!(large < small * 128, "{name}: {small:?} for a document, {large:?} for one of 16 times its size");
}

#[test]
fn memory_and_time_are_linear_in_the_document() {
    let mut shapes: Vec<(String, Make)> = Vec::new();
    for (key_name, key) in KEYS {
        for (entry_name, entry) in ENTRIES {
            // The more findings share a long key, the worse: half the document is the key, or a tenth.
            for share in if key_name == "a plain key" { &[2, 10][..] } else { &[2] } {
                let make = move |bytes: usize| {
                    auths(&format!(r#""{}":{{{}}}"#, key(bytes / share), entry(bytes - bytes / share)))
                };
                shapes.push((format!("{key_name} (1/{share}), {entry_name}"), Box::new(make)));
            }
        }
    }
    for (name, make) in SHAPES {
        shapes.push((name.to_owned(), Box::new(make)));
    }
    for (name, make) in &shapes {
        assert_bounded(name, &make(MEASURED_BYTES), None);
        assert_bounded(name, &make(MEASURED_BYTES), Some(&make(MEASURED_BYTES / 2)));
        assert_linear(name, make.as_ref());
    }
}
