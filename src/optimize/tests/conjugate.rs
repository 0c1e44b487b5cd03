//! No rule moves the stationary point: a posterior known exactly, fitted with one draw per step.
//!
//! Target `N(2, 0.5^2)`, family `N(m, e^(2 w))`, one reparameterised draw `z = m + e^w noise` per step:
//! the gradient of the bound is `g = -(z - 2) / 0.25` in `m` and `g noise e^w + 1` in `w`. Its noise
//! in `w` is that of `1 - noise^2`, of skewness `-sqrt(8)`.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::optimize::*;

const NUM_SEEDS: u64 = 48;
const NUM_STEPS: u64 = 6000;

/// Errors of the fitted mean and of the fitted sd relative to 0.5, in units and standard errors.
#[derive(Debug)]
struct Recovery {
    mean: Estimate,
    sd: Estimate,
}

#[derive(Debug)]
struct Estimate {
    error: f64,
    standard_error: f64,
}

impl Estimate {
    fn new(errors: &[f64]) -> Self {
        let num = errors.len() as f64;
        let error = errors.iter().sum::<f64>() / num;
        let spread = errors.iter().map(|e| (e - error).powi(2)).sum::<f64>() / (num - 1.0);
        Self { error, standard_error: (spread / num).sqrt() }
    }

    /// Within four standard errors of `expected`.
    fn is_near(&self, expected: f64) -> bool {
        (self.error - expected).abs() < 4.0 * self.standard_error
    }
}

impl Recovery {
    /// Both errors within four standard errors, themselves below 0.002 and 0.3 %.
    fn is_right(&self) -> bool {
        let sharp = self.mean.standard_error < 2e-3 && self.sd.standard_error < 3e-3;
        sharp && self.mean.is_near(0.0) && self.sd.is_near(0.0)
    }
}

/// The average over the last half of one run.
fn fit<O: Optimizer>(rule: &O, seed: u64) -> [f64; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut params = [0.0, 0.0];
    let mut state = rule.init(&params);
    let mut sums = [0.0; 2];
    for step in 0..NUM_STEPS {
        // Box and Muller; 1 - u keeps the logarithm finite
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        let noise = radius * (std::f64::consts::TAU * rng.random::<f64>()).cos();
        let sd = params[1].exp();
        let g = -(params[0] + sd * noise - 2.0) / 0.25;
        rule.ascend(&mut state, &[g, g * noise * sd + 1.0], &mut params);
        if step >= NUM_STEPS / 2 {
            sums = [sums[0] + params[0], sums[1] + params[1]];
        }
    }
    sums.map(|sum| sum / (NUM_STEPS / 2) as f64)
}

fn recovery<O: Optimizer>(rule: &O) -> Recovery {
    let fits: Vec<[f64; 2]> = (0..NUM_SEEDS).map(|seed| fit(rule, seed)).collect();
    let of_mean: Vec<f64> = fits.iter().map(|fit| fit[0] - 2.0).collect();
    let of_sd: Vec<f64> = fits.iter().map(|fit| fit[1].exp() / 0.5 - 1.0).collect();
    Recovery { mean: Estimate::new(&of_mean), sd: Estimate::new(&of_sd) }
}

/// Falls by 1000: what the spread of the iterates adds to `E[e^(2 w)]` must be small against the noise.
fn falling(initial: f64) -> Schedule {
    Schedule::exponential(initial, 1e-3, NUM_STEPS)
}

/// The fault of `adagrad_window`: each gradient is divided by the root mean square of the last ten
/// gradients, itself among them.
struct WindowWithCurrent {
    step_size: Schedule,
}

impl Optimizer for WindowWithCurrent {
    type State = (u64, Vec<[f64; 10]>);

    fn init(&self, params: &[f64]) -> Self::State {
        (0, vec![[0.0; 10]; params.len()])
    }

    fn ascend(&self, state: &mut Self::State, grad: &[f64], params: &mut [f64]) {
        let (num_steps, windows) = state;
        let step = self.step_size.at(*num_steps);
        for ((param, g), window) in params.iter_mut().zip(grad).zip(windows) {
            window[(*num_steps % 10) as usize] = g * g;
            let filled = (*num_steps + 1).min(10) as f64;
            *param += step * g / (window.iter().sum::<f64>() / filled).sqrt();
        }
        *num_steps += 1;
    }
}

#[test]
fn every_named_rule_recovers_the_posterior() {
    for name in AnyOptimizer::NAMES {
        let rule: AnyOptimizer = name.parse().expect(name);
        let initial = match rule {
            AnyOptimizer::Sgd(_) => 0.05,
            AnyOptimizer::Dog(_) | AnyOptimizer::Dowg(_) | AnyOptimizer::AdaGrad(_) => 1.0,
            _ => 0.1,
        };
        let found = recovery(&rule.with_step_size(falling(initial)));
        assert!(found.is_right(), "{name}: {found:?}");
    }
}

#[test]
fn momentum_and_a_wide_clip_recover_the_posterior() {
    for momentum in [Momentum::HeavyBall(0.9), Momentum::Nesterov(0.9)] {
        let found = recovery(&Sgd { momentum, ..Sgd::new(falling(0.005)) });
        assert!(found.is_right(), "{momentum:?}: {found:?}");
    }
    let found = recovery(&RmsProp { decay: 0.9, momentum: 0.9, ..RmsProp::new(falling(0.1)) });
    assert!(found.is_right(), "rmsprop with a short window and momentum: {found:?}");
    let found = recovery(&Clipped { inner: Adam::new(falling(0.1)), clip: Clip::Norm(100.0) });
    assert!(found.is_right(), "clipped far out: {found:?}");
}

/// The check above fails where it must: the sd comes out wide, by amounts seen elsewhere for the same fault.
#[test]
fn a_normaliser_that_contains_its_gradient_is_found_out() {
    let found = recovery(&WindowWithCurrent { step_size: falling(0.1) });
    assert!(!found.is_right() && (0.07..0.11).contains(&found.sd.error), "window of ten: {found:?}");
    let found = recovery(&Adam { b2: 0.9, ..Adam::new(falling(0.1)) });
    assert!(!found.is_right() && (0.03..0.07).contains(&found.sd.error), "adam, b2 = 0.9: {found:?}");
    let narrow = Clipped { inner: Adam::new(falling(0.1)), clip: Clip::Coordinate(2.0) };
    let found = recovery(&narrow);
    assert!(!found.is_right() && found.sd.error > 0.05, "clipped within the noise: {found:?}");
}

/// At rest `grad = weight_decay * param * noise sd`. In the mean the noise sd is `e^w / 0.25 = 2` and the
/// slope 4: the pull on 2 is 1 % of `2 * 2 / 4`, less what moves the sd.
#[test]
fn weight_decay_pulls_by_what_its_docs_say() {
    let found = recovery(&AdamW { adam: Adam::new(falling(0.1)), weight_decay: 0.01 });
    assert!(found.mean.is_near(-0.01) && !found.mean.is_near(0.0), "{found:?}");
}
