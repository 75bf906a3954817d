//! Files by their paths: the Pods in them, or an image with the pull Secrets in them.

use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use regcred_engine::pull::{Cause, explain};

use super::asked::RegistryAnswers;
use super::files::{FileSurroundings, FoundPod, unreadable};
use super::image::ImageQuestion;
use super::surroundings::Surroundings;
use crate::manifest::content::Content;
use crate::manifest::input::Input;
use crate::manifest::walk::{Inputs, Selection};
use crate::report::explained::{ExplainReport, Explained, ExplainedObject, ExplainedPlace};

/// Explains the Pods in files. Objects without a namespace are in `namespace`.
///
/// # Errors
/// When the report cannot be written.
pub(crate) fn explain_files<W: Write + 'static>(
    paths: &[PathBuf],
    namespace: &str,
    now: Timestamp,
    mut asking: Option<RegistryAnswers<'_>>,
    report: &mut ExplainReport<W>,
) -> io::Result<()> {
    let read = read_paths(paths, namespace, report)?;
    for found in &read.pods {
        found.explain(&read.around, now, asking.as_mut(), report)?;
    }
    Ok(())
}

impl FoundPod {
    fn explain<W: Write + 'static>(
        &self,
        around: &Surroundings,
        now: Timestamp,
        asking: Option<&mut RegistryAnswers<'_>>,
        report: &mut ExplainReport<W>,
    ) -> io::Result<()> {
        report.pod();
        let facts = self.pod.facts(&self.namespace, self.origin, around);
        let mut explanations = explain(&facts, now);
        if let Some(asking) = asking {
            asking.add(&facts, &mut explanations);
        }
        for explanation in explanations {
            if explanation.cause == Cause::None {
                continue;
            }
            let subject = ExplainedObject {
                kind: self.origin.kind(),
                namespace: self.namespace.clone(),
                name: self.pod.name().to_owned(),
            };
            let region = self.object.place_of(&explanation.image);
            let mut explained = Explained::of_container(subject, explanation);
            explained.place = Some(ExplainedPlace { path: self.path.clone(), region: Some(region) });
            report.explained(&explained)?;
        }
        Ok(())
    }
}

/// Explains an image with all pull Secrets of some files.
///
/// # Errors
/// When the report cannot be written.
pub(crate) fn explain_image_with_files<W: Write + 'static>(
    image: &str,
    paths: &[PathBuf],
    namespace: &str,
    now: Timestamp,
    report: &mut ExplainReport<W>,
) -> io::Result<()> {
    let read = read_paths(paths, namespace, report)?;
    let secrets = read.pull_secrets();
    ImageQuestion { namespace, image, secrets, account: None }.explain(now, report)
}

/// Reads files, folders and standard input.
fn read_paths<W: Write + 'static>(
    paths: &[PathBuf],
    namespace: &str,
    report: &mut ExplainReport<W>,
) -> io::Result<FileSurroundings> {
    let mut read = FileSurroundings::default();
    let selection = Selection::new(&[], false, false).map_err(io::Error::other)?;
    for found in Inputs::new(paths, &selection) {
        let (input, bytes) = match found {
            Ok(input) if !input.counts() => continue,
            Ok(input) => {
                let bytes = input.read();
                (input, bytes)
            }
            Err((path, error)) => (Input::File(path), Err(error)),
        };
        let path = input.shown();
        match bytes {
            Ok(bytes) => read.add(&path, &Content::new(&bytes), namespace, report)?,
            Err(error) => report.trouble(&unreadable(&path, error.message().into_line(report.language())))?,
        }
    }
    Ok(read)
}
