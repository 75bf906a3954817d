//! Durations as Go and people write them: the API server sends one in `?timeout=`, and the flags take the same form.

use std::time::Duration;

use jiff::SignedDuration;

/// Reads a duration with its unit that is not negative: `10s`, `1m30s`, `500ms`, `1.5h`. `None` for anything else.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    text.parse::<SignedDuration>().ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_writes() {
        // The right-hand sides are those of Go's `time.Duration.String`.
        for (millis, text) in [
            (0, "0s"),
            (1, "1ms"),
            (1_500, "1.5s"),
            (10_000, "10s"),
            (90_000, "1m30s"),
            (5_400_000, "1h30m0s"),
            (3_600_250, "1h0m0.25s"),
            (360_000_000, "100h0m0s"),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("3\u{b5}s"), Some(Duration::from_micros(3)));
        assert_eq!(parse("250us"), Some(Duration::from_micros(250)));
        assert_eq!(parse("7ns"), Some(Duration::from_nanos(7)));
    }

    #[test]
    fn refuses_anything_else_without_a_panic() {
        for text in [
            "",
            "+",
            "10",
            "s",
            "-1s",
            "1sec1",
            "1s-",
            "99999999999999999999h",
            "99999999999999999999s",
            "9223372036854775807h",
            "1e9s",
            "NaNs",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        for unit in ["ns", "us", "ms", "s", "m", "h"] {
            for digits in 1..400 {
                // It may be too large; it must not panic.
                let _ = parse(&("9".repeat(digits) + unit));
                let _ = parse(&format!("0.{}{unit}", "9".repeat(digits)));
            }
        }
    }
}
