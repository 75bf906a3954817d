//! The lines that a repair changes, as in a unified diff.

use std::fmt::Write as _;

use similar::TextDiff;
use zeroize::Zeroizing;

/// Returns the hunks of a unified diff, without the names of files. They contain the values of Secrets.
#[must_use]
pub fn hunks(before: &str, after: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    // As for patch, a carriage return is part of the line.
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<_>>();
    let (before, after) = (lines(before), lines(after));
    for hunk in TextDiff::from_slices(&before, &after).unified_diff().context_radius(3).iter_hunks() {
        let _ = writeln!(text, "{}", hunk.header()); // a String takes all
        for change in hunk.iter_changes() {
            let line = change.value();
            let _ = write!(text, "{}{line}", change.tag()); // a String takes all
            if !line.ends_with('\n') {
                text.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    text
}
