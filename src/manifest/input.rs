//! The files that are checked.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::file_error::InputError;

/// No manifest is larger. The Secrets of a whole cluster are scanned, not checked.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The most that is read of a file with another name to see what it is.
const MAX_HEAD_BYTES: u64 = 4 << 10;

/// Something to check.
pub enum Input {
    /// A file that was named, or has the name of a manifest.
    File(PathBuf),
    /// A file of a folder with another name. It is checked only if it is a Docker config.
    Other(PathBuf),
    /// Standard input.
    Stdin,
}

impl Input {
    /// Returns its name as it is shown.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            // Platforms that show findings next to lines know files by their bare names.
            Input::File(path) | Input::Other(path) => {
                path.strip_prefix(".").unwrap_or(path).to_string_lossy().into_owned()
            }
            Input::Stdin => "-".to_owned(),
        }
    }

    /// Returns its path; `-` for standard input.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Input::File(path) | Input::Other(path) => path,
            Input::Stdin => Path::new("-"),
        }
    }

    /// Whether it is checked: a file with any name can be a Docker config.
    #[must_use]
    pub fn counts(&self) -> bool {
        match self {
            Input::File(_) | Input::Stdin => true,
            Input::Other(path) => begins_as_docker_config(path),
        }
    }

    /// Reads its bytes, which can be credentials.
    ///
    /// # Errors
    /// If it cannot be read, or is larger than any manifest.
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, InputError> {
        match self {
            Input::File(path) | Input::Other(path) => {
                read(File::open(path).map_err(|error| InputError::of_path(path, error))?)
            }
            Input::Stdin => read(io::stdin().lock()),
        }
    }
}

fn read(mut source: impl io::Read) -> Result<Zeroizing<Vec<u8>>, InputError> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.by_ref().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE_BYTES) {
        return Err(InputError::TooLarge(bytes));
    }
    Ok(bytes)
}

/// Whether a file begins as a Docker config does: `{"auths"`, white space aside. One that cannot be read does not.
fn begins_as_docker_config(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_HEAD_BYTES).read_to_end(&mut head));
    let mut letters = head.iter().filter(|byte| !byte.is_ascii_whitespace());
    read.is_ok() && b"{\"auths\"".iter().all(|letter| letters.next() == Some(letter))
}
