//! The layers of flows.

use super::flow::{Bijection, Start};
use crate::program::{Real, Vector, custom, sum};

/// A shift and scale of each number.
pub(super) struct Scale {
    pub shift: Vector,
    pub ln_scale: Vector,
}

impl Bijection for Scale {
    fn forward(&self, x: &[Real]) -> Vec<Real> {
        let one = |(k, &x): (usize, &Real)| self.shift.at(k) + self.ln_scale.at(k).exp() * x;
        x.iter().enumerate().map(one).collect()
    }

    fn backward(&self, y: &[Real]) -> (Vec<Real>, Real) {
        let one = |(k, &y): (usize, &Real)| (y - self.shift.at(k)) * (-self.ln_scale.at(k)).exp();
        (y.iter().enumerate().map(one).collect(), self.ln_scale.sum())
    }
}

/// `y = x + u tanh(w'x + b)`.
pub(super) struct Planar {
    u: Vec<Real>,
    w: Vec<Real>,
    b: Real,
    /// `w'u`, above minus one.
    along: Real,
}

impl Planar {
    pub fn new(start: &Start, n: usize) -> Self {
        let free = start.zeros("u", n);
        let w = start.normals("w", 1, n, (n as f64).recip().sqrt());
        let b = start.zeros("b", 1).at(0);
        let inner = w.dot(&free);
        let along = (inner + (1f64.exp() - 1.0).ln()).softplus() - 1.0;
        let bend = (along - inner) / (w.dot(&w) + 1e-12);
        let w = w.elements();
        let u = free.elements().iter().zip(&w).map(|(&u, &w)| u + bend * w).collect();
        Planar { u, w, b, along }
    }

    fn dot(&self, x: &[Real]) -> Real {
        sum(&self.w.iter().zip(x).map(|(&w, &x)| w * x).collect::<Vec<_>>())
    }

    /// `x + sign u tanh(inner + b)`.
    fn moved(&self, x: &[Real], inner: Real, sign: f64) -> Vec<Real> {
        let size = sign * (inner + self.b).tanh();
        x.iter().zip(&self.u).map(|(&x, &u)| x + size * u).collect()
    }
}

impl Bijection for Planar {
    fn forward(&self, x: &[Real]) -> Vec<Real> {
        self.moved(x, self.dot(x), 1.0)
    }

    fn backward(&self, y: &[Real]) -> (Vec<Real>, Real) {
        let inner = custom(&[self.dot(y), self.along, self.b], inner_of_planar);
        let tanh = (inner + self.b).tanh();
        (self.moved(y, inner, -1.0), (1.0 + self.along * (1.0 - tanh.square())).ln())
    }
}

/// The root `a` of `a + along tanh(a + b) = image`, with `along > -1`, and its gradient.
fn inner_of_planar(inputs: &[f64], grad: &mut [f64]) -> f64 {
    let &[image, along, b] = inputs else { return f64::NAN };
    let (mut low, mut high) = (image - along.abs(), image + along.abs());
    let mut a = image;
    for _ in 0..100 {
        let tanh = (a + b).tanh();
        let excess = a + along * tanh - image;
        *if excess < 0.0 { &mut low } else { &mut high } = a;
        let mut next = a - excess / (1.0 + along * (1.0 - tanh * tanh));
        if !(low..=high).contains(&next) {
            next = 0.5 * (low + high);
        }
        let step = (next - a).abs();
        a = next;
        if step <= 1e-15 * (1.0 + a.abs()) {
            break;
        }
    }
    let tanh = (a + b).tanh();
    let steep = along * (1.0 - tanh * tanh);
    grad.copy_from_slice(&[1.0, -tanh, -steep].map(|g| g / (1.0 + steep)));
    a
}

/// Log scales stay within -3 and 3.
const MOST: f64 = 3.0;

pub(super) fn bounded(s: Real) -> Real {
    MOST * (s / MOST).tanh()
}

/// Every second number scaled and shifted by functions of the others.
pub(super) struct Coupling {
    n: usize,
    parity: usize,
    hidden: (Vector, Vector),
    shift: (Vector, Vector),
    scale: (Vector, Vector),
}

impl Coupling {
    pub fn new(start: &Start, n: usize, hidden: usize) -> Self {
        let parity = start.layer % 2;
        let kept = (0..n).filter(|i| i % 2 == parity).count();
        let weights = start.normals("hidden weights", 1, hidden * kept, (kept as f64).recip().sqrt());
        let biases = start.normals("hidden biases", 2, hidden, 0.5);
        let output = |name: &str| {
            let weights = start.zeros(&format!("{name} weights"), (n - kept) * hidden);
            (weights, start.zeros(&format!("{name} biases"), n - kept))
        };
        Coupling { n, parity, hidden: (weights, biases), shift: output("shift"), scale: output("scale") }
    }

    /// `y` and the log scales, for the numbers that are moved: forwards or backwards.
    fn moved(&self, x: &[Real], one: impl Fn(Real, Real, Real) -> Real) -> (Vec<Real>, Real) {
        let kept: Vec<Real> = (0..self.n).filter(|i| i % 2 == self.parity).map(|i| x[i]).collect();
        let h = Vector::new(&kept).dense(&self.hidden.0, &self.hidden.1).map(|h| h.tanh());
        let shift = h.dense(&self.shift.0, &self.shift.1);
        let scale = h.dense(&self.scale.0, &self.scale.1).map(bounded);
        let mut out = x.to_vec();
        for (k, i) in (0..self.n).filter(|i| i % 2 != self.parity).enumerate() {
            out[i] = one(x[i], shift.at(k), scale.at(k));
        }
        (out, scale.sum())
    }
}

impl Bijection for Coupling {
    fn forward(&self, x: &[Real]) -> Vec<Real> {
        self.moved(x, |x, shift, scale| x * scale.exp() + shift).0
    }

    fn backward(&self, y: &[Real]) -> (Vec<Real>, Real) {
        self.moved(y, |y, shift, scale| (y - shift) * (-scale).exp())
    }
}

/// Every number scaled and shifted by functions of those before it.
pub(super) struct Autoregressive {
    n: usize,
    reversed: bool,
    hidden: usize,
    /// Weights and biases of the units that see the first `m + 1` numbers.
    units: Vec<(Vector, Vector)>,
    /// Weights of each number's outputs on all units that see numbers before it alone.
    shift: Vec<Vector>,
    scale: Vec<Vector>,
    shift_bias: Vector,
    scale_bias: Vector,
}

impl Autoregressive {
    pub fn new(start: &Start, n: usize, hidden: usize) -> Self {
        let unit = |m: usize| {
            let (seen, purpose) = (m + 1, 2 * m as u32 + 1);
            let sd = (seen as f64).recip().sqrt();
            let weights = start.normals(&format!("weights of units {m}"), purpose, hidden * seen, sd);
            (weights, start.normals(&format!("biases of units {m}"), purpose + 1, hidden, 0.5))
        };
        let output = |name: &'static str| (1..n).map(move |d| start.zeros(&format!("{name} weights {d}"), d * hidden));
        Autoregressive {
            n,
            reversed: start.layer % 2 == 1,
            hidden,
            units: (0..n - 1).map(unit).collect(),
            shift: output("shift").collect(),
            scale: output("scale").collect(),
            shift_bias: start.zeros("shift biases", n),
            scale_bias: start.zeros("scale biases", n),
        }
    }

    /// Runs through the numbers in their order; `one(given, shift, scale)` gives `(x, y)`.
    fn run(&self, given: &[Real], one: impl Fn(Real, Real, Real) -> (Real, Real)) -> (Vec<(Real, Real)>, Real) {
        let (mut seen, mut h) = (Vec::new(), Vec::with_capacity(self.n * self.hidden));
        let (mut pairs, mut scales) = (vec![(Real::from(0.0), Real::from(0.0)); self.n], Vec::new());
        for d in 0..self.n {
            let at = if self.reversed { self.n - 1 - d } else { d };
            let (mut shift, mut scale) = (self.shift_bias.at(d), self.scale_bias.at(d));
            if d > 0 {
                let h = Vector::new(&h);
                shift += self.shift[d - 1].dot(&h);
                scale += self.scale[d - 1].dot(&h);
            }
            let scale = bounded(scale);
            pairs[at] = one(given[at], shift, scale);
            scales.push(scale);
            seen.push(pairs[at].0);
            if let Some((weights, biases)) = self.units.get(d) {
                h.extend(Vector::new(&seen).dense(weights, biases).map(|h| h.tanh()).elements());
            }
        }
        (pairs, sum(&scales))
    }
}

impl Bijection for Autoregressive {
    fn forward(&self, x: &[Real]) -> Vec<Real> {
        let (pairs, _) = self.run(x, |x, shift, scale| (x, x * scale.exp() + shift));
        pairs.into_iter().map(|(_, y)| y).collect()
    }

    fn backward(&self, y: &[Real]) -> (Vec<Real>, Real) {
        let (pairs, log_jacobian) = self.run(y, |y, shift, scale| ((y - shift) * (-scale).exp(), y));
        (pairs.into_iter().map(|(x, _)| x).collect(), log_jacobian)
    }
}
