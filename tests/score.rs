//! Score-function gradients: baselines, terms told apart, wider draws.

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticState, StochasticVi};
use jensen::estimate::*;
use jensen::family::{Bernoulli, Categorical, Family, MeanField, Product};
use jensen::model::{Draws, RowSet};
use jensen::optimize::{Adam, Average};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{DensityError, Factored, LogDensity, Pass, Target};
use jensen::testing::laws::{self, Case};

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}

/// `z_0 ~ N(0, 1)`, `z_i ~ N(0.5 z_(i-1), 1)`.
struct Chain {
    length: usize,
}

impl Model for Chain {
    fn log_joint(&self, p: &LogJoint) {
        let z = p.reals("z", self.length);
        p.add(-0.5 * z.at(0).square());
        for i in 1..self.length {
            p.add(-0.5 * (z.at(i) - 0.5 * z.at(i - 1)).square());
        }
    }
}

/// The exact gradient of the chain's bound in `[mean; ln sd]`: the precision matrix is tridiagonal.
fn chain_gradient(length: usize, params: &[f64]) -> Vec<f64> {
    let (mean, ln_sd) = params.split_at(length);
    let precision = |i: usize| if i + 1 == length { 1.0 } else { 1.25 };
    let near = |i: usize| {
        let before = if i > 0 { mean[i - 1] } else { 0.0 };
        before + mean.get(i + 1).copied().unwrap_or(0.0)
    };
    let of_mean = (0..length).map(|i| -precision(i) * mean[i] + 0.5 * near(i));
    let of_ln_sd = (0..length).map(|i| 1.0 - precision(i) * (2.0 * ln_sd[i]).exp());
    of_mean.chain(of_ln_sd).collect()
}

/// Mean and mean variance of each coordinate's gradient.
fn moments<E: GradientEstimator<Target, MeanField>>(
    estimator: &E,
    length: usize,
    steps: usize,
) -> (Vec<(f64, f64)>, f64) {
    let target = ok(Target::new(&Chain { length }));
    let family = MeanField::new(target.layout());
    let params: Vec<f64> = (0..2 * length).map(|k| 0.4 * (k as f64).sin() - 0.1).collect();
    let rows = RowSet::all();
    let streams = Streams::new(2);
    let case = Case { layout: target.layout(), params: &params, theta: &[], rows: &rows, streams, num_draws: 8 };
    let measured = ok(laws::mean_gradient(estimator, &target, &family, &case, steps));
    let exact: Vec<(f64, f64)> = chain_gradient(length, &params).iter().map(|g| (*g, 0.0)).collect();
    ok(laws::is_unbiased(&measured, &exact, 4.5));
    let variance = measured.iter().map(|m| m.1 * m.1 * steps as f64).sum::<f64>() / measured.len() as f64;
    (measured, variance)
}

#[test]
fn a_chain_does_not_make_the_rao_blackwellised_gradient_noisier() {
    let (short, long) = (moments(&RaoBlackwell, 6, 2000).1, moments(&RaoBlackwell, 60, 2000).1);
    assert!(long < 1.15 * short, "{short} for 6 latents, {long} for 60");
    let (short, long) = (moments(&ScoreFunction::default(), 6, 2000).1, moments(&ScoreFunction::default(), 60, 2000).1);
    assert!(long > 5.0 * short, "without it the variance grows with the chain: {short}, {long}");
}

/// Real latents and integers, some of each row, in terms of every kind, and a vector read at the row's group.
struct Mixed;

impl Model for Mixed {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 2.0));
        let a = p.draws("a", normal(mu, 1.0), 3);
        let s = p.draw("s", half_normal(1.0));
        let k = p.integer("k", 1..4);
        let on = p.draw_integer("on", bernoulli(0.4));
        p.add(0.3 * k.to_real() * on.to_real() - 0.1 * (a.at(0) - 2.0).square());
        let group = IntColumn::new([0, 1, 2, 1, 0, 2, 1]);
        let y = Column::new([0.1, -0.5, 1.2, 0.7, -1.0, 0.3, 0.9]);
        p.rows(1..7, |i| {
            let z = i.draw("z", normal(0.5 * mu, 1.0));
            let c = i.integer("c", 0..2);
            i.add(c.to_real() * (a.at(group.at(i)) - 0.2) + 0.1 * mu);
            i.observe(y.at(i), normal(z + on.to_real(), s));
        });
    }
}

fn row_sets() -> Vec<RowSet> {
    let some = RowSet::minibatch(vec![5, 2, 3], 6);
    vec![RowSet::all(), some.clone(), RowSet { global_terms: false, ..some }]
}

#[test]
fn local_sums_change_as_the_log_density_does() {
    let target = ok(Target::new(&Mixed));
    for rows in row_sets() {
        let num_rows = rows.len(target.layout());
        let mut z = Draws::zeros(target.layout(), num_rows, 2);
        Streams::new(4).fill_normal(2, &mut z.latents);
        Streams::new(5).fill_normal(2, &mut z.row_latents);
        z.integers.copy_from_slice(&[2, 1, 0, 1]);
        z.row_integers.iter_mut().enumerate().for_each(|(k, c)| *c = (k % 2) as u32);
        let (mut pass, mut plain) = (Pass::default(), Pass::default());
        let evaluate = |z: &Draws, pass: &mut Pass, plain: &mut Pass| {
            let mut local = Vec::new();
            ok(target.local_log_density(&[], z, &rows, pass, &mut local));
            ok(target.log_density(&[], z, &rows, plain));
            for (own, expected) in pass.log_density.iter().zip(&plain.log_density) {
                assert!((own - expected).abs() < 1e-11 * (1.0 + expected.abs()), "{own}, {expected}");
            }
            (local, plain.log_density.clone())
        };
        let (before, density) = evaluate(&z, &mut pass, &mut plain);
        let mut nothing_seen = 0;
        for latent in 0..before.len() / 2 {
            let mut moved = z.clone();
            let (reals, row_reals, ints) = (z.latents.len() / 2, z.row_latents.len() / 2, z.integers.len() / 2);
            match latent {
                l if l < reals => moved.latents[2 * l] += 0.3,
                l if l < reals + row_reals => moved.row_latents[2 * (l - reals)] += 0.3,
                l if l < reals + row_reals + ints => moved.integers[2 * (l - reals - row_reals)] ^= 1,
                l => moved.row_integers[2 * (l - reals - row_reals - ints)] ^= 1,
            }
            let (after, changed) = evaluate(&moved, &mut pass, &mut plain);
            let (expected, found) = (changed[0] - density[0], after[2 * latent] - before[2 * latent]);
            assert!((found - expected).abs() < 1e-11, "latent {latent} of {rows:?}: {found}, {expected}");
            nothing_seen += usize::from(before[2 * latent] == density[0]);
        }
        assert_eq!(nothing_seen, 0, "some latent is said to see everything");
    }
}

#[test]
fn terms_of_several_row_blocks_are_refused_in_words() {
    struct Two;
    impl Model for Two {
        fn log_joint(&self, p: &LogJoint) {
            let z = p.draw("z", normal(0.0, 1.0));
            p.rows(3, |i| i.observe(Column::new([0.0, 1.0, 2.0]).at(i), normal(z, 1.0)));
            p.rows(2, |i| i.observe(Column::new([0.0, 1.0]).at(i), normal(z, 1.0)));
        }
    }
    let target = ok(Target::new(&Two));
    let z = Draws::zeros(target.layout(), 0, 1);
    let error = target.local_log_density(&[], &z, &RowSet::all(), &mut Pass::default(), &mut Vec::new());
    assert!(error.expect_err("refused").to_string().contains("several `rows` blocks"));
}
