//! [`NamedSupport`]: where a parameter of a simulator lies, as the command line says it.

use jensen::dist::Support;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A parameter's name and its bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedSupport {
    /// The column of the parameter.
    pub name: String,
    /// What it lies above; nothing: no bound.
    pub low: Option<f64>,
    /// What it lies below.
    pub high: Option<f64>,
}

impl NamedSupport {
    /// The library's support.
    pub fn support(&self) -> Support {
        match (self.low, self.high) {
            (None, None) => Support::Real,
            (Some(0.0), None) => Support::Positive,
            (Some(0.0), Some(1.0)) => Support::Unit,
            (Some(low), None) => Support::Above(low.into()),
            (None, Some(high)) => Support::Below(high.into()),
            (Some(low), Some(high)) => Support::Interval(low.into(), high.into()),
        }
    }
}

/// Reads `NAME=real`, `NAME=positive`, `NAME=unit`, or `NAME=LOW..HIGH` of which either number may be left out.
impl FromStr for NamedSupport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected NAME=positive, NAME=unit, NAME=real, or NAME=LOW..HIGH with one number or both";
        let (name, bounds) = text.rsplit_once('=').filter(|(name, _)| !name.is_empty()).ok_or(expected)?;
        let bound = |text: &str| match text {
            "" => Ok(None),
            text => text.parse::<f64>().ok().filter(|b| b.is_finite()).map(Some).ok_or(expected),
        };
        let (low, high) = match bounds {
            "real" => (None, None),
            "positive" => (Some(0.0), None),
            "unit" => (Some(0.0), Some(1.0)),
            _ => {
                let (low, high) = bounds.split_once("..").ok_or(expected)?;
                (bound(low)?, bound(high)?)
            }
        };
        match (low, high) {
            (Some(low), Some(high)) if low >= high => Err(format!("{low} is not below {high}")),
            _ => Ok(NamedSupport { name: name.into(), low, high }),
        }
    }
}

impl fmt::Display for NamedSupport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |b: Option<f64>| b.map_or(String::new(), |b| b.to_string());
        write!(f, "{}={}..{}", self.name, bound(self.low), bound(self.high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supports_are_read_and_others_refused() {
        let read = |text: &str| text.parse::<NamedSupport>().map(|s| (s.name.clone(), s.support().to_string()));
        let cases = [
            ("sigma=positive", "sigma", "positive"),
            ("p=unit", "p", "between 0 and 1"),
            ("a=b=-3..2.5", "a=b", "between -3 and 2.5"),
            ("x=2..", "x", "above 2"),
            ("x=..-1e3", "x", "below -1000"),
            ("mu=real", "mu", "real"),
        ];
        for (text, name, words) in cases {
            assert_eq!(read(text), Ok((name.into(), words.into())), "{text}");
        }
        for text in ["", "x", "=positive", "x=", "x=1", "x=a..b", "x=1..nan", "x=..inf"] {
            assert!(read(text).unwrap_err().starts_with("expected NAME="), "{text}");
        }
        assert_eq!(read("x=2..1"), Err("2 is not below 1".into()));
    }
}
