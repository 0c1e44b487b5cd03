//! The bound of every kind of component is the evidence where it can be, and stays below it elsewhere.

use super::kinds::*;
use jensen::algorithm::Algorithm;
use jensen::fit::{MaxSteps, run};
use jensen::mixture::*;
use libm::lgamma;

/// Log evidence of rows under one component, in closed form.
fn evidence(name: &str, rows: &[Vec<f64>]) -> f64 {
    let n = rows.len() as f64;
    let column = |j: usize| rows.iter().map(move |r| r[j]);
    let total = |j: usize| column(j).sum::<f64>();
    let columns = 0..rows.first().map_or(0, Vec::len);
    let ln_beta = |a: f64, b: f64| lgamma(a) + lgamma(b) - lgamma(a + b);
    match name {
        "full" => wishart_evidence(rows),
        "diagonal" => {
            columns.map(|j| normal_gamma(&[column(j).collect()], &[[0.2, -0.1][j]], 1.3, [0.8, 1.1][j])).sum()
        }
        "spherical" => {
            let cells: Vec<Vec<f64>> = columns.map(|j| column(j).collect()).collect();
            normal_gamma(&cells, &[0.2, -0.1], 1.3, 0.9)
        }
        "bernoulli" => columns.map(|j| ln_beta(0.7 + total(j), 1.2 + n - total(j)) - ln_beta(0.7, 1.2)).sum(),
        "categorical" => {
            let each = (0..7).map(|l| {
                let m = column(0).filter(|x| *x == f64::from(l)).count() as f64;
                lgamma(0.6 + m) - lgamma(0.6)
            });
            lgamma(4.2) - lgamma(4.2 + n) + each.sum::<f64>()
        }
        "multinomial" => {
            let row = |r: &Vec<f64>| lgamma(r[0] + r[1] + 1.0) - lgamma(r[0] + 1.0) - lgamma(r[1] + 1.0);
            rows.iter().map(row).sum::<f64>() + ln_beta(0.8 + total(0), 0.8 + total(1)) - ln_beta(0.8, 0.8)
        }
        "poisson" => columns
            .map(|j| {
                let (a, b) = (2.0 + total(j), 0.3 + n);
                2.0 * 0.3_f64.ln() - lgamma(2.0) + lgamma(a)
                    - a * b.ln()
                    - column(j).map(|x| lgamma(x + 1.0)).sum::<f64>()
            })
            .sum(),
        "gamma" => columns
            .map(|j| {
                let (a, b) = (2.0 + 1.7 * n, 0.5 + total(j));
                let base: f64 = column(j).map(|x| 0.7 * x.ln() - lgamma(1.7)).sum();
                2.0 * 0.5_f64.ln() - lgamma(2.0) + lgamma(a) - a * b.ln() + base
            })
            .sum(),
        _ => f64::NAN,
    }
}

/// Two columns under `wishart()`, Murphy (2007), "Conjugate Bayesian analysis of the Gaussian distribution", (266).
fn wishart_evidence(rows: &[Vec<f64>]) -> f64 {
    let n = rows.len() as f64;
    let (b0, v0, s0, m0) = (0.7, 3.5, [2.0, 0.3, 1.5], [0.2, -0.1]);
    let mean = |j: usize| if n > 0.0 { rows.iter().map(|r| r[j]).sum::<f64>() / n } else { 0.0 };
    let m = [mean(0), mean(1)];
    let spread = |i: usize, j: usize| {
        let inner: f64 = rows.iter().map(|r| (r[i] - m[i]) * (r[j] - m[j])).sum();
        inner + b0 * n / (b0 + n) * (m[i] - m0[i]) * (m[j] - m0[j])
    };
    let s = [s0[0] + spread(0, 0), s0[1] + spread(0, 1), s0[2] + spread(1, 1)];
    let log_det = |s: [f64; 3]| (s[0] * s[2] - s[1] * s[1]).ln();
    let log_gamma_2 = |v: f64| 0.5 * std::f64::consts::PI.ln() + lgamma(0.5 * v) + lgamma(0.5 * (v - 1.0));
    -n * std::f64::consts::PI.ln() + log_gamma_2(v0 + n) - log_gamma_2(v0) + 0.5 * v0 * log_det(s0)
        - 0.5 * (v0 + n) * log_det(s)
        + (b0 / (b0 + n)).ln()
}

/// Columns with one precision `~ Gamma(a0, rate)` and means worth 0.7 rows.
fn normal_gamma(columns: &[Vec<f64>], means: &[f64], a0: f64, rate: f64) -> f64 {
    let (mut b, mut cells, mut out) = (rate, 0.0, 0.0);
    for (cells_of, m0) in columns.iter().zip(means) {
        let n = cells_of.len() as f64;
        let mean = if n > 0.0 { cells_of.iter().sum::<f64>() / n } else { 0.0 };
        b += 0.5 * cells_of.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        b += 0.5 * 0.7 * n / (0.7 + n) * (mean - m0).powi(2);
        cells += n;
        out += 0.5 * (0.7 / (0.7 + n)).ln();
    }
    let a = a0 + 0.5 * cells;
    out + lgamma(a) - lgamma(a0) + a0 * rate.ln() - a * b.ln() - 0.5 * cells * (2.0 * std::f64::consts::PI).ln()
}

fn rows_of(columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    (0..columns[0].len()).map(|i| columns.iter().map(|c| c[i]).collect()).collect()
}

fn fitted_bound(rows: &[Vec<f64>], kind: &Kind, weights: Weights, labels: Vec<u32>, k: usize) -> f64 {
    let table = Table::from_rows(rows).expect("a table");
    let ascent = CoordinateAscent::new(&table, kind, weights, k).expect("settings").start(MixtureStart::Labels(labels));
    let mut state = ascent.init().expect("a start");
    run(&ascent, &mut state, &mut MaxSteps(500), &mut ()).expect("a fit");
    ascent.bound(&state).expect("a bound")
}

/// With one component q is the posterior, so bound and evidence agree, and the predictive density is a ratio of evidences.
#[test]
fn one_component_gives_the_evidence() {
    for (name, kind, columns) in kinds(13) {
        let rows = rows_of(&columns);
        let exact = evidence(name, &rows);
        if exact.is_nan() {
            continue;
        }
        let bound = fitted_bound(&rows, &kind, Weights::dirichlet(1.0), vec![0; 13], 1);
        assert!((bound - exact).abs() < 1e-10 * exact.abs(), "{name}: {bound} for {exact}");

        let (past, last) = (Table::from_rows(&rows[..12]), Table::from_rows(&rows[12..]));
        let fitted = MixtureFit::new(kind, 1).run(&past.expect("a table")).expect("a fit");
        let found = fitted.log_density(&last.expect("a table")).expect("a density")[0];
        let ratio = exact - evidence(name, &rows[..12]);
        assert!((found - ratio).abs() < 1e-10, "{name}: predicts {found} for {ratio}");
    }
}

/// Log prior probability of an assignment with these counts.
fn assignment(weights: Weights, counts: &[f64]) -> f64 {
    let ln_beta = |a: f64, b: f64| lgamma(a) + lgamma(b) - lgamma(a + b);
    match weights {
        Weights::Dirichlet { concentration: a } => {
            let (k, n) = (counts.len() as f64, counts.iter().sum::<f64>());
            let each: f64 = counts.iter().map(|c| lgamma(a + c) - lgamma(a)).sum();
            lgamma(k * a) - lgamma(k * a + n) + each
        }
        Weights::Sticks { concentration, discount } => (0..counts.len() - 1)
            .map(|i| {
                let (a, b) = (1.0 - discount, concentration + (i + 1) as f64 * discount);
                ln_beta(a + counts[i], b + counts[i + 1..].iter().sum::<f64>()) - ln_beta(a, b)
            })
            .sum(),
        _ => f64::NAN,
    }
}

/// Log evidence of two components by summing over all 2^N assignments.
fn enumerated(name: &str, rows: &[Vec<f64>], weights: Weights) -> f64 {
    let terms: Vec<f64> = (0..1_usize << rows.len())
        .map(|code| {
            let part = |c: usize| -> Vec<Vec<f64>> {
                rows.iter().enumerate().filter(|(i, _)| (code >> i) & 1 == c).map(|(_, r)| r.clone()).collect()
            };
            let (zero, one) = (part(0), part(1));
            let prior = assignment(weights, &[zero.len() as f64, one.len() as f64]);
            prior + evidence(name, &zero) + evidence(name, &one)
        })
        .collect();
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + terms.iter().map(|t| (t - largest).exp()).sum::<f64>().ln()
}

/// The evidence counts both namings of a clustering, a fit has one: the gap of separated data is up to ln 2.
#[test]
fn the_bound_stays_below_the_enumerated_evidence() {
    for (name, kind, columns) in kinds(9) {
        let rows = rows_of(&columns);
        if evidence(name, &rows).is_nan() {
            continue;
        }
        for weights in weight_kinds() {
            let exact = enumerated(name, &rows, weights);
            for labels in [[0, 0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 0, 1, 0, 1, 0, 1, 0]] {
                let bound = fitted_bound(&rows, &kind, weights, labels.to_vec(), 2);
                assert!(bound <= exact + 1e-9, "{name}, {weights:?}: {bound} above {exact}");
                assert!(bound > exact - 8.0, "{name}, {weights:?}: {bound} far below {exact}");
            }
        }
    }
}

#[test]
fn the_bound_is_close_where_clusters_are_far_apart() {
    let z = noise(11, 20);
    let rate = |i: usize| -> f64 { if i < 5 { 2.0 } else { 300.0 } };
    let rows: Vec<Vec<f64>> =
        (0..10).map(|i| (0..2).map(|j| (rate(i) + rate(i).sqrt() * z[2 * i + j]).max(0.0).round()).collect()).collect();
    let labels = (0..10).map(|i| u32::from(i >= 5)).collect();
    let kind = Kind::from(PoissonColumns::new(2, 2.0, 0.3).expect("a prior"));
    let weights = Weights::dirichlet(0.4);
    let (bound, exact) = (fitted_bound(&rows, &kind, weights, labels, 2), enumerated("poisson", &rows, weights));
    assert!((exact - bound - 2.0_f64.ln()).abs() < 1e-6, "{bound} for {exact}");
}

/// A missing cell becomes a latent; the evidence of the rest is an integral over it, done here by the trapezium rule.
#[test]
fn a_missing_cell_costs_little_of_the_bound() {
    let mut rows = rows_of(&clusters(12));
    let step = 0.05;
    let terms = (-800..800).map(|i| {
        rows[4][1] = step * f64::from(i);
        wishart_evidence(&rows)
    });
    let exact = terms.map(f64::exp).sum::<f64>().ln() + f64::ln(step);
    rows[4][1] = f64::NAN;
    let bound = fitted_bound(&rows, &FullGaussian::new(wishart()).into(), Weights::dirichlet(1.0), vec![0; 12], 1);
    assert!(bound <= exact && exact - bound < 0.2, "{bound} for {exact}");
}
