//! [`Defence`]: a Student-t around q, so that draws which are weighted reach where q does not.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

use super::ellipsoid::Ellipsoid;
use crate::algorithm::Solution;
use crate::family::{Family, Reparam};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;

/// Of so many draws, one is of the Student-t.
const EVERY: usize = 2;

/// Degrees of freedom at least.
const LEAST_FREEDOM: usize = 5;

/// Purpose of the streams.
const TAILS: u32 = 0x7461_696c;
const ELSEWHERE: u32 = 0x656c_7365;

/// Draws of a Gaussian q, every second of which is stretched away from q's centre to one of a multivariate Student-t.
///
/// The two laws have the same centre and the same matrix of scales, so that the density of one follows from that of the other:
/// with `m` the centre and `d` latents,
///
/// ```text
/// distance(z) = 2 (log q(m) - log q(z))                                              Mahalanobis', squared
/// log t(z)    = log q(m) + ln Gamma((nu + d) / 2) - ln Gamma(nu / 2) - d / 2 ln(nu / 2) - (nu + d) / 2 ln(1 + distance / nu)
/// z ~ t       where z = m + (y - m) sqrt(nu / c),  y ~ q,  c ~ chi^2_nu
/// ```
///
/// Weights are `p(z) / g(z)` with the mixture's density `g = (n_q q + n_t t) / n` whichever of the two a draw is of
/// ("balance heuristic"): no weight exceeds `n / n_t` times what the Student-t alone would give it.
///
/// A flow carries its noise one-to-one: where that is stretched in the same way, `log t(z) = log q(z) + log t(w) - log N(w)` at the
/// image of the noise `w`, and the tails are the flow's own, however bent.
///
/// *Source*: Hesterberg 1995, "Weighted average importance sampling and defensive mixture distributions"; Owen and Zhou 2000,
/// "Safe and effective importance sampling".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Defence {
    /// Number of latents.
    dimension: usize,
    /// `log q` at the centre.
    #[serde(with = "crate::number")]
    log_q_centre: f64,
    /// The Gaussians that Student-t laws are around, an equal part of the draws each, where that is not q.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    elsewhere: Vec<Ellipsoid>,
    /// Whether it is the noise of a flow that is stretched, which makes a law with heavy tails around whatever q is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_of_noise: bool,
}

impl Defence {
    /// The Student-t around the q of `solution`; none where q is not a Gaussian of real latents outside of rows alone.
    pub fn around(family: &dyn Family, layout: &Layout, solution: &Solution) -> Option<Self> {
        let others = layout.num_integers + layout.num_row_latents + layout.num_row_integers;
        if layout.num_latents == 0 || others > 0 || solution.params.len() != family.num_params() {
            return None;
        }
        let elsewhere = family.components(&solution.params);
        let is_of_noise = family.reparam().is_some_and(Reparam::is_one_to_one);
        if !family.is_gaussian() && elsewhere.is_empty() && !is_of_noise {
            return None;
        }
        let elsewhere = elsewhere.into_iter().map(|(centre, factor)| Ellipsoid::new(&centre, &factor)).collect();
        let mut at = Draws::zeros(layout, layout.num_rows, 1);
        at.latents.copy_from_slice(&family.centre(&solution.params));
        let mut log_q = [0.0];
        family.log_q(&solution.params, &RowSet::all(), &at, &mut log_q);
        let defence = Defence { dimension: layout.num_latents, log_q_centre: log_q[0], elsewhere, is_of_noise };
        defence.is_of(layout).then_some(defence)
    }

    /// The Student-t around another Gaussian than q, one that reaches what q does not; beside those around the components of a
    /// mixture.
    pub fn elsewhere(mut self, ellipsoid: Ellipsoid) -> Self {
        self.elsewhere.push(ellipsoid);
        self.is_of_noise = false;
        self
    }

    /// Whether the density of the Student-t is kept with the draws, since it does not follow from that of q.
    pub fn keeps_density(&self) -> bool {
        !self.elsewhere.is_empty() || self.is_of_noise
    }

    /// Whether the draws are images of stretched noise.
    pub fn is_of_noise(&self) -> bool {
        self.is_of_noise
    }

    /// Stretches those numbers of `noise`, `[latent][draw]` and numbered from `first` on, that shall be Student-t numbers.
    pub fn stretch_noise(&self, first: usize, streams: Streams, num_draws: usize, noise: &mut [f64]) {
        let stretches = self.stretches(streams, num_draws);
        for lane in noise.chunks_exact_mut(num_draws) {
            for d in (0..num_draws).filter(|d| !Self::is_of_q(first + d)) {
                lane[d] *= stretches[d];
            }
        }
    }

    /// `log t - log q` at the images of noise with this sum of squares.
    pub fn log_ratio_of_noise(&self, square: f64) -> f64 {
        self.constant() + self.log_fall(square) + 0.5 * square
    }

    /// `sqrt(nu / c)` with `c ~ chi^2_nu`, for each draw of a block.
    fn stretches(&self, streams: Streams, n: usize) -> Vec<f64> {
        let nu = self.freedom();
        let mut noise = vec![0.0; nu * n];
        streams.purpose(TAILS).fill_normal(n, &mut noise);
        let square = |d: usize| noise.iter().skip(d).step_by(n).map(|e| e * e).sum::<f64>();
        (0..n).map(|d| (nu as f64 / square(d)).sqrt()).collect()
    }

    /// Whether it can be of a q of these latents.
    pub fn is_of(&self, layout: &Layout) -> bool {
        let d = layout.num_latents;
        let fits = self.elsewhere.iter().all(|ellipsoid| ellipsoid.is_of(d));
        self.dimension == d && self.log_q_centre.is_finite() && fits
    }

    /// Whether the draw of this number is q's own.
    pub fn is_of_q(draw: usize) -> bool {
        draw % EVERY != EVERY - 1
    }

    /// Degrees of freedom: five, or as many as there are latents.
    ///
    /// With five in many dimensions the two laws hardly meet, and half of the draws are wasted where q is the posterior: the
    /// effective share is 0.98 for one latent, 0.89 for 10, 0.79 for 30 and 0.68 for 100. With as many as latents the radii
    /// have spreads of one order, and it is 0.94, 0.95 and 0.95.
    fn freedom(&self) -> usize {
        self.dimension.max(LEAST_FREEDOM)
    }

    /// Stretches those of the draws in `z`, q's own and numbered from `first` on, that shall be of the Student-t.
    pub fn stretch(&self, centre: &[f64], first: usize, streams: Streams, z: &mut Draws) {
        let n = z.num_draws;
        let stretches = self.stretches(streams, n);
        let is_of = |k: usize, d: usize| !Self::is_of_q(first + d) && self.number_of(first + d) == k;
        for (k, ellipsoid) in self.elsewhere.iter().enumerate() {
            let mut fresh = vec![0.0; z.latents.len()];
            streams.purpose(ELSEWHERE).fill_normal(n, &mut fresh);
            ellipsoid.place(&mut fresh, n);
            for (lane, fresh) in z.latents.chunks_exact_mut(n).zip(fresh.chunks_exact(n)) {
                (0..n).filter(|d| is_of(k, *d)).for_each(|d| lane[d] = fresh[d]);
            }
        }
        for d in (0..n).filter(|d| !Self::is_of_q(first + d)) {
            let centre = self.elsewhere.get(self.number_of(first + d)).map_or(centre, |ellipsoid| &ellipsoid.centre);
            let stretch = stretches[d];
            for (lane, m) in z.latents.chunks_exact_mut(n).zip(centre) {
                lane[d] = m + (lane[d] - m) * stretch;
            }
        }
    }

    /// The log density at draws of the Student-t laws that are not around q; nothing where there are none.
    pub fn log_t(&self, z: &Draws) -> Vec<f64> {
        let constant = self.constant() - (self.elsewhere.len().max(1) as f64).ln();
        let mut laws = self.elsewhere.iter().map(|ellipsoid| {
            let top = ellipsoid.log_top() + constant;
            ellipsoid.distances(z).into_iter().map(move |distance| top + self.log_fall(distance))
        });
        let Some(first) = laws.next() else { return Vec::new() };
        laws.fold(first.collect(), |all: Vec<f64>, law| all.iter().zip(law).map(|(a, b)| log_add(*a, b)).collect())
    }

    /// Which of the Student-t laws a draw is of: they take turns.
    fn number_of(&self, draw: usize) -> usize {
        draw / EVERY % self.elsewhere.len().max(1)
    }

    /// `log t` less the Gaussian's log density at the centre that both have.
    fn constant(&self) -> f64 {
        let (d, nu) = (self.dimension as f64, self.freedom() as f64);
        ln_gamma(0.5 * (nu + d)) - ln_gamma(0.5 * nu) - 0.5 * d * (0.5 * nu).ln()
    }

    /// `log t` at a squared distance from the centre, less that there.
    fn log_fall(&self, distance: f64) -> f64 {
        let (d, nu) = (self.dimension as f64, self.freedom() as f64);
        -0.5 * (nu + d) * (distance / nu).ln_1p()
    }

    /// The log density of the mixture at all draws of a set, in their order, of which log q is known, and `log_t` as
    /// [`log_t`](Self::log_t) gave it.
    pub fn log_density(&self, log_q: &[f64], log_t: &[f64]) -> Vec<f64> {
        let n = log_q.len();
        let of_t = (0..n).filter(|draw| !Self::is_of_q(*draw)).count();
        let ln_share = |count: usize| (count as f64 / n as f64).ln();
        let (ln_q, ln_t, constant) = (ln_share(n - of_t), ln_share(of_t), self.constant());
        // Rounding may put a draw above the top.
        let around_q = |log_q: f64| 2.0 * (self.log_q_centre - log_q).max(0.0);
        let mixed = |(draw, log_q): (usize, &f64)| {
            let of_q = || self.log_q_centre + constant + self.log_fall(around_q(*log_q));
            let log_t = log_t.get(draw).copied().unwrap_or_else(of_q);
            log_add(ln_q + log_q, ln_t + log_t)
        };
        log_q.iter().enumerate().map(mixed).collect()
    }
}

/// `ln(exp(a) + exp(b))`.
fn log_add(a: f64, b: f64) -> f64 {
    let (more, less) = if a > b { (a, b) } else { (b, a) };
    more + (less - more).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{FullRank, MeanField, StudentTNoise};
    use crate::posterior::sampler::Sampler;
    use crate::prelude::*;
    use crate::target::{LogDensity, Target};

    fn target(latents: usize) -> Target {
        Target::new(&model(|p| {
            p.draws("z", normal(0.0, 1.0), latents);
        }))
        .unwrap()
    }

    /// Means 1, -2 and the factor [[2, 0], [0.6, 0.5]].
    fn correlated() -> (Target, FullRank, Solution) {
        let family = FullRank::new(2);
        let factor = nalgebra::DMatrix::from_row_slice(2, 2, &[2.0, 0.0, 0.6, 0.5]);
        let params = family.params_from(&[1.0, -2.0], &factor);
        (target(2), family, Solution { params, theta: vec![] })
    }

    #[test]
    fn the_density_is_the_mixtures() {
        let (target, family, solution) = correlated();
        let defence = Defence::around(&family, target.layout(), &solution).unwrap();
        // Bivariate t with five degrees of freedom, scale matrix S = L L': |S| = 1, S^-1 = [[0.61, -1.2], [-1.2, 4]].
        let distance = |x: f64, y: f64| 0.61 * x * x - 2.4 * x * y + 4.0 * y * y;
        let pi2 = 2.0 * std::f64::consts::PI;
        let q = |d: f64| (-0.5 * d).exp() / pi2;
        let t = |d: f64| (1.0 + d / 5.0).powf(-3.5) / pi2;
        let at = [(0.0, 0.0), (1.0, 0.3), (-4.0, 2.0), (9.0, -9.0), (0.5, 0.0)];
        let log_q: Vec<f64> = at.iter().map(|(x, y)| q(distance(*x, *y)).ln()).collect();
        for ((x, y), found) in at.iter().zip(defence.log_density(&log_q, &[])) {
            // Three of five draws are q's.
            let d = distance(*x, *y);
            let expected = (0.6 * q(d) + 0.4 * t(d)).ln();
            assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found} {expected}");
        }
    }

    #[test]
    fn stretched_draws_are_of_the_student_t_and_the_others_are_qs_own() {
        let (target, family, solution) = correlated();
        let (n, streams) = (20_000, Streams::new(5));
        let drawn = |defence: Option<Defence>| {
            let sampler =
                Sampler { target: &target, family: &family, solution: &solution, streams, defence, block: 500 };
            let mut out = Vec::new();
            let visit = |_: usize, z: &Draws| {
                out.extend((0..z.num_draws).map(|d| [z.latent(0)[d], z.latent(1)[d]]));
                Ok(())
            };
            sampler.each_block(0..n, visit).unwrap();
            out
        };
        let own = drawn(None);
        let all = drawn(Defence::around(&family, target.layout(), &solution));
        let stretched: Vec<[f64; 2]> = (0..n).filter(|d| !Defence::is_of_q(*d)).map(|d| all[d]).collect();
        assert!((0..n).filter(|d| Defence::is_of_q(*d)).all(|d| all[d] == own[d]));
        // (z_0 - 1) / 2 is a Student-t number with 5 degrees of freedom: beyond 2.015 on either side with a chance of 5 %, and
        // beyond 3.365 of 1 %.
        for (limit, chance) in [(2.015_048, 0.05), (3.364_930, 0.01)] {
            for sign in [-1.0, 1.0] {
                let beyond = stretched.iter().filter(|z| sign * (z[0] - 1.0) / 2.0 > limit).count() as f64;
                let (share, m) = (beyond / stretched.len() as f64, stretched.len() as f64);
                assert!((share - chance).abs() < 4.0 * (chance * (1.0 - chance) / m).sqrt(), "{share} {chance}");
            }
        }
        // Its second number given the first keeps the slope 0.3.
        let (mut xy, mut xx) = (0.0, 0.0);
        for z in &stretched {
            let (x, y) = (z[0] - 1.0, z[1] + 2.0);
            (xy, xx) = (xy + x * y / (1.0 + x * x), xx + x * x / (1.0 + x * x));
        }
        assert!((xy / xx - 0.3).abs() < 0.02, "{}", xy / xx);
    }

    #[test]
    fn the_effective_share_of_a_right_q_hardly_depends_on_the_number_of_latents() {
        // E_q[q / g]^-1, by 20,000 chi-squared numbers and the densities of either radius.
        for (latents, expected) in [(1, 0.984), (5, 0.934), (20, 0.946), (100, 0.951)] {
            let (target, family) = (target(latents), MeanField::of_dimension(latents));
            let solution = Solution { params: family.init(&vec![0.3; latents], 1.0), theta: vec![] };
            let defence = Defence::around(&family, target.layout(), &solution);
            let sampler = Sampler {
                target: &target,
                family: &family,
                solution: &solution,
                streams: Streams::new(2),
                defence: defence.clone(),
                block: 500,
            };
            let mut log_q = Vec::new();
            let keep = |_, _: &_, of_block: &[f64], _: &_| {
                log_q.extend_from_slice(of_block);
                Ok(())
            };
            sampler.each(0..8000, keep).unwrap();
            let weights: Vec<f64> =
                log_q.iter().zip(defence.unwrap().log_density(&log_q, &[])).map(|(q, g)| (q - g).exp()).collect();
            let (sum, squares) = weights.iter().fold((0.0, 0.0), |(a, b), w| (a + w, b + w * w));
            let share = sum * sum / squares / 8000.0;
            assert!((share - expected).abs() < 0.01, "{latents} latents: {share}");
            // The mixture is a density: weights of q over it average one.
            assert!((sum / 8000.0 - 1.0).abs() < 0.01, "{latents} latents: {}", sum / 8000.0);
        }
    }

    /// Of a flow at the identity, on the axes of a Gaussian, the law is the Student-t around that Gaussian.
    #[test]
    fn stretched_noise_of_a_flow_has_its_density() {
        use crate::family::{Affine, Flow};
        let (target, gaussian, solution) = correlated();
        let flow = Affine::new(Flow::real_nvp(2, 4).family(target.layout()).unwrap(), 2);
        let of_flow = Solution { params: flow.params_on(&solution.params), theta: vec![] };
        let defence = Defence::around(&flow, target.layout(), &of_flow).unwrap();
        assert!(defence.keeps_density() && defence.is_of(target.layout()));
        let streams = Streams::new(6);
        let of = |family, solution, defence| {
            let sampler = Sampler { target: &target, family, solution, streams, defence, block: 300 };
            let (mut log_q, mut log_t, mut latents) = (Vec::new(), Vec::new(), Vec::new());
            let keep = |first: usize, z: &Draws, of_block: &[f64], _: &_| {
                log_q.extend_from_slice(of_block);
                log_t.extend(sampler.log_t(first, z, of_block));
                latents.extend_from_slice(z.latent(0));
                Ok(())
            };
            sampler.each(0..700, keep).unwrap();
            (log_q, log_t, latents)
        };
        let (log_q, log_t, flowed) = of(&flow, &of_flow, Some(defence.clone()));
        let plain = Defence::around(&gaussian, target.layout(), &solution).unwrap();
        let (_, nothing, drawn) = of(&gaussian, &solution, Some(plain.clone()));
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-8 * a.abs().max(1.0));
        assert!(close(&flowed, &drawn) && nothing.is_empty() && log_t.len() == 700);
        assert!(close(&defence.log_density(&log_q, &log_t), &plain.log_density(&log_q, &[])));
    }

    #[test]
    fn only_gaussians_of_real_latents_outside_of_rows_have_one() {
        let rows = Target::new(&model(|p| {
            let x = Column::new([1.0, 2.0]);
            p.rows(2, |i| {
                let z = i.draw("z", normal(0.0, 1.0));
                i.observe(x.at(i), normal(z, 1.0));
            });
        }))
        .unwrap();
        let family = MeanField::new(rows.layout());
        let solution = Solution { params: family.init(&[0.0; 2], 1.0), theta: vec![] };
        assert_eq!(Defence::around(&family, rows.layout(), &solution), None);
        let target = target(2);
        let heavy = StudentTNoise::new(MeanField::of_dimension(2), 5.0).unwrap();
        let solution = Solution { params: vec![0.0; 4], theta: vec![] };
        assert_eq!(Defence::around(&heavy, target.layout(), &solution), None);
        assert!(Defence::around(&MeanField::of_dimension(2), target.layout(), &solution).is_some());
        let short = Solution { params: vec![0.0; 3], theta: vec![] };
        assert_eq!(Defence::around(&MeanField::of_dimension(2), target.layout(), &short), None);
    }
}
