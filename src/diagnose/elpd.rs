//! Models of the same rows compared by what they predict: differences of elpd, and stacking weights.

use serde::{Deserialize, Serialize};

use crate::numerics::{cholesky, solve_lower, solve_lower_transposed};
use crate::posterior::Loo;
use crate::posterior::statistics::sd;

/// How one model predicts, beside the best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ElpdDifference {
    /// Place of the model among those that were given.
    pub model: usize,
    /// Expected log density of a row that was left out, summed over the rows.
    #[serde(with = "crate::number")]
    pub elpd: f64,
    /// Its standard error.
    #[serde(with = "crate::number")]
    pub elpd_se: f64,
    /// `elpd` less that of the best model.
    #[serde(with = "crate::number")]
    pub difference: f64,
    /// The standard error of the difference, row by row: `sqrt(n) sd(differences of the rows)`; NaN for a single row.
    #[serde(with = "crate::number")]
    pub difference_se: f64,
    /// Rows whose share of `elpd` cannot be relied on.
    pub num_unreliable: usize,
    /// The model's weight in the mixture of all that predicts best, by stacking.
    #[serde(with = "crate::number")]
    pub weight: f64,
}

/// Elpds that cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElpdError {
    /// There is nothing to compare.
    #[error("models to compare: {found} given, expected at least 2")]
    TooFew {
        /// Number of models given.
        found: usize,
    },
    /// The models are of different rows.
    #[error("model {model} has {found} rows and the first {expected}; fit all models to the same rows")]
    Rows {
        /// Place of the model.
        model: usize,
        /// Its number of rows.
        found: usize,
        /// That of the first.
        expected: usize,
    },
    /// A row has no log density under a model.
    #[error(
        "model {model} gives row {row} the log density {value}, expected a number; look for draws that rule the row out"
    )]
    NotFinite {
        /// Place of the model.
        model: usize,
        /// Number of the row.
        row: usize,
        /// What was found, in words.
        value: String,
    },
}

/// Compares models of the same rows, the best first.
///
/// Rows must be the same and in the same order, and their values in the same units: that is for the caller to see to.
///
/// # Errors
/// Fewer than two models, other numbers of rows, or shares of a row that are not finite.
///
/// *Source*: Vehtari, Gelman and Gabry (2017), section 5, for differences; [`stacking_weights`] for weights.
///
/// ```
/// use jensen::diagnose::compare_elpd;
/// use jensen::prelude::*;
///
/// let y = Column::new([1.1, 0.8, 1.3, 0.7, 1.2, 0.9]);
/// let loo = |sd: f64| {
///     let y = y.clone();
///     jensen::fit(&model(move |p| {
///         let mu = p.draw("mu", normal(0.0, 2.0));
///         p.rows(6, |i| i.observe(y.at(i), normal(mu, sd)));
///     }))?
///     .loo()
/// };
/// let compared = compare_elpd(&[&loo(5.0)?, &loo(0.25)?])?;
/// assert_eq!(compared[0].model, 1);
/// assert!(compared[1].difference < -2.0 * compared[1].difference_se && compared[0].weight > 0.99);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compare_elpd(models: &[&Loo]) -> Result<Vec<ElpdDifference>, ElpdError> {
    let rows: Vec<&[f64]> = models.iter().map(|loo| &loo.pointwise[..]).collect();
    let weights = stacking_weights(&rows)?;
    let elpd = |model: usize| models[model].elpd;
    let mut order: Vec<usize> = (0..models.len()).collect();
    order.sort_by(|&a, &b| elpd(b).total_cmp(&elpd(a)));
    let best = order[0];
    let of = |&model: &usize| {
        let differences: Vec<f64> = rows[model].iter().zip(rows[best]).map(|(a, b)| a - b).collect();
        let difference_se = if model == best { 0.0 } else { sd(&differences) * (differences.len() as f64).sqrt() };
        ElpdDifference {
            model,
            elpd: elpd(model),
            elpd_se: models[model].elpd_se,
            difference: elpd(model) - elpd(best),
            difference_se,
            num_unreliable: models[model].unreliable().len(),
            weight: weights[model],
        }
    };
    Ok(order.iter().map(of).collect())
}

/// Steps at most: Newton's take some ten.
const MOST_STEPS: usize = 2000;
/// Nats a row that the weights may fall short of the best.
const ENOUGH: f64 = 1e-9;

/// Weights of the mixture of models that predicts best: they maximise `sum_i ln sum_k w_k exp(l_ik)` on the simplex, with the
/// log density `l_ik` of row i, left out, under model k.
///
/// The mean log score is within `1e-9` nats a row of the largest. With `g_k` the mean over rows of `exp(l_ik)` over the
/// mixture's density, it falls short by at most `max_k g_k - 1`, and by nothing where `g_k = 1` for weights above zero and
/// `g_k <= 1` elsewhere.
///
/// # Errors
/// As [`compare_elpd`].
///
/// *Source*: Yao, Vehtari, Simpson and Gelman (2018), Using stacking to average Bayesian predictive distributions. The
/// optimisation is projected Newton (Bertsekas 1982) on `sum_k w_k - mean_i ln sum_k w_k p_ik` over `w >= 0`, whose minimum
/// has a sum of one, as by Kim, Carbonetto, Stephens and Anitescu (2020), with a multiplicative step where that does not gain.
pub fn stacking_weights(models: &[&[f64]]) -> Result<Vec<f64>, ElpdError> {
    check(models)?;
    let mixture = Mixture::new(models);
    let k = models.len();
    let mut w = vec![1.0 / k as f64; k];
    for _ in 0..MOST_STEPS {
        let densities = mixture.densities(&w);
        let gains = mixture.gains(&densities);
        if gains.iter().copied().fold(f64::NEG_INFINITY, f64::max) - 1.0 <= ENOUGH {
            break;
        }
        w = match mixture.newton(&w, &densities, &gains) {
            Some(better) => better,
            None => w.iter().zip(&gains).map(|(w, g)| w * g).collect(),
        };
        let total: f64 = w.iter().sum();
        w.iter_mut().for_each(|w| *w /= total);
    }
    Ok(w)
}

fn check(models: &[&[f64]]) -> Result<(), ElpdError> {
    let [first, _, ..] = models else { return Err(ElpdError::TooFew { found: models.len() }) };
    for (model, rows) in models.iter().enumerate() {
        if rows.len() != first.len() || rows.is_empty() {
            return Err(ElpdError::Rows { model, found: rows.len(), expected: first.len() });
        }
        if let Some(row) = rows.iter().position(|l| !l.is_finite()) {
            return Err(ElpdError::NotFinite { model, row, value: rows[row].to_string() });
        }
    }
    Ok(())
}

/// Densities of rows under models, each row in units of its largest.
struct Mixture {
    /// `[row][model]`
    p: Vec<f64>,
    k: usize,
    n: f64,
}

impl Mixture {
    fn new(models: &[&[f64]]) -> Mixture {
        let (k, n) = (models.len(), models[0].len());
        let mut p = Vec::with_capacity(k * n);
        for row in 0..n {
            let largest = models.iter().map(|l| l[row]).fold(f64::NEG_INFINITY, f64::max);
            p.extend(models.iter().map(|l| (l[row] - largest).exp()));
        }
        Mixture { p, k, n: n as f64 }
    }

    fn densities(&self, w: &[f64]) -> Vec<f64> {
        self.p.chunks_exact(self.k).map(|p| p.iter().zip(w).map(|(p, w)| p * w).sum()).collect()
    }

    /// The mean of each model's density over the mixture's.
    fn gains(&self, densities: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.k];
        for (p, m) in self.p.chunks_exact(self.k).zip(densities) {
            out.iter_mut().zip(p).for_each(|(g, p)| *g += p / m / self.n);
        }
        out
    }

    /// `sum_k w_k - mean_i ln sum_k w_k p_ik`, to be made small.
    fn height(&self, w: &[f64]) -> f64 {
        w.iter().sum::<f64>() - self.densities(w).iter().map(|m| m.ln()).sum::<f64>() / self.n
    }

    /// A step of projected Newton, where one gains.
    fn newton(&self, w: &[f64], densities: &[f64], gains: &[f64]) -> Option<Vec<f64>> {
        const AT_ZERO: f64 = 1e-12;
        let free: Vec<usize> = (0..self.k).filter(|&k| w[k] > AT_ZERO || gains[k] > 1.0).collect();
        let d = free.len();
        let mut curvature = vec![0.0; d * d];
        for (p, m) in self.p.chunks_exact(self.k).zip(densities) {
            for (a, &i) in free.iter().enumerate() {
                for (b, &j) in free.iter().enumerate() {
                    curvature[a * d + b] += p[i] * p[j] / (m * m) / self.n;
                }
            }
        }
        // Models that predict alike have a flat direction.
        let trace: f64 = (0..d).map(|a| curvature[a * d + a]).sum();
        (0..d).for_each(|a| curvature[a * d + a] += 1e-10 * trace);
        let mut step: Vec<f64> = free.iter().map(|&k| gains[k] - 1.0).collect();
        if !cholesky(&mut curvature, d) {
            return None;
        }
        solve_lower(d, &curvature, &mut step);
        solve_lower_transposed(d, &curvature, &mut step);
        let height = self.height(w);
        let mut length = 1.0;
        for _ in 0..40 {
            let mut trial: Vec<f64> = w.iter().map(|w| if *w > AT_ZERO { *w } else { 0.0 }).collect();
            free.iter().zip(&step).for_each(|(&k, s)| trial[k] = (w[k] + length * s).max(0.0));
            let promised: f64 = (0..self.k).map(|k| (1.0 - gains[k]) * (trial[k] - w[k])).sum();
            // A density of zero gives an infinite height, which is no gain.
            if promised < 0.0 && self.height(&trial) <= height + 1e-4 * promised {
                return Some(trial);
            }
            length *= 0.5;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::Streams;

    /// The optimality conditions on the simplex, from the log densities themselves.
    #[track_caller]
    fn expect_optimal(models: &[&[f64]], w: &[f64]) {
        assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-12 && w.iter().all(|w| *w >= 0.0), "{w:?}");
        let n = models[0].len();
        let mix = |i: usize| -> f64 { models.iter().zip(w).map(|(l, w)| w * l[i].exp()).sum() };
        for (k, l) in models.iter().enumerate() {
            let gain = (0..n).map(|i| l[i].exp() / mix(i)).sum::<f64>() / n as f64;
            // What falls short by 1e-9 nats in height has a slope off by its root at most, for curvatures of order 1.
            assert!(gain < 1.0 + 1e-8, "model {k}: gain {gain}, weights {w:?}");
            assert!(w[k] < 1e-6 || gain > 1.0 - 1e-4, "model {k}: gain {gain}, weights {w:?}");
        }
    }

    #[test]
    fn weights_satisfy_the_conditions_of_an_optimum() {
        for (seed, k, n, spread) in
            [(1, 2, 50, 0.3), (2, 5, 200, 1.0), (3, 8, 30, 3.0), (4, 3, 4000, 0.05), (5, 12, 15, 10.0)]
        {
            let mut noise = vec![0.0; k * n];
            Streams::new(seed).fill_normal(1, &mut noise);
            noise.iter_mut().for_each(|l| *l = -2.0 + spread * *l);
            let models: Vec<&[f64]> = noise.chunks_exact(n).collect();
            expect_optimal(&models, &stacking_weights(&models).expect("weights"));
        }
    }

    #[test]
    fn two_models_that_are_each_right_about_some_rows_share_by_count() {
        // Where a model has density 1 on its own rows and 0 (e^-700) elsewhere, the weights are the shares of the rows.
        let first: Vec<f64> = (0..10).map(|i| if i < 7 { 0.0 } else { -700.0 }).collect();
        let second: Vec<f64> = (0..10).map(|i| if i < 7 { -700.0 } else { 0.0 }).collect();
        let w = stacking_weights(&[&first, &second]).expect("weights");
        assert!((w[0] - 0.7).abs() < 1e-6, "{w:?}");
    }

    #[test]
    fn a_model_that_is_better_everywhere_takes_all() {
        let (good, bad) = ([-1.0; 20], [-1.5; 20]);
        let w = stacking_weights(&[&bad, &good, &bad]).expect("weights");
        assert!(w[1] > 1.0 - 1e-8, "{w:?}");
        // Two copies of one model: any split is best.
        let halves = stacking_weights(&[&good, &good]).expect("weights");
        assert!((halves[0] + halves[1] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn differences_are_paired_by_row() {
        let loo = |pointwise: &[f64], k_hat: f64| Loo {
            elpd: pointwise.iter().sum(),
            elpd_se: 9.0,
            num_effective: 1.0,
            pointwise: pointwise.to_vec(),
            k_hat: vec![k_hat; pointwise.len()],
            threshold: 0.7,
        };
        let (a, b) = (loo(&[-1.0, -20.0, -3.0], 0.1), loo(&[-1.5, -20.1, -3.9], 0.9));
        let found = compare_elpd(&[&b, &a]).expect("compared");
        assert_eq!((found[0].model, found[0].difference, found[0].difference_se), (1, 0.0, 0.0));
        assert_eq!((found[1].model, found[1].num_unreliable), (0, 3));
        assert!((found[1].difference + 1.5).abs() < 1e-12);
        // Differences -0.5, -0.1, -0.9: mean -0.5, variance 0.16.
        assert!((found[1].difference_se - 3f64.sqrt() * 0.4).abs() < 1e-12);
        assert!(compare_elpd(&[&loo(&[-1.0], 0.1), &loo(&[-2.0], 0.1)]).expect("one row")[1].difference_se.is_nan());
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let words = |models: &[&[f64]]| stacking_weights(models).expect_err("refused").to_string();
        assert_eq!(words(&[&[1.0]]), "models to compare: 1 given, expected at least 2");
        assert!(words(&[&[1.0, 2.0], &[1.0]]).contains("model 1 has 1 rows and the first 2"));
        assert!(words(&[&[], &[]]).contains("0 rows"));
        assert!(words(&[&[1.0, 2.0], &[1.0, f64::NEG_INFINITY]]).contains("model 1 gives row 1 the log density -inf"));
    }
}
