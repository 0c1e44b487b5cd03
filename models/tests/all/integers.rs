//! Models with integers: fits against exact sums and quadrature.

use jensen::automatic::EstimatorChoice;
use jensen::diagnose::verdict::Trust;
use jensen::posterior::MonteCarlo;
use jensen::prelude::*;
use jensen::{Fit, IntegerChoice};
use jensen_models::registry::find;
use jensen_models::zoo::{CoalMining, DataOptions, LatentClass, SigmoidBeliefNetwork, SpikeAndSlab};

fn ln_sum(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + values.iter().map(|v| (v - most).exp()).sum::<f64>().ln()
}

fn ln_normal(x: f64, sd: f64) -> f64 {
    -0.5 * (x / sd).powi(2) - sd.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

fn counts() -> Vec<f64> {
    let table = find("coal-mining").unwrap().table().unwrap();
    table.real("disasters").unwrap()
}

/// `ln of the integral of N(l; 0, 2) prod Poisson(count; exp l)` by the trapezoid rule, less the factorials; the
/// integrand is smooth and vanishes at both ends, so the rule is exact to rounding.
fn ln_marginal(total: f64, years: f64) -> f64 {
    let step = 0.005;
    let terms: Vec<f64> = (0..3000)
        .map(|k| -10.0 + step * f64::from(k))
        .map(|l| ln_normal(l, 2.0) + total * l - years * l.exp() + step.ln())
        .collect();
    ln_sum(&terms)
}

/// The log evidence, and the posterior of the change point.
fn exact_change(counts: &[f64]) -> (f64, Vec<f64>) {
    let (n, all) = (counts.len(), counts.iter().sum::<f64>());
    let factorials: f64 = counts.iter().map(|&c| (1..=c as u32).map(|k| f64::from(k).ln()).sum::<f64>()).sum();
    let of_change = |change: usize| {
        let early: f64 = counts[..=change].iter().sum();
        let years = (change + 1) as f64;
        ln_marginal(early, years) + ln_marginal(all - early, n as f64 - years) - ((n - 1) as f64).ln() - factorials
    };
    let joint: Vec<f64> = (0..n - 1).map(of_change).collect();
    let evidence = ln_sum(&joint);
    (evidence, joint.iter().map(|j| (j - evidence).exp()).collect())
}

fn mean_and_sd(probabilities: &[f64]) -> (f64, f64) {
    let moment = |power: i32| probabilities.iter().enumerate().map(|(k, p)| p * (k as f64).powi(power)).sum::<f64>();
    (moment(1), (moment(2) - moment(1).powi(2)).sqrt())
}

#[test]
fn the_disasters_are_those_of_the_table() {
    let counts = counts();
    assert_eq!((counts.len(), counts.iter().sum::<f64>()), (112, 191.0));
    // Carlin, Gelfand and Smith 1992: the change is most likely in 1891, the 41st year.
    let (_, posterior) = exact_change(&counts);
    let mode = (0..111).max_by(|&a, &b| posterior[a].total_cmp(&posterior[b])).unwrap();
    assert_eq!(mode, 40);
}

#[test]
fn the_change_point_has_its_exact_posterior() {
    let counts = counts();
    let (evidence, posterior) = exact_change(&counts);
    let model = CoalMining { count: Column::new(counts), first_year: 1851.0 };
    let fitted = Fit::new(&model).integers(IntegerChoice::Categorical).seed(1).run().unwrap();
    assert_eq!(fitted.plan.estimator, EstimatorChoice::Enumerate);
    let found = fitted.bound().log_evidence;
    assert!((found.value - evidence).abs() < 4.5 * found.mcse, "{found}, exactly {evidence}");
    assert!(found.mcse < 0.05, "{found}");
    assert!(fitted.bound().elbo.value < evidence + 4.5 * fitted.bound().elbo.mcse);
    let line = fitted.proposal().weighted_summary().into_iter().find(|line| line.name == "change").unwrap();
    let (mean, sd) = mean_and_sd(&posterior);
    assert!((line.mean - mean).abs() < 4.5 * line.mcse.max(sd / 4000f64.sqrt()), "{line:?}, exactly {mean}");
    // Importance weights leave a few hundred effective draws, which know a sd to some 5 %.
    assert!((line.sd / sd - 1.0).abs() < 0.2, "{line:?}, exactly {sd}");
}

/// Log determinant and quadratic form of a positive definite matrix by its Cholesky factor.
fn ln_det_and_form(matrix: &[Vec<f64>], y: &[f64]) -> (f64, f64) {
    let n = y.len();
    let mut l = vec![vec![0.0; n]; n];
    let (mut ln_det, mut form, mut solved) = (0.0, 0.0, vec![0.0; n]);
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            l[i][j] = if i == j { (matrix[i][i] - dot).sqrt() } else { (matrix[i][j] - dot) / l[j][j] };
        }
        let dot: f64 = (0..i).map(|k| l[i][k] * solved[k]).sum();
        solved[i] = (y[i] - dot) / l[i][i];
        (ln_det, form) = (ln_det + 2.0 * l[i][i].ln(), form + solved[i] * solved[i]);
    }
    (ln_det, form)
}

/// Log evidence and inclusion probabilities: the coefficients in closed form, sigma by the trapezoid rule in its
/// logarithm, the inclusions by enumeration.
fn exact_inclusions(x: &[[f64; 3]], y: &[f64]) -> (f64, [f64; 3]) {
    let n = y.len();
    let (mut joint, mut of) = (Vec::new(), Vec::new());
    for state in 0..8u32 {
        let is_in = |k: usize| f64::from(state >> k & 1);
        for step in 0..120 {
            let ln_sigma = -3.0 + 0.04 * f64::from(step);
            let variance = (2.0 * ln_sigma).exp();
            let entry = |i: usize, j: usize| {
                let slabs: f64 = (0..3).map(|k| 0.25 * is_in(k) * x[i][k] * x[j][k]).sum();
                1.0 + slabs + if i == j { variance } else { 0.0 }
            };
            let matrix: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect();
            let (ln_det, form) = ln_det_and_form(&matrix, y);
            let likelihood = -0.5 * (ln_det + form + n as f64 * (2.0 * std::f64::consts::PI).ln());
            let prior = 2f64.ln() + ln_normal(ln_sigma.exp(), 1.0) + ln_sigma + 0.04f64.ln() - 8f64.ln();
            joint.push(likelihood + prior);
            of.push(state);
        }
    }
    let evidence = ln_sum(&joint);
    let share = |k: u32| {
        let of_state = joint.iter().zip(&of).filter(|(_, state)| *state >> k & 1 == 1);
        of_state.map(|(j, _)| (j - evidence).exp()).sum()
    };
    (evidence, [share(0), share(1), share(2)])
}

#[test]
fn inclusions_are_held_against_enumeration() {
    // Two orthogonal features and one that leans on the first; the second has a small effect.
    let rows: Vec<[f64; 3]> = (0..24)
        .map(|i| {
            let (a, b) = (if i % 2 == 0 { 1.0 } else { -1.0 }, if i % 4 < 2 { 1.0 } else { -1.0 });
            [a, b, 0.3 * a + (f64::from(i) * 1.7).sin()]
        })
        .collect();
    let y: Vec<f64> =
        rows.iter().enumerate().map(|(i, x)| 0.8 * x[0] + 0.15 * x[1] + 0.5 * (i as f64 * 2.3).cos()).collect();
    let (evidence, exact) = exact_inclusions(&rows, &y);
    // The problem is one: something is in, something is open.
    assert!(exact[0] > 0.99 && exact[1] > 0.1 && exact[1] < 0.9, "{exact:?}");
    let names = ["a", "b", "c"].map(String::from).to_vec();
    let model = SpikeAndSlab { x: Matrix::new(rows.concat(), 3).unwrap(), y: Column::new(y), names };
    let fitted = Fit::new(&model).integers(IntegerChoice::Categorical).seed(3).run().unwrap();
    assert_eq!(fitted.plan.estimator, EstimatorChoice::Enumerate);
    let elbo = fitted.bound().elbo;
    assert!(elbo.value < evidence + 4.5 * elbo.mcse && elbo.value > evidence - 1.0, "{elbo}, exactly {evidence}");
    let mean = |name: &str| fitted.summary().into_iter().find(|line| line.name == name).unwrap().mean;
    assert!(mean("in_a") > 0.99, "{}", mean("in_a"));
    // A slab means nothing where its feature is out: independent factors cannot say so, and decide too firmly about
    // the open features. The verdict sees it.
    let far = (mean("in_b") - exact[1]).abs().max((mean("in_c") - exact[2]).abs());
    assert!(far < 0.1 || fitted.verdict().trust != Trust::Trust, "{far}: {}", fitted.verdict());
    // With a Gaussian for each set of features all of it is known.
    let fitted = Fit::new(&model).seed(3).run().unwrap();
    assert_eq!(fitted.verdict().trust, Trust::Trust, "{fitted}");
    let found = fitted.bound().log_evidence;
    assert!((found.value - evidence).abs() < 4.0 * found.mcse, "{found}, exactly {evidence}");
    for (name, exact) in ["in_a", "in_b", "in_c"].into_iter().zip(exact) {
        let line = fitted.summary().into_iter().find(|line| line.name == name).unwrap();
        assert!((line.mean - exact).abs() < (4.0 * line.mcse).max(0.005), "{line:?}, exactly {exact}");
    }
}

#[test]
fn the_classes_are_those_of_the_literature() {
    let table = find("latent-class").unwrap().table().unwrap();
    let answers = ["a", "b", "c", "d"].map(|name| Column::new(table.real(name).unwrap())).to_vec();
    let sums: Vec<f64> = answers.iter().map(|column| column.values().iter().sum()).collect();
    assert_eq!((answers[0].len(), sums), (216, vec![171.0, 108.0, 111.0, 67.0]));
    let fitted = Fit::new(&LatentClass { answers }).seed(2).run().unwrap();
    // Summed out row by row.
    assert_eq!(fitted.verdict().trust, Trust::Trust, "{fitted}");
    let mean = |name: &str| fitted.summary().into_iter().find(|line| line.name == name).unwrap().mean;
    // Goodman 1974, table 3: maximum likelihood with standard errors of 0.05 or so; the priors pull towards a half.
    let published = [("share", 0.279), ("yes_first[0]", 0.993), ("yes_first[1]", 0.940), ("yes_first[2]", 0.927)];
    let others = [("yes_first[3]", 0.769), ("yes_second[0]", 0.714), ("yes_second[1]", 0.330)];
    for (name, published) in published.into_iter().chain(others) {
        assert!((mean(name) - published).abs() < 0.1, "{name}: {} against {published}", mean(name));
    }
}

#[test]
fn a_belief_network_stays_below_its_likelihood_and_far_above_independent_pixels() {
    let table = find("sigmoid-belief-network").unwrap().table().unwrap();
    let names: Vec<String> = (0..64).map(|k| format!("p{k}")).collect();
    let (num_rows, columns) = (40, ["p10", "p19", "p20", "p21", "p27", "p28", "p36", "p42", "p43"]);
    assert!(table.given_names().eq(names.iter().map(String::as_str)) && table.num_rows() == 100);
    let picture = |row: usize| columns.map(|name| table.real(name).unwrap()[row]);
    let data: Vec<[f64; 9]> = (0..num_rows).map(picture).collect();
    let model = SigmoidBeliefNetwork { data: Matrix::new(data.concat(), 9).unwrap(), num_hidden: 2 };
    let fitted = Fit::new(&model).seed(1).run().unwrap();
    let theta = &fitted.solution.theta;
    let (prior, weights, bias) = (&theta[..2], &theta[2..20], &theta[20..]);
    // ln p(x) at the fitted parameters, by the four values of the two causes.
    let ln_bit = |on: bool, logit: f64| -(if on { -logit } else { logit }).exp().ln_1p();
    let ln_picture = |x: &[f64; 9]| {
        let of_causes = |h: [bool; 2]| {
            let causes: f64 = (0..2).map(|j| ln_bit(h[j], prior[j])).sum();
            let logit = |p: usize| bias[p] + (0..2).filter(|&j| h[j]).map(|j| weights[2 * p + j]).sum::<f64>();
            causes + (0..9).map(|p| ln_bit(x[p] == 1.0, logit(p))).sum::<f64>()
        };
        ln_sum(&[[false; 2], [true, false], [false, true], [true; 2]].map(of_causes))
    };
    // The bound has the pull on the parameters in it.
    let pull: f64 = theta.iter().map(|x| -x * x / 8.0).sum();
    let likelihood = data.iter().map(ln_picture).sum::<f64>() + pull;
    let MonteCarlo { value: bound, mcse, .. } = fitted.posterior.bound().elbo;
    assert!(bound < likelihood + 4.5 * mcse, "{bound} {likelihood}");
    // Factors of q in each row cost little where the causes of a picture are clear.
    assert!(bound > likelihood - 0.2 * num_rows as f64, "{bound} {likelihood}");
    let share = |p: usize| data.iter().map(|x| x[p]).sum::<f64>() / num_rows as f64;
    let entropy = |s: f64| if s > 0.0 && s < 1.0 { -s * s.ln() - (1.0 - s) * (1.0 - s).ln() } else { 0.0 };
    let independent = -(0..9).map(|p| num_rows as f64 * entropy(share(p))).sum::<f64>();
    assert!(bound > independent + 10.0, "{bound} {independent}");
}

#[test]
fn bad_data_are_refused_with_their_place() {
    let refused = |name: &str, csv: &str| {
        let table = jensen_models::data::DataTable::from_csv("d.csv", csv.as_bytes()).unwrap();
        let response = (name == "coal-mining").then(|| "n".to_string());
        find(name).unwrap().build(&table, &DataOptions { response, ..DataOptions::default() }).unwrap_err().to_string()
    };
    let words = refused("coal-mining", "n\n1\n2.5\n3\n");
    assert!(words.contains("line 3") && words.contains("whole number") && words.contains("2.5"), "{words}");
    let words = refused("latent-class", "a,b,c\n0,1,1\n0,1,2\n");
    assert!(words.contains("line 3") && words.contains("0 or 1, found 2"), "{words}");
    let words = refused("latent-class", "a,b\n0,1\n1,1\n");
    assert!(words.contains("2 questions are too few"), "{words}");
    let words = refused("bernoulli-latents", "x,offset\n0,1\n1,1\n");
    assert!(!words.is_empty(), "{words}");
}
