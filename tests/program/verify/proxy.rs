//! Through a proxy of the environment: it resolves names and connects, so what it reaches is its own affair, and said so.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::Verify;
use super::internet::{Internet, in_namespace};
use super::registries::{PASSWORD, TokenRegistry, USER};

const HOST: &str = "registry.example.com";

/// A proxy that knows only CONNECT, and leads everywhere to the only server there is. Returns what it was asked.
fn start() -> Arc<Mutex<Vec<String>>> {
    let listener = TcpListener::bind("10.9.0.1:3128").unwrap();
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let theirs = Arc::clone(&asked);
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            theirs.lock().unwrap().push(String::from_utf8(head).unwrap());
            let server = TcpStream::connect("10.9.0.2:443").unwrap();
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
            for (mut from, mut to) in
                [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
            {
                std::thread::spawn(move || {
                    drop(std::io::copy(&mut from, &mut to));
                    drop(to.shutdown(std::net::Shutdown::Write));
                });
            }
        }
    });
    asked
}

#[test]
fn a_proxy_of_the_environment_is_used_and_named() {
    in_namespace(|| {
        let internet = Internet::new();
        TokenRegistry::new(HOST, "https://registry.example.com/token", "made-up").start(&internet);
        // Only the proxy can resolve it.
        internet.name(HOST, &[&[]]);
        let asked = start();
        for (format, language) in [("json", "en"), ("text", "en"), ("text", "zh")] {
            let ran = Verify::new(&["-o", format, "--lang", language])
                .docker_config(
                    &json!({"auths": {HOST: {"username": USER, "password": PASSWORD}}}).to_string(),
                )
                .ca(&internet.ca())
                .env("HTTPS_PROXY", "http://proxy-user:proxy-canary@10.9.0.1:3128")
                .run();
            assert_eq!(ran.code, Some(0), "{ran:?}");
            assert!(!format!("{ran:?}").contains("proxy-canary"), "{ran:?}");
            if format == "text" {
                assert!(ran.stdout.contains("10.9.0.1:3128"), "{ran:?}");
            }
        }
        let asked = asked.lock().unwrap();
        assert!(!asked.is_empty());
        assert!(
            asked.iter().all(|head| head.starts_with("CONNECT registry.example.com:443 HTTP/1.1\r\n")),
            "{asked:?}"
        );
        // The password is for the registry, inside the tunnel.
        assert!(asked.iter().all(|head| !head.to_lowercase().contains("\r\nauthorization:")), "{asked:?}");
        assert_eq!(internet.intrusions(), []);
    });
}

#[test]
fn an_address_is_checked_also_before_a_proxy() {
    in_namespace(|| {
        let internet = Internet::new();
        internet.serve(HOST, |_| None);
        let asked = start();
        for key in
            ["169.254.169.254", "100.100.100.200", "[fd00:ec2::254]", "0.0.0.0", "[::ffff:169.254.169.254]"]
        {
            let ran = Verify::entries(&json!({key: {"username": USER, "password": PASSWORD}}))
                .args(&["--timeout", "2s"])
                .env("HTTPS_PROXY", "http://10.9.0.1:3128")
                .run();
            assert_ne!(ran.code, Some(0), "{key} {ran:?}");
            assert!(asked.lock().unwrap().is_empty(), "{key} {ran:?}");
        }
    });
}
