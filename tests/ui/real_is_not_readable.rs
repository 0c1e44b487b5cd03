//! A latent value cannot decide the shape of a log joint.
use jensen::prelude::*;

struct Branch;

impl Model for Branch {
    fn log_joint(&self, p: &LogJoint) {
        let x = p.real("x");
        if x > 0.0 {
            p.add(-x);
        }
    }
}

fn main() {}
