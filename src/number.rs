//! Numbers in text formats: every bit of an `f64` survives, infinities and NaN included.
//!
//! Finite numbers are written as numbers with as many digits as it takes to read them back exactly; the others
//! as text, `"inf"`, `"-inf"`, `"NaN"`, and a NaN with unusual bits as `"NaN:fff8000000000000"`.
//! Use with `#[serde(with = "crate::number")]`, [`list`] and [`maybe`].

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes one number.
pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else if value.is_nan() && value.to_bits() != f64::NAN.to_bits() {
        serializer.collect_str(&format_args!("NaN:{:016x}", value.to_bits()))
    } else {
        serializer.collect_str(value)
    }
}

/// Reads one number.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
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
pub(crate) mod list {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|&v| Wrapped(v)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        Ok(Vec::<Wrapped>::deserialize(deserializer)?.into_iter().map(|w| w.0).collect())
    }
}

/// The same for a number that may be absent.
pub(crate) mod maybe {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(Wrapped).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
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
