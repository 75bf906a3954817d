//! Bytes that are wiped when they are dropped.

use std::ops::{Deref, DerefMut};

use zeroize::Zeroize as _;

/// Bytes that hold a credential: wiped on drop, and without `Debug`.
///
/// `Zeroizing<Vec<u8>>` (zeroize 1.9) wipes a vector byte by byte, and also its unused capacity, which for a body that was only
/// announced is memory that was never touched. This type wipes the written bytes with one `memset`: 5 µs instead of 130 µs
/// for 0.9 MB (docs/benchmarks.md). A vector that outgrows its capacity leaves its old buffer unwiped, so reserve the capacity
/// first.
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

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}
