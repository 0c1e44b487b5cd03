//! An integer latent cannot decide the shape of a log joint either.
use jensen::prelude::*;

struct Branch;

impl Model for Branch {
    fn log_joint(&self, p: &LogJoint) {
        let k = p.integer("k", 0..3);
        if k == 2 {
            p.add(-1.0);
        }
    }
}

fn main() {}
