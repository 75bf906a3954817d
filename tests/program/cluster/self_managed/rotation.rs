//! One CA for all replicas, and another in its place without anybody noticing.

use serde_json::json;

use crate::resilience::load::{Load, Rate};
use crate::support::eventually;
use crate::support::regcred::Regcred;

use super::{CONFIGURATIONS, Installation};

#[test]
fn simultaneous_replicas_share_ca_across_rotation() {
    let installation = Installation::apply("self-managed enforce");
    let serves: Vec<_> = (0..3).map(|_| installation.serve()).collect();
    let starting: Vec<_> =
        serves.into_iter().map(|serve| std::thread::spawn(move || serve.start())).collect();
    let replicas: Vec<Regcred> = starting.into_iter().map(|replica| replica.join().unwrap()).collect();

    let old = installation.stored("ca.crt").unwrap();
    installation.wait_for_bundles(&old);
    let numbers: Vec<_> = replicas.iter().map(|replica| installation.balancer.add(replica)).collect();
    for (replica, number) in replicas.iter().zip(&numbers) {
        assert!(installation.serves_by(replica, &old), "{}", replica.log());
        installation.balancer.wait_until(*number, true);
    }
    let namespace = installation.namespace("load");
    let load = Load::start(
        installation.cluster.api(),
        &namespace.name,
        Rate { workers: 6, per_second: 60, at_once: false },
        "load",
    );
    load.wait_for(60);

    installation.rotate();
    let new = eventually("a new CA", || installation.stored("next.crt"));
    assert_ne!(new, old);
    installation.wait_for_bundles(&format!("{new}{old}"));
    // It is trusted by now, and the old one still signs.
    reconnect(&installation);
    load.wait_for(30);
    installation.wait_for_bundles(&format!("{new}{old}"));
    installation.skip_the_wait();
    eventually("the switch to it", || {
        (installation.stored("ca.crt")? == new && installation.stored("previous.crt")? == old).then_some(())
    });
    for replica in &replicas {
        // By what is told, so that the failed handshakes further down are not this test's own.
        eventually("a certificate by the new CA", || {
            let told = "serving a certificate";
            (replica.log().matches(told).count() > 1).then_some(())
        });
        assert!(installation.serves_by(replica, &new));
        assert!(!installation.serves_by(replica, &old));
    }
    reconnect(&installation);
    load.wait_for(60);
    load.stop().is_clean();

    installation.wait_for_bundles(&format!("{new}{old}"));
    let traffic: Vec<_> = numbers.iter().map(|number| installation.balancer.traffic(*number)).collect();
    assert!(traffic.iter().all(|traffic| traffic.opened > 1), "each was reached, and anew: {traffic:?}");
    let asked = replicas.iter().map(|replica| {
        let failures = replica.metric("regcred_tls_handshake_failures_total").unwrap();
        (replica.audit().len(), failures)
    });
    for (records, failures) in asked {
        assert!(records > 0);
        // The one that did not trust the new CA was this test.
        assert!(failures <= 1.0, "{failures}");
    }
    let data = installation.secret().unwrap()["data"].clone();
    let names: Vec<_> = data.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["ca.crt", "ca.key", "previous.crt"], "the old key is gone");
    assert_eq!(installation.secret().unwrap()["metadata"]["annotations"]["regcred.dev/rotate"], json!(null));
}

/// A line more in the bundles means the same to the API server, which connects anew for it; and they are corrected, for
/// which it connects anew once more.
fn reconnect(installation: &Installation) {
    use base64::Engine as _;
    for (configuration, bundle) in CONFIGURATIONS.iter().zip(installation.bundles()) {
        let bundle = base64::prelude::BASE64_STANDARD.encode(format!("{bundle}\n"));
        installation.patch(
            configuration,
            &json!([{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": bundle}]),
        );
    }
}
