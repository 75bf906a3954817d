//! The search for a credential, in whatever form it was written.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{NO_PAD, STANDARD, STANDARD_NO_PAD, URL_SAFE};
use serde_json::json;

use super::CANARIES;

/// So many characters of an encoded canary in a row are a find. In the tightest encoding these are ten bytes of the
/// canary, in base64 seven.
const WINDOW: usize = 10;

/// Finds any part of any canary in any encoding.
pub struct Searcher(HashMap<[u8; WINDOW], (&'static str, &'static str)>);

impl Searcher {
    pub fn new(canaries: &[(&'static str, &str)]) -> Self {
        let mut windows = HashMap::new();
        for &(name, canary) in canaries {
            for (encoding, text) in encodings(canary.as_bytes()) {
                for window in text.windows(WINDOW) {
                    windows.entry(window.try_into().unwrap()).or_insert((name, encoding));
                }
            }
        }
        Searcher(windows)
    }

    /// What is found, by canary and encoding.
    pub fn search(&self, text: &[u8]) -> BTreeSet<(&'static str, &'static str)> {
        let windows = text.windows(WINDOW).map(|window| <[u8; WINDOW]>::try_from(window).unwrap());
        windows.filter_map(|window| self.0.get(&window).copied()).collect()
    }
}

/// All that a canary can look like. Of base64, what surrounds the canary changes the first and the last letter: they
/// are left out.
fn encodings(canary: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = std::str::from_utf8(canary).unwrap();
    let mut encodings = vec![
        ("plain", canary.to_vec()),
        ("JSON", inner(&serde_json::to_string(text).unwrap())),
        ("JSON in JSON", inner(&serde_json::to_string(&serde_json::to_string(text).unwrap()).unwrap())),
        (
            "JSON in ASCII",
            each(text, |c| if c.is_ascii() { json_char(c) } else { format!("\\u{:04x}", c as u32) }),
        ),
        ("JSON escapes", utf16(text, false).into_bytes()),
        ("JSON ESCAPES", utf16(text, true).into_bytes()),
        ("Debug of a string", inner(&format!("{text:?}"))),
        ("escaped", text.escape_default().to_string().into_bytes()),
        ("escaped bytes", canary.escape_ascii().to_string().into_bytes()),
        ("Debug of bytes", format!("{canary:?}").trim_matches(['[', ']']).as_bytes().to_vec()),
        ("hex", bytes(canary, |byte| format!("{byte:02x}"))),
        ("HEX", bytes(canary, |byte| format!("{byte:02X}"))),
        ("URL", bytes(canary, |byte| percent(byte, false))),
        ("url", bytes(canary, |byte| percent(byte, true))),
        ("form", bytes(canary, |byte| if byte == b' ' { "+".to_owned() } else { percent(byte, false) })),
    ];
    for (url_alphabet, [once, twice]) in
        [(false, ["base64", "base64 twice"]), (true, ["base64url", "base64url twice"])]
    {
        for offset in 0..3 {
            let encoded = base64_inside(canary, offset, url_alphabet);
            for outer in 0..3 {
                encodings.push((twice, base64_inside(&encoded, outer, url_alphabet)));
            }
            encodings.push((once, encoded));
        }
    }
    encodings
}

/// Without the quotation marks.
fn inner(quoted: &str) -> Vec<u8> {
    quoted.as_bytes()[1..quoted.len() - 1].to_vec()
}

fn each(text: &str, encode: impl Fn(char) -> String) -> Vec<u8> {
    text.chars().map(encode).collect::<String>().into_bytes()
}

fn json_char(c: char) -> String {
    String::from_utf8(inner(&serde_json::to_string(&c).unwrap())).unwrap()
}

/// Every character as JSON's `\uXXXX`.
fn utf16(text: &str, upper: bool) -> String {
    let escape = |unit: u16| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
    text.encode_utf16().map(escape).collect()
}

fn bytes(bytes: &[u8], encode: impl Fn(u8) -> String) -> Vec<u8> {
    bytes.iter().map(|&byte| encode(byte)).collect::<String>().into_bytes()
}

fn percent(byte: u8, lower: bool) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if lower => format!("%{byte:02x}"),
        _ => format!("%{byte:02X}"),
    }
}

/// The letters that the canary alone decides when so many bytes (modulo 3) stand before it.
fn base64_inside(canary: &[u8], offset: usize, url_alphabet: bool) -> Vec<u8> {
    let alphabet = if url_alphabet { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    let encoded = GeneralPurpose::new(alphabet, NO_PAD).encode([&vec![0; offset], canary].concat());
    let (first, end) = ((offset * 8).div_ceil(6), (offset + canary.len()) * 8 / 6);
    encoded.as_bytes()[first..end].to_vec()
}

#[test]
fn the_searcher_finds_every_canary_in_every_encoding() {
    let searcher = Searcher::new(&CANARIES);
    for (name, canary) in CANARIES {
        let only = Searcher::new(&[(name, canary)]);
        let pair = format!("{{\"a\":\"{canary}\"}}");
        let url_twice = URL_SAFE.encode(URL_SAFE.encode(format!("xy{canary}")));
        for planted in [
            canary.to_owned(),
            // Cut off, as a parser's error would.
            canary.chars().skip(1).take(12).collect(),
            serde_json::to_string(canary).unwrap(),
            json!({"message": json!({"password": canary}).to_string()}).to_string(),
            format!("{canary:?}"),
            format!("{:?}", canary.as_bytes()),
            utf16(canary, false),
            utf16(canary, true),
            String::from_utf8(bytes(canary.as_bytes(), |byte| format!("{byte:02x}"))).unwrap(),
            String::from_utf8(bytes(canary.as_bytes(), |byte| format!("{byte:02X}"))).unwrap(),
            String::from_utf8(bytes(canary.as_bytes(), |byte| percent(byte, false))).unwrap(),
            String::from_utf8(bytes(canary.as_bytes(), |byte| percent(byte, true))).unwrap(),
            STANDARD.encode(canary),
            STANDARD.encode(format!("u:{canary}")),
            STANDARD_NO_PAD.encode(format!("u{canary} and more")),
            STANDARD.encode(&pair),
            STANDARD.encode(STANDARD.encode(&pair)),
            URL_SAFE.encode(format!("?{canary}")),
            url_twice,
        ] {
            let text =
                format!("2026-11-23T19:15:15Z DEBUG something about {planted} that should not be here");
            assert!(!only.search(text.as_bytes()).is_empty(), "{name} is not found in {text}");
            assert!(
                searcher.search(text.as_bytes()).iter().any(|(found, _)| *found == name),
                "{name}: {text}"
            );
        }
    }
}

#[test]
fn the_searcher_finds_nothing_where_nothing_is() {
    let searcher = Searcher::new(&CANARIES);
    let sources = [
        include_str!("../audit.rs"),
        include_str!("../../cases/README.md"),
        include_str!("../../cases/cases.jsonl"),
    ];
    for text in sources {
        assert_eq!(searcher.search(text.as_bytes()), BTreeSet::new());
        assert_eq!(searcher.search(STANDARD.encode(text).as_bytes()), BTreeSet::new());
    }
}
