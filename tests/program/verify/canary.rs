//! No credential leaves the program, except to the registry: also where a server sends back what it was sent.

use std::sync::Mutex;

use axum::body::Body;
use axum::http::{HeaderValue, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::canary::{CANARIES, PASSWORD, Searcher, USERNAME, documents};
use crate::support::cluster::pull_secret;

use super::internet::{Answer, Internet, Request, in_namespace};
use super::registries::{TokenRegistry, manifest, status, token, with_header};
use super::{Verified, Verify};

/// The registry of the canaries' documents.
const HOST: &str = "r.example.com";
const REALM: &str = "https://r.example.com/token";

/// A password that survives as part of a host's name, where capitals do not.
const WORD: &str = "zt8wq4ay1ru7mi3zo6ce9nb2xs5";

/// A password that survives as a number.
const DIGITS: &str = "840172639550618427";

const FORMATS: [&str; 2] = ["json", "text"];
const LANGUAGES: [&str; 2] = ["en", "zh"];

/// All that came with a request and that should not come back.
fn secrets(request: &Request) -> Vec<String> {
    let mut secrets = Vec::new();
    if let Some(value) = request.authorization() {
        secrets.push(value.to_owned());
        let pair = value.strip_prefix("Basic ").and_then(|pair| BASE64_STANDARD.decode(pair).ok());
        if let Some(pair) = pair {
            let pair = String::from_utf8_lossy(&pair).into_owned();
            secrets.extend(
                pair.split_once(':')
                    .map(|(user, password)| [user.to_owned(), password.to_owned()])
                    .into_iter()
                    .flatten(),
            );
            secrets.push(pair);
        }
    }
    if !request.body.is_empty() {
        secrets.push(request.body.clone());
        secrets.extend(form_urlencoded::parse(request.body.as_bytes()).map(|(_, value)| value.into_owned()));
    }
    secrets.extend(request.query.iter().map(|(_, value)| value.clone()));
    secrets
}

/// A value of a header, whatever is in it.
fn header(text: &str) -> HeaderValue {
    let visible: Vec<u8> = text.bytes().filter(|byte| *byte >= b' ' && *byte != 0x7f).collect();
    HeaderValue::from_bytes(&visible).unwrap()
}

/// Where the answer has what came.
const PLACES: [&str; 9] =
    ["text", "errors", "details", "token", "challenge", "realm", "location", "other headers", "reason"];

/// Sends back what came, with this request or an earlier one.
#[expect(clippy::unnecessary_wraps, reason = "a server may also never answer")]
fn echo(secrets: &[String], code: u16, place: &str) -> Answer {
    let all = secrets.join(" ");
    // What can be part of a host's name, if there is such.
    let is_label =
        |secret: &&String| !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let one = secrets.iter().rev().find(is_label).or(secrets.first()).cloned().unwrap_or_default();
    let mut response = Response::builder().status(code).header("Content-Type", "application/json");
    let mut body = all.clone();
    match place {
        "errors" => {
            let error = |secret: &String| json!({"code": secret, "message": secret, "detail": {"x": secret}});
            let mut errors: Vec<_> = secrets.iter().map(error).collect();
            errors.push(json!({"code": "DENIED", "message": all, "detail": all}));
            body = json!({ "errors": errors }).to_string();
        }
        "details" => {
            body =
                json!({"details": all, "error": one, "error_description": all, "message": all}).to_string();
        }
        "token" => {
            body = json!({"token": one, "access_token": one, "refresh_token": all, "expires_in": one})
                .to_string();
        }
        "challenge" => {
            let value = format!(r#"Bearer realm="{REALM}",service="{all}",scope="{all}",error="{all}""#);
            response = response.header("WWW-Authenticate", header(&value));
            response = response.header("WWW-Authenticate", header(&format!("Basic realm=\"{all}\"")));
        }
        "realm" => {
            for value in [
                format!("https://{one}.example.net/token"),
                format!("https://{one}@r.example.com/{all}"),
                all.clone(),
            ] {
                let value = format!(r#"Bearer realm="{value}",service="made-up""#);
                response = response.header("WWW-Authenticate", header(&value));
            }
        }
        "location" => {
            response = response.header("Location", header(&format!("https://{one}.example.net/{one}")));
        }
        "other headers" => {
            for name in [
                "Retry-After",
                "RateLimit-Remaining",
                "RateLimit-Limit",
                "Docker-RateLimit-Source",
                "Server",
                "Docker-Content-Digest",
                "Docker-Distribution-Api-Version",
                "Warning",
            ] {
                response = response.header(name, header(if name == "Retry-After" { &one } else { &all }));
            }
        }
        "reason" => {
            let reason = hyper::ext::ReasonPhrase::try_from(header(&all).as_bytes()).unwrap();
            response = response.extension(reason);
        }
        _ => {}
    }
    Some(response.body(Body::from(body)).unwrap())
}

/// A registry that asks for a login, and from then on sends back what it was sent, also to requests without it.
fn echoing(internet: &Internet, code: u16, place: &'static str, manner: Manner) {
    TokenRegistry::new(HOST, REALM, "made-up").start(internet);
    let seen = Mutex::new(Vec::new());
    internet.replace(HOST, move |request, usual| {
        let mut seen = seen.lock().unwrap();
        if request.secret().is_some() {
            seen.extend(secrets(request));
        }
        match manner {
            Manner::Later if manifest(&request.path).is_none() && !seen.is_empty() => {
                if request.path == "/token" { token("") } else { status(200) }
            }
            _ if !seen.is_empty() => echo(&seen, code, place),
            Manner::Basic => with_header(status(401), "WWW-Authenticate", "Basic realm=\"made-up\""),
            Manner::Bearer | Manner::Later => usual(request),
        }
    });
}

/// How a registry that echoes asks for a login.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Bearer,
    Basic,
    /// It accepts any login, and echoes when it is asked for an image.
    Later,
}

fn searcher() -> Searcher {
    Searcher::new(&[&CANARIES[..], &[("word", WORD), ("digits", DIGITS)]].concat())
}

/// Searches the output, and the file of the metric.
#[track_caller]
fn search(searcher: &Searcher, ran: &Verified, metrics: &str, context: &str) {
    for text in [&ran.stdout, &ran.stderr, metrics] {
        let found = searcher.search(text.as_bytes());
        assert!(found.is_empty(), "{context}: {found:?}\n{ran:?}");
    }
}

/// Runs it with a file for the metric, and returns what is in it then.
fn run(verify: Verify) -> (Verified, String) {
    let metrics = verify.file("regcred.prom", "");
    let folder = metrics.parent().unwrap().to_owned();
    let mut command = verify.arg("--metrics-file").arg(&metrics).env("RUST_LOG", "trace");
    let ran = Verified::of(&command.command.output().unwrap());
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        // Also what was left behind under another name.
        if entry.file_name() != "config.json"
            && entry.file_name() != "secrets.json"
            && entry.file_type().unwrap().is_file()
        {
            text.push_str(&String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()));
        }
    }
    (ran, text)
}

#[test]
fn no_credential_leaves_a_verification() {
    in_namespace(|| {
        let internet = Internet::new();
        let searcher = searcher();
        let document = json!({"auths": {HOST: {"username": USERNAME, "password": PASSWORD}}}).to_string();
        let word = json!({"auths": {HOST: {"username": "robot", "password": WORD}}}).to_string();
        let digits = json!({"auths": {HOST: {"username": "robot", "password": DIGITS}}}).to_string();
        let identity = json!({"auths": {HOST: {"identitytoken": WORD}}}).to_string();
        for (number, place) in PLACES.iter().enumerate() {
            for (other, code) in [200, 307, 401, 403, 429].into_iter().enumerate() {
                for (manner, document) in [
                    (Manner::Bearer, &document),
                    (Manner::Basic, &word),
                    (Manner::Later, &word),
                    (Manner::Bearer, &digits),
                    (Manner::Bearer, &identity),
                ] {
                    echoing(&internet, code, place, manner);
                    let (format, language) = (FORMATS[(number + other) % 2], LANGUAGES[other / 2 % 2]);
                    let before = internet.attempts();
                    let verify = Verify::new(&["-o", format, "--lang", language, "--timeout", "2s"])
                        .ca(&internet.ca());
                    let (ran, metrics) =
                        run(verify.docker_config(document).image("r.example.com/team/app:1"));
                    assert!(internet.attempts() > before, "{place} {code}: {ran:?}");
                    assert!(ran.code.is_some() && !metrics.is_empty(), "{place} {code}: {ran:?}");
                    search(
                        &searcher,
                        &ran,
                        &metrics,
                        &format!("{place} {code} {format} {language} {manner:?}"),
                    );
                    assert!(!ran.stdout.contains("made-up-token"), "{ran:?}");
                }
            }
        }
    });
}

#[test]
fn no_credential_leaves_by_any_document() {
    in_namespace(|| {
        let internet = Internet::new();
        let searcher = searcher();
        let mut sent = 0;
        for (number, document) in documents().iter().enumerate() {
            let code = [200, 401, 403, 404][number % 4];
            echoing(&internet, code, PLACES[number % PLACES.len()], Manner::Bearer);
            let (format, language) = (FORMATS[number % 2], LANGUAGES[number / 2 % 2]);
            let arguments = ["-o", format, "--lang", language, "--timeout", "2s"];
            let before = internet.attempts();
            let Ok(text) = std::str::from_utf8(document) else { continue };
            let (ran, metrics) = run(Verify::new(&arguments).ca(&internet.ca()).docker_config(text));
            search(&searcher, &ran, &metrics, text);
            sent += usize::from(internet.attempts() > before);

            let secrets: Value =
                json!({"apiVersion": "v1", "kind": "List", "items": [pull_secret("pull", text)]});
            let verify = Verify::new(&arguments).ca(&internet.ca());
            let file = verify.file("secrets.json", &secrets.to_string());
            let (ran, metrics) = run(verify.arg("-f").arg(file).image("r.example.com/team/app:1"));
            search(&searcher, &ran, &metrics, text);
        }
        // Otherwise this proves nothing.
        assert!(sent > 10, "{sent}");
    });
}
