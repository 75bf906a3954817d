//! New versions of files: polled, compared by their bytes, checked, then swapped in.
//!
//! Watching would be quicker and is wrong: a mounted volume changes by a swap of links, of which a watch on a file
//! sees the first and none of the later ones. The kubelet takes up to a minute anyway.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::files::{FileError, read_together};
use super::tls::TlsFiles;
use super::{Shared, policy};

/// Files that are looked at again and again. What was seen is kept as a hash: one of them may be a key.
pub(crate) struct Watched {
    paths: Vec<PathBuf>,
    good: [u8; 32],
    problem: Option<FileError>,
}

/// What a look at the files found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look<T> {
    /// They are what is in force.
    Same,
    /// They are what is in force, after a time in which they were not.
    Restored,
    /// Something else, which can be used.
    New(T),
    /// Something that cannot be used, for this reason; `first` says that it was another the last time.
    Bad { error: FileError, first: bool },
}

impl Watched {
    /// Starts from what is in force: the files' content as it was loaded.
    pub(crate) fn new(paths: &[&Path], contents: &[Zeroizing<Vec<u8>>]) -> Self {
        Watched {
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
            good: hash(contents),
            problem: None,
        }
    }

    /// Looks once. What could not be used is checked anew each time, as the reason may be the clock.
    pub(crate) fn look<T>(
        &mut self,
        check: impl FnOnce(&[Zeroizing<Vec<u8>>]) -> Result<T, FileError>,
    ) -> Look<T> {
        let paths: Vec<&Path> = self.paths.iter().map(PathBuf::as_path).collect();
        let read = read_together(&paths);
        if let Ok(contents) = &read
            && hash(contents) == self.good
        {
            return if self.problem.take().is_some() { Look::Restored } else { Look::Same };
        }
        match read.and_then(|contents| Ok((check(&contents)?, contents))) {
            Ok((value, contents)) => {
                self.good = hash(&contents);
                self.problem = None;
                Look::New(value)
            }
            Err(error) => {
                let first = self.problem.as_ref() != Some(&error);
                self.problem = Some(error.clone());
                Look::Bad { error, first }
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
    pub(crate) tls: (TlsFiles, Watched),
    pub(crate) policy: Option<(PathBuf, Watched)>,
}

impl Reloader {
    /// Polls from a thread of its own, so that a hanging volume keeps nobody waiting, until the program ends.
    pub(crate) fn start(mut self, interval: Duration, shared: &Arc<Shared>) -> std::io::Result<()> {
        let shared = Arc::clone(shared);
        thread::Builder::new().name("reload".to_owned()).spawn(move || {
            loop {
                thread::sleep(interval);
                // A file that makes its parser panic is one more that cannot be used: what is in force stays, and the
                // next look is another chance. Without this thread, certificates would expire unnoticed.
                for look in [Reloader::tls, Reloader::policy] {
                    if catch_unwind(AssertUnwindSafe(|| look(&mut self, &shared))).is_err() {
                        shared.metrics.panics.inc();
                    }
                }
            }
        })?;
        Ok(())
    }

    fn tls(&mut self, shared: &Shared) {
        let (files, watched) = &mut self.tls;
        match watched.look(|contents| files.check(contents, &shared.provider, Timestamp::now())) {
            Look::Same => {}
            Look::Restored => {
                shared.metrics.tls_reload.restored();
                tracing::info!("the TLS files are again what is in use");
            }
            Look::New(change) => {
                shared.served.swap(change);
                shared.served.log();
                shared.metrics.tls_reload.succeeded();
            }
            Look::Bad { error, first } => {
                if first {
                    shared.metrics.tls_reload.failed();
                    tracing::error!("the new TLS files are not used, the old ones stay: {error}");
                }
            }
        }
    }

    fn policy(&mut self, shared: &Shared) {
        let Some((path, watched)) = &mut self.policy else { return };
        let look = watched.look(|contents| {
            let content = contents.first().map(|content| content.as_slice()).unwrap_or_default();
            policy::parse(path, content)
        });
        match look {
            Look::Same => {}
            Look::Restored => {
                shared.metrics.policy_reload.restored();
                tracing::info!("the policy file is again what is in force");
            }
            Look::New(policy) => {
                tracing::info!(hash = policy.hash, "a new policy is in force");
                shared.policy.store(Arc::new(policy));
                shared.metrics.policy_reload.succeeded();
            }
            Look::Bad { error, first } => {
                if first {
                    shared.metrics.policy_reload.failed();
                    for line in error.to_string().lines() {
                        tracing::error!("the new policy is not in force, the old one stays: {line}");
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::tests::Volume;
    use super::*;

    fn look(watched: &mut Watched) -> Look<String> {
        watched.look(|contents| {
            let text = contents.iter().map(|content| String::from_utf8_lossy(content)).collect::<String>();
            if text.contains("bad") { Err(FileError::new(Path::new("x"), text)) } else { Ok(text) }
        })
    }

    #[test]
    fn each_of_several_swaps_is_seen_and_a_bad_one_between_them_is_passed_over() {
        let mut volume = Volume::new("reload", &[("a", "1"), ("b", "1")]);
        let paths = [volume.path("a"), volume.path("b")];
        let paths = [paths[0].as_path(), paths[1].as_path()];
        let mut watched = Watched::new(&paths, &read_together(&paths).unwrap());
        assert_eq!(look(&mut watched), Look::Same);

        volume.swap(&[("a", "2"), ("b", "2")]);
        assert_eq!(look(&mut watched), Look::New("22".to_owned()));
        assert_eq!(look(&mut watched), Look::Same);

        volume.swap(&[("a", "bad"), ("b", "3")]);
        assert!(matches!(look(&mut watched), Look::Bad { first: true, .. }));
        assert!(matches!(look(&mut watched), Look::Bad { first: false, .. }));
        volume.swap(&[("a", "2"), ("b", "2")]);
        assert_eq!(look(&mut watched), Look::Restored);

        volume.swap(&[("a", "bad"), ("b", "4")]);
        assert!(matches!(look(&mut watched), Look::Bad { first: true, .. }));
        volume.swap(&[("a", "4"), ("b", "4")]);
        assert_eq!(look(&mut watched), Look::New("44".to_owned()));
        volume.swap(&[("a", "44"), ("b", "")]);
        assert_eq!(look(&mut watched), Look::New("44".to_owned()), "what moved from one file to the other");
    }

    #[test]
    fn files_that_are_gone_for_a_moment_are_no_loss() {
        let mut volume = Volume::new("gone", &[("a", "1")]);
        let path = volume.path("a");
        let mut watched = Watched::new(&[&path], &read_together(&[&path]).unwrap());
        volume.swap(&[]);
        assert!(matches!(look(&mut watched), Look::Bad { first: true, .. }));
        volume.swap(&[("a", "1")]);
        assert_eq!(look(&mut watched), Look::Restored);
    }
}
