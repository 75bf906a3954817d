//! The node with the Pods of all cases.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::case::Case;
use super::cases;
use super::machine::Machine;
use super::sandbox;

/// The longest time until the kubelet has pulled again, while it backs off.
const BACK_OFF: Duration = Duration::from_secs(120);

/// The node, its Pods, and what they showed first.
pub struct Pulls {
    pub machine: Machine,
    /// The time from nothing to a node that is ready.
    pub ready_after: Duration,
    pub cases: Vec<Case>,
    pub first: BTreeMap<&'static str, Shown>,
}

/// The state of a Pod's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Runs,
    Waits { message: String },
}

/// Starts them once; `None` on a machine that cannot run a node.
pub fn pulls() -> Option<&'static Pulls> {
    static PULLS: OnceLock<Option<Pulls>> = OnceLock::new();
    let start = || sandbox::is_possible().then(Pulls::start);
    PULLS.get_or_init(start).as_ref()
}

impl Pulls {
    fn start() -> Self {
        let started = Instant::now();
        let machine = Machine::start();
        let ready_after = started.elapsed();
        let cases = cases::all();
        let list =
            |items: Vec<Value>| json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
        let objects = list(cases.iter().flat_map(Case::manifests).collect());
        let later = list(cases.iter().flat_map(|case| case.later.clone()).collect());
        machine.cluster.accepts(&["create", "-f", "-"], &objects);
        let mut pulls = Pulls { machine, ready_after, cases, first: BTreeMap::new() };
        pulls.first = pulls.cases.iter().map(|case| (case.name, pulls.wait(case, |_| true))).collect();
        pulls.machine.cluster.accepts(&["replace", "-f", "-"], &later);
        pulls
    }

    /// Waits until a Pod of a case shows what is wanted.
    #[track_caller]
    pub fn wait(&self, case: &Case, wanted: impl Fn(&Shown) -> bool) -> Shown {
        let until = Instant::now() + BACK_OFF;
        loop {
            let shown: Vec<_> = self.pods(case).iter().filter_map(shown).collect();
            if let Some(shown) = shown.iter().find(|shown| wanted(shown)) {
                return shown.clone();
            }
            assert!(Instant::now() < until, "{}: only {shown:?} within {BACK_OFF:?}", case.name);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The Pods of a case.
    #[track_caller]
    pub fn pods(&self, case: &Case) -> Vec<Value> {
        let path = format!("/api/v1/namespaces/{}/pods", case.name);
        let pods = self.machine.cluster.api().request("GET", &path, "").json();
        pods["items"].as_array().unwrap().clone()
    }
}

fn shown(pod: &Value) -> Option<Shown> {
    let state = &pod["status"]["containerStatuses"][0]["state"];
    let waiting = |name: &str| state["waiting"][name].as_str();
    match waiting("reason") {
        None => state["running"].is_object().then_some(Shown::Runs),
        Some("ContainerCreating") => None,
        Some(_) => Some(Shown::Waits { message: waiting("message").unwrap_or_default().to_owned() }),
    }
}
