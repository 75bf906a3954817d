//! Reports as JSON.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use serde::Serialize;
use serde_json::value::RawValue;

/// The lines of a report, each a JSON object.
pub(crate) type Lines = Vec<Box<RawValue>>;

/// Where a report is written to, so that it can be read again when the report has ended.
#[derive(Clone, Default)]
pub(crate) struct Written(Rc<RefCell<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    /// Returns the lines that were written.
    pub(crate) fn lines(&self) -> Lines {
        let written = self.0.borrow();
        written.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}

/// An answer as JSON. Nothing in an answer can fail to be written as JSON.
pub(crate) fn json(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).unwrap_or_default()
}
