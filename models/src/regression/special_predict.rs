//! Terms of latents in rows of a prediction, at every draw.

use super::error::RegressionError;
use super::predict::Prediction;
use super::special::{Shape, Special};
use super::special_term::{Part, SpecialTerm};

/// Purpose of the streams.
const COVARIATES: u32 = 3;

impl Prediction<'_> {
    /// What the terms of latents add to the linear predictor of row `i`.
    pub(super) fn special_eta(&self, class: Option<&str>, i: usize, eta: &mut [f64]) -> Result<(), RegressionError> {
        let of = self.regression;
        for (k, (term, special)) in of.specials.iter().zip(&self.design.specials).enumerate() {
            let draws = |name: String| self.draws.of(&name);
            let slope = || draws(of.coefficient(class, &term.name));
            match (&special.shape, &term.part) {
                (Shape::Steps { codes, num_steps }, _) => {
                    let site = of.of_special("steps", class, &term.name);
                    let slope = slope()?;
                    for step in 0..codes[i] as usize {
                        let share = self.draws.element(&site, step)?;
                        let all = eta.iter_mut().zip(slope).zip(share);
                        all.for_each(|((eta, slope), share)| *eta += slope * *num_steps as f64 * share);
                    }
                }
                (Shape::Smooth { columns }, _) => {
                    let site = of.of_special("bends", class, &term.name);
                    for (j, column) in columns.iter().enumerate() {
                        let bends = self.draws.element(&site, j)?;
                        eta.iter_mut().zip(bends).for_each(|(eta, bend)| *eta += bend * column[i]);
                    }
                }
                (_, Part::Covariate(_)) => {
                    let x = self.numbers(k, term, special, i)?;
                    eta.iter_mut().zip(slope()?).zip(x).for_each(|((eta, slope), x)| *eta += slope * (x - term.mean()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The number of row `i` at every draw: as it is seen, or drawn given the other columns and what was measured.
    fn numbers(&self, k: usize, term: &SpecialTerm, special: &Special, i: usize) -> Result<Vec<f64>, RegressionError> {
        let num_draws = self.draws.num_draws();
        let (seen, error, shift) = match &special.shape {
            Shape::Measured { x, error } => (Some(x[i]), error[i], 0.0),
            Shape::Partly { x, shift } => (x[i], 0.0, *shift),
            _ => (None, 0.0, 0.0),
        };
        if let (Some(x), true) = (seen, error == 0.0) {
            return Ok(vec![x; num_draws]);
        }
        let Some(covariate) = term.covariate() else { return Ok(vec![0.0; num_draws]) };
        let of = self.regression;
        let mut means = self.draws.of(&covariate.named("mean", ""))?.to_vec();
        for ((name, mean), z) in of.columns.names.iter().zip(&of.columns.means).zip(&self.design.columns.values) {
            let b = self.draws.of(&covariate.named("b", name))?;
            means.iter_mut().zip(b).for_each(|(sum, b)| *sum += b * (z[i] - mean));
        }
        let sds = self.draws.of(&covariate.named("sd", ""))?;
        let mut noise = vec![0.0; num_draws];
        self.streams.purpose(COVARIATES).purpose(k as u32).at_step(i as u64).fill_normal(num_draws, &mut noise);
        let drawn = |((mean, sd), z): ((&f64, &f64), f64)| match seen {
            // Of two normal densities, the product.
            Some(x) => {
                let (a, b) = (1.0 / (sd * sd), 1.0 / (error * error));
                (a * mean + b * x) / (a + b) + z / (a + b).sqrt()
            }
            None => mean + sd * z + shift,
        };
        Ok(means.iter().zip(sds).zip(noise).map(drawn).collect())
    }
}
