//! Mutual TLS: who may connect, and how that changes while the program runs.

use rustls::SupportedProtocolVersion;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::version::{TLS12, TLS13};

use crate::support::certificate::{Authority, Pair};
use crate::support::client::{Client, Connection};
use crate::support::eventually;
use crate::support::regcred::{Regcred, Serve, command};
use crate::support::review::{Review, document, good, secret};
use crate::support::volume::Volume;

const OFTEN: [&str; 2] = ["--reload-interval", "1s"];
const NAME: &str = "kube-apiserver-of-the-tests";

fn review() -> serde_json::Value {
    Review::create(&secret(&document(&[("r.example.com", good("u", "p"))]))).0
}

#[track_caller]
pub fn is_answered(connection: &mut Connection) {
    assert_eq!(connection.post("/validate", &review()).json()["response"]["allowed"], true);
}

/// What a client hears that is not let in. With TLS 1.3 it hears it only after it has sent its request, and has to hear
/// it even if that is a large one.
#[track_caller]
pub fn refusal(client: &Client) -> String {
    let answer = client.try_connect().and_then(|mut connection| {
        let headers = [("Content-Type", "application/json")];
        connection.request("POST", "/validate", &headers, &vec![b' '; 1 << 20])
    });
    match answer {
        Ok(answer) => panic!("answered with {}", answer.status),
        Err(error) => error.to_string(),
    }
}

/// A server whose serving certificate is by one CA and whose clients are by another.
struct Case {
    serving: Authority,
    clients: Authority,
    pair: Pair,
}

impl Case {
    fn new() -> Self {
        let (serving, clients) = (Authority::new(), Authority::new());
        let pair = serving.issue();
        Case { serving, clients, pair }
    }

    /// With all in one volume.
    fn serve(&self) -> (Serve, Volume) {
        let serve = Serve::new().args(OFTEN).args(["--log-level", "trace", "--drain-delay", "0s"]);
        self.serving.write(&serve.path("ca.crt"));
        let volume = Volume::new(serve.path("tls"), &files(&self.pair, &self.clients.certificate));
        let ca = serve.path("ca.crt");
        let serve = serve.certificate(&volume.path("tls.crt"), &volume.path("tls.key"), &ca);
        let serve = serve.arg("--client-ca").arg(volume.path("clients.crt"));
        (serve, volume)
    }
}

fn files<'f>(pair: &'f Pair, clients: &'f str) -> [(&'f str, &'f str); 3] {
    [("tls.crt", &pair.certificate), ("tls.key", &pair.key), ("clients.crt", clients)]
}

fn client(regcred: &Regcred, version: &'static SupportedProtocolVersion) -> Client {
    Client::https_with(regcred.https, regcred.ca(), &[version], &["http/1.1"])
}

fn served(connection: &Connection) -> CertificateDer<'static> {
    connection.tls().peer_certificates().unwrap()[0].clone().into_owned()
}

fn der(pair: &Pair) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()
}

#[test]
fn only_certificates_by_client_ca_are_answered() {
    let case = Case::new();
    let (serve, _volume) = case.serve();
    let regcred = serve.start();
    let right = case.clients.issue_client(NAME, 2100);
    let refused = [
        // The CA of the serving certificate is none of a client's.
        (case.serving.issue_client(NAME, 2100), "received fatal alert: "),
        (Authority::new().issue_client(NAME, 2100), "received fatal alert: "),
        (case.clients.issue_client(NAME, 2021), "received fatal alert: CertificateExpired"),
    ];
    let mut failures = 0;
    for version in [&TLS12, &TLS13] {
        is_answered(&mut client(&regcred, version).presenting(&right).connect());
        assert_eq!(refusal(&client(&regcred, version)), "received fatal alert: CertificateRequired");
        for (pair, says) in &refused {
            let said = refusal(&client(&regcred, version).presenting(pair));
            assert!(said.starts_with(says), "{said}");
        }
        failures += 1 + refused.len();
        regcred
            .wait_for_metric("regcred_tls_handshake_failures_total", u32::try_from(failures).unwrap().into());
    }
    // Health and metrics, asked above, are for whoever asks.
    assert_eq!(regcred.get("/readyz").status, 200);
    let left = regcred.stop();
    assert_eq!(left.audit().len(), 2, "what was refused was not judged");
    let noise = |line: &&str| line.contains("handshake") && !line.contains("DEBUG");
    assert_eq!(left.stderr.lines().filter(noise).collect::<Vec<_>>(), [""; 0]);
    let said = "requiring client certificates authorities=1 not_after=";
    assert!(left.stderr.contains(said), "{}", left.stderr);
    for pair in [&right, &refused[0].0, &case.pair] {
        assert!(!left.stderr.contains(pair.key.lines().nth(1).unwrap()));
        assert!(!left.stderr.contains(pair.certificate.lines().nth(1).unwrap()));
    }
    assert!(!left.stderr.contains(NAME), "names are the clients' own");
}

#[test]
fn only_named_clients_are_answered() {
    let case = Case::new();
    let (serve, _volume) = case.serve();
    let regcred = serve.args(["--client-name", "another", "--client-name", NAME]).start();
    for version in [&TLS12, &TLS13] {
        let issued = |name| client(&regcred, version).presenting(&case.clients.issue_client(name, 2100));
        is_answered(&mut issued(NAME).connect());
        is_answered(&mut issued("another").connect());
        assert_eq!(refusal(&issued("kubelet")), "received fatal alert: AccessDenied");
    }
    assert_eq!(regcred.metric("regcred_tls_handshake_failures_total"), Some(2.0));
    assert_eq!(regcred.stop().audit().len(), 4);
}

#[test]
fn certificate_key_and_client_ca_change_together() {
    let case = Case::new();
    let (serve, mut volume) = case.serve();
    let regcred = serve.start();
    let next = Authority::new();
    let (old_client, new_client) = (case.clients.issue_client(NAME, 2100), next.issue_client(NAME, 2100));
    let old = || regcred.client().presenting(&old_client);
    let new = || regcred.client().presenting(&new_client);
    let mut oldest = old().connect();
    is_answered(&mut oldest);

    // A new serving certificate beside a client CA that is of no use, by mistake its key.
    let pairs = [case.serving.issue(), case.serving.issue()];
    volume.swap(&files(&pairs[0], &old_client.key));
    regcred.wait_for_log("clients.crt: has a private key");
    assert!(regcred.metric("regcred_tls_reloads_total{result=\"error\"}") >= Some(1.0));
    assert!(!regcred.log().contains(old_client.key.lines().nth(1).unwrap()), "a key in the log");
    let mut connection = old().connect();
    assert_eq!(served(&connection), der(&case.pair), "all of the last good set stays");
    is_answered(&mut connection);
    assert_eq!(regcred.get("/readyz").status, 200);

    // As a rotation goes: both CAs, then the new one alone.
    let both = case.clients.certificate.clone() + &next.certificate;
    volume.swap(&files(&pairs[0], &both));
    regcred.wait_for_metric("regcred_tls_reloads_total{result=\"success\"}", 1.0);
    for client in [old(), new()] {
        let mut connection = client.connect();
        assert_eq!(served(&connection), der(&pairs[0]));
        is_answered(&mut connection);
    }
    volume.swap(&files(&pairs[1], &next.certificate));
    regcred.wait_for_metric("regcred_tls_reloads_total{result=\"success\"}", 2.0);
    refusal(&old());
    let mut connection = new().connect();
    assert_eq!(served(&connection), der(&pairs[1]));
    is_answered(&mut connection);

    is_answered(&mut oldest);
    assert_eq!(served(&oldest), der(&case.pair), "open connections are left alone");
}

#[test]
fn client_ca_volume_is_followed_expired_ca_ignored() {
    let case = Case::new();
    let serve = Serve::new().args(OFTEN);
    case.serving.write(&serve.path("ca.crt"));
    let tls = Volume::new(serve.path("tls"), &files(&case.pair, ""));
    let mut clients = Volume::new(serve.path("clients"), &[("ca.crt", &case.clients.certificate)]);
    let ca = serve.path("ca.crt");
    let serve = serve.certificate(&tls.path("tls.crt"), &tls.path("tls.key"), &ca);
    let regcred = serve.arg("--client-ca").arg(clients.path("ca.crt")).start();
    let next = Authority::new();
    let client = regcred.client().presenting(&next.issue_client(NAME, 2100));
    refusal(&client);

    clients.swap(&[("ca.crt", &(Authority::expired().certificate + &next.certificate))]);
    eventually("the new CA", || client.try_connect().ok()?.request("GET", "/", &[], b"").ok());

    is_answered(&mut client.connect());
    regcred.wait_for_log("ca.crt: certificate 1 expired at 2021-01-01T00:00:00Z and is ignored");
}

#[test]
fn invalid_client_ca_prevents_start() {
    let case = Case::new();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let wrong = [
        ("", "has no certificate: expected PEM"),
        (case.pair.certificate.as_str(), "certificate 1 is not a CA"),
        (&Authority::expired().certificate, "has no valid CA"),
    ];
    for (content, says) in wrong {
        for (name, content) in files(&case.pair, content) {
            std::fs::write(path(name), content).unwrap();
        }
        let mut command = command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--tls-cert"]);
        command.arg(path("tls.crt")).arg("--tls-key").arg(path("tls.key"));
        let output = command.arg("--client-ca").arg(path("clients.crt")).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = format!("regcred: {}: {says}", path("clients.crt").display());
        assert!(said.starts_with(&expected) && said.lines().count() == 1, "{said}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
}

/// A variable that is empty has lost its value on the way: it must not let in everybody.
#[test]
fn empty_guard_prevents_start() {
    for (name, says) in [("REGCRED_CLIENT_CA", "--client-ca"), ("REGCRED_CLIENT_NAME", "--client-name")] {
        let mut command = command();
        command.args(["serve", "--tls-cert", "c", "--tls-key", "k"]).env(name, "");
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(says), "{said}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
}
