//! Sticking the landing belongs to the ELBO and takes no other bound.
use jensen::estimate::StickingTheLanding;

fn main() {
    let _ = StickingTheLanding { particles: 8 };
}
