//! [`MixtureFitted`]: a fitted mixture and what can be asked of it: parameters, assignments, densities, draws.

use std::fmt;

use rand_distr::{Distribution, StandardUniform};
use serde::{Deserialize, Serialize};

use super::categorical::pick;
use super::component::{Component, Generative};
use super::moves::Reached;
use super::pass::Engine;
use super::{Block, Kind, MixtureError, MixtureState, Rows, TriedStart, Weights};
use crate::fit::Stop;
use crate::streams::Streams;

/// A fitted mixture.
///
/// Components are numbered by falling expected weight, everywhere. That names them the same way in every fit of the same
/// data as long as no two weights are nearly equal.
///
/// ```
/// use jensen::mixture::{MixtureFit, PoissonColumns, Table};
///
/// let calls: Vec<f64> = (0..60).map(|i| f64::from(if i % 3 == 0 { 2 + i % 4 } else { 40 + i % 7 })).collect();
/// let rows = Table::from_columns(&[calls])?;
/// let fitted = MixtureFit::new(PoissonColumns::new(1, 1.0, 0.05)?, 2).run(&rows)?;
/// assert!((fitted.weights()[0] - 2.0 / 3.0).abs() < 0.02); // the larger component comes first
/// assert_eq!(fitted.labels(&rows)?[..3], [1, 0, 0]);
/// assert!(fitted.score(&rows)?.mean > -4.0); // mean log density of a row
/// let like_them = fitted.simulate(10, 1)?;
/// assert_eq!(like_them.len(), 10);
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixtureFitted<C = Kind> {
    pub(super) component: C,
    pub(super) prior: Weights,
    pub(super) state: MixtureState,
    /// Component of the state for each number.
    pub(super) order: Vec<usize>,
    /// The exact evidence lower bound, every constant included.
    pub bound: f64,
    /// The reason for which the fit ended.
    pub stop: Stop,
    /// The end of each start.
    pub starts: Vec<TriedStart>,
    /// What else to know, such as a regularisation.
    pub notes: Vec<String>,
}

/// Who belongs where.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Assignments {
    /// The most probable component of each row.
    pub labels: Vec<usize>,
    /// `probabilities[row * num_components + component]`.
    pub probabilities: Vec<f64>,
    /// Entropy of each row's probabilities, in nats; 0 where there is no doubt.
    pub entropy: Vec<f64>,
}

/// Mean log density of rows, with its standard error over rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Mean over rows.
    pub mean: f64,
    /// Standard error of the mean; NaN for a single row.
    pub standard_error: f64,
}

/// Posterior of one number of a mixture.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ComponentLine {
    /// Such as `weight[0]` or `component[1].mean[0]`.
    pub name: String,
    /// Mean of the draws.
    pub mean: f64,
    /// Standard deviation of the draws.
    pub sd: f64,
    /// 5% and 95% quantiles of the draws.
    pub interval: [f64; 2],
}

/// One draw of all parameters.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MixtureDraw {
    /// The weights of the components, which sum to one.
    pub weights: Vec<f64>,
    /// Values of each component, named by [`Generative::value_names`].
    pub values: Vec<Vec<f64>>,
}

impl<C: Component> MixtureFitted<C> {
    pub(super) fn new(component: C, prior: Weights, k: usize, fit: Reached) -> Self {
        let mut weights = vec![0.0; k];
        prior.expectation(&fit.state.weights, &mut weights);
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
        let Reached { state, bound, stop, .. } = fit;
        MixtureFitted { component, prior, state, order, bound, stop, starts: Vec::new(), notes: Vec::new() }
    }

    /// The result as of a state of an algorithm, with the bound that goes with it.
    pub fn from_state(component: C, prior: Weights, state: MixtureState, bound: f64, stop: Stop) -> Self {
        let k = state.counts.len();
        Self::new(component, prior, k, Reached { state, bound, stop, moves: 0 })
    }

    /// Number of components.
    pub fn num_components(&self) -> usize {
        self.order.len()
    }

    /// Columns of a row.
    pub fn num_columns(&self) -> usize {
        self.component.num_columns()
    }

    /// Posterior means of the weights.
    pub fn weights(&self) -> Vec<f64> {
        let mut weights = vec![0.0; self.order.len()];
        self.prior.expectation(&self.state.weights, &mut weights);
        self.order.iter().map(|&c| weights[c]).collect()
    }

    /// Posterior standard deviations of the weights.
    pub fn weight_sds(&self) -> Vec<f64> {
        let mut sds = vec![0.0; self.order.len()];
        self.prior.deviation(&self.state.weights, &mut sds);
        self.order.iter().map(|&c| sds[c]).collect()
    }

    /// Rows that each component has, fractions included.
    pub fn counts(&self) -> Vec<f64> {
        self.order.iter().map(|&c| self.state.counts[c]).collect()
    }

    /// Exponential of the entropy of the mean weights: components that the data uses, counted by size.
    pub fn effective_components(&self) -> f64 {
        let entropy = self.weights().iter().filter(|w| **w > 0.0).map(|w| -w * w.ln()).sum::<f64>();
        entropy.exp()
    }

    /// Components with half a row or more.
    pub fn occupied_components(&self) -> usize {
        self.state.counts.iter().filter(|c| **c >= 0.5).count()
    }

    /// The mean of a row of each component.
    pub fn means(&self) -> Vec<Vec<f64>> {
        let mean = |&c: &usize| {
            let mut row = vec![0.0; self.component.num_columns()];
            self.component.centre(self.params(c), &mut row);
            row
        };
        self.order.iter().map(mean).collect()
    }

    /// Probabilities of each row's component under q, as in the fit.
    ///
    /// # Errors
    /// When the rows have another shape, a cell does not fit, or a row has no finite density.
    pub fn assign<R: Rows + ?Sized>(&self, rows: &R) -> Result<Assignments, MixtureError> {
        super::check::cells(rows, &self.component)?;
        let k = self.order.len();
        let engine = Engine { rows, component: &self.component, weights: self.prior, k };
        let mut out = Assignments { labels: vec![], probabilities: vec![], entropy: vec![] };
        engine.visit(&self.state, |block, r, _| {
            for i in 0..block.len() {
                let first = out.probabilities.len();
                out.probabilities.extend(self.order.iter().map(|&c| r[c * block.stride() + i]));
                let row = &out.probabilities[first..];
                out.labels.push(super::largest(row));
                out.entropy.push(row.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum());
            }
        })?;
        Ok(out)
    }

    /// The most probable component of each row under q, as in the fit: [`assign`](Self::assign) without the rest.
    ///
    /// # Errors
    /// As [`assign`](Self::assign).
    pub fn labels<R: Rows + ?Sized>(&self, rows: &R) -> Result<Vec<usize>, MixtureError> {
        super::check::cells(rows, &self.component)?;
        let engine = Engine { rows, component: &self.component, weights: self.prior, k: self.order.len() };
        engine.labels(&self.state, &self.order)
    }

    /// The same mixture with its kind of component under another type.
    ///
    /// # Errors
    /// Those of `change`.
    pub(crate) fn with_component<D, E>(self, change: impl FnOnce(C) -> Result<D, E>) -> Result<MixtureFitted<D>, E> {
        let MixtureFitted { component, prior, state, order, bound, stop, starts, notes } = self;
        Ok(MixtureFitted { component: change(component)?, prior, state, order, bound, stop, starts, notes })
    }

    fn params(&self, c: usize) -> &[f64] {
        let length = self.component.num_params();
        &self.state.params[c * length..(c + 1) * length]
    }
}

impl<C: Generative> MixtureFitted<C> {
    /// Names and point estimates of a component's parameters; see [`Generative::expectation`].
    pub fn component(&self, number: usize) -> Vec<(String, f64)> {
        let Some(params) = self.order.get(number).map(|&c| self.params(c)) else { return Vec::new() };
        let names = self.component.value_names();
        let mut values = vec![0.0; names.len()];
        self.component.expectation(params, &mut values);
        names.into_iter().zip(values).collect()
    }

    /// Log posterior predictive density of each row, parameters averaged over q.
    ///
    /// # Errors
    /// As [`assign`](Self::assign).
    pub fn log_density<R: Rows + ?Sized>(&self, rows: &R) -> Result<Vec<f64>, MixtureError> {
        super::check::cells(rows, &self.component)?;
        let mut weights = vec![0.0; self.order.len()];
        self.prior.expectation(&self.state.weights, &mut weights);
        let each = |out: &mut Vec<f64>, block: &Block| {
            let mut sums = vec![f64::NEG_INFINITY; block.stride()];
            let mut one = vec![0.0; block.stride()];
            for (c, weight) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
                one.fill(weight.ln());
                self.component.predictive(self.params(c), block, &mut one)?;
                sums.iter_mut().zip(&one).for_each(|(s, x)| *s = log_add(*s, *x));
            }
            self.component.log_base(block, &mut sums);
            if let Some(i) = sums[..block.len()].iter().position(|x| !x.is_finite()) {
                return Err(MixtureError::NoDensity { row: block.first_row() + i });
            }
            out.extend_from_slice(&sums[..block.len()]);
            Ok(())
        };
        Ok(super::chunks::fold(rows, Vec::new, each)?.concat())
    }

    /// Mean log predictive density of rows, best on rows that were held out.
    ///
    /// # Errors
    /// As [`assign`](Self::assign).
    pub fn score<R: Rows + ?Sized>(&self, rows: &R) -> Result<Score, MixtureError> {
        let values = self.log_density(rows)?;
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Ok(Score { mean, standard_error: (variance / n).sqrt() })
    }

    /// Draws of all parameters from q.
    ///
    /// # Errors
    /// When a covariance is not positive definite.
    pub fn draws(&self, num_draws: usize, seed: u64) -> Result<Vec<MixtureDraw>, MixtureError> {
        let (streams, length) = (Streams::new(seed), self.component.value_names().len());
        (0..num_draws).map(|d| self.draw(streams, d, length)).collect()
    }

    /// Draw number `d`, with so many numbers of each component.
    fn draw(&self, streams: Streams, d: usize, length: usize) -> Result<MixtureDraw, MixtureError> {
        let (k, mut stream) = (self.order.len(), streams.draw(d));
        let (mut weights, mut values) = (vec![0.0; k], vec![0.0; k * length]);
        self.prior.draw(&self.state.weights, &mut stream, &mut weights)?;
        self.component.draw_all(&self.state.params, &mut stream, &mut values)?;
        Ok(MixtureDraw {
            weights: self.order.iter().map(|&c| weights[c]).collect(),
            values: self.order.iter().map(|&c| values[c * length..(c + 1) * length].to_vec()).collect(),
        })
    }

    /// New rows from the posterior predictive: each from its own draw of the parameters.
    ///
    /// # Errors
    /// As [`draws`](Self::draws).
    pub fn simulate(&self, num_rows: usize, seed: u64) -> Result<Vec<Vec<f64>>, MixtureError> {
        self.simulated(num_rows, seed).collect()
    }

    /// The same one at a time, so that none need be held.
    pub fn simulated(&self, num_rows: usize, seed: u64) -> impl Iterator<Item = Result<Vec<f64>, MixtureError>> + '_ {
        let (streams, length) = (Streams::new(seed), self.component.value_names().len());
        (0..num_rows).map(move |i| {
            let draw = self.draw(streams, i, length)?;
            let mut stream = streams.purpose(1).draw(i);
            let u: f64 = StandardUniform.sample(&mut stream);
            let mut row = vec![0.0; self.component.num_columns()];
            self.component.sample(&draw.values[pick(&draw.weights, u)], &mut stream, &mut row)?;
            if row.iter().any(|x| x.is_infinite()) {
                return Err(MixtureError::setting(
                    "parameters",
                    "a draw of the parameters has rows beyond all numbers",
                ));
            }
            Ok(row)
        })
    }

    /// Means, standard deviations and 90% intervals of all parameters, from draws.
    ///
    /// # Errors
    /// As [`draws`](Self::draws).
    pub fn summary(&self, num_draws: usize, seed: u64) -> Result<Vec<ComponentLine>, MixtureError> {
        let draws = self.draws(num_draws.max(2), seed)?;
        let (k, names) = (self.order.len(), self.component.value_names());
        let weights = (0..k).map(|c| line(format!("weight[{c}]"), draws.iter().map(|d| d.weights[c]).collect()));
        let values = (0..k).flat_map(|c| {
            let (names, draws) = (&names, &draws);
            names.iter().enumerate().map(move |(v, name)| {
                line(format!("component[{c}].{name}"), draws.iter().map(|d| d.values[c][v]).collect())
            })
        });
        Ok(weights.chain(values).collect())
    }
}

impl<C: Generative> fmt::Display for MixtureFitted<C> {
    /// Weight and point estimates of every component that has rows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (weights, sds, counts) = (self.weights(), self.weight_sds(), self.counts());
        writeln!(f, "{} components, {} with rows; bound {:.4}", weights.len(), self.occupied_components(), self.bound)?;
        for c in (0..weights.len()).filter(|&c| counts[c] >= 0.5) {
            write!(f, "{c}: weight {:.4} ± {:.4}, {:.1} rows", weights[c], sds[c], counts[c])?;
            self.component(c).iter().try_for_each(|(name, value)| write!(f, ", {name} {value:.4}"))?;
            writeln!(f)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))?;
        writeln!(f, "stopped: {}", self.stop)
    }
}

fn log_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    if high == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

fn line(name: String, mut values: Vec<f64>) -> ComponentLine {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    values.sort_by(f64::total_cmp);
    let quantile = |q: f64| values[((n - 1.0) * q).round() as usize];
    ComponentLine { name, mean, sd, interval: [quantile(0.05), quantile(0.95)] }
}
