//! Unbiased gradients with a relaxed control variate: REBAR and RELAX.

use serde::{Deserialize, Serialize};

use super::super::Point;
use super::relaxed::{bound_of_draws, set, shape};
use super::soft::{Place, Soft};
use super::temperature::{Temperature, TemperatureState};
use super::{DiscreteGradient, Lanes, Relaxation, Shape};
use crate::family::{Discrete, weight_of};
use crate::model::RowSet;
use crate::target::DensityError;

/// `(f(b) - scale c) d log q(b) + scale (d c(zeta) - d c(zeta | b))` in the log probabilities, with
/// `c = f(softmax(zeta / temperature))`, `f = log p - log q` and `b = argmax zeta`.
///
/// The two paths have the same noise: `zeta` and `zeta | b` are one number, and their derivatives differ by the factor
/// `exp(zeta_k - zeta_b)`. So one relaxed evaluation serves both, two evaluations a draw in all, one of them
/// differentiated. Each of `f` and `c` has its own running mean taken off; the scale, and the multiple of the score that is left
/// to take off, are the best ones for the steps before this one, one and none at the start, and the temperature is fixed ([`LearnedRebar`] learns it). Unbiased: what was learned comes from earlier steps.
///
/// Needs a relaxation of the density ([`LogDensity::relaxed`](crate::target::LogDensity::relaxed)).
///
/// *Source*: Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein 2017; coupled noise is theirs, taken to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rebar {
    /// Greater than zero.
    pub temperature: f64,
}

/// As [`Rebar`], with a temperature that follows the gradient of the variance.
///
/// Half the draws are taken at `e^0.25` times the temperature, the others at `e^-0.25` times, by turns over draws and
/// steps; the difference of their squared lengths is a gradient of the variance in the logarithm of the temperature.
/// That costs no evaluation, so a step costs what one of [`Rebar`] does. Unbiased at every temperature. Kept between
/// 0.02 and 50.
///
/// *Source*: Tucker et al. 2017, section 3.2, who differentiate the squared gradient; departure: two sides are compared
/// instead, since the derivative of a relaxed gradient takes second derivatives of the density.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearnedRebar {
    /// Where the temperature starts; greater than zero.
    pub temperature: f64,
}

/// As [`Rebar`], with `scale c + sum_k slope_k (w_k - q(k))` in the place of `scale c`: a linear surrogate of the
/// weights, one slope for each value of each site, that is learned by stochastic gradients of the variance.
///
/// It needs what [`Rebar`] does; two evaluations a draw; unbiased, as the slopes come from earlier steps. Better than [`Rebar`] where the relaxed
/// density says little of the density at the corners, after some hundred steps.
///
/// *Source*: Grathwohl, Choi, Wu, Roeder and Duvenaud 2018, with a linear function in the place of their network and
/// the coupled noise of [`Rebar`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relax {
    /// Greater than zero.
    pub temperature: f64,
}

macro_rules! controlled {
    ($name:ident, $learns:expr) => {
        impl<G: Discrete + ?Sized> DiscreteGradient<G> for $name {
            type State = RebarState;

            fn shape(&self, _: &G, _: &RowSet, _: usize) -> Result<Shape, DensityError> {
                shape(stringify!($name), self.temperature, Relaxation::Inside)
            }

            fn set(&self, family: &G, at: &Point, state: &mut RebarState, lanes: &mut Lanes) {
                let found = Temperature::recall(self.temperature, $learns, &state.learned.temperature);
                set(family, at, lanes, |d| found.of_draw(d));
            }

            fn add_gradient(
                &self,
                family: &G,
                at: &Point,
                RebarState { learned, control }: &mut RebarState,
                lanes: &mut Lanes,
                grad: &mut [f64],
            ) -> f64 {
                let value = bound_of_draws(family, at, lanes);
                control.recall(self.temperature, $learns, learned, lanes);
                control.relaxed_signals(family, at, lanes);
                control.add(family, at, lanes, grad);
                control.learn(family, at, lanes, learned);
                value
            }
        }
    };
}
controlled!(Rebar, Learns::Scale);
controlled!(LearnedRebar, Learns::Temperature);
controlled!(Relax, Learns::Slopes);

/// What is learned from step to step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Learns {
    #[default]
    Scale,
    Temperature,
    Slopes,
}

/// How fast the past is forgotten, in draws, and draws before the scale is followed.
const DECAY: f64 = 0.99;
const ENOUGH: f64 = 20.0;

/// Step of a slope in units of the signal's standard deviation, and the decays of its moments.
const RATE: f64 = 0.02;
const MOMENTS: (f64, f64) = (0.9, 0.99);

/// Sums over the draws of earlier steps, of which the later count more: draws, signals, their squares,
/// `<rest, control>`, `<control, control>`, relaxed signals, and the products of rest, control and score with the score.
const SUMS: usize = 9;

/// What is learned from step to step, and the control variate of a step.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RebarState {
    learned: Learned,
    #[serde(skip)]
    control: Control,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Learned {
    sums: [f64; SUMS],
    temperature: TemperatureState,
    /// Steps in which slopes were moved.
    steps: f64,
    slopes: Vec<Slope>,
}

/// The slope of one value of a site, and the running means of its gradient and of the square of it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Slope {
    value: f64,
    mean: f64,
    square: f64,
}

/// The control variate of one step.
#[derive(Clone, Debug, Default)]
struct Control {
    temperature: Temperature,
    learns: bool,
    scale: f64,
    /// The multiple of the score that is added: the baseline of what the scale leaves.
    shift: f64,
    /// Running means of the signal and of the relaxed signal, each of which is taken off its own: they differ, and with one
    /// centre for both the difference times the score is noise.
    centre: f64,
    relaxed_centre: f64,
    /// Relaxed signal and linear surrogate of each draw.
    relaxed: Vec<f64>,
    linear: Vec<f64>,
    /// What this step adds to the sums.
    sums: [f64; SUMS],
    /// Squared length of each draw's gradient.
    squares: Vec<f64>,
    slopes: Vec<f64>,
    slope_bar: Vec<f64>,
    /// Where slopes are learned, the gradient in the logits, `[lane][draw]`, and its derivative along each draw's score.
    tangent: Vec<f64>,
    along_score: Vec<f64>,
    /// One latent's and one draw's gradients: without the control variate, and of it.
    rest: Vec<f64>,
    control: Vec<f64>,
    p: Vec<f64>,
    bar: Vec<f64>,
}

/// The weights of one latent in one draw, `[value]`.
struct Values<'a> {
    soft: &'a Soft,
    place: Place,
    draws: usize,
    d: usize,
    /// The value drawn, and the power of the ratios to its weight.
    drawn: usize,
    temperature: f64,
}

impl Values<'_> {
    fn number(&self, k: usize) -> usize {
        self.place.lane(k) * self.draws + self.d
    }

    fn weight(&self, k: usize) -> f64 {
        self.soft.weights[self.number(k)]
    }

    /// `(d zeta_k - d (zeta | b)_k) / d log q(k) = exp(zeta_k - zeta_b)`.
    fn differs(&self, k: usize) -> f64 {
        if k == self.drawn { 1.0 } else { (self.weight(k) / self.weight(self.drawn)).powf(self.temperature) }
    }

    /// `sum_m slope(m) d w_m / d zeta_k` times what the two paths differ by.
    fn path(&self, slope: impl Fn(usize) -> f64, k: usize, mean: f64) -> f64 {
        self.weight(k) / self.temperature * (slope(k) - mean) * self.differs(k)
    }

    fn mean(&self, slope: impl Fn(usize) -> f64) -> f64 {
        (0..self.place.integer.num_values).map(|k| self.weight(k) * slope(k)).sum()
    }
}

/// `ln p`, finite also where the value cannot occur and has no weight.
fn log(p: f64) -> f64 {
    p.max(f64::MIN_POSITIVE).ln()
}

impl Control {
    fn recall(&mut self, temperature: f64, how: Learns, learned: &mut Learned, lanes: &Lanes) {
        let learns = how == Learns::Slopes;
        let features = if learns { lanes.soft.num_features() } else { 0 };
        self.temperature = Temperature::recall(temperature, how, &learned.temperature);
        if learned.slopes.len() != features {
            *learned = Learned { slopes: vec![Slope::default(); features], ..Learned::default() };
        }
        let [draws, sum, _, cross, square, relaxed, rest_score, control_score, scores] = learned.sums;
        self.learns = learns;
        (self.scale, self.shift) = (1.0, 0.0);
        if draws >= ENOUGH && square > 0.0 {
            let det = square * scores - control_score * control_score;
            (self.scale, self.shift) = if det > 1e-9 * square * scores {
                (
                    (rest_score * control_score - cross * scores) / det,
                    (cross * control_score - rest_score * square) / det,
                )
            } else {
                (-cross / square, 0.0)
            };
        }
        let mean = |sum: f64| if draws > 0.0 { sum / draws } else { 0.0 };
        (self.centre, self.relaxed_centre) = (mean(sum), mean(relaxed));
        self.sums = [0.0; SUMS];
        self.slopes.clear();
        self.slopes.extend(learned.slopes.iter().map(|slope| slope.value));
        self.slope_bar.clear();
        self.slope_bar.resize(features, 0.0);
        self.tangent.resize(if learns { lanes.soft.weights.len() } else { 0 }, 0.0);
        self.relaxed.clone_from(&lanes.soft.signal);
        for buffer in [&mut self.linear, &mut self.along_score, &mut self.squares] {
            buffer.clear();
            buffer.resize(lanes.num_draws, 0.0);
        }
    }

    /// Takes the relaxed `log q` off the relaxed density, and adds up the linear surrogate.
    fn relaxed_signals<G: Discrete + ?Sized>(&mut self, family: &G, at: &Point, lanes: &Lanes) {
        for (latent, place) in lanes.soft.places.iter().enumerate() {
            family.probabilities(at.params, at.rows, latent, &mut self.p);
            let counts = weight_of(at.rows, place.integer.in_rows);
            for (k, p) in self.p.iter().enumerate() {
                let weights = &lanes.soft.weights[place.lane(k) * lanes.num_draws..][..lanes.num_draws];
                let log_p = counts * log(*p);
                self.relaxed.iter_mut().zip(weights).for_each(|(c, w)| *c -= w * log_p);
                if self.learns {
                    let slope = self.slopes[place.feature(k)];
                    self.linear.iter_mut().zip(weights).for_each(|(r, w)| *r += slope * (w - p));
                }
            }
        }
    }

    fn add<G: Discrete + ?Sized>(&mut self, family: &G, at: &Point, lanes: &Lanes, grad: &mut [f64]) {
        let (draws, soft) = (lanes.num_draws, &lanes.soft);
        for (latent, &place) in soft.places.iter().enumerate() {
            let counts = weight_of(at.rows, place.integer.in_rows);
            family.probabilities(at.params, at.rows, latent, &mut self.p);
            let n = place.integer.num_values;
            for buffer in [&mut self.bar, &mut self.rest, &mut self.control] {
                buffer.clear();
                buffer.resize(n, 0.0);
            }
            for (d, share) in lanes.share.iter().enumerate().filter(|(_, s)| **s > 0.0) {
                let drawn = (place.integer.lane(&lanes.z)[d] - place.integer.low) as usize;
                let temperature = self.temperature.of_draw(d);
                let values = Values { soft, place, draws, d, drawn, temperature };
                self.one(&values, lanes.signal[d], counts);
                for k in 0..n {
                    self.bar[k] += share * (self.rest[k] + self.scale * self.control[k]);
                }
                self.bar[drawn] += share * self.shift;
                self.measure(&values);
            }
            family.pull_log_probabilities(at.params, at.rows, latent, &self.bar, grad);
        }
        for (d, _) in lanes.share.iter().enumerate().filter(|(_, s)| **s > 0.0) {
            let signal = lanes.signal[d] - self.linear[d];
            (self.sums[0], self.sums[1]) = (self.sums[0] + 1.0, self.sums[1] + signal);
            self.sums[2] += signal * signal;
            self.sums[5] += self.relaxed[d];
        }
    }

    /// Overwrites `rest` and `control` with one latent's gradients in the log probabilities, in one draw.
    fn one(&mut self, values: &Values, signal: f64, counts: f64) {
        let Values { soft, place, d, drawn, .. } = *values;
        let slope = |k: usize| soft.bar[values.number(k)] - counts * log(self.p[k]);
        let mean = values.mean(slope);
        for k in 0..self.p.len() {
            self.rest[k] = 0.0;
            self.control[k] = values.path(slope, k, mean);
        }
        if self.learns {
            let own = |k: usize| self.slopes[place.feature(k)];
            let mean = values.mean(own);
            for k in 0..self.p.len() {
                self.rest[k] = values.path(own, k, mean);
            }
        }
        self.rest[drawn] += signal - self.centre - self.linear[d];
        self.control[drawn] -= self.relaxed[d] - self.relaxed_centre;
    }

    /// Adds to the moments the scale is learned from, and keeps the gradient in the logits.
    fn measure(&mut self, values: &Values) {
        let (rest, control): (f64, f64) = (self.rest.iter().sum(), self.control.iter().sum());
        let mut along = 0.0;
        for k in 0..self.p.len() {
            let (a, b) = (self.rest[k] - self.p[k] * rest, self.control[k] - self.p[k] * control);
            self.sums[3] += a * b;
            self.sums[4] += b * b;
            let score = f64::from(u8::from(k == values.drawn)) - self.p[k];
            self.sums[6] += a * score;
            self.sums[7] += b * score;
            self.sums[8] += score * score;
            let e = a + self.scale * b + self.shift * score;
            self.squares[values.d] += e * e;
            if self.learns {
                self.tangent[values.number(k)] = e;
                along += e * score;
            }
        }
        // The derivative of the squared length in the gradient before the mean was taken off.
        if self.learns {
            let own: f64 = (0..self.p.len()).map(|k| self.p[k] * self.tangent[values.number(k)]).sum();
            (0..self.p.len()).for_each(|k| self.tangent[values.number(k)] -= own);
            self.along_score[values.d] += along;
        }
    }

    fn learn<G: Discrete + ?Sized>(&mut self, family: &G, at: &Point, lanes: &Lanes, learned: &mut Learned) {
        let forget = DECAY.powf(self.sums[0]);
        learned.sums.iter_mut().zip(self.sums).for_each(|(sum, new)| *sum = forget * *sum + new);
        if self.learns && self.sums[0] > 0.0 {
            self.slopes_bar(family, at, lanes);
            self.move_slopes(learned);
        }
        self.temperature.learn(&self.squares, &lanes.share, &mut learned.temperature);
    }

    /// The derivative of the squared length of the gradient in the slopes, summed over draws, halved.
    fn slopes_bar<G: Discrete + ?Sized>(&mut self, family: &G, at: &Point, lanes: &Lanes) {
        let (draws, soft) = (lanes.num_draws, &lanes.soft);
        for (latent, &place) in soft.places.iter().enumerate() {
            family.probabilities(at.params, at.rows, latent, &mut self.p);
            for (d, _) in lanes.share.iter().enumerate().filter(|(_, s)| **s > 0.0) {
                let drawn = (place.integer.lane(&lanes.z)[d] - place.integer.low) as usize;
                let temperature = self.temperature.of_draw(d);
                let values = Values { soft, place, draws, d, drawn, temperature };
                let n = place.integer.num_values;
                let pulled = |m: usize| self.tangent[values.number(m)] * values.differs(m);
                let mean: f64 = (0..n).map(|m| values.weight(m) * pulled(m)).sum();
                for k in 0..n {
                    let path = values.weight(k) / temperature * (pulled(k) - mean);
                    self.slope_bar[place.feature(k)] += path - (values.weight(k) - self.p[k]) * self.along_score[d];
                }
            }
        }
    }

    fn move_slopes(&self, learned: &mut Learned) {
        let (a, b) = MOMENTS;
        learned.steps += 1.0;
        let (first_left, second_left) = (1.0 - a.powf(learned.steps), 1.0 - b.powf(learned.steps));
        let [draws, sum, squares, ..] = learned.sums;
        let (mean, square) = (sum / draws, squares / draws);
        let rate = RATE * (square - mean * mean).max(0.0).sqrt();
        for (slope, g) in learned.slopes.iter_mut().zip(&self.slope_bar) {
            slope.mean = a * slope.mean + (1.0 - a) * g;
            slope.square = b * slope.square + (1.0 - b) * g * g;
            let size = (slope.square / second_left).sqrt();
            if size > 0.0 {
                slope.value -= rate * (slope.mean / first_left) / size;
            }
        }
    }
}
