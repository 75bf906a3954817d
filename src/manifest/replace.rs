//! Replaces files atomically: readers see either the old or the new content.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use super::file_error::InputError;

/// Held while a file is replaced.
static UNDER_WAY: Mutex<()> = Mutex::new(());

/// Waits until no file is being replaced, and prevents further replacements while the guard is held. If the program ended in
/// the middle of one, a second file with the same credentials would remain.
pub fn none_under_way() -> MutexGuard<'static, ()> {
    // The lock protects no data that a panic could leave inconsistent.
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks before reading that a path is a file that can be replaced: a pipe could be read only once.
///
/// # Errors
/// If there is no such file, or it is not a regular file.
pub fn replaceable(path: &Path) -> Result<(), InputError> {
    if fs::metadata(path)?.is_file() { Ok(()) } else { Err(InputError::NotAFile) }
}

/// Replaces the content of a file by `new` if it still is `old`. The mode is kept, and the owner if the system permits it. A
/// link remains a link; its target is replaced.
///
/// # Errors
/// If the file cannot be written, or has changed since it was read.
pub fn replace(path: &Path, old: &[u8], new: &[u8]) -> Result<(), InputError> {
    let _under_way = none_under_way();
    let target = fs::canonicalize(path)?;
    let folder = target.parent().unwrap_or(Path::new("/"));
    let metadata = fs::metadata(&target)?;
    let mut file = NamedTempFile::with_prefix_in(".regcred-", folder)?;
    file.write_all(new)?;
    // Without permission to change the owner, the file belongs to the current user, and to its old group if possible.
    let group = Some(metadata.gid());
    let _ =
        fchown(file.as_file(), Some(metadata.uid()), group).or_else(|_| fchown(file.as_file(), None, group));
    file.as_file().set_permissions(metadata.permissions())?;
    file.as_file().sync_all()?;
    if fs::read(&target)? != old {
        return Err(InputError::Changed);
    }
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_files_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        fs::write(&file, "changed").unwrap();
        assert!(matches!(replace(&file, b"read", b"repaired"), Err(InputError::Changed)));
        assert_eq!(fs::read(&file).unwrap(), b"changed");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(replace(&file, b"changed", b"repaired").is_ok());
        assert_eq!(fs::read(&file).unwrap(), b"repaired");
    }
}
