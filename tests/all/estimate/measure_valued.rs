//! The measure-valued gradient of gamma laws, against closed forms.

use super::steps::{allocations, first_step};
use jensen::estimate::{Design, MeasureValued, Point, ScoreFunction, Task};
use jensen::family::{Family, GammaFactors};
use jensen::model::RowSet;
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws::{self, Case};
use statrs::function::gamma::{digamma, ln_gamma};

/// `2.5 ln x - 0.4 x^2` for one latent, and in each of three rows `1.5 ln y - rate y`.
struct Positive;

const RATES: [f64; 3] = [0.5, 2.0, 6.0];

impl Model for Positive {
    fn log_joint(&self, p: &LogJoint) {
        let x = p.positive("x");
        p.add(2.5 * x.ln() - 0.4 * x.square());
        let rates = Column::new(RATES);
        p.rows(3, |i| {
            let y = i.positive("y");
            i.add(1.5 * y.ln() - rates.at(i) * y);
        });
    }
}

/// `E[ln x]`, `E[x]`, `E[x^2]` and the entropy of a gamma law with this `[ln mean, ln shape]`.
fn moments(ln_mean: f64, ln_shape: f64) -> [f64; 4] {
    let (mean, shape) = (ln_mean.exp(), ln_shape.exp());
    let rate = shape / mean;
    let entropy = shape - rate.ln() + ln_gamma(shape) + (1.0 - shape) * digamma(shape);
    [digamma(shape) - rate.ln(), mean, shape * (shape + 1.0) / (rate * rate), entropy]
}

/// The bound, each row counted `counts` times; the Jacobians of log p and log q cancel.
fn bound(params: &[f64], counts: &[f64; 3]) -> f64 {
    let [ln, _, square, entropy] = moments(params[0], params[1]);
    let of_rows = (0..3).map(|r| {
        let [ln, mean, _, entropy] = moments(params[2 + r], params[5 + r]);
        counts[r] * (1.5 * ln - RATES[r] * mean + entropy)
    });
    2.5 * ln - 0.4 * square + entropy + of_rows.sum::<f64>()
}

/// By central differences of fourth order, error about 1e-10.
fn gradient(params: &[f64], counts: &[f64; 3]) -> Vec<(f64, f64)> {
    let at = |k: usize, h: f64| {
        let mut moved = params.to_vec();
        moved[k] += h;
        bound(&moved, counts)
    };
    let one = |k: usize, h: f64| (at(k, h) - at(k, -h)) / (2.0 * h);
    (0..params.len()).map(|k| ((4.0 * one(k, 1e-3) - one(k, 2e-3)) / 3.0, 0.0)).collect()
}

#[test]
fn both_parameters_of_a_gamma_law_have_gradients_without_bias() {
    let target = Target::new(&Positive).unwrap();
    let family = GammaFactors::new(target.layout());
    // Shapes 3, 0.4, 1 and 20: heavier than an exponential, and nearly normal.
    let params = [0.3, 3f64.ln(), 0.2, -0.4, 0.6, 0.4f64.ln(), 0.0, 20f64.ln()];
    for (rows, counts) in [(RowSet::all(), [1.0; 3]), (RowSet::minibatch(vec![2, 0], 3), [1.5, 0.0, 1.5])] {
        let exact = gradient(&params, &counts);
        let (layout, streams) = (target.layout(), Streams::new(3));
        let case = Case { layout, params: &params, theta: &[], rows: &rows, streams, num_draws: 500 };
        let found = laws::mean_gradient(&MeasureValued, &target, &family, &case, 600).unwrap();
        laws::is_unbiased(&found, &exact, 4.5).unwrap();
        let planted: Vec<(f64, f64)> = exact.iter().map(|(g, e)| (1.02 * g, *e)).collect();
        assert!(laws::is_unbiased(&found, &planted, 4.5).is_err(), "a bias of 2 % goes unseen");
        let score = laws::mean_gradient(&ScoreFunction::default(), &target, &family, &case, 100).unwrap();
        let noise = |all: &[(f64, f64)]| all.iter().map(|(_, se)| se * se).sum::<f64>();
        assert!(6.0 * noise(&found) < noise(&score), "{found:?} {score:?}");
    }
}

#[test]
fn shapes_at_either_end_are_finite_and_without_bias() {
    struct One;
    impl Model for One {
        fn log_joint(&self, p: &LogJoint) {
            let x = p.positive("x");
            p.add(x.ln() - x);
        }
    }
    let target = Target::new(&One).unwrap();
    let family = GammaFactors::new(target.layout());
    for shape in [0.02f64, 400.0] {
        let (params, rows) = ([0.4, shape.ln()], RowSet::all());
        let of = |p: &[f64]| {
            let [ln, mean, _, entropy] = moments(p[0], p[1]);
            ln - mean + entropy
        };
        let slope = |k: usize| {
            let at = |h: f64| of(&[params[0] + if k == 0 { h } else { 0.0 }, params[1] + if k == 1 { h } else { 0.0 }]);
            let one = |h: f64| (at(h) - at(-h)) / (2.0 * h);
            ((4.0 * one(1e-3) - one(2e-3)) / 3.0, 0.0)
        };
        let (layout, streams) = (target.layout(), Streams::new(5));
        let case = Case { layout, params: &params, theta: &[], rows: &rows, streams, num_draws: 400 };
        let found = laws::mean_gradient(&MeasureValued, &target, &family, &case, 300).unwrap();
        assert!(found.iter().all(|(g, se)| g.is_finite() && se.is_finite()), "{found:?}");
        laws::is_unbiased(&found, &[slope(0), slope(1)], 4.5).unwrap();
    }
}

/// A log density of one beyond `x = 1.3` has no gradient to speak of: the bound less its entropy is a probability.
#[test]
fn a_jump_is_seen() {
    let values = jensen::target::ValueOnly::new(&["z"], |z: &[f64]| if z[0].exp() > 1.3 { 1.0 } else { 0.0 });
    let family = GammaFactors::new(values.layout());
    let (params, rows) = ([0.1, 0.5], RowSet::all());
    let beyond = |ln_mean: f64, ln_shape: f64| {
        let (shape, rate) = (ln_shape.exp(), (ln_shape - ln_mean).exp());
        statrs::function::gamma::gamma_ur(shape, 1.3 * rate)
    };
    let h = 1e-4;
    let slope = [
        (beyond(0.1 + h, 0.5) - beyond(0.1 - h, 0.5)) / (2.0 * h),
        (beyond(0.1, 0.5 + h) - beyond(0.1, 0.5 - h)) / (2.0 * h),
    ];
    let mut entropy = [0.0; 2];
    family.add_entropy_gradient(&params, &rows, 1.0, &mut entropy);
    let exact = [0, 1].map(|k| (slope[k] + entropy[k], 0.0));
    let (layout, streams) = (values.layout(), Streams::new(8));
    let case = Case { layout, params: &params, theta: &[], rows: &rows, streams, num_draws: 500 };
    let found = laws::mean_gradient(&MeasureValued, &values, &family, &case, 400).unwrap();
    laws::is_unbiased(&found, &exact, 4.5).unwrap();
}

#[test]
fn a_draw_without_a_value_is_left_out_and_counted() {
    let values = jensen::target::ValueOnly::new(&["z"], |z: &[f64]| if z[0] > 0.5 { f64::NAN } else { -z[0] });
    let family = GammaFactors::new(values.layout());
    let (rows, streams) = (RowSet::all(), Streams::new(2).at_step(0));
    let at =
        Point { params: &[0.0, 0.0], theta: &[], rows: &rows, streams, num_draws: 64, design: Design::Independent };
    let (found, space) = first_step(&MeasureValued, &Task { target: &values, family: &family, at }).unwrap();
    // x > e^0.5 has a chance of 0.19, x plus an exponential number one of 0.51: of 64 draws 33 (sd 4).
    assert!((17..=49).contains(&found.rejected) && found.evaluations == 3 * 64, "{found:?}");
    assert!(found.value.is_finite() && space.grad.iter().all(|g| g.is_finite()), "{:?}", space.grad);
}

#[test]
fn no_step_allocates() {
    assert_eq!(allocations(&Positive, |target| GammaFactors::new(target.layout()), MeasureValued), 0);
}
