//! A policy file: read, checked, and named by a hash of its bytes.

use std::path::Path;

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use regcred_engine::policy::Policy;

use crate::admission::ActivePolicy;
use crate::files::{FileError, read_together};

/// The policy in use. It is swapped as a whole: a request sees one or the other.
pub(crate) type PolicyInForce = ArcSwap<ActivePolicy>;

/// The policy without a file.
pub(crate) fn default() -> ActivePolicy {
    ActivePolicy { policy: Policy::default(), hash: "default".to_owned() }
}

/// Checks a policy file's content.
pub(crate) fn parse(path: &Path, content: &[u8]) -> Result<ActivePolicy, FileError> {
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
