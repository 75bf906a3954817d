//! Where the audit log's writer writes to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::audit::AuditTarget;
use super::files::FileError;

/// The group may read it: a log shipper seldom runs as the same user. The records hold no credential.
const MODE: u32 = 0o640;

/// An open audit log. Used by the writer's thread alone, so waiting is allowed here.
pub(crate) struct Output {
    file: File,
    /// A path that is looked at before each write, since a log that was rotated away goes on under its old name.
    path: Option<PathBuf>,
    /// The last record was cut off: the next one must not be glued to it.
    torn: bool,
}

/// A write that did not get through.
pub(crate) struct Failure {
    /// How many bytes did.
    pub(crate) written: usize,
    /// The system's words for it.
    pub(crate) reason: String,
}

impl Output {
    pub(crate) fn open(target: &AuditTarget) -> Result<Self, FileError> {
        match target {
            AuditTarget::Stdout => {
                let stdout = io::stdout().as_fd().try_clone_to_owned();
                // `Stdout` itself would buffer and lock; a descriptor of the same stream does not.
                let stdout = stdout
                    .map_err(|error| FileError::new(Path::new("standard output"), error.to_string()))?;
                Ok(Output::to(File::from(stdout)))
            }
            AuditTarget::File(path) => {
                let file = append(path).map_err(|error| {
                    FileError::new(path, format!("cannot be opened for the audit log: {error}"))
                })?;
                Ok(Output { file, path: Some(path.clone()), torn: false })
            }
        }
    }

    /// Writes to what is open already.
    pub(crate) fn to(file: File) -> Self {
        Output { file, path: None, torn: false }
    }

    /// Writes whole lines.
    pub(crate) fn write(&mut self, lines: &[u8]) -> Result<(), Failure> {
        self.reopen_if_rotated();
        let mut written = 0;
        let result = self.write_counting(lines, &mut written);
        self.torn = if written > 0 { lines.get(written - 1) != Some(&b'\n') } else { self.torn };
        result.map_err(|error| Failure { written, reason: error.to_string() })
    }

    fn write_counting(&mut self, lines: &[u8], written: &mut usize) -> io::Result<()> {
        if self.torn {
            retry(|| self.file.write(b"\n"))?;
            self.torn = false;
        }
        while let Some(rest) = lines.get(*written..).filter(|rest| !rest.is_empty()) {
            match retry(|| self.file.write(rest))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                more => *written += more,
            }
        }
        Ok(())
    }

    /// Follows the name to another file. If that one cannot be opened, the old one is better than none.
    fn reopen_if_rotated(&mut self) {
        let Some(path) = &self.path else { return };
        let same = match (fs::metadata(path), self.file.metadata()) {
            (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
            _ => false,
        };
        if same {
            return;
        }
        match append(path) {
            Ok(file) => {
                self.file = file;
                self.torn = false;
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the audit log was rotated away and cannot be opened anew");
            }
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(MODE).open(path)
}

/// A terminal or pipe that someone else made non-blocking says "later": then it is later.
fn retry(mut write: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match write() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
