//! [`ConditionalStart`]: a joint Gaussian, read as one of the shared latents and one of the others given these.

use nalgebra::{Cholesky, DMatrix};

use crate::family::{ConditionalGaussian, FullRank, SparseGaussian};

/// Where a [`ConditionalFit`](super::ConditionalFit) begins: what a joint Gaussian `N(mu, P^-1)` says of the shared latents `g`, and
/// of the others `l` given these.
///
/// ```text
/// g ~ N(mu_g, (P^-1)_gg)          l | g = mu_g  ~  N(mu_l, P_ll^-1)
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionalStart {
    /// Mean and covariance of the shared latents.
    pub(super) shared_mean: Vec<f64>,
    pub(super) shared_covariance: DMatrix<f64>,
    /// Means of the others and the numbers of their precision, in the new order of the family.
    pub(super) means: Vec<f64>,
    pub(super) precision: Vec<f64>,
}

impl ConditionalStart {
    /// From the parameters `params` of the sparse Gaussian `joint`, whose graph is that of `family`.
    pub fn of_sparse(family: &ConditionalGaussian, joint: &SparseGaussian, params: &[f64]) -> Self {
        let (shared, k) = (family.shared(), family.shared().len());
        let (mean, factor) = joint.split(params);
        let pairs: Vec<(usize, usize)> = shared.iter().flat_map(|&a| shared.iter().map(move |&b| (a, b))).collect();
        let shared_covariance = DMatrix::from_row_slice(k, k, &joint.covariances(params, &pairs));
        let (joint, square) = (joint.pattern(), joint.pattern().square(&factor));
        Self::with(family, &mean, shared_covariance, |a, b| joint.slot(a, b).map_or(0.0, |slot| square[slot]))
    }

    /// From the parameters `params` of the full-rank Gaussian `joint` of the latents of `family`; numbers of its precision between
    /// latents that do not meet are left out. Nothing where rounding has left a covariance without an inverse.
    pub fn of_full_rank(family: &ConditionalGaussian, joint: &FullRank, params: &[f64]) -> Option<Self> {
        let (shared, factor) = (family.shared(), joint.factor(params));
        let mean = &params[..joint.dimension()];
        let covariance = &factor * factor.transpose();
        let precision = Cholesky::new(covariance.clone())?.inverse();
        let of_shared = DMatrix::from_fn(shared.len(), shared.len(), |i, j| covariance[(shared[i], shared[j])]);
        Some(Self::with(family, mean, of_shared, |a, b| precision[(a, b)]))
    }

    /// `mean` of all latents, and the precision of two of the others.
    fn with(
        family: &ConditionalGaussian,
        mean: &[f64],
        shared_covariance: DMatrix<f64>,
        precision_of: impl Fn(usize, usize) -> f64,
    ) -> Self {
        let (pattern, locals) = (family.pattern(), family.locals().0);
        let old = |new: u32| locals[pattern.order[new as usize] as usize];
        let mut precision = vec![0.0; pattern.num_numbers()];
        for j in 0..pattern.size() {
            for t in pattern.column(j).filter(|&t| pattern.is_own[t]) {
                precision[t] = precision_of(old(pattern.rows[t]), old(j as u32));
            }
        }
        ConditionalStart {
            shared_mean: family.shared().iter().map(|&l| mean[l]).collect(),
            shared_covariance,
            means: pattern.order.iter().map(|&own| mean[locals[own as usize]]).collect(),
            precision,
        }
    }
}
