//! Layers against their formulas by hand, and their gradients against central differences.

use jensen::dist::normal;
use jensen::layers::{GatedCell, ImageShape, convolve, embed, layer_norm};
use jensen::model::{Draws, LogJoint, Model};
use jensen::program::{IntColumn, Vector};
use jensen::target::{LogDensity, Target, check_gradient};

/// Numbers without a pattern between -1 and 1.
fn numbers(n: usize) -> Vec<f64> {
    (0..n).map(|k| ((k * 37 + 11) % 101) as f64 / 50.0 - 1.0).collect()
}

/// A layer of latents `w`, its output derived as `y`, with a density that sees every number of it.
struct Layer<F>(usize, F);

impl<F: Fn(&Vector) -> Vector + Sync> Model for Layer<F> {
    fn log_joint(&self, p: &LogJoint) {
        let w = p.reals("w", self.0);
        let y = (self.1)(&w);
        p.derive("y", y);
        let c = Vector::constant(&numbers(y.len()));
        p.add(y.zip(&c, |y, c| c * y + 0.3 * y.square()).sum() - w.map(|w| w.square()).sum());
    }
}

/// The layer's output at `numbers`, after a check of its gradient there; differences are good to about 1e-9.
fn checked(n: usize, layer: impl Fn(&Vector) -> Vector + Sync) -> Vec<f64> {
    let target = Target::new(&Layer(n, layer)).unwrap();
    let (worst, at) = check_gradient(&target, &numbers(n)).unwrap();
    assert!(worst < 1e-7, "latent {at}: {worst}");
    let made = target.constrained(&[], &Draws::at_point(&numbers(n)));
    let y = (0..made.names.len()).filter(|&k| made.names[k].starts_with('y'));
    y.map(|k| made.values[k]).collect()
}

fn part(w: &Vector, from: usize, n: usize) -> Vector {
    Vector::new(&w.elements()[from..from + n])
}

fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() < 1e-12 * (1.0 + e.abs()), "{found:?} {expected:?}");
    }
}

#[test]
fn layer_norm_has_its_gradient() {
    let found = checked(9, |w| layer_norm(&part(w, 0, 3), &part(w, 3, 3), &part(w, 6, 3)));
    let x = numbers(9);
    let mean = (x[0] + x[1] + x[2]) / 3.0;
    let sd = (x[..3].iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3.0 + 1e-5).sqrt();
    near(&found, &[0, 1, 2].map(|k| x[3 + k] * (x[k] - mean) / sd + x[6 + k]));
}

#[test]
fn a_gated_cell_is_its_formula_over_two_steps() {
    // Two inputs, two states: six matrices of four and six biases of two numbers; input twice, state once.
    let cell = |w: &Vector| {
        let pair = |k: usize| (part(w, 6 * k, 4), part(w, 6 * k + 4, 2));
        GatedCell { input: [pair(0), pair(1), pair(2)], state: [pair(3), pair(4), pair(5)] }
    };
    let found = checked(42, |w| {
        let first = cell(w).step(&part(w, 36, 2), &part(w, 40, 2));
        cell(w).step(&part(w, 38, 2), &first)
    });
    let w = numbers(42);
    let dense = |k: usize, v: [f64; 2]| {
        [0, 1].map(|j| w[6 * k + 2 * j] * v[0] + w[6 * k + 2 * j + 1] * v[1] + w[6 * k + 4 + j])
    };
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let step = |x: [f64; 2], h: [f64; 2]| {
        let sum = |k: usize| [0, 1].map(|j| dense(k, x)[j] + dense(3 + k, h)[j]);
        [0, 1].map(|j| {
            let (r, u) = (sigmoid(sum(0)[j]), sigmoid(sum(1)[j]));
            let c = (dense(2, x)[j] + r * dense(5, h)[j]).tanh();
            (1.0 - u) * c + u * h[j]
        })
    };
    near(&found, &step([w[38], w[39]], step([w[36], w[37]], [w[40], w[41]])));
}

#[test]
fn a_convolution_is_its_sum() {
    // Two channels of 3 x 4, two kernels of 2 x 2, every second column and row.
    let shape = ImageShape { channels: 2, height: 3, width: 4 };
    for (stride, height, width) in [(1, 2, 3), (2, 1, 2)] {
        let found = checked(24 + 16 + 2, |w| {
            let (y, out) = convolve(&part(w, 0, 24), shape, &part(w, 24, 16), &part(w, 40, 2), 2, stride);
            assert_eq!(out, ImageShape { channels: 2, height, width });
            y
        });
        let w = numbers(42);
        let mut expected = Vec::new();
        for (o, i, j) in (0..2).flat_map(|o| (0..height).flat_map(move |i| (0..width).map(move |j| (o, i, j)))) {
            let mut sum = w[40 + o];
            for (c, a, b) in (0..8).map(|k| (k / 4, k / 2 % 2, k % 2)) {
                sum += w[24 + o * 8 + c * 4 + a * 2 + b] * w[c * 12 + (i * stride + a) * 4 + j * stride + b];
            }
            expected.push(sum);
        }
        near(&found, &expected);
    }
}

/// A table of three levels and two columns, looked up by the rows' data.
struct Looked(IntColumn);

impl Model for Looked {
    fn log_joint(&self, p: &LogJoint) {
        let columns = [p.reals("a", 3), p.reals("b", 3)];
        p.rows(self.0.len(), |i| {
            let found = embed(&columns, self.0.at(i));
            i.observe(1.0, normal(found.at(0) * 2.0 + found.at(1).square(), 1.0));
        });
        p.add(-columns[0].map(|x| x.square()).sum() - columns[1].map(|x| x.square()).sum());
    }
}

#[test]
fn an_embedding_reads_its_level() {
    let levels = [2, 0, 0, 1, 2];
    let target = Target::new(&Looked(IntColumn::new(levels.to_vec()))).unwrap();
    let at = numbers(6);
    let (worst, k) = check_gradient(&target, &at).unwrap();
    assert!(worst < 1e-7, "latent {k}: {worst}");
    let mut pass = jensen::target::Pass::default();
    target.log_density(&[], &Draws::at_point(&at), &jensen::model::RowSet::all(), &mut pass).unwrap();
    let density = |mean: f64| -0.5 * (1.0 - mean).powi(2) - 0.5 * (2.0 * std::f64::consts::PI).ln();
    let rows: f64 = levels.iter().map(|&l| density(2.0 * at[l as usize] + at[3 + l as usize].powi(2))).sum();
    let expected = rows - at.iter().map(|x| x * x).sum::<f64>();
    assert!((pass.log_density[0] - expected).abs() < 1e-12 * expected.abs(), "{} {expected}", pass.log_density[0]);
}
