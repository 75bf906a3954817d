//! One JSON object per line. docs/check.md describes the fields; they are a contract.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use regcred_engine::policy::Language;
use serde::Serialize;
use serde_json::Serializer;

use super::findings::Omission;
use super::{
    Counts, Judged, Object, Outcome, Region, ReportWriter, ReportedFinding, Subject, Summary, Trouble,
};

pub(super) const API_VERSION: &str = "regcred/v1";

/// The code of the note that counts the findings that are not listed.
const FINDINGS_OMITTED: &str = "findings-omitted";

/// A report as JSON lines.
pub(super) struct Json {
    pub(super) language: Language,
}

impl<W: Write> ReportWriter<W> for Json {
    fn judged(&mut self, out: &mut W, judged: &Judged) -> io::Result<()> {
        for finding in judged.findings.listed() {
            line(out, &FindingJson::new(finding, judged))?;
        }
        let Some(omission) = Omission::of(judged.findings.omitted()) else { return Ok(()) };
        line(
            out,
            &TroubleJson {
                api_version: API_VERSION,
                kind: "Note",
                code: FINDINGS_OMITTED,
                message: &omission.message(self.language),
                findings_omitted: Some(omission.count),
                place: PlaceJson::new(Some(&judged.subject), None),
            },
        )
    }

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()> {
        write_trouble(out, trouble)
    }

    fn end(&mut self, out: &mut W, summary: &Summary) -> io::Result<()> {
        let rules = summary.by_namespace();
        line(
            out,
            &SummaryJson {
                api_version: API_VERSION,
                kind: "Summary",
                secrets: summary.secrets(),
                secrets_with_findings: summary.secrets_with_findings(),
                policies: summary.policies(),
                total: CountsJson::from(summary.total()),
                not_judged: summary.not_judged(),
                notes: summary.notes(),
                errors: summary.unreadable() + summary.policy_faults(),
                skipped: summary.skipped(),
                hidden_folders: summary.left_out().hidden_folders,
                ignored: summary.left_out().ignored,
                rules: rules
                    .map(|(namespace, rule, counts)| RuleJson {
                        namespace,
                        code: rule.code(),
                        counts: CountsJson::from(counts),
                    })
                    .collect(),
            },
        )
    }
}

pub(super) fn write_trouble(out: &mut impl Write, trouble: &Trouble) -> io::Result<()> {
    line(
        out,
        &TroubleJson {
            api_version: API_VERSION,
            kind: if trouble.kind.is_note() { "Note" } else { "Error" },
            code: trouble.kind.code(),
            message: &trouble.message,
            findings_omitted: None,
            place: PlaceJson::new(trouble.subject.as_ref(), trouble.region.as_ref()),
        },
    )
}

pub(super) fn line<W: Write>(out: &mut W, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::new(&mut *out))?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingJson<'a> {
    api_version: &'static str,
    kind: &'static str,
    code: &'static str,
    action: &'static str,
    rule_action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    capped_by: Option<&'static str>,
    message: String,
    remedy: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<&'a str>,
    field: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    consumers: BTreeMap<&'static str, &'static str>,
    repairable: bool,
    fixed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_fixed: Option<&'a str>,
    backstop: &'static str,
    #[serde(flatten)]
    place: PlaceJson<'a>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

impl<'a> FindingJson<'a> {
    fn new(finding: &'a ReportedFinding, judged: &'a Judged) -> Self {
        FindingJson {
            api_version: API_VERSION,
            kind: "Finding",
            code: finding.rule.code(),
            action: finding.action.as_str(),
            rule_action: finding.rule_action.as_str(),
            capped_by: finding.capped_by.map(regcred_engine::finding::Cap::as_str),
            message: finding.message(),
            remedy: finding.remedy(),
            registry: finding.registry.as_deref(),
            field: &finding.field,
            consumers: finding
                .affected
                .outcomes()
                .map(|(consumer, outcome)| (consumer.json_name(), outcome.json_name()))
                .collect(),
            repairable: finding.outcome == Outcome::Repairable,
            fixed: finding.outcome == Outcome::Fixed,
            not_fixed: match &finding.outcome {
                Outcome::Held(why) | Outcome::Refused(why) => Some(why),
                Outcome::Remains | Outcome::Repairable | Outcome::Fixed => None,
            },
            backstop: finding.backstop.as_str(),
            place: PlaceJson::new(Some(&judged.subject), finding.region.as_ref()),
            notes: &judged.notes,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TroubleJson<'a> {
    api_version: &'static str,
    kind: &'static str,
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings_omitted: Option<usize>,
    #[serde(flatten)]
    place: PlaceJson<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaceJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<SecretJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileJson<'a> {
    path: &'a str,
    #[serde(flatten)]
    region: Option<RegionJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegionJson {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecretJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_version: Option<&'a str>,
}

impl<'a> FileJson<'a> {
    pub(super) fn new(path: &'a str, region: Option<&Region>) -> Self {
        let region = region.map(|region| RegionJson {
            line: region.line,
            column: region.column,
            end_line: region.end_line,
            end_column: region.end_column,
        });
        FileJson { path, region }
    }
}

impl<'a> PlaceJson<'a> {
    fn new(subject: Option<&'a Subject>, region: Option<&'a Region>) -> Self {
        PlaceJson {
            file: subject.and_then(Subject::path).map(|path| FileJson::new(path, region)),
            secret: subject.and_then(Subject::object).map(SecretJson::new),
        }
    }
}

impl<'a> SecretJson<'a> {
    fn new(object: &'a Object) -> Self {
        SecretJson {
            namespace: object.namespace.as_deref(),
            name: object.name.as_deref(),
            resource_version: object.resource_version.as_deref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryJson<'a> {
    api_version: &'static str,
    kind: &'static str,
    secrets: u64,
    secrets_with_findings: u64,
    policies: u64,
    #[serde(flatten)]
    total: CountsJson,
    not_judged: u64,
    #[serde(skip_serializing_if = "is_zero")]
    notes: u64,
    errors: u64,
    #[serde(skip_serializing_if = "is_zero")]
    skipped: u64,
    #[serde(skip_serializing_if = "is_zero")]
    hidden_folders: u64,
    #[serde(skip_serializing_if = "is_zero")]
    ignored: u64,
    rules: Vec<RuleJson<'a>>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    code: &'static str,
    #[serde(flatten)]
    counts: CountsJson,
}

#[derive(Serialize)]
struct CountsJson {
    deny: u64,
    warn: u64,
    audit: u64,
    repairable: u64,
    refused: u64,
    fixed: u64,
}

impl From<Counts> for CountsJson {
    fn from(Counts { deny, warn, audit, repairable, refused, fixed }: Counts) -> Self {
        CountsJson { deny, warn, audit, repairable, refused, fixed }
    }
}
