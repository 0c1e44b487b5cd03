//! Row by row: latents of rows, log-likelihoods, and the expected log density of new rows.

use super::Posterior;
use super::statistics::sd;
use crate::algorithm::FitError;
use crate::diagnose::psis::{k_hat_threshold, psis};
use crate::family::Family;
use crate::model::{Draws, Layout, RowSet, Site, SiteKind};
use crate::numerics::log_sum_exp;
use crate::target::{Constrained, LogDensity, Pass, with_integers};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// `log p(x_row | z)` of every row and draw.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RowLogLikelihood {
    /// Number of rows.
    pub num_rows: usize,
    /// Number of draws.
    pub num_draws: usize,
    /// The log likelihood of each row at each draw, `[row][draw]`.
    pub values: Vec<f64>,
}

impl RowLogLikelihood {
    /// One row over all draws.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.num_draws..(row + 1) * self.num_draws]
    }
}

/// Expected log density of a row that was left out, summed over the rows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Loo {
    /// `sum_i log p(x_i | x_without_i)`.
    pub elpd: f64,
    /// The standard error of `elpd`, from its spread over rows.
    pub elpd_se: f64,
    /// Effective number of parameters: `sum_i log p(x_i | x)` less `elpd`.
    pub num_effective: f64,
    /// Each row's share of `elpd`.
    pub pointwise: Vec<f64>,
    /// Tail shape of each row's weights; above `threshold` its share is not to be relied on.
    pub k_hat: Vec<f64>,
    /// The largest `k_hat` that this number of draws makes reliable.
    pub threshold: f64,
}

impl Loo {
    /// Rows whose share cannot be relied on.
    pub fn unreliable(&self) -> Vec<usize> {
        let beyond = |k: f64| k.is_nan() || k > self.threshold;
        (0..self.k_hat.len()).filter(|&i| beyond(self.k_hat[i])).collect()
    }
}

/// A latent that every row has, in short: the means of its rows under q.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RowMeans {
    /// Name of the latent.
    pub name: String,
    /// Rows that have it.
    pub num_rows: usize,
    /// The mean of its rows' means.
    #[serde(with = "crate::number")]
    pub mean: f64,
    /// The least and the largest of them.
    #[serde(with = "crate::number::list")]
    pub range: [f64; 2],
}

impl RowMeans {
    /// One for each element of `draws` of rows, such as those of [`Posterior::row_draws`].
    pub fn of(draws: &Constrained) -> Vec<RowMeans> {
        let size = draws.num_rows * draws.num_draws;
        let one = |(name, values): (&String, &[f64])| {
            let rows = values.chunks_exact(draws.num_draws.max(1));
            let means: Vec<f64> = rows.map(|row| row.iter().sum::<f64>() / row.len() as f64).collect();
            let extreme = |pick: fn(f64, f64) -> f64| means.iter().copied().reduce(pick).unwrap_or(f64::NAN);
            let mean = means.iter().sum::<f64>() / means.len() as f64;
            RowMeans { name: name.clone(), num_rows: means.len(), mean, range: [extreme(f64::min), extreme(f64::max)] }
        };
        draws.names.iter().zip(draws.values.chunks_exact(size.max(1))).map(one).collect()
    }
}

impl fmt::Display for RowMeans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RowMeans { name, num_rows, mean, range: [least, most] } = self;
        write!(f, "{name} in each of {num_rows} rows: means from {least:.3} to {most:.3}, {mean:.3} over all")
    }
}

/// Purpose of the streams.
const ROW_INTEGERS: u32 = 0x726f_7769;

/// Numbers in a block of rows' log-likelihoods.
const BLOCK_NUMBERS: usize = 4_000_000;

impl Posterior {
    /// Draws of the latents of all rows in the model's space, `[element][row][draw]`, beside the first `num_draws` of
    /// [`Posterior::draws`].
    ///
    /// They are made again from `family`, which must be the one assessed, with the same noise.
    ///
    /// # Errors
    /// When `family` or `target` is another than the one assessed.
    pub fn row_draws(
        &self,
        target: &dyn LogDensity,
        family: &dyn Family,
        num_draws: usize,
    ) -> Result<Constrained, FitError> {
        self.check_same(target.layout())?;
        let chosen = self.first_chosen(num_draws);
        let mut out = Constrained::default();
        self.each_block(target, Some(family), &chosen, |first, z| {
            let z = &*self.with_row_integers(target, first, z)?;
            let block = target.constrained_rows(&self.solution.theta, z, &RowSet::all());
            out.place(first, chosen.len(), &block);
            Ok(())
        })?;
        Ok(out)
    }

    /// The log-likelihood of every row at each of [`Posterior::draws`]; `family` is needed where rows have latents of their own.
    ///
    /// # Errors
    /// When the model has no single block of rows, a row without data that are observed, or a bare term in its rows.
    pub fn row_log_likelihood(
        &self,
        target: &dyn LogDensity,
        family: Option<&dyn Family>,
    ) -> Result<RowLogLikelihood, FitError> {
        self.check_same(target.layout())?;
        self.log_likelihood_at(target, family, &self.chosen())
    }

    /// The same at the proposal's draws at `chosen`, in ascending order.
    pub(super) fn log_likelihood_at(
        &self,
        target: &dyn LogDensity,
        family: Option<&dyn Family>,
        chosen: &[u32],
    ) -> Result<RowLogLikelihood, FitError> {
        let num_rows = rows_with_data(target)?;
        let n = chosen.len();
        let mut out = RowLogLikelihood { num_rows, num_draws: n, values: vec![0.0; num_rows * n] };
        let mut pass = Pass { want_row_terms: true, ..Pass::default() };
        self.each_block(target, family, chosen, |first, z| {
            target.log_density(&self.solution.theta, z, &RowSet::all(), &mut pass)?;
            put_rows(&mut out.values, n, first, &pass.row_data, z.num_draws);
            Ok(())
        })?;
        Ok(out)
    }

    /// Leave-one-out cross-validation by smoothed importance sampling, rows in blocks so that memory stays bounded.
    ///
    /// Every draw of the proposal counts, by the weight `p(x, z) / (g(z) p(x_i | z))` with its density g, so that q need not be
    /// the posterior.
    ///
    /// # Errors
    /// As [`Posterior::row_log_likelihood`]; rows with latents of their own; fewer than 25 draws.
    ///
    /// *Source*: Vehtari, Gelman and Gabry (2017); Magnusson, Andersen, Jonasson and Vehtari (2019).
    pub fn loo(&self, target: &dyn LogDensity) -> Result<Loo, FitError> {
        self.check_same(target.layout())?;
        let num_rows = rows_with_data(target)?;
        let layout = target.layout();
        refuse_row_latents(layout)?;
        let n = self.proposal.num_draws();
        let log_density = self.proposal.log_density();
        let ratios: Vec<f64> = self.proposal.log_p.iter().zip(&log_density).map(|(p, g)| p - g).collect();
        let mut out = Loo {
            elpd: 0.0,
            elpd_se: 0.0,
            num_effective: 0.0,
            pointwise: Vec::with_capacity(num_rows),
            k_hat: Vec::with_capacity(num_rows),
            threshold: k_hat_threshold(n),
        };
        let mut pass = Pass { want_row_terms: true, ..Pass::default() };
        let all: Vec<u32> = (0..n as u32).collect();
        let in_block = (BLOCK_NUMBERS / n).max(1);
        for from in (0..num_rows).step_by(in_block) {
            let numbers = (from..num_rows.min(from + in_block)).map(|r| (layout.first_row + r) as u32);
            let rows = RowSet { subset: Some(numbers.collect()), weight: 1.0, global_terms: true };
            let count = rows.len(layout);
            let mut values = vec![0.0; count * n];
            self.each_block(target, None, &all, |first, z| {
                target.log_density(&self.solution.theta, z, &rows, &mut pass)?;
                put_rows(&mut values, n, first, &pass.row_data, z.num_draws);
                Ok(())
            })?;
            values.chunks_exact(n).try_for_each(|row| self.leave_out(row, &ratios, &mut out))?;
        }
        out.elpd = out.pointwise.iter().sum();
        out.elpd_se = sd(&out.pointwise) * (num_rows as f64).sqrt();
        out.num_effective -= out.elpd;
        Ok(out)
    }

    /// Adds one row to `out`; `num_effective` gathers the log densities of rows that are not left out.
    fn leave_out(&self, row: &[f64], ratios: &[f64], out: &mut Loo) -> Result<(), FitError> {
        let usable = |x: f64| if x.is_finite() { x } else { f64::NEG_INFINITY };
        let without: Vec<f64> = row.iter().zip(ratios).map(|(l, r)| usable(r - l)).collect();
        let smooth = psis(&without).map_err(|e| FitError::unsupported("weights", e.to_string()))?;
        let log_mean = |log_weights: &[f64]| {
            let terms: Vec<f64> = log_weights.iter().zip(row).map(|(w, l)| usable(w + l)).collect();
            log_sum_exp(&terms)
        };
        out.pointwise.push(log_mean(&smooth.log_weights));
        out.k_hat.push(smooth.k_hat);
        out.num_effective += log_mean(&self.proposal.log_weights);
        Ok(())
    }

    /// Draws with the integers of all rows that the density sums out, beside what else they hold.
    pub(crate) fn with_row_integers<'z>(
        &self,
        target: &dyn LogDensity,
        first: usize,
        z: &'z Draws,
    ) -> Result<Cow<'z, Draws>, FitError> {
        let streams = self.streams.purpose(ROW_INTEGERS).purpose(first as u32);
        Ok(with_integers(target, &self.solution.theta, z, Some(&RowSet::all()), streams)?)
    }

    /// The first `num_draws` of [`Posterior::chosen`].
    pub(crate) fn first_chosen(&self, num_draws: usize) -> Vec<u32> {
        let mut chosen = self.chosen();
        chosen.truncate(num_draws);
        chosen
    }

    /// Calls `visit(first place, draws)` for the proposal's draws at `chosen`, in ascending order: those of a block at a time.
    pub(crate) fn each_block(
        &self,
        target: &dyn LogDensity,
        family: Option<&dyn Family>,
        chosen: &[u32],
        mut visit: impl FnMut(usize, &Draws) -> Result<(), FitError>,
    ) -> Result<(), FitError> {
        let layout = target.layout();
        let inside = layout.num_row_latents + layout.num_row_integers > 0;
        let family = match (inside, family) {
            (true, None) => {
                return Err(FitError::setting(
                    "family",
                    "the rows have latents of their own: give the family they were drawn from",
                ));
            }
            (true, Some(family)) if family.num_params() != self.solution.params.len() => {
                return Err(FitError::setting(
                    "family",
                    format!(
                        "the family has {} parameters, the posterior {}; give the one that was fitted",
                        family.num_params(),
                        self.solution.params.len()
                    ),
                ));
            }
            (true, family) => family,
            (false, _) => None,
        };
        for block in 0..self.num_blocks() {
            let (first, count) = self.block_range(block);
            let [from, to] = [first, first + count].map(|end| chosen.partition_point(|&d| (d as usize) < end));
            if from == to {
                continue;
            }
            let mut z = self.outside_of_rows(block);
            if let Some(family) = family {
                let summed = std::mem::take(&mut z.integers);
                z.resize(layout, layout.num_rows, count);
                family.sample(&self.solution.params, &RowSet::all(), self.streams.at_step(block as u64), &mut z);
                if layout.num_integers == 0 {
                    z.integers = summed;
                }
            }
            visit(from, &z.select(chosen[from..to].iter().map(|&d| d as usize - first)))?;
        }
        Ok(())
    }

    /// Refuses a target with other latents outside of rows; where rows have latents of their own, with other rows too.
    pub(crate) fn check_latents(&self, layout: &Layout) -> Result<(), FitError> {
        let outside = |layout: &Layout| -> Vec<Site> {
            let kinds = [SiteKind::Latent, SiteKind::Integer, SiteKind::SummedInteger, SiteKind::Parameter];
            layout.sites.iter().filter(|s| kinds.contains(&s.kind)).cloned().collect()
        };
        if self.layout.num_row_latents + self.layout.num_row_integers > 0 {
            return self.check_same(layout);
        }
        if outside(layout) == outside(&self.layout) && layout.num_row_latents + layout.num_row_integers == 0 {
            Ok(())
        } else {
            Err(FitError::setting(
                "target",
                "the latents are not those of this posterior: new rows need the same model, with the same number of \
                 groups and features",
            ))
        }
    }

    pub(crate) fn check_same(&self, layout: &Layout) -> Result<(), FitError> {
        if *layout == self.layout {
            return Ok(());
        }
        Err(FitError::setting(
            "target",
            "the target is not the one this posterior was assessed on: its sites, their coordinates or its number of \
             rows differ; build it from the same model and data, with `Target::in_coordinates` and the posterior's layout",
        ))
    }
}

/// Copies a block of `count` draws of each row to its place among `num_draws`.
fn put_rows(all: &mut [f64], num_draws: usize, first: usize, block: &[f64], count: usize) {
    for (row, from) in all.chunks_exact_mut(num_draws).zip(block.chunks_exact(count)) {
        row[first..first + count].copy_from_slice(from);
    }
}

/// Refuses rows with latents of their own, of which none can be left out by weights.
pub(super) fn refuse_row_latents(layout: &Layout) -> Result<(), FitError> {
    if layout.num_row_latents + layout.num_row_integers == 0 {
        return Ok(());
    }
    Err(FitError::unsupported(
        "row latents",
        "a row with latents of its own cannot be left out by weights: they would still be fitted to it; \
         leave rows out of the data and fit again",
    ))
}

/// The number of rows, where each of them has data terms.
pub(super) fn rows_with_data(target: &dyn LogDensity) -> Result<usize, FitError> {
    let num_rows = target.layout().num_rows;
    let unsupported = |reason: &str| Err(FitError::unsupported("data", format!("log-likelihoods by row: {reason}")));
    if num_rows == 0 {
        return unsupported("the model has no single `rows` block; observe the data inside one");
    }
    match target.lacks_row_likelihoods() {
        Some(words) => unsupported(&words),
        None => Ok(num_rows),
    }
}
