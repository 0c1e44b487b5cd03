//! Models whose log evidence is known in closed form or by quadrature.

use super::{Case, Truth};
use jensen::model::{Model, model};
use jensen::prelude::*;
use std::f64::consts::PI;

pub fn cases() -> Vec<Case> {
    vec![
        beta_binomial(3, 20),
        beta_binomial(0, 5),
        gamma_poisson(),
        exponential_rate(),
        normal_mean(),
        normal_inverse_gamma(),
        Case {
            name: "eight-schools".into(),
            model: Box::new(super::Shared("eight-schools".into())),
            // By quadrature over mu and tau, the effects integrated out.
            truth: Truth { log_evidence: Some(-31.311_347), ..Truth::default() },
        },
        // By long runs of annealed importance sampling, known to 0.003.
        breast_cancer(-55.217),
    ]
}

/// Logistic regression of 569 tumours on an intercept and 30 standardised measurements, weights ~ N(0, 1).
fn breast_cancer(log_evidence: f64) -> Case {
    let text = include_str!("../../data/breast_cancer.csv");
    let rows: Vec<Vec<f64>> =
        text.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    let (n, d) = (rows.len(), rows[0].len());
    let moments: Vec<(f64, f64)> = (1..d)
        .map(|k| {
            let mean = rows.iter().map(|row| row[k]).sum::<f64>() / n as f64;
            (mean, (rows.iter().map(|row| (row[k] - mean).powi(2)).sum::<f64>() / n as f64).sqrt())
        })
        .collect();
    let y = Column::new(rows.iter().map(|row| row[0]).collect::<Vec<_>>());
    let x: Vec<f64> = rows
        .iter()
        .flat_map(|row| std::iter::once(1.0).chain((1..d).map(|k| (row[k] - moments[k - 1].0) / moments[k - 1].1)))
        .collect();
    let x = Matrix::new(x, d).unwrap();
    let model = model(move |p| {
        let w = p.draws("w", normal(0.0, 1.0), d);
        p.rows(n, |i| i.observe(y.at(i), bernoulli_logit(x.at(i).dot(&w))));
    });
    let truth = Truth { log_evidence: Some(log_evidence), ..Truth::default() };
    Case { name: "breast-cancer".into(), model: Box::new(model), truth }
}

/// `ln gamma(n)` of a whole number.
fn ln_gamma(n: f64) -> f64 {
    (1..n as u32).map(|k| f64::from(k).ln()).sum()
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// A model of one latent with its exact moments.
fn case(name: &str, model: impl Model + Send + 'static, latent: &str, moments: [f64; 2], log_evidence: f64) -> Case {
    let truth = Truth {
        names: vec![latent.into()],
        mean: vec![moments[0]],
        sd: vec![moments[1]],
        log_evidence: Some(log_evidence),
    };
    Case { name: name.into(), model: Box::new(model), truth }
}

fn beta_binomial(heads: u32, n: u32) -> Case {
    let (a, b) = (1.0 + f64::from(heads), 1.0 + f64::from(n - heads));
    let (mean, sd) = (a / (a + b), (a * b / ((a + b).powi(2) * (a + b + 1.0))).sqrt());
    let ln_choose = -ln_beta(a, b) - f64::from(n + 1).ln();
    let coin = model(move |p| {
        let t = p.draw("t", beta(1.0, 1.0));
        p.observe(f64::from(heads), binomial(n, t));
    });
    case(&format!("beta-binomial-{heads}-of-{n}"), coin, "t", [mean, sd], ln_choose + ln_beta(a, b))
}

/// rate ~ gamma(2, 1), three counts.
fn gamma_poisson() -> Case {
    let counts = [1.0, 4.0, 2.0];
    let (shape, rate) = (2.0 + counts.iter().sum::<f64>(), 1.0 + 3.0f64);
    let ln_factorials: f64 = counts.iter().map(|k| ln_gamma(k + 1.0)).sum();
    let evidence = ln_gamma(shape) - shape * rate.ln() - ln_gamma(2.0) - ln_factorials;
    let column = Column::new(counts);
    let of = model(move |p| {
        let rate = p.draw("rate", gamma(2.0, 1.0));
        p.rows(3, |i| i.observe(column.at(i), poisson(rate)));
    });
    case("gamma-poisson", of, "rate", [shape / rate, shape.sqrt() / rate], evidence)
}

/// rate ~ gamma(1, 1), two exponential times.
fn exponential_rate() -> Case {
    let times = [0.3, 2.1];
    let (shape, rate) = (1.0 + 2.0f64, 1.0 + times.iter().sum::<f64>());
    let column = Column::new(times);
    let of = model(move |p| {
        let rate = p.draw("rate", gamma(1.0, 1.0));
        p.rows(2, |i| i.observe(column.at(i), exponential(rate)));
    });
    case("exponential-rate", of, "rate", [shape / rate, shape.sqrt() / rate], ln_gamma(shape) - shape * rate.ln())
}

/// q holds the posterior.
fn normal_mean() -> Case {
    let of = model(|p| {
        let mu = p.draw("mu", normal(0.0, 2.0));
        p.observe(1.5, normal(mu, 1.0));
    });
    case("normal-mean", of, "mu", [1.2, 0.8f64.sqrt()], -0.5 * ((2.0 * PI * 5.0).ln() + 2.25 / 5.0))
}

/// precision ~ gamma(2, 3), four values about zero.
fn normal_inverse_gamma() -> Case {
    let y = [0.4, -1.9, 2.2, 0.7];
    let (a, b) = (2.0 + 2.0, 3.0 + 0.5 * y.iter().map(|y| y * y).sum::<f64>());
    let evidence = -2.0 * (2.0 * PI).ln() + 2.0 * 3f64.ln() - ln_gamma(2.0) + ln_gamma(a) - a * f64::ln(b);
    let column = Column::new(y);
    let of = model(move |p| {
        let precision = p.draw("precision", gamma(2.0, 3.0));
        p.rows(4, |i| i.observe(column.at(i), normal(0.0, 1.0 / precision.sqrt())));
    });
    case("normal-precision", of, "precision", [a / b, f64::sqrt(a) / b], evidence)
}
