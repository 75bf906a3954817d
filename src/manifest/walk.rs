//! The files of a folder that can contain pull Secrets, found as ripgrep finds files: `.gitignore` counts, hidden files and
//! folders are left out, and the order is that of the names.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ignore::overrides::{Override, OverrideBuilder};
use ignore::{DirEntry, Walk, WalkBuilder};

use super::file_error::InputError;
use super::input::Input;
use crate::report::LeftOut;

/// Which files of a folder are read.
#[derive(Clone, Debug)]
pub struct Selection {
    exclude: Override,
    hidden: bool,
    no_ignore: bool,
}

impl Selection {
    /// Skips what `exclude` names: globs in the syntax of a `.gitignore` in the current folder. With `hidden`, hidden
    /// files and folders are read, and with `no_ignore` also what a `.gitignore`, a `.ignore` or git's other ignore files
    /// name.
    ///
    /// # Errors
    /// Returns the glob that is invalid.
    pub fn new(exclude: &[String], hidden: bool, no_ignore: bool) -> Result<Self, String> {
        let mut builder = OverrideBuilder::new(".");
        for glob in exclude {
            // An override names what is read; with `!` it names what is not.
            builder.add(&format!("!{glob}")).map_err(|_| glob.clone())?;
        }
        let exclude = builder.build().map_err(|_| exclude.join(" "))?;
        Ok(Selection { exclude, hidden, no_ignore })
    }
}

/// The inputs that paths name: files, standard input, and the files of folders that can contain Secrets. An error has the path
/// that it is about.
pub struct Inputs<'a> {
    paths: std::slice::Iter<'a, PathBuf>,
    selection: &'a Selection,
    folder: Option<Folder>,
    left_out: LeftOut,
}

/// An input, or the path that cannot be read.
pub type FoundInput = Result<Input, (PathBuf, InputError)>;

impl<'a> Inputs<'a> {
    /// Returns the inputs that `paths` name, in this order.
    #[must_use]
    pub fn new(paths: &'a [PathBuf], selection: &'a Selection) -> Self {
        Inputs { paths: paths.iter(), selection, folder: None, left_out: LeftOut::default() }
    }

    /// Returns what was left out so far.
    #[must_use]
    pub const fn left_out(&self) -> LeftOut {
        self.left_out
    }
}

impl Iterator for Inputs<'_> {
    type Item = FoundInput;

    fn next(&mut self) -> Option<FoundInput> {
        loop {
            if let Some(folder) = &mut self.folder {
                if let Some(found) = folder.next() {
                    return Some(found);
                }
                let LeftOut { hidden_folders, ignored } = folder.left_out();
                self.left_out.hidden_folders += hidden_folders;
                self.left_out.ignored += ignored;
                self.folder = None;
            }
            let path = self.paths.next()?;
            if path == OsStr::new("-") {
                return Some(Ok(Input::Stdin));
            }
            match fs::metadata(path) {
                Err(error) => return Some(Err((path.clone(), InputError::of_path(path, error)))),
                Ok(metadata) if metadata.is_dir() => self.folder = Some(Folder::new(path, self.selection)),
                // A file that is named is always read, even if its name is different or it is ignored.
                Ok(_) => return Some(Ok(Input::File(path.clone()))),
            }
        }
    }
}

/// A walk through a folder.
struct Folder {
    walk: Walk,
    counts_ignored: bool,
    filtered: Arc<Filtered>,
    /// The number of entries in the folders that were entered, and how many of them the walk returned.
    entries: u64,
    walked: u64,
}

/// Counts what the filter left out, which the walk does not report.
#[derive(Default)]
struct Filtered {
    hidden_folders: AtomicU64,
    all: AtomicU64,
}

impl Folder {
    fn new(root: &Path, selection: &Selection) -> Self {
        let filtered = Arc::new(Filtered::default());
        let mut builder = WalkBuilder::new(root);
        builder.standard_filters(!selection.no_ignore).sort_by_file_name(OsStr::cmp);
        // Hidden files are left out by the filter below: two hidden names are read.
        builder.hidden(false).filter_entry({
            let (filtered, selection) = (Arc::clone(&filtered), selection.clone());
            move |entry| {
                let is_folder = is_folder(entry);
                let is_hidden = !selection.hidden && is_hidden(entry, is_folder);
                let is_read = !is_hidden && !selection.exclude.matched(entry.path(), is_folder).is_ignore();
                if !is_read {
                    filtered.all.fetch_add(1, Relaxed);
                    filtered.hidden_folders.fetch_add(u64::from(is_hidden && is_folder), Relaxed);
                }
                is_read
            }
        });
        Folder {
            walk: builder.build(),
            counts_ignored: !selection.no_ignore,
            filtered,
            entries: 0,
            walked: 0,
        }
    }

    fn left_out(&self) -> LeftOut {
        let filtered = self.filtered.all.load(Relaxed);
        LeftOut {
            hidden_folders: self.filtered.hidden_folders.load(Relaxed),
            // The walk does not report what an ignore file names: it is what was neither returned nor filtered.
            ignored: self.entries.saturating_sub(self.walked + filtered),
        }
    }
}

impl Iterator for Folder {
    type Item = FoundInput;

    fn next(&mut self) -> Option<FoundInput> {
        loop {
            match self.walk.next()? {
                Ok(entry) => {
                    self.walked += u64::from(entry.depth() > 0);
                    if is_folder(&entry) && self.counts_ignored {
                        let entries = fs::read_dir(entry.path()).map_or(0, Iterator::count);
                        self.entries += entries as u64;
                    }
                    if let Some(found) = file(entry) {
                        return Some(found);
                    }
                }
                Err(error) => {
                    let path = path_of(&error).map(Path::to_owned).unwrap_or_default();
                    let error = error.into_io_error().unwrap_or_else(|| io::Error::other("cannot be walked"));
                    return Some(Err((path, error.into())));
                }
            }
        }
    }
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        ignore::Error::Loop { child, .. } => Some(child),
        _ => None,
    }
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

/// Hidden folders are the tools' own, and so are hidden files, except for the two names of a bare Docker config.
fn is_hidden(entry: &DirEntry, is_folder: bool) -> bool {
    let name = entry.file_name();
    let is_read = !is_folder && matches!(name.to_str(), Some(".dockerconfigjson" | ".dockercfg"));
    entry.depth() > 0 && name.as_encoded_bytes().first() == Some(&b'.') && !is_read
}

/// Returns the file of an entry; `None` if it is not a file. A link counts as its target, but links to folders are not
/// followed, so that the walk ends.
fn file(entry: DirEntry) -> Option<FoundInput> {
    let kind = entry.file_type()?;
    let is_named_so = has_name_of_manifest(entry.path());
    let is_file = if kind.is_symlink() {
        match fs::metadata(entry.path()) {
            Ok(target) => target.is_file(),
            // Other links can lead nowhere.
            Err(_) if !is_named_so => false,
            Err(error) => {
                let error = InputError::of_path(entry.path(), error);
                return Some(Err((entry.into_path(), error)));
            }
        }
    } else {
        kind.is_file()
    };
    is_file.then(|| {
        let path = entry.into_path();
        Ok(if is_named_so { Input::File(path) } else { Input::Other(path) })
    })
}

fn has_name_of_manifest(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    matches!(name, ".dockerconfigjson" | ".dockercfg" | "Kustomization")
        || ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    /// Returns the names of the files that are read, and what is left out.
    fn read(root: &Path, selection: &Selection) -> (Vec<String>, LeftOut) {
        let paths = [root.to_owned()];
        let mut inputs = Inputs::new(&paths, selection);
        let names = iter::from_fn(|| inputs.next()).map(|found| {
            let Ok(Input::File(path) | Input::Other(path)) = found else { panic!("a file") };
            path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()
        });
        let names = names.collect();
        (names, inputs.left_out())
    }

    #[test]
    fn left_out_files_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::create_dir_all(root.join("node_modules/x")).unwrap();
        fs::create_dir_all(root.join("sub/.cache")).unwrap();
        for file in [
            ".gitignore",
            ".hidden.yaml",
            ".dockercfg",
            "a.yaml",
            "b.yaml",
            "node_modules/x/a.yaml",
            "sub/.cache/a.yaml",
            "sub/.dockerconfigjson",
            "sub/b.yaml",
            "sub/c.txt",
        ] {
            fs::write(root.join(file), "").unwrap();
        }
        fs::write(root.join(".gitignore"), "node_modules\n/b.yaml\n").unwrap();

        let selection = |exclude: &[&str], hidden, no_ignore| {
            let exclude: Vec<_> = exclude.iter().map(|glob| (*glob).to_owned()).collect();
            Selection::new(&exclude, hidden, no_ignore).unwrap()
        };

        let usual = read(root, &selection(&[], false, false));
        assert_eq!(usual.0, [".dockercfg", "a.yaml", "sub/.dockerconfigjson", "sub/b.yaml", "sub/c.txt"]);
        assert_eq!(usual.1, LeftOut { hidden_folders: 2, ignored: 2 });

        let excluded = read(root, &selection(&["sub"], false, false));
        assert_eq!(excluded.0, [".dockercfg", "a.yaml"]);
        assert_eq!(excluded.1, LeftOut { hidden_folders: 1, ignored: 2 });

        let all = read(root, &selection(&[], true, true));
        assert_eq!(all.0.len(), 10, "{:?}", all.0);
        assert_eq!(all.1, LeftOut::default());
    }
}
