//! A target in units of its own: each latent shifted and scaled, so that one step size suits all.

use std::sync::{Mutex, OnceLock};

use super::FamilyChoice;
use crate::model::{Draws, Layout, RowSet};
use crate::target::{DensityError, Differentiable, Factored, LogDensity, Pass};

/// `log p(centre + scale * w) + sum ln scale` as a density of `w`; latents of rows stay as they are.
pub(super) struct InUnits<'a, T: ?Sized> {
    target: &'a T,
    centre: &'a [f64],
    scale: &'a [f64],
    ln_scale: f64,
    /// The draws in the target's own units, kept between steps.
    z: Mutex<Draws>,
    /// The relaxed target in the same units.
    relaxed: OnceLock<Box<InUnits<'a, dyn Differentiable + 'a>>>,
}

impl<'a, T: ?Sized> InUnits<'a, T> {
    pub fn new(target: &'a T, centre: &'a [f64], scale: &'a [f64]) -> Self {
        InUnits {
            target,
            centre,
            scale,
            ln_scale: scale.iter().map(|s| s.ln()).sum(),
            z: Mutex::default(),
            relaxed: OnceLock::new(),
        }
    }

    fn with_own<R>(&self, w: &Draws, visit: impl FnOnce(&Draws) -> R) -> R {
        let mut z = self.z.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (z.num_draws, z.num_rows) = (w.num_draws, w.num_rows);
        z.latents.clone_from(&w.latents);
        z.integers.clone_from(&w.integers);
        z.row_latents.clone_from(&w.row_latents);
        z.row_integers.clone_from(&w.row_integers);
        let units = self.centre.iter().zip(self.scale);
        for (lane, (c, s)) in z.latents.chunks_exact_mut(w.num_draws).zip(units) {
            lane.iter_mut().for_each(|x| *x = c + s * *x);
        }
        visit(&z)
    }

    fn shift(&self, out: &mut Pass) {
        out.log_density.iter_mut().for_each(|v| *v += self.ln_scale);
    }
}

impl<T: Differentiable + ?Sized> LogDensity for InUnits<'_, T> {
    fn layout(&self) -> &Layout {
        self.target.layout()
    }

    fn log_density(&self, theta: &[f64], w: &Draws, rows: &RowSet, out: &mut Pass) -> Result<(), DensityError> {
        self.with_own(w, |z| self.target.log_density(theta, z, rows, out))?;
        self.shift(out);
        Ok(())
    }

    /// The weights of integers lie behind the latents that have units, and stay as they are.
    fn relaxed(&self) -> Result<&dyn Differentiable, DensityError> {
        let target = self.target.relaxed()?;
        Ok(&**self.relaxed.get_or_init(|| Box::new(InUnits::new(target, self.centre, self.scale))))
    }

    fn factored(&self) -> Option<&dyn Factored> {
        self.target.factored().map(|_| self as &dyn Factored)
    }
}

impl<T: Differentiable + ?Sized> Factored for InUnits<'_, T> {
    /// The scale is in no local sum: it depends on no latent.
    fn local_log_density(
        &self,
        theta: &[f64],
        w: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        local: &mut Vec<f64>,
    ) -> Result<(), DensityError> {
        let apart = || DensityError("this density does not tell its terms apart".into());
        let target = self.target.factored().ok_or_else(apart)?;
        self.with_own(w, |z| target.local_log_density(theta, z, rows, out, local))?;
        self.shift(out);
        Ok(())
    }
}

impl<T: Differentiable + ?Sized> Differentiable for InUnits<'_, T> {
    fn log_density_and_gradient(
        &self,
        theta: &[f64],
        w: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        grad_w: &mut Draws,
        grad_theta: &mut [f64],
    ) -> Result<(), DensityError> {
        self.with_own(w, |z| self.target.log_density_and_gradient(theta, z, rows, out, grad_w, grad_theta))?;
        self.shift(out);
        for (lane, s) in grad_w.latents.chunks_exact_mut(w.num_draws).zip(self.scale) {
            lane.iter_mut().for_each(|g| *g *= s);
        }
        Ok(())
    }
}

/// Parameters of the law of `centre + scale * w` from those of `w`, for a family of the latents outside of rows.
pub(super) fn in_own_units(family: FamilyChoice, full: bool, params: &mut [f64], centre: &[f64], scale: &[f64]) {
    let d = centre.len();
    let (mean, rest) = params.split_at_mut(d);
    for (m, (c, s)) in mean.iter_mut().zip(centre.iter().zip(scale)) {
        *m = c + s * *m;
    }
    if family == FamilyChoice::Map {
        return;
    }
    if full {
        // Rows of the factor, the logarithm of the diagonal last in each.
        let mut start = 0;
        for (i, s) in scale.iter().enumerate() {
            rest[start..start + i].iter_mut().for_each(|l| *l *= s);
            rest[start + i] += s.ln();
            start += i + 1;
        }
        return;
    }
    let (ln_sd, factors) = rest.split_at_mut(d);
    ln_sd.iter_mut().zip(scale).for_each(|(l, s)| *l += s.ln());
    if family == FamilyChoice::LowRank && d > 0 {
        let rank = factors.len() / d;
        for (row, s) in factors.chunks_exact_mut(rank.max(1)).zip(scale) {
            row.iter_mut().for_each(|f| *f *= s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Family, FullRank, LowRank, MeanField};
    use crate::streams::Streams;

    #[test]
    fn a_rescaled_family_draws_the_rescaled_draws() {
        let (centre, scale) = ([1.0, -2.0, 0.5], [2.0, 0.1, 30.0]);
        let families: [(Box<dyn Family>, FamilyChoice, bool); 3] = [
            (Box::new(MeanField::of_dimension(3)), FamilyChoice::MeanField, false),
            (Box::new(FullRank::new(3)), FamilyChoice::FullRank, true),
            (Box::new(LowRank::new(3, 2)), FamilyChoice::LowRank, false),
        ];
        for (family, choice, full) in families {
            let mut params = vec![0.0; family.num_params()];
            Streams::new(3).fill_normal(1, &mut params);
            let (rows, streams) = (RowSet::all(), Streams::new(4));
            let mut w = Draws { num_draws: 5, latents: vec![0.0; 15], ..Draws::default() };
            let mut z = w.clone();
            family.sample(&params, &rows, streams, &mut w);
            in_own_units(choice, full, &mut params, &centre, &scale);
            family.sample(&params, &rows, streams, &mut z);
            for k in 0..3 {
                for (z, w) in z.latent(k).iter().zip(w.latent(k)) {
                    assert!((z - (centre[k] + scale[k] * w)).abs() < 1e-12 * (1.0 + z.abs()), "{}", family.name());
                }
            }
        }
    }
}
