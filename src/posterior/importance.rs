//! Importance-weighted log p(x) of rows with latents of their own.

use crate::algorithm::{FitError, Solution};
use crate::family::Family;
use crate::model::{Draws, RowSet};
use crate::objective::log_mean_exp;
use crate::streams::Streams;
use crate::target::{LogDensity, Pass};

/// `ln (1 / K) sum_k p(x_i, z_ik) / q(z_ik | x_i)` of each of `rows`, with K = `num_draws` fresh draws.
///
/// The average over noise lies below `ln p(x_i)` and rises to it with K; with K = 1 it is the row's bound.
/// For models whose latents are all latents of rows, at fixed theta. Rows are taken one at a time, so memory is that
/// of `num_draws` draws of one row. A row whose every weight is zero gets `-inf`.
///
/// # Errors
/// When the model has latents outside of rows, when `num_draws` is zero, or when the density cannot be evaluated.
///
/// *Source*: Burda, Grosse and Salakhutdinov 2016, "Importance weighted autoencoders", equation 8.
pub fn log_evidence_of_rows<T: LogDensity + ?Sized, F: Family + ?Sized>(
    target: &T,
    family: &F,
    solution: &Solution,
    rows: &[u32],
    num_draws: usize,
    streams: Streams,
) -> Result<Vec<f64>, FitError> {
    let layout = target.layout();
    if layout.num_latents + layout.num_integers > 0 || layout.num_row_latents + layout.num_row_integers == 0 {
        return Err(FitError::Unsupported(
            "a row has an evidence of its own only where all latents are latents of rows; use the fit's evidence"
                .into(),
        ));
    }
    if num_draws == 0 {
        return Err(FitError::Setting("an importance-weighted mean needs at least one draw".into()));
    }
    let (mut z, mut pass) = (Draws::default(), Pass::default());
    let (mut log_q, mut weights) = (vec![0.0; num_draws], vec![0.0; num_draws]);
    let mut out = Vec::with_capacity(rows.len());
    for &row in rows {
        let one = RowSet { subset: Some(vec![row]), weight: 1.0, global_terms: false };
        z.fit(layout, 1, num_draws);
        family.sample(&solution.params, &one, streams.at_step(u64::from(row)), &mut z);
        target.log_density(&solution.theta, &z, &one, &mut pass)?;
        family.log_q(&solution.params, &one, &z, &mut log_q);
        for ((w, p), q) in weights.iter_mut().zip(&pass.log_density).zip(&log_q) {
            *w = p - q;
        }
        out.push(log_mean_exp(&weights));
    }
    Ok(out)
}
