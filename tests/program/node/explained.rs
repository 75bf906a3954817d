//! What `regcred explain` says about each case.

use std::sync::OnceLock;

use serde_json::Value;

use crate::support::registry::{PASSWORD, USER};

use super::case::{Case, OLD_PASSWORD};
use super::pulls::{Pulls, Shown, pulls};
use super::registries::WITHOUT_PERMISSION;
use super::user_shell::UserShell;

/// The explanations of a case's Pod.
pub struct Explained {
    pulls: &'static Pulls,
    pub case: &'static Case,
    pub with_events: Value,
    /// After the events of the cause have been deleted, as the API server does after an hour.
    pub without_events: Value,
}

/// Asks once about every case.
pub fn explained() -> Option<&'static [Explained]> {
    static EXPLAINED: OnceLock<Option<Vec<Explained>>> = OnceLock::new();
    let ask = || {
        let pulls = pulls()?;
        let cluster = &pulls.machine.cluster;
        let mut shell = pulls.machine.shell();
        let mut explain_all =
            || pulls.cases.iter().map(|case| explain(pulls, &mut shell, case)).collect::<Vec<_>>();
        let with_events = explain_all();
        cluster.accepts(&["delete", "events", "--all", "--all-namespaces"], "");
        let all = pulls.cases.iter().zip(with_events).zip(explain_all());
        let explained = all.map(|((case, with_events), without_events)| Explained {
            pulls,
            case,
            with_events,
            without_events,
        });
        Some(explained.collect())
    };
    EXPLAINED.get_or_init(ask).as_deref()
}

/// The explanation of the Pod's only container.
#[track_caller]
fn explain(pulls: &Pulls, shell: &mut UserShell, case: &Case) -> Value {
    let pods = pulls.pods(case);
    let pod = pods[0]["metadata"]["name"].as_str().unwrap();
    let line = format!("regcred explain {pod} --namespace {} --output-format json", case.name);
    let (code, shown) = shell.run(&line);
    let failed = i32::from(!case.message.is_empty());
    assert_eq!(code, Some(failed), "{}: {shown}", case.name);
    shows_no_credential(case, &shown);
    let objects = shown.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut explanations: Vec<_> = objects.filter(|object| object["kind"] == "Explanation").collect();
    assert_eq!(explanations.len(), 1, "{}: {shown}", case.name);
    explanations.remove(0)
}

#[track_caller]
fn shows_no_credential(case: &Case, shown: &str) {
    for secret in [PASSWORD, WITHOUT_PERMISSION.1, OLD_PASSWORD] {
        assert!(!shown.contains(secret), "{}: a credential is shown", case.name);
    }
}

impl Explained {
    pub fn name(&self) -> &str {
        self.case.name
    }

    /// The cause is named.
    #[track_caller]
    pub fn check(&self, explanation: &Value) {
        let cause = explanation["cause"].as_str().unwrap();
        assert!(self.case.causes.contains(&cause), "{}: {explanation:#}", self.case.name);
    }

    /// Runs the commands as they are printed, except for what only the user knows.
    #[track_caller]
    pub fn run_remedy(&self) {
        let mut shell = self.pulls.machine.shell();
        let commands = self.without_events["remedy"].as_array().unwrap();
        assert!(
            !(self.case.has_remedy && commands.is_empty()),
            "{}: {:#}",
            self.case.name,
            self.without_events
        );
        for command in commands {
            let line = fill_in(command.as_str().unwrap());
            let asks = line.contains("--username");
            let (code, shown) = if asks { shell.type_password(&line, PASSWORD) } else { shell.run(&line) };
            // A command that only checks finds what is wrong.
            let is_verify = line.starts_with("regcred verify");
            let only_checks = is_verify || line.ends_with("regcred check -");
            assert_eq!(code, Some(i32::from(only_checks)), "{}: {line}: {shown}", self.case.name);
            if is_verify {
                let outcome = ["refused", "no-pull-permission", "not-found-or-no-permission"]
                    .iter()
                    .find(|outcome| shown.contains(&format!(": {outcome}\n")));
                assert!(outcome.is_some(), "{}: {line}: {shown}", self.case.name);
            }
            shows_no_credential(self.case, &shown);
        }
        if self.case.has_remedy {
            self.pulls.wait(self.case, |shown| *shown == Shown::Runs);
        }
    }
}

/// Replaces the words in capitals, which are for the user to replace.
#[track_caller]
fn fill_in(command: &str) -> String {
    let line = command.replace("USERNAME", USER).replace("TAG", "1");
    let is_capital = |c: char| c.is_ascii_uppercase() || c == '_';
    let words = line.split(|c| !is_capital(c));
    assert!(words.filter(|word| word.len() > 3).count() == 0, "what only the user knows: {line}");
    line
}
