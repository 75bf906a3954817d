//! The changes of a repair as a diff for `patch -p1`.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use regcred_engine::policy::Language;
use regcred_engine::wording::Bilingual;
use zeroize::Zeroizing;

use super::hunks::hunks;

/// The changes of several repairs as one diff. It contains the values of Secrets: it is output that was asked for, never a
/// message.
#[derive(Default)]
pub struct Diff {
    /// By the resolved path: patch follows no link, and accepts each file only once.
    hunks: BTreeMap<PathBuf, Zeroizing<String>>,
}

impl Diff {
    /// Adds the changes of a file.
    pub fn add(&mut self, path: &Path, before: &str, after: &str) {
        // Standard input has no path to resolve.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.hunks.entry(real).or_insert_with(|| hunks(before, after));
    }

    /// Returns the diff. Names are relative to the current folder, or to the nearest folder above it that contains all the files:
    /// patch refuses names outside of the folder that it runs in.
    ///
    /// # Errors
    /// If the current folder no longer exists.
    pub fn text(&self, language: Language) -> io::Result<Zeroizing<String>> {
        let here = env::current_dir()?;
        let mut folder = here.clone();
        for path in self.hunks.keys().filter(|path| path.is_absolute()) {
            while !path.starts_with(&folder) && folder.pop() {}
        }
        // patch ignores text before the first diff.
        let head = if folder == here { String::new() } else { head(&folder, language) };
        let mut text = Zeroizing::new(head);
        for (path, hunks) in &self.hunks {
            let path = path.strip_prefix(&folder).unwrap_or(path).as_os_str();
            // A name with white space is followed by a tab.
            let tab = if path.as_bytes().contains(&b' ') { "\t" } else { "" };
            let (old, new) = (quoted("a/", path), quoted("b/", path));
            let _ = write!(text, "--- {old}{tab}\n+++ {new}{tab}\n{}", **hunks); // a String takes all
        }
        Ok(text)
    }
}

/// Says in which folder to apply the diff.
fn head(folder: &Path, language: Language) -> String {
    let folder = quoted("", folder.as_os_str());
    let head = Bilingual {
        english: format!("regcred: apply this in {folder} (patch -p1 -d {folder})"),
        chinese: format!("regcred：请在 {folder} 中应用（patch -p1 -d {folder}）"),
    };
    head.into_line(language) + "\n"
}

/// A name as patch reads it: quoted if it contains a line end or is not UTF-8.
fn quoted(side: &str, path: &OsStr) -> String {
    let special = |c: char| c.is_control() || matches!(c, '"' | '\\');
    if let Some(path) = path.to_str().filter(|path| !path.contains(special)) {
        return format!("{side}{path}");
    }
    let mut quoted = format!("\"{side}");
    for byte in path.as_bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
            0x20..=0x7e => quoted.push(char::from(*byte)),
            other => drop(write!(quoted, "\\{other:03o}")), // a String takes all
        }
    }
    quoted.push('"');
    quoted
}
