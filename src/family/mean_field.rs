//! Independent normals: one mean and one standard deviation for each latent.

use super::scratch::Pool;
use super::{
    Family, FamilyError, INTEGERS, LocationScale, NoiseLaw, Reparam, fill_noise, refuse_sites, rescale_ln_sds,
    rescale_means, weight_of,
};
use crate::model::{Draws, Layout, RowSet, SiteKind};
use crate::numerics::{InstructionSet, Kernel, LN_SQRT_2_PI, Lane, dispatch, dot, lane_sum};
use crate::streams::Streams;

/// Mean-field Gaussian: `z_i = mean_i + exp(ln_sd_i) * noise_i`.
///
/// *Shapes*: `params` is `[mean; ln sd]` of the latents outside of rows, then `[mean; ln sd]` of the row latents,
/// each `[latent][row]`; a pass over a subset of rows uses the parameters of those rows.
///
/// ```
/// use jensen::family::{Family, MeanField};
///
/// let family = MeanField::of_dimension(2);
/// assert_eq!(family.init(&[1.0, -1.0], 0.5), [1.0, -1.0, 0.5f64.ln(), 0.5f64.ln()]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MeanField {
    num_latents: usize,
    num_row_latents: usize,
    num_rows: usize,
    first_row: usize,
    noise: Pool<Vec<f64>>,
}

impl MeanField {
    /// The family for `layout`.
    pub fn new(layout: &Layout) -> Self {
        MeanField {
            num_latents: layout.num_latents,
            num_row_latents: layout.num_row_latents,
            num_rows: layout.num_rows,
            first_row: layout.first_row,
            noise: Pool::default(),
        }
    }

    /// The family of `num_latents` real latents without rows.
    pub fn of_dimension(num_latents: usize) -> Self {
        MeanField::new(&Layout { num_latents, ..Layout::default() })
    }

    fn rows_in(&self, rows: &RowSet) -> usize {
        rows.subset.as_ref().map_or(self.num_rows, Vec::len)
    }

    /// Calls `visit(place of the mean, place of ln sd, first number of the latent's draws, in rows)`.
    #[inline(always)]
    pub(crate) fn each(&self, rows: &RowSet, mut visit: impl FnMut(usize, usize, usize, bool)) {
        let n = self.num_latents;
        for i in 0..n {
            visit(i, n + i, i, false);
        }
        let in_pass = self.rows_in(rows);
        let (base, size) = (2 * n, self.num_row_latents * self.num_rows);
        for k in 0..self.num_row_latents {
            for position in 0..in_pass {
                let row = rows.subset.as_ref().map_or(position, |s| s[position] as usize - self.first_row);
                let place = base + k * self.num_rows + row;
                visit(place, place + size, k * in_pass + position, true);
            }
        }
    }

    /// `[mean; ln sd]` of the latents outside of rows, and of those of rows.
    fn parts<'a>(&self, params: &'a [f64]) -> (&'a [f64], &'a [f64]) {
        params.split_at(2 * self.num_latents)
    }

    /// Means and log standard deviations of the latents outside of rows.
    pub(crate) fn means_and_ln_sds<'a>(&self, params: &'a [f64]) -> (&'a [f64], &'a [f64]) {
        self.parts(params).0.split_at(self.num_latents)
    }

    /// Latents outside of rows.
    pub(super) fn num_latents(&self) -> usize {
        self.num_latents
    }

    /// Whether a pass over `rows` has every latent, in the order of the parameters.
    fn takes_all(&self, rows: &RowSet) -> bool {
        rows.subset.is_none() || self.num_row_latents == 0
    }

    /// Latents of a pass.
    pub(super) fn size(&self, rows: &RowSet) -> usize {
        self.num_latents + self.num_row_latents * self.rows_in(rows)
    }
}

/// `z = mean + exp(ln_sd) * noise` for one draw of all latents.
fn shift_and_scale(params: &[f64], noise: &[f64], z: &mut [f64]) {
    let (mean, ln_sd) = params.split_at(z.len());
    dispatch(InstructionSet::detect(), ShiftAndScale { mean, ln_sd, noise, z });
}

struct ShiftAndScale<'a> {
    mean: &'a [f64],
    ln_sd: &'a [f64],
    noise: &'a [f64],
    z: &'a mut [f64],
}

impl Kernel for ShiftAndScale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        // Without fused multiply-add every instruction set gives the same draws.
        let n = self.z.len();
        let (mean, ln_sd, noise) = (&self.mean[..n], &self.ln_sd[..n], &self.noise[..n]);
        for i in 0..n {
            self.z[i] = mean[i] + ln_sd[i].exp_lane::<false>() * noise[i];
        }
    }
}

/// Adds `z_bar` to the means' gradient and `z_bar * sd * noise`, where `sd * noise` is `z - mean`, to that of `ln sd`.
fn pull_one_draw(params: &[f64], z: &[f64], z_bar: &[f64], grad: &mut [f64]) {
    let n = z.len();
    let (grad_mean, grad_ln_sd) = grad.split_at_mut(n);
    let (mean, z_bar, grad_ln_sd) = (&params[..n], &z_bar[..n], &mut grad_ln_sd[..n]);
    for i in 0..n {
        grad_mean[i] += z_bar[i];
        grad_ln_sd[i] += z_bar[i] * (z[i] - mean[i]);
    }
}

/// The draws of one latent.
pub(super) fn lane(z: &Draws, place: usize, in_rows: bool) -> &[f64] {
    let all = if in_rows { &z.row_latents } else { &z.latents };
    &all[place * z.num_draws..(place + 1) * z.num_draws]
}

pub(super) fn lane_mut(z: &mut Draws, place: usize, in_rows: bool) -> &mut [f64] {
    let n = z.num_draws;
    let all = if in_rows { &mut z.row_latents } else { &mut z.latents };
    &mut all[place * n..(place + 1) * n]
}

/// Covers every real latent, of rows and outside of them.
pub(super) fn covers_real(num_latents: usize, num_row_latents: usize, layout: &Layout) -> Result<(), FamilyError> {
    refuse_sites(layout, &[SiteKind::Integer, SiteKind::RowInteger], INTEGERS)?;
    let (found, expected) = (num_latents + num_row_latents, layout.num_latents + layout.num_row_latents);
    if (num_latents, num_row_latents) == (layout.num_latents, layout.num_row_latents) {
        Ok(())
    } else {
        Err(FamilyError::Size { family: "family".into(), found, expected })
    }
}

impl Family for MeanField {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        covers_real(self.num_latents, self.num_row_latents, layout)
    }

    fn num_params(&self) -> usize {
        2 * (self.num_latents + self.num_row_latents * self.num_rows)
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        self.noise.with(|noise| {
            noise.resize(self.size(rows) * z.num_draws, 0.0);
            fill_noise(NoiseLaw::Normal, streams, z.num_draws, noise);
            self.transform(params, rows, noise, z);
        });
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        log_q.fill(0.0);
        self.each(rows, |mean, ln_sd, place, in_rows| {
            let (mean, ln_sd, weight) = (params[mean], params[ln_sd], weight_of(rows, in_rows));
            let precision_root = (-ln_sd).exp();
            for (out, &z) in log_q.iter_mut().zip(lane(z, place, in_rows)) {
                let u = (z - mean) * precision_root;
                *out -= weight * (0.5 * u * u + ln_sd + LN_SQRT_2_PI);
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        self.each(rows, |at_mean, at_ln_sd, place, in_rows| {
            let (mean, precision_root) = (params[at_mean], (-params[at_ln_sd]).exp());
            let weight = weight_of(rows, in_rows);
            for (&z, &w) in lane(z, place, in_rows).iter().zip(weights) {
                let w = weight * w;
                let u = (z - mean) * precision_root;
                grad[at_mean] += w * u * precision_root;
                grad[at_ln_sd] += w * (u * u - 1.0);
            }
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let mut total = 0.0;
        self.each(rows, |_, ln_sd, _, in_rows| {
            total += weight_of(rows, in_rows) * (params[ln_sd] + 0.5 + LN_SQRT_2_PI);
        });
        Some(total)
    }

    fn add_entropy_gradient(&self, _: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        self.each(rows, |_, ln_sd, _, in_rows| grad[ln_sd] += weight * weight_of(rows, in_rows));
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        let mut params = vec![scale.ln(); self.num_params()];
        let n = self.num_latents;
        for (p, &c) in params[..n].iter_mut().zip(centre) {
            *p = c;
        }
        params[2 * n..2 * n + self.num_row_latents * self.num_rows].fill(0.0);
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        params[..self.num_latents].to_vec()
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        let (mean, rest) = params.split_at_mut(self.num_latents);
        rescale_means(mean, centre, scale);
        rescale_ln_sds(&mut rest[..self.num_latents], scale);
        true
    }

    fn is_gaussian(&self) -> bool {
        true
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        "mean-field Gaussian".into()
    }
}

impl Reparam for MeanField {
    fn num_noise(&self, rows: &RowSet) -> usize {
        self.size(rows)
    }

    fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
        let (draws, first) = (z.num_draws, self.num_latents);
        if draws == 1 && self.takes_all(rows) {
            let (global, of_rows) = self.parts(params);
            let (noise, row_noise) = noise.split_at(first);
            shift_and_scale(global, noise, &mut z.latents);
            return shift_and_scale(of_rows, row_noise, &mut z.row_latents);
        }
        self.each(rows, |mean, ln_sd, place, in_rows| {
            let (mean, sd) = (params[mean], params[ln_sd].exp());
            let from = (place + if in_rows { first } else { 0 }) * draws;
            for (z, &e) in lane_mut(z, place, in_rows).iter_mut().zip(&noise[from..from + draws]) {
                *z = mean + sd * e;
            }
        });
    }

    fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        let (draws, first) = (z.num_draws, self.num_latents);
        if draws == 1 && self.takes_all(rows) {
            let (global, of_rows) = self.parts(params);
            let (grad, row_grad) = grad.split_at_mut(2 * first);
            pull_one_draw(global, &z.latents, &z_bar.latents, grad);
            return pull_one_draw(of_rows, &z.row_latents, &z_bar.row_latents, row_grad);
        }
        self.each(rows, |mean, ln_sd, place, in_rows| {
            let from = (place + if in_rows { first } else { 0 }) * draws;
            let g = lane(z_bar, place, in_rows);
            grad[mean] += lane_sum(g);
            grad[ln_sd] += dot(g, &noise[from..from + draws]) * params[ln_sd].exp();
        });
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        self.each(rows, |mean, ln_sd, place, in_rows| {
            let (mean, precision) = (params[mean], weight_of(rows, in_rows) * (-2.0 * params[ln_sd]).exp());
            for (g, &z) in lane_mut(grad_z, place, in_rows).iter_mut().zip(lane(z, place, in_rows)) {
                *g = -(z - mean) * precision;
            }
        });
    }
}

impl LocationScale for MeanField {
    fn is_diagonal(&self) -> bool {
        true
    }

    fn num_global(&self) -> usize {
        self.num_latents
    }

    fn ln_scale(&self, params: &[f64], rows: &RowSet) -> f64 {
        let mut total = 0.0;
        self.each(rows, |_, ln_sd, _, in_rows| total += weight_of(rows, in_rows) * params[ln_sd]);
        total
    }

    fn standardise(&self, params: &[f64], rows: &RowSet, z: &Draws, u: &mut [f64]) {
        let (draws, first) = (z.num_draws, self.num_latents);
        self.each(rows, |mean, ln_sd, place, in_rows| {
            let (mean, precision_root) = (params[mean], (-params[ln_sd]).exp());
            let to = (place + if in_rows { first } else { 0 }) * draws;
            for (u, &z) in u[to..to + draws].iter_mut().zip(lane(z, place, in_rows)) {
                *u = (z - mean) * precision_root;
            }
        });
    }

    fn unscale(&self, params: &[f64], rows: &RowSet, slope: &mut [f64], grad_z: &mut Draws) {
        let (draws, first) = (grad_z.num_draws, self.num_latents);
        self.each(rows, |_, ln_sd, place, in_rows| {
            let precision_root = (-params[ln_sd]).exp();
            let from = (place + if in_rows { first } else { 0 }) * draws;
            for (g, &s) in lane_mut(grad_z, place, in_rows).iter_mut().zip(&slope[from..from + draws]) {
                *g = s * precision_root;
            }
        });
    }
}
