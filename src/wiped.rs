//! Bytes that are wiped when they are done with.

use std::ops::{Deref, DerefMut};

use zeroize::Zeroize as _;

/// Bytes that hold a credential: wiped on drop, and without `Debug`.
///
/// It does what `Zeroizing<Vec<u8>>` does, but for the whole at once instead of byte by byte, and only as far as it was
/// written to: for a review of a megabyte that is a tenth of all its time, and a buffer that is larger than its content
/// costs no memory for the rest. Whoever lets it grow beyond its capacity leaves the old buffer behind as it is.
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

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}
