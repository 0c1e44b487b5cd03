//! W3's model, which the bench of mixtures takes as well.

use jensen::prelude::*;
use jensen::program::log_sum_exp;

/// W3: mixture of three normals with the assignments summed out.
pub struct Mixture {
    pub x: Column,
    pub y: Column,
}

impl Model for Mixture {
    fn log_joint(&self, p: &LogJoint) {
        let w = p.draw("w", dirichlet(Vector::constant(&[1.0; 3])));
        let mu = p.draws("mu", normal(0.0, 5.0), 6);
        let s = p.draws("s", half_normal(2.0), 6);
        p.rows(self.x.len(), |i| {
            let parts: Vec<Real> = (0..3)
                .map(|k| {
                    w.at(k).ln()
                        + normal(mu.at(2 * k), s.at(2 * k)).log_density(self.x.at(i))
                        + normal(mu.at(2 * k + 1), s.at(2 * k + 1)).log_density(self.y.at(i))
                })
                .collect();
            i.add(log_sum_exp(&parts));
        });
    }
}
