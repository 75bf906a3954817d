//! Where a sink's writer writes to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::mem;
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
    /// The file was rotated away, and cannot be opened under its name.
    lost_name: bool,
    /// The last line was cut off: the next one must not be appended to it.
    torn: bool,
}

/// A write that failed.
pub(crate) struct WriteFailure {
    /// How many bytes were written.
    pub(crate) written: usize,
    /// The system's error message.
    pub(crate) reason: String,
}

impl Output {
    /// Opens a file to append to, and creates it if there is none.
    pub(crate) fn append(path: &Path) -> io::Result<Self> {
        Ok(Output { path: Some(path.to_owned()), ..Output::to(append(path)?) })
    }

    /// Writes to a stream of this process. Its own type would buffer and lock; another descriptor of it does not.
    pub(crate) fn stream(stream: impl AsFd) -> io::Result<Self> {
        Ok(Output::to(File::from(stream.as_fd().try_clone_to_owned()?)))
    }

    /// Writes to an open file.
    pub(crate) fn to(file: File) -> Self {
        Output { file, path: None, lost_name: false, torn: false }
    }

    /// Writes whole lines.
    pub(crate) fn write(&mut self, lines: &[u8]) -> Result<(), WriteFailure> {
        self.reopen_if_rotated();
        let mut written = 0;
        let result = self.write_counting(lines, &mut written);
        self.torn = if written > 0 { lines.get(written - 1) != Some(&b'\n') } else { self.torn };
        result.map_err(|error| WriteFailure { written, reason: error.to_string() })
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

    /// Opens the file again if its name leads to another one now. If that fails, the old file is better than none, and each
    /// write tries again; only the first failure is logged.
    fn reopen_if_rotated(&mut self) {
        let Some(path) = &self.path else { return };
        let same = match (fs::metadata(path), self.file.metadata()) {
            (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
            _ => false,
        };
        if same {
            self.lost_name = false;
            return;
        }
        match append(path) {
            Ok(file) => {
                self.file = file;
                self.lost_name = false;
                self.torn = false;
            }
            Err(error) => {
                if !mem::replace(&mut self.lost_name, true) {
                    tracing::warn!(path = %path.display(), %error, "cannot reopen the rotated file");
                }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::files::tests::scratch;

    #[test]
    fn lost_name_is_logged_once() {
        let folder = scratch("sink-lost-name");
        let audit = folder.join("audit");
        fs::create_dir(&audit).unwrap();
        let mut output = Output::append(&audit.join("log")).unwrap();
        fs::rename(&audit, folder.join("audit.old")).unwrap();
        let log = Arc::new(File::create(folder.join("log")).unwrap());
        let subscriber = tracing_subscriber::fmt().with_writer(log).finish();
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..3 {
                assert!(output.write(b"a\n").is_ok());
            }
        });
        let log = fs::read_to_string(folder.join("log")).unwrap();
        assert_eq!(log.matches("cannot reopen").count(), 1, "{log}");
        assert_eq!(fs::read(folder.join("audit.old/log")).unwrap(), b"a\na\na\n");
        fs::create_dir(&audit).unwrap();
        assert!(output.write(b"b\n").is_ok());
        assert_eq!(fs::read(audit.join("log")).unwrap(), b"b\n");
        fs::remove_dir_all(folder).unwrap();
    }
}
