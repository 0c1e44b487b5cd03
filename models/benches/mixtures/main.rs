//! Mixtures and chains as programs: the cost of a row from a thousand to ten million, and a user's program beside the
//! built-in one.
//!
//! `cargo bench -p jensen-models --bench mixtures [-- ROWS]`; ROWS is the largest table, 10,000,000 unless said
//! otherwise. Figures are the best of five, of the log joint with its gradient at one draw.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a bench talks and may stop")]

#[path = "../workloads/planar.rs"]
mod planar;

use jensen::dist::mixture;
use jensen::model::{Draws, RowSet};
use jensen::prelude::*;
use jensen::program::log_sum_exp;
use jensen::target::{Differentiable, Options, Pass, Target};
use jensen_models::zoo::HiddenMarkov;
use planar::Mixture;
use std::time::Instant;

fn main() {
    let most = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(10_000_000);
    let mut rows = 1_000;
    while rows <= most {
        let seconds = gradient(&Mixture { x: line(rows), y: line(rows) }, 14, 1);
        println!("mixture of 3, two columns, {rows:9} rows: {:7.2} ns a row", 1e9 * seconds / rows as f64);
        rows *= 10;
    }
    for threads in [1, 2] {
        let (built_in, own) = (gradient(&BuiltIn(line(10_000)), 8, threads), gradient(&Own(line(10_000)), 8, threads));
        report(&format!("mixture, 10,000 rows, {threads} threads"), built_in, own);
    }
    let counts: Vec<f64> = (0..2_000_u32).map(|t| f64::from(if t / 50 % 2 == 0 { t % 3 } else { 2 + t % 5 })).collect();
    let built_in = gradient(&HiddenMarkov { counts: counts.clone() }, 4, 1);
    let by_hand = by_hand(&counts);
    report("hidden Markov chain of 2,000", built_in, gradient(&OwnChain { counts }, 4, 1));
    println!("the same by hand, forwards and backwards in plain numbers: {:.1} us", 1e6 * by_hand);
}

fn report(what: &str, built_in: f64, own: f64) {
    let (built_in, own) = (1e6 * built_in, 1e6 * own);
    println!("{what}: built-in {built_in:.1} us, user's {own:.1} us, {:.2} times", own / built_in);
}

/// Seconds of a log joint with its gradient.
fn gradient(model: &dyn Model, latents: usize, threads: usize) -> f64 {
    let target = Target::with_options(model, Options::default().threads(threads)).expect("a valid model");
    let z = Draws::at_point(&(0..latents).map(|i| 0.1 * i as f64 - 0.4).collect::<Vec<_>>());
    let (all, mut pass, mut grad) = (RowSet::all(), Pass::default(), Draws::default());
    let mut once = || target.log_density_and_gradient(&[], &z, &all, &mut pass, &mut grad, &mut []).expect("a density");
    let start = Instant::now();
    once();
    let repeats = (0.05 / start.elapsed().as_secs_f64()).clamp(1.0, 10_000.0) as u32;
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        (0..repeats).for_each(|_| once());
        best = best.min(start.elapsed().as_secs_f64() / f64::from(repeats));
    }
    best
}

/// Cells about -2, 0 and 3 by turns.
fn line(rows: usize) -> Column {
    Column::new((0..rows).map(|i| [-2.0, 0.0, 3.0][i % 3] + ((i * 31) % 97) as f64 / 97.0).collect::<Vec<_>>())
}

/// The distribution `mixture`.
struct BuiltIn(Column);

impl Model for BuiltIn {
    fn log_joint(&self, p: &LogJoint) {
        let w = p.draw("w", dirichlet(Vector::constant(&[1.0; 3])));
        let (mu, s) = (p.draws("mu", normal(0.0, 5.0), 3), p.draws("s", half_normal(2.0), 3));
        p.rows(self.0.len(), |i| {
            i.observe(self.0.at(i), mixture(w, (0..3).map(|k| normal(mu.at(k), s.at(k))).collect::<Vec<_>>()));
        });
    }
}

/// The same written out by a user.
struct Own(Column);

impl Model for Own {
    fn log_joint(&self, p: &LogJoint) {
        let w = p.draw("w", dirichlet(Vector::constant(&[1.0; 3])));
        let (mu, s) = (p.draws("mu", normal(0.0, 5.0), 3), p.draws("s", half_normal(2.0), 3));
        p.rows(self.0.len(), |i| {
            let x = self.0.at(i);
            let part = |k: usize| {
                let z = (x - mu.at(k)) / s.at(k);
                w.at(k).ln() - s.at(k).ln() - 0.5 * (2.0 * std::f64::consts::PI).ln() - 0.5 * z.square()
            };
            i.add(log_sum_exp(&[part(0), part(1), part(2)]));
        });
    }
}

/// The zoo's hidden Markov model as a loop over plain `Real`s.
struct OwnChain {
    counts: Vec<f64>,
}

impl Model for OwnChain {
    fn log_joint(&self, p: &LogJoint) {
        let stay = p.draws("stay", beta(5.0, 1.0), 2);
        let log_rate = p.ordered("log_rate", 2);
        (0..2).for_each(|k| p.add(normal(0.0, 2.0).log_density(log_rate.at(k))));
        let step = [[stay.at(0).ln(), (-stay.at(0)).ln_1p()], [(-stay.at(1)).ln_1p(), stay.at(1).ln()]];
        let rate = [log_rate.at(0).exp(), log_rate.at(1).exp()];
        let mut forward = [Real::from(-std::f64::consts::LN_2); 2];
        for (t, &count) in self.counts.iter().enumerate() {
            let factorial = (1..=count as u32).map(|j| f64::from(j).ln()).sum::<f64>();
            forward = [0, 1].map(|k| {
                let emission = count * log_rate.at(k) - rate[k] - factorial;
                let before = match t {
                    0 => forward[k],
                    _ => log_sum_exp(&[forward[0] + step[0][k], forward[1] + step[1][k]]),
                };
                before + emission
            });
        }
        p.add(log_sum_exp(&forward));
    }
}

/// Seconds of the scaled forward and backward recursions of the same chain, which give all its gradients.
fn by_hand(counts: &[f64]) -> f64 {
    let (step, rate) = ([[0.8, 0.2], [0.3, 0.7]], [0.9_f64, 3.0]);
    let (mut forward, mut scale) = (vec![[0.5; 2]; counts.len()], vec![1.0; counts.len()]);
    let emission = |k: usize, t: usize| (counts[t] * rate[k].ln() - rate[k]).exp();
    let mut best = f64::INFINITY;
    for _ in 0..200 {
        let (start, mut sums) = (Instant::now(), [0.0; 6]);
        for t in 0..counts.len() {
            let before = if t == 0 { [0.5; 2] } else { forward[t - 1] };
            let own = [0, 1].map(|k| {
                let moved = if t == 0 { before[k] } else { before[0] * step[0][k] + before[1] * step[1][k] };
                moved * emission(k, t)
            });
            scale[t] = own[0] + own[1];
            forward[t] = own.map(|x| x / scale[t]);
        }
        let mut backward = [1.0; 2];
        for t in (0..counts.len()).rev() {
            for k in 0..2 {
                sums[k] += forward[t][k] * backward[k] * (counts[t] - rate[k]);
            }
            if t > 0 {
                let weighted = [0, 1].map(|k| emission(k, t) * backward[k] / scale[t]);
                for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    sums[2 + 2 * i + j] += forward[t - 1][i] * weighted[j];
                }
                backward = [0, 1].map(|i| step[i][0] * weighted[0] + step[i][1] * weighted[1]);
            }
        }
        let total: f64 = scale.iter().map(|s| s.ln()).sum::<f64>() + sums.iter().sum::<f64>();
        best = best.min(start.elapsed().as_secs_f64());
        assert!(std::hint::black_box(total).is_finite());
    }
    best
}
