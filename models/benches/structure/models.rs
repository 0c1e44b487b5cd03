//! The models, with data made from them.

use jensen::prelude::*;
use jensen::streams::Streams;

/// Random numbers one by one, the same for the same seed.
struct Numbers {
    streams: Streams,
    count: u64,
}

impl Numbers {
    fn new(seed: u64) -> Self {
        Numbers { streams: Streams::new(seed), count: 0 }
    }

    fn next(&mut self) -> Streams {
        self.count += 1;
        self.streams.at_step(self.count)
    }

    fn uniform(&mut self) -> f64 {
        let mut out = [0.0];
        self.next().fill_uniform(1, &mut out);
        out[0]
    }

    fn normal(&mut self) -> f64 {
        let mut out = [0.0];
        self.next().fill_normal(1, &mut out);
        out[0]
    }

    /// Products of uniform numbers until they are below `exp(-rate)`.
    fn poisson(&mut self, rate: f64) -> f64 {
        let (mut count, mut product, end) = (0.0, self.uniform(), (-rate).exp());
        while product > end {
            count += 1.0;
            product *= self.uniform();
        }
        count
    }
}

/// Group effects with a common mean and scale, non-centred, a covariate, and normal or binary rows.
pub struct Groups {
    group: IntColumn,
    x: Column,
    y: Column,
    num_groups: usize,
    is_binary: bool,
}

impl Groups {
    pub fn new(num_groups: usize, rows_each: usize, is_binary: bool) -> Self {
        let mut numbers = Numbers::new(1);
        let (mut group, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
        for k in 0..num_groups {
            let effect = 1.0 + 0.7 * numbers.normal();
            for _ in 0..rows_each {
                let covariate = numbers.normal();
                let mean = effect + 0.5 * covariate;
                group.push(k as u32);
                x.push(covariate);
                y.push(match is_binary {
                    true => f64::from(u8::from(numbers.uniform() < 1.0 / (1.0 + (-mean).exp()))),
                    false => mean + 0.8 * numbers.normal(),
                });
            }
        }
        Groups { group: IntColumn::new(group), x: Column::new(x), y: Column::new(y), num_groups, is_binary }
    }
}

/// `ln` of the normal density.
fn ln_normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * std::f64::consts::TAU.ln()
}

/// `ln` of the half-normal density of `exp(l)`, with the Jacobian of the logarithm.
fn ln_half_normal(l: f64, scale: f64) -> f64 {
    2f64.ln() + ln_normal(l.exp(), 0.0, scale) + l
}

/// `ln` of the integral of `exp(ln_f(x))` over a standard normal `x`, by the trapezoid rule.
fn over_normal(ln_f: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 0.25;
    let terms = (-26..=26).map(|k| (ln_f(STEP * f64::from(k)) + ln_normal(STEP * f64::from(k), 0.0, 1.0)).exp());
    (STEP * terms.sum::<f64>()).ln()
}

/// A model whose many latents can be integrated out by other means than the engine's.
pub trait Marginal: Model {
    /// `log p(x, g)` at unconstrained shared latents, in the order of the model.
    fn log_marginal(&self, g: &[f64]) -> f64;
}

impl Marginal for Groups {
    fn log_marginal(&self, g: &[f64]) -> f64 {
        let (mu, tau, b) = (g[0], g[1].exp(), g[2]);
        let mut total = ln_normal(mu, 0.0, 5.0) + ln_half_normal(g[1], 2.0) + ln_normal(b, 0.0, 2.0);
        let each = self.y.len() / self.num_groups;
        let rows = || self.x.values().chunks_exact(each).zip(self.y.values().chunks_exact(each));
        if self.is_binary {
            for (x, y) in rows() {
                total += over_normal(|e| {
                    let one = |(x, y): (&f64, &f64)| {
                        let a = mu + tau * e + b * x;
                        a * y - a.max(0.0) - (-a.abs()).exp().ln_1p()
                    };
                    x.iter().zip(y).map(one).sum()
                });
            }
            return total;
        }
        let s = g[3].exp();
        total += ln_half_normal(g[3], 2.0);
        for (x, y) in rows() {
            // Normal with covariance s^2 I + tau^2 1 1'.
            let r: Vec<f64> = x.iter().zip(y).map(|(x, y)| y - mu - b * x).collect();
            let (n, sum) = (each as f64, r.iter().sum::<f64>());
            let within = r.iter().map(|r| r * r).sum::<f64>() - sum * sum / n;
            let of_mean = s * s + n * tau * tau;
            total -= 0.5 * (within / (s * s) + sum * sum / (n * of_mean));
            total -= 0.5 * ((n - 1.0) * (s * s).ln() + of_mean.ln() + n * std::f64::consts::TAU.ln());
        }
        total
    }
}

impl Model for Groups {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 5.0));
        let tau = p.draw("tau", half_normal(2.0));
        let b = p.draw("b", normal(0.0, 2.0));
        let a = p.draws("eta", normal(0.0, 1.0), self.num_groups).map(|eta| mu + tau * eta);
        if self.is_binary {
            p.rows(self.y.len(), |i| {
                i.observe(self.y.at(i), bernoulli_logit(a.at(self.group.at(i)) + b * self.x.at(i)));
            });
        } else {
            let s = p.draw("s", half_normal(2.0));
            p.rows(self.y.len(), |i| {
                i.observe(self.y.at(i), normal(a.at(self.group.at(i)) + b * self.x.at(i), s));
            });
        }
    }
}

/// Counts with a latent in each row.
pub struct Counts {
    y: Column,
}

impl Counts {
    pub fn new(n: usize) -> Self {
        let mut numbers = Numbers::new(2);
        let mut next = || {
            let rate = (1.0 + 0.5 * numbers.normal()).exp();
            numbers.poisson(rate)
        };
        Counts { y: Column::new((0..n).map(|_| next()).collect::<Vec<_>>()) }
    }
}

impl Model for Counts {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 5.0));
        let tau = p.draw("tau", half_normal(2.0));
        p.rows(self.y.len(), |i| {
            let e = i.draw("e", normal(0.0, 1.0));
            i.observe(self.y.at(i), poisson_log(mu + tau * e));
        });
    }
}

impl Marginal for Counts {
    fn log_marginal(&self, g: &[f64]) -> f64 {
        let (mu, tau) = (g[0], g[1].exp());
        let ln_factorial = |y: f64| (1..=y as u64).map(|k| (k as f64).ln()).sum::<f64>();
        let rows = self.y.values().iter().map(|&y| {
            over_normal(|e| {
                let l = mu + tau * e;
                y * l - l.exp() - ln_factorial(y)
            })
        });
        ln_normal(mu, 0.0, 5.0) + ln_half_normal(g[1], 2.0) + rows.sum::<f64>()
    }
}

/// A random walk seen with noise; both standard deviations known, or latents.
pub struct Level {
    y: Column,
    known: Option<(f64, f64)>,
}

impl Level {
    pub fn new(n: usize, known: Option<(f64, f64)>) -> Self {
        let (mut numbers, mut h) = (Numbers::new(13), 0.0);
        let (step, noise) = known.unwrap_or((0.3, 1.0));
        let mut next = || {
            h += step * numbers.normal();
            h + noise * numbers.normal()
        };
        Level { y: Column::new((0..n).map(|_| next()).collect::<Vec<_>>()), known }
    }

    /// The log evidence where both are known, by the Kalman filter.
    pub fn evidence(&self) -> Option<f64> {
        self.known.map(|(step, noise)| self.evidence_of(step, noise))
    }

    fn evidence_of(&self, step: f64, noise: f64) -> f64 {
        let (mut mean, mut variance, mut total) = (0.0, 1.0, 0.0);
        for (t, y) in self.y.values().iter().enumerate() {
            if t > 0 {
                variance += step * step;
            }
            let of_y = variance + noise * noise;
            total -= 0.5 * ((y - mean).powi(2) / of_y + (std::f64::consts::TAU * of_y).ln());
            mean += variance / of_y * (y - mean);
            variance *= 1.0 - variance / of_y;
        }
        total
    }
}

impl Marginal for Level {
    fn log_marginal(&self, g: &[f64]) -> f64 {
        ln_half_normal(g[0], 1.0) + ln_half_normal(g[1], 2.0) + self.evidence_of(g[0].exp(), g[1].exp())
    }
}

impl Model for Level {
    fn log_joint(&self, p: &LogJoint) {
        let n = self.y.len();
        let (step, noise) = match self.known {
            Some((step, noise)) => (Real::from(step), Real::from(noise)),
            None => (p.draw("step", half_normal(1.0)), p.draw("noise", half_normal(2.0))),
        };
        let h = p.reals("h", n);
        p.add(normal(0.0, 1.0).log_density(h.at(0)));
        p.rows(1..n, |t| t.add(normal(h.lag(t, 1), step).log_density(h.at(t))));
        p.rows(n, |t| t.observe(self.y.at(t), normal(h.at(t), noise)));
    }
}

/// Stochastic volatility: log variances that follow an autoregression, as a process of unit innovations times its scale.
pub struct Volatility {
    y: Column,
}

impl Volatility {
    pub fn new(n: usize) -> Self {
        let mut numbers = Numbers::new(7);
        let mut x = numbers.normal() / (1.0f64 - 0.9 * 0.9).sqrt();
        let mut next = || {
            x = 0.9 * x + numbers.normal();
            (0.5 * (-1.0 + 0.3 * x)).exp() * numbers.normal()
        };
        Volatility { y: Column::new((0..n).map(|_| next()).collect::<Vec<_>>()) }
    }
}

impl Model for Volatility {
    fn log_joint(&self, p: &LogJoint) {
        let n = self.y.len();
        let mu = p.draw("mu", normal(0.0, 5.0));
        let phi = 2.0 * p.draw("persistence", beta(20.0, 1.5)) - 1.0;
        let sigma = p.draw("sigma", half_normal(0.5));
        let x = p.reals("x", n);
        p.add(normal(0.0, 1.0 / (1.0 - phi.square()).sqrt()).log_density(x.at(0)));
        p.rows(1..n, |t| t.add(normal(phi * x.lag(t, 1), 1.0).log_density(x.at(t))));
        p.rows(n, |t| t.observe(self.y.at(t), normal(0.0, (0.5 * (mu + sigma * x.at(t))).exp())));
    }
}
