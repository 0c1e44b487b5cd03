//! Axes: a range of values, its place on paper, and ticks at round numbers.

/// How values are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    /// By logarithm; values must be positive.
    Log,
}

/// A range of values on a scale; `low < high`, both finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    pub(super) scale: Scale,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// A labelled position.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

impl Axis {
    /// The range of the finite `values`, widened by the share `pad` at each end; unit-sized where there are none.
    pub(super) fn covering(values: impl IntoIterator<Item = f64>, scale: Scale, pad: f64) -> Self {
        let usable = |value: &f64| value.is_finite() && (scale == Scale::Linear || *value > 0.0);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(usable) {
            // Keeps sums and differences of the ends finite.
            let value = value.clamp(-1e300, 1e300);
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            (low, high) = if scale == Scale::Log { (1.0, 10.0) } else { (0.0, 1.0) };
        }
        (low, high) = match scale {
            Scale::Log if low == high => (low / 2.0, high * 2.0),
            Scale::Log => (low / (high / low).powf(pad), high * (high / low).powf(pad)),
            Scale::Linear => {
                let margin = margin(low, high, pad);
                (low - margin, high + margin)
            }
        };
        Self { scale, low, high }
    }

    /// Where `value` lies between `low` (0) and `high` (1).
    pub(super) fn share(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }

    /// About `wanted` ticks within the range, at round numbers.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<Tick> {
        let decades = (self.high / self.low).log10();
        match self.scale {
            Scale::Log if decades >= 1.0 => self.log_ticks(wanted, decades),
            _ => self.linear_ticks(wanted),
        }
    }

    fn linear_ticks(&self, wanted: usize) -> Vec<Tick> {
        let raw = (self.high - self.low) / wanted.max(1) as f64;
        let power = raw.log10().floor() as i32;
        let unit = 10f64.powi(power);
        // The round step nearest in ratio to the raw one.
        let (digits, decade) = match raw / unit {
            share if share < 1.5 => (1, power),
            share if share < 3.2 => (2, power),
            share if share < 7.1 => (5, power),
            _ => (1, power + 1),
        };
        let step = f64::from(digits) * 10f64.powi(decade);
        let first = (self.low / step).ceil();
        let count = ((self.high / step).floor() - first) as i64 + 1;
        let values: Vec<f64> = (0..count.clamp(0, 50)).map(|i| (first + i as f64) * step).collect();
        let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let label = |value: f64| label(if value.abs() < step / 2.0 { 0.0 } else { value }, decade, largest);
        values.iter().map(|&value| Tick { value, label: label(value) }).collect()
    }

    fn log_ticks(&self, wanted: usize, decades: f64) -> Vec<Tick> {
        let multiples: &[f64] = if decades < 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = ((decades / wanted.max(1) as f64).ceil() as usize).max(1);
        let exponents = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let ends = self.low * (1.0 - 1e-9)..=self.high * (1.0 + 1e-9);
        let mut ticks = Vec::new();
        for exponent in exponents.step_by(stride) {
            for &multiple in multiples {
                let value = multiple * 10f64.powi(exponent);
                if ends.contains(&value) {
                    ticks.push(Tick { value, label: label(value, exponent, value) });
                }
            }
        }
        ticks
    }
}

/// What to add at each end of a linear range: the share `pad`, or enough to see equal values apart from the ends.
fn margin(low: f64, high: f64, pad: f64) -> f64 {
    let largest = low.abs().max(high.abs());
    match high - low {
        _ if largest == 0.0 => 1.0,
        // Below this the ticks would differ in digits that a double does not hold.
        range if range < 1e-9 * largest || largest < 1e-290 => 0.1 * largest.max(1e-290),
        range => pad * range,
    }
}

/// The label of a tick whose last digit counts 10^`decade`, on an axis that reaches `largest`.
fn label(value: f64, decade: i32, largest: f64) -> String {
    let plain = largest == 0.0 || (largest < 1e5 && (largest >= 1e-3 || decade >= -4));
    if value == 0.0 || plain {
        let decimals = if value == 0.0 && !plain { 0 } else { (-decade).max(0) as usize };
        return format!("{value:.decimals$}").replace('-', "−");
    }
    let power = largest.log10().floor() as i32;
    let decimals = (power - decade).clamp(0, 12) as usize;
    let mantissa = format!("{:.decimals$}", value / 10f64.powi(power)).replace('-', "−");
    let digits: String = power.to_string().chars().map(superscript).collect();
    match mantissa.as_str() {
        "1" => format!("10{digits}"),
        _ => format!("{mantissa}×10{digits}"),
    }
}

fn superscript(digit: char) -> char {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    digit.to_digit(10).map_or('⁻', |d| RAISED[d as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, scale: Scale, wanted: usize) -> Vec<String> {
        Axis { scale, low, high }.ticks(wanted).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        let linear = |low, high| labels(low, high, Scale::Linear, 5);
        assert_eq!(linear(0.0, 10.0), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(linear(-1.07, 1.02), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(linear(-34.2, -31.0), ["−34.0", "−33.5", "−33.0", "−32.5", "−32.0", "−31.5", "−31.0"]);
        assert_eq!(linear(0.0, 2.1e6), ["0", "0.5×10⁶", "1.0×10⁶", "1.5×10⁶", "2.0×10⁶"]);
        assert_eq!(linear(0.0, 1.1e-5), ["0", "0.2×10⁻⁵", "0.4×10⁻⁵", "0.6×10⁻⁵", "0.8×10⁻⁵", "1.0×10⁻⁵"]);
        assert_eq!(linear(0.010_1, 0.010_3), ["0.01010", "0.01015", "0.01020", "0.01025", "0.01030"]);
    }

    #[test]
    fn log_ticks_are_decades() {
        let log = |low, high| labels(low, high, Scale::Log, 6);
        assert_eq!(log(1.0, 2000.0), ["1", "10", "100", "1000"]);
        assert_eq!(log(1.0, 1e6), ["1", "10", "100", "1000", "10000", "10⁵", "10⁶"]);
        assert_eq!(log(3.0, 60.0), ["5", "10", "20", "50"]);
        assert_eq!(log(2.0, 8.0), labels(2.0, 8.0, Scale::Linear, 6));
        assert_eq!(log(1e-9, 1e9).len(), 7);
    }

    #[test]
    fn every_range_can_be_drawn() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let odd: [&[f64]; 8] =
            [&[], &[nan], &[inf, -inf], &[0.0], &[3.0, 3.0], &[-1e308, 1e308], &[1e16, 1e16 + 2.0], &[5e-324, 1e-320]];
        for values in odd {
            for scale in [Scale::Linear, Scale::Log] {
                let axis = Axis::covering(values.iter().copied(), scale, 0.05);
                assert!(axis.low.is_finite() && axis.high.is_finite() && axis.low < axis.high, "{values:?} {axis:?}");
                let ticks = axis.ticks(6);
                assert!(ticks.len() <= 50, "{values:?}");
                assert!(ticks.iter().all(|t| (-0.01..=1.01).contains(&axis.share(t.value))), "{values:?} {ticks:?}");
            }
        }
    }

    #[test]
    fn shares_run_from_0_to_1() {
        let axis = Axis { scale: Scale::Log, low: 1.0, high: 100.0 };
        assert!((axis.share(10.0) - 0.5).abs() < 1e-15);
        let axis = Axis { scale: Scale::Linear, low: -1.0, high: 3.0 };
        assert_eq!([-1.0, 0.0, 3.0].map(|v| axis.share(v)), [0.0, 0.25, 1.0]);
    }
}
