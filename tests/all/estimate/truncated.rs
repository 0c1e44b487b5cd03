//! Gradients where the density vanishes on a part of q, held to the derivative of the bound in closed form.

use super::integers::ok;
use super::moments::{Steps, derivative, unbiased_with_power};
use crate::cut::{CutNormal, LN_SQRT_TAU};
use jensen::estimate::*;
use jensen::family::{CategoricalFactors, MeanField, Product};
use jensen::prelude::*;
use jensen::target::{DensityError, LogDensity, Target};
use jensen::testing::laws;

type Boxed = Box<dyn AnyEstimator<Target, MeanField>>;

/// `-(z_i - t_i)^2 / 2` for each latent, on a part of the plane.
#[derive(Clone, Copy)]
struct Cut {
    /// `z_0 + z_1 > bound`, in place of `z_i > bound` for each.
    tied: bool,
    bound: f64,
}

const CENTRES: [f64; 2] = [0.6, -0.4];
const APART: Cut = Cut { tied: false, bound: -0.7 };
const TIED: Cut = Cut { tied: true, bound: -0.9 };

/// Means and logarithms of standard deviations.
const PARAMS: [f64; 4] = [0.3, 0.2, -0.3, 0.1];

impl Model for Cut {
    fn log_joint(&self, p: &LogJoint) {
        let z = p.reals("z", 2);
        for (i, t) in CENTRES.into_iter().enumerate() {
            p.add(-0.5 * (z.at(i) - t).square());
        }
        let inside = |x: Real| p.add(x.at_most(self.bound).select(f64::NEG_INFINITY, 0.0));
        if self.tied {
            inside(z.at(0) + z.at(1));
        } else {
            inside(z.at(0));
            inside(z.at(1));
        }
    }
}

/// Mean of `log p - log q` over the accepted part of q, and ln of this part.
///
/// In `z_0 + z_1 > bound` what is cut is the sum, of whose standard normal number each latent has the share `r = sd_i / sd`;
/// what is left of the latent is normal.
fn parts(cut: Cut, params: &[f64]) -> (f64, f64) {
    let (mean, sd) = (&params[..2], [params[2].exp(), params[3].exp()]);
    let both = sd[0].hypot(sd[1]);
    let (mut mean_f, mut ln_share) = (0.0, 0.0);
    for i in 0..2 {
        let of_sum = ((cut.bound - mean[0] - mean[1]) / both, sd[i] / both);
        let (alpha, r) = if cut.tied { of_sum } else { ((cut.bound - mean[i]) / sd[i], 1.0) };
        let cut_normal = CutNormal::new(alpha, f64::INFINITY);
        let (first, second) = (r * cut_normal.first, 1.0 + r * r * (cut_normal.second - 1.0));
        let off = mean[i] - CENTRES[i];
        let square = off * off + 2.0 * off * sd[i] * first + sd[i] * sd[i] * second;
        mean_f += -0.5 * square + sd[i].ln() + LN_SQRT_TAU + 0.5 * second;
        ln_share += if cut.tied { 0.5 } else { 1.0 } * cut_normal.ln_share;
    }
    (mean_f, ln_share)
}

fn bound(cut: Cut, params: &[f64]) -> f64 {
    let (mean_f, ln_share) = parts(cut, params);
    mean_f + ln_share
}

fn made(cut: Cut) -> (Target, MeanField) {
    let target = ok(Target::new(&cut));
    let family = MeanField::new(target.layout());
    (target, family)
}

fn holds<E: GradientEstimator<Target, MeanField>>(name: &str, estimator: &E, cut: Cut, draws: usize, steps: usize) {
    let (target, family) = made(cut);
    let measured = Steps::new(&PARAMS, draws, steps).moments(estimator, &target, &family);
    unbiased_with_power(name, &measured, &derivative(&PARAMS, |params| bound(cut, params)));
}

#[test]
fn the_score_function_follows_the_bound_of_what_is_accepted() {
    // More than a quarter of the draws are rejected; all sixteen in one step of 10^9, and none in one of 200.
    assert!((0.27..0.29).contains(&(1.0 - parts(APART, &PARAMS).1.exp())));
    let steps = 60_000;
    holds("leave one out", &ScoreFunction { baseline: Baseline::LeaveOneOut }, APART, 16, steps);
    holds("no baseline", &ScoreFunction { baseline: Baseline::None }, APART, 16, steps);
    holds("moving average", &ScoreFunction { baseline: Baseline::MovingAverage { decay: 0.9 } }, APART, 16, steps);
    holds("learned", &ScoreFunction { baseline: Baseline::Rows { rate: 0.1 } }, APART, 16, steps);
    holds("control variate", &ScoreFunction { baseline: Baseline::ControlVariate }, APART, 16, steps);
    holds("leave one out, tied", &ScoreFunction { baseline: Baseline::LeaveOneOut }, TIED, 16, steps);
    holds("no baseline, tied", &ScoreFunction { baseline: Baseline::None }, TIED, 16, steps);
}

#[test]
fn terms_told_apart_and_wider_draws_follow_it_too() {
    holds("Rao-Blackwell", &RaoBlackwell, APART, 16, 60_000);
    // Steps without a rejection know nothing of the tie: with 64 draws one in 25,000.
    holds("Rao-Blackwell, tied", &RaoBlackwell, TIED, 64, 20_000);
    holds("overdispersed", &Overdispersed { dispersion: 1.5 }, APART, 1000, 1000);
}

/// The mean of the signal times the score over the accepted draws: what comes of leaving the others out.
struct Forgetful;

impl GradientEstimator<Target, MeanField> for Forgetful {
    type State = ();

    fn init(&self, _: &Target, _: &MeanField) {}

    fn estimate(&self, of: &Task<Target, MeanField>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        space.sample(of)?;
        space.evaluate(of)?;
        space.evaluate_q(of);
        let signal = |d: usize| space.pass.log_density[d] - space.log_q[d];
        let accepted = (0..of.at.num_draws).filter(|&d| signal(d).is_finite()).count() as f64;
        space.weights =
            (0..of.at.num_draws).map(|d| if signal(d).is_finite() { signal(d) / accepted } else { 0.0 }).collect();
        space.score(of);
        Ok(Estimate::default())
    }
}

#[test]
fn a_gradient_that_leaves_out_the_rejected_part_is_found_out() {
    let (target, family) = made(APART);
    let steps = Steps::new(&PARAMS, 16, 20_000);
    let measured = |estimator: &dyn AnyEstimator<Target, MeanField>| {
        let (all, _) = steps.run(&estimator, &target, &family);
        all.iter().map(|g| jensen::objective::mean_and_standard_error(g)).collect::<Vec<_>>()
    };
    let exact = derivative(&PARAMS, |params| bound(APART, params));
    assert!(laws::is_unbiased(&measured(&Forgetful), &exact, 50.0).is_err(), "not dividing the score's mean out");
    let without = derivative(&PARAMS, |params| parts(APART, params).0);
    let score = measured(&ScoreFunction::default());
    assert!(
        laws::is_unbiased(&score, &without, 50.0).is_err(),
        "the mean over accepted draws without ln of their share"
    );
    laws::is_unbiased(&score, &exact, 4.5).unwrap_or_else(|e| panic!("{e}"));
}

/// `E[ln(n / S)]` for the number `n > 0` of `S` draws that are accepted.
fn mean_ln_share(share: f64, draws: usize) -> f64 {
    let (mut chance, mut sum) = ((1.0 - share).powi(draws as i32), 0.0);
    let none = chance;
    for n in 1..=draws {
        chance *= (draws - n + 1) as f64 / n as f64 * share / (1.0 - share);
        sum += chance * (n as f64 / draws as f64).ln();
    }
    sum / (1.0 - none)
}

#[test]
fn every_estimator_reports_the_bound_of_what_is_accepted() {
    let (draws, monte_carlo) = (16, Pathwise { entropy: Entropy::MonteCarlo });
    let estimators: [(&str, Boxed); 9] = [
        ("score", Box::new(ScoreFunction::default())),
        ("score with a control variate", Box::new(ScoreFunction { baseline: Baseline::ControlVariate })),
        ("Rao-Blackwell", Box::new(RaoBlackwell)),
        ("overdispersed", Box::new(Overdispersed { dispersion: 1.0 })),
        ("pathwise", Box::new(Pathwise::default())),
        ("pathwise by Monte Carlo", Box::new(monte_carlo)),
        ("sticking the landing", Box::new(StickingTheLanding)),
        ("mixed", Box::new(Mixed { share: 0.3 })),
        ("control variate", Box::new(ControlVariate::default())),
    ];
    for (cut, (name, estimator)) in [APART, TIED].into_iter().flat_map(|cut| estimators.iter().map(move |e| (cut, e))) {
        let (target, family) = made(cut);
        let (_, values) = Steps::new(&PARAMS, draws, 4000).run(estimator, &target, &family);
        let values: Vec<f64> = values.into_iter().filter(|v| !v.is_nan()).collect();
        let (mean, error) = jensen::objective::mean_and_standard_error(&values);
        let (mean_f, ln_share) = parts(cut, &PARAMS);
        let exact = mean_f + mean_ln_share(ln_share.exp(), draws);
        assert!((mean - exact).abs() < 4.5 * error && error < 0.01, "{name}: {mean} ± {error}, exact {exact}");
    }
}

/// The bound of two draws of one latent under one logarithm, of q restricted to pairs of which one is accepted, by Simpson's
/// rule.
fn bound_of_two(mean: f64, ln_sd: f64) -> f64 {
    const PIECES: usize = 400;
    let sd = ln_sd.exp();
    let (from, until) = ((APART.bound - mean) / sd, 10.0);
    let below = 1.0 - CutNormal::new(from, f64::INFINITY).ln_share.exp();
    let h = (until - from) / PIECES as f64;
    let place = |k: usize| from + h * k as f64;
    let weight = |k: usize| {
        let times = if k == 0 || k == PIECES { 1.0 } else { [2.0, 4.0][k % 2] };
        times * h / 3.0 * (-0.5 * place(k).powi(2) - LN_SQRT_TAU).exp()
    };
    let log_weight = |k: usize| {
        let e = place(k);
        -0.5 * (mean + sd * e - CENTRES[0]).powi(2) + ln_sd + LN_SQRT_TAU + 0.5 * e * e
    };
    let points: Vec<(f64, f64)> = (0..=PIECES).map(|k| (weight(k), log_weight(k))).collect();
    let (mut both, mut one) = (0.0, 0.0);
    for (u, a) in &points {
        one += u * (a - std::f64::consts::LN_2);
        both += points.iter().map(|(v, b)| u * v * (0.5 * (a.exp() + b.exp())).ln()).sum::<f64>();
    }
    let any = 1.0 - below * below;
    (both + 2.0 * below * one) / any + any.ln()
}

/// The first latent of [`APART`].
struct Half;

impl Model for Half {
    fn log_joint(&self, p: &LogJoint) {
        let z = p.real("z");
        p.add(-0.5 * (z - CENTRES[0]).square());
        p.add(z.at_most(APART.bound).select(f64::NEG_INFINITY, 0.0));
    }
}

#[test]
fn the_score_function_of_two_draws_follows_the_bound_of_the_pairs_that_are_left() {
    let params = [PARAMS[0], PARAMS[2]];
    let exact = derivative(&params, |p| bound_of_two(p[0], p[1]));
    let target = ok(Target::new(&Half));
    let family = MeanField::new(target.layout());
    let steps = Steps::new(&params, 64, 60_000);
    let measured = steps.moments(&ImportanceWeightedScore { particles: 2 }, &target, &family);
    unbiased_with_power("score of two draws", &measured, &exact);
    unbiased_with_power("VIMCO", &steps.moments(&Vimco { particles: 2 }, &target, &family), &exact);
}

/// A latent cut at a place that an integer of three values chooses.
struct Beside;

const LEVELS: [f64; 3] = [0.0, 0.7, 0.2];

impl Model for Beside {
    fn log_joint(&self, p: &LogJoint) {
        let (z, k) = (p.real("z"), p.integer("k", 0..3));
        let level = k.equal_to(1).select(LEVELS[1], k.equal_to(2).select(LEVELS[2], 0.0));
        p.add(level - 0.5 * (z - CENTRES[0]).square());
        p.add(z.at_most(-0.7 + 0.8 * k.to_real()).select(f64::NEG_INFINITY, 0.0));
    }
}

/// The bound of q restricted, in mean, ln sd and three logits: the sum over the integer of what is accepted with each value.
fn bound_beside(params: &[f64]) -> f64 {
    let (mean, sd) = (params[0], params[1].exp());
    let total = params[2..].iter().map(|l| l.exp()).sum::<f64>().ln();
    let (mut sum, mut share) = (0.0, 0.0);
    for (k, level) in LEVELS.into_iter().enumerate() {
        let cut = CutNormal::new((-0.7 + 0.8 * k as f64 - mean) / sd, f64::INFINITY);
        let off = mean - CENTRES[0];
        let square = off * off + 2.0 * off * sd * cut.first + sd * sd * cut.second;
        let ln_q = params[2 + k] - total;
        let accepted = (ln_q + cut.ln_share).exp();
        sum += accepted * (level - 0.5 * square + params[1] + LN_SQRT_TAU + 0.5 * cut.second - ln_q);
        share += accepted;
    }
    sum / share + share.ln()
}

#[test]
fn integers_follow_the_bound_beside_a_latent_that_they_cut() {
    let params = [0.4, -0.2, 0.3, 0.0, 0.4];
    let exact = derivative(&params, bound_beside);
    let target = ok(Target::new(&Beside));
    let family = Product::new(MeanField::new(target.layout()), ok(CategoricalFactors::new(target.layout())));
    let steps = Steps::new(&params, 32, 60_000);
    // The real block of the hybrid lacks the boundary's term.
    let hybrid = Hybrid { real: RealGradient::StickingTheLanding, discrete: LeaveOneOut };
    let measured = steps.moments(&hybrid, &target, &family);
    unbiased_with_power("leave one out beside a latent", &measured[2..], &exact[2..]);
    assert!(
        laws::is_unbiased(&[measured[0].estimate()], &exact[..1], 50.0).is_err(),
        "the boundary's term: {measured:?}"
    );
    unbiased_with_power("score of both", &steps.moments(&ScoreFunction::default(), &target, &family), &exact);
}
