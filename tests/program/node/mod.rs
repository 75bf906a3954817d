//! Pulls by a real kubelet: what Pods show when one fails, and what `regcred explain` answers.
//!
//! A node needs root, runc, and namespaces of its own ([`sandbox::missing`]). Without them these tests are left out, which
//! `REGCRED_TEST_NODE=required` forbids.

mod cases;
mod forward;
mod machine;
mod registries;
mod sandbox;
mod token_server;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use cases::Case;
use machine::Machine;

/// The longest time until the kubelet pulls again, while it backs off.
const BACK_OFF: Duration = Duration::from_secs(120);

/// The node with the Pods of all cases, and what the Pods showed first.
struct Pulls {
    machine: Machine,
    cases: Vec<Case>,
    first: BTreeMap<&'static str, Shown>,
}

/// The state of a Pod's container.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    Runs,
    Waits(String),
}

/// Starts them once; `None` on a machine that cannot run a node.
fn pulls() -> Option<&'static Pulls> {
    static PULLS: OnceLock<Option<Pulls>> = OnceLock::new();
    let start = || {
        let Some(why) = sandbox::missing() else { return Some(Pulls::start()) };
        let required = std::env::var_os("REGCRED_TEST_NODE").is_some_and(|value| value == "required");
        assert!(!required, "this machine cannot run a node: {why}");
        // Past the test harness, which would hide it.
        let text = format!("\nLEFT OUT: the tests with a real kubelet, because {why} (CONTRIBUTING.md)\n");
        drop(std::io::stderr().write_all(text.as_bytes()));
        None
    };
    PULLS.get_or_init(start).as_ref()
}

impl Pulls {
    fn start() -> Self {
        let machine = Machine::start();
        let cases = cases::all();
        let manifests: Vec<_> = cases.iter().flat_map(Case::manifests).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": manifests});
        machine.cluster.accepts(&["create", "-f", "-"], &list.to_string());
        let mut pulls = Pulls { machine, cases, first: BTreeMap::new() };
        pulls.first = pulls.cases.iter().map(|case| (case.name, pulls.wait(case, |_| true))).collect();
        pulls
    }

    /// Waits for a state of a case's Pod.
    #[track_caller]
    fn wait(&self, case: &Case, wanted: impl Fn(&Shown) -> bool) -> Shown {
        let until = Instant::now() + BACK_OFF;
        loop {
            let shown = self.shown(case);
            if let Some(shown) = shown.iter().find(|shown| wanted(shown)) {
                return shown.clone();
            }
            assert!(Instant::now() < until, "{}: only {shown:?} within {BACK_OFF:?}", case.name);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// What the Pods of a case show now.
    fn shown(&self, case: &Case) -> Vec<Shown> {
        let path = format!("/api/v1/namespaces/{}/pods", case.name);
        let pods = self.machine.cluster.api().request("GET", &path, "").json();
        let state = |pod: &Value| {
            let state = &pod["status"]["containerStatuses"][0]["state"];
            let text = |name: &str| state["waiting"][name].as_str();
            match text("reason") {
                None => state["running"].is_object().then_some(Shown::Runs),
                Some("ContainerCreating") => None,
                Some(_) => Some(Shown::Waits(text("message").unwrap_or_default().to_owned())),
            }
        };
        pods["items"].as_array().unwrap().iter().filter_map(state).collect()
    }
}

#[test]
fn pods_show_why_a_pull_failed() {
    let Some(pulls) = pulls() else { return };
    for case in &pulls.cases {
        match &pulls.first[case.name] {
            Shown::Runs => assert_eq!(case.message, "", "{} runs", case.name),
            Shown::Waits(message) => {
                assert!(!case.message.is_empty(), "{}: {message}", case.name);
                assert!(message.contains(case.message), "{}: {message}", case.name);
            }
        }
    }
}
