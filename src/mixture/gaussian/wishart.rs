//! The normal-Wishart prior and q of a mean and a precision matrix.

use std::f64::consts::PI;

use libm::lgamma;
use rand_distr::{ChiSquared, Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::super::error::{all_positive, finite};
use super::super::moments::ColumnMoments;
use super::super::saved::{definite, few, near};
use super::super::{MixtureError, Rows};
use crate::numerics::{LN_2_PI, Lane, cholesky, invert_lower, ln_diagonal, mirror};
use crate::streams::Stream;

/// Prior of a mean `mu` and a precision `Lambda`:
/// `Lambda ~ Wishart(W, degrees)`, `mu | Lambda ~ N(mean, (mean_precision Lambda)^-1)`, with `scale_inverse = W^-1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormalWishart {
    /// Prior mean of the mean, one for each column.
    pub mean: Vec<f64>,
    /// Rows that the prior mean is worth.
    pub mean_precision: f64,
    /// Degrees of freedom, above the number of columns less one.
    pub degrees: f64,
    /// Inverse of the scale matrix, row by row.
    pub scale_inverse: Vec<f64>,
    /// Added to the diagonal of `scale_inverse` because the data's covariance was singular; 0 if it was not.
    pub ridge: f64,
    /// `log |W|`.
    log_scale: f64,
}

/// Where things lie in the slices of one component.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub d: usize,
}

impl Layout {
    pub fn num_params(self) -> usize {
        2 + self.d + self.d * self.d
    }
    pub fn num_stats(self) -> usize {
        self.num_params()
    }
    pub fn num_cache(self) -> usize {
        3 + self.d + self.d * self.d
    }
}

/// Params or stats: `[beta, nu, mean, scale inverse]` or `[mass, count, first, second]`.
pub(super) struct View<'a> {
    pub beta: f64,
    pub nu: f64,
    pub mean: &'a [f64],
    pub matrix: &'a [f64],
}

/// Cache: `[E log N constant, E log |Lambda|, log |W|, mean, factor]` with `factor' factor = nu W`.
pub(super) struct Prepared<'a> {
    pub constant: f64,
    pub log_precision: f64,
    pub log_scale: f64,
    pub mean: &'a [f64],
    pub factor: &'a [f64],
}

pub(super) fn view(params: &[f64], d: usize) -> View<'_> {
    View { beta: params[0], nu: params[1], mean: &params[2..2 + d], matrix: &params[2 + d..] }
}

pub(super) fn prepared(cache: &[f64], d: usize) -> Prepared<'_> {
    let [constant, log_precision, log_scale] = [cache[0], cache[1], cache[2]];
    Prepared { constant, log_precision, log_scale, mean: &cache[3..3 + d], factor: &cache[3 + d..] }
}

impl NormalWishart {
    /// A prior given by hand.
    ///
    /// # Errors
    /// With sizes that do not fit, a `mean_precision` that is not positive, too few `degrees`, or a `scale_inverse`
    /// that is not positive definite.
    pub fn new(
        mean: Vec<f64>,
        mean_precision: f64,
        degrees: f64,
        scale_inverse: Vec<f64>,
    ) -> Result<Self, MixtureError> {
        let d = mean.len();
        if scale_inverse.len() != d * d {
            return Err(MixtureError::Shape { what: "scale matrix", found: scale_inverse.len(), expected: d * d });
        }
        super::super::error::positive("mean_precision", mean_precision)?;
        if !(degrees > d as f64 - 1.0 && degrees.is_finite()) {
            let text = format!("degrees is {degrees}; it must be above {}, the columns less one", d as f64 - 1.0);
            return Err(MixtureError::setting("prior", text));
        }
        let mut factor = scale_inverse.clone();
        if !cholesky(&mut factor, d) || mean.iter().any(|m| !m.is_finite()) {
            return Err(MixtureError::Singular { what: "the prior's scale matrix" });
        }
        let log_scale = -2.0 * ln_diagonal(&factor, d);
        Ok(NormalWishart { mean, mean_precision, degrees, scale_inverse, ridge: 0.0, log_scale })
    }

    /// The prior centred on the data: its mean and unbiased covariance as `mean` and `scale_inverse`, worth one row and
    /// as many degrees of freedom as there are columns.
    ///
    /// Where columns are copies or sums of others, a millionth of the mean variance is added to the diagonal, and
    /// `ridge` says how much. Using the data twice makes the bound a little too good.
    ///
    /// # Errors
    /// With fewer than two rows, and with a constant column.
    pub fn from_rows<R: Rows + ?Sized>(rows: &R) -> Result<Self, MixtureError> {
        let moments = ColumnMoments::of(rows)?;
        let (mean, mut covariance) = (moments.mean, moments.covariance);
        let d = mean.len();
        let mut factor = covariance.clone();
        let singular =
            !cholesky(&mut factor, d) || (0..d).any(|i| factor[i * d + i].powi(2) < 1e-10 * covariance[i * d + i]);
        let mean_variance = (0..d).map(|i| covariance[i * d + i]).sum::<f64>() / d as f64;
        let ridge = if singular { 1e-6 * mean_variance } else { 0.0 };
        (0..d).for_each(|i| covariance[i * d + i] += ridge);
        let mut prior = NormalWishart::new(mean, 1.0, d as f64, covariance)?;
        prior.ridge = ridge;
        Ok(prior)
    }

    /// The same with another mean precision and scale, whose log determinant may be that of another mean.
    pub(super) fn with_scale(&self, mean_precision: f64, scale_inverse: Vec<f64>, log_scale: f64) -> Self {
        let (mean, degrees, ridge) = (self.mean.clone(), self.degrees, self.ridge);
        NormalWishart { mean, mean_precision, degrees, scale_inverse, ridge, log_scale }
    }

    /// Refuses what [`NormalWishart::new`] would not give.
    pub(super) fn check(&self) -> Result<(), MixtureError> {
        few("columns", self.mean.len())?;
        let NormalWishart { mean, mean_precision, degrees, scale_inverse, .. } = self.clone();
        let made = Self::new(mean, mean_precision, degrees, scale_inverse)?;
        let whole = near(&[self.log_scale], &[made.log_scale]) && self.ridge >= 0.0 && self.ridge.is_finite();
        definite(whole, "the prior's scale matrix")
    }

    pub(super) fn layout(&self) -> Layout {
        Layout { d: self.mean.len() }
    }

    pub(super) fn write(&self, params: &mut [f64]) {
        let d = self.mean.len();
        (params[0], params[1]) = (self.mean_precision, self.degrees);
        params[2..2 + d].copy_from_slice(&self.mean);
        params[2 + d..].copy_from_slice(&self.scale_inverse);
    }

    pub(super) fn notes(&self) -> Vec<String> {
        if self.ridge == 0.0 {
            return Vec::new();
        }
        let text = "the covariance of the data is singular: the prior's scale matrix has";
        vec![format!(
            "{text} {:.3e} added to its diagonal; look for columns that are copies or sums of others, and for more columns \
             than rows",
            self.ridge
        )]
    }

    /// `KL(q || prior)` of mean and precision.
    pub(super) fn kl(&self, params: &[f64], cache: &[f64]) -> f64 {
        self.mean_kl(params, cache) + self.precision_kl(params, cache)
    }

    /// The part of the mean given the precision, averaged over the precision.
    pub(super) fn mean_kl(&self, params: &[f64], cache: &[f64]) -> f64 {
        let d = self.mean.len();
        let (q, c) = (view(params, d), prepared(cache, d));
        let ratio = self.mean_precision / q.beta;
        let distance: f64 = (0..d)
            .map(|j| (0..=j).map(|i| c.factor[j * d + i] * (q.mean[i] - self.mean[i])).sum::<f64>().powi(2))
            .sum();
        0.5 * (d as f64 * (ratio - 1.0 - ratio.ln()) + self.mean_precision * distance)
    }

    /// The part of the precision.
    pub(super) fn precision_kl(&self, params: &[f64], cache: &[f64]) -> f64 {
        let d = self.mean.len();
        let (q, c) = (view(params, d), prepared(cache, d));
        let mut trace = 0.0;
        for row in c.factor.chunks_exact(d) {
            for i in 0..d {
                let off: f64 = (0..i).map(|k| self.scale_inverse[i * d + k] * row[k]).sum();
                trace += row[i] * (2.0 * off + self.scale_inverse[i * d + i] * row[i]);
            }
        }
        let prior = log_normaliser(self.log_scale, self.degrees, d);
        log_normaliser(c.log_scale, q.nu, d) - prior
            + 0.5 * ((q.nu - self.degrees) * c.log_precision - q.nu * d as f64 + trace)
    }
}

/// `E[log |Lambda|]` under Wishart(W, nu), from `log |W|`.
pub(super) fn expected_log_determinant(log_scale: f64, nu: f64, d: usize) -> f64 {
    let digammas: f64 = (0..d).map(|i| (0.5 * (nu - i as f64)).digamma()).sum();
    digammas + d as f64 * std::f64::consts::LN_2 + log_scale
}

/// `log B(W, nu)`, the normaliser of a Wishart density, from `log |W|`.
pub(super) fn log_normaliser(log_scale: f64, nu: f64, d: usize) -> f64 {
    let gammas: f64 = (0..d).map(|i| lgamma(0.5 * (nu - i as f64))).sum();
    let d = d as f64;
    -0.5 * nu * (log_scale + d * std::f64::consts::LN_2) - 0.25 * d * (d - 1.0) * PI.ln() - gammas
}

/// Refuses parameters of a component that are no normal-Wishart distribution of `d` columns.
pub(super) fn check(params: &[f64], d: usize) -> Result<(), MixtureError> {
    let q = view(params, d);
    finite("the mean or the matrix of a component", &params[2..])?;
    all_positive("the precision of a mean, or the degrees of freedom", &[q.beta, q.nu])?;
    definite(q.nu > d as f64 - 1.0 && cholesky(&mut q.matrix.to_vec(), d), "the covariance of a component")
}

/// Overwrites `cache` with what every row's density needs of the component.
pub(super) fn prepare(params: &[f64], cache: &mut [f64], d: usize) -> Result<(), MixtureError> {
    let q = view(params, d);
    let (head, factor) = cache.split_at_mut(3 + d);
    factor.copy_from_slice(q.matrix);
    if !cholesky(factor, d) {
        return Err(MixtureError::Singular { what: "the covariance of a component" });
    }
    let log_scale = -2.0 * ln_diagonal(factor, d);
    invert_lower(factor, d);
    let scale = q.nu.sqrt();
    for i in 0..d {
        (0..d).for_each(|j| factor[i * d + j] = if j <= i { factor[i * d + j] * scale } else { 0.0 });
    }
    let log_precision = expected_log_determinant(log_scale, q.nu, d);
    head[0] = 0.5 * (log_precision - d as f64 * (LN_2_PI + 1.0 / q.beta));
    (head[1], head[2]) = (log_precision, log_scale);
    head[3..].copy_from_slice(q.mean);
    Ok(())
}

/// Shifts mean, `beta` and `nu` towards prior plus stats, and adds the target's second moment (about the old mean) to
/// `rate` times; returns nothing of the old mean but what [`settle`] needs.
pub(super) fn blend_second(prior: &NormalWishart, params: &mut [f64], stats: &[f64], rate: f64) {
    let d = prior.mean.len();
    let s = view(stats, d);
    let (head, matrix) = params.split_at_mut(2 + d);
    for i in 0..d {
        let a = prior.mean[i] - head[2 + i];
        for j in 0..=i {
            let b = prior.mean[j] - head[2 + j];
            matrix[i * d + j] += rate * (prior.mean_precision * a * b + s.matrix[i * d + j]);
        }
    }
}

/// Moves `beta` and the mean; overwrites `shift` (the old mean's place in `params` is still the pivot) and subtracts
/// `shift shift' beta` from `matrix`.
pub(super) fn settle(prior: &NormalWishart, params: &mut [f64], stats: &[f64], rate: f64) {
    let d = prior.mean.len();
    let s = view(stats, d);
    let beta = (1.0 - rate) * params[0] + rate * (prior.mean_precision + s.beta);
    let shift = |i: usize, mean: f64| rate * (prior.mean_precision * (prior.mean[i] - mean) + s.mean[i]) / beta;
    let (head, matrix) = params.split_at_mut(2 + d);
    for i in 0..d {
        let a = shift(i, head[2 + i]);
        for j in 0..=i {
            matrix[i * d + j] -= beta * a * shift(j, head[2 + j]);
        }
    }
    head[0] = beta;
    for (i, mean) in head[2..].iter_mut().enumerate() {
        *mean += shift(i, *mean);
    }
    mirror(matrix, d);
}

/// The update of one component with its own precision.
pub(super) fn update(prior: &NormalWishart, params: &mut [f64], stats: &[f64], rate: f64) {
    let d = prior.mean.len();
    for (m, s) in params[2 + d..].iter_mut().zip(&prior.scale_inverse) {
        *m = (1.0 - rate) * *m + rate * s;
    }
    params[1] = (1.0 - rate) * params[1] + rate * (prior.degrees + stats[1]);
    blend_second(prior, params, stats, rate);
    settle(prior, params, stats, rate);
}

/// Log density of one row (missing cells NaN) with mean and precision averaged over q: a multivariate t.
///
/// `extra` is the variance of the row in units of the component's, 1 for a plain Gaussian.
pub(super) fn predictive(params: &[f64], row: &[f64], extra: f64, space: &mut Vec<f64>) -> Option<f64> {
    let d = row.len();
    let q = view(params, d);
    let seen = row.iter().filter(|x| !x.is_nan()).count();
    if seen == 0 {
        return Some(0.0);
    }
    space.clear();
    space.resize(seen * seen + seen, 0.0);
    let (matrix, y) = space.split_at_mut(seen * seen);
    for (a, i) in (0..d).filter(|&i| !row[i].is_nan()).enumerate() {
        y[a] = row[i] - q.mean[i];
        for (b, j) in (0..=i).filter(|&j| !row[j].is_nan()).enumerate() {
            matrix[a * seen + b] = q.matrix[i * d + j];
        }
    }
    if !cholesky(matrix, seen) {
        return None;
    }
    let mut distance = 0.0;
    for a in 0..seen {
        let dot: f64 = (0..a).map(|b| matrix[a * seen + b] * y[b]).sum();
        y[a] = (y[a] - dot) / matrix[a * seen + a];
        distance += y[a] * y[a];
    }
    let degrees = q.nu - d as f64 + 1.0;
    let spread = extra + 1.0 / q.beta;
    let (half, s) = (0.5 * (degrees + seen as f64), seen as f64);
    let constant = lgamma(half) - lgamma(0.5 * degrees) - 0.5 * s * (PI * spread).ln() - ln_diagonal(matrix, seen);
    Some(constant - half * (distance / spread).ln_1p())
}

/// Overwrites `factor` (d x d) with a matrix F, `F F'` a draw of the covariance.
pub(super) fn draw_factor(
    params: &[f64],
    d: usize,
    stream: &mut Stream,
    factor: &mut [f64],
) -> Result<(), MixtureError> {
    let q = view(params, d);
    let singular = MixtureError::Singular { what: "the covariance of a component" };
    let mut root = q.matrix.to_vec();
    if !cholesky(&mut root, d) {
        return Err(singular);
    }
    let mut bartlett = vec![0.0; d * d];
    for i in 0..d {
        let chi = ChiSquared::new(q.nu - i as f64).map_err(|_| singular.clone())?;
        bartlett[i * d + i] = chi.sample(stream).sqrt();
        (0..i).for_each(|j| bartlett[i * d + j] = StandardNormal.sample(stream));
    }
    invert_lower(&mut bartlett, d);
    for i in 0..d {
        for j in 0..d {
            // root times the transposed inverse.
            factor[i * d + j] = (0..=i.min(j)).map(|k| root[i * d + k] * bartlett[j * d + k]).sum();
        }
    }
    Ok(())
}

/// Overwrites `values` with a draw of the mean followed by the covariance `factor factor'`.
pub(super) fn draw_given(params: &[f64], factor: &[f64], stream: &mut Stream, values: &mut [f64]) {
    let d = factor.len().isqrt();
    let q = view(params, d);
    let scale = 1.0 / q.beta.sqrt();
    let (mean, covariance) = values.split_at_mut(d);
    mean.copy_from_slice(q.mean);
    for k in 0..d {
        let z: f64 = StandardNormal.sample(stream);
        (0..d).for_each(|i| mean[i] += scale * factor[i * d + k] * z);
    }
    for i in 0..d {
        for j in 0..d {
            covariance[i * d + j] = (0..d).map(|k| factor[i * d + k] * factor[j * d + k]).sum();
        }
    }
}

/// Overwrites `values` with the mean and the inverse of the mean precision.
pub(super) fn expectation(params: &[f64], d: usize, values: &mut [f64]) {
    let q = view(params, d);
    values[..d].copy_from_slice(q.mean);
    for (v, s) in values[d..].iter_mut().zip(q.matrix) {
        *v = s / q.nu;
    }
}

/// Names of the mean's and the covariance's entries.
pub(super) fn names(d: usize) -> Vec<String> {
    let mean = (0..d).map(|i| format!("mean[{i}]"));
    mean.chain((0..d * d).map(|e| format!("covariance[{},{}]", e / d, e % d))).collect()
}

/// Overwrites `row` with a draw from N(mean, covariance / scale).
pub(super) fn sample(values: &[f64], scale: f64, stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
    let d = row.len();
    let mut root = values[d..].to_vec();
    if !cholesky(&mut root, d) {
        return Err(MixtureError::Singular { what: "a covariance to draw from" });
    }
    row.copy_from_slice(&values[..d]);
    for k in 0..d {
        let z: f64 = StandardNormal.sample(stream);
        (k..d).for_each(|i| row[i] += root[i * d + k] * z / scale.sqrt());
    }
    Ok(())
}
