//! What an installation asks of the API server while nothing changes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::support::eventually;

use super::Installation;

/// Longer than two intervals of a poll of every five seconds would be.
const WINDOW: Duration = Duration::from_secs(12);

#[test]
fn installation_at_rest_makes_no_api_call() {
    let installation = Installation::apply("self-managed");
    let _regcred = installation.serve().start();
    installation.wait_for_bundles(&installation.stored("ca.crt").unwrap());
    let calls = || installation.cluster.requests_of_webhook();
    let before = eventually("rest", || {
        let calls = calls();
        let (last, _) = calls.iter().max()?;
        (last.duration_until(Timestamp::now()) > SignedDuration::from_secs(3)).then_some(calls)
    });
    let mut kinds: BTreeMap<_, u32> = BTreeMap::new();
    for (_, call) in &before {
        *kinds.entry(call.as_str()).or_default() += 1;
    }
    println!("until rest: {kinds:?}");
    for resource in ["secrets", "mutatingwebhookconfigurations", "validatingwebhookconfigurations"] {
        for verb in ["get", "list", "watch"] {
            assert!(
                kinds.contains_key(format!("{verb} {resource}").as_str()),
                "{verb} {resource}: {kinds:?}"
            );
        }
    }
    std::thread::sleep(WINDOW);
    let after = calls();
    assert_eq!(&after[before.len()..], []);
}
