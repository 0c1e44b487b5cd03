//! [`Accepted`]: how many draws count, and what a bound over them alone has to pay for the others.

/// The draws at which the density does not vanish, among all.
///
/// Let A be the set where the density is positive, `a = q(A)`, and `q_A = q / a` on A. Then
///
/// ```text
/// log p(x) >= E_(q_A)[log p - log q_A] = E_q[log p - log q | A] + ln a
/// ```
///
/// so that the mean over the accepted draws bounds log p(x) only together with `ln a`. The gradient of this bound in q's
/// parameters is the covariance, over A, of `log p - log q` and the score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Draws that were accepted.
    pub count: usize,
    /// Draws that were made.
    pub num_draws: usize,
}

impl Accepted {
    /// Those of `log_weights` that are not `-inf`.
    #[must_use]
    pub fn among(log_weights: &[f64]) -> Self {
        let count = log_weights.iter().filter(|l| **l != f64::NEG_INFINITY).count();
        Accepted { count, num_draws: log_weights.len() }
    }

    /// `ln(count / num_draws)`: zero where every draw was accepted, `-inf` where none was.
    #[must_use]
    pub fn ln_share(self) -> f64 {
        (self.count as f64 / self.num_draws as f64).ln()
    }

    /// Standard error of [`ln_share`](Self::ln_share), `sqrt((1 - a) / (a num_draws))` with the share `a`.
    ///
    /// By the delta method. The share is independent of the mean over the accepted draws, given their number, so that
    /// the two errors add as squares.
    ///
    /// ```
    /// # use jensen::objective::Accepted;
    /// let log_weights = [[0.3; 50], [f64::NEG_INFINITY; 50]].concat();
    /// let half = Accepted::among(&log_weights);
    /// assert_eq!((half.ln_share(), half.standard_error()), (0.5f64.ln(), 0.1));
    /// ```
    #[must_use]
    pub fn standard_error(self) -> f64 {
        let (count, num_draws) = (self.count as f64, self.num_draws as f64);
        ((num_draws - count) / (count * num_draws)).sqrt()
    }
}
