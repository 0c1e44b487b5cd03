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
        let (step, noise) = self.known?;
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
        Some(total)
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
