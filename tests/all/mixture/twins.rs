//! Two roads to one mixture: conjugate components, and the same model as an ordinary program.
//!
//! Counts from Poisson components, `weights ~ Dirichlet(1 / 2, 1 / 2)`, `rate_k ~ Gamma(1, 0.1)`: every factor of q of the
//! conjugate fit is also a family of the black box, so that both bounds are bounds of the same q on the same model.

use jensen::algorithm::Algorithm;
use jensen::automatic::{FamilyChoice, Fit};
use jensen::estimate::{Baseline, Design, GradientEstimator, Point, ScoreFunction, Space, Task};
use jensen::family::{Blockwise, CategoricalFactors, DirichletFactors, Family, GammaFactors, Product};
use jensen::fit::{MaxSteps, run};
use jensen::mixture::{CoordinateAscent, MixtureState, PoissonColumns, Rows, Table, Weights};
use jensen::model::RowSet;
use jensen::prelude::*;
use jensen::program::log_sum_exp;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

const SHAPE: f64 = 1.0;
const RATE: f64 = 0.1;
const CONCENTRATION: f64 = 0.5;

/// The mixture as a program.
struct Counts {
    y: Column,
    /// Whether the component of each row is a latent, and not summed out.
    assigned: bool,
}

impl Model for Counts {
    fn log_joint(&self, p: &LogJoint) {
        let weights = p.draw("weights", dirichlet(Vector::constant(&[CONCENTRATION; 2])));
        let rate = p.draws("rate", gamma(SHAPE, RATE), 2);
        p.rows(self.y.len(), |i| {
            if self.assigned {
                let component = i.draw_integer("component", categorical(weights));
                i.observe(self.y.at(i), poisson(rate.at(component)));
            } else {
                let of = |k: usize| weights.at(k).ln() + poisson(rate.at(k)).log_density(self.y.at(i));
                i.add(log_sum_exp(&[of(0), of(1)]));
            }
        });
    }
}

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}

/// Counts of two overlapping kinds.
fn overlapping() -> Vec<f64> {
    (0..60).map(|i| f64::from(if i % 3 == 0 { 9 + i % 5 } else { 2 + i % 4 })).collect()
}

/// q, its exact bound and its responsibilities (two for each row) by coordinate ascent, the components in the order of
/// their rates.
fn conjugate(y: &[f64]) -> (MixtureState, f64, Vec<[f64; 2]>) {
    let rows = ok(Table::from_columns(&[y]));
    let component = ok(PoissonColumns::new(1, SHAPE, RATE));
    let ascent = ok(CoordinateAscent::new(&rows, &component, Weights::dirichlet(CONCENTRATION), 2)).tolerance(1e-11);
    let mut state = ok(ascent.init());
    ok(run(&ascent, &mut state, &mut MaxSteps(5000), &mut ()));
    let bound = ok(ascent.bound(&state));
    // `params` is shape and rate of each component.
    if state.params[0] / state.params[1] > state.params[2] / state.params[3] {
        state.params.rotate_left(2);
        state.weights.rotate_left(1);
        state.counts.rotate_left(1);
    }
    let digamma = statrs::function::gamma::digamma;
    let total = digamma(state.weights.iter().sum());
    let expected = |k: usize, x: f64| {
        let (shape, rate) = (state.params[2 * k], state.params[2 * k + 1]);
        digamma(state.weights[k]) - total + x * (digamma(shape) - rate.ln()) - shape / rate
    };
    let share = |&x: &f64| {
        let second = 1.0 / (1.0 + (expected(0, x) - expected(1, x)).exp());
        [1.0 - second, second]
    };
    assert_eq!(rows.num_rows(), y.len());
    (state.clone(), bound, y.iter().map(share).collect())
}

/// Parameters of the black-box families for weights and rates at the conjugate q.
fn block_params(state: &MixtureState) -> Vec<f64> {
    let (shape, rate) = ([0, 2].map(|i| state.params[i]), [1, 3].map(|i| state.params[i]));
    let ln_mean = [0, 1].map(|k| (shape[k] / rate[k]).ln());
    [state.weights.iter().map(|a| a.ln()).collect(), ln_mean.to_vec(), shape.map(f64::ln).to_vec()].concat()
}

fn block(target: &Target) -> Blockwise {
    let block = ok(Blockwise::new(target.layout()).over(&["weights"], DirichletFactors::new));
    ok(block.over(&["rate"], GammaFactors::new))
}

/// The bound of a q with its standard error, from the program's log density at draws of the family.
fn sampled_bound<F: Family>(target: &Target, family: &F, params: &[f64]) -> (f64, f64) {
    ok(family.covers(target.layout()));
    assert_eq!(family.num_params(), params.len());
    let (rows, mut space, estimator) = (RowSet::all(), Space::default(), ScoreFunction { baseline: Baseline::None });
    let mut state = estimator.init(target, family);
    let values: Vec<f64> = (0..60)
        .map(|step| {
            let streams = Streams::new(3).at_step(step);
            let at = Point { params, theta: &[], rows: &rows, streams, num_draws: 200, design: Design::Independent };
            let estimate = ok(estimator.estimate(&Task { target, family, at }, &mut state, &mut space));
            assert_eq!(estimate.rejected, 0);
            estimate.value
        })
        .collect();
    jensen::objective::mean_and_standard_error(&values)
}

#[test]
fn the_program_has_the_exact_bound_at_the_conjugate_q() {
    let y = overlapping();
    let (state, bound, shares) = conjugate(&y);
    let target = ok(Target::new(&Counts { y: Column::new(y.clone()), assigned: true }));
    let family = Product::new(block(&target), ok(CategoricalFactors::new(target.layout())));
    let logits = shares.iter().flat_map(|r| r.map(f64::ln));
    let params: Vec<f64> = block_params(&state).into_iter().chain(logits).collect();
    let (mean, error) = sampled_bound(&target, &family, &params);
    assert!((mean - bound).abs() < 4.5 * error, "{mean} +- {error}, exactly {bound}");
    assert!(error < 0.05, "the check is too weak: {error}");
    // It finds a constant of a hundredth of a nat a row.
    assert!((mean - bound - 0.01 * y.len() as f64).abs() > 4.5 * error);
}

#[test]
fn summing_out_the_assignments_raises_the_bound_of_the_same_q() {
    let y = overlapping();
    let (state, bound, _) = conjugate(&y);
    let target = ok(Target::new(&Counts { y: Column::new(y), assigned: false }));
    let (mean, error) = sampled_bound(&target, &block(&target), &block_params(&state));
    assert!(mean > bound + 4.5 * error, "{mean} +- {error} is not above {bound}");
    assert!(mean < bound + 3.0, "{mean} is far above {bound}");
}

/// Sum over all assignments of the evidence in closed form.
fn enumerated(y: &[f64]) -> f64 {
    use libm::lgamma;
    let evidence = |own: &[f64]| {
        let (n, sum) = (own.len() as f64, own.iter().sum::<f64>());
        let factorials: f64 = own.iter().map(|x| lgamma(x + 1.0)).sum();
        SHAPE * RATE.ln() - lgamma(SHAPE) + lgamma(SHAPE + sum) - (SHAPE + sum) * (RATE + n).ln() - factorials
    };
    let term = |code: usize| {
        let part = |c: usize| -> Vec<f64> {
            y.iter().enumerate().filter(|(i, _)| (code >> i) & 1 == c).map(|(_, x)| *x).collect()
        };
        let (zero, one) = (part(0), part(1));
        let counts = [zero.len() as f64, one.len() as f64];
        let dirichlet: f64 = counts.iter().map(|n| lgamma(CONCENTRATION + n) - lgamma(CONCENTRATION)).sum();
        let total = 2.0 * CONCENTRATION;
        lgamma(total) - lgamma(total + y.len() as f64) + dirichlet + evidence(&zero) + evidence(&one)
    };
    let terms: Vec<f64> = (0..1_usize << y.len()).map(term).collect();
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + terms.iter().map(|t| (t - largest).exp()).sum::<f64>().ln()
}

/// Far apart, either naming of the two components holds half of the evidence, and both roads come to nearly all of it.
#[test]
fn both_roads_come_to_the_enumerated_evidence() {
    let y = vec![1.0, 0.0, 2.0, 1.0, 40.0, 44.0, 38.0, 2.0, 41.0, 0.0];
    let half = enumerated(&y) - 2.0_f64.ln();
    let (_, bound, _) = conjugate(&y);
    assert!(bound < half + 1e-9 && bound > half - 1e-3, "{bound} against {half}");
    for assigned in [false, true] {
        let fitted = ok(Fit::new(&Counts { y: Column::new(y.clone()), assigned }).seed(2).run());
        let (found, evidence) = (fitted.posterior.bound().elbo, fitted.posterior.bound().log_evidence);
        // Gaussians on the logarithms of rates cost some hundredths of a nat, which importance weights give back.
        assert!(found.value < half + 4.5 * found.mcse, "{assigned}: {} {half}", found.value);
        assert!(found.value > half - 0.25, "{assigned}: {} +- {} {half}", found.value, found.mcse);
        assert!(
            (evidence.value - half).abs() < 4.5 * evidence.mcse,
            "{assigned}: {} +- {}",
            evidence.value,
            evidence.mcse
        );
    }
}

/// Fitted from its own start, the program with its assignments summed out has the means and deviations of the conjugate q.
#[test]
fn the_fitted_program_has_the_conjugate_posterior() {
    let y: Vec<f64> = (0..120).map(|i| f64::from(if i % 3 == 0 { 20 + i % 7 } else { 1 + i % 4 })).collect();
    let (state, bound, _) = conjugate(&y);
    for assigned in [false, true] {
        let fitted = ok(Fit::new(&Counts { y: Column::new(y.clone()), assigned }).seed(1).run());
        let lines = fitted.posterior.summary();
        let mut rates: Vec<(f64, f64)> =
            lines.iter().filter(|s| s.name.starts_with("rate")).map(|s| (s.mean, s.sd)).collect();
        rates.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert_eq!(rates.len(), 2);
        for (k, (mean, sd)) in rates.into_iter().enumerate() {
            let (shape, rate) = (state.params[2 * k], state.params[2 * k + 1]);
            let (exact, exact_sd) = (shape / rate, shape.sqrt() / rate);
            // 4000 draws or so: a standard error of 0.016 deviations, and 0.011 of the deviation.
            assert!((mean - exact).abs() < 0.1 * exact_sd, "{assigned} rate {k}: {mean}, exactly {exact}");
            assert!((sd / exact_sd - 1.0).abs() < 0.08, "{assigned} rate {k}: sd {sd}, exactly {exact_sd}");
        }
        let found = fitted.posterior.bound().elbo;
        assert!((found.value - bound).abs() < 0.1 + 4.5 * found.mcse, "{} against {bound}", found.value);
    }
}

/// The mixture of three Gaussians of the shared workloads (W3): 1,000 rows, `w ~ Dirichlet(1, 1, 1)`, `mu ~ N(0, 5)`,
/// `s ~ half-normal(2)`, mean-field; the assignments are summed out.
struct Three {
    x: Column,
    y: Column,
}

impl Model for Three {
    fn log_joint(&self, p: &LogJoint) {
        let w = p.draw("w", dirichlet(Vector::constant(&[1.0; 3])));
        let mu = p.draws("mu", normal(0.0, 5.0), 6);
        let s = p.draws("s", half_normal(2.0), 6);
        p.rows(self.x.len(), |i| {
            let of = |k: usize| {
                w.at(k).ln()
                    + normal(mu.at(2 * k), s.at(2 * k)).log_density(self.x.at(i))
                    + normal(mu.at(2 * k + 1), s.at(2 * k + 1)).log_density(self.y.at(i))
            };
            i.add(log_sum_exp(&[of(0), of(1), of(2)]));
        });
    }
}

/// The optimum, -3350.257 with standard error 0.027, is that of another program (JAX, 2,000 steps of ten draws with falling
/// step sizes, 10,000 draws for the bound).
#[test]
fn the_reference_optimum_of_the_summed_out_mixture_is_reached() {
    let mut columns = vec![Vec::new(); 2];
    for line in include_str!("../../data/three_gaussians.csv").lines().skip(1) {
        columns.iter_mut().zip(line.split(',')).for_each(|(c, cell)| c.push(cell.parse::<f64>().expect("a number")));
    }
    let model = Three { x: Column::new(columns[0].clone()), y: Column::new(columns[1].clone()) };
    let mut start = vec![0.0; 14];
    start[2..8].copy_from_slice(&[-2.0, 0.0, 2.0, 1.0, 0.5, -2.5]);
    let fitted = ok(Fit::new(&model).family(FamilyChoice::MeanField).start(start).seed(1).run());
    let found = fitted.posterior.bound().elbo;
    let error = found.mcse.hypot(0.027);
    assert!((found.value + 3350.257).abs() < 0.02 + 4.5 * error, "{} +- {}", found.value, found.mcse);
    assert!(error < 0.1, "the check is too weak: {error}");
}
