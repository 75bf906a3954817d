//! New versions of files: polled, compared by their bytes, checked, then swapped in.
//!
//! A watch would be faster and wrong: a mounted volume changes by a swap of links, of which a watch on a file sees the
//! first and none of the later ones. The kubelet takes up to a minute to swap them anyway.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::metrics::LastReload;
use super::shared::Shared;
use super::tls::TlsFiles;
use crate::files::{FileError, read_together};
use crate::policy_file::PolicyFile;

/// Files that are polled. Their content is kept as a hash: one of them may be a key.
pub(crate) struct WatchedFiles {
    paths: Vec<PathBuf>,
    in_use: [u8; 32],
    problem: Option<FileError>,
}

/// What a poll of the files found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Poll<T> {
    /// They are the version in use.
    Same,
    /// They are the version in use again, after a version that was not usable.
    Restored,
    /// Another version, which is usable.
    New(T),
    /// They are not usable; `first` unless the previous poll found the same error.
    Bad { error: FileError, first: bool },
}

impl WatchedFiles {
    /// Starts from the version in use: the files' content as it was loaded.
    pub(crate) fn new(paths: &[&Path], contents: &[Zeroizing<Vec<u8>>]) -> Self {
        WatchedFiles {
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
            in_use: hash(contents),
            problem: None,
        }
    }

    /// Polls once. A version that was not usable is checked again each time, as the reason may be the clock.
    pub(crate) fn poll<T>(
        &mut self,
        check: impl FnOnce(&[Zeroizing<Vec<u8>>]) -> Result<T, FileError>,
    ) -> Poll<T> {
        let paths: Vec<&Path> = self.paths.iter().map(PathBuf::as_path).collect();
        let read = read_together(&paths);
        if let Ok(contents) = &read
            && hash(contents) == self.in_use
        {
            return if self.problem.take().is_some() { Poll::Restored } else { Poll::Same };
        }
        match read.and_then(|contents| Ok((check(&contents)?, contents))) {
            Ok((value, contents)) => {
                self.in_use = hash(&contents);
                self.problem = None;
                Poll::New(value)
            }
            Err(error) => {
                let first = self.problem.as_ref() != Some(&error);
                self.problem = Some(error.clone());
                Poll::Bad { error, first }
            }
        }
    }
}

fn hash(contents: &[Zeroizing<Vec<u8>>]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for content in contents {
        context.update(&content.len().to_le_bytes());
        context.update(content);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The files of one server.
pub(crate) struct Reloader {
    pub(crate) tls: (TlsFiles, WatchedFiles),
    pub(crate) policy: Option<(PolicyFile, WatchedFiles)>,
}

impl Reloader {
    /// Polls on a thread of its own until the program ends, so that a hanging volume delays no request.
    pub(crate) fn start(mut self, interval: Duration, shared: &Arc<Shared>) -> std::io::Result<()> {
        let shared = Arc::clone(shared);
        thread::Builder::new().name("reload".to_owned()).spawn(move || {
            loop {
                thread::sleep(interval);
                // A file that makes its parser panic is one more that is not usable, and the next poll is another
                // chance. Without this thread, certificates would expire unnoticed.
                for poll in [Reloader::tls, Reloader::policy] {
                    if catch_unwind(AssertUnwindSafe(|| poll(&mut self, &shared))).is_err() {
                        shared.metrics.panics.inc();
                    }
                }
                // The audit log's writer cannot report losses while it is stalled.
                shared.audit.report_losses();
            }
        })?;
        Ok(())
    }

    fn tls(&mut self, shared: &Shared) {
        let (files, watched) = &mut self.tls;
        let poll = watched.poll(|contents| files.check(contents, &shared.provider, Timestamp::now()));
        apply("TLS files", poll, &shared.metrics.tls_reload, |change| {
            shared.served.swap(change);
            shared.served.log();
        });
    }

    fn policy(&mut self, shared: &Shared) {
        let Some((file, watched)) = &mut self.policy else { return };
        let poll = watched.poll(|contents| {
            let content = contents.first().map(|content| content.as_slice()).unwrap_or_default();
            file.parse(content)
        });
        apply("policy file", poll, &shared.metrics.policy_reload, |policy| {
            tracing::info!(hash = policy.hash, "using a new policy");
            shared.policy.store(Arc::new(policy));
        });
    }
}

fn apply<T>(name: &str, poll: Poll<T>, reload: &LastReload, put_to_use: impl FnOnce(T)) {
    match poll {
        Poll::Same => {}
        Poll::Restored => {
            reload.restored();
            tracing::info!("{name}: the version in use is back");
        }
        Poll::New(version) => {
            put_to_use(version);
            reload.succeeded();
        }
        Poll::Bad { error, first } => {
            if first {
                reload.failed();
                for line in error.to_string().lines() {
                    tracing::error!("{name}: keeping the old version, the new one is not usable: {line}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::MountedVolume;

    fn poll(watched: &mut WatchedFiles) -> Poll<String> {
        watched.poll(|contents| {
            let text = contents.iter().map(|content| String::from_utf8_lossy(content)).collect::<String>();
            if text.contains("bad") { Err(FileError::new(Path::new("x"), text)) } else { Ok(text) }
        })
    }

    #[test]
    fn every_swap_is_seen_bad_is_skipped() {
        let mut volume = MountedVolume::new("reload", &[("a", "1"), ("b", "1")]);
        let paths = [volume.path("a"), volume.path("b")];
        let paths = [paths[0].as_path(), paths[1].as_path()];
        let mut watched = WatchedFiles::new(&paths, &read_together(&paths).unwrap());
        assert_eq!(poll(&mut watched), Poll::Same);

        volume.swap(&[("a", "2"), ("b", "2")]);
        assert_eq!(poll(&mut watched), Poll::New("22".to_owned()));
        assert_eq!(poll(&mut watched), Poll::Same);

        volume.swap(&[("a", "bad"), ("b", "3")]);
        assert!(matches!(poll(&mut watched), Poll::Bad { first: true, .. }));
        assert!(matches!(poll(&mut watched), Poll::Bad { first: false, .. }));
        volume.swap(&[("a", "2"), ("b", "2")]);
        assert_eq!(poll(&mut watched), Poll::Restored);

        volume.swap(&[("a", "bad"), ("b", "4")]);
        assert!(matches!(poll(&mut watched), Poll::Bad { first: true, .. }));
        volume.swap(&[("a", "4"), ("b", "4")]);
        assert_eq!(poll(&mut watched), Poll::New("44".to_owned()));
        volume.swap(&[("a", "44"), ("b", "")]);
        assert_eq!(poll(&mut watched), Poll::New("44".to_owned()), "what moved from one file to the other");
    }

    #[test]
    fn missing_files_keep_the_version_in_use() {
        let mut volume = MountedVolume::new("gone", &[("a", "1")]);
        let path = volume.path("a");
        let mut watched = WatchedFiles::new(&[&path], &read_together(&[&path]).unwrap());
        volume.swap(&[]);
        assert!(matches!(poll(&mut watched), Poll::Bad { first: true, .. }));
        volume.swap(&[("a", "1")]);
        assert_eq!(poll(&mut watched), Poll::Restored);
    }
}
