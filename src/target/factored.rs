//! Densities that know which of their terms contain which latent.

use super::{DensityError, LogDensity, Pass, Precision, Target};
use crate::model::{Draws, RowSet};
use crate::program::TermKind;
use crate::program::execute::run;
use crate::program::factors::{FactorPlan, Factors};

/// A density that is a sum of terms, each of which contains some of the latents.
pub trait Factored: LogDensity {
    /// Overwrites `out.log_density`, and `local` with the sum of the terms that contain each latent, `[latent][draw]`.
    ///
    /// The order is that of [`Draws`]: latents, latents of rows, integers, integers of rows, the latter two
    /// `[latent][row of the pass]`. Terms of rows count `rows.weight` times. Between draws of two values of one latent,
    /// all others equal, its local sum changes by as much as the log density.
    ///
    /// # Errors
    /// As [`LogDensity::log_density`], and when the terms are not told apart.
    fn local_log_density(
        &self,
        theta: &[f64],
        z: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        local: &mut Vec<f64>,
    ) -> Result<(), DensityError>;
}

impl Factored for Target {
    /// One evaluation. The recorded program is split into its addends at the first call.
    fn local_log_density(
        &self,
        theta: &[f64],
        z: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        local: &mut Vec<f64>,
    ) -> Result<(), DensityError> {
        self.check(theta, z, rows)?;
        if !self.outside_states().is_empty() {
            return Err(DensityError::unsupported(
                "integers outside of rows are summed out, which leaves one term of all latents; use another estimator, or \
                 leave the integers to q",
            ));
        }
        let single = self.options().precision == Precision::Single;
        let factors = self.factors.get_or_init(|| Factors::of(self.program(), single)).as_ref().ok_or_else(|| {
            DensityError::unsupported(
                "the model has latents of rows in several `rows` blocks over different rows, whose terms are not told \
                 apart; take the same rows in every block, or use the score function",
            )
        })?;
        let request = self.request(theta, z, rows, &[], out.data_weight, false, false);
        let kinds = request.kind_weights;
        match &factors.plan {
            FactorPlan::Double(plan) => run(plan, &request, &mut out.factored, &mut out.response),
            FactorPlan::Single(plan) => run(plan, &request, &mut out.factored_single, &mut out.response),
        }
        out.log_density.clear();
        out.log_density.resize(z.num_draws, 0.0);
        out.data.clear();
        local.clear();
        local.resize(z.latents.len() + z.row_latents.len() + z.integers.len() + z.row_integers.len(), 0.0);
        let mut sums = Sums { z, rows, kinds, local };
        sums.of_groups(factors, out);
        sums.of_rows(factors, out);
        sums.add_constants(factors, &mut out.log_density);
        Ok(())
    }
}

/// Adds addends to the latents they see.
struct Sums<'a> {
    z: &'a Draws,
    rows: &'a RowSet,
    kinds: [f64; 4],
    local: &'a mut [f64],
}

impl Sums<'_> {
    /// How often a term counts: once, or for every row of `plate`.
    fn times(&self, plate: u16, factors: &Factors) -> f64 {
        match plate {
            0 => f64::from(u8::from(self.rows.global_terms)),
            _ => self.rows_of(plate, factors) as f64 * self.rows.weight,
        }
    }

    /// Rows of the pass in a block of rows.
    fn rows_of(&self, plate: u16, factors: &Factors) -> usize {
        let all = factors.plates[plate as usize - 1].rows;
        self.rows.subset.as_ref().map_or(all, Vec::len)
    }

    /// Rows of the pass in the largest block.
    fn num_rows(&self, factors: &Factors) -> usize {
        self.rows.subset.as_ref().map_or(factors.most_rows, Vec::len)
    }

    /// The sum of each group, added to the latents outside of rows that the group sees and to the log density.
    fn of_groups(&mut self, factors: &Factors, out: &mut Pass) {
        let (draws, num_rows) = (self.z.num_draws, self.num_rows(factors));
        let Pass { response, groups, log_density, .. } = out;
        groups.clear();
        groups.resize(factors.groups.len() * draws, 0.0);
        for (factor, values) in factors.global.iter().zip(response.outputs.chunks_exact(draws)) {
            let c = factor.coefficient * self.kinds[factor.kind as usize] * self.times(factor.plate, factors);
            add(c, values, &mut groups[factor.group as usize * draws..]);
        }
        for (factor, values) in factors.of_rows.iter().zip(response.row_outputs.chunks_exact((num_rows * draws).max(1)))
        {
            let c = factor.coefficient * self.kinds[factor.kind as usize] * self.rows.weight;
            let own = values.chunks_exact(draws).take(self.rows_of(factor.plate, factors));
            let first_row = factors.plates[factor.plate as usize - 1].start;
            for (position, values) in own.enumerate() {
                let row = self.rows.subset.as_ref().map_or(position, |s| s[position] as usize - first_row);
                add(c, values, &mut groups[factor.groups[row] as usize * draws..]);
            }
        }
        let reals = self.z.latents.len() / draws;
        let skipped = self.z.row_latents.len() / draws;
        for (seen, sum) in factors.groups.iter().zip(groups.chunks_exact(draws)) {
            add(1.0, sum, log_density);
            for &input in seen {
                // Latents of rows lie between the latents and the integers.
                let place = input as usize + if (input as usize) < reals { 0 } else { skipped };
                add(1.0, sum, &mut self.local[place * draws..]);
            }
        }
    }

    /// The addends of each row, added to the latents of the row that they see.
    fn of_rows(&mut self, factors: &Factors, out: &Pass) {
        let (z, num_rows) = (self.z, self.num_rows(factors));
        let size = num_rows * z.num_draws;
        if size == 0 {
            return;
        }
        let (first, reals) = (z.latents.len(), z.row_latents.len() / size);
        let of_integers = z.latents.len() + z.row_latents.len() + z.integers.len();
        for (factor, values) in factors.of_rows.iter().zip(out.response.row_outputs.chunks_exact(size)) {
            let c = factor.coefficient * self.kinds[factor.kind as usize] * self.rows.weight;
            for &own in &factor.own {
                let own = own as usize;
                let to = if own < reals { first + own * size } else { of_integers + (own - reals) * size };
                add(c, values, &mut self.local[to..]);
            }
        }
    }

    fn add_constants(&self, factors: &Factors, log_density: &mut [f64]) {
        let of = |&(kind, plate, c): &(TermKind, u16, f64)| self.kinds[kind as usize] * self.times(plate, factors) * c;
        let constant: f64 = factors.constants.iter().map(of).sum();
        log_density.iter_mut().for_each(|l| *l += constant);
    }
}

/// `to += c * values`, as far as the values go.
fn add(c: f64, values: &[f64], to: &mut [f64]) {
    to.iter_mut().zip(values).for_each(|(t, v)| *t += c * v);
}
