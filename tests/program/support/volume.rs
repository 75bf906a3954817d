//! A volume that is mounted from a Secret or ConfigMap, as the kubelet makes and changes it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Files that are links through `..data`, which is a link itself and swapped for the next version of all files.
pub struct Volume {
    folder: PathBuf,
    version: u32,
}

impl Volume {
    pub fn new(folder: PathBuf, files: &[(&str, &str)]) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let mut volume = Volume { folder, version: 0 };
        volume.swap(files);
        for (name, _) in files {
            symlink(Path::new("..data").join(name), volume.path(name)).unwrap();
        }
        volume
    }

    /// In the kubelet's order: the new version is written aside, the link renamed over, the old version removed.
    pub fn swap(&mut self, files: &[(&str, &str)]) {
        let old = self.folder.join(format!("..version-{}", self.version));
        self.version += 1;
        let version = format!("..version-{}", self.version);
        fs::create_dir(self.path(&version)).unwrap();
        for (name, content) in files {
            fs::write(self.path(&version).join(name), content).unwrap();
        }
        symlink(&version, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
        if self.version > 1 {
            fs::remove_dir_all(old).unwrap();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
