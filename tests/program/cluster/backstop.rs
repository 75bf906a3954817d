//! The policies of `regcred backstop` in a real API server, with no webhook.

#![allow(clippy::print_stdout, reason = "figures are for whoever runs this by hand")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::cases::{Case, with_document};
use crate::support::client::Response;
use crate::support::cluster::{ApiConnection, Cluster, document_of, pull_secret};
use crate::support::eventually;
use crate::support::regcred::command;

use super::rancher::form;
use super::{GENERIC, HOST, auths, bare, shows_password, whole};

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// What the command prints, as a file.
fn generated(arguments: &[&str]) -> String {
    let output = command().arg("backstop").args(arguments).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The objects of such a file.
fn objects(cluster: &Cluster, file: &str) -> Vec<Value> {
    let said =
        cluster.accepts(&["create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-"], file);
    serde_json::Deserializer::from_str(&said.stdout).into_iter().map(Result::unwrap).collect()
}

/// Installs policies under names of their own, for the namespaces with the label `tests.regcred.dev/group: GROUP`.
fn install(cluster: &Cluster, group: &str, arguments: &[&str]) {
    let text = generated(&[&["--role", "standalone"], arguments].concat());
    for mut object in objects(cluster, &text) {
        for pointer in ["/metadata/name", "/spec/policyName"] {
            if let Some(name) = object.pointer_mut(pointer) {
                *name = json!(format!("{}-{group}", name.as_str().unwrap()));
            }
        }
        if let Some(constraints) = object.pointer_mut("/spec/matchConstraints") {
            constraints["namespaceSelector"] = json!({"matchLabels": {"tests.regcred.dev/group": group}});
        }
        // Where a request shows that the policy is in force.
        if let Some(Value::Array(validations)) = object.pointer_mut("/spec/validations") {
            validations.push(json!({"expression": "object.metadata.name != 'probe'", "message": group}));
        }
        if let Some(Value::Array(mutations)) = object.pointer_mut("/spec/mutations") {
            let expression = format!(
                "object.metadata.name == 'other'\
                 ? [JSONPatch{{op: 'add', path: '/metadata/generateName', value: '{group}'}}] : []"
            );
            mutations.push(json!({"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}));
        }
        cluster.accepts(&["create", "-f", "-"], &object.to_string());
    }
}

/// What `check` says of a case: the rules for which the policies refuse it, and whether they repair it.
#[derive(Default)]
struct Foretold {
    refuses: BTreeSet<String>,
    repairs: bool,
}

/// What `check` says of the cases, by their file's name, in the field `backstop` of each finding.
fn foretold_by_check(policy: &Path, cases: &[&Case]) -> BTreeMap<String, Foretold> {
    let folder = tempfile::tempdir().unwrap();
    for case in cases {
        let mut object = case.object(case.document("").as_deref(), "immutable");
        object["metadata"] = json!({"name": name_of(case), "namespace": "default"});
        std::fs::write(folder.path().join(name_of(case) + ".json"), object.to_string()).unwrap();
    }
    let arguments = ["check", "--output-format", "json", "--policy", policy.to_str().unwrap()];
    let output = command().args(arguments).arg(folder.path()).output().unwrap();
    let mut foretold: BTreeMap<String, Foretold> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(name) = line["secret"]["name"].as_str().filter(|_| line["kind"] == "Finding") else {
            continue;
        };
        let foretold = foretold.entry(name.to_owned()).or_default();
        match line["backstop"].as_str().unwrap() {
            "repairs" => foretold.repairs = true,
            "refuses" => drop(foretold.refuses.insert(line["code"].as_str().unwrap().to_owned())),
            "warns" | "records" | "nothing" => {}
            other => panic!("backstop: {other}"),
        }
    }
    foretold
}

#[derive(Default, Debug)]
struct Figures {
    asked: usize,
    repairs: usize,
    repaired: usize,
    denials: usize,
    denied: usize,
    foretold: usize,
}

/// What the API server did.
#[derive(Debug)]
enum Treatment {
    /// It refused the Secret itself.
    RefusedItself,
    /// A policy refused it, by this rule.
    Refused(String),
    Repaired(Vec<u8>),
    LeftAlone,
}

/// Cases that ask for one policy, in their namespace.
struct Group<'a> {
    path: String,
    cases: Vec<&'a Case>,
}

impl Group<'_> {
    fn put(&self, connection: &mut ApiConnection, case: &Case) -> Result<Treatment, String> {
        let mut object = case.object(case.document("").as_deref(), "immutable");
        object["metadata"] = json!({"name": name_of(case)});
        let (method, path) = if case.is_update() {
            ("PUT", format!("{}/{}?dryRun=All", self.path, name_of(case)))
        } else {
            ("POST", format!("{}?dryRun=All", self.path))
        };
        let answer = match case.0["user"].as_str() {
            Some(user) => connection.request_as(user, method, &path, &object.to_string()),
            None => connection.request(method, &path, "application/json", &object.to_string()),
        };
        let answer = answer.unwrap();
        if answer.status >= 300 {
            let text = answer.text();
            return match text.split_once("[regcred/").and_then(|(_, rest)| rest.split_once(']')) {
                Some((code, _)) => Ok(Treatment::Refused(code.to_owned())),
                None if text.contains("expression") || text.contains("cost limit") => Err(text),
                None => Ok(Treatment::RefusedItself),
            };
        }
        let after = answer.json()["data"][case.data_key()].as_str().unwrap().to_owned();
        let after = BASE64_STANDARD.decode(after).unwrap();
        Ok(if after == case.document("").unwrap() {
            Treatment::LeftAlone
        } else {
            Treatment::Repaired(after)
        })
    }
}

/// Compares what the API server did with what regcred does, and with what `check` foretold of it.
fn compare(
    case: &Case,
    outcome: &Treatment,
    foretold: &Foretold,
    figures: &mut Figures,
) -> Result<(), String> {
    let expected = &case.0["expect"];
    let is_repair = expected["mutate"]["patch"] == true;
    let is_denial = expected["validate"]["allowed"] == false;
    figures.asked += 1;
    match outcome {
        Treatment::RefusedItself => return Ok(()),
        Treatment::Refused(code) if !is_denial => return Err(format!("refused by {code}")),
        Treatment::Refused(_) => figures.denied += 1,
        Treatment::Repaired(after) => {
            figures.repaired += 1;
            if !is_repair {
                return Err(format!("touched: {}", String::from_utf8_lossy(after)));
            }
            case.check_repaired(&case.document("").unwrap(), after)?;
        }
        Treatment::LeftAlone => {}
    }
    figures.denials += usize::from(is_denial);
    figures.repairs += usize::from(is_repair);
    // `check` is about a Secret that is created, by somebody unknown.
    if case.is_update() || case.0["user"].is_string() {
        return Ok(());
    }
    figures.foretold += 1;
    let is_foretold = match outcome {
        Treatment::RefusedItself => true,
        Treatment::Refused(code) => foretold.refuses.contains(code),
        Treatment::Repaired(_) => foretold.repairs && foretold.refuses.is_empty(),
        Treatment::LeftAlone => !foretold.repairs && foretold.refuses.is_empty(),
    };
    if is_foretold {
        Ok(())
    } else {
        Err(format!(
            "check says repairs: {}, refuses: {:?}, but it was {outcome:?}",
            foretold.repairs, foretold.refuses
        ))
    }
}

/// Whether a policy is there, and not for nobody in the namespace `default`.
fn in_force(cluster: &Cluster, resource: &str, name: &str) -> bool {
    let policies = cluster.get(&[resource]);
    let policy = policies["items"].as_array().unwrap().iter().find(|item| item["metadata"]["name"] == name);
    let is_exempt = |condition: &Value| condition["name"] == "not-exempt";
    policy.is_some_and(|policy| !policy["spec"]["matchConditions"].as_array().unwrap().iter().any(is_exempt))
}

fn name_of(case: &Case) -> String {
    format!("c-{}", case.id())
}

#[test]
fn backstop_repairs_right_or_leaves_alone() {
    let cluster = Cluster::start();
    let cases = with_document();
    let mut by_policy: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    // Deletion is not a request of theirs, and a Secret of another type is nothing to the policies.
    let is_asked = |case: &&Case| case.0["deleting"] != true && case.0["data_keys"].is_null();
    for case in cases.iter().filter(is_asked) {
        by_policy.entry(case.policy()).or_default().push(case);
    }
    let mut connection = cluster.api().connect().unwrap();
    let (mut figures, mut failures) = (Figures::default(), Vec::new());
    let default = crate::cases::policy_file(&Value::Null);
    let mut by_default = Figures::default();
    for (index, (policy, cases)) in by_policy.into_iter().enumerate() {
        let name = format!("group{index}");
        // The exemptions of the cases name the namespace that regcred's tests have.
        let is_exempting = !cases[0].0["policy"]["exemptions"].is_null();
        let namespace =
            if is_exempting { "default" } else { &cluster.namespace(&name, &json!({})).name.clone() };
        let path = format!("/api/v1/namespaces/{namespace}/secrets");
        let mut group = Group { path, cases: Vec::new() };
        for case in cases {
            if case.is_update() {
                let mut old = case.object(case.document("old_").as_deref(), "old_immutable");
                old["metadata"] = json!({"name": name_of(case)});
                let answer = connection.request("POST", &group.path, "application/json", &old.to_string());
                if answer.unwrap().status != 201 {
                    continue; // The API server would not have had it.
                }
            }
            group.cases.push(case);
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(policy.as_bytes()).unwrap();
        install(&cluster, &name, &["--policy", file.path().to_str().unwrap()]);
        let label = format!("tests.regcred.dev/group={name}");
        cluster.accepts(&["label", "--overwrite", "namespace", namespace, &label], "");
        let probed = format!("{}?dryRun=All", group.path);
        let mut put = |name: &str| {
            // Nothing in it is refused.
            let probe = pull_secret(name, &auths(&[])).to_string();
            connection.request("POST", &probed, "application/json", &probe).unwrap()
        };
        let refuses = in_force(&cluster, "validatingadmissionpolicies", &format!("regcred-refuse-{name}"));
        if refuses {
            eventually("a refusal of the probe", || {
                put("probe").text().contains(&format!("regcred-refuse-{name}'")).then_some(())
            });
        }
        if in_force(&cluster, "mutatingadmissionpolicies", &format!("regcred-repair-{name}")) {
            eventually("a change of the probe", || {
                (put("other").json()["metadata"]["generateName"] == name.as_str()).then_some(())
            });
        }
        let foretold = foretold_by_check(file.path(), &group.cases);
        let is_default = policy == default;
        let figures = if is_default { &mut by_default } else { &mut figures };
        for case in &group.cases {
            let nothing = Foretold::default();
            let foretold = foretold.get(&name_of(case)).unwrap_or(&nothing);
            let compared = group
                .put(&mut connection, case)
                .and_then(|outcome| compare(case, &outcome, foretold, figures));
            if let Err(why) = compared {
                failures.push(format!("{}: {why}", case.id()));
            }
        }
    }
    println!("default policy: {by_default:?}\nother policies: {figures:?}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(by_default.asked > 480, "{by_default:?}");
    // As measured; docs/backstop.md has the same figures.
    assert_eq!((by_default.repairs, by_default.repaired), (121, 109), "{by_default:?}");
    assert_eq!((by_default.denials, by_default.denied), (225, 77), "{by_default:?}");
}

#[test]
fn rancher_needs_no_pod() {
    let cluster = Cluster::start();
    cluster.accepts(&["create", "-f", "-"], &generated(&["--role", "standalone"]));
    let namespace = cluster.namespace("no-pod", &json!({}));
    let post = |name: &str, document: &str| -> Response {
        namespace.rancher("POST", "?dryRun=All", Some(&form(name, &namespace, Some(document))))
    };
    eventually("both policies", || {
        let repaired = post("probe", &auths(&[&bare(HOST)]));
        let refused = post("probe", &auths(&[&bare(GENERIC)]));
        (document_of(&repaired.json()) == auths(&[&whole(HOST)]) && refused.status == 422).then_some(())
    });

    let created = namespace.rancher("POST", "", Some(&form("acr", &namespace, Some(&auths(&[&bare(HOST)])))));
    assert_eq!((created.status, namespace.document("acr")), (201, auths(&[&whole(HOST)])));
    let mut edited = created.json();
    edited["data"][".dockerconfigjson"] = json!(BASE64_STANDARD.encode(auths(&[&bare(HOST)])));
    let answer = namespace.rancher("PUT", "/acr", Some(&edited));
    assert_eq!((answer.status, namespace.document("acr")), (200, auths(&[&whole(HOST)])));

    for (document, text) in [
        (auths(&[&bare(GENERIC)]), format!("[regcred/generic-registry-host] {GENERIC}: ")),
        (auths(&[&format!("\"{HOST}\":{{}}")]), format!("[regcred/no-credentials] {HOST}: ")),
    ] {
        let answer = post("refused", &document);
        assert!(answer.status == 422 && answer.text().contains(&text), "{}", answer.text());
    }
}

#[test]
fn stages_warn_and_record() {
    let cluster = Cluster::start();
    let [warned, recorded] = ["warn", "audit"].map(|stage| {
        install(&cluster, stage, &["--enforcement", stage]);
        cluster.namespace(stage, &json!({"tests.regcred.dev/group": stage}))
    });
    let (before, after) = (auths(&[&bare(GENERIC)]), auths(&[&whole(GENERIC)]));
    let text = format!("[regcred/generic-registry-host] {GENERIC}: ");

    let created = eventually("a warning", || {
        let said = warned.create(&pull_secret("acr", &before), &["--dry-run=server"]);
        said.warnings().iter().any(|warning| warning.contains(&text)).then_some(said)
    });
    assert!(created.success, "{created:?}");
    eventually("a repair", || {
        let said = warned.create(&pull_secret("acr", &before), &["--dry-run=server", "-o", "json"]);
        (document_of(&serde_json::from_str(&said.stdout).unwrap()) == after).then_some(())
    });

    let mut attempts = 0;
    let line = eventually("a record", || {
        attempts += 1;
        let name = format!("acr-{attempts}");
        let said = recorded.create(&pull_secret(&name, &before), &[]);
        assert!(said.success && said.warnings().is_empty(), "{said:?}");
        assert_eq!(recorded.document(&name), before);
        let line = cluster.audited_creation(&recorded.name, &name);
        line.contains("validation_failure").then_some(line)
    });
    assert!(line.contains("[regcred/generic-registry-host]") && !shows_password(&line), "{line}");
}

#[test]
fn guard_admits_administrator_alone() {
    let cluster = Cluster::start();
    cluster.accepts(&["create", "-f", "-"], &generated(&[]));
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "hooks"},
        "rules": [{"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]}],
    });
    cluster.accepts(&["create", "-f", "-"], &role.to_string());
    cluster.accepts(
        &[
            "create",
            "clusterrolebinding",
            "hooks",
            "--clusterrole=hooks",
            "--group=system:cattle:authenticated",
        ],
        "",
    );
    let object = |name: &str| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": name},
        })
    };
    cluster.accepts(&["create", "-f", "-"], &object("other").to_string());
    cluster.accepts(&["create", "-f", "-"], &object("regcred").to_string());
    let delete = |name: &str| cluster.rancher("DELETE", &format!("{CONFIGURATIONS}/{name}?dryRun=All"), None);
    eventually("the permission of somebody else", || (delete("other").status == 200).then_some(()));
    eventually("the guard", || (delete("regcred").status == 403).then_some(()));
    assert!(delete("regcred").text().contains("[regcred/guard]"));
    cluster.accepts(&["delete", "mutatingwebhookconfiguration", "regcred"], "");
}

#[test]
fn static_policies_are_loaded_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = |name: &str, kind: &str| {
        let policies = folder.path().join(kind);
        std::fs::create_dir(&policies).unwrap();
        let text = generated(&["--role", "standalone", "--static", kind]);
        std::fs::write(policies.join("regcred.yaml"), text).unwrap();
        json!({"name": name, "configuration": {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": format!("{name}Configuration"),
            "staticManifestsDir": policies.to_str().unwrap(),
        }})
    };
    let configuration = json!({
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
        "plugins": [
            plugin("MutatingAdmissionPolicy", "mutating"),
            plugin("ValidatingAdmissionPolicy", "validating"),
        ],
    });
    let file = folder.path().join("admission.json");
    std::fs::write(&file, configuration.to_string()).unwrap();
    let cluster = Cluster::start_with(&[&format!("--admission-control-config-file={}", file.display())]);
    let namespace = cluster.namespace("static", &json!({}));
    let created = namespace.create(&pull_secret("acr", &auths(&[&bare(HOST)])), &[]);
    assert!(created.success, "{created:?}");
    assert_eq!(namespace.document("acr"), auths(&[&whole(HOST)]));
    let refused = namespace.create(&pull_secret("generic", &auths(&[&bare(GENERIC)])), &[]);
    assert!(refused.stderr.contains("[regcred/generic-registry-host]"), "{refused:?}");
    assert_eq!(cluster.get(&["validatingadmissionpolicies"])["items"], json!([]));
}

#[test]
fn generated_policies_are_stable() {
    let text = generated(&[]);
    assert_eq!(text, generated(&[]));
    assert!(text.contains("regcred.dev/policy-hash") && text.contains("regcred.dev/version"));
    assert_ne!(text, generated(&["--enforcement", "audit"]));
}

/// Figures for docs/backstop.md.
#[test]
#[ignore = "a minute, on a quiet machine"]
fn cost_of_a_write() {
    const ROUNDS: usize = 100;
    let cluster = Cluster::start();
    cluster.accepts(&["create", "-f", "-"], &generated(&["--role", "standalone"]));
    let judged = cluster.namespace("judged", &json!({}));
    let ignored = cluster.namespace("ignored", &json!({"regcred.dev/admission": "ignore"}));
    let mut connection = cluster.api().connect().unwrap();
    let mut create = |namespace: &str, document: &str| {
        let path = format!("/api/v1/namespaces/{namespace}/secrets?dryRun=All");
        let body = pull_secret("acr", document).to_string();
        let started = Instant::now();
        let answer = connection.request("POST", &path, "application/json", &body).unwrap();
        (started.elapsed(), document_of(&answer.json()))
    };
    eventually("a repair", || {
        (create(&judged.name, &auths(&[&bare(HOST)])).1.contains("auth\":\"")).then_some(())
    });
    println!("registries, milliseconds without and with the policies: median of {ROUNDS}");
    for registries in [1, 3, 10, 50] {
        let hosts: Vec<_> = (0..registries).map(|index| bare(&format!("r{index}.example.com"))).collect();
        let document = auths(&hosts.iter().map(String::as_str).collect::<Vec<_>>());
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (namespace, times, repaired) in
                [(&ignored, &mut without, 0), (&judged, &mut with, registries)]
            {
                let (took, after) = create(&namespace.name, &document);
                assert_eq!(after.matches("\"auth\":\"").count(), repaired);
                times.push(took);
            }
        }
        let median = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64() * 1e3
        };
        println!("{registries:>4} {:>8.1} {:>8.1}", median(&mut without), median(&mut with));
    }
}
