//! Eight schools, centred: the funnel that a Gaussian cannot follow, kept to show what the verdict says of it.
//!
//! ```text
//! mu ~ N(0, 5)    tau ~ half-Cauchy(5)    theta_j ~ N(mu, tau)
//! effect_j ~ N(theta_j, stderr_j)
//! ```

use super::eight_schools::school_names;
use super::{BuildError, Built, EightSchools, Input};
use jensen::prelude::*;

/// The same posterior as [`EightSchools`] in other coordinates.
#[derive(Debug, Clone)]
pub struct EightSchoolsCentred(pub EightSchools);

impl Model for EightSchoolsCentred {
    fn log_joint(&self, p: &LogJoint) {
        let EightSchools { effect, stderr } = &self.0;
        let mu = p.draw("mu", normal(0.0, 5.0));
        let tau = p.draw("tau", half_cauchy(5.0));
        let theta = p.draws("theta", normal(mu, tau), effect.len());
        p.rows(effect.len(), |j| j.observe(effect.at(j), normal(theta.at(j), stderr.at(j))));
    }
}

impl EightSchoolsCentred {
    /// As [`EightSchools::build`].
    ///
    /// # Errors
    /// As [`EightSchools::build`].
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let model = EightSchoolsCentred(EightSchools::from_input(input)?);
        let num_rows = model.0.effect.len();
        Ok(Built::new(model, num_rows).label("theta", school_names(input)?))
    }
}
