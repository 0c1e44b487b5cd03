use super::*;
use crate::amortised::AmortisedFit;
use crate::diagnose::verdict::Trust;
use crate::model::{Draws, RowSet};
use crate::target::Pass;

fn noise(seed: u64, num: usize) -> Vec<f64> {
    let mut out = vec![0.0; num];
    Streams::new(seed).fill_normal(1, &mut out);
    out
}

/// Rows of `columns` numbers, each made of two standard normal ones.
fn matrix(e: &[f64], columns: usize, row: impl Fn(&[f64]) -> Vec<f64>) -> Matrix {
    Matrix::new(e.chunks_exact(2).flat_map(row).collect::<Vec<_>>(), columns).unwrap()
}

/// The numbers of `Chain` are those of the program that is trained, and its draws have its density's moments.
#[test]
fn plain_numbers_and_the_program_agree() {
    let e = noise(5, 600);
    let (z, x) = (matrix(&e, 2, |e| vec![e[0], e[0] * e[1]]), matrix(&e, 1, |e| vec![e[1].powi(3)]));
    let model = SimulatedPosterior::new(&x, &z).unwrap().observed(301, &[0.5]).unwrap();
    let Split { trained, stopped, judged, .. } = &model.pairs;
    assert_eq!([judged, stopped, trained].map(|pairs| pairs.x.num_rows()), [60, 30, 210]);
    let target = Target::new(&model).unwrap();
    let theta = InitialWeights::Glorot.theta(target.layout(), Streams::new(2));
    let chain = model.chain(target.layout(), &theta).unwrap();
    let expected: f64 = (0..210).map(|r| chain.log_q(trained.x.row(r), trained.z.row(r))).sum();
    let (one, mut pass) = (Draws::zeros(target.layout(), 210, 1), Pass::default());
    target.log_density(&theta, &one, &RowSet::all(), &mut pass).unwrap();
    let found = pass.log_density[0];
    // 420 terms, each to some ulps of its own size.
    assert!((found - expected).abs() < 1e-11 * expected.abs(), "{found} {expected}");
    let (n, observed) = (4000, &model.observed[0].1);
    let mut draws = vec![0.0; 2 * n];
    Streams::new(3).fill_normal(n, &mut draws);
    chain.draw(observed, &mut draws);
    let (mean, ln_sd) = chain.next(observed, 0);
    let found = draws[..n].iter().sum::<f64>() / n as f64;
    assert!((found - mean).abs() < 4.5 * ln_sd.exp() / (n as f64).sqrt(), "{found} {mean}");
    // Given the first, the second is standard normal by its own numbers.
    let residual = |d: usize| {
        let (mean, ln_sd) = chain.next(&[&observed[..], &[draws[d]]].concat(), 1);
        (draws[n + d] - mean) * (-ln_sd).exp()
    };
    let squares = (0..n).map(|d| residual(d).powi(2)).sum::<f64>() / n as f64;
    assert!((squares - 1.0).abs() < 4.5 * (2.0 / n as f64).sqrt(), "{squares}");
}

/// `z ~ N(0, 1)`, `x = z + e / 2`: the posterior is `N(0.8 x, 0.2)`, in units of their own.
#[test]
fn a_linear_simulator_is_learnt_trusted_and_drawn_from() {
    let e = noise(7, 6000);
    let (z, x) = (matrix(&e, 1, |e| vec![50.0 + 10.0 * e[0]]), matrix(&e, 1, |e| vec![0.01 * (e[0] + 0.5 * e[1])]));
    let model = SimulatedPosterior::new(&x, &z).unwrap().named(["mass"]).hidden(&[4]);
    let model = model.observed(8, &[0.01]).unwrap();
    let fitted = AmortisedFit::new(&model).steps(2000).restarts(1).run().unwrap();
    assert_eq!(fitted.verdict.trust, Trust::Trust, "{fitted}");
    let line = &fitted.summary[0];
    let sd = 10.0 * f64::sqrt(0.2);
    // 4,000 draws and 3,000 pairs: a tenth of a standard deviation is more than four standard errors of either.
    assert!(line.name == "mass" && (line.mean - 58.0).abs() < 0.1 * sd && (line.sd - sd).abs() < 0.1 * sd, "{line:?}");
    let drawn = model.draws(&fitted.solution, 500, Streams::new(9)).unwrap();
    let mean = drawn.element(0).iter().sum::<f64>() / 500.0;
    assert!((mean - 58.0).abs() < 0.1 * sd + 4.5 * sd / 500f64.sqrt(), "{mean}");
    let other = Solution { params: Vec::new(), theta: fitted.solution.theta[1..].to_vec() };
    assert!(model.draws(&other, 5, Streams::new(9)).unwrap_err().to_string().contains("theta holds"));
    assert!(
        model
            .draws(&fitted.solution, usize::MAX, Streams::new(9))
            .unwrap_err()
            .to_string()
            .contains("too many to hold")
    );
}

#[test]
fn observed_data_far_from_the_simulations_are_not_trusted_and_settings_without_meaning_are_refused() {
    let e = noise(8, 1000);
    let (z, x) = (matrix(&e, 1, |e| vec![e[0]]), matrix(&e, 1, |e| vec![e[0] + e[1]]));
    let model = SimulatedPosterior::new(&x, &z).unwrap().hidden(&[]);
    let none = AmortisedFit::new(&model).run().unwrap_err().to_string();
    assert!(none.contains("no observed data"), "{none}");
    let said = model.clone().observed(3, &[1.0, 2.0]).unwrap_err().to_string();
    assert!(said.starts_with("observed row 3 has 2 finite numbers, the simulated data have 1 columns"), "{said}");
    let model = model.observed(3, &[40.0]).unwrap();
    let drawn = AmortisedFit::new(&model).draws(5).run().unwrap_err().to_string();
    assert!(drawn.contains("without draws of q"), "{drawn}");
    assert!(AmortisedFit::new(&model).learning_rate(f64::NAN).run().is_err());
    let fitted = AmortisedFit::new(&model).steps(500).restarts(1).run().unwrap();
    assert!(fitted.verdict.trust > Trust::Trust, "{fitted}");
    assert!(fitted.verdict.reasons.iter().any(|r| r.starts_with("row 3 is ")), "{fitted}");
}
