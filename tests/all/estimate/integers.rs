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

/// The exact gradient of the twenty latents of W5 at `phi_zero` and `phi_rand`, by `w5_reference.py` (NumPy, all 2^20 states).
pub const GRADIENT: [[f64; 20]; 2] = [
    [
        -0.923206, -0.017654, -1.494013, 0.633359, -0.07066, -1.494878, 0.513089, -0.431906, -0.824292, 0.588514,
        -0.542304, -1.913659, -0.069466, -0.621215, -1.020884, -2.570989, -0.046826, 0.795919, 0.421143, -0.76589,
    ],
    [
        -1.052925, -0.09495, -1.24083, 0.394047, -0.007484, -1.158894, 0.447532, -0.279033, -0.98881, 0.667477,
        -0.101544, -1.539575, 0.108405, -0.419514, -1.046246, -2.421424, -0.18067, 0.504086, 0.197468, -0.610087,
    ],
];
