//! Where a sink's writer writes to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The group may read it: a log shipper seldom runs as the same user. No line holds a credential.
const MODE: u32 = 0o640;

/// An open file or stream. Only the writer's thread uses it, so it may wait.
pub(crate) struct Output {
    file: File,
    /// Checked before each write: a file that was rotated away is still open under its new name.
    path: Option<PathBuf>,
    /// The last line was cut off: the next one must not be appended to it.
    torn: bool,
}

/// A write that failed.
pub(crate) struct Failure {
    /// How many bytes were written.
    pub(crate) written: usize,
    /// The system's error message.
    pub(crate) reason: String,
}

impl Output {
    /// Opens a file to append to, and creates it if there is none.
    pub(crate) fn append(path: &Path) -> io::Result<Self> {
        Ok(Output { file: append(path)?, path: Some(path.to_owned()), torn: false })
    }

    /// Writes to a stream of this process. Its own type would buffer and lock; another descriptor of it does not.
    pub(crate) fn stream(stream: impl AsFd) -> io::Result<Self> {
        Ok(Output::to(File::from(stream.as_fd().try_clone_to_owned()?)))
    }

    /// Writes to an open file.
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

    /// Opens the file anew if its name leads to another one by now. If that fails, the old file is better than none.
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
                tracing::warn!(path = %path.display(), %error, "cannot reopen the rotated file");
            }
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(MODE).open(path)
}

/// Retries what another process's non-blocking mode of a shared terminal or pipe refuses for now.
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
