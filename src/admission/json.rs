//! Writing JSON.
//!
//! It is written by hand: `serde_json` writes every quotation mark, colon and name by itself, and looks at each character of
//! each text, names included, which took as long as the judgement of a usual Secret.

use memchr::memchr2;

/// JSON in the making.
pub(super) struct Json(pub(super) Vec<u8>);

impl Json {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Json(Vec::with_capacity(bytes))
    }

    /// What is JSON as it stands: names, punctuation, and words that hold nothing to be escaped.
    pub(super) fn raw(&mut self, json: &str) {
        self.0.extend_from_slice(json.as_bytes());
    }

    /// `before`, and then one of our own words as a string.
    pub(super) fn word(&mut self, before: &str, word: &'static str) {
        for part in [before, "\"", word, "\""] {
            self.raw(part);
        }
    }

    /// `before`, and then any text as a string.
    pub(super) fn text(&mut self, before: &str, text: &str) {
        self.raw(before);
        // All are looked at, many at a time: that is faster than to stop at the first.
        if !text.bytes().fold(true, |printable, byte| printable & is_printable(byte)) {
            // A `Vec` takes everything, and a string can always be written.
            let _ = serde_json::to_writer(&mut self.0, text);
            return;
        }
        self.raw("\"");
        let mut rest = text.as_bytes();
        while let Some((plain, [marked, behind @ ..])) =
            memchr2(b'"', b'\\', rest).and_then(|at| rest.split_at_checked(at))
        {
            self.0.extend_from_slice(plain);
            self.0.extend_from_slice(&[b'\\', *marked]);
            rest = behind;
        }
        self.0.extend_from_slice(rest);
        self.raw("\"");
    }

    /// `before`, and then a number.
    pub(super) fn number(&mut self, before: &str, number: u128) {
        self.raw(before);
        self.raw(&number.to_string());
    }

    /// `before`, and then what `write` makes of each item, in brackets.
    pub(super) fn list<T>(
        &mut self,
        before: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.raw(before);
        self.raw("[");
        for (index, item) in items.into_iter().enumerate() {
            self.raw(if index == 0 { "" } else { "," });
            write(self, item);
        }
        self.raw("]");
    }
}

/// Whether a byte stands in a string as it is, or with a backslash before it.
const fn is_printable(byte: u8) -> bool {
    byte >= b' '
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_written_as_any_reader_reads_it(text in "[a-z\"\\\\\\p{Cc}\\p{L}]{0,20}|.*") {
            let mut json = Json::with_capacity(0);
            json.list("", [&text, &text], |json, text| json.text("", text));
            let read: Vec<String> = serde_json::from_slice(&json.0).unwrap();
            prop_assert_eq!(read, vec![text.clone(), text]);
        }
    }
}
