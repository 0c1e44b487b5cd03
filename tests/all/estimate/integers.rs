//! What the tests of estimators of integers share.

use jensen::prelude::*;

pub fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}

/// The signal `(b - t)^2` of one integer, whatever q is: `log p = (b - t)^2 + log q` at one phi.
pub struct Toy {
    pub phi: f64,
    pub t: f64,
}

impl Model for Toy {
    fn log_joint(&self, p: &LogJoint) {
        let b = p.integer("b", 0..2).to_real();
        p.add((b - self.t).square() + b * self.phi - (1.0 + self.phi.exp()).ln());
    }
}
