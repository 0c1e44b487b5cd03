//! Columns of counts that share a total.

use libm::lgamma;
use rand_distr::{Binomial, Distribution};
use serde::{Deserialize, Serialize};

use super::component::{Component, Generative};
use super::error::{all_positive, positive};
use super::lanes::{Parabola, Sums, run};
use super::saved::{Checked, few};
use super::weights::{dirichlet_kl, draw_dirichlet};
use super::{Block, MixtureError, Rows};
use crate::numerics::Lane;
use crate::streams::Stream;

/// Columns of counts, `row ~ Multinomial(total of the row, p)` with `p ~ Dirichlet(concentration, ..)`:
/// `ln p(row) = ln total! - sum_j ln count_j! + sum_j count_j ln p_j`.
///
/// The total of each row is taken as given, so that rows are grouped by how their counts are shared out and not by how
/// many there are. A row all of whose cells are missing is left out; one with some missing has no known total and is an
/// error of the fit. New rows are predicted by the Dirichlet-multinomial.
///
/// *Source*: Bishop 2006, sections 2.2 and 10.2; Minka 2000, "Estimating a Dirichlet distribution", for the predictive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultinomialColumns {
    columns: usize,
    concentration: f64,
    total: u64,
}

impl MultinomialColumns {
    /// `columns` columns; simulated rows have a total of 1 unless [`with_total`](Self::with_total) says otherwise.
    ///
    /// # Errors
    /// With fewer than two columns, or when `concentration` is not positive.
    pub fn new(columns: usize, concentration: f64) -> Result<Self, MixtureError> {
        if columns < 2 {
            let text = format!("a multinomial of {columns} columns says nothing: counts share a total from two on");
            return Err(MixtureError::setting("columns", text));
        }
        Ok(MultinomialColumns { columns, concentration: positive("concentration", concentration)?, total: 1 })
    }

    /// Counts in a simulated row; the fit does not depend on it.
    #[must_use]
    pub fn with_total(self, total: u64) -> Self {
        MultinomialColumns { total, ..self }
    }

    /// The columns of `rows`; simulated rows have the mean total, rounded, of the rows without a missing cell, and 0 where
    /// there are none.
    ///
    /// # Errors
    /// As [`MultinomialColumns::new`], and when the rows cannot be read.
    pub fn from_rows<R: Rows + ?Sized>(rows: &R, concentration: f64) -> Result<Self, MixtureError> {
        let (mut sum, mut seen, mut space) = (0.0, 0.0_f64, Vec::new());
        for b in 0..rows.num_blocks() {
            let block = rows.block(b, &mut space)?;
            for i in 0..block.len() {
                let total = (0..block.num_columns()).map(|j| block.column(j)[i]).sum::<f64>();
                if total.is_finite() {
                    (sum, seen) = (sum + total, seen + 1.0);
                }
            }
        }
        Ok(Self::new(rows.num_columns(), concentration)?.with_total((sum / seen.max(1.0)).round() as u64))
    }
}

impl Component for MultinomialColumns {
    fn num_columns(&self) -> usize {
        self.columns
    }

    fn num_params(&self) -> usize {
        self.columns
    }

    fn num_stats(&self) -> usize {
        self.columns
    }

    fn num_cache(&self) -> usize {
        self.columns
    }

    fn check(&self, block: &Block) -> Result<(), MixtureError> {
        let good = |x: f64| x.is_nan() || (x >= 0.0 && x.fract() == 0.0);
        super::columns::each_cell(block, good, "a count", "use Gaussian or gamma components for measured values")?;
        for i in 0..block.len() {
            let is_missing = |j: &usize| block.column(*j)[i].is_nan();
            let missing = (0..self.columns).find(is_missing);
            if let Some(j) = missing.filter(|_| !(0..self.columns).all(|j| is_missing(&j))) {
                return Err(MixtureError::Cell {
                    row: block.first_row() + i,
                    column: block.original(j),
                    value: f64::NAN,
                    expected: "a count, as the other cells of its multinomial are".into(),
                    remedy: "fill the cell, or leave all cells of the multinomial empty in this row",
                });
            }
        }
        Ok(())
    }

    fn prior(&self, params: &mut [f64]) {
        params.fill(self.concentration);
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        let total = params.iter().sum::<f64>().digamma();
        params.iter().zip(cache).for_each(|(p, c)| *c = p.digamma() - total);
        Ok(())
    }

    /// `ln total! - sum ln count!`.
    fn log_base(&self, block: &Block, out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate().take(block.len()) {
            let counts = || (0..self.columns).map(|j| block.column(j)[i]).filter(|x| !x.is_nan());
            *out += lgamma(counts().sum::<f64>() + 1.0) - counts().map(|x| lgamma(x + 1.0)).sum::<f64>();
        }
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], _: &mut [f64]) {
        for (j, &slope) in cache.iter().enumerate() {
            run(Parabola { x: block.column(j), pivot: 0.0, constant: 0.0, slope, curvature: 0.0, out });
        }
    }

    fn accumulate(&self, _: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], _: &mut [f64]) {
        for (j, s) in stats.iter_mut().enumerate() {
            *s += run(Sums { x: block.column(j), weights, pivot: 0.0 })[1];
        }
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        for (p, s) in params.iter_mut().zip(stats) {
            *p = (1.0 - rate) * *p + rate * (self.concentration + s);
        }
    }

    fn kl(&self, params: &[f64], _: &[f64]) -> f64 {
        dirichlet_kl(params, self.concentration)
    }

    /// The mean shares of the total of a simulated row.
    fn centre(&self, params: &[f64], row: &mut [f64]) {
        self.expectation(params, row);
        row.iter_mut().for_each(|x| *x *= self.total as f64);
    }
}

impl Generative for MultinomialColumns {
    /// The log density of a Dirichlet-multinomial.
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        let sum: f64 = params.iter().sum();
        for (i, out) in out.iter_mut().enumerate().take(block.len()) {
            let counts = || params.iter().enumerate().map(|(j, p)| (block.column(j)[i], *p)).filter(|c| !c.0.is_nan());
            let total: f64 = counts().map(|(x, _)| x).sum();
            *out += lgamma(sum) - lgamma(sum + total) + counts().map(|(x, p)| lgamma(p + x) - lgamma(p)).sum::<f64>();
        }
        Ok(())
    }

    fn value_names(&self) -> Vec<String> {
        (0..self.columns).map(|j| format!("probability[{j}]")).collect()
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        let total: f64 = params.iter().sum();
        params.iter().zip(values).for_each(|(p, v)| *v = p / total);
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        draw_dirichlet(params, stream, values)
    }

    /// One column after the other, each binomial given those before.
    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        let (mut left, mut mass) = (self.total, values.iter().sum::<f64>());
        for (j, (v, x)) in values.iter().zip(row).enumerate() {
            // What is left goes to the last column, whatever rounding has left of the mass.
            let is_last = j + 1 == values.len();
            let share = if mass > 0.0 && !is_last { (v / mass).clamp(0.0, 1.0) } else { f64::from(u8::from(is_last)) };
            let binomial = Binomial::new(left, share);
            let count =
                binomial.map_err(|e| MixtureError::setting("values", format!("probability {v}: {e}")))?.sample(stream);
            (*x, left, mass) = (count as f64, left - count, mass - v);
        }
        Ok(())
    }
}

impl Checked for MultinomialColumns {
    fn check_prior(&self) -> Result<(), MixtureError> {
        few("columns", self.columns)?;
        Self::new(self.columns, self.concentration).map(|_| ())
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        all_positive("a parameter", params)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MixtureFit, Table};
    use super::*;
    use crate::streams::Streams;

    /// 4,000 rows of total 10: the mean of a count is `10 p` with standard error `sqrt(10 p (1 - p) / 4000)`.
    #[test]
    fn simulated_rows_share_out_the_total() {
        let (values, n) = ([0.5, 0.2, 0.3], 4000);
        let multinomial = MultinomialColumns::new(3, 1.0).expect("a prior").with_total(10);
        let (mut sums, mut squares, streams) = ([0.0; 3], [0.0; 3], Streams::new(5));
        for i in 0..n {
            let mut row = [0.0; 3];
            multinomial.sample(&values, &mut streams.draw(i), &mut row).expect("a row");
            assert_eq!(row.iter().sum::<f64>(), 10.0);
            (0..3).for_each(|j| (sums[j], squares[j]) = (sums[j] + row[j], squares[j] + row[j] * row[j]));
        }
        for (j, p) in values.iter().enumerate() {
            let (mean, variance) = (sums[j] / n as f64, 10.0 * p * (1.0 - p));
            assert!((mean - 10.0 * p).abs() < 5.0 * (variance / n as f64).sqrt(), "{j}: {mean}");
            let found = squares[j] / n as f64 - mean * mean;
            // The standard error of a variance is about sqrt(2 / n) of it.
            assert!((found - variance).abs() < 0.12 * variance, "{j}: {found}");
        }
    }

    /// Rows of one total each, but shared out in two ways: how many there are says nothing.
    #[test]
    fn rows_are_told_apart_by_shares_and_not_by_totals() {
        let row = |i: usize| {
            let total = [10.0, 40.0, 200.0][i % 3];
            if i.is_multiple_of(2) {
                [0.7 * total, 0.2 * total, 0.1 * total]
            } else {
                [0.1 * total, 0.3 * total, 0.6 * total]
            }
        };
        let rows = Table::from_rows(&(0..60).map(row).collect::<Vec<_>>()).expect("a table");
        let kind = MultinomialColumns::from_rows(&rows, 1.0).expect("a prior");
        assert_eq!(kind.total, 83);
        let fitted = MixtureFit::new(kind, 2).restarts(4).run(&rows).expect("a fit");
        let labels = fitted.labels(&rows).expect("labels");
        assert!(labels.iter().enumerate().all(|(i, l)| *l == labels[i % 2]) && labels[0] != labels[1], "{labels:?}");
        let cells = |x: [f64; 3]| fitted.log_density(&Table::from_rows(&[x]).expect("a table")).expect("a density")[0];
        let nan = f64::NAN;
        assert!(cells([nan; 3]).abs() < 1e-12);
        // All rows of total 2: their probabilities sum to one. A dozen lgamma of up to 5,000 round by 7e-12 each.
        let pairs = (0..=2).flat_map(|a| (0..=2 - a).map(move |b| [f64::from(a), f64::from(b), f64::from(2 - a - b)]));
        assert!((pairs.map(|x| cells(x).exp()).sum::<f64>() - 1.0).abs() < 1e-10);
    }

    #[test]
    fn what_is_no_row_of_counts_is_refused() {
        assert!(MultinomialColumns::new(1, 1.0).expect_err("one column").to_string().contains("from two on"));
        assert!(MultinomialColumns::new(2, 0.0).expect_err("no prior").to_string().contains("concentration is 0"));
        let check = |row: [f64; 2]| {
            let rows = Table::from_rows(&[[1.0, 2.0], row]).expect("a table");
            let mixture = MixtureFit::new(MultinomialColumns::new(2, 1.0).expect("a prior"), 1);
            mixture.run(&rows).expect_err("a bad row").to_string()
        };
        assert!(check([f64::NAN, 1.0]).contains("row 1, column 0: NaN is not a count, as the other cells"));
        assert!(check([1.0, -2.0]).contains("row 1, column 1: -2 is not a count"));
        assert!(check([1.5, 2.0]).contains("1.5 is not a count"));
    }
}
