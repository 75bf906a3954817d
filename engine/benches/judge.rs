//! How long a judgement with its repair takes: documents as they come, large ones, and ones made to be slow. For the first,
//! also how long it takes to judge only what decides the repair, as `/mutate` does.
//!
//! `cargo bench -p regcred-engine`. The groups that grow show the time for each size next to each other: that it is
//! linear is read from the bytes per second staying level.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use regcred_engine::judge::{Judgement, Request, judge, judge_repair};
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::secret::{OldDocument, OldSecret, Secret, SecretType};

const MIB: usize = 1024 * 1024;

/// A document of registries as Rancher writes them, or with `auth`.
fn registries(count: usize, with_auth: bool) -> String {
    let auth = if with_auth { r#","auth":"cm9ib3QkY2k6YS1tYWRlLXVwLXBhc3N3b3Jk""# } else { "" };
    let entry = |index| {
        format!(r#""r{index}.example.com":{{"username":"robot$ci","password":"a-made-up-password"{auth}}}"#)
    };
    format!(r#"{{"auths":{{{}}}}}"#, (0..count).map(entry).collect::<Vec<_>>().join(","))
}

/// Registries until the document has about this many bytes.
fn registries_of(bytes: usize) -> String {
    let one = registries(100, false).len() / 100;
    registries(bytes / one, false)
}

/// As many entries as fit: each is an empty object under a short key.
fn smallest_entries(bytes: usize) -> String {
    let entries: Vec<_> = (0..bytes / 10).map(|index| format!(r#""{index:x}":{{}}"#)).collect();
    format!(r#"{{"auths":{{{}}}}}"#, entries.join(","))
}

/// The same key again and again.
fn same_key(bytes: usize) -> String {
    format!(r#"{{"auths":{{{}}}}}"#, vec![r#""r.a":{}"#; bytes / 9].join(","))
}

/// Arrays as deep as is allowed, next to each other.
fn deepest_nesting(bytes: usize) -> String {
    let tower = format!("{}{}", "[".repeat(62), "]".repeat(62));
    format!(r#"{{"auths":{{}},"x":[{}]}}"#, vec![tower; bytes / 125].join(","))
}

/// One string that is nothing but escapes.
fn huge_string(bytes: usize) -> String {
    format!(
        r#"{{"auths":{{"r.example.com":{{"username":"u","password":"{}"}}}}}}"#,
        r"\u5bc6".repeat(bytes / 6)
    )
}

/// A key of stars and question marks, which is a glob.
fn huge_glob(bytes: usize) -> String {
    format!(r#"{{"auths":{{"{}.aliyuncs.com":{{"auth":"dTpw"}}}}}}"#, "*?".repeat(bytes / 2))
}

/// One entry with as many fields as fit, and a document that repeats its key.
fn fat_entry(bytes: usize) -> String {
    let fields: Vec<_> = (0..bytes / 10).map(|index| format!(r#""{index:x}":1"#)).collect();
    format!(r#"{{"auths":{{"a":{{{}}}}}}}"#, fields.join(","))
}

/// A long key with an escape in it, and names that occur twice in its entry.
fn long_key_many_findings(bytes: usize) -> String {
    let names: Vec<_> = (0..bytes / 32).map(|index| format!(r#""{index:04x}":0,"{index:04x}":0"#)).collect();
    format!(r#"{{"auths":{{"\u0061{}":{{{}}}}}}}"#, "x".repeat(bytes / 2), names.join(","))
}

fn repeated_pairs(bytes: usize) -> String {
    format!(r#"{{"auths":{{{}}}}}"#, vec![r#""a":{"username":"u","password":"p"}"#; bytes / 36].join(","))
}

type Judge = for<'a> fn(&Policy, &Request<'a>) -> Judgement<'a>;

fn work(document: &str, old: Option<&str>) -> usize {
    work_of(judge, document, old)
}

fn work_of(judge: Judge, document: &str, old: Option<&str>) -> usize {
    let request = Request {
        requester: Requester { namespace: "default", user: "u-abcde", groups: &["system:authenticated"] },
        now: Timestamp::constant(1_795_392_000, 0), // 2026-11-23
        secret: Secret {
            secret_type: SecretType::DockerConfigJson,
            document: document.as_bytes(),
            data_bytes: document.len(),
        },
        old: old
            .map(|old| OldSecret { document: Some(OldDocument::Bytes(old.as_bytes())), immutable: false }),
    };
    let judgement = judge(&Policy::default(), &request);
    let repaired = judgement.repair.map_or(0, |repair| repair.apply(document.as_bytes()).len());
    judgement.findings.len() + repaired
}

fn ordinary(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ordinary");
    for (name, document) in [
        ("1 to repair", registries(1, false)),
        ("3 to repair", registries(3, false)),
        ("50 to repair", registries(50, false)),
        ("1 already right", registries(1, true)),
        ("3 already right", registries(3, true)),
        ("50 already right", registries(50, true)),
        ("1 MiB already right", registries(MIB / 100, true)),
    ] {
        group.throughput(Throughput::Bytes(document.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| work(&document, None)));
        group.bench_function(format!("{name}, repair alone"), |bencher| {
            bencher.iter(|| work_of(judge_repair, &document, None));
        });
    }
    group.finish();
}

fn growing(criterion: &mut Criterion) {
    type Make = fn(usize) -> String;
    let makes: [(&str, Make); 7] = [
        ("registries to repair", registries_of),
        ("smallest entries", smallest_entries),
        ("same key", same_key),
        ("deepest nesting", deepest_nesting),
        ("huge string", huge_string),
        ("huge glob", huge_glob),
        ("long key, many findings", long_key_many_findings),
    ];
    for (name, make) in makes {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        for bytes in [MIB / 16, MIB / 4, MIB] {
            let document = make(bytes);
            group.throughput(Throughput::Bytes(document.len() as u64));
            group.bench_with_input(
                BenchmarkId::from_parameter(document.len()),
                &document,
                |bencher, document| {
                    bencher.iter(|| work(document, None));
                },
            );
        }
        group.finish();
    }
}

fn updates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("update");
    group.sample_size(20);
    for bytes in [MIB / 16, MIB / 4, MIB] {
        let (document, old) = (registries_of(bytes), smallest_entries(bytes));
        group.throughput(Throughput::Bytes((document.len() + old.len()) as u64));
        group.bench_with_input(
            BenchmarkId::new("everything replaced", bytes),
            &document,
            |bencher, document| {
                bencher.iter(|| work(document, Some(&old)));
            },
        );
        group.bench_with_input(BenchmarkId::new("unchanged", bytes), &document, |bencher, document| {
            bencher.iter(|| work(document, Some(document)));
        });
        let (document, old) = (repeated_pairs(bytes), fat_entry(bytes));
        group.bench_with_input(
            BenchmarkId::new("one key, one fat entry", bytes),
            &document,
            |bencher, document| {
                bencher.iter(|| work(document, Some(&old)));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, ordinary, growing, updates);
criterion_main!(benches);
