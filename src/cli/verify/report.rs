//! What `verify` prints: a line for each verification, and a summary. docs/verify.md describes the JSON; it is a contract.

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::ValueEnum;
use regcred_engine::policy::Language;
use regcred_engine::wording::Bilingual;
use serde::Serialize;

use super::Exit;
use super::asked_from::AskedFrom;
use crate::registry::{Attempts, Verification, VerifyOutcome};

/// The formats of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum VerifyFormat {
    /// Sentences for people
    Text,
    /// One JSON object per line
    Json,
}

/// Where credentials come from.
#[derive(Clone, Debug, Default)]
pub(super) struct CredentialSource {
    pub(super) namespace: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) file: Option<String>,
}

impl CredentialSource {
    fn shown(&self) -> String {
        let secret = self.secret.as_deref().map(|secret| match &self.namespace {
            Some(namespace) => format!("{namespace}/{secret}"),
            None => secret.to_owned(),
        });
        [self.file.clone(), secret].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Writes verifications as they come.
pub(super) struct VerifyReport<W> {
    format: VerifyFormat,
    language: Language,
    out: W,
    outcomes: BTreeMap<VerifyOutcome, u64>,
}

impl<W: Write> VerifyReport<W> {
    pub(super) fn new(format: VerifyFormat, language: Language, out: W) -> Self {
        VerifyReport { format, language, out, outcomes: BTreeMap::new() }
    }

    /// Writes a verification.
    pub(super) fn verification(
        &mut self,
        source: &CredentialSource,
        verification: &Verification,
    ) -> io::Result<()> {
        *self.outcomes.entry(verification.outcome).or_default() += 1;
        match self.format {
            VerifyFormat::Text => self.text(source, verification)?,
            VerifyFormat::Json => {
                let line = VerificationJson::new(source, verification, self.language);
                self.line(&line)?;
            }
        }
        self.out.flush()
    }

    fn text(&mut self, source: &CredentialSource, verification: &Verification) -> io::Result<()> {
        let Verification { registry, image, outcome, message, expires, .. } = verification;
        let about = [Some(source.shown()), registry.clone(), image.clone()];
        let about: Vec<_> = about.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        writeln!(self.out, "{}: {outcome}", about.join(" "))?;
        writeln!(self.out, "  {}", message.line(self.language))?;
        if let Some(expires) = expires.filter(|_| *outcome != VerifyOutcome::Expired) {
            let words = Bilingual::new(
                format!("The credential expires at {expires}."),
                format!("该凭据将于 {expires} 过期。"),
            );
            writeln!(self.out, "  {}", words.into_line(self.language))?;
        }
        Ok(())
    }

    /// Writes the summary, and returns the exit of the run.
    pub(super) fn end(mut self, attempts: Attempts, asked_from: &AskedFrom) -> io::Result<Exit> {
        let exit = self.exit();
        let Attempts { made, failed } = attempts;
        match self.format {
            VerifyFormat::Text => {
                let counts: Vec<_> =
                    self.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
                let counts = if counts.is_empty() { "0".to_owned() } else { counts.join(", ") };
                let from = asked_from.words();
                let words = Bilingual::new(
                    format!(
                        "Result: {counts}. Requests with credentials: {made}, of which {failed} failed. {}",
                        from.english
                    ),
                    format!("结果：{counts}。带凭据的请求 {made} 次，其中失败 {failed} 次。{}", from.chinese),
                );
                writeln!(self.out, "{}", words.into_line(self.language))?;
            }
            VerifyFormat::Json => {
                let outcomes = self.outcomes.iter().map(|(outcome, count)| (outcome.as_str(), *count));
                let line = VerifySummaryJson {
                    api_version: API_VERSION,
                    kind: "Summary",
                    outcomes: outcomes.collect(),
                    attempts: made,
                    failures: failed,
                    asked_from: &asked_from.host,
                    in_pod: asked_from.in_pod,
                };
                self.line(&line)?;
            }
        }
        self.out.flush()?;
        Ok(exit)
    }

    /// An outcome that stops pulls is 1. If there is none, 2 says that something could not be found out.
    fn exit(&self) -> Exit {
        let outcomes = || self.outcomes.keys();
        if outcomes().any(|outcome| !outcome.is_valid() && !outcome.is_open()) {
            Exit::Findings
        } else if outcomes().any(|outcome| outcome.is_open()) {
            Exit::Incomplete
        } else {
            Exit::Clean
        }
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }
}

const API_VERSION: &str = "regcred/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerificationJson<'a> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    outcome: &'static str,
    message: String,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

impl<'a> VerificationJson<'a> {
    fn new(source: &'a CredentialSource, verification: &'a Verification, language: Language) -> Self {
        VerificationJson {
            api_version: API_VERSION,
            kind: "Verification",
            namespace: source.namespace.as_deref(),
            secret: source.secret.as_deref(),
            file: source.file.as_deref(),
            registry: verification.registry.as_deref(),
            image: verification.image.as_deref(),
            outcome: verification.outcome.as_str(),
            message: verification.message.line(language),
            attempts: verification.attempts,
            expires: verification.expires.map(|expires| expires.to_string()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerifySummaryJson<'a> {
    api_version: &'static str,
    kind: &'static str,
    outcomes: BTreeMap<&'static str, u64>,
    attempts: u32,
    failures: u32,
    asked_from: &'a str,
    in_pod: bool,
}
