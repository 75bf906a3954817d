//! Reading files that may be replaced at any moment.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

/// Nothing that is read here comes near this size; it keeps a wrong path (`/dev/zero`) from filling the memory.
const MAX_SIZE: u64 = 4 << 20;

/// How often a set of files is read again because the volume was swapped in between.
const ATTEMPTS: u32 = 3;

/// Why a file cannot be used. The text names the file and, where possible, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file, as it was configured.
    pub path: PathBuf,
    /// What is wrong with it.
    pub message: String,
}

impl FileError {
    pub(crate) fn new(path: &Path, message: impl Into<String>) -> Self {
        FileError { path: path.to_owned(), message: message.into() }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A policy has a line for each of its errors, and each is of use only together with the file's name.
        for (number, line) in self.message.lines().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: {line}", self.path.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for FileError {}

/// Reads files that belong together, such as a certificate and its key.
///
/// The kubelet mounts a Secret or `ConfigMap` as links through one link, `..data`, which it swaps for the next version
/// of all files at once. That link is followed once here, so files of one volume come from one version of it. Plain
/// files are read as they are: the check that they fit catches a replacement of one file at a time.
pub(crate) fn read_together(paths: &[&Path]) -> Result<Vec<Zeroizing<Vec<u8>>>, FileError> {
    let mut attempt = 1;
    loop {
        match read_once(paths) {
            // The version that `..data` named a moment ago may be gone by now.
            Err((_, error)) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => attempt += 1,
            Err((path, error)) => return Err(FileError::new(path, format!("cannot be read: {error}"))),
            Ok(contents) => return Ok(contents),
        }
    }
}

fn read_once<'a>(paths: &[&'a Path]) -> Result<Vec<Zeroizing<Vec<u8>>>, (&'a Path, io::Error)> {
    let mut versions = Versions::default();
    paths.iter().map(|&path| read(&versions.locate(path)).map_err(|error| (path, error))).collect()
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    // Room for all of it from the start: a buffer that grows leaves copies of a key behind.
    let size = usize::try_from(metadata.len().min(MAX_SIZE)).unwrap_or_default();
    let mut content = Zeroizing::new(Vec::with_capacity(size + 1));
    file.take(MAX_SIZE + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_SIZE {
        return Err(io::Error::other(format!("larger than {} MiB", MAX_SIZE >> 20)));
    }
    Ok(content)
}

/// The version of each mounted volume that this reading goes by.
#[derive(Default)]
struct Versions(Vec<(PathBuf, PathBuf)>);

impl Versions {
    /// Where to read `path`: inside the version of its volume, or where it is if it is in none.
    fn locate(&mut self, path: &Path) -> PathBuf {
        let in_volume = || {
            let target = fs::read_link(path).ok()?;
            let mut components = target.components();
            (components.next() == Some(Component::Normal("..data".as_ref())))
                .then(|| components.as_path().to_owned())
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        match in_volume() {
            Some(rest) => {
                self.version_of(folder).map_or_else(|| path.to_owned(), |version| version.join(rest))
            }
            None => path.to_owned(),
        }
    }

    fn version_of(&mut self, folder: &Path) -> Option<PathBuf> {
        if let Some((_, version)) = self.0.iter().find(|(known, _)| known == folder) {
            return Some(version.clone());
        }
        let version = folder.join(fs::read_link(folder.join("..data")).ok()?);
        self.0.push((folder.to_owned(), version.clone()));
        Some(version)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A mounted volume as the kubelet makes it.
    pub(crate) struct MountedVolume {
        pub(crate) folder: PathBuf,
        version: u32,
    }

    impl MountedVolume {
        pub(crate) fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let folder = scratch(name);
            let mut volume = MountedVolume { folder, version: 0 };
            volume.swap(files);
            for (name, _) in files {
                symlink(Path::new("..data").join(name), volume.folder.join(name)).unwrap();
            }
            volume
        }

        /// The kubelet's order: write the new version aside, rename the link over, remove the old version.
        pub(crate) fn swap(&mut self, files: &[(&str, &str)]) {
            let old = self.folder.join(format!("..{}", self.version));
            self.version += 1;
            let version = format!("..{}", self.version);
            fs::create_dir(self.folder.join(&version)).unwrap();
            for (name, content) in files {
                fs::write(self.folder.join(&version).join(name), content).unwrap();
            }
            symlink(&version, self.folder.join("..data_tmp")).unwrap();
            fs::rename(self.folder.join("..data_tmp"), self.folder.join("..data")).unwrap();
            drop(fs::remove_dir_all(old));
        }

        pub(crate) fn path(&self, name: &str) -> PathBuf {
            self.folder.join(name)
        }
    }

    impl Drop for MountedVolume {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.folder));
        }
    }

    /// An empty folder of this test's own.
    pub(crate) fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("regcred-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn files_of_a_volume_come_from_one_version() {
        let mut volume = MountedVolume::new("together", &[("a", "a1"), ("b", "b1")]);
        let mut versions = Versions::default();
        let a = versions.locate(&volume.path("a"));
        let kept = fs::read(&a).unwrap();
        // Between the two files the volume moves on; the old version stays readable for this test.
        let old = volume.folder.join("..1");
        fs::create_dir(volume.folder.join("keep")).unwrap();
        fs::copy(old.join("b"), volume.folder.join("keep/b")).unwrap();
        volume.swap(&[("a", "a2"), ("b", "b2")]);
        fs::create_dir(&old).unwrap();
        fs::copy(volume.folder.join("keep/b"), old.join("b")).unwrap();
        let b = versions.locate(&volume.path("b"));
        assert_eq!((kept, fs::read(b).unwrap()), (b"a1".to_vec(), b"b1".to_vec()));
    }

    #[test]
    fn two_swaps_in_a_row_are_both_seen() {
        let mut volume = MountedVolume::new("swaps", &[("a", "1"), ("b", "1")]);
        for content in ["2", "3"] {
            volume.swap(&[("a", content), ("b", content)]);
            let read = read_together(&[&volume.path("a"), &volume.path("b")]).unwrap();
            assert!(read.iter().all(|file| file.as_slice() == content.as_bytes()));
        }
    }

    #[test]
    fn missing_file_is_named() {
        let folder = scratch("plain");
        fs::write(folder.join("x"), "plain").unwrap();
        assert_eq!(read_together(&[&folder.join("x")]).unwrap()[0].as_slice(), b"plain");
        let error = read_together(&[&folder.join("x"), &folder.join("gone")]).unwrap_err();
        assert_eq!(error.path, folder.join("gone"));
        assert!(error.to_string().contains("gone: cannot be read: No such file"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_endless_file_is_refused() {
        let error = read_together(&[Path::new("/dev/zero")]).unwrap_err();
        assert!(error.message.contains("larger than 4 MiB"), "{error}");
    }

    #[test]
    fn every_line_of_an_error_names_the_file() {
        let error = FileError::new(Path::new("p.yaml"), "line 1, column 2: a\nline 3, column 4: b");
        assert_eq!(error.to_string(), "p.yaml: line 1, column 2: a\np.yaml: line 3, column 4: b");
    }
}
