//! Independent latents of one law with two parameters each.

use std::marker::PhantomData;

use super::refuse_supports;
use crate::family::mean_field::{lane, lane_mut};
use crate::family::scratch::Pool;
use crate::family::{Family, FamilyError, MeanField, NoiseLaw, Reparam, fill_noise, weight_of};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;

/// The law of one real latent in the unconstrained space, with two parameters, reparameterised from normal numbers.
///
/// [`Independent`] makes a family of it. `noise` holds [`NOISE`](Self::NOISE) standard normal numbers, then zeros.
pub trait ScalarLaw: Sized + Send + Sync + 'static {
    /// Normal numbers in one draw, one or two.
    const NOISE: usize;
    /// A short name for reports.
    const NAME: &'static str;
    /// How the supports begin, in words, of the sites it fits ([`Site::support`](crate::model::Site::support)).
    const SUPPORTS: &'static [&'static str];

    /// The law with these parameters.
    fn of(params: [f64; 2]) -> Self;
    /// A draw `z` from its noise.
    fn draw(&self, noise: [f64; 2]) -> f64;
    /// `d z / d params` with the noise held, where `z` is the draw from `noise`.
    fn pull(&self, noise: [f64; 2], z: f64) -> [f64; 2];
    /// The log density at `z`, `log q(z)`.
    fn log_q(&self, z: f64) -> f64;
    /// `d log q(z) / d z`.
    fn slope(&self, z: f64) -> f64;
    /// `d log q(z) / d params`.
    fn score(&self, z: f64) -> [f64; 2];
    /// `E[-log q]` and its gradient in the parameters, where known in closed form.
    fn entropy(&self) -> Option<(f64, [f64; 2])>;
    /// The mean of `z`, or another centre.
    fn centre(&self) -> f64;
    /// Parameters with this centre and about this standard deviation of `z`.
    fn around(centre: f64, sd: f64) -> [f64; 2];
}

/// `q(z) = prod_i law_i(z_i)`: every latent by the law `L` with parameters of its own, outside of rows and in them.
///
/// *Shapes*: `params` is `[first; second]` of the latents outside of rows, then `[first; second]` of the row latents,
/// each `[latent][row]`, as in [`MeanField`]; noise is `L::NOISE` normal numbers for each latent.
#[derive(Clone, Debug)]
pub struct Independent<L> {
    places: MeanField,
    noise: Pool<Vec<f64>>,
    law: PhantomData<fn() -> L>,
}

impl<L: ScalarLaw> Independent<L> {
    /// The family of all real latents of `layout`; `covers` says whether the law fits their supports.
    pub fn new(layout: &Layout) -> Self {
        Independent { places: MeanField::new(layout), noise: Pool::default(), law: PhantomData }
    }

    /// The law of latent `latent` outside of rows.
    pub fn law(&self, params: &[f64], latent: usize) -> L {
        L::of([params[latent], params[self.places.num_latents() + latent]])
    }

    /// Calls `visit(law, its parameters' places, element of the noise, place of the draws, in rows)`.
    pub(crate) fn each(&self, params: &[f64], rows: &RowSet, mut visit: impl FnMut(L, [usize; 2], usize, usize, bool)) {
        let first = self.places.num_latents();
        self.places.each(rows, |a, b, place, in_rows| {
            let element = place + if in_rows { first } else { 0 };
            visit(L::of([params[a], params[b]]), [a, b], element, place, in_rows);
        });
    }
}

/// The noise of one latent in draw `d`.
#[inline]
fn noise_of<L: ScalarLaw>(noise: &[f64], element: usize, draws: usize, d: usize) -> [f64; 2] {
    let first = element * L::NOISE * draws + d;
    [noise[first], if L::NOISE > 1 { noise[first + draws] } else { 0.0 }]
}

impl<L: ScalarLaw> Family for Independent<L> {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        self.places.covers(layout)?;
        refuse_supports(layout, &self.name(), L::SUPPORTS)
    }

    fn num_params(&self) -> usize {
        self.places.num_params()
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        self.noise.with(|noise| {
            noise.resize(self.num_noise(rows) * z.num_draws, 0.0);
            fill_noise(NoiseLaw::Normal, streams, z.num_draws, noise);
            self.transform(params, rows, noise, z);
        });
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        log_q.fill(0.0);
        self.each(params, rows, |law, _, _, place, in_rows| {
            let weight = weight_of(rows, in_rows);
            for (out, &z) in log_q.iter_mut().zip(lane(z, place, in_rows)) {
                *out += weight * law.log_q(z);
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        self.each(params, rows, |law, [a, b], _, place, in_rows| {
            let weight = weight_of(rows, in_rows);
            for (&z, &w) in lane(z, place, in_rows).iter().zip(weights) {
                let score = law.score(z);
                grad[a] += weight * w * score[0];
                grad[b] += weight * w * score[1];
            }
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let mut total = Some(0.0);
        self.each(params, rows, |law, _, _, _, in_rows| {
            total = total.zip(law.entropy()).map(|(total, (own, _))| total + weight_of(rows, in_rows) * own);
        });
        total
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        self.each(params, rows, |law, [a, b], _, _, in_rows| {
            if let Some((_, slope)) = law.entropy() {
                grad[a] += weight * weight_of(rows, in_rows) * slope[0];
                grad[b] += weight * weight_of(rows, in_rows) * slope[1];
            }
        });
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        let mut params = vec![0.0; self.num_params()];
        self.places.each(&RowSet::all(), |a, b, place, in_rows| {
            let centre = if in_rows { 0.0 } else { centre.get(place).copied().unwrap_or(0.0) };
            [params[a], params[b]] = L::around(centre, scale);
        });
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        (0..self.places.num_latents()).map(|latent| self.law(params, latent).centre()).collect()
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        L::NAME.into()
    }
}

impl<L: ScalarLaw> Reparam for Independent<L> {
    fn num_noise(&self, rows: &RowSet) -> usize {
        L::NOISE * self.places.size(rows)
    }

    fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
        let draws = z.num_draws;
        self.each(params, rows, |law, _, element, place, in_rows| {
            for (d, z) in lane_mut(z, place, in_rows).iter_mut().enumerate() {
                *z = law.draw(noise_of::<L>(noise, element, draws, d));
            }
        });
    }

    fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        self.each(params, rows, |law, [a, b], element, place, in_rows| {
            let lanes = lane(z, place, in_rows).iter().zip(lane(z_bar, place, in_rows));
            for (d, (&z, &bar)) in lanes.enumerate() {
                let slope = law.pull(noise_of::<L>(noise, element, z_bar.num_draws, d), z);
                grad[a] += bar * slope[0];
                grad[b] += bar * slope[1];
            }
        });
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        self.each(params, rows, |law, _, _, place, in_rows| {
            let weight = weight_of(rows, in_rows);
            for (g, &z) in lane_mut(grad_z, place, in_rows).iter_mut().zip(lane(z, place, in_rows)) {
                *g = weight * law.slope(z);
            }
        });
    }
}
