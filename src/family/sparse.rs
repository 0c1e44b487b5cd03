//! A Gaussian with a sparse precision matrix.

use std::sync::Arc;

use super::scratch::Pool;
use super::{Family, FamilyError, NoiseLaw, Reparam, covers_all, fill_noise, rescale_means, weight_of};
use crate::model::{Draws, Layout, RowSet};
use crate::numerics::{LN_SQRT_2_PI, MOST_SPARSE_NUMBERS, SparsePattern};
use crate::program::LatentGraph;
use crate::streams::Streams;

/// Sparse Gaussian: `z = mean + P' L^-T noise`, with the precision matrix `P' L L' P` and a lower triangular `L` that has
/// numbers only where the model's graph, and the factorisation, put them.
///
/// The graph says which latents meet in a term of the log joint. The best Gaussian of all has the precision
/// `E_q[-d2 log p / dz dz']` (Opper and Archambeau 2009), in which the others are zero: nothing is lost beside a
/// full covariance matrix, and the parameters are as many as the model has edges, and what `L` fills in between under
/// an approximate minimum degree order `P`. Latents of rows are latents like others here.
///
/// *Shapes*: `params` is `[mean; L by columns, ln L_jj then L_ij for i > j]`; the mean is of the latents outside of rows,
/// then of those of rows, `[latent][row]`. The columns are in the order `P`.
///
/// A pass over some of the rows has no density of its own where rows have latents: `log q` is not a number there.
///
/// ```
/// use jensen::family::{Family, SparseGaussian};
/// use jensen::prelude::*;
/// use jensen::target::{LogDensity, Target};
///
/// let walk = Target::new(&model(|p| {
///     let h = p.reals("h", 1000);
///     p.add(normal(0.0, 1.0).log_density(h.at(0)));
///     p.rows(1..1000, |t| t.add(normal(h.lag(t, 1), 0.1).log_density(h.at(t))));
/// }))?;
/// let family = SparseGaussian::new(walk.layout(), walk.graph())?;
/// assert_eq!(family.graph().to_string(), "band of width 1");
/// assert_eq!(family.num_params(), 1000 + 1000 + 999); // means, and the two bands of L
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SparseGaussian {
    pattern: Arc<SparsePattern>,
    graph: Arc<LatentGraph>,
    num_latents: usize,
    num_row_latents: usize,
    num_rows: usize,
    scratch: Pool<(Vec<f64>, Vec<f64>, Vec<f64>)>,
}

impl SparseGaussian {
    /// The family of the real latents of `layout`, those of rows included, with the edges of `graph`.
    ///
    /// # Errors
    /// A graph of another number of latents, or a factor that would not fit into memory.
    pub fn new(layout: &Layout, graph: &LatentGraph) -> Result<Self, FamilyError> {
        let dimension = layout.num_latents + layout.num_row_latents * layout.num_rows;
        if graph.num_latents() != dimension {
            return Err(FamilyError::Size {
                family: "sparse Gaussian".into(),
                found: graph.num_latents(),
                expected: dimension,
            });
        }
        let least = dimension + graph.num_edges();
        let refused = |numbers: usize| {
            let sizes = format!("{numbers} numbers or more, of {MOST_SPARSE_NUMBERS} at most");
            let words = format!("the graph of the latents is {graph}, and a factor on it would have {sizes}");
            FamilyError::setting("family", format!("{words}; use low-rank, or mean-field"))
        };
        if least > MOST_SPARSE_NUMBERS {
            return Err(refused(least));
        }
        let pattern = SparsePattern::new(dimension, |k| graph.neighbours(k)).map_err(refused)?;
        Ok(SparseGaussian {
            pattern: Arc::new(pattern),
            graph: Arc::new(graph.clone()),
            num_latents: layout.num_latents,
            num_row_latents: layout.num_row_latents,
            num_rows: layout.num_rows,
            scratch: Pool::default(),
        })
    }

    /// Number of latents, those of all rows included.
    pub fn dimension(&self) -> usize {
        self.pattern.size()
    }

    /// The graph that the precision matrix is zero without.
    pub fn graph(&self) -> &LatentGraph {
        &self.graph
    }

    /// Numbers of the factor: those of the graph, and what it fills in between.
    pub fn num_factor(&self) -> usize {
        self.pattern.num_numbers()
    }

    pub(crate) fn pattern(&self) -> &SparsePattern {
        &self.pattern
    }

    /// Parameters of a mean, in the order of latents, and the factor's numbers.
    pub(crate) fn params_from(&self, mean: &[f64], factor: &[f64]) -> Vec<f64> {
        let mut params = mean.to_vec();
        params.extend_from_slice(factor);
        let d = mean.len();
        self.pattern.diagonal().iter().for_each(|&t| params[d + t] = params[d + t].ln());
        params
    }

    /// The mean, in the order of latents, and the factor's numbers.
    pub(crate) fn split(&self, params: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut factor = Vec::new();
        self.factor(params, &mut factor);
        (params[..self.dimension()].to_vec(), factor)
    }

    /// Variance of every latent: the diagonal of the inverse, at about the cost of the factor.
    pub fn variances(&self, params: &[f64]) -> Vec<f64> {
        let inverse = self.pattern.inverse_on_pattern(&self.split(params).1);
        let of = |old: usize| inverse[self.pattern.diagonal()[self.pattern.place[old] as usize]];
        (0..self.dimension()).map(of).collect()
    }

    /// Covariances of pairs of latents: those of the factor's pattern come with the variances, others cost a solve each.
    pub fn covariances(&self, params: &[f64], pairs: &[(usize, usize)]) -> Vec<f64> {
        let factor = self.split(params).1;
        let inverse = self.pattern.inverse_on_pattern(&factor);
        let by_solving = |a: usize, b: usize| {
            let mut x = vec![0.0; self.dimension()];
            x[self.pattern.place[a] as usize] = 1.0;
            self.pattern.solve(&factor, 1, &mut x);
            self.pattern.solve_transposed(&factor, 1, &mut x);
            x[self.pattern.place[b] as usize]
        };
        pairs
            .iter()
            .map(|&(a, b)| self.pattern.slot(a, b).map_or_else(|| by_solving(a, b), |slot| inverse[slot]))
            .collect()
    }

    fn factor(&self, params: &[f64], factor: &mut Vec<f64>) {
        factor.clear();
        factor.extend_from_slice(&params[self.dimension()..]);
        self.pattern.diagonal().iter().for_each(|&t| factor[t] = factor[t].exp());
    }

    /// `sum_j ln L_jj`
    fn ln_diagonal(&self, params: &[f64]) -> f64 {
        self.pattern.diagonal().iter().map(|&t| params[self.dimension() + t]).sum()
    }

    /// Whether a pass asks about all latents at once.
    fn is_whole(&self, rows: &RowSet) -> bool {
        rows.subset.is_none() || self.num_row_latents == 0
    }

    /// A latent over all draws; that of a row in a pass over all rows.
    pub(crate) fn lane<'z>(&self, z: &'z Draws, old: usize) -> &'z [f64] {
        let at = |k: usize| k * z.num_draws..(k + 1) * z.num_draws;
        if old < self.num_latents { &z.latents[at(old)] } else { &z.row_latents[at(old - self.num_latents)] }
    }

    /// `P (z - mean)`, `[latent][draw]`; with no mean `P z`.
    fn gathered(&self, mean: Option<&[f64]>, z: &Draws, out: &mut Vec<f64>) {
        out.clear();
        for &old in &self.pattern.order {
            let mean = mean.map_or(0.0, |mean| mean[old as usize]);
            out.extend(self.lane(z, old as usize).iter().map(|z| z - mean));
        }
    }

    /// Draws whose noise is `noise`, in the new order.
    pub(crate) fn transform_new(&self, params: &[f64], noise: &[f64], z: &mut Draws) {
        self.transform(params, &RowSet::all(), noise, z);
    }

    /// `z = mean + P' x`; of the rows of a subset alone where there is one.
    pub(crate) fn scatter(&self, mean: Option<&[f64]>, rows: &RowSet, x: &[f64], z: &mut Draws) {
        let draws = z.num_draws;
        let put = |old: usize, to: &mut [f64]| {
            let from = &x[self.pattern.place[old] as usize * draws..][..draws];
            let mean = mean.map_or(0.0, |mean| mean[old]);
            to.iter_mut().zip(from).for_each(|(to, x)| *to = mean + x);
        };
        for (k, to) in z.latents.chunks_exact_mut(draws).enumerate() {
            put(k, to);
        }
        let num_rows = z.num_rows.max(1);
        for (k, to) in z.row_latents.chunks_exact_mut(draws).enumerate() {
            let (latent, at) = (k / num_rows, k % num_rows);
            let row = rows.subset.as_ref().map_or(at, |rows| rows[at] as usize);
            put(self.num_latents + latent * self.num_rows + row, to);
        }
    }
}

impl Family for SparseGaussian {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        covers_all(self, (self.num_latents, self.num_row_latents, self.num_rows), layout)
    }

    fn num_params(&self) -> usize {
        self.dimension() + self.pattern.num_numbers()
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let mut noise = vec![0.0; self.dimension() * z.num_draws];
        fill_noise(NoiseLaw::Normal, streams, z.num_draws, &mut noise);
        self.transform(params, rows, &noise, z);
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        if !self.is_whole(rows) {
            return log_q.fill(f64::NAN);
        }
        let weight = weight_of(rows, false);
        self.scratch.with(|(factor, u, _)| {
            self.factor(params, factor);
            self.gathered(Some(params), z, u);
            self.pattern.multiply_transposed(factor, z.num_draws, u);
            log_q.fill(weight * (self.ln_diagonal(params) - self.dimension() as f64 * LN_SQRT_2_PI));
            for u in u.chunks_exact(z.num_draws) {
                for (out, &u) in log_q.iter_mut().zip(u) {
                    *out -= weight * 0.5 * u * u;
                }
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        if !self.is_whole(rows) {
            return grad.fill(f64::NAN);
        }
        // With x = P (z - mean) and u = L' x: d/d mean = L u, d/d L_ij = [i = j] / L_jj - x_i u_j.
        let (draws, d) = (z.num_draws, self.dimension());
        let weight = weight_of(rows, false);
        let total = weight * weights.iter().sum::<f64>();
        self.scratch.with(|(factor, x, u)| {
            self.factor(params, factor);
            self.gathered(Some(params), z, x);
            u.clone_from(x);
            self.pattern.multiply_transposed(factor, draws, u);
            for u in u.chunks_exact_mut(draws) {
                u.iter_mut().zip(weights).for_each(|(u, w)| *u *= weight * w);
            }
            self.add_outer(factor, -1.0, x, u, draws, &mut grad[d..]);
            self.pattern.diagonal().iter().for_each(|&t| grad[d + t] += total);
            self.pattern.multiply(factor, draws, u);
            self.add_to_mean(u, draws, grad);
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let own = self.dimension() as f64 * (0.5 + LN_SQRT_2_PI) - self.ln_diagonal(params);
        self.is_whole(rows).then_some(weight_of(rows, false) * own)
    }

    fn add_entropy_gradient(&self, _: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        if self.is_whole(rows) {
            let (d, weight) = (self.dimension(), weight * weight_of(rows, false));
            self.pattern.diagonal().iter().for_each(|&t| grad[d + t] -= weight);
        }
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        let mut params = vec![0.0; self.num_params()];
        params.iter_mut().zip(centre).for_each(|(p, c)| *p = *c);
        self.pattern.diagonal().iter().for_each(|&t| params[self.dimension() + t] = -scale.ln());
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        params[..self.num_latents].to_vec()
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        let d = self.dimension();
        rescale_means(&mut params[..self.num_latents.min(centre.len())], centre, scale);
        // Row i of L divided by the scale of its latent.
        let of = |new: usize| scale.get(self.pattern.order[new] as usize).copied().unwrap_or(1.0);
        for j in 0..d {
            let own = self.pattern.column(j);
            params[d + own.start] -= of(j).ln();
            for t in own.start + 1..own.end {
                params[d + t] /= of(self.pattern.rows[t] as usize);
            }
        }
        true
    }

    fn is_gaussian(&self) -> bool {
        self.num_row_latents == 0
    }

    fn sparse(&self) -> Option<&SparseGaussian> {
        Some(self)
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        "sparse Gaussian".into()
    }
}

impl SparseGaussian {
    /// `grad += sign sum_d x_i u_j` where the factor has numbers, in its parameters.
    fn add_outer(&self, factor: &[f64], sign: f64, x: &[f64], u: &[f64], draws: usize, grad: &mut [f64]) {
        for (j, u) in u.chunks_exact(draws).enumerate() {
            let own = self.pattern.column(j);
            for t in own.clone() {
                let x = &x[self.pattern.rows[t] as usize * draws..][..draws];
                let outer: f64 = x.iter().zip(u).map(|(x, u)| x * u).sum();
                grad[t] += sign * if t == own.start { outer * factor[t] } else { outer };
            }
        }
    }

    /// Adds the sums of lanes in the new order to the gradient of the mean.
    fn add_to_mean(&self, lanes: &[f64], draws: usize, grad: &mut [f64]) {
        for (lane, &old) in lanes.chunks_exact(draws).zip(&self.pattern.order) {
            grad[old as usize] += lane.iter().sum::<f64>();
        }
    }
}

impl Reparam for SparseGaussian {
    fn num_noise(&self, _: &RowSet) -> usize {
        self.dimension()
    }

    fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
        self.scratch.with(|(factor, x, _)| {
            self.factor(params, factor);
            x.clear();
            x.extend_from_slice(noise);
            self.pattern.solve_transposed(factor, z.num_draws, x);
            self.scatter(Some(params), rows, x, z);
        });
    }

    fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], _: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        if !self.is_whole(rows) {
            return grad.fill(f64::NAN);
        }
        // With x = L^-T noise: dx = -L^-T dL' x, so d/d L_ij = -x_i w_j for w = L^-1 P z_bar.
        let draws = z_bar.num_draws;
        self.scratch.with(|(factor, x, w)| {
            self.factor(params, factor);
            x.clear();
            x.extend_from_slice(noise);
            self.pattern.solve_transposed(factor, draws, x);
            self.gathered(None, z_bar, w);
            self.add_to_mean(w, draws, grad);
            self.pattern.solve(factor, draws, w);
            self.add_outer(factor, -1.0, x, w, draws, &mut grad[self.dimension()..]);
        });
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        let weight = weight_of(rows, false);
        self.scratch.with(|(factor, u, _)| {
            self.factor(params, factor);
            if self.is_whole(rows) {
                self.gathered(Some(params), z, u);
                self.pattern.multiply_transposed(factor, z.num_draws, u);
                self.pattern.multiply(factor, z.num_draws, u);
                u.iter_mut().for_each(|u| *u *= -weight);
            } else {
                u.clear();
                u.resize(self.dimension() * z.num_draws, f64::NAN);
            }
            self.scatter(None, rows, u, grad_z);
        });
    }
}
