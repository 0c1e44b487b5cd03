//! A target in units of its own: each latent shifted and scaled, so that one step size suits all.

use std::sync::{Mutex, OnceLock};

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

    fn differentiable(&self) -> Option<&dyn Differentiable> {
        Some(self)
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
        let apart = || DensityError::unsupported("this density does not tell its terms apart");
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
