//! Eight schools, non-centred (Rubin 1981): the effect of coaching in each of eight schools.
//!
//! ```text
//! mu ~ N(0, 5)    tau ~ half-Cauchy(5)    eta_j ~ N(0, 1)    theta_j = mu + tau eta_j
//! effect_j ~ N(theta_j, stderr_j)
//! ```

use super::{BuildError, Built, Input};
use jensen::prelude::*;

/// Effects of similar experiments, pooled as far as they agree.
#[derive(Debug, Clone)]
pub struct EightSchools {
    /// Estimated effect in each school.
    pub effect: Column,
    /// Its standard error.
    pub stderr: Column,
}

impl Model for EightSchools {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 5.0));
        let tau = p.draw("tau", half_cauchy(5.0));
        let eta = p.draws("eta", normal(0.0, 1.0), self.effect.len());
        let theta = eta.map(|eta| mu + tau * eta);
        p.derive("theta", theta);
        p.rows(self.effect.len(), |j| j.observe(self.effect.at(j), normal(theta.at(j), self.stderr.at(j))));
    }
}

impl EightSchools {
    /// The model on the columns `effect` and `stderr`; `school` names the rows where it is there.
    ///
    /// # Errors
    /// Missing columns, cells that are not numbers, standard errors that are not positive.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let model = Self::from_input(input)?;
        let schools = school_names(input)?;
        let num_rows = model.effect.len();
        Ok(Built::new(model, num_rows).label("eta", schools.clone()).label("theta", schools))
    }

    pub(super) fn from_input(input: &Input) -> Result<Self, BuildError> {
        let effect = Column::new(input.table.real("effect")?);
        Ok(EightSchools { effect, stderr: Column::new(input.positive("stderr", "a standard error")?) })
    }
}

pub(super) fn school_names(input: &Input) -> Result<Vec<String>, BuildError> {
    if !input.table.names().any(|name| name == "school") {
        return Ok((0..input.table.num_rows()).map(|row| row.to_string()).collect());
    }
    let (codes, levels) = input.table.categories("school")?;
    let mut first = vec![None; levels.len()];
    for (row, &code) in codes.iter().enumerate() {
        if let Some(earlier) = first[code as usize].replace(row) {
            return Err(twice(input, levels[code as usize].clone(), [earlier, row]));
        }
    }
    Ok(codes.iter().map(|&code| levels[code as usize].clone()).collect())
}

/// Two rows of one name would be two quantities of one name.
fn twice(input: &Input, name: String, rows: [usize; 2]) -> BuildError {
    let places = rows.map(|row| input.table.place("school", row));
    let places = match places.each_ref().map(|place| place.line) {
        [Some(a), Some(b)] => format!("lines {a} and {b}"),
        _ => format!("rows {} and {}", places[0].row, places[1].row),
    };
    BuildError::NameTwice { file: input.table.file().to_string(), column: "school", name, places }
}
