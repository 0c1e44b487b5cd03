//! Coupling layers of rational-quadratic splines.

use super::flow::{Bijection, Start};
use super::layers::bounded;
use crate::program::{Real, Vector};

/// The splines map (-REACH, REACH) to itself and leave the rest where it is.
const REACH: f64 = 5.0;

/// Smallest share of a bin, and smallest slope at a knot.
const LEAST: f64 = 1e-3;

/// Every second number moved by a monotone spline, whose knots are functions of the others.
pub(super) struct Spline {
    n: usize,
    parity: usize,
    bins: usize,
    hidden: (Vector, Vector),
    /// Weights and biases of the widths, heights and inner slopes; each gives one value for every number moved.
    outputs: Vec<(Vector, Vector)>,
}

/// Places, values and slopes at the knots.
struct Knots {
    x: Vec<Real>,
    y: Vec<Real>,
    slope: Vec<Real>,
}

/// One bin: from `(x, y)` by `(width, height)`, with slopes at its ends.
#[derive(Clone, Copy)]
struct Bin {
    x: Real,
    y: Real,
    width: Real,
    height: Real,
    first: Real,
    last: Real,
}

impl Spline {
    pub fn new(start: &Start, n: usize, hidden: usize, bins: usize) -> Self {
        let parity = start.layer % 2;
        let kept = (0..n).filter(|i| i % 2 == parity).count();
        let weights = start.normals("hidden weights", 1, hidden * kept, (kept as f64).recip().sqrt());
        let biases = start.normals("hidden biases", 2, hidden, 0.5);
        let output = |k: usize| {
            let weights = start.zeros(&format!("knot weights {k}"), (n - kept) * hidden);
            (weights, start.zeros(&format!("knot biases {k}"), n - kept))
        };
        Spline { n, parity, bins, hidden: (weights, biases), outputs: (0..3 * bins - 1).map(output).collect() }
    }

    /// The numbers that are kept or moved.
    fn half(&self, x: &[Real], moved: bool) -> Vec<Real> {
        (0..self.n).filter(|i| (i % 2 != self.parity) == moved).map(|i| x[i]).collect()
    }

    fn knots(&self, kept: &[Real]) -> Knots {
        let h = Vector::new(kept).dense(&self.hidden.0, &self.hidden.1).map(|h| h.tanh());
        let outputs = self.outputs.iter().map(|(weights, biases)| h.dense(weights, biases).lanes());
        let outputs: Vec<Real> = outputs.collect();
        let (widths, rest) = outputs.split_at(self.bins);
        let (heights, slopes) = rest.split_at(self.bins);
        // A slope of one, where the output is zero and at both ends.
        let at_zero = (1.0 - LEAST).exp_m1().ln();
        let mut slope = vec![Real::from(1.0)];
        slope.extend(slopes.iter().map(|&s| LEAST + (s + at_zero).softplus()));
        slope.push(Real::from(1.0));
        Knots { x: places(widths), y: places(heights), slope }
    }

    fn with_moved(&self, x: &[Real], moved: &Vector) -> Vec<Real> {
        let mut moved = moved.elements().into_iter();
        let one = |(i, &x): (usize, &Real)| if i % 2 == self.parity { x } else { moved.next().unwrap_or(x) };
        x.iter().enumerate().map(one).collect()
    }
}

/// Knots from the softmax of `shares`, from -REACH to REACH.
fn places(shares: &[Real]) -> Vec<Real> {
    let exps: Vec<Real> = shares.iter().map(|&s| bounded(s).exp()).collect();
    let total = exps.iter().skip(1).fold(exps[0], |sum, &e| sum + e);
    let free = 1.0 - LEAST * shares.len() as f64;
    let mut at = Real::from(-REACH);
    let mut out = vec![at];
    for e in &exps[..exps.len() - 1] {
        at += 2.0 * REACH * (LEAST + free * *e / total);
        out.push(at);
    }
    out.push(Real::from(REACH));
    out
}

impl Knots {
    /// The bin of `v`, found among the knots `at`.
    fn bin(&self, at: &[Real], v: Real) -> Bin {
        let bin = |k: usize| Bin {
            x: self.x[k],
            y: self.y[k],
            width: self.x[k + 1] - self.x[k],
            height: self.y[k + 1] - self.y[k],
            first: self.slope[k],
            last: self.slope[k + 1],
        };
        (1..at.len() - 1).fold(bin(0), |below, k| {
            let (mask, here) = (v.less_than(at[k]), bin(k));
            Bin {
                x: mask.select(below.x, here.x),
                y: mask.select(below.y, here.y),
                width: mask.select(below.width, here.width),
                height: mask.select(below.height, here.height),
                first: mask.select(below.first, here.first),
                last: mask.select(below.last, here.last),
            }
        })
    }
}

impl Bin {
    fn steep(&self) -> Real {
        self.height / self.width
    }

    /// `y` at the share `xi` of the bin's width.
    fn value(&self, xi: Real) -> Real {
        let (s, mixed) = (self.steep(), xi * (1.0 - xi));
        let share = (s * xi.square() + self.first * mixed) / (s + (self.last + self.first - 2.0 * s) * mixed);
        self.y + self.height * share
    }

    /// The share of the width where the value is `y`.
    fn inverse(&self, y: Real) -> Real {
        let (s, above) = (self.steep(), y - self.y);
        let bent = above * (self.last + self.first - 2.0 * s);
        let a = self.height * (s - self.first) + bent;
        let b = self.height * self.first - bent;
        let c = -(s * above);
        2.0 * c / (-b - (b.square() - 4.0 * a * c).max(0.0).sqrt())
    }

    /// `ln dy/dx` at the share `xi`.
    fn ln_slope(&self, xi: Real) -> Real {
        let (s, mixed, rest) = (self.steep(), xi * (1.0 - xi), 1.0 - xi);
        let above = self.last * xi.square() + 2.0 * s * mixed + self.first * rest.square();
        2.0 * s.ln() + above.ln() - 2.0 * (s + (self.last + self.first - 2.0 * s) * mixed).ln()
    }
}

/// `inside` between the ends, `outside` beyond.
fn within(v: Real, inside: Real, outside: Real) -> Real {
    let below = v.less_than(-REACH).select(outside, inside);
    Real::from(REACH).less_than(v).select(outside, below)
}

fn clamped(v: Real) -> Real {
    v.max(-REACH).min(REACH)
}

impl Bijection for Spline {
    fn forward(&self, x: &[Real]) -> Vec<Real> {
        let knots = self.knots(&self.half(x, false));
        let moved = Vector::new(&self.half(x, true)).map(|v| {
            let inner = clamped(v);
            let bin = knots.bin(&knots.x, inner);
            within(v, bin.value((inner - bin.x) / bin.width), v)
        });
        self.with_moved(x, &moved)
    }

    fn backward(&self, y: &[Real]) -> (Vec<Real>, Real) {
        let knots = self.knots(&self.half(y, false));
        let given = Vector::new(&self.half(y, true));
        let share = |v: Real| {
            let inner = clamped(v);
            let bin = knots.bin(&knots.y, inner);
            (bin, bin.inverse(inner))
        };
        let moved = given.map(|v| {
            let (bin, xi) = share(v);
            within(v, bin.x + bin.width * xi, v)
        });
        let ln_slope = given.map(|v| {
            let (bin, xi) = share(v);
            within(v, bin.ln_slope(xi), Real::from(0.0))
        });
        (self.with_moved(y, &moved), ln_slope.sum())
    }
}
