//! What is wrong with a policy file, and where.

use std::fmt::{self, Write as _};

use serde_saphyr::Location;

/// Why a policy file cannot be used: at least one fault, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyError {
    faults: Vec<PolicyFault>,
    more: usize,
}

/// One thing that is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyFault {
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1 in characters.
    pub column: u64,
    /// What is wrong, and the remedy. One line without control characters. It quotes at most the one key or value that
    /// is wrong, cut at 80 characters.
    pub message: String,
}

impl PolicyError {
    /// Returns the faults, at least one, in the order of the file.
    #[must_use]
    pub fn faults(&self) -> &[PolicyFault] {
        &self.faults
    }

    /// Returns how many further faults there are. At most 100 are described.
    #[must_use]
    pub const fn more(&self) -> usize {
        self.more
    }

    /// A file with one fault.
    pub(super) fn one(Position { line, column }: Position, message: impl Into<String>) -> Self {
        PolicyError { faults: vec![PolicyFault { line, column, message: message.into() }], more: 0 }
    }
}

/// A place in the file: a line and a column, both counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Position {
    pub(super) const START: Position = Position { line: 1, column: 1 };
}

impl From<Location> for Position {
    /// A location that is not known counts as the start of the file.
    fn from(location: Location) -> Self {
        Position { line: location.line().max(1), column: location.column().max(1) }
    }
}

/// Collects the faults of a file while it is checked.
#[derive(Default)]
pub(super) struct Faults(PolicyError);

impl Faults {
    /// At most this many faults are described; the rest are counted.
    const MAX_DESCRIBED: usize = 100;

    /// Adds a fault. The message is only made if it is kept.
    pub(super) fn add(&mut self, location: Location, message: impl FnOnce() -> String) {
        if self.0.faults.len() < Self::MAX_DESCRIBED {
            let Position { line, column } = location.into();
            self.0.faults.push(PolicyFault { line, column, message: message() });
        } else {
            self.0.more += 1;
        }
    }

    /// Returns the value of a result. An error is a fault.
    pub(super) fn check<T>(
        &mut self,
        result: Result<T, impl FnOnce() -> String>,
        location: Location,
    ) -> Option<T> {
        result.map_err(|message| self.add(location, message)).ok()
    }

    /// Returns `value` if there are no faults.
    pub(super) fn into_result<T>(self, value: T) -> Result<T, PolicyError> {
        let Faults(mut error) = self;
        error.faults.sort();
        if error.faults.is_empty() { Ok(value) } else { Err(error) }
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl fmt::Display for PolicyError {
    /// One line for each fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_char('\n')?;
            }
            fault.fmt(f)?;
        }
        if self.more > 0 { write!(f, "\n… and {} more", self.more) } else { Ok(()) }
    }
}

impl std::error::Error for PolicyError {}
