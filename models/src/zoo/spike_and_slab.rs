//! Regression with a spike and a slab (George and McCulloch 1993; Kuo and Mallick 1998), on standardised columns:
//! each feature is in or out.
//!
//! ```text
//! alpha ~ N(0, 1)    sigma ~ half-normal(1)    in_k ~ Bernoulli(1/2)    slab_k ~ N(0, 1/2)
//! beta_k = in_k slab_k    y_i ~ N(alpha + x_i . beta, sigma)
//! ```

use super::build::Collinear;
use super::{BuildError, Built, Input};
use jensen::prelude::*;

/// A real response explained by some of its features.
#[derive(Debug, Clone)]
pub struct SpikeAndSlab {
    /// The features, standardised.
    pub x: Matrix,
    /// The response, standardised.
    pub y: Column,
    /// A name for each feature.
    pub names: Vec<String>,
}

impl Model for SpikeAndSlab {
    fn log_joint(&self, p: &LogJoint) {
        let alpha = p.draw("alpha", normal(0.0, 1.0));
        let sigma = p.draw("sigma", half_normal(1.0));
        let slab = p.draws("slab", normal(0.0, 0.5), self.names.len());
        let inside = self.names.iter().map(|name| p.draw_integer(&format!("in_{name}"), bernoulli(0.5)).to_real());
        let inside = Vector::new(&inside.collect::<Vec<_>>());
        let beta = slab.zip(&inside, |slab, inside| inside * slab);
        p.derive("beta", beta);
        p.rows(self.y.len(), |i| i.observe(self.y.at(i), normal(alpha + self.x.at(i).dot(&beta), sigma)));
    }
}

impl SpikeAndSlab {
    /// The model of `--response` on `--features`, which may be collinear or more than the rows.
    ///
    /// # Errors
    /// Everything else a regression's data can have wrong.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let data = input.design(Collinear::Allowed)?;
        let names = data.features();
        let built = data.built(SpikeAndSlab { x: data.x.clone(), y: data.y.clone(), names: names.clone() });
        Ok(built.label("slab", names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::find;
    use crate::zoo::build::DataOptions;
    use jensen::diagnose::verdict::Trust;
    use jensen::{Fit, IntegerChoice};

    /// `ln |m|` and `b' m^-1 b` of a symmetric positive definite `m`, by elimination.
    fn ln_det_and_square(mut m: Vec<Vec<f64>>, mut b: Vec<f64>) -> (f64, f64) {
        let (n, mut ln_det, mut square) = (b.len(), 0.0, 0.0);
        for k in 0..n {
            let pivot = m[k][k];
            ln_det += pivot.ln();
            square += b[k] * b[k] / pivot;
            let (above, below) = m.split_at_mut(k + 1);
            for (row, i) in below.iter_mut().zip(k + 1..) {
                let share = row[k] / pivot;
                row.iter_mut().zip(&above[k]).skip(k).for_each(|(x, p)| *x -= share * p);
                b[i] -= share * b[k];
            }
        }
        (ln_det, square)
    }

    /// The posterior of every set of features: coefficients in closed form, sigma by the midpoint rule.
    fn shares(x: &[f64], y: &[f64], num: usize) -> Vec<f64> {
        let n = y.len();
        let columns: Vec<Vec<f64>> =
            std::iter::once(vec![1.0; n]).chain((0..num).map(|k| (0..n).map(|i| x[i * num + k]).collect())).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let gram: Vec<Vec<f64>> = columns.iter().map(|a| columns.iter().map(|b| dot(a, b)).collect()).collect();
        let with_y: Vec<f64> = columns.iter().map(|a| dot(a, y)).collect();
        let evidence = |set: usize| {
            let kept: Vec<usize> = (0..=num).filter(|k| *k == 0 || set >> (k - 1) & 1 == 1).collect();
            let precision = |k: usize| if k == 0 { 1.0 } else { 4.0 };
            let at = |sigma: f64| {
                let s2 = sigma * sigma;
                let prior = |i: usize, j: usize| if i == j { precision(i) } else { 0.0 };
                let row = |i: &usize| kept.iter().map(|j| gram[*i][*j] / s2 + prior(*i, *j)).collect::<Vec<f64>>();
                let b: Vec<f64> = kept.iter().map(|k| with_y[*k] / s2).collect();
                let (ln_det, square) = ln_det_and_square(kept.iter().map(row).collect(), b);
                let ln_prior: f64 = kept.iter().map(|k| precision(*k).ln()).sum();
                0.5 * (square - dot(y, y) / s2 - ln_det + ln_prior - s2) - n as f64 * sigma.ln()
            };
            let values: Vec<f64> = (0..35).map(|k| at(0.605 + 0.01 * f64::from(k))).collect();
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            most + values.iter().map(|v| (v - most).exp()).sum::<f64>().ln()
        };
        let all: Vec<f64> = (0..1 << num).map(evidence).collect();
        let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = all.iter().map(|e| (e - most).exp()).sum();
        all.iter().map(|e| (e - most).exp() / total).collect()
    }

    /// The example, and its design as plain numbers.
    fn example() -> (SpikeAndSlab, Vec<f64>, Vec<f64>) {
        let entry = find("spike-and-slab").unwrap();
        let table = entry.table().unwrap();
        let options = DataOptions { response: Some("progression".into()), ..DataOptions::default() };
        let input = Input { table: &table, options: &options, embedded: true };
        let data = input.design(Collinear::Allowed).unwrap();
        let names = data.features();
        (SpikeAndSlab { x: data.x.clone(), y: data.y.clone(), names }, data.design.features, data.design.response)
    }

    /// Two of six runs agree, importance weights look good, and enumeration says that the features' probabilities are far off: no draw
    /// of q has both features of a collinear pair, since the slab of the one that is out is as wide as its prior.
    #[test]
    fn a_posterior_of_many_sets_is_not_trusted_however_many_runs_agree() {
        let (model, x, y) = example();
        let shares = shares(&x, &y, model.names.len());
        let names = model.names.clone();
        // The figures of docs/notebook/estimators.md.
        let inside = |name: &str| {
            let k = names.iter().position(|n| n == name).unwrap();
            (0..shares.len()).filter(|set| set >> k & 1 == 1).map(|set| shares[set]).sum::<f64>()
        };
        for (name, share) in [("sex", 0.985), ("s1", 0.691), ("s2", 0.483), ("s3", 0.536)] {
            assert!((inside(name) - share).abs() < 1e-3, "{name}: {}", inside(name));
        }
        let fitted = Fit::new(&model).integers(IntegerChoice::Categorical).restarts(1).run().unwrap();
        let found = fitted.draws("in_s1").unwrap();
        assert!(found.iter().sum::<f64>() < 0.01 * found.len() as f64, "q has no s1");
        let verdict = fitted.verdict();
        assert_eq!(verdict.trust, Trust::DoNotTrust, "{verdict}");
        let reason = verdict.reasons.iter().find(|reason| reason.contains("q gives in_s"));
        let reason = reason.unwrap_or_else(|| panic!("{verdict}"));
        // Of the set q is in and its neighbours with one feature more or less: what the reason says.
        let own = (0..names.len()).filter(|k| fitted.draws(&format!("in_{}", names[*k])).unwrap()[0] == 1.0);
        let own: usize = own.map(|k| 1 << k).sum();
        let share = |k: usize| shares[own ^ (1 << k)] / (shares[own] + shares[own ^ (1 << k)]);
        let most = (0..names.len()).map(share).fold(0.0, f64::max);
        assert!(reason.contains(&format!("{:.0} %", 100.0 * most)), "{most}: {verdict}");
    }

    /// A Gaussian for each set of features knows the probability of each.
    #[test]
    #[ignore = "half a minute"]
    fn every_set_of_features_has_its_share() {
        let (model, x, y) = example();
        let shares = shares(&x, &y, model.names.len());
        let fitted = Fit::new(&model).seed(1).run().unwrap();
        assert_eq!(fitted.verdict().trust, Trust::Trust, "{fitted}");
        for (k, name) in model.names.iter().enumerate() {
            let exact: f64 = (0..shares.len()).filter(|set| set >> k & 1 == 1).map(|set| shares[set]).sum();
            let line = fitted.summary().into_iter().find(|line| line.name == format!("in_{name}")).unwrap();
            assert!((line.mean - exact).abs() < (4.0 * line.mcse).max(0.005), "{line:?}, exactly {exact}");
        }
    }
}
