//! `regcred explain --image` and `regcred explain --message`.

use std::io;

use regcred::explain::image::explain_image_with_content;
use regcred::manifest::content::Content;
use regcred::report::explained::{Arrangement, ExplainFormat, ExplainReport, Explained};
use regcred_engine::pull::explain_message;

use crate::pasted::{PASTED, Pasted};
use crate::report::{Lines, Written};
use crate::settings::Settings;

type Report = ExplainReport<Written>;

/// Returns the lines of `regcred explain -o json --image IMAGE -f FILE`.
pub(crate) fn image(text: &str, image: &str, settings: &Settings) -> Lines {
    let pasted = Pasted::of(text);
    let content = Content::new(pasted.document().unwrap_or_default().as_bytes());
    report(settings, |report| explain_image_with_content(image, PASTED, &content, settings.now, report))
}

/// Returns the lines of `regcred explain -o json --message TEXT`.
pub(crate) fn message(text: &str, settings: &Settings) -> Lines {
    report(settings, |report| report.explained(&Explained::of_message(explain_message(text))))
}

fn report(settings: &Settings, answer: impl FnOnce(&mut Report) -> io::Result<()>) -> Lines {
    let out = Written::default();
    let begun = Report::begin(ExplainFormat::Json, Arrangement::Each, settings.language(), out.clone());
    let written = begun.and_then(|mut report| {
        answer(&mut report)?;
        report.end()
    });
    // Memory takes whatever is written.
    written.map(|_| out.lines()).unwrap_or_default()
}
