//! Generated questions: each follows from its seed alone.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use regcred_engine::consumers::ordinary_images;
use regcred_engine::secret::SecretType;
use serde_json::json;

use crate::Question;

/// What most keys are made of, so that entries of one document meet.
const USUAL_SCHEMES: [&str; 4] = ["", "", "https://", "http://"];
const USUAL_HOSTS: [&str; 7] = [
    "r.example.com",
    "r.example.com",
    "*.example.com",
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "localhost",
];
const USUAL_PORTS: [&str; 5] = ["", "", "", ":5000", ":"];
const USUAL_PATHS: [&str; 11] =
    ["", "", "", "/", "/v1/", "/v2/", "/team", "/team/", "/team/app", "/v1/team", "/v1"];

const ODD_SCHEMES: [&str; 9] =
    ["HTTPS://", "ftp://", "https:/", "//", "u:p@", "https://u:p@", "https://https://", "://", "a:b://"];
const ODD_HOSTS: [&str; 41] = [
    "R.example.com",
    "*",
    "r.*.com",
    "*a*e.example.com",
    "**.example.com",
    "a.example.com",
    "hub.docker.com",
    "harbor",
    "[::1]",
    "[fd00::12]",
    "[::A]",
    "[1]",
    "::1",
    "fd00::12",
    "[::ffff:1.2.3.4]",
    "[fe80::1%25eth0]",
    "[fe80::1%2525ab]",
    "[r.example.com]",
    "my_host.example.com",
    "a..b.com",
    "-x.example.com",
    "r.example.com.",
    "127.0.0.1",
    "rég.example.com",
    "r%2eexample.com",
    "r%c3%a9g.example.com",
    "r%ff.example.com",
    "r g.com",
    "docker.io.example.com",
    "a.example.com,b.example.com",
    "A",
    "",
    "r]x.example.com",
    "r[ab].example.com",
    "r\\x.example.com",
    "r^x.example.com",
    "r%25x.example.com",
    "r'x.example.com",
    "https",
    "library",
    "ſ.example.com",
];
const ODD_PORTS: [&str; 8] = [":443", ":99999", ":x", ":[0]", ":5000:6000", ":05000", ":5000 ", ":%31"];
const ODD_PATHS: [&str; 36] = [
    "/te%61m",
    "/te%2561m",
    "/Team",
    "//team",
    "/team.",
    "/team-",
    "/te*",
    "/a%2Fb",
    "/%zz",
    "/%2",
    "/v2/v1/x",
    "/v1/v1/",
    "/v2",
    "/team?x",
    "/team#f",
    "?x",
    "#f",
    "#%zz",
    "/a%3Fb",
    "/a%23b",
    "/a%253Fb",
    "/%00",
    "/team app",
    "/team@x",
    "/team:1",
    "/access-token",
    "/%ff",
    "/team%0a",
    "/team\n",
    "/%76%31/",
    "/./x",
    "/../x",
    "/repository/x",
    "/harbor/projects",
    "/team/app/x",
    "/\u{e9}",
];

/// Sebastiano Vigna's `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn usual_or_odd<'a>(&mut self, usual: &[&'a str], odd: &[&'a str], oddness: usize) -> &'a str {
        if oddness > 0 && self.one_in(oddness) { self.pick(odd) } else { self.pick(usual) }
    }
}

/// A document and the images that are asked for it.
pub fn question(seed: u64) -> Question {
    let mut chance = Chance(seed.wrapping_mul(0xd134_2543_de82_ef95));
    // Most documents are usual ones, since one odd key or entry hides what else is in the document from some.
    let oddness = [0, 0, 8, 3][chance.below(4)];
    let keys: Vec<_> = (0..=chance.below(4)).map(|_| key(&mut chance, oddness)).collect();
    let secret_type = if chance.one_in(6) { SecretType::DockerCfg } else { SecretType::DockerConfigJson };
    let odd_entries = chance.one_in(3);
    let entries: Vec<_> = keys
        .iter()
        .map(|key| format!("{}:{}", name(&mut chance, key), entry(&mut chance, odd_entries)))
        .collect();
    let document = match secret_type {
        SecretType::DockerCfg => format!("{{{}}}", entries.join(",")),
        SecretType::DockerConfigJson => config(&mut chance, &entries),
    };
    let images = images(&mut chance, &keys);
    Question { origin: format!("seed {seed}"), secret_type, document: document.into_bytes(), images }
}

fn key(chance: &mut Chance, oddness: usize) -> String {
    [
        chance.usual_or_odd(&USUAL_SCHEMES, &ODD_SCHEMES, oddness),
        chance.usual_or_odd(&USUAL_HOSTS, &ODD_HOSTS, oddness),
        chance.usual_or_odd(&USUAL_PORTS, &ODD_PORTS, oddness),
        chance.usual_or_odd(&USUAL_PATHS, &ODD_PATHS, oddness),
    ]
    .concat()
}

/// A name in JSON, at times with its first letter as an escape.
fn name(chance: &mut Chance, name: &str) -> String {
    let json = json!(name).to_string();
    match name.chars().next() {
        Some(first) if first.is_ascii_alphanumeric() && chance.one_in(8) => {
            format!("\"\\u{:04x}{}", u32::from(first), &json[2..])
        }
        _ => json,
    }
}

/// Documents with several `auths`, in different spellings, and with settings of docker.
fn config(chance: &mut Chance, entries: &[String]) -> String {
    let cut = if chance.one_in(6) { chance.below(entries.len()) } else { 0 };
    let (one, other) = entries.split_at(cut);
    let spelling = |chance: &mut Chance| {
        if chance.one_in(12) { chance.pick(&["AUTHS", "auth\u{17f}", "Auths"]) } else { "auths" }
    };
    let mut members = vec![format!("\"{}\":{{{}}}", spelling(chance), other.join(","))];
    if cut > 0 {
        members.insert(0, format!("\"{}\":{{{}}}", spelling(chance), one.join(",")));
        if chance.one_in(3) {
            members.insert(1, "\"auths\":null".to_owned());
        }
    }
    if chance.one_in(8) {
        let setting = chance.pick(&[
            r#""credsStore":"pass""#,
            r#""credsStore":"""#,
            r#""CREDSSTORE":null"#,
            r#""credsStore":1"#,
            r#""credsStore":"pass","credHelpers":{"r.example.com":""}"#,
            r#""credHelpers":{"r.example.com":"pass","https://index.docker.io/v1/":"pass"}"#,
            r#""credHelpers":{"docker.io":"pass","localhost":null}"#,
            r#""credHelpers":{"r.example.com":"pass"},"credhelpers":null"#,
            r#""credHelpers":{"r.example.com/team/app":"pass"}"#,
            r#""credHelpers":[]"#,
            r#""HttpHeaders":{"X":1}"#,
            r#""httpheaders":{"X":"y","Z":null}"#,
            r#""HttpHeaders":"x""#,
            r#""psFormat":1"#,
            r#""nodesFormat":null"#,
            r#""features":{"buildkit":true}"#,
            r#""aliases":{"a":"b"}"#,
            r#""pruneFilters":["a\\\"[1", null ,"b"]"#,
            r#""pruneFilters":["a",[]]"#,
            r#""cliPluginsExtraDirs":[1]"#,
            r#""cliPluginsExtraDirs":"x""#,
            r#""plugins":{"a":{"b":"c","d":null},"e":null}"#,
            r#""plugins":{"a":{"b":[]}}"#,
            r#""proxies":{"default":{"HTTPProxy":"x","y":1}}"#,
            r#""proxies":{"default":{"noProxy":1}}"#,
            r#""experimental":true,"currentContext":"x""#,
            r#""auths":[]"#,
        ]);
        members.push(setting.to_owned());
    }
    format!("{{{}}}", members.join(","))
}

/// An entry with made-up credentials, of which there are few, so that some are equal.
fn entry(chance: &mut Chance, odd: bool) -> String {
    let user = chance.pick(&["u", "bot", "us"]);
    let password = chance.pick(&["p", "made-up-1", "a:b"]);
    let auth = STANDARD.encode(format!("{user}:{password}"));
    if !(odd && chance.one_in(3)) {
        return match chance.below(4) {
            0 => format!(r#"{{"username":"{user}","password":"{password}","auth":"{auth}"}}"#),
            1 => format!(r#"{{"username":"{user}","password":"{password}"}}"#),
            _ => format!(r#"{{"auth":"{auth}"}}"#),
        };
    }
    let unpadded = STANDARD_NO_PAD.encode(format!("{user}:{password}"));
    let bytes = |bytes: &[u8]| STANDARD.encode([user.as_bytes(), bytes].concat());
    match chance.below(34) {
        0 => "{}".to_owned(),
        1 => "null".to_owned(),
        2 => "[]".to_owned(),
        3 => "\"text\"".to_owned(),
        4 => "1".to_owned(),
        5 => format!(r#"{{"auth":"{unpadded}"}}"#),
        6 => format!(r#"{{"auth":"{}"}}"#, bytes(b"")),
        7 => format!(r#"{{"auth":"{user}:{password}"}}"#),
        8 => r#"{"auth":"OnA="}"#.to_owned(),
        9 => format!(r#"{{"auth":"{}"}}"#, bytes(b":")),
        10 => format!(r#"{{"auth":"{}"}}"#, bytes(b":\0p\0\0")),
        11 => format!(r#"{{"auth":"{}"}}"#, bytes(b":\xff\xfe")),
        12 => format!(r#"{{"auth":"{}\n{}\r\n"}}"#, &auth[..4], &auth[4..]),
        13 => format!(r#"{{"auth":" {auth}"}}"#),
        14 => format!(r#"{{"auth":"","username":"{user}","password":"{password}"}}"#),
        15 => format!(r#"{{"auth":null,"username":"{user}"}}"#),
        16 => format!(r#"{{"password":"{password}"}}"#),
        17 => format!(r#"{{"username":"","password":"","auth":"{auth}","identitytoken":"t"}}"#),
        18 => r#"{"identitytoken":"t"}"#.to_owned(),
        19 => r#"{"registrytoken":"t","auth":"OnA="}"#.to_owned(),
        20 => format!(r#"{{"auth":"{auth}","identitytoken":1}}"#),
        21 => format!(r#"{{"auth":"{auth}","registrytoken":[]}}"#),
        22 => format!(r#"{{"auth":"{auth}","email":false}}"#),
        23 => format!(r#"{{"auth":"{auth}","serveraddress":{{}}}}"#),
        24 => format!(r#"{{"auth":"{auth}","username":1}}"#),
        25 => r#"{"auth":1}"#.to_owned(),
        26 => format!(r#"{{"auth":"{auth}","auth":"OnA=","auth":null}}"#),
        27 => format!(r#"{{"AUTH":"{auth}"}}"#),
        28 => format!(r#"{{"u\u017fername":"{user}","PASSWORD":"{password}","password":null}}"#),
        29 => format!(r#"{{"username":1,"username":"{user}"}}"#),
        30 => format!(r#"{{"auth":"{auth}","email":"a@example.com","serveraddress":"x","other":[{{}}]}}"#),
        31 => format!(r#"{{"username":"\u00e9{user}","password":"\"\\\n{password}"}}"#),
        32 => r#"{"auth":"\n"}"#.to_owned(),
        _ => r#"{"auth":"dXM6cB=="}"#.to_owned(),
    }
}

/// The ordinary images of the keys, each key as an image, and some that any key could be meant for.
fn images(chance: &mut Chance, keys: &[String]) -> Vec<String> {
    let mut images: Vec<String> =
        keys.iter().flat_map(|key| ordinary_images(key)).map(|image| image.to_string()).collect();
    for key in keys {
        let bare = key.split_once("://").map_or(&**key, |(_, bare)| bare);
        let host = bare.split_once('/').map_or(bare, |(host, _)| host);
        images.push(bare.to_owned());
        images.push(format!("{host}/team/app"));
    }
    let digest = format!("r.example.com/team/app@sha256:{}", "0a".repeat(32));
    for _ in 0..4 {
        let image = chance.pick(&[
            "app",
            "acme/app",
            "library/app:1.2",
            "index.docker.io/team/app",
            "docker.io/app",
            "registry-1.docker.io/team/app",
            "r.example.com/team/app",
            "r.example.com/team2:x_y.z-1",
            "r.example.com:5000/team/app:5000",
            "a.example.com/team",
            "localhost/x",
            "localhost:5000/team/app",
            "A/x",
            "E/x",
            "a_b/x",
            "A_b/x",
            "[::1]/x",
            "[::1]:5000/team",
            "[::a]:5000/team",
            "[1]:5000/team",
            "my_host.example.com/team",
            "my_host:5000/team",
            "docker.io.example.com/x",
            "docker.io:5000/x",
            "r.example.com./team",
            "r.example.com/team/",
            "r.example.com/a..b",
            "r.example.com/a.-b",
            "r.example.com/a---b__c",
            "r.example.com/team:",
            "r.example.com/team@sha256:00",
            "R.EXAMPLE.COM/team",
            "",
            "/x",
            "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
            &digest,
        ]);
        images.push(image.to_owned());
    }
    images.sort();
    images.dedup();
    images
}
