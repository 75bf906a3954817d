//! One JSON object per line. docs/explain.md describes the fields; they are a contract.

use std::io::{self, Write};

use regcred_engine::policy::Language;
use regcred_engine::pull::Cause;
use serde::Serialize;

use super::{ConsumerUse, ExplainSummary, ExplainWriter, Explained, POD};
use crate::report::Trouble;
use crate::report::json::{API_VERSION, FileJson, line, write_trouble};

/// Explanations as JSON lines.
pub(super) struct ExplainJson {
    language: Language,
}

impl ExplainJson {
    pub(super) const fn new(language: Language) -> Self {
        ExplainJson { language }
    }
}

impl<W: Write> ExplainWriter<W> for ExplainJson {
    fn explained(&mut self, out: &mut W, explained: &Explained) -> io::Result<()> {
        line(out, &ExplanationJson::new(explained, self.language))
    }

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()> {
        write_trouble(out, trouble)
    }

    fn end(&mut self, out: &mut W, summary: &ExplainSummary) -> io::Result<()> {
        let causes = summary.causes();
        let causes = causes.iter().map(|(cause, count)| CauseJson {
            cause: cause.code(),
            pods: count.pods,
            containers: count.containers,
        });
        line(
            out,
            &ExplainSummaryJson {
                api_version: API_VERSION,
                kind: "Summary",
                pods: summary.pods(),
                containers: summary.containers(),
                causes: causes.collect(),
                notes: summary.notes(),
                errors: summary.errors(),
            },
        )
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplanationJson<'a> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<WorkloadJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    cause: &'static str,
    certainty: &'static str,
    alternatives: Vec<&'static str>,
    message: String,
    remedy: &'a [String],
    checked: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumers: Vec<ConsumerJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileJson<'a>>,
}

#[derive(Serialize)]
struct WorkloadJson<'a> {
    kind: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
struct ConsumerJson<'a> {
    consumer: &'static str,
    uses: Vec<UseJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize)]
struct UseJson<'a> {
    secret: &'a str,
    registry: &'a str,
}

impl<'a> ExplanationJson<'a> {
    fn new(explained: &'a Explained, language: Language) -> Self {
        let subject = explained.subject.as_ref();
        let is_pod = |kind| kind == POD;
        ExplanationJson {
            api_version: API_VERSION,
            kind: "Explanation",
            namespace: subject.map(|subject| subject.namespace.as_str()),
            pod: subject.filter(|subject| is_pod(subject.kind)).map(|subject| subject.name.as_str()),
            workload: subject
                .filter(|subject| !is_pod(subject.kind))
                .map(|subject| WorkloadJson { kind: subject.kind, name: &subject.name }),
            container: explained.container.as_deref(),
            image: explained.image.as_deref(),
            host: explained.host.as_deref(),
            cause: explained.cause.code(),
            certainty: explained.certainty.code(),
            alternatives: explained.alternatives.iter().map(|cause: &Cause| cause.code()).collect(),
            message: explained.message.line(language),
            remedy: &explained.remedy,
            checked: explained.checked.iter().map(|line| line.line(language)).collect(),
            consumers: explained.consumers.iter().map(|use_| ConsumerJson::new(use_, language)).collect(),
            file: explained.place.as_ref().map(|place| FileJson::new(&place.path, place.region.as_ref())),
        }
    }
}

impl<'a> ConsumerJson<'a> {
    fn new(used: &'a ConsumerUse, language: Language) -> Self {
        ConsumerJson {
            consumer: used.consumer,
            uses: used.uses.iter().map(|(secret, registry)| UseJson { secret, registry }).collect(),
            note: used.note.as_ref().map(|note| note.line(language)),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainSummaryJson {
    api_version: &'static str,
    kind: &'static str,
    pods: u64,
    containers: u64,
    causes: Vec<CauseJson>,
    notes: u64,
    errors: u64,
}

#[derive(Serialize)]
struct CauseJson {
    cause: &'static str,
    pods: u64,
    containers: u64,
}
