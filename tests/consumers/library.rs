//! The program that asks the real libraries (`tests/parts/consumers`), as a process that answers line by line.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::json;

use crate::Question;
use crate::parts::part;

/// Who can be asked: consumers by their name in JSON, and crane for docker's library asked in another way.
pub const ASKED: [&str; 5] = ["kubelet", "docker", "podman", "keychain", "crane"];

/// How often each is asked at first, and again where chance decides.
const REPEAT: usize = 2;
const REPEAT_AGAIN: usize = 48;

pub struct Library {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    #[serde(deserialize_with = "base64_bytes")]
    pub username: Vec<u8>,
    #[serde(deserialize_with = "base64_bytes")]
    pub password: Vec<u8>,
    pub identity_token: String,
    pub registry_token: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Find {
    pub failed: bool,
    pub credentials: Vec<Credential>,
}

#[derive(Debug, Deserialize)]
pub struct Entry {
    pub refused: bool,
    pub credentials: Option<Credential>,
}

#[derive(Deserialize)]
pub struct Reading {
    pub refused: bool,
    #[serde(deserialize_with = "or_default")]
    pub entries: BTreeMap<String, Entry>,
}

/// A reference as each grammar normalises it; empty if it is refused.
#[derive(Debug, Deserialize)]
pub struct Names {
    pub docker: String,
    pub kubelet: String,
    pub podman: String,
    pub keychain: String,
    #[serde(skip)]
    pub domain: String,
}

pub struct Answer {
    readings: BTreeMap<String, Reading>,
    /// One for each image.
    pub names: Vec<Names>,
    found: Vec<BTreeMap<String, Vec<Find>>>,
}

#[derive(Deserialize)]
struct RawAnswer {
    readings: BTreeMap<String, Reading>,
    images: Vec<RawImage>,
}

#[derive(Deserialize)]
struct RawImage {
    names: Names,
    domain: String,
    found: BTreeMap<String, Vec<Find>>,
}

impl Answer {
    pub fn reading(&self, asked: &str) -> &Reading {
        &self.readings[asked]
    }

    pub fn found(&self, asked: &str, image: usize) -> Vec<Find> {
        self.found[image][asked].clone()
    }
}

impl Library {
    pub fn start() -> Library {
        let mut child =
            Command::new(part("consumers")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Library { requests: child.stdin.take(), answers, child }
    }

    pub fn compare(&mut self, question: &Question) -> Answer {
        self.ask(question, "", &question.images, REPEAT)
    }

    /// More answers of one consumer for one image.
    pub fn ask_again(&mut self, question: &Question, asked: &str, image: &str) -> Vec<Find> {
        self.ask(question, asked, &[image.to_owned()], REPEAT_AGAIN).found(asked, 0)
    }

    fn ask(&mut self, question: &Question, asked: &str, images: &[String], repeat: usize) -> Answer {
        let request = json!({
            "action": "compare",
            "consumer": asked,
            "type": question.secret_type.name(),
            "document": STANDARD.encode(&question.document),
            "images": images,
            "repeat": repeat,
        });
        writeln!(self.requests.as_ref().unwrap(), "{request}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let raw: RawAnswer = serde_json::from_str(&line).unwrap();
        let mut answer = Answer { readings: raw.readings, names: Vec::new(), found: Vec::new() };
        for RawImage { names, domain, found } in raw.images {
            answer.names.push(Names { domain, ..names });
            answer.found.push(found);
        }
        answer
    }
}

impl Drop for Library {
    /// The program clears its temporary folder when its input ends.
    fn drop(&mut self) {
        self.requests = None;
        let _ended = self.child.wait();
    }
}

fn base64_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = Option::<String>::deserialize(from)?.unwrap_or_default();
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

/// Go writes an empty map that was never made as null.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
