//! A recorded model with real weights in the place of its integers.

use super::{DensityError, Differentiable, Target};
use crate::model::{Layout, Site, SiteKind};
use crate::program::relaxed::{Weighted, relaxed};

/// Values of an integer up to which it has a relaxation: each of them is a latent.
const MOST_VALUES: u32 = 256;

impl Target {
    /// The target of the relaxed program, made at the first call: see [`LogDensity::relaxed`](super::LogDensity::relaxed).
    pub(super) fn relaxation(&self) -> Result<&dyn Differentiable, DensityError> {
        match self.relaxed.get_or_init(|| self.relax().map(Box::new)) {
            Ok(target) => Ok(&**target),
            Err(words) => Err(DensityError::unsupported(words.clone())),
        }
    }

    fn relax(&self) -> Result<Target, String> {
        let integers = weighted(&self.layout)?;
        let recording = relaxed(self.program(), &integers)?;
        let layout = with_weights(&self.layout, &integers);
        let supports = vec![None; layout.sites.len()];
        Ok(self.of_program(recording, layout, supports))
    }
}

/// The integer sites with the places of their weights, those outside of rows first, each kind in the order of draws.
fn weighted(layout: &Layout) -> Result<Vec<Weighted>, String> {
    let mut all = Vec::new();
    let kinds = [(SiteKind::Integer, false, layout.num_latents), (SiteKind::RowInteger, true, layout.num_row_latents)];
    for (kind, in_rows, mut first) in kinds {
        let mut sites: Vec<&Site> = layout.sites_of(kind).collect();
        sites.sort_by_key(|site| site.offset);
        for site in sites {
            let num_values = site.range.map(|(low, high)| (low, (high - low).saturating_add(1)));
            let Some((low, num_values)) = num_values.filter(|(_, n)| *n <= MOST_VALUES) else {
                return Err(format!(
                    "site \"{}\" has more than {MOST_VALUES} values, too many for a relaxation; use leave-one-out",
                    site.name
                ));
            };
            let offset = site.offset as u32;
            all.push(Weighted { name: site.name.clone(), in_rows, offset, low, num_values, first: first as u32 });
            first += num_values as usize;
        }
    }
    if all.is_empty() { Err("this model has no integers to relax; use a pathwise estimator".into()) } else { Ok(all) }
}

/// The layout in which the weights are latents.
fn with_weights(layout: &Layout, integers: &[Weighted]) -> Layout {
    let mut out = Layout { num_integers: 0, num_row_integers: 0, ..layout.clone() };
    for site in &mut out.sites {
        let Some(of) = integers.iter().find(|i| i.name == site.name) else { continue };
        site.kind = if of.in_rows { SiteKind::RowLatent } else { SiteKind::Latent };
        let count = of.num_values as usize;
        (site.offset, site.num_unconstrained, site.shape, site.range) = (of.first as usize, count, vec![count], None);
        if of.in_rows { out.num_row_latents += count } else { out.num_latents += count }
    }
    out
}
