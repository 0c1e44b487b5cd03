//! Why a model gives no start: a latent without effect, or a density that is finite nowhere.

use super::FitError;
use super::density::Density;
use super::path::Path;
use crate::target::Differentiable;

/// A latent whose gradient is exactly zero at every start has a flat posterior.
pub(super) fn check_every_latent_matters<T: Differentiable + ?Sized>(
    target: &T,
    begun: &[Path],
) -> Result<(), FitError> {
    let layout = target.layout();
    let Some(flat) = (0..layout.num_latents).find(|&k| begun.iter().all(|p| p.grad[k] == 0.0)) else { return Ok(()) };
    let name = layout.site_of_latent(flat).map_or_else(|| format!("number {flat}"), |s| format!("\"{}\"", s.name));
    Err(FitError::Unused { latent: name })
}

/// The site to look at when no start has a finite density, in words.
pub(super) fn responsible<T: Differentiable + ?Sized>(
    target: &T,
    density: &mut Density<'_, T>,
) -> Result<String, FitError> {
    let layout = target.layout();
    let mut grad = vec![0.0; layout.num_latents];
    density.at(&vec![0.0; layout.num_latents], &mut grad)?;
    let named = |k: usize| layout.site_of_latent(k).map(|s| s.name.clone());
    let broken = grad.iter().position(|g| !g.is_finite());
    let place = density.not_finite(&vec![0.0; layout.num_latents]);
    // A latent that alone can make the density finite is to blame, even where its gradient is.
    for k in 0..layout.num_latents.min(256) {
        for shift in [-20.0, -8.0, -3.0, 3.0, 8.0, 20.0] {
            let mut point = vec![0.0; layout.num_latents];
            point[k] = shift;
            if density.at(&point, &mut grad)?.is_finite() {
                return Ok(named(k).map_or(String::new(), |name| {
                    format!(" (moving \"{name}\" alone to {shift} before its transform makes it finite)")
                }) + &place);
            }
        }
    }
    let broken = broken.and_then(named);
    Ok(broken.map_or(String::new(), |name| format!(" (the first latent without a finite gradient is \"{name}\")"))
        + &place)
}
