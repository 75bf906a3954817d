//! SARIF 2.1.0 (OASIS), written result by result.

use std::fmt::Write as _;
use std::io::{self, Write};

use regcred_engine::policy::Language;
use regcred_engine::rules::{Action, Rule};
use regcred_engine::wording::{Bilingual, rule_doc};
use serde_json::{Map, Value, json};

use super::{Finding, Form, Judged, Outcome, Region, Subject, Summary, Trouble, TroubleKind};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// A report as SARIF.
pub(super) struct Sarif {
    language: Language,
    results: u64,
}

impl Sarif {
    pub(super) const fn new(language: Language) -> Self {
        Sarif { language, results: 0 }
    }

    fn result(&mut self, out: &mut impl Write, result: &Value) -> io::Result<()> {
        out.write_all(if self.results == 0 { b"\n" } else { b",\n" })?;
        self.results += 1;
        serde_json::to_writer(&mut *out, result).map_err(io::Error::from)
    }

    fn rules(&self) -> Vec<Value> {
        let findings = Rule::ALL.iter().map(|rule| {
            let doc = rule_doc(*rule, self.language);
            json!({
                "id": rule.code(),
                "shortDescription": {"text": doc.title},
                "fullDescription": {"text": doc.what},
                "help": {"text": doc.remedy},
                "defaultConfiguration": {"level": level(rule.default_action())},
            })
        });
        let troubles = [TroubleKind::Unreadable, TroubleKind::Policy, TroubleKind::NotJudged];
        let troubles = troubles.into_iter().map(|kind| {
            json!({
                "id": kind.code(),
                "shortDescription": {"text": description(kind).line(self.language)},
                "defaultConfiguration": {"level": trouble_level(kind)},
            })
        });
        findings.chain(troubles).collect()
    }
}

impl<W: Write> Form<W> for Sarif {
    fn begin(&mut self, out: &mut W) -> io::Result<()> {
        let driver = json!({
            "name": "regcred",
            "version": env!("CARGO_PKG_VERSION"),
            "rules": self.rules(),
        });
        write!(
            out,
            r#"{{"$schema":"{SCHEMA}","version":"2.1.0","runs":[{{"tool":{{"driver":{driver}}},"columnKind":"unicodeCodePoints","results":["#
        )
    }

    fn judged(&mut self, out: &mut W, judged: &Judged) -> io::Result<()> {
        for finding in judged.findings.iter().filter(|finding| finding.outcome != Outcome::Fixed) {
            self.result(out, &result(finding, judged))?;
        }
        Ok(())
    }

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()> {
        let result = json!({
            "ruleId": trouble.kind.code(),
            "level": trouble_level(trouble.kind),
            "message": {"text": trouble.message},
            "locations": locations(trouble.subject.as_ref(), trouble.region.as_ref(), ""),
        });
        self.result(out, &result)
    }

    fn end(&mut self, out: &mut W, summary: &Summary) -> io::Result<()> {
        let successful = summary.unreadable() == 0;
        writeln!(out, "\n],\"invocations\":[{{\"executionSuccessful\":{successful}}}]}}]}}")
    }
}

const fn description(kind: TroubleKind) -> Bilingual<&'static str> {
    match kind {
        TroubleKind::Unreadable => Bilingual {
            english: "What was to be checked could not be read.",
            chinese: "要检查的内容无法读取。",
        },
        TroubleKind::Policy => Bilingual {
            english: "A policy file of regcred is broken.",
            chinese: "regcred 的策略文件有误。",
        },
        TroubleKind::NotJudged => Bilingual {
            english: "There was nothing that can be judged.",
            chinese: "没有可判断的内容。",
        },
    }
}

const fn trouble_level(kind: TroubleKind) -> &'static str {
    match kind {
        TroubleKind::Unreadable | TroubleKind::Policy => "error",
        TroubleKind::NotJudged => "note",
    }
}

const fn level(action: Action) -> &'static str {
    match action {
        Action::Deny => "error",
        Action::Warn => "warning",
        Action::Audit => "note",
        Action::Off => "none",
    }
}

fn result(finding: &Finding, judged: &Judged) -> Value {
    let mut text = finding.message();
    for note in &judged.notes {
        text.push('\n');
        text.push_str(note);
    }
    json!({
        "ruleId": finding.rule.code(),
        "level": level(finding.action),
        "message": {"text": text},
        "properties": {"repairable": finding.outcome == Outcome::Repairable},
        "locations": locations(Some(&judged.subject), finding.region.as_ref(), &finding.field),
    })
}

fn locations(subject: Option<&Subject>, region: Option<&Region>, field: &str) -> Vec<Value> {
    let Some(subject) = subject else { return Vec::new() };
    let mut location = Map::new();
    if let Some(path) = subject.path() {
        let mut physical = Map::new();
        physical.insert("artifactLocation".to_owned(), json!({"uri": uri(path)}));
        if let Some(region) = region {
            let region = json!({
                "startLine": region.line,
                "startColumn": region.column,
                "endLine": region.end_line,
                "endColumn": region.end_column,
            });
            physical.insert("region".to_owned(), region);
        }
        location.insert("physicalLocation".to_owned(), physical.into());
    }
    let object = subject.object().map(super::Object::shown);
    let parts = [object.as_deref(), Some(field)].into_iter().flatten().filter(|part| !part.is_empty());
    let name = parts.collect::<Vec<_>>().join("/");
    if !name.is_empty() {
        let logical = json!([{"fullyQualifiedName": name, "kind": "object"}]);
        location.insert("logicalLocations".to_owned(), logical);
    }
    vec![location.into()]
}

/// A path as a URI reference (RFC 3986): what is not unreserved is escaped, slashes apart.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            other => drop(write!(uri, "%{other:02X}")), // a String takes all
        }
    }
    uri
}
