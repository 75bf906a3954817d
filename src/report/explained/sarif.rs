//! SARIF 2.1.0: a result for each container whose pull fails, or would.

use std::io::{self, Write};

use regcred_engine::policy::Language;
use regcred_engine::pull::{Cause, Certainty};
use serde_json::{Value, json};

use super::{ExplainSummary, ExplainWriter, Explained};
use crate::report::sarif::{MAX_RESULTS, SCHEMA, locations};
use crate::report::{Object, Subject, Trouble, TroubleKind};

/// Explanations as SARIF, kept until the end.
pub(super) struct ExplainSarif {
    language: Language,
    results: Vec<Value>,
    omitted: u64,
}

impl ExplainSarif {
    pub(super) const fn new(language: Language) -> Self {
        ExplainSarif { language, results: Vec::new(), omitted: 0 }
    }

    fn add(&mut self, result: Value) {
        if self.results.len() < MAX_RESULTS {
            self.results.push(result);
        } else {
            self.omitted += 1;
        }
    }
}

impl<W: Write> ExplainWriter<W> for ExplainSarif {
    fn explained(&mut self, _out: &mut W, explained: &Explained) -> io::Result<()> {
        if explained.cause == Cause::None {
            return Ok(());
        }
        let object = explained.subject.as_ref().map(|subject| Object {
            namespace: Some(subject.namespace.clone()),
            name: Some(subject.name.clone()),
            resource_version: None,
        });
        let place = explained.place.as_ref();
        let subject = place.map(|place| Subject::File { path: place.path.clone(), object });
        let mut text = explained.message.line(self.language);
        for line in
            explained.checked.iter().map(|line| line.line(self.language)).chain(explained.remedy.clone())
        {
            text.push('\n');
            text.push_str(&line);
        }
        let container = explained.container.as_deref().unwrap_or_default();
        let region = place.and_then(|place| place.region.as_ref());
        let alternatives: Vec<_> = explained.alternatives.iter().map(|cause| cause.code()).collect();
        self.add(json!({
            "ruleId": explained.cause.code(),
            "level": if explained.certainty == Certainty::Open { "warning" } else { "error" },
            "message": {"text": text},
            "properties": {"certainty": explained.certainty.code(), "alternatives": alternatives},
            "locations": locations(subject.as_ref(), region, container),
        }));
        Ok(())
    }

    fn trouble(&mut self, _out: &mut W, trouble: &Trouble) -> io::Result<()> {
        if !trouble.kind.is_note() {
            self.add(json!({
                "ruleId": trouble.kind.code(),
                "level": "error",
                "message": {"text": trouble.message},
                "locations": locations(trouble.subject.as_ref(), trouble.region.as_ref(), ""),
            }));
        }
        Ok(())
    }

    fn end(&mut self, out: &mut W, summary: &ExplainSummary) -> io::Result<()> {
        let rules = Cause::ALL.into_iter().filter(|cause| *cause != Cause::None).map(Cause::code);
        let rules = rules.chain([TroubleKind::Unreadable.code()]).map(|code| json!({"id": code}));
        let report = json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "regcred",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules.collect::<Vec<_>>(),
                }},
                "columnKind": "unicodeCodePoints",
                "results": std::mem::take(&mut self.results),
                "invocations": [{"executionSuccessful": summary.errors() == 0}],
                "properties": {"resultsOmitted": self.omitted},
            }],
        });
        writeln!(out, "{report}")
    }
}
