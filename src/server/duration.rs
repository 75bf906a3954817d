//! Durations as Go writes them. The API server sends one in `?timeout=`, and the flags take the same form, so that
//! one spelling holds everywhere.

use std::time::Duration;

/// Reads a Go duration that is not negative: `10s`, `1m30s`, `500ms`, `1.5h`, `0`.
///
/// `None` for anything else, also for what Go could not hold (about 292 years).
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanos, after) = leading_term(rest)?;
        total = total.checked_add(nanos)?;
        rest = after;
    }
    i64::try_from(total).is_ok().then(|| Duration::from_nanos(total))
}

/// One number with its unit, in nanoseconds, and what follows it.
fn leading_term(text: &str) -> Option<(u64, &str)> {
    let (whole, after) = split_digits(text)?;
    let (fraction, after) = match after.strip_prefix('.') {
        Some(after) => split_digits(after)?,
        None => ("", after),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
    let (unit, after) = after.split_at_checked(end)?;
    let unit = nanos_of(unit)?;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanos = whole.checked_mul(unit)?.checked_add(scale(fraction, unit)?)?;
    Some((nanos, after))
}

fn split_digits(text: &str) -> Option<(&str, &str)> {
    text.split_at_checked(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The fraction of a unit, cut to whole nanoseconds.
fn scale(fraction: &str, unit: u64) -> Option<u64> {
    // An hour has fewer than 10^13 nanoseconds: digits after the fourteenth cannot change the result.
    let digits = fraction.get(..fraction.len().min(14))?;
    if digits.is_empty() {
        return Some(0);
    }
    let value: u128 = digits.parse().ok()?;
    let scaled = value * u128::from(unit) / 10_u128.pow(u32::try_from(digits.len()).ok()?);
    u64::try_from(scaled).ok()
}

fn nanos_of(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_writes() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("10s", 10_000),
            ("+5s", 5_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("1.s", 1_000),
            ("1h0m0.25s", 3_600_250),
            ("2500us", 2),
        ] {
            assert_eq!(parse(text).map(|duration| duration.as_millis()), Some(millis), "{text}");
        }
        assert_eq!(parse("3\u{b5}s"), Some(Duration::from_micros(3)));
        assert_eq!(parse("0.123456789123456789s"), Some(Duration::from_nanos(123_456_789)));
    }

    #[test]
    fn refuses_what_go_refuses_and_what_is_negative() {
        for text in
            ["", "+", "10", "s", ".s", "-1s", "1 s", "1sec", "1s-", "1d", "9999999h", "99999999999999999999s"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
