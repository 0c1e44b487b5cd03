//! [`BaselineDensity`]: what the test rows are worth without a network.

use super::architecture::{Autoencoder, Batch};
use super::measure::Mean;
use crate::layers::Likelihood;
use crate::numerics::{LN_2_PI, mean_and_standard_error};
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Columns up to which principal components are looked for: their time is the cube.
const MOST_COLUMNS: usize = 1000;

/// A model without a network, fitted to the training rows by maximum likelihood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BaselineModel {
    /// Every column by itself: what a decoder gives that does not read its code. Of real numbers with one standard
    /// deviation for all columns, as the autoencoder has.
    IndependentColumns,
    /// Probabilistic principal components, as many as the autoencoder has latents.
    ///
    /// *Source*: Tipping and Bishop 1999, equations 7 and 8.
    PrincipalComponents,
}

/// The mean log density of the test rows under such a model, in nats a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BaselineDensity {
    /// The model.
    pub model: BaselineModel,
    /// Its mean log density of a test row.
    pub log_p: Mean,
}

impl fmt::Display for BaselineModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BaselineModel::IndependentColumns => "columns that are independent of one another",
            BaselineModel::PrincipalComponents => "probabilistic principal components, as many as latents,",
        })
    }
}

/// Those that suit the likelihood, of these rows.
pub(super) fn baselines(autoencoder: &Autoencoder, train: Batch, test: Batch) -> Vec<BaselineDensity> {
    let columns = autoencoder.num_columns;
    let of = |model, each: Vec<f64>| {
        let (mean, se) = mean_and_standard_error(&each);
        BaselineDensity { model, log_p: Mean { mean, se } }
    };
    let levels = match autoencoder.likelihood {
        Likelihood::Gaussian => {
            let (alone, components) = gaussian(train.values, test.values, columns, autoencoder.num_latents);
            let alone = of(BaselineModel::IndependentColumns, alone);
            let components = components.map(|each| of(BaselineModel::PrincipalComponents, each));
            return std::iter::once(alone).chain(components).collect();
        }
        Likelihood::Bernoulli => 2,
        Likelihood::Categorical { levels } => levels,
    };
    vec![of(BaselineModel::IndependentColumns, frequencies(train.values, test.values, columns, levels))]
}

/// Log probability of each test row by the frequencies of each column's categories, half a row added to each.
fn frequencies(train: &[f64], test: &[f64], columns: usize, levels: usize) -> Vec<f64> {
    let n = (train.len() / columns) as f64;
    let mut counts = vec![0.5; columns * levels];
    for row in train.chunks_exact(columns) {
        row.iter().enumerate().for_each(|(c, x)| counts[c * levels + *x as usize] += 1.0);
    }
    let total = n + 0.5 * levels as f64;
    let of_cell = |(c, x): (usize, &f64)| (counts[c * levels + *x as usize] / total).ln();
    test.chunks_exact(columns).map(|row| row.iter().enumerate().map(of_cell).sum()).collect()
}

/// Log density of each test row under independent normals of one standard deviation, and under `latents` principal
/// components, where there are fewer than columns and what they leave varies.
fn gaussian(train: &[f64], test: &[f64], columns: usize, latents: usize) -> (Vec<f64>, Option<Vec<f64>>) {
    let n = train.len() / columns;
    let mean = DVector::from_fn(columns, |c, _| train.iter().skip(c).step_by(columns).sum::<f64>() / n as f64);
    let centred =
        |rows: &[f64]| DMatrix::from_fn(columns, rows.len() / columns, |c, r| rows[r * columns + c] - mean[c]);
    let (train, test) = (centred(train), centred(test));
    let log_density = |variances: &[f64], rest: f64, scores: Option<&DMatrix<f64>>| -> Vec<f64> {
        let num_rest = (columns - variances.len()) as f64;
        let constant = columns as f64 * LN_2_PI + variances.iter().map(|v| v.ln()).sum::<f64>() + num_rest * rest.ln();
        let of_row = |r: usize| {
            let scores: Vec<f64> = scores.map_or(Vec::new(), |s| s.column(r).iter().copied().collect());
            let left = test.column(r).norm_squared() - scores.iter().map(|s| s * s).sum::<f64>();
            let inside: f64 = scores.iter().zip(variances).map(|(s, v)| s * s / v).sum();
            -0.5 * (constant + inside + left / rest)
        };
        (0..test.ncols()).map(of_row).collect()
    };
    let alone = log_density(&[], train.norm_squared() / (n * columns) as f64, None);
    if latents == 0 || latents >= columns || columns > MOST_COLUMNS || n < 2 {
        return (alone, None);
    }
    let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(&train * train.transpose() / n as f64);
    let mut order: Vec<usize> = (0..columns).collect();
    order.sort_by(|&a, &b| eigenvalues[b].total_cmp(&eigenvalues[a]));
    let (first, last) = order.split_at(latents);
    let rest = last.iter().map(|&k| eigenvalues[k].max(0.0)).sum::<f64>() / last.len() as f64;
    let variances: Vec<f64> = first.iter().map(|&k| eigenvalues[k]).collect();
    // Rows that the components hold exactly have no density that ends.
    if rest.is_nan() || rest <= 1e-12 * variances[0] {
        return (alone, None);
    }
    let axes = DMatrix::from_fn(latents, columns, |k, c| eigenvectors[(c, first[k])]);
    let scores = axes * &test;
    let components = log_density(&variances, rest, Some(&scores));
    (alone, Some(components))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::Streams;

    /// Rows `x = w t + noise` of three columns.
    fn rows(n: usize, step: u64) -> Vec<f64> {
        let mut e = vec![0.0; 4 * n];
        Streams::new(11).at_step(step).fill_normal(n, &mut e);
        let row =
            |r: usize| [5.0 + 2.0 * e[r] + 0.5 * e[n + r], -e[r] + 0.5 * e[2 * n + r], 2.0 * e[r] + 0.5 * e[3 * n + r]];
        (0..n).flat_map(row).collect()
    }

    #[test]
    fn principal_components_have_the_entropy_of_their_law() {
        let autoencoder = Autoencoder::new(3, 1, &[], Likelihood::Gaussian);
        let (train, test) = (rows(20_000, 0), rows(20_000, 1));
        let found = baselines(&autoencoder, Batch::of(&train), Batch::of(&test));
        // The covariance is w w' + I / 4 with |w|^2 = 9: eigenvalues 9.25, 0.25, 0.25. One sd for all: 9.75 / 3.
        let entropy = |ln_det: f64| -0.5 * (3.0 * LN_2_PI + ln_det + 3.0);
        let exact = [entropy(3.0 * (9.75f64 / 3.0).ln()), entropy(9.25f64.ln() + 2.0 * 0.25f64.ln())];
        for (baseline, exact) in found.iter().zip(exact) {
            // Five standard errors, and what 20,000 training rows leave of some ten numbers: 10 / 40,000 nats.
            assert!((baseline.log_p.mean - exact).abs() < 5.0 * baseline.log_p.se + 1e-3, "{baseline:?} {exact}");
        }
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn frequencies_are_those_of_the_training_rows() {
        let autoencoder = Autoencoder::new(2, 1, &[], Likelihood::Bernoulli);
        let (train, test) = ([1.0, 0.0, 1.0, 1.0, 0.0, 1.0], [1.0, 1.0]);
        let found = baselines(&autoencoder, Batch::of(&train), Batch::of(&test));
        // 2 of 3 ones in each column, with a half added to both sides.
        assert!((found[0].log_p.mean - 2.0 * (2.5f64 / 4.0).ln()).abs() < 1e-12 && found.len() == 1);
    }
}
