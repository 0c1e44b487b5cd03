//! A change point (Jarrett 1979; Carlin, Gelfand and Smith 1992): counts whose rate changed once, in an unknown year.
//!
//! ```text
//! change ~ uniform on 0 .. n - 2    log_early, log_late ~ N(0, 2)
//! count_t ~ Poisson(exp(log_early)) for t <= change    count_t ~ Poisson(exp(log_late)) for t > change
//! ```

use super::{BuildError, Built, Input};
use jensen::prelude::*;

/// Counts with one change of their rate.
#[derive(Debug, Clone)]
pub struct CoalMining {
    /// The counts, at least two.
    pub count: Column,
    /// The year of the first count.
    pub first_year: f64,
}

impl Model for CoalMining {
    fn log_joint(&self, p: &LogJoint) {
        let n = self.count.len();
        let even = vec![1.0 / (n - 1) as f64; n - 1];
        let change = p.draw_integer("change", categorical(Vector::constant(&even)));
        let early = p.draw("log_early", normal(0.0, 2.0));
        let late = p.draw("log_late", normal(0.0, 2.0));
        p.rows(n, |t| {
            let log_rate = t.number().at_most(change).select(early, late);
            t.observe(self.count.at(t), poisson_log(log_rate));
        });
        p.derive("rate_early", early.exp());
        p.derive("rate_late", late.exp());
        p.derive("first_late_year", change.to_real() + (self.first_year + 1.0));
    }
}

impl CoalMining {
    /// The model of the series `--response`; a column `year` says when it begins.
    ///
    /// # Errors
    /// A series that is constant, too short, or has cells that are no counts.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let (name, _) = input.series()?;
        input.at_least(3, "")?;
        let count = input.counts(&name, "a count")?;
        let has_years = input.table.names().any(|name| name == "year");
        let first_year = if has_years { input.table.real("year")?[0] } else { 1.0 };
        let num_rows = count.len();
        Ok(Built::new(CoalMining { count: Column::new(count), first_year }, num_rows))
    }
}
