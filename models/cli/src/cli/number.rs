//! Numbers as a reader wants them: as many digits as the value's accuracy deserves.

/// Formats `value` with `digits` significant digits.
///
/// Numbers from 1e-5 to below 1e7 are written plainly, others as `1.23e-7`; digits before the point are never dropped.
///
/// ```
/// # use jensen_cli::cli::number::significant;
/// assert_eq!(significant(3.14159, 3), "3.14");
/// assert_eq!(significant(-1234.5, 2), "-1234");
/// assert_eq!(significant(0.000000123456, 3), "1.23e-7");
/// ```
pub fn significant(value: f64, digits: usize) -> String {
    fixed(value, decimals_for(value, digits))
}

/// The number of decimals that shows `digits` significant digits of `value`, 0 to 12.
pub fn decimals_for(value: f64, digits: usize) -> usize {
    if value == 0.0 || !value.is_finite() {
        return digits.saturating_sub(1);
    }
    // Through the printed form, so that 0.0999 at one digit counts as 0.1.
    let printed = format!("{:.*e}", digits.saturating_sub(1), value.abs());
    let exponent: i32 = printed.split('e').nth(1).and_then(|e| e.parse().ok()).unwrap_or(0);
    (digits as i32 - 1 - exponent).clamp(0, 12) as usize
}

/// Formats `value` with `decimals` decimals, or in scientific form where that would show nothing or too much: a number of ten digits is
/// written plainly where its decimals count.
pub fn fixed(value: f64, decimals: usize) -> String {
    let size = value.abs();
    if value.is_nan() {
        "nan".to_string()
    } else if value.is_infinite() {
        value.to_string()
    } else if (size >= 1e7 && (decimals == 0 || size >= 1e15)) || (size > 0.0 && size < 1e-5 && decimals > 6) {
        format!("{value:.2e}")
    } else {
        without_negative_zero(format!("{value:.decimals$}"))
    }
}

/// Seconds as `0.42 s`, `12 s`, `3 min 05 s` or `2 h 04 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..=9 => format!("{seconds:.2} s"),
        10..=59 => format!("{whole} s"),
        60..=3599 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A whole number with its digits in groups of three, `1,234,567`.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn without_negative_zero(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_string(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits() {
        for (value, digits, text) in [
            (0.0, 3, "0.00"),
            (0.0999, 1, "0.1"),
            (9.999, 3, "10.0"),
            (123_456.0, 2, "123456"),
            (0.012_345, 3, "0.0123"),
            (12_345_678.0, 3, "1.23e7"),
            (-2.5e-9, 2, "-2.50e-9"),
            (f64::NAN, 2, "nan"),
            (f64::NEG_INFINITY, 2, "-inf"),
            (f64::MAX, 3, "1.80e308"),
            (5e-324, 3, "4.94e-324"),
        ] {
            assert_eq!(significant(value, digits), text, "{value:e}");
        }
        assert_eq!(fixed(-0.0004, 2), "0.00");
        assert_eq!(fixed(0.000_001, 2), "0.00");
    }

    #[test]
    fn durations_and_counts() {
        assert_eq!(
            [0.424, 9.6, 59.4, 185.0, 7440.0].map(duration),
            ["0.42 s", "10 s", "59 s", "3 min 05 s", "2 h 04 min"]
        );
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
