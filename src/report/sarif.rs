//! SARIF 2.1.0 (OASIS), written result by result.

use std::fmt::Write as _;
use std::io::{self, Write};

use regcred_engine::policy::Language;
use regcred_engine::rules::{Action, Rule};
use regcred_engine::wording::{Bilingual, rule_doc};
use serde_json::{Map, Value, json};

use super::findings::{BriefFinding, Omission};
use super::{Judged, Outcome, Region, ReportWriter, ReportedFinding, Subject, Summary, Trouble, TroubleKind};

pub(super) const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// GitHub takes no report with more results (docs.github.com, "SARIF support for code scanning", limits of a run).
pub(super) const MAX_RESULTS: usize = 25_000;

/// A report as SARIF. The worst results come first: those that are not errors wait until the end.
pub(super) struct Sarif {
    language: Language,
    written: usize,
    waiting: Vec<String>,
    omitted: u64,
}

impl Sarif {
    pub(super) const fn new(language: Language) -> Self {
        Sarif { language, written: 0, waiting: Vec::new(), omitted: 0 }
    }

    fn result(&mut self, out: &mut impl Write, result: &Value) -> io::Result<()> {
        if result["level"] == "error" {
            self.write(out, &result.to_string())
        } else if self.waiting.len() < MAX_RESULTS {
            self.waiting.push(result.to_string());
            Ok(())
        } else {
            self.omitted += 1;
            Ok(())
        }
    }

    fn write(&mut self, out: &mut impl Write, result: &str) -> io::Result<()> {
        if self.written == MAX_RESULTS {
            self.omitted += 1;
            return Ok(());
        }
        out.write_all(if self.written == 0 { b"\n" } else { b",\n" })?;
        self.written += 1;
        out.write_all(result.as_bytes())
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
        let troubles = [TroubleKind::Unreadable, TroubleKind::Policy];
        let troubles = troubles.into_iter().map(|kind| {
            json!({
                "id": kind.code(),
                "shortDescription": {"text": description(kind).line(self.language)},
                "defaultConfiguration": {"level": "error"},
            })
        });
        findings.chain(troubles).collect()
    }
}

impl<W: Write> ReportWriter<W> for Sarif {
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
        for finding in judged.findings.listed().iter().filter(|finding| finding.outcome != Outcome::Fixed) {
            self.result(out, &result(finding, judged))?;
        }
        let Some(omission) = Omission::of(judged.findings.omitted().filter(BriefFinding::remains)) else {
            return Ok(());
        };
        self.omitted += omission.count as u64;
        let result = json!({
            "ruleId": omission.rule.code(),
            "level": level(omission.action),
            "message": {"text": omission.message(self.language)},
            "locations": locations(Some(&judged.subject), None, ""),
        });
        self.result(out, &result)
    }

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()> {
        if trouble.kind.is_note() {
            return Ok(());
        }
        let result = json!({
            "ruleId": trouble.kind.code(),
            "level": "error",
            "message": {"text": trouble.message},
            "locations": locations(trouble.subject.as_ref(), trouble.region.as_ref(), ""),
        });
        self.result(out, &result)
    }

    fn end(&mut self, out: &mut W, summary: &Summary) -> io::Result<()> {
        for result in std::mem::take(&mut self.waiting) {
            self.write(out, &result)?;
        }
        let successful = summary.unreadable() == 0;
        let omitted = self.omitted;
        writeln!(
            out,
            "\n],\"invocations\":[{{\"executionSuccessful\":{successful}}}],\"properties\":{{\"resultsOmitted\":{omitted}}}}}]}}"
        )
    }
}

const fn description(kind: TroubleKind) -> Bilingual<&'static str> {
    match kind {
        TroubleKind::Unreadable => Bilingual {
            english: "The file or object could not be read.",
            chinese: "无法读取该文件或对象。",
        },
        TroubleKind::Policy => Bilingual {
            english: "A regcred policy file has an error.",
            chinese: "regcred 的策略文件有误。",
        },
        TroubleKind::NotJudged => {
            Bilingual { english: "There is nothing to judge.", chinese: "没有可判断的内容。" }
        }
        TroubleKind::NotPermitted => Bilingual {
            english: "A permission to read it is missing.",
            chinese: "缺少读取它的权限。",
        },
        TroubleKind::CredentialsElsewhere => Bilingual {
            english: "The credentials are kept elsewhere, or are filled in later.",
            chinese: "凭据保存在别处，或稍后才填入。",
        },
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

fn result(finding: &ReportedFinding, judged: &Judged) -> Value {
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

pub(super) fn locations(subject: Option<&Subject>, region: Option<&Region>, field: &str) -> Vec<Value> {
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

/// A path as a URI reference (RFC 3986): everything except unreserved characters and slashes is escaped.
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
