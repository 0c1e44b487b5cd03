//! Whole fits: what they cost, the verdict, and the shared latents beside their moments by quadrature.

use std::time::Instant;

use jensen::{Fit, Fitted};
use rayon::prelude::*;

use jensen::model::Model;

use super::models::{Counts, Groups, Level, Marginal, Volatility};

/// Gauss and Hermite's rule of seven nodes for a standard normal.
const NODES: [(f64, f64); 7] = [
    (-3.750_439_717_725_742, 0.000_548_268_855_972_217),
    (-2.366_759_410_734_541, 0.030_757_123_967_586_5),
    (-1.154_405_394_739_968, 0.240_123_178_605_012_5),
    (0.0, 16.0 / 35.0),
    (1.154_405_394_739_968, 0.240_123_178_605_012_5),
    (2.366_759_410_734_541, 0.030_757_123_967_586_5),
    (3.750_439_717_725_742, 0.000_548_268_855_972_217),
];

/// `log p(x, g)` at unconstrained shared latents.
type LogMarginal<'a> = dyn Fn(&[f64]) -> f64 + Sync + 'a;

/// Mean and standard deviation of each shared latent by a grid of nodes around a first guess, and again around what that gives.
fn truth(log_marginal: &LogMarginal, first: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let k = first.len();
    let mut found = first.to_vec();
    for round in 0..4 {
        // Wider at first, so that what the guess is off by is seen.
        let stretch = if round < 2 { 1.6 } else { 1.15 };
        let points: Vec<(f64, Vec<f64>)> = (0..7usize.pow(k as u32))
            .into_par_iter()
            .map(|number| {
                let (mut rest, mut ln_w, mut g) = (number, 0.0, Vec::new());
                for (m, sd) in &found {
                    let (x, w) = NODES[rest % 7];
                    rest /= 7;
                    ln_w += w.ln() + 0.5 * x * x;
                    g.push(m + stretch * sd * x);
                }
                (ln_w + log_marginal(&g), g)
            })
            .collect();
        let most = points.iter().fold(f64::NEG_INFINITY, |m, p| m.max(p.0));
        let total: f64 = points.iter().map(|p| (p.0 - most).exp()).sum();
        let mean_of =
            |f: &dyn Fn(&[f64]) -> f64| points.iter().map(|p| (p.0 - most).exp() * f(&p.1)).sum::<f64>() / total;
        found = (0..k)
            .map(|i| {
                let mean = mean_of(&|g| g[i]);
                (mean, mean_of(&|g| (g[i] - mean).powi(2)).sqrt())
            })
            .collect();
    }
    found
}

fn show(name: &str, n: usize, model: &impl Model, log_marginal: Option<&LogMarginal>) {
    let begun = Instant::now();
    let fitted: Fitted = Fit::new(model).run().expect("a fit");
    let seconds = begun.elapsed().as_secs_f64();
    let of_verdict = fitted.evidence().integrated.as_ref().map_or(0, |i| i.evaluations);
    println!(
        "{name} {n}: {}, {} evaluations, {of_verdict} of them of the shared latents' weights, {seconds:.1} s",
        fitted.verdict().trust,
        fitted.evaluations
    );
    println!("{}", fitted.tried);
    println!("{}", fitted.verdict());
    println!("{}", fitted.bound().report(f64::NAN));
    if let Some(integrated) = &fitted.evidence().integrated {
        println!("{integrated:?}");
    }
    let Some(family) = fitted.family.conditional() else {
        println!("no conditional Gaussian");
        return;
    };
    let q = family.shared_moments(&fitted.solution.params);
    let names = fitted.posterior.layout().latent_names();
    let truth = log_marginal.map(|log_marginal| truth(log_marginal, &q));
    for (at, (&k, q)) in family.shared().iter().zip(&q).enumerate() {
        print!("  {}: mean {:.4}, sd {:.4}", names[k], q.0, q.1);
        if let Some(truth) = &truth {
            let (mean, sd) = truth[at];
            print!("; by quadrature {mean:.4}, {sd:.4}: off by {:+.3} sd, ratio {:.3}", (q.0 - mean) / sd, q.1 / sd);
        }
        println!();
    }
}

fn with_truth(name: &str, n: usize, model: &(impl Marginal + Sync)) {
    show(name, n, model, Some(&|g: &[f64]| model.log_marginal(g)));
}

pub fn one(name: &str, n: usize) {
    match name {
        "gauss" => with_truth(name, n, &Groups::new(n, 5, false)),
        "logit" => with_truth(name, n, &Groups::new(n, 10, true)),
        "overdispersed" => with_truth(name, n, &Counts::new(n)),
        "level" => with_truth(name, n, &Level::new(n, None)),
        "volatility" => show(name, n, &Volatility::new(n), None),
        other => println!("no model is called {other}"),
    }
}
