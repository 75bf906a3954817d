//! Many Pods: 500 that wait for their images, for 20 causes.

#![allow(clippy::print_stdout, reason = "figures are for whoever runs this by hand")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::cluster::{Account, Cluster, peak, pull_secret};
use crate::support::proxy::Then;

use super::{IMAGE, NONE_SENT, REFUSED, Writer, document, good, opaque, pod};

const NAMESPACES: usize = 10;

/// A cause, the Secrets that the Pod names, and the status.
type Case = (&'static str, &'static [&'static str], &'static str, &'static str);

/// The texts are those of containerd 2.4 and kubelet 1.37, recorded in tests/pulls.
const CASES: [Case; 20] = [
    ("service-account-secret-not-used", &["other"], "ErrImagePull", NONE_SENT),
    ("secret-missing", &["gone"], "ErrImagePull", NONE_SENT),
    ("secret-in-other-namespace", &["far"], "ErrImagePull", NONE_SENT),
    ("wrong-secret-type", &["opaque", "on-node"], "ErrImagePull", NONE_SENT),
    (
        "secret-malformed",
        &["broken"],
        "illegal base64 data at input byte 4",
        "illegal base64 data at input byte 4",
    ),
    ("credentials-refused", &["good"], "ErrImagePull", REFUSED),
    (
        "not-found",
        &["good"],
        "ErrImagePull",
        "rpc error: code = NotFound desc = failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: registry.example.com/team/app:1: not found",
    ),
    (
        "rate-limited",
        &["good"],
        "ErrImagePull",
        "failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: unexpected status from HEAD request to https://registry.example.com/v2/team/app/manifests/1: 429 Too Many Requests",
    ),
    (
        "certificate",
        &["good"],
        "ErrImagePull",
        "failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: failed to do request: Head \"https://registry.example.com/v2/team/app/manifests/1\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
    ),
    (
        "plain-http",
        &["good"],
        "ErrImagePull",
        "failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: failed to do request: Head \"https://registry.example.com/v2/team/app/manifests/1\": http: server gave HTTP response to HTTPS client",
    ),
    (
        "dns",
        &["good"],
        "ErrImagePull",
        "failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: failed to do request: Head \"https://registry.example.com/v2/team/app/manifests/1\": dial tcp: lookup registry.example.com on 127.0.0.53:53: no such host",
    ),
    (
        "connection",
        &["good"],
        "ErrImagePull",
        "failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: failed to do request: Head \"https://registry.example.com/v2/team/app/manifests/1\": dial tcp 127.0.0.5:443: connect: connection refused",
    ),
    (
        "proxy",
        &["good"],
        "ErrImagePull",
        "failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: failed to do request: Head \"https://registry.example.com/v2/team/app/manifests/1\": proxyconnect tcp: dial tcp 127.0.0.1:3128: connect: connection refused",
    ),
    (
        "registry-error",
        &["good"],
        "ErrImagePull",
        "failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: unexpected status from HEAD request to https://registry.example.com/v2/team/app/manifests/1: 503 Service Unavailable",
    ),
    (
        "token-server-error",
        &["good"],
        "ErrImagePull",
        "failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: failed to authorize: failed to fetch oauth token: unexpected status from POST request to https://auth.example.com/token: 500 Internal Server Error",
    ),
    (
        "blob-store",
        &["good"],
        "ErrImagePull",
        "failed to pull and unpack image \"registry.example.com/team/app:1\": failed to copy: httpReadSeeker: failed open: failed to do request: Get \"https://bucket.example.com/layer?Signature=%5BREDACTED%5D\": dial tcp: lookup bucket.example.com on 127.0.0.53:53: no such host",
    ),
    (
        "architecture",
        &["good"],
        "ErrImagePull",
        "rpc error: code = NotFound desc = get image config descriptor: no match for platform in manifest sha256:0000000000000000000000000000000000000000000000000000000000000000: not found",
    ),
    (
        "never-pull",
        &["good"],
        "ErrImageNeverPull",
        "Container image \"registry.example.com/team/app:1\" is not present with pull policy of Never",
    ),
    ("kubelet-rate-limit", &["good"], "ErrImagePull", "pull QPS exceeded"),
    (
        "unsupported-manifest",
        &["good"],
        "ErrImagePull",
        "rpc error: code = Unimplemented desc = failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: not implemented: media type \"application/vnd.docker.distribution.manifest.v1+prettyjws\" is no longer supported since containerd v2.0",
    ),
];

/// Writes Pods of all cases, and others that run.
fn write(cluster: &Cluster, count: usize) {
    let mut writer = Writer::new(cluster);
    let namespaces = (0..NAMESPACES).map(|number| format!("many-{number}"));
    for name in namespaces.chain(["elsewhere".to_owned()]) {
        writer.create("/api/v1/namespaces", &json!({"metadata": {"name": name}}));
        if name == "elsewhere" {
            writer.secret(&name, &good("far"));
            continue;
        }
        writer.account(&name, &json!([]));
        writer.named_account(&name, "builder", &json!([{"name": "of-account"}]));
        let broken = r#"{"auths":{"registry.example.com":{"auth":"abcd!"}}}"#;
        for secret in [
            good("good"),
            good("of-account"),
            opaque("opaque"),
            pull_secret("broken", broken),
            pull_secret("other", &document("other.example.com")),
            pull_secret("on-node", &document("other.example.com")),
        ] {
            writer.secret(&name, &secret);
        }
    }
    for node in 0..5 {
        let node = json!({"metadata": {"name": format!("node-{node}")}});
        writer.create("/api/v1/nodes", &node);
    }
    for number in 0..count {
        let (cause, secrets, reason, message) = CASES[number % CASES.len()];
        let mut pod = pod(&format!("web-{number}"), secrets);
        if cause == "service-account-secret-not-used" {
            pod["spec"]["serviceAccountName"] = json!("builder");
        }
        pod["spec"]["nodeName"] = json!(format!("node-{}", number % 5));
        let namespace = format!("many-{}", number / CASES.len() % NAMESPACES);
        writer.waiting(&namespace, &pod, reason, message);
        pod["metadata"]["name"] = json!(format!("runs-{number}"));
        writer.waiting(&namespace, &pod, "ContainerCreating", "");
    }
}

#[test]
fn five_hundred_pods_take_few_requests_and_little_memory() {
    let cluster = Cluster::start();
    write(&cluster, 500);
    let proxy = cluster.proxy(|_| Then::Pass);

    let begin = Instant::now();
    let scanned = cluster.explain_through(&proxy, &["-A", "-o", "json"]).run();
    let took = begin.elapsed();

    let summary = scanned.summary();
    assert_eq!(
        (scanned.code, &summary["pods"], &summary["containers"]),
        (Some(1), &json!(1000), &json!(500))
    );
    let causes: BTreeSet<_> = CASES.iter().map(|case| case.0).collect();
    let told = summary["causes"].as_array().unwrap();
    let found: BTreeSet<_> = told.iter().map(|cause| cause["cause"].as_str().unwrap()).collect();
    assert_eq!(found, causes, "{told:?}");
    assert!(told.iter().all(|cause| cause["pods"] == 25), "{told:?}");

    let requests = proxy.seen();
    let of = |part: &str| requests.iter().filter(|passing| passing.uri.contains(part)).count();
    let secrets: Vec<_> = requests.iter().filter(|passing| passing.uri.contains("/secrets")).collect();
    let distinct: BTreeSet<_> = secrets.iter().map(|passing| &passing.uri).collect();
    assert_eq!(distinct.len(), secrets.len(), "each Secret is read once");
    // Pods in pages of 500; the events of none, since the status says why.
    assert_eq!((of("/pods?"), of("/events")), (2, 0));
    assert_eq!((of("/serviceaccounts"), of("/nodes")), (1, 5));
    println!(
        "-A over 1000 Pods, 500 of them waiting, for 20 causes: {} requests, {took:.2?}",
        requests.len()
    );
    assert!(requests.len() < 120, "{}", requests.len());
    assert!(took < Duration::from_secs(10), "{took:?}");

    let mut follower = None;
    let text = cluster.explain(Account::Admin, &["-A"]).watched(|child| follower = Some(peak(child)));
    let peak_kib = follower.unwrap().join().unwrap();
    println!("as text: at most {peak_kib} KiB");
    assert!(peak_kib < 64 << 10, "{peak_kib}");
    let groups: Vec<Value> = text
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix('[')?.split_once("] 25 Pods"))
        .map(|(cause, _)| json!(cause))
        .collect();
    assert_eq!(groups.len(), CASES.len(), "{}", text.stdout);
    assert!(text.stdout.contains(" and 22 more"), "{}", text.stdout);
    assert!(!text.stdout.contains(IMAGE) || text.stdout.len() < 100_000);
}
