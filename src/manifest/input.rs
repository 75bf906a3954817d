//! The files that are checked.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::iter;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};
use zeroize::Zeroizing;

use super::file_error::FileError;

/// No manifest is larger; a whole cluster's Secrets are scanned, not checked.
const LARGEST: u64 = 64 << 20;

/// Something to check.
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Input {
    /// Its name as it is shown.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            // Platforms that put findings beside lines know files by their bare names.
            Input::File(path) => path.strip_prefix(".").unwrap_or(path).to_string_lossy().into_owned(),
            Input::Stdin => "-".to_owned(),
        }
    }

    /// Its path; `-` for standard input.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Input::File(path) => path,
            Input::Stdin => Path::new("-"),
        }
    }

    /// Its bytes, which may be credentials.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than any manifest.
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, FileError> {
        match self {
            Input::File(path) => read(File::open(path)?),
            Input::Stdin => read(io::stdin().lock()),
        }
    }
}

fn read(mut source: impl io::Read) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.by_ref().take(LARGEST + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        return Err(FileError::TooLarge(bytes));
    }
    Ok(bytes)
}

/// What a path names: itself, or the files below a folder that may hold Secrets, in the order of their names. An error
/// stands beside the path that it is about.
pub fn inputs(path: &Path) -> Box<dyn Iterator<Item = Result<Input, (PathBuf, FileError)>>> {
    let input = if path == OsStr::new("-") {
        Ok(Input::Stdin)
    } else {
        match fs::metadata(path) {
            Err(error) => Err((path.to_owned(), error.into())),
            Ok(metadata) if metadata.is_dir() => {
                let entries = WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(is_looked_into);
                return Box::new(entries.filter_map(entry));
            }
            Ok(_) => Ok(Input::File(path.to_owned())),
        }
    };
    Box::new(iter::once(input))
}

fn entry(entry: walkdir::Result<DirEntry>) -> Option<Result<Input, (PathBuf, FileError)>> {
    match entry {
        Ok(entry) => {
            if !may_hold_secrets(entry.path()) {
                return None;
            }
            // A link counts as what it leads to; a folder behind one is not entered, so that there is an end.
            let is_file = if entry.file_type().is_symlink() {
                match fs::metadata(entry.path()) {
                    Ok(target) => target.is_file(),
                    Err(error) => return Some(Err((entry.into_path(), error.into()))),
                }
            } else {
                entry.file_type().is_file()
            };
            is_file.then(|| Ok(Input::File(entry.into_path())))
        }
        Err(error) => {
            let path = error.path().map(Path::to_owned).unwrap_or_default();
            Some(Err((path, io::Error::from(error).into())))
        }
    }
}

/// Hidden folders are tools' own, docker's apart.
fn is_looked_into(entry: &DirEntry) -> bool {
    let hidden = entry.file_name().to_string_lossy().starts_with('.');
    entry.depth() == 0 || !entry.file_type().is_dir() || !hidden || entry.file_name() == ".docker"
}

fn may_hold_secrets(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    matches!(name, ".dockerconfigjson" | ".dockercfg")
        || !name.starts_with('.')
            && ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}
