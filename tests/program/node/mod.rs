//! Real nodes: what Pods show when a pull fails, what `regcred explain` answers, and upgrades of regcred itself.
//!
//! A node needs root, runc, and namespaces of its own ([`sandbox::is_possible`]). Without them these tests are left out, which
//! `REGCRED_TEST_NODE=required` forbids.

mod case;
mod cases;
mod explained;
mod forward;
mod machine;
mod pod_network;
mod program_image;
mod pulls;
mod registries;
mod sandbox;
mod scheduler;
mod token_server;
mod upgrade;
mod user_shell;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use explained::{Explained, explained};
use pulls::{Shown, pulls};

/// Checks all cases at once, and fails with the names of those that fail.
#[track_caller]
fn check_all<T: Sync>(items: &[T], name: impl Fn(&T) -> &str, check: impl Fn(&T) + Sync) {
    let failed: Vec<_> = thread::scope(|scope| {
        let checks = items.iter().map(|item| {
            let check = &check;
            (item, scope.spawn(move || catch_unwind(AssertUnwindSafe(|| check(item))).is_err()))
        });
        let checks: Vec<_> = checks.collect();
        checks.into_iter().filter_map(|(item, failed)| failed.join().unwrap().then(|| name(item))).collect()
    });
    assert!(failed.is_empty(), "failed: {}", failed.join(", "));
}

#[test]
fn pods_show_why_a_pull_failed() {
    let Some(pulls) = pulls() else { return };
    println!("a node was ready after {:.1?}", pulls.ready_after);
    check_all(
        &pulls.cases,
        |case| case.name,
        |case| match &pulls.first[case.name] {
            Shown::Runs => assert_eq!(case.message, "", "{} runs", case.name),
            Shown::Waits { message } => {
                assert!(!case.message.is_empty(), "{}: {message}", case.name);
                assert!(message.contains(case.message), "{}: {message}", case.name);
            }
        },
    );
}

#[test]
fn explain_names_the_cause_of_a_failed_pull() {
    let Some(explained) = explained() else { return };
    check_all(explained, Explained::name, |explained| explained.check(&explained.with_events));
}

#[test]
fn explain_needs_no_events() {
    let Some(explained) = explained() else { return };
    check_all(explained, Explained::name, |explained| explained.check(&explained.without_events));
}

#[test]
fn printed_commands_make_the_pod_run() {
    let Some(explained) = explained() else { return };
    check_all(explained, Explained::name, Explained::run_remedy);
}
