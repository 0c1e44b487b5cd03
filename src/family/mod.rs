//! Variational families q(z; params): parameters are a flat, unconstrained slice owned by the algorithm.
//!
//! A family never sees a target: it samples, evaluates its own log density, and carries gradients with respect
//! to draws back to its parameters.
//!
//! **Rows.** A pass over some rows with a weight estimates the pass over all of them, for q as for the model:
//! `log q`, its gradients and the entropy count the latents outside of rows once (not at all without
//! `global_terms`) and those of the pass's rows `rows.weight` times. Draws, `transform` and `pullback` know no weight.

mod affine;
mod bernoulli;
mod block;
mod categorical;
mod conditional;
mod delegate;
mod delta;
mod discrete;
mod error;
mod full_rank;
mod full_rank_mixture;
mod implicit;
mod independent;
mod integers;
mod low_rank;
mod mean_field;
mod mixture;
mod normals;
pub(crate) mod pairs;
mod poisson;
mod product;
pub(crate) mod scratch;
mod sparse;
mod student_t;
#[cfg(test)]
mod tests;
mod traced;
mod two_values;

pub use affine::Affine;
pub use bernoulli::BernoulliFactors;
pub use block::Blockwise;
pub use categorical::CategoricalFactors;
pub use conditional::ConditionalGaussian;
pub(crate) use conditional::Given;
pub use delta::Delta;
pub use discrete::{Discrete, Integer};
pub use error::FamilyError;
pub use full_rank::FullRank;
pub use full_rank_mixture::FullRankMixture;
pub use implicit::{
    BetaFactors, BetaLaw, DirichletFactors, GammaFactors, GammaLaw, Independent, ScalarLaw, VonMisesFactors,
    VonMisesLaw,
};
pub use independent::{Dispersed, IndependentLatents};
pub use low_rank::LowRank;
pub use mean_field::MeanField;
pub use mixture::GaussianMixture;
pub use normals::{IndependentNormals, NormalMoments};
pub use poisson::PoissonFactors;
pub(crate) use product::DISCRETE;
pub use product::Product;
pub use sparse::SparseGaussian;
pub use student_t::{LocationScale, StudentTNoise};
pub use traced::{Bijection, Flow, Guide, Guided, GuidedRow, TracedFamily};

use crate::model::{Draws, Layout, RowSet, Site, SiteKind};
use crate::streams::Streams;

/// A parametric density q(z; params) over the unconstrained latents of a model.
///
/// ```
/// use jensen::family::{Family, MeanField};
/// use jensen::model::{Draws, RowSet};
/// use jensen::prelude::*;
/// use jensen::streams::Streams;
/// use jensen::target::{LogDensity, Target};
///
/// let target = Target::new(&model(|p| {
///     p.draws("z", normal(0.0, 1.0), 2);
/// }))?;
/// let (family, rows) = (MeanField::new(target.layout()), RowSet::all());
/// let params = family.init(&[1.0, -1.0], 0.5); // means and log standard deviations
/// let mut z = Draws::zeros(target.layout(), 0, 1000);
/// family.sample(&params, &rows, Streams::new(1), &mut z);
/// assert!((z.latent(0).iter().sum::<f64>() / 1000.0 - 1.0).abs() < 0.1);
/// let mut log_q = vec![0.0; 1000];
/// family.log_q(&params, &rows, &z, &mut log_q);
/// let entropy = family.entropy(&params, &rows).unwrap();
/// assert!((log_q.iter().sum::<f64>() / 1000.0 + entropy).abs() < 0.2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Family: Send + Sync {
    /// Refuses a model some of whose latents this family does not draw.
    ///
    /// # Errors
    /// When a site is left out, or the numbers of latents differ.
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError>;

    /// Length of `params`.
    fn num_params(&self) -> usize;

    /// Overwrites the `z.num_draws` draws of `z`, noise keyed by `streams`, the draw and the latent.
    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws);

    /// Overwrites `log_q[d] = log q(z_d; params)`, with every constant; rows count `rows.weight` times.
    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]);

    /// `grad += sum_d weights[d] * d log q(z_d; params) / d params` with `z` fixed.
    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]);

    /// `E_q[-log q]` where it is known in closed form.
    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64>;

    /// `grad += weight * d entropy / d params`; does nothing where the entropy is not known.
    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]);

    /// Parameters of a q around `centre` (the real latents) with standard deviation `scale`.
    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64>;

    /// The centre of q for the real latents outside of rows: where reports and restarts look.
    fn centre(&self, params: &[f64]) -> Vec<f64>;

    /// Turns the `params` of a law of `w` into those of the law of `z = centre + scale * w`, element by element, for the
    /// real latents outside of rows; those of rows stay as they are.
    ///
    /// Returns false, and changes nothing, where no parameters give that law. A fit then works in the latents' own units,
    /// in which one step size has to suit them all.
    fn rescale(&self, _params: &mut [f64], _centre: &[f64], _scale: &[f64]) -> bool {
        false
    }

    /// Whether q is a Gaussian of all its latents together, with [`Family::centre`] as its mean.
    ///
    /// Fresh draws of such a q are weighted together with draws of a Student-t around it, whose density follows from `log_q`.
    fn is_gaussian(&self) -> bool {
        false
    }

    /// Centre and lower triangular factor, by rows, of each Gaussian that q is a mixture of; empty where it is none.
    ///
    /// Fresh draws of such a q are weighted together with draws of a Student-t around each of them.
    fn components(&self, _params: &[f64]) -> Vec<(Vec<f64>, Vec<f64>)> {
        Vec::new()
    }

    /// This family as a Gaussian with a sparse precision matrix, where it is one: such a q is moved and judged by its graph.
    fn sparse(&self) -> Option<&SparseGaussian> {
        None
    }

    /// This family as a Gaussian of many latents given a few shared ones, where it is one: such a q is judged by the shared
    /// latents with the others integrated out.
    fn conditional(&self) -> Option<&ConditionalGaussian> {
        None
    }

    /// This family as one with a transform of noise: `Some(self)` for every [`Reparam`], so that estimators chosen at run
    /// time find it.
    fn reparam(&self) -> Option<&dyn Reparam> {
        None
    }

    /// Numbers by which two members of the family are told apart: equal for equal laws, close for close ones.
    ///
    /// The parameters, unless different ones give the same law.
    fn identified(&self, params: &[f64]) -> Vec<f64> {
        params.to_vec()
    }

    /// A short name for reports.
    fn name(&self) -> String;
}

/// `mean = centre + scale * mean` for the first of `mean`.
pub(crate) fn rescale_means(mean: &mut [f64], centre: &[f64], scale: &[f64]) {
    for (m, (c, s)) in mean.iter_mut().zip(centre.iter().zip(scale)) {
        *m = c + s * *m;
    }
}

/// Adds `ln scale` to the first of `ln_sd`.
pub(crate) fn rescale_ln_sds(ln_sd: &mut [f64], scale: &[f64]) {
    ln_sd.iter_mut().zip(scale).for_each(|(l, s)| *l += s.ln());
}

/// How often a latent counts in `log q`: once outside of rows, by the rows' weight in them.
#[inline(always)]
pub(crate) fn weight_of(rows: &RowSet, in_rows: bool) -> f64 {
    match (in_rows, rows.global_terms) {
        (true, _) => rows.weight,
        (false, true) => 1.0,
        (false, false) => 0.0,
    }
}

/// An error that names the first site of one of `kinds`.
pub(crate) fn refuse_sites(layout: &Layout, kinds: &[SiteKind], remedy: &'static str) -> Result<(), FamilyError> {
    match layout.sites.iter().find(|s| kinds.contains(&s.kind)) {
        Some(Site { name, .. }) => Err(FamilyError::Uncovered { site: name.clone(), remedy }),
        None => Ok(()),
    }
}

/// Integer latents are drawn by another family beside the real one.
pub(crate) const INTEGERS: &str = "draw integers with `Product::new(.., CategoricalFactors::new(..))`";

/// The refusal of every family of real latents outside of rows.
pub(crate) fn covers_global(family: &dyn Family, dimension: usize, layout: &Layout) -> Result<(), FamilyError> {
    refuse_sites(layout, &[SiteKind::Integer, SiteKind::RowInteger], INTEGERS)?;
    let remedy = "it is a latent of each row: put a `MeanField` over it in a `Blockwise`, or write a `Guide`";
    refuse_sites(layout, &[SiteKind::RowLatent], remedy)?;
    if layout.num_latents == dimension {
        Ok(())
    } else {
        Err(FamilyError::Size { family: family.name(), found: dimension, expected: layout.num_latents })
    }
}

/// The refusal of every Gaussian of all real latents together, those of rows included: these are the numbers of latents outside
/// of rows, of latents of a row, and of rows.
pub(crate) fn covers_all(family: &dyn Family, own: (usize, usize, usize), layout: &Layout) -> Result<(), FamilyError> {
    refuse_sites(layout, &[SiteKind::Integer, SiteKind::RowInteger], INTEGERS)?;
    let num_rows = if layout.num_row_latents == 0 { own.2 } else { layout.num_rows };
    if own == (layout.num_latents, layout.num_row_latents, num_rows) {
        return Ok(());
    }
    let expected = layout.num_latents + layout.num_row_latents * layout.num_rows;
    Err(FamilyError::Size { family: family.name(), found: own.0 + own.1 * own.2, expected })
}

/// The law of a family's noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoiseLaw {
    /// Independent standard normal.
    Normal,
    /// Independent uniform on (0, 1).
    Uniform,
}

/// A family whose draws are a differentiable function of its parameters: `z = T(params, noise)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be reparameterised",
    label = "this family has no transform of noise",
    note = "pathwise gradients need `z = T(params, noise)`; use the `ScoreFunction` estimator for discrete latents"
)]
pub trait Reparam: Family {
    /// Numbers of noise in one draw.
    fn num_noise(&self, rows: &RowSet) -> usize;

    /// The law of the noise.
    fn noise_law(&self) -> NoiseLaw {
        NoiseLaw::Normal
    }

    /// Whether `T(params, .)` is one-to-one from as many normal numbers as there are latents, so that
    /// `log q(z) = sum_k log N(noise_k; 0, 1) - ln |det dT / d noise|`, as of a flow.
    ///
    /// Fresh draws of such a q are weighted together with images of Student-t noise.
    fn is_one_to_one(&self) -> bool {
        false
    }

    /// Overwrites `z` with `T(params, noise)`; `noise` is `[element][draw]`.
    fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws);

    /// `grad += sum_d (d T(params, noise_d) / d params)' z_bar_d`.
    fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]);

    /// Overwrites `grad_z` with `d log q(z_d; params) / d z_d`.
    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws);
}

/// Fills `noise` for the draws of a family from its law.
pub fn fill_noise(law: NoiseLaw, streams: Streams, num_draws: usize, noise: &mut [f64]) {
    match law {
        NoiseLaw::Normal => streams.fill_normal(num_draws, noise),
        NoiseLaw::Uniform => streams.fill_uniform(num_draws, noise),
    }
}
