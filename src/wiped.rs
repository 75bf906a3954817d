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
        let bytes = bytes.min(self.0.len());
        let left = self.0.len() - bytes;
        self.0.copy_within(bytes.., 0);
        if let Some(taken) = self.0.get_mut(left..) {
            taken.zeroize();
        }
        self.0.truncate(left);
    }
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
            let mut bytes = Wiped::from(b"abcdef".to_vec());
            bytes.take_off(taken);
            assert_eq!(bytes.as_slice(), left.as_bytes());
            bytes.resize(6, 0);
            assert_eq!(bytes.get(left.len()..).unwrap(), vec![0; 6 - left.len()]);
        }
    }
}
