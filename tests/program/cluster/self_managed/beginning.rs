//! The first CA, where something was trusted before it, and where clients have to present a certificate.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::client_ca::{is_answered, refusal};
use crate::support::certificate::Authority;
use crate::support::client::Client;
use crate::support::eventually;

use super::{CONFIGURATIONS, Installation, NAMESPACE, SECRET};

#[test]
fn previously_trusted_ca_stays_trusted() {
    let installation = Installation::apply("self-managed");
    // As of cert-manager or of files, by which other pods still serve.
    let before = Authority::new().certificate;
    for configuration in CONFIGURATIONS {
        let bundle = BASE64_STANDARD.encode(&before);
        let patch = json!([{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": bundle}]);
        installation.patch(configuration, &patch);
    }
    // Ready long before a second regular pass, and with nothing left to be corrected.
    let regcred = installation.serve().start();
    let first = installation.stored("ca.crt").unwrap();
    let trusted = format!("{first}{before}");
    assert_eq!(installation.bundles(), [trusted.as_str(), trusted.as_str()]);
    assert_eq!(installation.stored("previous.crt"), Some(before));
    assert!(installation.serves_by(&regcred, &first));

    // Lost while no replica runs that remembers it.
    regcred.stop();
    installation.cluster.accepts(&["-n", NAMESPACE, "delete", "secret", SECRET], "");
    let regcred = installation.serve().start();
    let second = installation.stored("ca.crt").unwrap();
    assert_ne!(second, first);
    let trusted = format!("{second}{trusted}");
    assert_eq!(installation.bundles(), [trusted.as_str(), trusted.as_str()]);
    assert!(installation.serves_by(&regcred, &second));
}

#[test]
fn client_certificates_are_required_across_rotation() {
    let installation = Installation::apply("self-managed");
    let clients = Authority::named("the CA of the clients");
    let serve = installation.serve();
    clients.write(&serve.path("clients.crt"));
    let file = serve.path("clients.crt");
    let regcred = serve.arg("--client-ca").arg(file).start();
    let pair = clients.issue_client("kube-apiserver", 2100);
    let only_clients_are_answered = |bundle: &str| {
        let path = installation.folder.path().join("trusted.crt");
        fs::write(&path, bundle).unwrap();
        let client = || Client::https(regcred.https, &path).named("regcred.regcred-system.svc");
        is_answered(&mut client().presenting(&pair).connect());
        assert_eq!(refusal(&client()), "received fatal alert: CertificateRequired");
    };
    let old = installation.stored("ca.crt").unwrap();
    only_clients_are_answered(&old);

    installation.rotate();
    installation.skip_the_wait();
    let new = eventually("the switch", || installation.stored("ca.crt").filter(|ca| *ca != old));
    eventually("a certificate by it", || {
        let path = installation.folder.path().join("new.crt");
        fs::write(&path, &new).unwrap();
        let client = Client::https(regcred.https, &path).named("regcred.regcred-system.svc");
        client.presenting(&pair).try_connect().is_ok().then_some(())
    });
    only_clients_are_answered(&new);
}
