//! [`ImportanceWeightedRows`]: the importance-weighted bound of each row, from minibatches.

use super::exact_kl::Moments;
use super::{Estimate, GradientEstimator, Point, Scratch, Space, Task, independent, too_few_draws};
use crate::family::IndependentNormals;
use crate::model::{Draws, RowSet};
use crate::numerics::LN_SQRT_2_PI;
use crate::objective::log_mean_exp;
use crate::target::{DensityError, Differentiable, Pass};

/// Purpose of the stream that chooses a draw for each row.
const CHOICE: u32 = 7;

/// The gradient of `sum_i log 1/K sum_k w_ik`, `w_ik = p(x_i, z_ik) / q(z_ik | x_i)`, with K the draws of a step.
///
/// For models whose latents are all latents of rows and normal given the data ([`IndependentNormals`]). Every row has weights of
/// its own, so minibatches are allowed, other than with [`DoublyReparameterized`](super::DoublyReparameterized), which
/// weighs draws of all latents together. One draw of each row, chosen with its probability
/// `w_ik / sum_j w_ij`, carries the gradient: unbiased for the gradient of the sum over all draws, with more noise.
///
/// With [`PathWeight::Doubly`] the chosen draw's path counts its own probability times, and the score is left out: the
/// doubly-reparameterised gradient, zero for q where q is the posterior. Theta's gradient is the same for both.
///
/// *Cost*: one value a draw and one gradient, whatever K.
///
/// # Errors
/// For latents outside of rows, latents of q that are not normal given the data, another design than independent draws.
///
/// *Source*: Burda, Grosse and Salakhutdinov 2016, equations 8 and 13, the choice of one draw: section 3; doubly: Tucker,
/// Lawson, Gu and Maddison 2019.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportanceWeightedRows {
    /// What the path of the chosen draw counts.
    pub path: PathWeight,
}

/// The weight of each draw's path: that of the plain or of the doubly-reparameterised gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathWeight {
    /// The total derivative: path and score.
    Total,
    /// The path alone, weighted by the draw's probability.
    #[default]
    Doubly,
}

/// The draw that was chosen for each row, and buffers of its gradient.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    moments: Moments,
    /// Log weights, `[row][draw]`.
    log_weights: Vec<f64>,
    uniform: Vec<f64>,
    /// The probability of the chosen draw of each row.
    shares: Vec<f64>,
    noise: Vec<f64>,
    z: Draws,
    z_bar: Draws,
    pass: Pass,
}

impl<T: Differentiable + ?Sized, F: IndependentNormals + ?Sized> GradientEstimator<T, F> for ImportanceWeightedRows {
    type State = Scratch<Chosen>;

    fn init(&self, _: &T, _: &F) -> Self::State {
        Scratch::default()
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut Self::State, space: &mut Space) -> Result<Estimate, DensityError> {
        let own = &mut state.buffers;
        let Task { target, family, at } = *of;
        independent("the importance-weighted bound of rows", &at)?;
        let layout = target.layout();
        if layout.num_latents + layout.num_integers + layout.num_row_integers > 0 || layout.num_row_latents == 0 {
            return Err(refusal("the model has latents outside of rows, or integers; use `DoublyReparameterized`"));
        }
        if at.num_draws == 0 {
            return Err(too_few_draws("the importance-weighted bound of rows", 1, 0));
        }
        space.draw(of)?;
        if !family.normals(at.params, at.rows, &mut own.moments.q) {
            return Err(refusal("a latent of q is not normal given the data"));
        }
        own.pass.want_row_terms = true;
        target.log_density(at.theta, &space.z, at.rows, &mut own.pass)?;
        let value = own.choose(&at, space);
        if !value.is_finite() {
            return Ok(Estimate { value, rejected: at.num_draws, evaluations: at.num_draws });
        }
        own.pass.want_row_terms = false;
        let Chosen { z, z_bar, pass, .. } = &mut *own;
        target.log_density_and_gradient(at.theta, z, at.rows, pass, z_bar, &mut space.theta_bar)?;
        self.finish(at.rows, own);
        family.pull_normals(at.params, at.rows, &own.moments.bar, &mut space.grad);
        space.grad_theta.iter_mut().zip(&space.theta_bar).for_each(|(t, g)| *t += g);
        Ok(Estimate { value, rejected: 0, evaluations: at.num_draws + 1 })
    }
}

impl Chosen {
    /// Weighs the draws, chooses one of each row, and returns the weighted sum of the rows' bounds.
    fn choose(&mut self, at: &Point, space: &Space) -> f64 {
        let num_rows = space.z.num_rows;
        self.weigh(at.num_draws, space);
        self.uniform.resize(num_rows, 0.0);
        at.streams.purpose(CHOICE).fill_uniform(1, &mut self.uniform);
        let num_numbers = space.z.row_latents.len() / at.num_draws;
        self.shares.clear();
        (self.z.num_draws, self.z.num_rows) = (1, num_rows);
        self.z.row_latents.resize(num_numbers, 0.0);
        self.noise.resize(num_numbers, 0.0);
        let mut total = 0.0;
        for (row, l) in self.log_weights.chunks_exact(at.num_draws).enumerate() {
            let bound = log_mean_exp(l);
            let (draw, share) = one_of(l, bound, self.uniform[row]);
            total += bound;
            self.shares.push(share);
            for number in (row..num_numbers).step_by(num_rows) {
                self.z.row_latents[number] = space.z.row_latents[number * at.num_draws + draw];
                self.noise[number] = space.noise[number * at.num_draws + draw];
            }
        }
        at.rows.weight * total
    }

    /// Overwrites `log_weights` with `log p - log q` of each row and draw.
    fn weigh(&mut self, num_draws: usize, space: &Space) {
        let (num_rows, moments) = (space.z.num_rows, &self.moments.q);
        self.log_weights.clear();
        self.log_weights.extend(self.pass.row_data.iter().zip(&self.pass.row_prior).map(|(d, p)| d + p));
        let lanes = space.z.row_latents.chunks_exact(num_draws).enumerate();
        for ((number, z), (mean, sd)) in lanes.zip(moments.mean.iter().zip(&moments.sd)) {
            let (row, constant) = (number % num_rows, sd.ln() + LN_SQRT_2_PI);
            let weights = &mut self.log_weights[row * num_draws..][..num_draws];
            weights.iter_mut().zip(z).for_each(|(l, z)| *l += constant + 0.5 * ((z - mean) / sd).powi(2));
        }
    }
}

/// A draw with its probability `softmax(log_weights)`, by the uniform number `u`; `bound` is their log mean exp.
fn one_of(log_weights: &[f64], bound: f64, u: f64) -> (usize, f64) {
    let (mut left, mut last) = (u, (0, 0.0));
    for (draw, l) in log_weights.iter().enumerate() {
        let share = (l - bound).exp() / log_weights.len() as f64;
        if share > 0.0 {
            last = (draw, share);
        }
        left -= share;
        if left < 0.0 {
            break;
        }
    }
    last
}

impl ImportanceWeightedRows {
    /// Overwrites the adjoints of the moments with those of the chosen draws.
    fn finish(&self, rows: &RowSet, own: &mut Chosen) {
        let Moments { q: moments, bar } = &mut own.moments;
        bar.clear(moments.mean.len());
        for number in 0..bar.mean.len() {
            let (sd, noise) = (moments.sd[number], own.noise[number]);
            // d log q / d z at the draw is -noise / sd.
            let path = own.z_bar.row_latents[number] + rows.weight * noise / sd;
            match self.path {
                PathWeight::Doubly => {
                    let share = own.shares[number % own.z.num_rows];
                    bar.mean[number] = share * path;
                    bar.sd[number] = share * path * noise;
                }
                PathWeight::Total => {
                    bar.mean[number] = path - rows.weight * noise / sd;
                    bar.sd[number] = path * noise - rows.weight * (noise * noise - 1.0) / sd;
                }
            }
        }
    }
}

fn refusal(reason: &str) -> DensityError {
    DensityError::unsupported(format!(
        "the importance-weighted bound of rows needs normal latents of rows alone: {reason}"
    ))
}
