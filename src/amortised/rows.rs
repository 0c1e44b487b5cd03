//! Assessment of an encoder by draws of single rows: given theta the rows are independent, so that bound, importance
//! weights and k-hat are those of each row.

use crate::algorithm::{FitError, Solution};
use crate::diagnose::psis::psis;
use crate::diagnose::verdict::{Evidence, HalfMeans, halves_disagreement};
use crate::family::{Family, TracedFamily};
use crate::fit::Stop;
use crate::model::{Draws, RowSet};
use crate::objective::{log_mean_exp, mean_and_standard_error};
use crate::posterior::{Bound, MonteCarlo};
use crate::streams::Streams;
use crate::target::{LogDensity, Pass, Target};
use std::ops::Range;

/// Draws of each row, and rows at most.
const DRAWS: usize = 1000;
const JUDGED: usize = 500;
/// k-hat of a row from which it is measured again, with so many draws, and rows at most.
const LARGE_TAIL: f64 = 0.5;
const AGAIN: usize = 10_000;
const MOST_AGAIN: usize = 20;

/// What the draws of single rows say, summed over the rows.
pub(super) struct Judged {
    pub bound: Bound,
    /// The largest of the rows.
    pub k_hat: f64,
    effective_share: f64,
    rejected_share: f64,
    halves: f64,
}

impl Judged {
    /// What a verdict rests on, for a run that ended so and the gap between it and others.
    pub fn evidence(&self, stop: &Stop, restarts_disagreement: Option<f64>) -> Evidence {
        Evidence {
            k_hat: self.k_hat,
            effective_share: self.effective_share,
            // Of all rows together there is no one weight.
            largest_weight: f64::INFINITY,
            // There are no quantities outside of rows.
            mean_error: 0.0,
            sd_error: 0.0,
            unknown_sds: Vec::new(),
            even_means: None,
            num_draws: DRAWS,
            has_integers: false,
            converged: stop.has_converged(),
            stop_reason: stop.to_string(),
            rejected_share: self.rejected_share,
            halves_disagreement: self.halves,
            restarts_disagreement,
            residual: None,
            integrated: None,
            witness: None,
        }
    }
}

/// Draws of one row at a time.
struct OneRow<'a> {
    target: &'a Target,
    family: &'a TracedFamily,
    solution: &'a Solution,
    z: Draws,
    pass: Pass,
    log_q: Vec<f64>,
}

impl<'a> OneRow<'a> {
    fn new(target: &'a Target, family: &'a TracedFamily, solution: &'a Solution, num_draws: usize) -> Self {
        let (z, log_q) = (Draws::zeros(target.layout(), 1, num_draws), vec![0.0; num_draws]);
        OneRow { target, family, solution, z, pass: Pass::default(), log_q }
    }

    /// Draws the latents of `row`; their log weights.
    fn draw(&mut self, row: u32, streams: Streams) -> Result<Vec<f64>, FitError> {
        let one = RowSet { subset: Some(vec![row]), weight: 1.0, global_terms: false };
        self.family.sample(&self.solution.params, &one, streams.at_step(u64::from(row)), &mut self.z);
        self.target.log_density(&self.solution.theta, &self.z, &one, &mut self.pass)?;
        self.family.log_q(&self.solution.params, &one, &self.z, &mut self.log_q);
        Ok(self.pass.log_density.iter().zip(&self.log_q).map(|(p, q)| p - q).collect())
    }
}

/// A quantity that is summed over rows, of which some were looked at.
#[derive(Default)]
struct Sum {
    rows: Vec<f64>,
    /// Of the Monte Carlo error.
    variance: f64,
}

impl Sum {
    fn add(&mut self, (mean, se): (f64, f64)) {
        self.rows.push(mean);
        self.variance += se * se;
    }

    /// The sum over all `n` rows; rows that were not looked at add to its error.
    fn total(&self, n: usize) -> MonteCarlo {
        let count = self.rows.len().max(1);
        let scale = n as f64 / count as f64;
        let (mean, se) = mean_and_standard_error(&self.rows);
        let left_out = if count < n { (n as f64 * se).powi(2) } else { 0.0 };
        MonteCarlo { value: mean * n as f64, mcse: (scale * scale * self.variance + left_out).sqrt() }
    }
}

/// Judges `solution` by draws of each of some rows, and their weights.
pub(super) fn judge(
    target: &Target,
    family: &TracedFamily,
    solution: &Solution,
    streams: Streams,
) -> Result<Judged, FitError> {
    let layout = target.layout();
    let (n, count) = (layout.num_rows, layout.num_rows.min(JUDGED));
    let mut one = OneRow::new(target, family, solution, DRAWS);
    let [mut elbo, mut joint, mut entropy, mut data, mut evidence]: [Sum; 5] = Default::default();
    let (mut tails, mut effective, mut rejected, mut halves) = (Vec::new(), 0.0f64, 0usize, Vec::new());
    for k in 0..count {
        let row = (layout.first_row + k * n / count) as u32;
        let log_weights = one.draw(row, streams)?;
        rejected += one.pass.log_density.iter().filter(|l| !l.is_finite()).count();
        elbo.add(mean_and_standard_error(&log_weights));
        joint.add(mean_and_standard_error(&one.pass.log_density));
        let (mean, se) = mean_and_standard_error(&one.log_q);
        entropy.add((-mean, se));
        data.add(mean_and_standard_error(&one.pass.data));
        let log_evidence = log_mean_exp(&log_weights);
        let weights: Vec<f64> = log_weights.iter().map(|w| (w - log_evidence).exp()).collect();
        // The weights have mean one, so that the error of their mean is that of its logarithm.
        evidence.add((log_evidence, mean_and_standard_error(&weights).1));
        tails.push((psis(&log_weights).map_or(f64::INFINITY, |found| found.k_hat), row));
        let (all, squares) = (weights.iter().sum::<f64>(), weights.iter().map(|w| w * w).sum::<f64>());
        effective += all * all / squares / (DRAWS * count) as f64;
        halves.extend(one.z.row_latents.chunks_exact(DRAWS).map(|z| half_means(z, &weights)));
    }
    let (elbo, log_evidence) = (elbo.total(n), evidence.total(n));
    let minus = |a: MonteCarlo, b: MonteCarlo| MonteCarlo { value: a.value - b.value, mcse: a.mcse.hypot(b.mcse) };
    let data = target.separates_data().then(|| data.total(n));
    let bound = Bound {
        elbo,
        log_joint: joint.total(n),
        entropy: entropy.total(n),
        data,
        kl: data.map(|data| minus(data, elbo)),
        log_evidence,
        gap: minus(log_evidence, elbo),
        ln_accepted: None,
    };
    Ok(Judged {
        bound,
        k_hat: largest_tail(OneRow::new(target, family, solution, AGAIN), tails, streams.purpose(1))?,
        effective_share: effective,
        rejected_share: rejected as f64 / (count * DRAWS) as f64,
        halves: halves_disagreement(&halves),
    })
}

/// The largest k-hat of rows. Large ones are taken of many other draws, from the largest on until that is above all that are
/// left: among rows the largest of noisy values is too large.
fn largest_tail(mut one: OneRow, mut tails: Vec<(f64, u32)>, streams: Streams) -> Result<f64, FitError> {
    tails.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut largest = f64::NEG_INFINITY;
    for (k, &(first, row)) in tails.iter().enumerate() {
        if first < LARGE_TAIL || first <= largest || k == MOST_AGAIN {
            return Ok(first.max(largest));
        }
        let log_weights = one.draw(row, streams)?;
        largest = psis(&log_weights).map_or(f64::INFINITY, |found| found.k_hat).max(largest);
    }
    Ok(largest)
}

/// The weighted mean of a latent over each half of its draws.
fn half_means(z: &[f64], weights: &[f64]) -> HalfMeans {
    let mean_of = |range: Range<usize>| {
        let (z, w) = (&z[range.clone()], &weights[range]);
        let all: f64 = w.iter().sum();
        let mean = z.iter().zip(w).map(|(z, w)| w * z).sum::<f64>() / all;
        let error = z.iter().zip(w).map(|(z, w)| (w * (z - mean)).powi(2)).sum::<f64>().sqrt() / all;
        (mean, error, z.iter().zip(w).map(|(z, w)| w * (z - mean).powi(2)).sum::<f64>() / all)
    };
    let half = z.len() / 2;
    let (a, b) = (mean_of(0..half), mean_of(half..z.len()));
    HalfMeans { means: [a.0, b.0], mcse: [a.1, b.1], sd: (0.5 * (a.2 + b.2)).sqrt() }
}
