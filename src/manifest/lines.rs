//! Lines and columns of a text.

use std::cell::Cell;
use std::ops::Range;

/// The starts of the lines of a text.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    /// The last byte whose column was counted, and that column. Places are mostly asked for in order, and a line can be as long
    /// as the file.
    last: Cell<(usize, usize)>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        // A byte order mark does not count as a character of the first line.
        let first = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let after_breaks = text.bytes().zip(1..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        let starts = std::iter::once(first).chain(after_breaks).collect();
        Lines { text, starts, last: Cell::new((first, 1)) }
    }

    /// Returns the line and column of a byte, both counted from 1, columns in characters.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.start(line);
        let (byte, column) = match self.last.get() {
            (byte, column) if (start..=offset).contains(&byte) => (byte, column),
            _ => (start, 1),
        };
        let column = column + self.text.get(byte..offset).map_or(0, |text| text.chars().count());
        self.last.set((offset, column));
        (line, column)
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
