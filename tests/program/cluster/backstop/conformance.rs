//! Every case through the API server, with only the policies installed: each is repaired as by regcred or left alone, and refused
//! only if regcred refuses it; and `check` says which.

#![allow(clippy::print_stdout, reason = "figures are for people who run this by hand")]

use std::collections::BTreeMap;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::cases::{Case, with_document};
use crate::support::cluster::{ApiConnection, Cluster, pull_secret};
use crate::support::eventually;

use super::super::auths;
use super::install;
use super::treatment::{Foretold, Treatment, foretold_by_check};

#[derive(Default, Debug)]
struct Figures {
    asked: usize,
    repairs: usize,
    repaired: usize,
    denials: usize,
    denied: usize,
    foretold: usize,
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
        Treatment::read(&answer.unwrap(), &object)
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
    if foretold.is(outcome) {
        Ok(())
    } else {
        Err(format!("check says {foretold:?}, but it was {outcome:?}"))
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
        let created = group.cases.iter().map(|case| {
            let mut object = case.object(case.document("").as_deref(), "immutable");
            object["metadata"] = json!({"name": name_of(case), "namespace": "default"});
            object
        });
        let foretold = foretold_by_check(file.path(), &created.collect::<Vec<_>>());
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
