//! Replacing a file: readers see the old one or the new one, and nothing between.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use super::file_error::FileError;

/// Held while a file is replaced.
static UNDER_WAY: Mutex<()> = Mutex::new(());

/// Waits until no file is being replaced; none is as long as this is kept. Whoever ends the program in the middle of it
/// leaves a second file behind, with the documents of the first.
pub fn none_under_way() -> MutexGuard<'static, ()> {
    // There is nothing in it that could be half done.
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there is a file that can be replaced, before it is read: what comes out of a pipe comes out once.
///
/// # Errors
/// When there is none, or something else.
pub fn replaceable(path: &Path) -> Result<(), FileError> {
    if fs::metadata(path)?.is_file() { Ok(()) } else { Err(FileError::NoFile) }
}

/// Puts `new` into the place of `old`, the content that was read. The mode stays, and where we may, the owner; a link
/// stays a link, and what it leads to is replaced.
///
/// # Errors
/// When the file cannot be written, or is not any more what was read.
pub fn replace(path: &Path, old: &[u8], new: &[u8]) -> Result<(), FileError> {
    let _under_way = none_under_way();
    let target = fs::canonicalize(path)?;
    let folder = target.parent().unwrap_or(Path::new("/"));
    let metadata = fs::metadata(&target)?;
    let mut file = NamedTempFile::with_prefix_in(".regcred-", folder)?;
    file.write_all(new)?;
    // Whoever may not give a file away leaves it with themselves, and to those who share it if that may be.
    let group = Some(metadata.gid());
    let _ =
        fchown(file.as_file(), Some(metadata.uid()), group).or_else(|_| fchown(file.as_file(), None, group));
    file.as_file().set_permissions(metadata.permissions())?;
    file.as_file().sync_all()?;
    if fs::read(&target)? != old {
        return Err(FileError::Changed);
    }
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_has_changed_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        fs::write(&file, "theirs").unwrap();
        assert!(matches!(replace(&file, b"read", b"repaired"), Err(FileError::Changed)));
        assert_eq!(fs::read(&file).unwrap(), b"theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(replace(&file, b"theirs", b"repaired").is_ok());
        assert_eq!(fs::read(&file).unwrap(), b"repaired");
    }
}
