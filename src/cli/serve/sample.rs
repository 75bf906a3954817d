//! `--dev`: a request to try.

use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A command for another terminal: it sends a pull Secret without `auth`, as the Rancher UI makes it. `folder` has the CA.
pub(super) fn request(address: SocketAddr, folder: &Path) -> String {
    let document = r#"{"auths":{"registry.example.com":{"username":"robot","password":"not-a-real-one"}}}"#;
    let review = serde_json::json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "00000000-0000-4000-8000-000000000001",
            "kind": {"group": "", "version": "v1", "kind": "Secret"},
            "resource": {"group": "", "version": "v1", "resource": "secrets"},
            "requestKind": {"group": "", "version": "v1", "kind": "Secret"},
            "requestResource": {"group": "", "version": "v1", "resource": "secrets"},
            "name": "my-registry",
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": {"username": "you", "groups": ["system:authenticated"]},
            "object": {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "my-registry", "namespace": "default"},
                "type": "kubernetes.io/dockerconfigjson",
                "data": {".dockerconfigjson": STANDARD.encode(document)},
            },
            "oldObject": null,
            "dryRun": false,
            "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
        },
    });
    let host = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
    let port = address.port();
    let ca = folder.join("ca.crt");
    let ca = ca.display();
    format!(
        r#"
Try it: this request creates a pull Secret as the Rancher UI does, {document}
Run it in another terminal, in the same folder:

curl -sS --cacert {ca} -H 'Content-Type: application/json' https://{host}:{port}/mutate -d '{review}'

The response has a base64 patch. To see the corrected Secret, append this to the command:

 | sed 's/.*"patch":"\([^"]*\)".*/\1/' | base64 -d | sed 's/.*"value":"\([^"]*\)".*/\1/' | base64 -d

"#
    )
}
