//! What is printed and written besides the outcomes: text, the metric, and the Job.

use std::fs;

use serde_json::{Value, json};

use crate::support::certificate::Authority;
use crate::support::cluster::pull_secret;
use crate::support::registry::{PASSWORD, Registry};

use super::Verify;

/// A file with a valid and a refused Secret of the registry.
fn secrets(registry: &Registry) -> String {
    let secret = |name: &str, password: &str| {
        let mut secret = pull_secret(name, &json!({"auths": registry.entry(password)}).to_string());
        secret["metadata"]["namespace"] = json!("team");
        secret
    };
    let items = [secret("right", PASSWORD), secret("wrong", "wrong"), secret("also-wrong", "wrong")];
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

#[test]
fn the_text_names_secret_registry_and_outcome() {
    let registry = Registry::secure(&Authority::new());
    for (language, sentence, summary) in [
        (
            "en",
            " refuses the credentials (HTTP 401 UNAUTHORIZED).",
            "Requests with credentials: 2, of which 1 failed.",
        ),
        ("zh", "拒绝了这些凭据（HTTP 401 UNAUTHORIZED）。", "带凭据的请求 2 次，其中失败 1 次。"),
    ] {
        let verify = Verify::new(&["--lang", language]).ca(&registry.ca());
        let file = verify.file("secrets.json", &secrets(&registry));
        let ran = verify.arg("-f").arg(&file).run();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""), "{ran:?}");
        for (name, outcome) in [("right", "valid"), ("wrong", "refused"), ("also-wrong", "refused")] {
            let head = format!("{} team/{name} {}: {outcome}\n", file.display(), registry.address);
            assert!(ran.stdout.contains(&head), "{head}{ran:?}");
        }
        assert!(ran.stdout.contains(sentence) && ran.stdout.contains(summary), "{ran:?}");
    }
}

#[test]
fn the_metric_has_a_series_for_each_entry() {
    let registry = Registry::secure(&Authority::new());
    let verify = Verify::new(&["-o", "json"]).ca(&registry.ca());
    let file = verify.file("secrets.json", &secrets(&registry));
    let folder = tempfile::tempdir().unwrap();
    let metrics = folder.path().join("regcred.prom");
    fs::write(&metrics, "what was there before\n").unwrap();
    let ran = verify.arg("-f").arg(&file).arg("--metrics-file").arg(&metrics).run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let text = fs::read_to_string(&metrics).unwrap();
    let mut series: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    series.sort_unstable();
    let registry = &registry.address;
    let expected = [("also-wrong", "refused", 0), ("right", "valid", 1), ("wrong", "refused", 0)].map(
        |(secret, outcome, value)| {
            format!(
                r#"regcred_credential_valid{{namespace="team",secret="{secret}",registry="{registry}",outcome="{outcome}"}} {value}"#
            )
        },
    );
    assert_eq!(series, expected, "{text}");
    assert!(text.contains("# TYPE regcred_credential_valid gauge\n"), "{text}");
}

#[test]
fn a_metric_that_cannot_be_written_is_an_error() {
    let registry = Registry::secure(&Authority::new());
    let ran = Verify::entries(&registry.entry(PASSWORD))
        .ca(&registry.ca())
        .args(&["--metrics-file", "/nonexistent/regcred.prom"])
        .run();
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("/nonexistent/regcred.prom"), "{ran:?}");
}

/// The objects that are printed, by way of the strict reader of kubectl.
fn job(arguments: &[&str]) -> Vec<Value> {
    let ran = Verify::new(&["--print-job", "pull", "-n", "team"]).args(arguments).run();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    super::cluster::dry_run(&ran.stdout)
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    objects.iter().find(|object| object["kind"] == kind).unwrap()
}

#[test]
fn the_job_has_no_permission_but_its_secret() {
    let objects = job(&["--image", "registry.example.com:5000/team/app:1", "--max-failures", "2"]);
    let kinds: Vec<_> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ServiceAccount", "NetworkPolicy", "Job"]);
    assert!(objects.iter().all(|object| object["metadata"]["namespace"] == "team"));
    assert_eq!(of_kind(&objects, "ServiceAccount")["automountServiceAccountToken"], false);

    let spec = &of_kind(&objects, "Job")["spec"];
    let pod = &spec["template"]["spec"];
    assert_eq!((&spec["backoffLimit"], &pod["restartPolicy"]), (&json!(0), &json!("Never")));
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["volumes"].as_array().unwrap().len(), 1);
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], "pull");
    let arguments = pod["containers"][0]["args"].to_string();
    for argument in ["registry.example.com:5000/team/app:1", "max-failures"] {
        assert!(arguments.contains(argument), "{arguments}");
    }

    let network = &of_kind(&objects, "NetworkPolicy")["spec"];
    let labels = &spec["template"]["metadata"]["labels"];
    for (name, value) in network["podSelector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(&labels[name], value);
    }
    assert_eq!(network["policyTypes"], json!(["Ingress", "Egress"]));
    assert!(network.get("ingress").is_none());
    let egress = network["egress"].to_string();
    assert!(
        egress.contains("5000") && egress.contains("169.254.0.0/16") && egress.contains("100.100.100.200/32")
    );
}

#[test]
fn the_job_asks_nothing() {
    // There is neither a cluster nor a registry.
    let ran = Verify::new(&["--print-job", "pull"]).run();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let ran = Verify::new(&["--print-job", "-A"]).run();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
}
