//! What is sent: AdmissionReviews in the form and order in which kube-apiserver 1.37 writes them, of `kubectl apply` where
//! its annotation has room for the document, and of `kubectl replace` where it has not.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

const UID: &str = "7b738994-755d-4217-a962-c93772fb2ec5";

/// What the server is to make of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Patch,
    NoPatch,
}

/// One kind of request, and its bounds.
pub struct Case {
    pub name: &'static str,
    pub body: Vec<u8>,
    pub expected: Expected,
    /// At a time.
    pub connections: usize,
    /// At most this multiple of the CPU time of the empty webhook.
    pub times_empty: f64,
    /// At most the CPU time of the Go webhook divided by this.
    pub times_less_than_go: Option<f64>,
}

/// How many requests at a time there are of the usual size, and of a megabyte.
const USUAL: usize = 16;
const LARGE: usize = 4;

/// All kinds of requests.
pub fn cases() -> Vec<Case> {
    let case = |name, body: String, expected, times_empty, times_less_than_go| Case {
        name,
        connections: if body.len() > 256 << 10 { LARGE } else { USUAL },
        body: body.into_bytes(),
        expected,
        times_empty,
        times_less_than_go,
    };
    let create = |document: &str| review("CREATE", &Secret::applied(document).to_json(), None);
    let small = |count, auth| registries(count, auth, 0);
    let unchanged = Secret::applied(&small(1, true));
    let relabelled = Secret { label: "billing", ..Secret::applied(&small(1, true)) };
    // The bounds are those of the design: for plain code, and ahead of Go only where something is repaired.
    vec![
        case("another type", other_type(), Expected::NoPatch, 1.3, None),
        case(
            "UPDATE, document unchanged",
            review("UPDATE", &relabelled.to_json(), Some(&unchanged.to_json())),
            Expected::NoPatch,
            1.5,
            None,
        ),
        case("1 registry, valid", create(&small(1, true)), Expected::NoPatch, 1.6, None),
        case("3 registries, valid", create(&small(3, true)), Expected::NoPatch, 1.6, None),
        case("50 registries, valid", create(&small(50, true)), Expected::NoPatch, 3.5, None),
        case("1 registry to repair", create(&small(1, false)), Expected::Patch, 1.7, Some(10.0)),
        case("3 registries to repair", create(&small(3, false)), Expected::Patch, 1.9, Some(10.0)),
        case("50 registries to repair", create(&small(50, false)), Expected::Patch, 3.5, Some(10.0)),
        case("UPDATE of 1 MiB, no patch", large_update(1 << 20), Expected::NoPatch, 2.8, None),
        case("0.6 MiB, repaired to 0.9 MiB", large_repair(600 << 10), Expected::Patch, 7.0, Some(10.0)),
    ]
}

/// An UPDATE in which every password of a Secret of 1 MiB changes: what holds most memory.
pub fn large_rotation() -> Vec<u8> {
    let (old, new) = (fill(1 << 20, true, 0), fill(1 << 20, true, 1));
    review("UPDATE", &Secret::replaced(&new).to_json(), Some(&Secret::replaced(&old).to_json())).into_bytes()
}

/// One password of a document of about `bytes` has changed.
fn large_update(bytes: usize) -> String {
    let old = fill(bytes, true, 0);
    let new = old.replacen(&entry(0, true, 0), &entry(0, true, 1), 1);
    review("UPDATE", &Secret::replaced(&new).to_json(), Some(&Secret::replaced(&old).to_json()))
}

/// A document of about `bytes` that grows by half.
fn large_repair(bytes: usize) -> String {
    review("CREATE", &Secret::replaced(&fill(bytes, false, 0)).to_json(), None)
}

fn other_type() -> String {
    let secret = Secret { kind: "Opaque", key: "config.json", ..Secret::applied(&registries(1, true, 0)) };
    review("CREATE", &secret.to_json(), None)
}

/// A document as the form of a UI writes it, with or without `auth`.
fn registries(count: usize, auth: bool, version: usize) -> String {
    let entries: Vec<_> = (0..count).map(|index| entry(index, auth, version)).collect();
    format!(r#"{{"auths":{{{}}}}}"#, entries.join(","))
}

/// As many registries as `bytes` have room for.
fn fill(bytes: usize, auth: bool, version: usize) -> String {
    let room = bytes - r#"{"auths":{}}"#.len();
    let mut count = room / (entry(0, auth, version).len() + 1);
    // Later entries have longer numbers.
    while registries(count, auth, version).len() > bytes {
        count -= 1;
    }
    registries(count, auth, version)
}

fn entry(index: usize, auth: bool, version: usize) -> String {
    let (username, password) = (format!("robot{index}@acme"), format!("S3cr3t-{version}-{index}"));
    let auth = if auth {
        format!(r#","auth":"{}""#, BASE64_STANDARD.encode(format!("{username}:{password}")))
    } else {
        String::new()
    };
    format!(
        r#""crpi-{index:05x}.cn-hangzhou.personal.cr.aliyuncs.com":{{"username":"{username}","password":"{password}"{auth}}}"#
    )
}

/// A Secret as the API server has it.
struct Secret {
    kind: &'static str,
    key: &'static str,
    data: String,
    label: &'static str,
    /// By client-side apply, which keeps what it applied in an annotation.
    applied: bool,
}

impl Secret {
    fn applied(document: &str) -> Self {
        Secret { applied: true, ..Secret::replaced(document) }
    }

    fn replaced(document: &str) -> Self {
        Secret {
            kind: "kubernetes.io/dockerconfigjson",
            key: ".dockerconfigjson",
            data: BASE64_STANDARD.encode(document),
            label: "payments",
            applied: false,
        }
    }

    fn to_json(&self) -> String {
        let Secret { kind, key, data, label, applied } = self;
        let labels = format!(r#""labels":{{"app.kubernetes.io/managed-by":"rancher","team":"{label}"}}"#);
        let last = format!(
            r#"{{"apiVersion":"v1","data":{{"{key}":"{data}"}},"kind":"Secret","metadata":{{"annotations":{{}},{labels},"name":"regcred","namespace":"team"}},"type":"{kind}"}}"#
        );
        let annotations = if *applied {
            let last = Value::String(last + "\n");
            format!(r#""annotations":{{"kubectl.kubernetes.io/last-applied-configuration":{last}}},"#)
        } else {
            String::new()
        };
        let managed = format!(
            r#""managedFields":[{{"manager":"kubectl-client-side-apply","operation":"Update","apiVersion":"v1","time":"2026-11-23T19:15:15Z","fieldsType":"FieldsV1","fieldsV1":{{"f:data":{{".":{{}},"f:{key}":{{}}}},"f:metadata":{{"f:annotations":{{".":{{}},"f:kubectl.kubernetes.io/last-applied-configuration":{{}}}},"f:labels":{{".":{{}},"f:app.kubernetes.io/managed-by":{{}},"f:team":{{}}}}}},"f:type":{{}}}}}}]"#
        );
        format!(
            r#"{{"kind":"Secret","apiVersion":"v1","metadata":{{"name":"regcred","namespace":"team","uid":"3842b873-6f0d-4065-a234-edf112188f92","creationTimestamp":"2026-11-23T19:15:15Z",{labels},{annotations}{managed}}},"data":{{"{key}":"{data}"}},"type":"{kind}"}}"#
        )
    }
}

fn review(operation: &str, object: &str, old: Option<&str>) -> String {
    let kind = r#"{"group":"","version":"v1","kind":"Secret"}"#;
    let resource = r#"{"group":"","version":"v1","resource":"secrets"}"#;
    let options = if old.is_none() { "CreateOptions" } else { "UpdateOptions" };
    let old = old.unwrap_or("null");
    format!(
        r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"{UID}","kind":{kind},"resource":{resource},"requestKind":{kind},"requestResource":{resource},"name":"regcred","namespace":"team","operation":"{operation}","userInfo":{{"username":"admin","uid":"admin","groups":["system:masters","system:authenticated"]}},"object":{object},"oldObject":{old},"dryRun":false,"options":{{"kind":"{options}","apiVersion":"meta.k8s.io/v1","fieldManager":"kubectl-client-side-apply","fieldValidation":"Strict"}}}}}}"#
    )
}

impl Case {
    /// Whether an answer is right: allowed, and patched so that every registry has its `auth`, or not patched.
    ///
    /// # Panics
    /// When it is not.
    pub fn check(&self, answer: &[u8], expected: Expected) {
        let answer: Value = serde_json::from_slice(answer).unwrap();
        let response = &answer["response"];
        assert_eq!((&response["uid"], &response["allowed"]), (&UID.into(), &true.into()), "{answer}");
        let patch = response["patch"].as_str();
        assert_eq!(patch.is_some(), expected == Expected::Patch, "{}: {answer}", self.name);
        let Some(patch) = patch else { return };
        let operations: Value = serde_json::from_slice(&BASE64_STANDARD.decode(patch).unwrap()).unwrap();
        let value = operations[0]["value"].as_str().unwrap();
        let document: Value = serde_json::from_slice(&BASE64_STANDARD.decode(value).unwrap()).unwrap();
        for (host, entry) in document["auths"].as_object().unwrap() {
            let (username, password) =
                (entry["username"].as_str().unwrap(), entry["password"].as_str().unwrap());
            assert_eq!(entry["auth"], BASE64_STANDARD.encode(format!("{username}:{password}")), "{host}");
        }
    }
}
