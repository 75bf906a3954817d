//! A policy file: read, checked, and named by a hash of its bytes.

use std::path::{Path, PathBuf};

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use regcred_engine::policy::{Enforcement, Policy};

use crate::admission::ActivePolicy;
use crate::files::{FileError, read_together};

/// The policy in use. It is swapped as a whole: a request sees one or the other.
pub(crate) type PolicyInForce = ArcSwap<ActivePolicy>;

/// The policy that applies without a file.
pub(crate) fn default(limit: Enforcement) -> ActivePolicy {
    capped(ActivePolicy { policy: Policy::default(), hash: "default".to_owned() }, limit)
}

/// A server's policy file, and the limit that its `enforcement` cannot exceed.
pub(crate) struct PolicyFile {
    pub(crate) path: PathBuf,
    pub(crate) limit: Enforcement,
}

impl PolicyFile {
    /// Checks the file's content and applies the limit.
    pub(crate) fn parse(&self, content: &[u8]) -> Result<ActivePolicy, FileError> {
        Ok(capped(parse(&self.path, content)?, self.limit))
    }
}

fn capped(mut active: ActivePolicy, limit: Enforcement) -> ActivePolicy {
    active.policy.enforcement = active.policy.enforcement.at_most(limit);
    active
}

/// Checks a policy file's content.
fn parse(path: &Path, content: &[u8]) -> Result<ActivePolicy, FileError> {
    let text = std::str::from_utf8(content).map_err(|_| FileError::new(path, "is not UTF-8 text"))?;
    let policy = Policy::parse(text).map_err(|error| FileError::new(path, error.to_string()))?;
    Ok(ActivePolicy { policy, hash: short_hash(content) })
}

/// Reads a policy file once.
///
/// # Errors
/// Names the file and everything that is wrong with it.
pub fn read(path: &Path) -> Result<Policy, FileError> {
    let contents = read_together(&[path])?;
    let content = contents.first().map(|content| content.as_slice()).unwrap_or_default();
    Ok(parse(path, content)?.policy)
}

/// The first 12 hex digits of the SHA-256 of a file, as `sha256sum` prints it.
fn short_hash(content: &[u8]) -> String {
    use std::fmt::Write as _;
    digest(&SHA256, content).as_ref().iter().take(6).fold(String::with_capacity(12), |mut hash, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_what_sha256sum_begins_with() {
        assert_eq!(short_hash(b"regcred\n").len(), 12);
        assert_eq!(short_hash(b""), "e3b0c44298fc");
    }

    #[test]
    fn the_limit_lowers_enforcement_and_never_raises_it() {
        use Enforcement::{Audit, Enforce, Warn};
        let enforcement = |text: &str, limit| {
            let file = PolicyFile { path: PathBuf::from("policy.yaml"), limit };
            let text = format!("apiVersion: regcred/v1\nkind: Policy\n{text}");
            file.parse(text.as_bytes()).unwrap().policy.enforcement
        };
        assert_eq!([Enforce, Warn, Audit].map(|limit| enforcement("", limit)), [Enforce, Warn, Audit]);
        assert_eq!(
            [Enforce, Warn, Audit].map(|limit| enforcement("enforcement: warn", limit)),
            [Warn, Warn, Audit]
        );
        assert_eq!(default(Warn).policy.enforcement, Warn);
    }

    #[test]
    fn errors_name_the_file() {
        let error = parse(Path::new("policy.yaml"), b"\xff").unwrap_err();
        assert_eq!(error.to_string(), "policy.yaml: is not UTF-8 text");
        assert!(
            parse(Path::new("policy.yaml"), b"kind: [")
                .unwrap_err()
                .to_string()
                .starts_with("policy.yaml: line ")
        );
    }
}
