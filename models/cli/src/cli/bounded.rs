//! Numbers and names of the command line: what is out of range is refused in words, before anything is made of it.

use jensen_models::zoo::NamedSupport;
use std::num::NonZeroUsize;

/// The most draws, sizes of a network and the like that one option may ask for.
pub(super) const MOST: usize = 1_000_000;

/// The most threads: more than any machine has cores, and few enough to be started.
pub(super) const MOST_THREADS: usize = 1024;

/// The most steps or epochs of a fit.
pub(super) const MOST_STEPS: usize = 1_000_000_000;

/// A whole number from 1 to `HIGH`.
pub(super) fn up_to<const HIGH: usize>(text: &str) -> Result<NonZeroUsize, String> {
    let value = text.parse().ok().filter(|n: &NonZeroUsize| n.get() <= HIGH);
    value.ok_or_else(|| format!("expected a whole number from 1 to {HIGH}"))
}

/// A whole number from `LOW` to `HIGH`.
pub(super) fn between<const LOW: usize, const HIGH: usize>(text: &str) -> Result<usize, String> {
    let value = text.parse().ok().filter(|n| (LOW..=HIGH).contains(n));
    value.ok_or_else(|| format!("expected a whole number from {LOW} to {HIGH}"))
}

/// As [`between`], in 32 bits.
pub(super) fn small<const LOW: usize, const HIGH: usize>(text: &str) -> Result<u32, String> {
    let wrong = || format!("expected a whole number from {LOW} to {HIGH}");
    u32::try_from(between::<LOW, HIGH>(text)?).map_err(|_| wrong())
}

/// A number of earlier values of a series.
pub(super) fn lags(text: &str) -> Result<u16, String> {
    u16::try_from(between::<1, 100>(text)?).map_err(|_| "expected a whole number from 1 to 100".to_string())
}

/// The bounds of a parameter.
pub(super) fn support(text: &str) -> Result<NamedSupport, String> {
    text.parse()
}

/// A whole number that is not negative.
pub(super) fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number of at least 0".to_string())
}

/// A finite number above zero.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("expected a positive number such as 0.01".to_string()),
    }
}

/// The name of a column in a list.
pub(super) fn column_name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("an empty name; separate the columns by single commas, as in a,b,c".to_string()),
        name => Ok(name.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_both_ends_and_nothing_beyond() {
        assert_eq!(up_to::<9>("1").map(NonZeroUsize::get), Ok(1));
        assert_eq!(up_to::<9>("9").map(NonZeroUsize::get), Ok(9));
        for text in ["0", "10", "-1", "1.5", "", "x", "99999999999999999999999"] {
            assert_eq!(up_to::<9>(text), Err("expected a whole number from 1 to 9".to_string()), "{text}");
        }
        assert_eq!((between::<0, 5>("0"), small::<2, 5>("5"), lags("100")), (Ok(0), Ok(5), Ok(100)));
        assert!(between::<0, 5>("6").is_err() && small::<2, 5>("1").is_err());
        assert!(lags("0").is_err() && lags("101").is_err() && lags("-1").is_err());
    }
}
