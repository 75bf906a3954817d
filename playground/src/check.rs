//! `regcred check`, and its `--fix`.

use regcred::manifest::content::Content;
use regcred::manifest::hunks::hunks;
use regcred::manifest::{Checked, Manifest, Terms};
use regcred::report::{Format, Report};
use serde::Serialize;
use std::io;
use zeroize::Zeroizing;

use crate::explain;
use crate::pasted::{PASTED, Pasted};
use crate::report::{Lines, Written};
use crate::settings::Settings;

/// The answer for a text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    /// What the text was taken for.
    kind: &'static str,
    /// What is wrong with the policy; the defaults apply then.
    policy_error: Option<String>,
    /// What `regcred check -o json` prints, or `regcred explain -o json --message` for an error text.
    report: Lines,
    /// What `regcred check --fix` makes of it; absent if nothing is repaired.
    repaired: Option<Zeroizing<String>>,
    /// The hunks of `regcred check --diff`.
    diff: Option<Zeroizing<String>>,
}

/// Judges a text, or says what it proves if it is that of an error.
pub(crate) fn check(text: &str, settings: &Settings) -> Answer {
    let pasted = Pasted::of(text);
    let policy_error = settings.policy_error.clone();
    let Some(document) = pasted.document() else {
        let report = explain::message(text, settings);
        return Answer { kind: "error", policy_error, report, repaired: None, diff: None };
    };
    let content = Content::new(document.as_bytes());
    let manifest = Manifest::read(PASTED, &content);
    let terms = Terms { policy: &settings.policy, now: settings.now };
    let checked = manifest.check(terms);
    let repaired = manifest.repaired(terms);
    let kind = match (&pasted, checked.is_docker_config) {
        (Pasted::Encoded(_), _) => "encoded",
        (_, true) => "docker-config",
        (_, false) => "manifest",
    };
    Answer {
        kind,
        policy_error,
        // Memory takes whatever is written.
        report: report(&checked, settings).unwrap_or_default(),
        diff: repaired.as_ref().map(|repaired| hunks(document, repaired)),
        repaired,
    }
}

fn report(checked: &Checked, settings: &Settings) -> io::Result<Lines> {
    let out = Written::default();
    let mut report = Report::begin(Format::Json, settings.language(), out.clone())?;
    report.policies(checked.policies);
    report.skipped(checked.skipped);
    checked.judged.iter().try_for_each(|judged| report.judged(judged))?;
    checked.troubles.iter().try_for_each(|trouble| report.trouble(trouble))?;
    report.end()?;
    Ok(out.lines())
}
