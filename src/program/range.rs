//! Intervals that a number lies in, and what arithmetic makes of them.

/// Where a quantity lies wherever it is a number; rounding is left out of account, so `exp` is always above zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub low: f64,
    pub high: f64,
    /// Whether the quantity never is `low`; at minus infinity: whether it is never infinite.
    pub above: bool,
    /// Whether the quantity never is `high`.
    pub below: bool,
    /// Whether it is always a whole number.
    pub whole: bool,
}

impl Range {
    /// A real number.
    pub const REAL: Range = Range::open(f64::NEG_INFINITY, f64::INFINITY);
    /// Nothing is known.
    pub const ANY: Range = Range { above: false, below: false, ..Range::REAL };
    pub const POSITIVE: Range = Range::open(0.0, f64::INFINITY);

    /// The numbers between two ends.
    pub const fn open(low: f64, high: f64) -> Range {
        Range { low, high, above: true, below: true, whole: false }
    }

    /// The numbers between two ends and the ends.
    pub const fn closed(low: f64, high: f64) -> Range {
        Range { above: false, below: false, ..Range::open(low, high) }
    }

    pub fn point(x: f64) -> Range {
        Range { whole: x.fract() == 0.0, ..Range::closed(x, x) }
    }

    /// The range of data.
    pub fn of(values: impl Iterator<Item = f64>) -> Range {
        let empty = Range { whole: true, ..Range::closed(f64::INFINITY, f64::NEG_INFINITY) };
        values.filter(|x| !x.is_nan()).fold(empty, |range, x| Range {
            low: range.low.min(x),
            high: range.high.max(x),
            whole: range.whole && x.fract() == 0.0,
            ..range
        })
    }

    pub fn is_positive(&self) -> bool {
        self.low > 0.0 || self.low == 0.0 && self.above
    }

    pub fn is_non_negative(&self) -> bool {
        self.low >= 0.0
    }

    /// Whether it is neither infinite nor a constant NaN.
    pub fn is_finite(&self) -> bool {
        (self.low > f64::NEG_INFINITY || self.above) && (self.high < f64::INFINITY || self.below)
    }

    /// Whether some number of the range is positive.
    pub fn may_be_positive(&self) -> bool {
        self.high > 0.0
    }

    /// Whether some number of the range is not negative.
    pub fn may_be_non_negative(&self) -> bool {
        self.high > 0.0 || self.high == 0.0 && !self.below
    }

    /// The numbers of either; a constant NaN stays.
    pub fn or(self, other: Range) -> Range {
        if self.is_nan() || other.is_nan() {
            return Range::point(f64::NAN);
        }
        let open =
            |a: f64, b: f64, end: f64, (a_open, b_open): (bool, bool)| (a != end || a_open) && (b != end || b_open);
        let (low, high) = (self.low.min(other.low), self.high.max(other.high));
        Range {
            above: open(self.low, other.low, low, (self.above, other.above)),
            below: open(self.high, other.high, high, (self.below, other.below)),
            low,
            high,
            whole: self.whole && other.whole,
        }
    }

    pub fn is_nan(&self) -> bool {
        self.low.is_nan() || self.high.is_nan()
    }

    pub fn plus(self, other: Range) -> Range {
        // A finite end is reached when both ends are; an infinite one when either is.
        let open = |end: f64, a: (f64, bool), b: (f64, bool)| {
            if end.is_infinite() { [a, b].iter().all(|(x, open)| x.is_finite() || *open) } else { a.1 || b.1 }
        };
        let (low, high) = (self.low + other.low, self.high + other.high);
        Range {
            low,
            high,
            above: open(low, (self.low, self.above), (other.low, other.above)),
            below: open(high, (self.high, self.below), (other.high, other.below)),
            whole: self.whole && other.whole,
        }
    }

    pub fn negated(self) -> Range {
        Range { low: -self.high, high: -self.low, above: self.below, below: self.above, whole: self.whole }
    }

    pub fn times(self, other: Range) -> Range {
        if self.is_nan() || other.is_nan() {
            return Range::point(f64::NAN);
        }
        let ends = |r: &Range| [(r.low, r.above), (r.high, r.below)];
        let mut out: Option<Range> = None;
        for (x, x_open) in ends(&self) {
            for (y, y_open) in ends(&other) {
                let zero = |v: f64, open: bool| v == 0.0 && !open;
                let product = if x == 0.0 || y == 0.0 { 0.0 } else { x * y };
                let open = !zero(x, x_open) && !zero(y, y_open) && (x_open || y_open);
                let end = Range { above: open, below: open, ..Range::closed(product, product) };
                out = Some(out.map_or(end, |all| all.or(end)));
            }
        }
        Range { whole: self.whole && other.whole, ..out.unwrap_or(Range::ANY) }
    }

    /// `f` of it, for an increasing function.
    pub fn map(self, f: impl Fn(f64) -> f64) -> Range {
        Range { low: f(self.low), high: f(self.high), whole: false, ..self }
    }

    /// The same without numbers below `low`, for functions that have no value there.
    pub fn from(self, low: f64) -> Range {
        if self.low < low { Range { low, above: false, ..self } } else { self }
    }

    pub fn recip(self) -> Range {
        if self.is_positive() {
            return Range {
                low: self.high.recip(),
                high: self.low.recip(),
                above: self.below,
                below: self.above,
                whole: false,
            };
        }
        if self.negated().is_positive() { self.negated().recip().negated() } else { Range::ANY }
    }

    pub fn abs(self) -> Range {
        if self.is_non_negative() {
            return self;
        }
        if self.high <= 0.0 {
            return self.negated();
        }
        let (low, high) = (self.negated(), self);
        let more = if low.high > high.high { low } else { high };
        Range { low: 0.0, above: false, whole: self.whole, ..more }
    }

    pub fn square(self) -> Range {
        Range { whole: self.whole, ..self.abs().map(|x| x * x) }
    }

    /// The range of `x^c`.
    pub fn powf(self, c: f64) -> Range {
        if c.rem_euclid(2.0) == 0.0 {
            return self.abs().power_of_positive(c);
        }
        if self.is_non_negative() { self.power_of_positive(c) } else { Range::ANY }
    }

    fn power_of_positive(self, c: f64) -> Range {
        if c < 0.0 { self.map(|x| x.powf(-c)).recip() } else { self.map(|x| x.powf(c)) }
    }

    pub fn max(self, other: Range) -> Range {
        let (low, above) = match self.low.total_cmp(&other.low) {
            std::cmp::Ordering::Less => (other.low, other.above),
            std::cmp::Ordering::Greater => (self.low, self.above),
            std::cmp::Ordering::Equal => (self.low, self.above || other.above),
        };
        Range { low, above, ..self.or(other) }
    }

    pub fn min(self, other: Range) -> Range {
        self.negated().max(other.negated()).negated()
    }
}
