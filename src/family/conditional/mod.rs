//! A Gaussian of few shared latents, and of many others given these.

mod basis;
mod law;

use std::sync::Arc;

use self::basis::Basis;
pub(crate) use self::law::Given;
use self::law::Scratch;
use super::scratch::Pool;
use super::{Family, FamilyError, NoiseLaw, Reparam, covers_all, fill_noise, rescale_means, weight_of};
use crate::model::{Draws, Layout, RowSet};
use crate::numerics::{LN_SQRT_2_PI, MOST_SPARSE_NUMBERS, SparsePattern};
use crate::program::LatentGraph;
use crate::streams::Streams;

/// Shared latents at most: the polynomials in ten of them have 66 coefficients.
const MOST_SHARED: usize = 10;

/// `q(g) q(l | g)`: a Gaussian of the shared latents `g`, and of the others given these one whose mean and sparse precision
/// change with `g`.
///
/// ```text
/// g = m + C u,  u ~ N(0, I)           l | g ~ N(mu(u), P(u)^-1),  P(u) = L(u) L(u)'
/// L_jj(u) = exp(d_j(u)),  L_ij(u) = r_ij(u) L_jj(u)       mu, d and r polynomials of the second degree in u
/// ```
///
/// A joint Gaussian gives `l` the same precision at every `g`. Where `g` holds a scale that is wrong, and the more
/// so the more latents `l` there are: the standard deviation of a scale comes out a third too short. Shared latents are those
/// that at least half of the others meet ([`LatentGraph::shared`]); `L` has numbers where the graph of the others, and their
/// factorisation, put them.
///
/// *Shapes*: `params` is `[m; C by rows, ln C_kk; c_0; c_1; ..]`, where `c_b` holds the coefficients of the polynomial `b` of all
/// of `mu`, in the order of latents, and of `d_j` and `r_ij`, `i > j`, by columns of `L`. The polynomials are `1`, `u_k`, then
/// `u_j u_k - [j = k]` for `j <= k`, by `k`; all but the first have mean zero, so that `c_0` is the mean over `u`.
///
/// A pass over some of the rows has no density of its own where rows have latents: `log q` is not a number there.
///
/// ```
/// use jensen::family::{ConditionalGaussian, Family};
/// use jensen::prelude::*;
/// use jensen::target::{LogDensity, Target};
///
/// let groups = Target::new(&model(|p| {
///     let (mu, tau) = (p.draw("mu", normal(0.0, 5.0)), p.draw("tau", half_normal(2.0)));
///     p.draws("theta", normal(mu, tau), 50);
/// }))?;
/// let family = ConditionalGaussian::new(groups.layout(), groups.graph())?;
/// assert_eq!(family.shared(), [0, 1]);
/// // Two means and three numbers of C; mean and ln L of 50 others, six coefficients each.
/// assert_eq!(family.num_params(), 2 + 3 + 6 * (50 + 50));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionalGaussian {
    shared: Arc<[usize]>,
    /// The others, in the order of latents.
    locals: Arc<[usize]>,
    /// The others' graph, numbered among themselves.
    graph: Arc<LatentGraph>,
    pattern: Arc<SparsePattern>,
    basis: Basis,
    num_latents: usize,
    num_row_latents: usize,
    num_rows: usize,
    scratch: Pool<Scratch>,
}

impl ConditionalGaussian {
    /// The family of the real latents of `layout`, those of rows included, whose graph is `graph`.
    ///
    /// # Errors
    /// A graph of another number of latents; no shared latents, more than ten, or one in a row; or more parameters than would
    /// fit into memory.
    pub fn new(layout: &Layout, graph: &LatentGraph) -> Result<Self, FamilyError> {
        let dimension = layout.num_latents + layout.num_row_latents * layout.num_rows;
        let family = || "conditional Gaussian".to_string();
        if graph.num_latents() != dimension {
            return Err(FamilyError::Size { family: family(), found: graph.num_latents(), expected: dimension });
        }
        let refused = |words: String| FamilyError::setting("family", format!("{words}; use the sparse family"));
        let shared = if graph.is_dense() { Vec::new() } else { graph.shared() };
        if shared.is_empty() || shared.len() > MOST_SHARED {
            let found = shared.len();
            return Err(refused(format!("{found} of {dimension} latents are shared, and it takes 1 to {MOST_SHARED}")));
        }
        if shared.iter().any(|&k| k >= layout.num_latents) {
            return Err(refused("a latent of a row is shared by most others".into()));
        }
        let locals: Vec<usize> = (0..dimension).filter(|k| shared.binary_search(k).is_err()).collect();
        if locals.is_empty() {
            return Err(refused(format!("all {dimension} latents are shared")));
        }
        let own = |k: usize| locals.binary_search(&k).ok();
        let edges: Vec<(u32, u32)> = locals
            .iter()
            .enumerate()
            .flat_map(|(a, &k)| {
                graph.neighbours(k).filter_map(own).filter(move |b| a < *b).map(move |b| (a as u32, b as u32))
            })
            .collect();
        let graph = LatentGraph::from_edges(locals.len(), &edges);
        let too_large =
            |numbers: usize| refused(format!("a factor of the latents that are not shared has {numbers} numbers"));
        let pattern = SparsePattern::new(locals.len(), |k| graph.neighbours(k)).map_err(too_large)?;
        let basis = Basis { num_shared: shared.len() };
        if basis.len() * (locals.len() + pattern.num_numbers()) > MOST_SPARSE_NUMBERS {
            return Err(too_large(pattern.num_numbers()));
        }
        Ok(ConditionalGaussian {
            shared: shared.into(),
            locals: locals.into(),
            graph: Arc::new(graph),
            pattern: Arc::new(pattern),
            basis,
            num_latents: layout.num_latents,
            num_row_latents: layout.num_row_latents,
            num_rows: layout.num_rows,
            scratch: Pool::default(),
        })
    }

    /// The shared latents, in the order of latents.
    pub fn shared(&self) -> &[usize] {
        &self.shared
    }

    /// Mean and standard deviation of each shared latent.
    pub fn shared_moments(&self, params: &[f64]) -> Vec<(f64, f64)> {
        let (mean, factor) = self.of_shared(params);
        let rows = factor.chunks_exact(mean.len().max(1));
        mean.iter().zip(rows).map(|(m, row)| (*m, row.iter().map(|c| c * c).sum::<f64>().sqrt())).collect()
    }

    /// Number of latents, those of all rows included.
    pub fn dimension(&self) -> usize {
        self.shared.len() + self.locals.len()
    }

    /// The others, in the order of latents, and their graph among themselves.
    pub(crate) fn locals(&self) -> (&[usize], &LatentGraph) {
        (&self.locals, &self.graph)
    }

    pub(crate) fn pattern(&self) -> &SparsePattern {
        &self.pattern
    }

    /// Numbers that change with the shared latents: the others' means, and their factor's.
    pub(crate) fn num_varying(&self) -> usize {
        self.locals.len() + self.pattern.num_numbers()
    }

    /// Where the coefficients begin.
    fn start(&self) -> usize {
        let k = self.shared.len();
        k + k * (k + 1) / 2
    }

    /// The mean of the shared latents, and their factor `C` by rows, square.
    pub(crate) fn of_shared(&self, params: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let k = self.shared.len();
        let mut factor = vec![0.0; k * k];
        let mut at = k;
        for i in 0..k {
            for j in 0..=i {
                factor[i * k + j] = if i == j { params[at].exp() } else { params[at] };
                at += 1;
            }
        }
        (params[..k].to_vec(), factor)
    }

    /// Parameters from the mean and the factor of the shared latents, and the coefficients of each polynomial.
    pub(crate) fn params_from(&self, mean: &[f64], factor: &[f64], coefficients: &[Vec<f64>]) -> Vec<f64> {
        let k = self.shared.len();
        let mut params = mean.to_vec();
        for i in 0..k {
            params.extend((0..=i).map(|j| if i == j { factor[i * k + i].ln() } else { factor[i * k + j] }));
        }
        coefficients.iter().for_each(|c| params.extend_from_slice(c));
        params
    }

    /// The coefficients of each polynomial, the constant's first.
    fn coefficients<'a>(&self, params: &'a [f64]) -> impl Iterator<Item = &'a [f64]> + use<'a> {
        params[self.start()..].chunks_exact(self.num_varying())
    }

    /// Whether a pass asks about all latents at once.
    fn is_whole(&self, rows: &RowSet) -> bool {
        rows.subset.is_none() || self.num_row_latents == 0
    }

    /// The mean of `ln |L|` over `u`, and `ln |C|`.
    fn mean_ln_diagonals(&self, params: &[f64]) -> (f64, f64) {
        let (k, n) = (self.shared.len(), self.locals.len());
        let constant = &params[self.start()..][..self.num_varying()];
        let of_locals = self.pattern.diagonal().iter().map(|&t| constant[n + t]).sum();
        (of_locals, (0..k).map(|i| params[diagonal_of_shared(k, i)]).sum())
    }
}

/// The place of `ln C_ii` among the parameters.
fn diagonal_of_shared(k: usize, i: usize) -> usize {
    k + i * (i + 1) / 2 + i
}

impl Family for ConditionalGaussian {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        covers_all(self, (self.num_latents, self.num_row_latents, self.num_rows), layout)
    }

    fn num_params(&self) -> usize {
        self.start() + self.basis.len() * self.num_varying()
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
        self.each(params, z, |draw, at| log_q[draw] = weight * at.log_q);
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        if !self.is_whole(rows) {
            return grad.fill(f64::NAN);
        }
        let weight = weight_of(rows, false);
        self.each(params, z, |draw, at| self.add_score(params, at, weight * weights[draw], grad));
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let (of_locals, of_shared) = self.mean_ln_diagonals(params);
        let own = self.dimension() as f64 * (0.5 + LN_SQRT_2_PI) + of_shared - of_locals;
        self.is_whole(rows).then_some(weight_of(rows, false) * own)
    }

    fn add_entropy_gradient(&self, _: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        if self.is_whole(rows) {
            let (k, n, weight) = (self.shared.len(), self.locals.len(), weight * weight_of(rows, false));
            (0..k).for_each(|i| grad[diagonal_of_shared(k, i)] += weight);
            let constant = self.start() + n;
            self.pattern.diagonal().iter().for_each(|&t| grad[constant + t] -= weight);
        }
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        let mut params = vec![0.0; self.num_params()];
        let (k, n, start) = (self.shared.len(), self.locals.len(), self.start());
        let at = |latent: usize| centre.get(latent).copied().unwrap_or(0.0);
        self.shared.iter().enumerate().for_each(|(i, &latent)| params[i] = at(latent));
        (0..k).for_each(|i| params[diagonal_of_shared(k, i)] = scale.ln());
        self.locals.iter().enumerate().for_each(|(i, &latent)| params[start + i] = at(latent));
        self.pattern.diagonal().iter().for_each(|&t| params[start + n + t] = -scale.ln());
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.num_latents];
        let of_shared = self.shared.iter().zip(params);
        let of_locals = self.locals.iter().zip(&params[self.start()..]).filter(|(latent, _)| **latent < out.len());
        let all: Vec<(usize, f64)> = of_shared.chain(of_locals).map(|(latent, m)| (*latent, *m)).collect();
        all.into_iter().for_each(|(latent, m)| out[latent] = m);
        out
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        let (k, n, start) = (self.shared.len(), self.locals.len(), self.start());
        let of = |numbers: &[f64], latent: usize, otherwise: f64| numbers.get(latent).copied().unwrap_or(otherwise);
        let both = |latents: &[usize]| -> (Vec<f64>, Vec<f64>) {
            latents.iter().map(|&l| (of(centre, l, 0.0), of(scale, l, 1.0))).unzip()
        };
        let (centres, scales) = both(&self.shared);
        rescale_means(&mut params[..k], &centres, &scales);
        let mut at = k;
        for (i, s) in scales.iter().enumerate() {
            (0..i).for_each(|j| params[at + j] *= s);
            params[at + i] += s.ln();
            at += i + 1;
        }
        let (centres, scales) = both(&self.locals);
        let of_new = |new: usize| scales[self.pattern.order[new] as usize];
        for (b, own) in params[start..].chunks_exact_mut(self.num_varying()).enumerate() {
            let (means, numbers) = own.split_at_mut(n);
            for (m, (c, s)) in means.iter_mut().zip(centres.iter().zip(&scales)) {
                *m = s * *m + if b == 0 { *c } else { 0.0 };
            }
            for j in 0..n {
                let column = self.pattern.column(j);
                if b == 0 {
                    numbers[column.start] -= of_new(j).ln();
                }
                let below = column.start + 1..column.end;
                for (number, row) in numbers[below.clone()].iter_mut().zip(&self.pattern.rows[below]) {
                    *number *= of_new(j) / of_new(*row as usize);
                }
            }
        }
        true
    }

    fn conditional(&self) -> Option<&ConditionalGaussian> {
        Some(self)
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        "conditional Gaussian".into()
    }
}

impl Reparam for ConditionalGaussian {
    fn num_noise(&self, _: &RowSet) -> usize {
        self.dimension()
    }

    fn is_one_to_one(&self) -> bool {
        true
    }

    fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
        self.transform_all(params, rows, noise, z);
    }

    fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], _: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        if !self.is_whole(rows) {
            return grad.fill(f64::NAN);
        }
        self.add_pullback(params, noise, z_bar, grad);
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        if !self.is_whole(rows) {
            grad_z.latents.fill(f64::NAN);
            return grad_z.row_latents.fill(f64::NAN);
        }
        let weight = weight_of(rows, false);
        self.each(params, z, |draw, at| self.put_gradient(params, at, weight, draw, grad_z));
    }
}
