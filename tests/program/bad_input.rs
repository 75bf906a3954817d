//! Requests that are not a review of a pull Secret: refused by the transport in a fixed order, or allowed untouched.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::{Response, head};
use crate::support::regcred::{Regcred, Serve};
use crate::support::review::{Review, document, pair, secret};

const LIMIT: usize = 8 << 20;
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A refusal is one line of plain text that quotes nothing.
#[track_caller]
fn is_refused(response: &Response, status: u16, line: &str) {
    assert_eq!((response.status, response.text()), (status, format!("{line}\n")));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
}

/// Sends bytes on a connection of their own.
fn send(regcred: &Regcred, bytes: &[u8]) -> Response {
    let mut connection = regcred.client().connect();
    connection.send(bytes).unwrap();
    connection.receive().unwrap()
}

/// A request's header that announces a body without sending any.
fn announced(method: &str, path: &str, content_type: &str, length: usize) -> String {
    let length = length.to_string();
    head(method, path, &[("Content-Type", content_type), ("Content-Length", &length)]) + "\r\n"
}

fn rancher() -> Value {
    Review::create(&secret(&document(&[("r.example.com", pair("robot", "made-up"))]))).0
}

#[test]
fn the_first_failed_check_is_answered() {
    let regcred = Serve::dev().start();
    let refusal = |request: &str| send(&regcred, request.as_bytes());
    let too_long = LIMIT + 1;

    // Each request is wrong in its own way and in all the ways that come later. None of the bodies is ever sent.
    let response = refusal(&announced("PUT", "/elsewhere", "text/plain", too_long));
    is_refused(&response, 404, "not found: use /mutate or /validate");
    let response = refusal(&announced("PUT", "/mutate", "text/plain", too_long));
    is_refused(&response, 405, "method not allowed: POST an AdmissionReview");
    assert_eq!(response.header("allow"), Some("POST"));
    let response = refusal(&announced("POST", "/mutate", "text/plain", too_long));
    is_refused(&response, 415, "unsupported content type: use application/json");
    let response = refusal(&announced("POST", "/mutate?timeout=1ms", "application/json", too_long));
    is_refused(&response, 413, "the body is larger than any AdmissionReview of a Secret");
    let response = refusal(&(announced("POST", "/mutate?timeout=1ms", "application/json", 100) + "not json"));
    is_refused(&response, 408, "the body did not arrive in time");
    let response = refusal(&(announced("POST", "/mutate?timeout=5s", "application/json", 8) + "not json"));
    is_refused(&response, 400, "the body is not JSON");
}

#[test]
fn refusals_are_counted_and_logged() {
    let regcred = Serve::dev().start();
    let json = "application/json";
    for (reason, request) in [
        ("not_found", announced("POST", "/elsewhere", json, 1)),
        ("method_not_allowed", announced("PUT", "/mutate", json, 1)),
        ("unsupported_media_type", announced("POST", "/mutate", "text/plain", 1)),
        ("too_large", announced("POST", "/mutate", json, LIMIT + 1)),
        ("timeout", announced("POST", "/mutate?timeout=1ms", json, 100)),
        ("bad_request", announced("POST", "/mutate", json, 1) + "{"),
    ] {
        let series = format!("regcred_http_refused_total{{reason=\"{reason}\"}}");
        assert_eq!(regcred.metric(&series), Some(0.0), "{series}");
        for count in [1.0, 2.0] {
            send(&regcred, request.as_bytes());
            regcred.wait_for_metric(&series, count);
        }
    }
    let log = regcred.stop().stderr;
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("refused a request")).collect();
    // Of each status that fails a write one line, the second one within ten seconds is suppressed.
    assert_eq!(warnings.len(), 3, "{log}");
    for (warning, status) in warnings.iter().zip(["413", "408", "400"]) {
        assert!(warning.contains("WARN") && warning.contains(status), "{warning}");
    }
}

#[test]
fn only_two_paths_are_known() {
    let regcred = Serve::dev().start();
    let mut connection = regcred.client().connect();
    for path in ["/", "/mutate/", "//mutate", "/Mutate", "/mutate%20", "/metrics", "/readyz", "/?/mutate"] {
        let response = connection.post(path, &rancher());
        is_refused(&response, 404, "not found: use /mutate or /validate");
        connection = regcred.client().connect();
    }
    for path in ["/mutate", "/validate", "/mutate?timeout=10s", "/validate?", "/mutate?timeout=soon"] {
        assert_eq!(connection.post(path, &rancher()).status, 200, "{path}");
    }
}

#[test]
fn only_post_is_answered() {
    let regcred = Serve::dev().start();
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        let response = regcred.client().connect().request(method, "/validate", &[], b"").unwrap();
        assert_eq!((response.status, response.header("allow")), (405, Some("POST")), "{method}");
    }
}

#[test]
fn only_json_is_read() {
    let regcred = Serve::dev().start();
    let body = rancher().to_string();
    let status = |headers: &[(&str, &str)]| {
        regcred.client().connect().request("POST", "/mutate", headers, body.as_bytes()).unwrap().status
    };
    for good in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"] {
        assert_eq!(status(&[("Content-Type", good)]), 200, "{good}");
    }
    for bad in
        ["", "text/json", "application/yaml", "application/vnd.kubernetes.protobuf", "application/jsonx"]
    {
        assert_eq!(status(&[("Content-Type", bad)]), 415, "{bad}");
    }
    assert_eq!(status(&[]), 415);
    assert_eq!(status(&[JSON, JSON]), 415);
}

#[test]
fn bodies_are_held_to_the_limit() {
    let regcred = Serve::dev().start();
    let mut body = rancher().to_string();
    body.push_str(&" ".repeat(LIMIT - body.len()));
    let response = regcred.client().connect().post_bytes("/mutate", body.as_bytes());
    assert_eq!(
        (response.status, response.json()["response"]["patchType"].as_str()),
        (200, Some("JSONPatch"))
    );
    body.push(' ');
    let mut connection = regcred.client().connect();
    let response = connection.request("POST", "/mutate", &[JSON], body.as_bytes()).unwrap();
    is_refused(&response, 413, "the body is larger than any AdmissionReview of a Secret");
    assert!(connection.ended(), "what is left of the body is not read");
}

#[test]
fn chunked_bodies_are_held_to_the_limit() {
    let regcred = Serve::dev().start();
    let chunked = head("POST", "/mutate", &[JSON, ("Transfer-Encoding", "chunked")]) + "\r\n";
    let chunk = |bytes: &str| format!("{:x}\r\n{bytes}\r\n", bytes.len());

    let body = rancher().to_string();
    let (first, second) = body.split_at(body.len() / 3);
    let response =
        send(&regcred, (chunked.clone() + &chunk(first) + &chunk(second) + "0\r\n\r\n").as_bytes());
    assert_eq!(response.json()["response"]["allowed"], true);

    let mut connection = regcred.client().connect();
    connection.send(chunked.as_bytes()).unwrap();
    let piece = chunk(&" ".repeat(64 << 10));
    // One piece more than the limit holds; the end of the body never comes.
    for _ in 0..=LIMIT / (64 << 10) {
        connection.send(piece.as_bytes()).unwrap();
    }
    is_refused(
        &connection.receive().unwrap(),
        413,
        "the body is larger than any AdmissionReview of a Secret",
    );
    assert!(connection.ended());

    let response = send(&regcred, (chunked + "not a size\r\n").as_bytes());
    assert_eq!(response.status, 400);
}

#[test]
fn slow_bodies_have_the_callers_deadline() {
    let regcred = Serve::dev().start();
    let started = Instant::now();
    let request = announced("POST", "/validate?timeout=1s", "application/json", 1000) + "{\"kind\":";
    let mut connection = regcred.client().connect();
    connection.send(request.as_bytes()).unwrap();
    is_refused(&connection.receive().unwrap(), 408, "the body did not arrive in time");
    let waited = started.elapsed();
    // A caller that stops listening after a second is still there.
    assert!((Duration::from_millis(900)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
    assert!(connection.ended());

    // Slow, but not too slow.
    let body = rancher().to_string();
    let mut connection = regcred.client().connect();
    connection
        .send(announced("POST", "/mutate?timeout=20s", "application/json", body.len()).as_bytes())
        .unwrap();
    for piece in body.as_bytes().chunks(body.len() / 5) {
        std::thread::sleep(Duration::from_millis(20));
        connection.send(piece).unwrap();
    }
    assert_eq!(connection.receive().unwrap().json()["response"]["allowed"], true);
}

#[test]
fn bad_reviews_are_refused_in_one_line() {
    let regcred = Serve::dev().start();
    let mut connection = regcred.client().connect();
    let other_version = "the body is not an AdmissionReview of admission.k8s.io/v1";
    let without = |field: &str| {
        let mut review = rancher();
        review["request"].as_object_mut().unwrap().remove(field);
        review.to_string()
    };
    let changed = |field: &str, value: Value| {
        let mut review = rancher();
        review[field] = value;
        review.to_string()
    };
    for (body, line) in [
        (String::new(), "the body is not JSON"),
        ("uid=1&kind=AdmissionReview".to_owned(), "the body is not JSON"),
        (rancher().to_string() + "}", "the body is not JSON"),
        ("{\"a\":".repeat(1 << 18), "the body is not JSON"),
        ("{}".to_owned(), other_version),
        (changed("apiVersion", json!("admission.k8s.io/v1beta1")), other_version),
        (changed("apiVersion", json!("admission.k8s.io/v2")), other_version),
        (changed("kind", json!("ConversionReview")), other_version),
        (changed("request", Value::Null), "the AdmissionReview has no request"),
        (without("uid"), "the request of the AdmissionReview has no uid"),
        (
            changed("request", json!("CREATE")),
            "the body is JSON but not an AdmissionReview: a field has the wrong type or is repeated",
        ),
    ] {
        for path in ["/mutate", "/validate"] {
            is_refused(&connection.post_bytes(path, body.as_bytes()), 400, line);
        }
    }
    assert!(regcred.stop().audit().is_empty(), "there was nothing to record");
}

#[test]
fn other_objects_are_allowed_untouched() {
    let regcred = Serve::dev().start();
    let mut connection = regcred.client().connect();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut review = rancher();
        change(&mut review["request"]);
        review
    };
    // A new Secret of another type with a document under a data key of ours has the wrong type.
    let of_type = |secret_type: &str| {
        changed(&|request| {
            request["object"]["type"] = json!(secret_type);
            request["object"]["data"] = json!({"config.json": "e30=", ".dockerconfigjson": null});
        })
    };
    let reviews = [
        of_type("Opaque"),
        of_type("kubernetes.io/tls"),
        of_type("kubernetes.io/dockerconfigjson "),
        changed(&|request| {
            request["operation"] = json!("UPDATE");
            request["object"]["type"] = json!("Opaque");
        }),
        changed(&|request| {
            request["kind"]["kind"] = json!("ConfigMap");
            request["object"]["kind"] = json!("ConfigMap");
        }),
        changed(&|request| request["kind"]["group"] = json!("secrets.example.com")),
        changed(&|request| request["object"] = Value::Null),
        changed(&|request| drop(request.as_object_mut().unwrap().remove("object"))),
        changed(&|request| {
            request["operation"] = json!("DELETE");
            request["oldObject"] = request["object"].take();
        }),
        changed(&|request| request["operation"] = json!("CONNECT")),
    ];
    for (number, mut review) in reviews.into_iter().enumerate() {
        for path in ["/mutate", "/validate"] {
            let uid = format!("{number}{path}");
            review["request"]["uid"] = json!(uid);
            let response = connection.post(path, &review);
            let expected = json!({
                "apiVersion": "admission.k8s.io/v1",
                "kind": "AdmissionReview",
                "response": {"uid": uid, "allowed": true},
            });
            assert_eq!((response.status, response.json()), (200, expected), "{review}");
        }
    }
    let audit = regcred.stop().audit();
    assert_eq!(audit.len(), 20);
    assert!(audit.iter().all(|record| record["decision"] == "skipped" && record["findings"] == json!([])));
}
