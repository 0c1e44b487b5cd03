//! Numbers in text formats: every bit of an `f64` survives, infinities and NaN included.
//!
//! Finite numbers are written as numbers with as many digits as it takes to read them back exactly; the others
//! as text, `"inf"`, `"-inf"`, `"NaN"`, and a NaN with unusual bits as `"NaN:fff8000000000000"`.
//! Used as `#[serde(with = "jensen::number")]`, with [`list`] and [`maybe`] beside it.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes one number.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else if value.is_nan() && value.to_bits() != f64::NAN.to_bits() {
        serializer.collect_str(&format_args!("NaN:{:016x}", value.to_bits()))
    } else {
        serializer.collect_str(value)
    }
}

/// Reads what [`serialize`] wrote.
///
/// # Errors
/// Anything else.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(Written)
}

struct Written;

impl Visitor<'_> for Written {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a number, \"inf\", \"-inf\" or \"NaN\"")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        let wrong = || E::custom(format!("'{text}' is no number"));
        match text.strip_prefix("NaN:") {
            Some(bits) => u64::from_str_radix(bits, 16).map(f64::from_bits).map_err(|_| wrong()),
            None => text.parse().map_err(|_| wrong()),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Wrapped(#[serde(with = "self")] f64);

/// The same for a list.
pub mod list {
    use super::*;

    /// Writes the numbers one after the other.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(values: &impl AsRef<[f64]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.as_ref().iter().map(|&v| Wrapped(v)))
    }

    /// Reads what [`serialize`] wrote, into a vector or an array.
    ///
    /// # Errors
    /// Anything else, and another number of numbers than an array has.
    pub fn deserialize<'de, D: Deserializer<'de>, L: TryFrom<Vec<f64>>>(deserializer: D) -> Result<L, D::Error> {
        let values: Vec<f64> = Vec::<Wrapped>::deserialize(deserializer)?.into_iter().map(|w| w.0).collect();
        let found = values.len();
        L::try_from(values).map_err(|_| D::Error::invalid_length(found, &"as many numbers as the list has"))
    }
}

/// The same for a number that may be absent.
pub mod maybe {
    use super::*;

    /// Writes the number, or nothing.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(Wrapped).serialize(serializer)
    }

    /// Reads what [`serialize`] wrote.
    ///
    /// # Errors
    /// Anything else.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|w| w.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_survives() {
        let odd_nan = f64::from_bits(0xfff8_0000_0000_0001);
        let values = [0.0, -0.0, 0.1, 1.0 / 3.0, f64::MIN_POSITIVE / 8.0, f64::MAX, -1e300, 1e15, 123456789.0];
        let values = [&values[..], &[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, odd_nan]].concat();
        for value in values {
            let text = serde_json::to_string(&Wrapped(value)).unwrap();
            let back: Wrapped = serde_json::from_str(&text).unwrap();
            assert_eq!(back.0.to_bits(), value.to_bits(), "{text}");
        }
        assert!(serde_json::from_str::<Wrapped>("\"much\"").is_err());
        assert!(serde_json::from_str::<Wrapped>("null").is_err());
    }
}
