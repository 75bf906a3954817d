//! Medians and quantiles.

use std::time::Duration;

/// The middle one.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

/// What so many of a thousand do not exceed, in microseconds. The values are sorted.
pub fn quantile(sorted: &[Duration], thousandths: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * thousandths / 1000).min(last)).map_or(f64::NAN, |&value| micros(value))
}

pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
