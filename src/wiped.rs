//! Bytes that are wiped when they are done with.

use std::ops::{Deref, DerefMut};

use zeroize::Zeroize as _;

/// Bytes that hold a credential: wiped on drop, and without `Debug`.
///
/// It does what `Zeroizing<Vec<u8>>` does, but for the whole at once instead of byte by byte, and only as far as it was
/// written to: for a review of a megabyte that is a tenth of all its time, and a buffer that is larger than its content
/// costs no memory for the rest. Whoever lets it grow beyond its capacity leaves the old buffer behind as it is; whoever
/// takes something off does it by [`Wiped::take_off`].
#[derive(Default)]
pub(crate) struct Wiped(Vec<u8>);

impl From<Vec<u8>> for Wiped {
    fn from(bytes: Vec<u8>) -> Self {
        Wiped(bytes)
    }
}

impl Deref for Wiped {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Wiped {
    /// Takes off the first bytes, and wipes them.
    pub(crate) fn take_off(&mut self, bytes: usize) {
        let left = shift(&mut self.0, bytes);
        self.0.truncate(left);
    }
}

/// Moves what stands behind the first bytes to the front, and wipes what that leaves at the end. Says how much was moved.
fn shift(bytes: &mut [u8], first: usize) -> usize {
    let first = first.min(bytes.len());
    let left = bytes.len() - first;
    bytes.copy_within(first.., 0);
    if let Some(end) = bytes.get_mut(left..) {
        end.zeroize();
    }
    left
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_off_is_taken_from_the_front_and_leaves_nothing_behind_the_end() {
        for (taken, left) in [(0, "abcdef"), (1, "bcdef"), (4, "ef"), (6, ""), (7, "")] {
            let mut bytes = *b"abcdef";
            assert_eq!(shift(&mut bytes, taken), left.len());
            assert_eq!(bytes.strip_prefix(left.as_bytes()).unwrap(), vec![0; 6 - left.len()]);

            let mut bytes = Wiped::from(b"abcdef".to_vec());
            bytes.take_off(taken);
            assert_eq!(bytes.as_slice(), left.as_bytes());
        }
    }
}
