//! Text for people about many Pods: the causes, those of most Pods first, each with examples.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use regcred_engine::policy::Language;
use regcred_engine::pull::Cause;
use regcred_engine::wording::Bilingual;

use super::text::{self, ExplainText, shown};
use super::{ExplainSummary, ExplainWriter, Explained};
use crate::report::Trouble;

/// At most this many different sentences are shown of one cause, so that memory does not grow with the number of Pods.
const MAX_SENTENCES: usize = 5;

/// At most this many containers are named for a sentence.
const MAX_EXAMPLES: usize = 3;

/// Explanations that are kept by cause until the end.
pub(super) struct GroupedText {
    language: Language,
    causes: BTreeMap<Cause, Vec<Sentence>>,
}

/// A sentence, and the containers that it is about.
struct Sentence {
    first: Explained,
    examples: Vec<String>,
    containers: u64,
}

impl GroupedText {
    pub(super) const fn new(language: Language) -> Self {
        GroupedText { language, causes: BTreeMap::new() }
    }
}

impl<W: Write> ExplainWriter<W> for GroupedText {
    fn explained(&mut self, _out: &mut W, explained: &Explained) -> io::Result<()> {
        if explained.cause == Cause::None {
            return Ok(());
        }
        let sentences = self.causes.entry(explained.cause).or_default();
        let known = sentences.iter_mut().find(|sentence| sentence.first.message == explained.message);
        if let Some(sentence) = known {
            sentence.containers += 1;
            if sentence.examples.len() < MAX_EXAMPLES {
                sentence.examples.push(example(explained));
            }
        } else if sentences.len() < MAX_SENTENCES {
            let first = explained.clone();
            sentences.push(Sentence { first, examples: vec![example(explained)], containers: 1 });
        }
        Ok(())
    }

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()> {
        ExplainText::new(self.language).trouble(out, trouble)
    }

    fn end(&mut self, out: &mut W, summary: &ExplainSummary) -> io::Result<()> {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        for (cause, count) in summary.causes() {
            let pods = count.pods;
            let of = Bilingual::new(
                format!("{pods} Pod{}", if pods == 1 { "" } else { "s" }),
                format!("{pods} 个 Pod"),
            );
            writeln!(out, "{red}[{}]{red:#} {}", cause.code(), of.into_line(self.language))?;
            let mut sentences = self.causes.remove(&cause).unwrap_or_default();
            sentences.sort_by_key(|sentence| std::cmp::Reverse(sentence.containers));
            let told: u64 = sentences.iter().map(|sentence| sentence.containers).sum();
            for sentence in &sentences {
                self.sentence(out, sentence)?;
            }
            let more = count.containers.saturating_sub(told);
            if more > 0 {
                let more = Bilingual::new(
                    format!("{more} more with other images or Secrets: see -o json"),
                    format!("另有 {more} 个，镜像或 Secret 不同：见 -o json"),
                );
                writeln!(out, "  {}", more.into_line(self.language))?;
            }
            writeln!(out)?;
        }
        ExplainText::new(self.language).end(out, summary)
    }
}

impl GroupedText {
    fn sentence(&self, out: &mut impl Write, sentence: &Sentence) -> io::Result<()> {
        let bold = Style::new().bold();
        writeln!(out, "  {bold}{}{bold:#}", sentence.first.message.line(self.language))?;
        let examples = sentence.examples.join(", ");
        let more = sentence.containers.saturating_sub(sentence.examples.len() as u64);
        let more = match more {
            0 => Bilingual::new("", ""),
            more => Bilingual::new(format!(" and {more} more"), format!(" 等，另有 {more} 个")),
        };
        writeln!(out, "  {examples}{}", more.into_line(self.language))?;
        text::details(out, &sentence.first, self.language)
    }
}

fn example(explained: &Explained) -> String {
    let subject = explained.subject.as_ref().map(super::ExplainedObject::shown).unwrap_or_default();
    let container = explained.container.as_deref().unwrap_or_default();
    format!("{} ({})", shown(&subject), shown(container))
}
