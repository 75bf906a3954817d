//! What each output format implements.

use std::io::{self, Write};

use super::model::{Judged, Trouble};
use super::summary::Summary;

/// Writes a report in one format.
pub(super) trait ReportWriter<W: Write> {
    /// Writes what comes before the first Secret.
    fn begin(&mut self, _out: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn judged(&mut self, out: &mut W, judged: &Judged) -> io::Result<()>;

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()>;

    /// Writes what comes after the last Secret.
    fn end(&mut self, out: &mut W, summary: &Summary) -> io::Result<()>;
}
