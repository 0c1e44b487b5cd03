//! A mixture of experts, whose weights and components depend on a covariate, as an ordinary model.

use jensen::automatic::Fit;
use jensen::dist::{Distribution, categorical_logit, mixture, mixture_logit, mixture_of, student_t};
use jensen::model::{Draws, RowSet};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Pass, Target};

/// `y_i ~ (1 - g_i) N(alpha_1 + slope_1 x_i, sigma_1) + g_i N(alpha_2 + slope_2 x_i, sigma_2)`,
/// `logit g_i = gate_1 + gate_2 x_i`; the slopes rise.
struct Experts {
    x: Column,
    y: Column,
    /// Whether the expert of each row is a latent, and not summed out.
    assigned: bool,
}

impl Model for Experts {
    fn log_joint(&self, p: &LogJoint) {
        let gate = p.draws("gate", normal(0.0, 3.0), 2);
        let alpha = p.draws("alpha", normal(0.0, 2.0), 2);
        let slope = p.ordered("slope", 2);
        (0..2).for_each(|k| p.add(normal(0.0, 2.0).log_density(slope.at(k))));
        let sigma = p.draws("sigma", half_normal(1.0), 2);
        p.rows(self.y.len(), |i| {
            let x = self.x.at(i);
            let logits = Vector::new(&[Real::from(0.0), gate.at(0) + gate.at(1) * x]);
            if self.assigned {
                let k = i.draw_integer("expert", categorical_logit(logits));
                i.observe(self.y.at(i), normal(alpha.at(k) + slope.at(k) * x, sigma.at(k)));
            } else {
                let line = |k: usize| normal(alpha.at(k) + slope.at(k) * x, sigma.at(k));
                i.observe(self.y.at(i), mixture_logit(logits, vec![line(0), line(1)]));
            }
        });
    }
}

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}

/// Gate, intercepts, slopes and standard deviations that rows are simulated from.
const TRUTH: [(&str, [f64; 2]); 4] =
    [("gate", [0.5, 2.5]), ("alpha", [-1.0, 1.0]), ("slope", [-0.8, 1.2]), ("sigma", [0.3, 0.5])];

fn simulated(num_rows: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let [gate, alpha, slope, sigma] = TRUTH.map(|t| t.1);
    let (mut uniform, mut noise) = (vec![0.0; 2 * num_rows], vec![0.0; num_rows]);
    Streams::new(seed).fill_uniform(1, &mut uniform);
    Streams::new(seed).purpose(1).fill_normal(1, &mut noise);
    let row = |i: usize| {
        let x = 4.0 * uniform[2 * i] - 2.0;
        let k = usize::from(uniform[2 * i + 1] < 1.0 / (1.0 + (-gate[0] - gate[1] * x).exp()));
        (x, alpha[k] + slope[k] * x + sigma[k] * noise[i])
    };
    (0..num_rows).map(row).unzip()
}

fn log_joint(target: &Target, z: &Draws) -> Vec<f64> {
    let mut pass = Pass::default();
    ok(target.log_density(&[], z, &RowSet::all(), &mut pass));
    pass.log_density
}

fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + values.iter().map(|v| (v - largest).exp()).sum::<f64>().ln()
}

/// Unconstrained latents: gate, alpha, slope (first, logarithm of the step), logarithms of sigma.
const POINTS: [[f64; 8]; 2] =
    [[0.3, -1.1, 0.2, 0.9, -0.4, 0.1, -0.7, 0.2], [-2.0, 0.4, 1.5, -0.3, 0.6, -1.2, 0.5, -0.1]];

fn ln_normal(x: f64, mean: f64, sd: f64) -> f64 {
    let z = (x - mean) / sd;
    -0.5 * z * z - sd.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

/// The log joint in plain numbers, Jacobians of the step and of the standard deviations included.
fn by_hand(z: &[f64; 8], x: &[f64], y: &[f64]) -> f64 {
    let (slope, sigma) = ([z[4], z[4] + z[5].exp()], [z[6].exp(), z[7].exp()]);
    let priors = (0..2).map(|k| {
        let half_normal = 2.0_f64.ln() + ln_normal(sigma[k], 0.0, 1.0);
        ln_normal(z[k], 0.0, 3.0) + ln_normal(z[2 + k], 0.0, 2.0) + ln_normal(slope[k], 0.0, 2.0) + half_normal
    });
    let rows = x.iter().zip(y).map(|(x, y)| {
        let second = 1.0 / (1.0 + (-z[0] - z[1] * x).exp());
        let of = |k: usize| ln_normal(*y, z[2 + k] + slope[k] * x, sigma[k]);
        ((1.0 - second) * of(0).exp() + second * of(1).exp()).ln()
    });
    priors.sum::<f64>() + rows.sum::<f64>() + z[5] + z[6] + z[7]
}

/// Summed out, the joint is that of plain numbers; and it is the sum of the joints of all 2^7 assignments of the twin.
#[test]
fn the_joint_is_exact_and_sums_over_all_assignments() {
    let (x, y) = simulated(7, 1);
    let new = |assigned| ok(Target::new(&Experts { x: Column::new(x.clone()), y: Column::new(y.clone()), assigned }));
    let (summed, assigned) = (new(false), new(true));
    for point in &POINTS {
        let found = log_joint(&summed, &Draws::at_point(point))[0];
        let exact = by_hand(point, &x, &y);
        assert!((found - exact).abs() < 1e-12 * exact.abs(), "{found}, exactly {exact}");
        let mut all = Draws::zeros(assigned.layout(), 7, 128);
        for code in 0..128 {
            all.set_draw(code, point);
            (0..7).for_each(|row| all.row_integers[row * 128 + code] = (code >> row & 1) as u32);
        }
        let mut terms = log_joint(&assigned, &all);
        assert!((log_sum_exp(&terms) - exact).abs() < 1e-12 * exact.abs(), "{} {exact}", log_sum_exp(&terms));
        // An assignment left out is seen.
        terms.sort_by(f64::total_cmp);
        assert!((log_sum_exp(&terms[..127]) - exact).abs() > 1e-3);
    }
}

/// 500 rows: every parameter is found within 4.5 posterior deviations, which are small; a wrong truth is not.
#[test]
fn experts_and_their_gate_are_recovered() {
    let (x, y) = simulated(500, 2);
    let fitted = ok(Fit::new(&Experts { x: Column::new(x), y: Column::new(y), assigned: false }).seed(3).run());
    let lines = fitted.posterior.summary();
    let mut worst = 0.0_f64;
    for (name, values) in TRUTH {
        for (k, truth) in values.into_iter().enumerate() {
            let line = lines.iter().find(|l| l.name == format!("{name}[{k}]")).expect("a line");
            assert!((line.mean - truth).abs() < 4.5 * line.sd, "{}: {} +- {}, {truth}", line.name, line.mean, line.sd);
            assert!(line.sd < if name == "gate" { 0.5 } else { 0.1 }, "{}: {}", line.name, line.sd);
            worst = worst.max((line.mean - truth - 0.5).abs() / line.sd);
        }
    }
    assert!(worst > 4.5, "the check is too weak: {worst}");
    assert_eq!(fitted.posterior.verdict().trust, jensen::diagnose::verdict::Trust::Trust);
}

/// Mixtures within mixtures, of several types, inside and outside of rows.
struct Nested {
    y: Column,
}

impl Model for Nested {
    fn log_joint(&self, p: &LogJoint) {
        let level = p.draw("level", normal(0.0, 1.0));
        let two = |shift: f64| {
            let parts = vec![normal(level + shift, 1.0), normal(level - shift, 0.5)];
            mixture(Vector::constant(&[0.25, 0.75]), parts)
        };
        p.add(two(3.0).log_density(Real::from(0.4)));
        p.rows(self.y.len(), |i| {
            let outlier = student_t(3.0, 0.0, 4.0);
            let any = mixture_of(vec![(Real::from(0.9), Box::new(two(1.0))), (Real::from(0.1), Box::new(outlier))]);
            i.observe(self.y.at(i), any);
        });
    }
}

#[test]
fn mixtures_compose_in_any_joint() {
    let y = [0.3, -2.0, 7.5];
    let target = ok(Target::new(&Nested { y: Column::new(y.to_vec()) }));
    let level = 0.7;
    let two = |y: f64, shift: f64| {
        0.25 * ln_normal(y, level + shift, 1.0).exp() + 0.75 * ln_normal(y, level - shift, 0.5).exp()
    };
    // A Student-t with three degrees of freedom: 2 / (pi sqrt 3 s (1 + z^2 / 3)^2).
    let t = |y: f64| 2.0 / (std::f64::consts::PI * 3.0_f64.sqrt() * 4.0 * (1.0 + (y / 4.0).powi(2) / 3.0).powi(2));
    let rows: f64 = y.iter().map(|&y| (0.9 * two(y, 1.0) + 0.1 * t(y)).ln()).sum();
    let exact = ln_normal(level, 0.0, 1.0) + two(0.4, 3.0).ln() + rows;
    let found = log_joint(&target, &Draws::at_point(&[level]))[0];
    assert!((found - exact).abs() < 1e-12 * exact.abs(), "{found}, exactly {exact}");
}
