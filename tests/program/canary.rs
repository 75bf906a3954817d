//! No credential leaves the program: it is run at the finest log level with credentials that can be recognised, and
//! whatever comes out of it is searched for any part of them in any encoding.

mod overload;
mod searcher;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use regcred_engine::rules::Rule;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::client::{Connection, Response, head};
use crate::support::regcred::{Regcred, Serve};
use crate::support::review::{
    DOCKER_CFG, DOCKER_CONFIG_JSON, Review, data_key, document, patch_of, secret, secret_of,
};

pub use searcher::Searcher;

pub const USERNAME: &str = "nT7q-Vx2kR9z+Lw4é~bM8Qd";
pub const PASSWORD: &str = "xQ7\"vK2\\wZ9/tR4 bN8+éL6&<fH3";
const AUTH_USERNAME: &str = "jC5uXe8pYh0sKa3";
const AUTH_PASSWORD: &str = "Gv1?oB6>mT9=rDz2|iW4";
const IDENTITY_TOKEN: &str = "eyKp8Zs1Nd5Fw7Lq3Xb9Vt6Hj";
const REGISTRY_TOKEN: &str = "Rg4Mz0Uc8Py2Ax6Eo1Ti5Sk7Jf";
const EMAIL: &str = "k3Jq8Vw5tYz@2pNc7Hs9Lf.Xr4";
pub const USER_INFO: &str = "Wd6Yb3Gx9Ck1Tn8Zm4Qv7Ue";
const HEADER: &str = "Basic:Oa5Sl2Ip9Rj6Ef1Dh8Kz3Bw";
const UNKNOWN: &str = "Uz2Xc7Vb4Nm9Lk1Jh6Gf3Ds8Pq";
pub const OTHER_DATA: &str = "Jb5Gt1Wz7Mx3Rv9Qd2Ye6Hk8Ln4";
pub const GARBAGE: &str = "Ht8Wq4Ay1Ru7Mi3Zo6Ce9Nb2Xs5";
const REQUEST_HEADER: &str = "Fp9Tk5Vd1Jm7Ys3Bq8Hc4Lx6Wn2";

pub const CANARIES: [(&str, &str); 13] = [
    ("username", USERNAME),
    ("password", PASSWORD),
    ("username in auth", AUTH_USERNAME),
    ("password in auth", AUTH_PASSWORD),
    ("identitytoken", IDENTITY_TOKEN),
    ("registrytoken", REGISTRY_TOKEN),
    ("email", EMAIL),
    ("user-info of a key", USER_INFO),
    ("value of HttpHeaders", HEADER),
    ("value of an unknown field", UNKNOWN),
    ("another data key", OTHER_DATA),
    ("unparsed text", GARBAGE),
    ("header of the request", REQUEST_HEADER),
];

/// base64 of the pair that stands in `auth`.
fn auth() -> String {
    STANDARD.encode(format!("{AUTH_USERNAME}:{AUTH_PASSWORD}"))
}

/// A JSON Web Token that ended in 1970.
fn expired_token() -> String {
    let claims = json!({"exp": 1, "x": AUTH_PASSWORD}).to_string();
    format!("e30.{}.", URL_SAFE_NO_PAD.encode(claims))
}

/// Documents with something to find, that together meet every rule.
pub fn documents() -> Vec<Vec<u8>> {
    let pair = json!({"username": USERNAME, "password": PASSWORD});
    let whole = json!({
        "username": USERNAME, "password": PASSWORD, "email": EMAIL, "auth": STANDARD.encode(format!("{USERNAME}:{PASSWORD}")),
        "identitytoken": IDENTITY_TOKEN, "registrytoken": REGISTRY_TOKEN, "x": UNKNOWN,
    });
    let auths = |entries: Value| json!({"auths": entries}).to_string();
    let entry = |entry: Value| auths(json!({"r.example.com": entry}));
    let with_auth = |auth: &str| entry(json!({"auth": auth, "email": EMAIL, "x": UNKNOWN}));
    let rancher = entry(pair.clone());

    let mut documents = vec![
        // Nothing wrong, and what is repaired.
        entry(whole.clone()),
        rancher.clone(),
        with_auth(&STANDARD_NO_PAD.encode(format!("{AUTH_USERNAME}x:{AUTH_PASSWORD}"))),
        // Each of the credential rules.
        entry(json!({"username": USERNAME, "password": PASSWORD, "auth": auth()})),
        entry(json!({"username": format!("{USERNAME}:x"), "password": PASSWORD})),
        entry(json!({"username": format!("{USERNAME}\u{0}"), "password": PASSWORD})),
        entry(json!({"username": format!(" {USERNAME}"), "password": format!("{PASSWORD}\n")})),
        entry(json!({"username": USERNAME, "email": EMAIL})),
        entry(json!({"password": PASSWORD})),
        entry(json!({"identitytoken": IDENTITY_TOKEN, "registrytoken": REGISTRY_TOKEN})),
        entry(json!({"email": EMAIL, "x": UNKNOWN})),
        with_auth(&format!("{AUTH_USERNAME}:{AUTH_PASSWORD}")),
        with_auth(&format!("Basic {}", auth())),
        with_auth(&format!("\"{}\"", auth())),
        with_auth(&format!("{{{{ .{GARBAGE} }}}}")),
        with_auth(&format!("${{{GARBAGE}}}")),
        with_auth(&format!("{GARBAGE} {GARBAGE}")),
        with_auth(&URL_SAFE.encode(format!("{AUTH_USERNAME}:??>>{AUTH_PASSWORD}"))),
        with_auth(&STANDARD.encode(auth())),
        with_auth(&STANDARD.encode(AUTH_PASSWORD)),
        with_auth(&STANDARD.encode(format!(":{AUTH_PASSWORD}"))),
        with_auth(&STANDARD.encode(format!("{AUTH_USERNAME}:"))),
        with_auth(&STANDARD.encode(format!("{AUTH_USERNAME}:{AUTH_PASSWORD}\u{0}"))),
        entry(json!({"username": USERNAME, "password": format!("{USERNAME}:{PASSWORD}")})),
        entry(json!({"username": "_json_key", "password": PASSWORD})),
        entry(json!({"username": "AWS", "password": PASSWORD})),
        with_auth(&STANDARD.encode(format!("{AUTH_USERNAME}:{}", expired_token()))),
        // Other types than expected.
        entry(json!({"username": [USERNAME], "password": {PASSWORD: PASSWORD}, "auth": [auth()], "email": [EMAIL]})),
        entry(json!({"username": USERNAME, "password": PASSWORD, "identitytoken": {"t": IDENTITY_TOKEN}})),
        entry(json!(PASSWORD)),
        entry(json!([pair])),
        auths(json!(GARBAGE)),
        json!(GARBAGE).to_string(),
        json!([GARBAGE, pair]).to_string(),
        json!({"auths": {"r.example.com": pair}, "HttpHeaders": {"X-Meta": [HEADER], "Authorization": HEADER}}).to_string(),
        json!({"auths": {"r.example.com": pair}, "HttpHeaders": HEADER, "credsStore": "desktop"}).to_string(),
        json!({"auths": {}, "x": UNKNOWN, "HttpHeaders": {"Authorization": HEADER}}).to_string(),
        json!({"r.example.com": pair}).to_string(),
        pair.to_string(),
        // Keys.
        auths(json!({
            format!("{USER_INFO}@r.example.com"): pair,
            format!("https://bot:{USER_INFO}@r.example.com/v1"): pair,
            format!("bot:12/{USER_INFO}@r.example.com"): pair,
            format!("bot:{USER_INFO}?#{USER_INFO}@{USER_INFO}@r.example.com"): pair,
            format!("https://{USER_INFO}@"): pair,
            format!("HTTPS://{USER_INFO}@R.example.com:443."): whole,
            format!("https://https://u:{USER_INFO}@[::1]:x/%zz"): pair,
        })),
        auths(json!({
            "registry.cn-hangzhou.aliyuncs.com": pair, "cr.cn-hangzhou.aliyuncs.com": whole, "": pair, "a b": pair,
            "docker.io": whole, "*.example.com": whole, "denied.example.com": whole, "R.example.com": pair,
            "r.example.com/v1/": whole,
        })),
        auths(json!({"r.example.com": whole, "end": {"x": UNKNOWN}})),
        auths(json!({"gitlab.com": whole, format!("${{{USER_INFO}}}@r.example.com"): pair})),
        auths(json!({
            "r.example.com": pair, "https://r.example.com": {"auth": auth()}, "r.example.com/a": {"auth": auth()},
        })),
        json!({"note": UNKNOWN, "value": {"auths": {"r.example.com": pair}}}).to_string(),
        // Twice the same.
        format!(r#"{{"auths":{{"r.example.com":{pair},"r.example.com":{whole}}},"auths":{{"q.example.com":{pair}}}}}"#),
        rancher.replace("\"username\"", &format!("\"Username\":\"{GARBAGE}\",\"username\"")),
        rancher.replace("\"username\"", &format!("\"{UNKNOWN}\":1,\"{UNKNOWN}\":2,\"username\"")),
        // No JSON.
        GARBAGE.to_owned(),
        format!("auths:\n  r.example.com:\n    password: {GARBAGE}\n"),
        rancher[..rancher.len() - 6].to_owned(),
        format!("{rancher} {GARBAGE}"),
        format!("\u{feff}{rancher}"),
        STANDARD.encode(&rancher),
        json!(rancher).to_string(),
        rancher.replace(": ", ":").replace("\"username\":\"", "\"username\":\"\n\u{1}"),
        rancher.replace("\"password\":\"", "\"password\":\"\\ud800"),
        rancher.replace("\"password\":\"", "\"password\":\"\\x"),
        rancher.replace("\"username\"", "\"n\":1e999,\"username\""),
        format!("{}{}", "{\"a\":".repeat(70), json!(GARBAGE)),
        String::new(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect::<Vec<_>>();
    documents.push([rancher.as_bytes(), b"\xff\xfe", GARBAGE.as_bytes()].concat());
    documents
        .push([b"{\"auths\":{\"r.example.com\":{\"password\":\"\xff", GARBAGE.as_bytes(), b"\"}}}"].concat());
    documents
}

/// Requests about all of the documents: created, changed, under the other type, without room for a repair.
fn reviews() -> Vec<Review> {
    let documents = documents();
    let old = json!({"auths": {
        "r.example.com": {"username": USERNAME, "password": PASSWORD, "email": EMAIL, "identitytoken": IDENTITY_TOKEN},
        "gone.example.com": {"auth": auth(), "registrytoken": REGISTRY_TOKEN},
        format!("u:{USER_INFO}@gone.example.com"): {"auth": auth()},
    }});
    let old = secret(&old.to_string());
    let mut reviews = Vec::new();
    for document in &documents {
        let mut new = secret_of(DOCKER_CONFIG_JSON, document);
        new["data"]["other"] = json!(STANDARD.encode(OTHER_DATA));
        // As kubectl apply leaves it.
        let applied = json!({"data": new["data"], "stringData": {"password": PASSWORD}}).to_string();
        new["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": applied});
        reviews.push(Review::create(&new));
        reviews.push(Review::update(&old, &new));
        reviews.push(Review::update(&new, &old).field_manager("kubectl-client-side-apply"));
        reviews.push(Review::create(&secret_of(DOCKER_CFG, document)));
    }
    let flat = json!({"r.example.com": {"username": USERNAME, "password": PASSWORD}, "auths": {"r": {"auth": auth()}}});
    reviews.push(Review::create(&secret_of(DOCKER_CFG, flat.to_string().as_bytes())));
    let misplaced = json!({"auths": {"r.example.com": {"username": USERNAME, "password": PASSWORD}}});
    reviews.push(Review::create(&secret_of(DOCKER_CFG, misplaced.to_string().as_bytes())));
    // Under a wrong data key, and next to another value.
    let mut without_key = secret(&misplaced.to_string());
    let value = without_key["data"][".dockerconfigjson"].take();
    without_key["data"] = json!({"config.json": value, "other": STANDARD.encode(OTHER_DATA)});
    reviews.push(Review::create(&without_key));
    let mut full =
        secret(&document(&[("r.example.com", json!({"username": USERNAME, "password": PASSWORD}))]));
    full["data"]["filler"] = json!(STANDARD.encode(vec![b'x'; (1 << 20) - 128]));
    reviews.push(Review::create(&full));
    reviews
}

/// Everything that came out, by what it was.
#[derive(Default)]
struct Heard(BTreeMap<&'static str, Vec<u8>>);

impl Heard {
    fn hear(&mut self, what: &'static str, bytes: &[u8]) {
        let all = self.0.entry(what).or_default();
        all.extend_from_slice(bytes);
        all.push(b'\n');
    }

    /// A response with its header; the document in the patch of a repair is the one thing that may hold credentials.
    fn response(&mut self, response: &Response) {
        let mut text = String::from_utf8_lossy(&response.body).into_owned();
        if let Ok(answer) = serde_json::from_str::<Value>(&text)
            && let Some(mut patch) = patch_of(&answer)
        {
            for operation in patch.as_array_mut().unwrap() {
                let path = operation["path"].as_str().unwrap();
                assert!(["/data/.dockerconfigjson", "/data/.dockercfg"].contains(&path), "{path}");
                operation.as_object_mut().unwrap().remove("value");
            }
            text = text.replace(answer["response"]["patch"].as_str().unwrap(), &patch.to_string());
        }
        let headers = response.headers.iter().fold(String::new(), |mut all, (name, value)| {
            writeln!(all, "{name}: {value}").unwrap();
            all
        });
        self.hear("responses", format!("{} {headers}\n{text}", response.status).as_bytes());
    }
}

/// Sends what should never have been sent.
fn misbehave(regcred: &Regcred, heard: &mut Heard) {
    let rancher = document(&[("r.example.com", json!({"username": USERNAME, "password": PASSWORD}))]);
    let review = Review::create(&secret(&rancher)).0;
    let body = review.to_string();
    let json = ("Content-Type", "application/json");
    let mut ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let response = regcred.client().connect().request(method, path, headers, body).unwrap();
        heard.response(&response);
        response.status
    };

    // Panics, and refusals of every kind.
    let panic = [json, ("X-Regcred-Test-Panic", REQUEST_HEADER)];
    // The large one panics on a thread of its own.
    for body in [body.clone(), body.clone() + &" ".repeat(1 << 20)] {
        let panicked = ask("POST", "/mutate", &panic, body.as_bytes());
        assert_eq!(panicked, if cfg!(debug_assertions) { 500 } else { 200 });
    }
    let bearer = format!("Bearer {REQUEST_HEADER}");
    let cookie = format!("session={REQUEST_HEADER}");
    let authorized = [json, ("Authorization", bearer.as_str()), ("Cookie", cookie.as_str())];
    assert_eq!(ask("POST", "/validate", &authorized, body.as_bytes()), 200);
    assert_eq!(ask("POST", &format!("/mutate?timeout={REQUEST_HEADER}"), &[json], body.as_bytes()), 200);
    assert_eq!(ask("POST", &format!("/{REQUEST_HEADER}"), &[json], body.as_bytes()), 404);
    assert_eq!(ask("PUT", "/mutate", &authorized, body.as_bytes()), 405);
    assert_eq!(ask("POST", "/mutate", &[("Content-Type", GARBAGE)], body.as_bytes()), 415);
    let oversized = body.clone() + &format!(" {GARBAGE}").repeat(300_000);
    assert_eq!(ask("POST", "/mutate", &[json], oversized.as_bytes()), 413);

    // Reviews that are none.
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut review = review.clone();
        change(&mut review);
        review.to_string().into_bytes()
    };
    let data = |value: Value| changed(&|review| review["request"]["object"]["data"] = value.clone());
    let key = data_key(DOCKER_CONFIG_JSON);
    let mut stringy = vec![
        GARBAGE.as_bytes().to_vec(),
        body.as_bytes()[..body.len() - 20].to_vec(),
        [body.as_bytes(), GARBAGE.as_bytes()].concat(),
        body.replace("\"CREATE", &format!("\"\\x{GARBAGE}")).into_bytes(),
        [body.as_bytes(), b"\xff"].concat(),
        json!([review, GARBAGE]).to_string().into_bytes(),
        json!(body).to_string().into_bytes(),
        changed(&|review| review["apiVersion"] = json!(GARBAGE)),
        changed(&|review| review["kind"] = json!(GARBAGE)),
        changed(&|review| review["request"] = json!(GARBAGE)),
        changed(&|review| review["request"]["uid"] = json!({GARBAGE: GARBAGE})),
        changed(&|review| drop(review["request"].as_object_mut().unwrap().remove("uid"))),
        changed(&|review| review["request"]["object"] = json!(GARBAGE)),
        changed(&|review| review["request"]["oldObject"] = json!([GARBAGE])),
        changed(&|review| review["request"]["options"] = json!({"fieldManager": [GARBAGE]})),
        changed(&|review| review["request"]["dryRun"] = json!(GARBAGE)),
        changed(&|review| review["request"]["userInfo"]["extra"] = json!({"token": [REQUEST_HEADER]})),
        changed(&|review| review["request"]["object"]["type"] = json!("Opaque")),
        changed(&|review| review["request"]["object"]["metadata"] = json!(GARBAGE)),
        changed(&|review| review["request"]["object"]["immutable"] = json!(GARBAGE)),
        changed(&|review| review["request"]["object"]["stringData"] = json!({key: rancher})),
        changed(&|review| review["request"]["operation"] = json!("DELETE")),
        changed(&|review| review["request"]["kind"]["kind"] = json!("ConfigMap")),
    ];
    let values = [
        json!(GARBAGE),
        json!({key: GARBAGE}),
        json!({key: rancher}),
        json!({key: [GARBAGE]}),
        json!({key: {"p": PASSWORD}}),
    ];
    stringy.extend(values.into_iter().map(data));
    for body in &stringy {
        for path in ["/mutate", "/validate"] {
            let status = ask("POST", path, &[json], body);
            assert!(status == 200 || status == 400, "{status}");
        }
    }

    // A body that stops half-way, HTTP that is none, and TLS that is none.
    let length = body.len().to_string();
    let slow = head("POST", "/mutate?timeout=50ms", &[json, ("Content-Length", &length)])
        + "\r\n"
        + &body[..body.len() / 2];
    let chunks =
        head("POST", "/mutate", &[json, ("Transfer-Encoding", "chunked")]) + "\r\n" + GARBAGE + "\r\n";
    for raw in [
        slow,
        chunks,
        format!("{GARBAGE} {GARBAGE}\r\n{GARBAGE}\r\n\r\n"),
        format!("GET /{GARBAGE} HTTP/9\r\n\r\n"),
    ] {
        let mut connection = regcred.client().connect();
        connection.send(raw.as_bytes()).unwrap();
        if let Ok(response) = connection.receive() {
            heard.response(&response);
        }
    }
    let mut plain = TcpStream::connect(regcred.https).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("POST /mutate HTTP/1.1\r\nAuthorization: {REQUEST_HEADER}\r\n\r\n{body}");
    plain.write_all(request.as_bytes()).unwrap();
    let mut alert = Vec::new();
    // It ends as it likes: with a TLS alert, or at once.
    drop(plain.read_to_end(&mut alert));
    heard.hear("responses", &alert);
    regcred.wait_for_metric("regcred_tls_handshake_failures_total", 1.0);
    heard.response(&crate::support::client::Client::http(regcred.ops).connect().get(&format!("/{GARBAGE}")));
}

fn ask_all(connection: &mut Connection, reviews: &[Review], heard: &mut Heard) {
    for review in reviews {
        let mutated = connection.post("/mutate?timeout=5s", &review.0);
        assert_eq!(mutated.status, 200);
        heard.response(&mutated);
        for review in [review, &review.mutated(&mutated.json())] {
            let validated = connection.post("/validate?timeout=5s", &review.0);
            assert_eq!(validated.status, 200);
            heard.response(&validated);
        }
    }
}

#[test]
fn no_credential_leaves_the_program() {
    let searcher = Searcher::new(&CANARIES);
    let reviews = reviews();
    let mut rules = BTreeSet::new();
    for (language, enforcement) in
        [("en", "enforce"), ("zh", "enforce"), ("both", "enforce"), ("both", "warn"), ("en", "audit")]
    {
        let policy = format!(
            "apiVersion: regcred/v1\nkind: Policy\nlanguage: {language}\nenforcement: {enforcement}\n\
             deniedRegistries: [denied.example.com]\n"
        );
        let regcred = Serve::dev().policy(&policy).args(["--log-level", "trace"]).start();
        let mut heard = Heard::default();
        ask_all(&mut regcred.client().connect(), &reviews, &mut heard);
        misbehave(&regcred, &mut heard);
        heard.hear("metrics", &regcred.get("/metrics").body);
        heard.hear("readiness", &regcred.get("/readyz").body);
        let left = regcred.stop();
        for record in left.audit() {
            let findings = record["findings"].as_array().unwrap().iter();
            rules.extend(findings.map(|finding| finding["code"].as_str().unwrap().to_owned()));
        }
        heard.hear("log", left.stderr.as_bytes());
        heard.hear("audit", left.stdout.as_bytes());
        assert!(left.stderr.contains("DEBUG"), "the log is at its finest level");
        for (what, text) in &heard.0 {
            assert!(text.len() > 1, "{what} is empty");
            let found = searcher.search(text);
            assert!(found.is_empty(), "{found:?} in {what} under {policy}");
        }
    }
    let all: BTreeSet<String> = Rule::ALL.iter().map(|rule| rule.code().to_owned()).collect();
    assert_eq!(rules, all, "every rule has spoken");
}
