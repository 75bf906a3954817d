//! What each output format of explanations implements.

use std::io::{self, Write};

use super::model::Explained;
use super::summary::ExplainSummary;
use crate::report::Trouble;

/// Writes explanations in one format.
pub(super) trait ExplainWriter<W: Write> {
    /// Writes what comes before the first explanation.
    fn begin(&mut self, _out: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn explained(&mut self, out: &mut W, explained: &Explained) -> io::Result<()>;

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()>;

    /// Writes what comes after the last explanation.
    fn end(&mut self, out: &mut W, summary: &ExplainSummary) -> io::Result<()>;
}
