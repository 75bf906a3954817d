//! The log: no request waits for it.

use serde_json::Value;

use crate::support::eventually;
use crate::support::regcred::{Serve, command};
use crate::support::review::{Review, document, good, secret};

const DROPPED: &str = "regcred_log_lines_dropped_total";

#[test]
fn unread_log_stops_no_answer() {
    let mut regcred = Serve::dev().args(["--log-level", "debug"]).stderr_unread().start();
    let review = Review::create(&secret(&document(&[("r.example.com", good("u", "p"))]))).0;
    let mut asked = 0;
    for _ in 0..4 {
        let mut connection = regcred.client().connect();
        for _ in 0..500 {
            assert_eq!(connection.post("/validate", &review).status, 200);
            asked += 1;
        }
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(regcred.get(path).status, 200, "{path}");
    }
    assert_eq!(regcred.metric("regcred_admission_requests_total"), Some(2000.0));

    // More than the pipe and the queue hold is dropped, and reported once there is room again.
    let mut connection = regcred.client().connect();
    while regcred.metric(DROPPED) == Some(0.0) {
        assert!(asked < 20_000, "no line is dropped although nobody reads");
        for _ in 0..500 {
            assert_eq!(connection.post("/validate", &review).status, 200);
            asked += 1;
        }
    }
    regcred.read_stderr();
    regcred.wait_for_log("log lines dropped");
    eventually("every audit record", || (regcred.audit().len() == asked).then_some(()));
    let left = regcred.stop();
    assert!(left.status.success());
    assert!(left.stderr.contains("shutting down"), "the log continues: {}", left.stderr);
}

#[test]
fn json_log_has_one_object_per_line() {
    let regcred = Serve::dev().args(["--log-format", "json", "--log-level", "debug"]).start();
    let review = Review::create(&secret(&document(&[("r.example.com", good("u", "p"))]))).0;
    assert_eq!(regcred.post("/validate", &review).status, 200);
    let left = regcred.stop();
    let lines: Vec<Value> = left
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no object: {line}")))
        .collect();
    for line in &lines {
        line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert!(["INFO", "DEBUG"].contains(&line["level"].as_str().unwrap()), "{line}");
        assert!(line["message"].is_string(), "{line}");
        assert!(line["target"].as_str().unwrap().starts_with("regcred"), "{line}");
    }
    let starts = |number: usize, with: &str| lines[number]["message"].as_str().unwrap().starts_with(with);
    assert!(starts(0, "listening on https://127.0.0.1:") && starts(1, "listening on http://127.0.0.1:"));
    let answered = lines.iter().find(|line| line["message"] == "answered").unwrap();
    assert!(answered["micros"].is_u64() && answered["level"] == "DEBUG", "{answered}");
}

#[test]
fn version_names_the_revision() {
    let output = command().arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let revision = text.trim_end().strip_prefix("regcred 0.1.0 (").unwrap().strip_suffix(')').unwrap();
    assert!(revision == "unknown" || revision.len() == 12, "{text}");
    let regcred = Serve::dev().start();
    let series = format!("regcred_build_info{{version=\"0.1.0\",revision=\"{revision}\"}}");
    assert_eq!(regcred.metric(&series), Some(1.0));
}
