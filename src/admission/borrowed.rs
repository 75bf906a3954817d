//! Strings read from JSON without copying them.

use std::borrow::Cow;
use std::ops::Deref;

use serde::Deserialize;

/// A string of a JSON text, borrowed from it unless it contains an escape.
///
/// serde borrows a `Cow` only where the field itself is one; this type also borrows inside an `Option` or a `Vec`. The
/// string may be a credential: there is no `Debug`.
#[derive(Deserialize)]
pub(super) struct BorrowedStr<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for BorrowedStr<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
