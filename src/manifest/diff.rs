//! What a repair would change, as `patch -p1` applies it.

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
use similar::TextDiff;
use zeroize::Zeroizing;

/// What repairs would change, as one text. It holds the values of Secrets: it is data that was asked for, never talk.
#[derive(Default)]
pub struct Diff {
    /// By the name of what a link leads to: patch takes no link, and nothing twice.
    hunks: BTreeMap<PathBuf, Zeroizing<String>>,
}

impl Diff {
    /// Adds what changes in a file.
    pub fn add(&mut self, path: &Path, before: &str, after: &str) {
        // Standard input leads nowhere.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.hunks.entry(real).or_insert_with(|| hunks(before, after));
    }

    /// The whole of it. Names are those in the folder that the program runs in, or in the nearest above it that holds all of
    /// the files: patch takes no name that leads out of where it is applied.
    ///
    /// # Errors
    /// When the program runs in no folder any more.
    pub fn text(&self, language: Language) -> io::Result<Zeroizing<String>> {
        let here = env::current_dir()?;
        let mut folder = here.clone();
        for path in self.hunks.keys().filter(|path| path.is_absolute()) {
            while !path.starts_with(&folder) && folder.pop() {}
        }
        // patch passes over what stands before the first diff.
        let head = if folder == here { String::new() } else { head(&folder, language) };
        let mut text = Zeroizing::new(head);
        for (path, hunks) in &self.hunks {
            let path = path.strip_prefix(&folder).unwrap_or(path).as_os_str();
            // Behind a name with white space stands a tab.
            let tab = if path.as_bytes().contains(&b' ') { "\t" } else { "" };
            let (old, new) = (quoted("a/", path), quoted("b/", path));
            let _ = write!(text, "--- {old}{tab}\n+++ {new}{tab}\n{}", **hunks); // a String takes all
        }
        Ok(text)
    }
}

fn hunks(before: &str, after: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    // A line ends where it does to patch: a carriage return is a character of it.
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<_>>();
    let (before, after) = (lines(before), lines(after));
    for hunk in TextDiff::from_slices(&before, &after).unified_diff().context_radius(3).iter_hunks() {
        let _ = writeln!(text, "{}", hunk.header()); // a String takes all
        for change in hunk.iter_changes() {
            let line = change.value();
            let _ = write!(text, "{}{line}", change.tag()); // a String takes all
            if !line.ends_with('\n') {
                text.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    text
}

/// Says where a diff is to be applied.
fn head(folder: &Path, language: Language) -> String {
    let folder = quoted("", folder.as_os_str());
    let head = Bilingual {
        english: format!("regcred: apply this in {folder} (patch -p1 -d {folder})"),
        chinese: format!("regcred：请在 {folder} 中应用（patch -p1 -d {folder}）"),
    };
    head.into_line(language) + "\n"
}

/// A name as patch reads it: one with what would end a line, or that is no text, is quoted.
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
