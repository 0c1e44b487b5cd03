//! Along which latents a posterior is evenly symmetric around q's centre.

use super::fresh::Fresh;
use super::hamiltonian::Whitening;
use super::sampler::Sampler;
use crate::algorithm::FitError;
use crate::diagnose::verdict::EvenMeans;
use crate::model::{Draws, RowSet, SiteKind};
use crate::target::Pass;

/// Antithetic pairs: a root mean square is known to a twentieth.
const PAIRS: usize = 200;

/// Root mean square of the even part of the gradient, in standard deviations of q, below which a latent is symmetric:
/// [`EvenMeans`] says where it was chosen.
const EVEN: f64 = 0.2;

/// The support of a latent that is its own coordinate.
const REAL: &str = "real";

/// The latents whose means are protected, by fresh gradients at q's own draws and their mirror images; nothing where q is no
/// Gaussian of latents outside of rows, or there are no gradients.
///
/// A latent under a transform, or with coordinates of its own, is none of them: the mean of a function is not the function of
/// a mean.
pub(super) fn even_means(sampler: &Sampler, fresh: &Fresh) -> Result<Option<EvenMeans>, FitError> {
    let layout = sampler.target.layout();
    let others = layout.num_integers + layout.num_row_latents + layout.num_row_integers;
    let Some(target) = sampler.target.differentiable().filter(|_| others == 0 && sampler.family.is_gaussian()) else {
        return Ok(None);
    };
    let own: Vec<f64> = fresh.lanes().flat_map(|lane| fresh.of_q(&lane)).collect();
    let (d, n) = (layout.num_latents, own.len() / layout.num_latents.max(1));
    let Some(whitening) = (d > 0).then(|| Whitening::of(&own, n)).flatten() else { return Ok(None) };
    let (centre, pairs) = (sampler.family.centre(&sampler.solution.params), n.min(PAIRS));
    let mut z = Draws::zeros(layout, layout.num_rows, 2 * pairs);
    for k in 0..d {
        let (lane, from) = (&mut z.latents[k * 2 * pairs..(k + 1) * 2 * pairs], &own[k * n..k * n + pairs]);
        lane[..pairs].copy_from_slice(from);
        lane[pairs..].iter_mut().zip(from).for_each(|(mirrored, x)| *mirrored = 2.0 * centre[k] - x);
    }
    let (mut pass, mut grad, theta) = (Pass::default(), z.clone(), &sampler.solution.theta);
    let mut of_theta = vec![0.0; theta.len() * 2 * pairs];
    target.log_density_and_gradient(theta, &z, &RowSet::all(), &mut pass, &mut grad, &mut of_theta)?;
    let (mut squares, mut count) = (vec![0.0; d], 0);
    for pair in 0..pairs {
        let even: Vec<f64> = (0..d)
            .map(|k| 0.5 * (grad.latents[k * 2 * pairs + pair] + grad.latents[k * 2 * pairs + pairs + pair]))
            .collect();
        if even.iter().all(|g| g.is_finite()) {
            count += 1;
            squares.iter_mut().zip(whitening.covariance_times(&even)).for_each(|(s, r)| *s += r * r);
        }
    }
    // Half of the pairs must have counted.
    let is_even = |k: &usize| 2 * count > pairs && (squares[*k] / count as f64).sqrt() < EVEN * whitening.sd(*k);
    let plain = layout.sites_of(SiteKind::Latent).filter(|site| site.support == REAL && site.centring.is_empty());
    let even = plain.flat_map(|site| {
        let places = site.offset..site.offset + site.num_unconstrained;
        site.element_names().into_iter().zip(places).filter(|(_, k)| is_even(k)).map(|(name, _)| name)
    });
    Ok(Some(EvenMeans::new(even.collect(), 2 * pairs as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Solution;
    use crate::family::{Family, FullRank, StudentTNoise};
    use crate::prelude::*;
    use crate::streams::Streams;
    use crate::target::{LogDensity, Target};

    /// Of a normal number the even part of the gradient is zero. Of `b - exp(b)`, whose best Gaussian is `N(-1/2, 1)`, it is
    /// `1 - exp(-1/2) cosh(w)`, with the root mean square 0.74; a scale is under a transform.
    #[test]
    fn a_symmetric_latent_is_named_and_a_skewed_or_transformed_one_is_not() {
        let of = model(|p| {
            let b = p.real("b");
            p.add(b - b.exp());
            p.draws("a", normal(0.5, 2.0), 2);
            p.draw("scale", log_normal(0.0, 1.0));
        });
        let target = Target::new(&of).unwrap();
        let family = FullRank::new(4);
        let factor = nalgebra::DMatrix::from_diagonal(&nalgebra::DVector::from_row_slice(&[1.0, 2.0, 2.0, 1.0]));
        let params = family.params_from(&[-0.5, 0.5, 0.5, 0.0], &factor);
        let named = |family: &dyn Family, params: Vec<f64>| {
            let (solution, streams) = (Solution { params, theta: vec![] }, Streams::new(3));
            let sampler = Sampler { target: &target, family, solution: &solution, streams, defence: None, block: 500 };
            let mut fresh = Fresh::default();
            fresh.grow(&sampler, 2000).unwrap();
            even_means(&sampler, &fresh).unwrap()
        };
        let found = named(&family, params.clone()).unwrap();
        assert_eq!((found.names, found.evaluations), (vec!["a[0]".to_owned(), "a[1]".to_owned()], 400));
        // A centre that is two sd off is none: the log joint is not symmetric around it.
        let off = family.params_from(&[-0.5, 4.5, 0.5, 0.0], &factor);
        assert_eq!(named(&family, off).unwrap().names, ["a[1]"]);
        assert_eq!(named(&StudentTNoise::new(FullRank::new(4), 5.0).unwrap(), params), None);
        assert_eq!(target.layout().num_latents, 4);
    }
}
