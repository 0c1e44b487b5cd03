//! Pathwise and measure-valued gradients against closed forms: toys A and B, designs of the draws, control variates.

use super::moments::{Moments, Steps, derivative, normal_mean, unbiased_with_power};
use super::steps::first_step;
use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::{
    AnyEstimator, ControlVariate, Curvature, Design, DoublyReparameterized, Entropy, MeasureValued, Mixed, Pathwise,
    Point, ScoreFunction, StickingTheLanding, Task,
};
use jensen::family::{Family, FullRank, MeanField, Reparam, StudentTNoise};
use jensen::fit::{MaxSteps, run};
use jensen::model::RowSet;
use jensen::objective::ImportanceWeighted;
use jensen::optimize::{Adam, Average, Schedule};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{Differentiable, HandWritten, LogDensity, Target, ValueOnly};
use jensen::testing::laws::{self, Case};

const FULL: ControlVariate = ControlVariate { curvature: Curvature::Full };
const CLOSED: Pathwise = Pathwise { entropy: Entropy::ClosedForm };

/// The variance agrees with the closed form to 1 %, and the draws suffice to say so.
fn variance_is(name: &str, measured: Moments, expected: f64) {
    let ratio = measured.variance / expected;
    assert!(4.0 * measured.variance_error() < 0.01, "{name}: too few draws, {}", measured.variance_error());
    assert!((ratio - 1.0).abs() < 0.01, "{name}: variance {} for {expected}", measured.variance);
}

/// `f = (x - k)^2` under `N(mu, sigma^2)`, `delta = mu - k`; what is measured is the gradient in `ln sigma`, `sigma`
/// times that in `sigma`. The scale's measure-valued variance, from `E v^2 = 3`, `E v^4 = 15`:
/// `4 delta^2 + 8 sigma^2 - 4 sigma^2`.
#[test]
fn toy_a_has_its_closed_form_variances() {
    let (mu, sigma, k) = (1.2f64, 0.5f64, -0.6f64);
    let delta = mu - k;
    let params = [mu, sigma.ln()];
    let family = MeanField::of_dimension(1);
    let steps = Steps::new(&params, 1, 1_000_000);
    let target = HandWritten::new(&["x"], |z: &[f64], grad: &mut [f64]| {
        grad[0] = 2.0 * (z[0] - k);
        (z[0] - k).powi(2)
    });
    let values = ValueOnly::new(&["x"], |z: &[f64]| (z[0] - k).powi(2));
    let path = steps.moments(&CLOSED, &target, &family);
    variance_is("pathwise mean", path[0], 4.0 * sigma.powi(2));
    variance_is("pathwise scale", path[1], sigma.powi(2) * (4.0 * delta.powi(2) + 8.0 * sigma.powi(2)));
    let measure = steps.moments(&MeasureValued, &values, &family);
    variance_is("measure-valued mean", measure[0], 4.0 * delta.powi(2) * (4.0 / std::f64::consts::PI - 1.0));
    variance_is("measure-valued scale", measure[1], sigma.powi(2) * (4.0 * delta.powi(2) + 4.0 * sigma.powi(2)));
    // The means: 2 delta, and sigma times 2 sigma with the entropy's 1.
    let exact = [(2.0 * delta, 0.0), (2.0 * sigma.powi(2) + 1.0, 0.0)];
    unbiased_with_power("pathwise", &path, &exact);
    unbiased_with_power("measure-valued", &measure, &exact);
}

/// `N(mu, sigma^2)` for the target `N(m, r^2)`.
#[test]
fn toy_b_has_its_closed_form_variances() {
    let (mu, sigma, m, r) = (0.8f64, 0.9f64, -1.5f64, 0.7f64);
    let params = [mu, sigma.ln()];
    let family = MeanField::of_dimension(1);
    let target = HandWritten::new(&["x"], |z: &[f64], grad: &mut [f64]| {
        grad[0] = -(z[0] - m) / (r * r);
        -0.5 * ((z[0] - m) / r).powi(2)
    });
    let steps = Steps::new(&params, 1, 1_600_000);
    let shift = ((mu - m) / (r * r)).powi(2);
    let check = |name: &str, found: Vec<Moments>, slope: f64| {
        variance_is(name, found[0], slope.powi(2));
        variance_is(name, found[1], sigma.powi(2) * (shift + 2.0 * slope.powi(2)));
    };
    // The gradient is -(mu - m) / r^2 plus a slope times the noise.
    check("closed entropy", steps.moments(&CLOSED, &target, &family), sigma / (r * r));
    check("sticking", steps.moments(&StickingTheLanding, &target, &family), 1.0 / sigma - sigma / (r * r));
    check("mixed", steps.moments(&Mixed { share: 0.4 }, &target, &family), 0.4 / sigma - sigma / (r * r));
}

/// Two coupled latents with a quartic and a kink-free logistic term.
fn bent(z: &[f64]) -> f64 {
    -0.5 * z[0].powi(2) - (z[0] + 0.8 * z[1]).exp().ln_1p() - 0.1 * z[1].powi(4) + 0.4 * z[1]
}

fn bent_target() -> impl Differentiable {
    HandWritten::new(&["a", "b"], |z: &[f64], grad: &mut [f64]| {
        let s = 1.0 / (1.0 + (-z[0] - 0.8 * z[1]).exp());
        grad[0] = -z[0] - s;
        grad[1] = -0.8 * s - 0.4 * z[1].powi(3) + 0.4;
        bent(z)
    })
}

/// The factor of the covariance of either family in two dimensions.
fn factor(params: &[f64]) -> [f64; 3] {
    match params {
        [_, _, a, b] => [a.exp(), 0.0, b.exp()],
        _ => [params[2].exp(), params[3], params[4].exp()],
    }
}

/// The exact derivative of the bound, by quadrature over the noise.
fn exact_gradient(params: &[f64]) -> Vec<(f64, f64)> {
    derivative(params, |params| {
        let [a, b, c] = factor(params);
        let mean = normal_mean(|x| normal_mean(|y| bent(&[params[0] + a * x, params[1] + b * x + c * y])));
        mean + (a * c).ln()
    })
}

const MEAN_FIELD: [f64; 4] = [0.9, -0.7, -0.2, -0.4];
const FULL_RANK: [f64; 5] = [0.9, -0.7, -0.2, 0.5, -0.4];
const DESIGNS: [Design; 4] = [Design::Independent, Design::Antithetic, Design::LatinHypercube, Design::QuasiRandom];

#[test]
fn every_design_is_unbiased_and_sees_two_parts_in_a_hundred() {
    let target = bent_target();
    for design in DESIGNS {
        let check = |name: &str, params: &[f64], family: &dyn Reparam| {
            let steps = Steps { design, ..Steps::new(params, 8, 30_000) };
            let exact = exact_gradient(params);
            let name = format!("{name}, {design:?}");
            unbiased_with_power(&name, &steps.moments(&CLOSED, &target, family), &exact);
            unbiased_with_power(&name, &steps.moments(&StickingTheLanding, &target, family), &exact);
        };
        check("mean field", &MEAN_FIELD, &MeanField::of_dimension(2));
        check("full rank", &FULL_RANK, &FullRank::new(2));
    }
}

#[test]
fn designs_reduce_the_variance() {
    let (target, family) = (bent_target(), FullRank::new(2));
    let total = |design| {
        let steps = Steps { design, ..Steps::new(&FULL_RANK, 32, 3000) };
        steps.moments(&CLOSED, &target, &family).iter().map(|m| m.variance).sum::<f64>()
    };
    let independent = total(Design::Independent);
    assert!(total(Design::LatinHypercube) < 0.5 * independent, "{}", total(Design::LatinHypercube) / independent);
    assert!(total(Design::QuasiRandom) < 0.3 * independent, "{}", total(Design::QuasiRandom) / independent);
}

#[test]
fn control_variates_mixtures_and_measures_are_unbiased() {
    let target = bent_target();
    let exact = [exact_gradient(&MEAN_FIELD), exact_gradient(&FULL_RANK)];
    let (mean_field, full_rank) = (MeanField::of_dimension(2), FullRank::new(2));
    let diagonal = ControlVariate { curvature: Curvature::Diagonal { probes: 1 } };
    for design in [Design::Independent, Design::QuasiRandom] {
        let steps = |params| Steps { design, ..Steps::new(params, 8, 20_000) };
        let near = |name, found: Vec<Moments>, exact| unbiased_with_power(name, &found, exact);
        near("full, mean field", steps(&MEAN_FIELD).moments(&FULL, &target, &mean_field), &exact[0]);
        near("full, full rank", steps(&FULL_RANK).moments(&FULL, &target, &full_rank), &exact[1]);
        near("diagonal, mean field", steps(&MEAN_FIELD).moments(&diagonal, &target, &mean_field), &exact[0]);
        near("diagonal, full rank", steps(&FULL_RANK).moments(&diagonal, &target, &full_rank), &exact[1]);
        near("mixed", steps(&FULL_RANK).moments(&Mixed { share: 0.3 }, &target, &full_rank), &exact[1]);
    }
    let values = ValueOnly::new(&["a", "b"], bent);
    let found = Steps::new(&MEAN_FIELD, 8, 20_000).moments(&MeasureValued, &values, &mean_field);
    unbiased_with_power("measure-valued", &found, &exact[0]);
}

/// A mixture in a family without a closed entropy is unbiased too: its two ends agree.
#[test]
fn a_mixture_ends_in_its_parts() {
    let (target, family) = (bent_target(), StudentTNoise::new(FullRank::new(2), 6.0).unwrap());
    let steps = Steps::new(&FULL_RANK, 4, 5);
    let of = |estimator: &dyn AnyEstimator<_, _>| steps.run(&estimator, &target, &family).0;
    for (share, end) in [(0.0, &CLOSED as &dyn AnyEstimator<_, _>), (1.0, &StickingTheLanding)] {
        for (a, b) in of(&Mixed { share }).iter().flatten().zip(of(end).iter().flatten()) {
            assert!((a - b).abs() < 1e-12, "{share}: {a} {b}");
        }
    }
}

/// A quadratic log density in three dimensions.
const PRECISION: [[f64; 3]; 3] = [[1.5, 0.4, -0.3], [0.4, 2.0, 0.5], [-0.3, 0.5, 1.0]];
const CENTRE: [f64; 3] = [0.5, -1.0, 0.2];

fn quadratic() -> impl Differentiable {
    HandWritten::new(&["a", "b", "c"], |z: &[f64], grad: &mut [f64]| {
        for (g, row) in grad.iter_mut().zip(&PRECISION) {
            *g = -row.iter().zip(z).zip(&CENTRE).map(|((p, z), c)| p * (z - c)).sum::<f64>();
        }
        0.5 * grad.iter().zip(z).zip(&CENTRE).map(|((g, z), c)| g * (z - c)).sum::<f64>()
    })
}

/// `-P (m - c)` and, for the elements of `L`, `-(P L)_ij`, times `L_ii` and with the entropy's 1 on the diagonal.
fn quadratic_gradient(mean: &[f64], l: &[[f64; 3]; 3], full: bool) -> Vec<f64> {
    let slope = |i: usize| -(0..3).map(|j| PRECISION[i][j] * (mean[j] - CENTRE[j])).sum::<f64>();
    let product = |i: usize, j: usize| -(0..3).map(|k| PRECISION[i][k] * l[k][j]).sum::<f64>();
    let mut out: Vec<f64> = (0..3).map(slope).collect();
    for (i, row) in l.iter().enumerate() {
        out.extend((0..i).filter(|_| full).map(|j| product(i, j)));
        out.push(product(i, i) * row[i] + 1.0);
    }
    out
}

#[test]
fn a_quadratic_log_density_has_no_noise_left() {
    let target = quadratic();
    let l = [[0.6, 0.0, 0.0], [0.3, 0.9, 0.0], [-0.2, 0.1, 1.3]];
    let diagonal = [[0.6, 0.0, 0.0], [0.0, 0.9, 0.0], [0.0, 0.0, 1.3]];
    let mean = [0.1, 0.4, -0.3];
    let full_rank = [0.1, 0.4, -0.3, 0.6f64.ln(), 0.3, 0.9f64.ln(), -0.2, 0.1, 1.3f64.ln()];
    let mean_field = [0.1, 0.4, -0.3, 0.6f64.ln(), 0.9f64.ln(), 1.3f64.ln()];
    // Off-diagonal curvature is seen by the mean's gradient and not needed for the scale's expectation.
    let found = Steps::new(&full_rank, 3, 20).run(&FULL, &target, &FullRank::new(3)).0;
    let exact = quadratic_gradient(&mean, &l, true);
    let same = |found: &[Vec<f64>], exact: &[f64]| {
        for (all, e) in found.iter().zip(exact) {
            assert!(all.iter().all(|g| (g - e).abs() < 1e-12), "{all:?} for {e}");
        }
    };
    same(&found, &exact);
    let exact = quadratic_gradient(&mean, &diagonal, false);
    same(&Steps::new(&mean_field, 3, 20).run(&FULL, &target, &MeanField::of_dimension(3)).0, &exact);
    // Antithetic draws leave none in the mean.
    let pairs = Steps { design: Design::Antithetic, ..Steps::new(&full_rank, 4, 20) };
    let found = pairs.run(&CLOSED, &target, &FullRank::new(3)).0;
    same(&found[..3], &quadratic_gradient(&mean, &l, true)[..3]);
    assert!(found[3].iter().any(|g| (g - quadratic_gradient(&mean, &l, true)[3]).abs() > 0.1));
}

#[test]
fn control_variates_reduce_the_variance() {
    let (target, family) = (bent_target(), MeanField::of_dimension(2));
    let total = |estimator: &dyn AnyEstimator<_, _>| {
        let found = Steps::new(&MEAN_FIELD, 2, 5000).moments(&estimator, &target, &family);
        found.iter().map(|m| m.variance).sum::<f64>()
    };
    let plain = total(&CLOSED);
    let full = total(&FULL);
    assert!(full < 0.4 * plain, "{}", full / plain);
    let diagonal = total(&ControlVariate { curvature: Curvature::Diagonal { probes: 4 } });
    assert!(diagonal < 0.6 * plain, "{}", diagonal / plain);
}

/// Latents of rows between global ones.
struct Rows {
    x: Column,
}

impl Model for Rows {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 2.0));
        let s = p.draw("s", half_normal(1.0));
        p.rows(1..self.x.len(), |i| {
            let z = i.draw("z", normal(mu, s));
            i.observe(self.x.at(i), normal(z, 0.7));
        });
    }
}

#[test]
fn minibatches_and_latents_of_rows_are_unbiased() {
    let target = Target::new(&Rows { x: Column::new([0.0, 0.4, -1.2, 2.0, 0.1]) }).unwrap();
    let layout = target.layout();
    let family = MeanField::new(layout);
    let mut params = family.init(&[0.3, -0.2], 0.6);
    params.iter_mut().enumerate().for_each(|(k, p)| *p += 0.1 * (k % 3) as f64);
    for rows in [RowSet::all(), RowSet::minibatch(vec![4, 2], 4)] {
        let case = Case { layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(4), num_draws: 4 };
        let reference = laws::mean_gradient(&StickingTheLanding, &target, &family, &case, 8000).unwrap();
        let case = Case { streams: Streams::new(5), ..case };
        let near = |found: Vec<(f64, f64)>| laws::is_unbiased(&found, &reference, 4.5).unwrap();
        near(laws::mean_gradient(&FULL, &target, &family, &case, 3000).unwrap());
        near(laws::mean_gradient(&MeasureValued, &target, &family, &case, 3000).unwrap());
        near(laws::mean_gradient(&Mixed { share: 0.5 }, &target, &family, &case, 3000).unwrap());
    }
}

/// The mean-field optimum of a quadratic log density: its centre, and precisions from the diagonal alone.
#[test]
fn every_estimator_drives_a_fit_to_the_known_optimum() {
    let target = quadratic();
    let fit = |name: &str, estimator: &dyn AnyEstimator<_, MeanField>, design, num_draws| {
        let family = MeanField::of_dimension(3);
        let algorithm = StochasticVi {
            target: &target,
            family: &family,
            estimator,
            optimizer: Adam::new(Schedule::cosine(0.05, 0.0005, 3000)),
            average: Average::Polynomial { eta: 8.0 },
            num_draws,
            design,
            minibatch: Minibatch::Full,
            start: Solution { params: family.init(&[0.0; 3], 1.0), theta: vec![] },
            streams: Streams::new(6),
        };
        let mut state = algorithm.init().unwrap();
        run(&algorithm, &mut state, &mut MaxSteps(3000), &mut ()).unwrap();
        let found = algorithm.output(&state).params;
        for i in 0..3 {
            // The average holds some 3000 / 9 steps of 64 draws; the gradient in ln sd has a variance near 2 a draw and
            // the bound a curvature of 2: a standard error of sqrt(2) / 2 / sqrt(21333) = 0.005, five of which are allowed.
            let precision = PRECISION[i][i];
            assert!((found[i] - CENTRE[i]).abs() * precision.sqrt() < 0.025, "{name} {design:?} {found:?}");
            assert!((found[3 + i] + 0.5 * precision.ln()).abs() < 0.025, "{name} {design:?} {found:?}");
        }
    };
    DESIGNS.into_iter().for_each(|design| fit("pathwise", &CLOSED, design, 64));
    let diagonal = ControlVariate { curvature: Curvature::Diagonal { probes: 1 } };
    let plain = Design::Independent;
    fit("control variate", &FULL, plain, 64);
    fit("diagonal control variate", &diagonal, plain, 64);
    fit("mixed", &Mixed { share: 0.5 }, plain, 64);
    let double = DoublyReparameterized { objective: ImportanceWeighted, particles: 1 };
    fit("doubly reparameterised", &double, plain, 64);
    fit("measure-valued", &MeasureValued, plain, 64);
}

#[test]
fn draws_without_a_value_are_left_out_and_counted() {
    let half = HandWritten::new(&["x"], |z: &[f64], grad: &mut [f64]| {
        grad[0] = -z[0];
        if z[0] > 0.5 { f64::NAN } else { -0.5 * z[0] * z[0] }
    });
    let values = ValueOnly::new(&["x"], |z: &[f64]| if z[0] > 0.5 { f64::NAN } else { -0.5 * z[0] * z[0] });
    let family = MeanField::of_dimension(1);
    let params = [0.0, 0.0];
    let rows = RowSet::all();
    let (streams, design) = (Streams::new(2), Design::Independent);
    let at = Point { params: &params, theta: &[], rows: &rows, streams, num_draws: 64, design };
    let (found, space) = first_step(&FULL, &Task { target: &half, family: &family, at }).unwrap();
    // A normal exceeds 0.5 with probability 0.31: 19.7 of 64, standard deviation 3.7.
    assert!((8..32).contains(&found.rejected) && space.grad.iter().all(|g| g.is_finite()), "{found:?}");
    let (found, space) = first_step(&MeasureValued, &Task { target: &values, family: &family, at }).unwrap();
    assert!(found.rejected > 32 && found.value.is_finite() && space.grad.iter().all(|g| g.is_finite()), "{found:?}");
}

#[test]
fn bad_settings_are_refused_in_words() {
    let (target, rows) = (bent_target(), RowSet::all());
    let family = MeanField::of_dimension(2);
    let steps = Steps::new(&MEAN_FIELD, 3, 1);
    let pairs = Steps { design: Design::Antithetic, ..steps };
    assert!(pairs.refusal(&CLOSED, &target, &family, &rows, &[]).contains("even number"));
    assert!(pairs.refusal(&ScoreFunction::default(), &target, &family, &rows, &[]).contains("independent draws"));
    assert!(pairs.refusal(&MeasureValued, &target, &family, &rows, &[]).contains("independent draws"));
    let none = ControlVariate { curvature: Curvature::Diagonal { probes: 0 } };
    assert!(steps.refusal(&none, &target, &family, &rows, &[]).contains("no probes"));
    assert!(steps.refusal(&Mixed { share: f64::NAN }, &target, &family, &rows, &[]).contains("0 to 1"));
}
