//! Where the program does not connect, whatever a registry, a name server or a Secret says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use serde_json::json;

use super::Verify;
use super::internet::{Answer, FORBIDDEN, Internet, PORTS, Request, in_namespace};
use super::registries::{PASSWORD, TokenRegistry, USER, error, with_header};

const HOST: &str = "registry.example.com";

fn v4(text: &str) -> IpAddr {
    IpAddr::V4(text.parse::<Ipv4Addr>().unwrap())
}

fn v6(text: &str) -> IpAddr {
    IpAddr::V6(text.parse::<Ipv6Addr>().unwrap())
}

/// Addresses that a name could have and that the program must not connect to.
fn addresses() -> Vec<IpAddr> {
    let more = [
        "127.0.0.1",
        "127.0.0.53",
        "127.255.255.254",
        "0.0.0.0",
        "0.1.2.3",
        "255.255.255.255",
        "224.0.0.1",
        "169.254.1.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:100.100.100.200",
        "::ffff:0:127.0.0.1",
        "64:ff9b:1::7f00:1",
        "fe80::1",
        "fe80::a9fe:a9fe",
        "ff02::1",
    ];
    FORBIDDEN.into_iter().chain(more).map(|text| text.parse().unwrap()).collect()
}

/// A registry that names this URL as its token server.
fn naming(internet: &Internet, realm: &str) {
    let challenge = format!(r#"Bearer realm="{realm}",service="made-up""#);
    internet.serve(HOST, move |_: &Request| -> Answer {
        with_header(error(401, "UNAUTHORIZED", "authentication required"), "WWW-Authenticate", &challenge)
    });
}

fn verify(internet: &Internet, key: &str) -> super::Verified {
    Verify::entries(&json!({key: {"username": USER, "password": PASSWORD}}))
        .ca(&internet.ca())
        .args(&["--timeout", "2s"])
        .run()
}

/// The addresses below are reached by a program that does not mind, and its connections are seen.
#[test]
fn forbidden_addresses_answer_others() {
    in_namespace(|| {
        let internet = Internet::new();
        let reached = FORBIDDEN.map(|text| text.parse::<IpAddr>().unwrap());
        let more =
            ["127.0.0.1", "127.0.0.53", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:169.254.169.254"];
        for address in reached.into_iter().chain(more.map(|text| text.parse().unwrap())) {
            for port in PORTS {
                assert!(internet.connects(SocketAddr::new(address, port)), "{address}");
            }
        }
        internet.serve(HOST, |_: &Request| None);
        assert!(internet.asked(HOST).is_empty());
    });
}

#[test]
fn token_servers_at_forbidden_addresses_get_nothing() {
    in_namespace(|| {
        let internet = Internet::new();
        internet.name("localhost.example.com", &[&[v4("127.0.0.1")]]);
        internet.name("metadata.example.com", &[&[v4("169.254.169.254")]]);
        internet.name("six.example.com", &[&[v6("::1")]]);
        internet.name("alibaba.example.com", &[&[v4("100.100.100.200")]]);
        internet.name("metadata.google.internal", &[&[v4("169.254.169.254")]]);
        let realms = [
            "https://127.0.0.1/token",
            "https://127.0.0.1:5000/token",
            "https://127.1/token",
            "https://127.0.1/token",
            "https://2130706433/token",
            "https://0x7f000001/token",
            "https://0x7f.0.0.1/token",
            "https://0177.0.0.1/token",
            "https://017700000001/token",
            "https://[::1]/token",
            "https://[::ffff:127.0.0.1]/token",
            "https://[::ffff:7f00:1]/token",
            "https://[::127.0.0.1]/token",
            "https://[64:ff9b::7f00:1]/token",
            "https://[2002:7f00:1::]/token",
            "https://[0:0:0:0:0:ffff:a9fe:a9fe]/token",
            "https://169.254.169.254/latest/meta-data/",
            "https://2852039166/latest/meta-data/",
            "https://[fe80::1]/token",
            "https://[fe80::1%25lo]/token",
            "https://100.100.100.200/latest/meta-data/",
            "https://0.0.0.0/token",
            "https://0/token",
            "https://[::]/token",
            "https://224.0.0.1/token",
            "https://[ff02::1]/token",
            "https://[fd00:ec2::254]/latest/",
            "https://localhost/token",
            "https://LOCALHOST./token",
            "https://ip6-localhost/token",
            "https://localhost.example.com/token",
            "https://metadata.example.com/token",
            "https://six.example.com/token",
            "https://alibaba.example.com/token",
            "https://metadata.google.internal/token",
            "https://registry.example.com@127.0.0.1/token",
            "https://registry.example.com:443@localhost/token",
            "https://127.0.0.1#@registry.example.com/token",
            "https://127.0.0.1\\\\@registry.example.com/token",
            "http://127.0.0.1/token",
            "http://localhost.example.com/token",
            "//127.0.0.1/token",
            "file:///etc/passwd",
            "gopher://127.0.0.1:80/",
            "https:127.0.0.1/token",
            "https:///127.0.0.1/token",
        ];
        for realm in realms {
            naming(&internet, realm);
            let before = internet.all_asked().len();
            let ran = verify(&internet, HOST);
            assert_eq!(internet.intrusions(), [], "{realm}: {ran:?}");
            assert_eq!((ran.code, ran.outcome().as_str()), (Some(2), "undecided"), "{realm}: {ran:?}");
            assert_eq!((internet.attempts(), ran.spent()), (0, (0, 0)), "{realm}: {ran:?}");
            // The registry itself was asked, so it was this realm that was not.
            assert!(internet.all_asked().len() > before, "{realm}: {ran:?}");
        }
    });
}

#[test]
fn token_servers_of_strangers_get_nothing() {
    in_namespace(|| {
        let internet = Internet::new();
        for host in
            ["evil.example.net", "registry.example.com.evil.example.net", "notexample.com", "auth.docker.io"]
        {
            TokenRegistry::new("r.example.net", &format!("https://{host}/token"), "made-up").start(&internet);
        }
        for realm in [
            "https://evil.example.net/token",
            "https://registry.example.com.evil.example.net/token",
            "https://notexample.com/token",
            "https://auth.docker.io/token",
            "https://registry.example.com@evil.example.net/token",
            "https://evil.example.net/token?host=registry.example.com",
            "http://registry.example.com/token",
            "registry.example.com/token",
        ] {
            naming(&internet, realm);
            let ran = verify(&internet, HOST);
            assert_eq!((ran.code, ran.outcome().as_str()), (Some(2), "undecided"), "{realm}: {ran:?}");
            assert_eq!((internet.attempts(), ran.spent()), (0, (0, 0)), "{realm}: {ran:?}");
        }
        assert!(internet.all_asked().iter().all(|request| request.host == HOST && request.tls));

        // A public suffix is nobody's domain.
        for (key, realm) in [
            ("registry.co.uk", "https://evil.co.uk/token"),
            ("team-a.github.io", "https://team-b.github.io/token"),
            ("a.s3.amazonaws.com", "https://b.s3.amazonaws.com/token"),
        ] {
            TokenRegistry::new(key, realm, "made-up").start(&internet);
            let ran = verify(&internet, key);
            assert_eq!((ran.outcome().as_str(), internet.attempts()), ("undecided", 0), "{realm}: {ran:?}");
        }
    });
}

#[test]
fn strangers_are_allowed_by_name() {
    in_namespace(|| {
        let internet = Internet::new();
        TokenRegistry::new(HOST, "https://login.example.net/token", "made-up").start(&internet);
        let run = |allowed: &[&str]| {
            Verify::entries(&json!({HOST: {"username": USER, "password": PASSWORD}}))
                .ca(&internet.ca())
                .args(allowed)
                .run()
        };
        assert_eq!(run(&[]).outcome(), "undecided");
        assert_eq!(run(&["--allow-realm", "other.example.net"]).outcome(), "undecided");
        assert_eq!(internet.attempts(), 0);
        assert_eq!(run(&["--allow-realm", "login.example.net"]).outcome(), "valid");
    });
}

/// A host that is named on the command line may be on this machine. What answers for a cloud's metadata never is a
/// registry or a token server.
#[test]
fn naming_a_host_does_not_lead_to_metadata() {
    in_namespace(|| {
        let internet = Internet::new();
        let inside = "inside.example.com";
        for address in [
            "169.254.169.254",
            "100.100.100.200",
            "fd00:ec2::254",
            "fe80::1",
            "0.0.0.0",
            "::ffff:169.254.169.254",
        ] {
            internet.name(inside, &[&[address.parse().unwrap()]]);
            naming(&internet, "https://inside.example.com/token");
            for (key, arguments) in [
                (inside, ["--image", "inside.example.com/team/app:1"]),
                (inside, ["--plain-http", inside]),
                (HOST, ["--allow-realm", inside]),
            ] {
                let ran = Verify::entries(&json!({key: {"username": USER, "password": PASSWORD}}))
                    .ca(&internet.ca())
                    .args(&arguments)
                    .args(&["--timeout", "2s"])
                    .run();
                assert_eq!(internet.intrusions(), [], "{address} {arguments:?}: {ran:?}");
                assert_eq!(ran.code, Some(2), "{address} {arguments:?}: {ran:?}");
            }
        }
    });
}

#[test]
fn registries_whose_names_lead_inside_are_not_connected_to() {
    in_namespace(|| {
        let internet = Internet::new();
        for address in addresses() {
            internet.name(HOST, &[&[address]]);
            for key in [HOST.to_owned(), format!("{HOST}:5000")] {
                let ran = verify(&internet, &key);
                assert_eq!(internet.intrusions(), [], "{address}: {ran:?}");
                assert_eq!((ran.code, ran.outcome().as_str()), (Some(2), "undecided"), "{address}: {ran:?}");
            }
            let ran = Verify::entries(&json!({HOST: {"username": USER, "password": PASSWORD}}))
                .args(&["--plain-http", HOST, "--timeout", "2s"])
                .run();
            assert_eq!(internet.intrusions(), [], "{address}: {ran:?}");
        }
        assert!(internet.all_asked().is_empty());
    });
}

/// Metadata services answer no registry's questions, so no Secret names one honestly.
#[test]
fn metadata_addresses_are_no_registries() {
    in_namespace(|| {
        let internet = Internet::new();
        for key in ["169.254.169.254", "100.100.100.200", "[fd00:ec2::254]", "0.0.0.0", "[fe80::1]"] {
            let ran = verify(&internet, key);
            assert_eq!(internet.intrusions(), [], "{key}: {ran:?}");
            assert_ne!(ran.code, Some(0), "{key}: {ran:?}");
        }
    });
}

#[test]
fn a_second_look_up_changes_nothing() {
    in_namespace(|| {
        let internet = Internet::new();
        TokenRegistry::new(HOST, "https://registry.example.com/token", "made-up").start(&internet);
        let public: &[IpAddr] = &[v4("10.9.0.2")];
        let inside: &[IpAddr] = &[v4("127.0.0.1")];
        for lists in
            [&[public, inside][..], &[public, public, inside], &[inside, public], &[public, inside, public]]
        {
            internet.name(HOST, lists);
            let ran = verify(&internet, HOST);
            assert_eq!(internet.intrusions(), [], "{lists:?}: {ran:?}");
        }
        // Of several addresses of one answer the allowed ones are used.
        internet.name(HOST, &[&[v4("127.0.0.1"), v4("10.9.0.2"), v4("169.254.169.254")]]);
        let ran = verify(&internet, HOST);
        assert_eq!((ran.outcome().as_str(), internet.intrusions()), ("valid", vec![]), "{ran:?}");
    });
}

/// Where an allowed address refuses, the forbidden one that comes with it is not tried in its place.
#[test]
fn a_forbidden_address_is_no_fallback() {
    in_namespace(|| {
        let internet = Internet::new();
        let inside = TcpListener::bind("127.0.0.1:7001").unwrap();
        inside.set_nonblocking(true).unwrap();
        internet.name(HOST, &[&[v4("10.9.0.2"), v4("127.0.0.1")]]);
        let ran = verify(&internet, "registry.example.com:7001");
        assert_eq!(ran.outcome(), "unreachable", "{ran:?}");
        assert!(inside.accept().is_err(), "{ran:?}");
    });
}

#[test]
fn a_registry_on_this_machine_may_have_its_token_server_there() {
    in_namespace(|| {
        let internet = Internet::new();
        TokenRegistry::new("localhost", "https://localhost:5000/token", "made-up").start(&internet);
        let ran = verify(&internet, "localhost:5000");
        assert_eq!((ran.code, ran.outcome().as_str()), (Some(0), "valid"), "{ran:?}");
        // No further than that.
        TokenRegistry::new("localhost", "https://169.254.169.254/token", "made-up").start(&internet);
        let before = internet.intrusions().len();
        let ran = verify(&internet, "localhost:5000");
        assert_eq!(ran.outcome(), "undecided", "{ran:?}");
        assert!(internet.intrusions()[before..].iter().all(|address| address.ip().is_loopback()));
    });
}
