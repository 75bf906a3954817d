//! What a repair would change, as `patch -p1` applies it.

use std::fmt::Write as _;

use similar::TextDiff;

/// A unified diff of a file. It holds the value of the Secret: it is data that was asked for, never talk.
#[must_use]
pub fn unified(path: &str, before: &str, after: &str) -> String {
    let mut text = format!("--- {}\n+++ {}\n", name("a", path), name("b", path));
    // A line ends where it does to patch: a carriage return is a character of it.
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

/// A name as patch reads it: behind one with white space stands a tab, and one with what would end a line is quoted.
fn name(side: &str, path: &str) -> String {
    let path = path.trim_start_matches('/');
    if path.contains(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
        let mut quoted = format!("\"{side}/");
        for byte in path.bytes() {
            match byte {
                b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
                0x20..=0x7e => quoted.push(char::from(byte)),
                other => drop(write!(quoted, "\\{other:03o}")), // a String takes all
            }
        }
        quoted.push('"');
        return quoted;
    }
    let tab = if path.contains(' ') { "\t" } else { "" };
    format!("{side}/{path}{tab}")
}
