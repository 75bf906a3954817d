//! Lines and columns of a text.

use std::ops::Range;

/// The characters before each block of this many bytes are counted once: a line can be as long as the file, and has as many
/// places.
const BLOCK_BYTES: usize = 256;

/// The starts of the lines of a text.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    /// The number of characters that begin before each block.
    before_blocks: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        // A byte order mark does not count as a character of the first line.
        let first = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let after_breaks = text.bytes().zip(1..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        let starts = std::iter::once(first).chain(after_breaks).collect();
        let mut before_blocks = vec![0];
        let mut count = 0;
        for block in text.as_bytes().chunks(BLOCK_BYTES) {
            count += characters(block);
            before_blocks.push(count);
        }
        Lines { text, starts, before_blocks }
    }

    /// Returns the line and column of a byte, both counted from 1, columns in characters.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let before = self.characters_before(offset).saturating_sub(self.characters_before(self.start(line)));
        (line, 1 + before)
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK_BYTES;
        let before = self.before_blocks.get(block).copied().unwrap_or_default();
        before + self.text.as_bytes().get(block * BLOCK_BYTES..offset).map_or(0, characters)
    }

    /// Returns the bytes of a line (counted from 1) without its line break.
    pub(super) fn range(&self, line: usize) -> Range<usize> {
        let start = self.start(line);
        let end = self.starts.get(line).map_or(self.text.len(), |next| next.saturating_sub(1));
        let carriage_return = self.text.get(start..end).is_some_and(|line| line.ends_with('\r'));
        start..end.saturating_sub(usize::from(carriage_return)).max(start)
    }

    fn start(&self, line: usize) -> usize {
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// The number of characters that begin in a part of a text.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| !matches!(byte, 0x80..=0xbf)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_characters_in_any_order() {
        let lines = Lines::new("镜像: x\r\n\nab");
        for (offset, place) in
            [(0, (1, 1)), (6, (1, 3)), (8, (1, 5)), (11, (2, 1)), (13, (3, 2)), (3, (1, 2)), (14, (3, 3))]
        {
            assert_eq!(lines.place(offset), place, "{offset}");
        }
        let marked = Lines::new("\u{feff}a\nb");
        for (offset, place) in [(3, (1, 1)), (4, (1, 2)), (5, (2, 1)), (0, (1, 1))] {
            assert_eq!(marked.place(offset), place, "{offset}");
        }
        assert_eq!(marked.range(1), 3..4);
        assert_eq!(lines.range(1), 0..9);
        assert_eq!(lines.range(2), 11..11);
        assert_eq!(lines.range(3), 12..14);
    }
}
