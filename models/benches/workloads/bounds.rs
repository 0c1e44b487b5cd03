//! The bounds that default fits reach on W1 to W4, beside the reference optima of the workloads.

use std::path::Path;
use std::time::Instant;

use jensen::Fit;
use jensen::automatic::FamilyChoice;
use jensen::model::Model;

use crate::models::{EightSchools, Logistic, Mixture, Radon};

/// Reference optima of the workloads' README with their standard errors: mean-field, full rank.
const W1: [Option<(f64, f64)>; 2] = [Some((-31.565, 0.023)), None];
const W2: [Option<(f64, f64)>; 2] = [Some((-4590.573, 0.067)), Some((-4584.970, 0.067))];
const W3: [Option<(f64, f64)>; 2] = [Some((-3350.257, 0.027)), None];
const W4: [Option<(f64, f64)>; 2] = [Some((-1101.949, 0.068)), Some((-1101.055, 0.067))];

/// One line for each family with a known optimum.
pub fn run(folder: &Path) {
    one("W1", &EightSchools::new(), W1);
    one("W2", &Logistic::read(&folder.join("w2_logreg.csv")), W2);
    one("W3", &Mixture::read(folder).0, W3);
    one("W4", &Radon::read(&folder.join("w4_radon.csv")), W4);
}

fn one(name: &str, model: &dyn Model, references: [Option<(f64, f64)>; 2]) {
    for (family, reference) in [FamilyChoice::MeanField, FamilyChoice::FullRank].into_iter().zip(references) {
        let Some((optimum, optimum_se)) = reference else { continue };
        let start = Instant::now();
        let fitted = match Fit::new(model).family(family).run() {
            Ok(fitted) => fitted,
            Err(error) => {
                println!("{name} {family}: {error}");
                continue;
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let elbo = fitted.posterior.bound().elbo;
        let errors = (elbo.value - optimum) / elbo.mcse.hypot(optimum_se);
        println!(
            "{name} {family}: ELBO {:.3} ({:.3}), reference {optimum:.3} ({optimum_se:.3}), {errors:+.1} combined standard errors, {seconds:.2} s",
            elbo.value, elbo.mcse
        );
    }
}
