//! What must hold for every kind of component: the bound rises, with missing cells too, and densities are densities.

use super::kinds::*;
use jensen::algorithm::Algorithm;
use jensen::mixture::*;
use jensen::streams::Stream;

/// A bound is a sum of some 1e4 terms, whose rounding is 1e-16 of each; the planted fault below falls by 8e-5 of it.
const ROUNDING: f64 = 1e-12;

/// The first fall of the bound beyond rounding, over `steps` steps.
fn fall<C: Component>(rows: &Table, component: &C, weights: Weights, k: usize, steps: u64) -> Option<(u64, f64)> {
    let labels = (0..rows.num_rows()).map(|i| (i * i % 7 % k) as u32).collect();
    let ascent = CoordinateAscent::new(rows, component, weights, k).expect("settings");
    let ascent = ascent.start(MixtureStart::Labels(labels)).tolerance(-f64::INFINITY);
    let mut state = ascent.init().expect("a start");
    let mut before = f64::NEG_INFINITY;
    for _ in 0..steps {
        let step = ascent.step(&mut state).expect("a step");
        let bound = step.objective.expect("a bound");
        if bound < before - ROUNDING * before.abs() {
            return Some((step.index, bound - before));
        }
        before = bound;
    }
    None
}

#[test]
fn the_bound_never_falls() {
    for (name, kind, columns) in kinds(150) {
        for weights in weight_kinds() {
            assert_eq!(fall(&table(&columns), &kind, weights, 4, 60), None, "{name}, {weights:?}");
        }
    }
}

#[test]
fn the_bound_never_falls_with_missing_cells() {
    for (name, kind, mut columns) in kinds(150) {
        let width = columns.len();
        // A multinomial knows its total, so that a row is there or it is not.
        let spared = |i: usize, j: usize| name != "multinomial" && j != i % width;
        for i in (0..150).step_by(4) {
            columns.iter_mut().enumerate().filter(|(j, _)| !spared(i, *j)).for_each(|(_, c)| c[i] = f64::NAN);
        }
        columns.iter_mut().for_each(|c| c[17] = f64::NAN);
        assert_eq!(fall(&table(&columns), &kind, Weights::dirichlet(0.4), 4, 60), None, "{name}");
    }
}

/// Poisson components whose update forgets a part of the sums.
#[derive(Clone)]
struct Faulty(PoissonColumns);

impl Component for Faulty {
    fn num_columns(&self) -> usize {
        self.0.num_columns()
    }
    fn num_params(&self) -> usize {
        self.0.num_params()
    }
    fn num_stats(&self) -> usize {
        self.0.num_stats()
    }
    fn num_cache(&self) -> usize {
        self.0.num_cache()
    }
    fn check(&self, block: &Block) -> Result<(), MixtureError> {
        self.0.check(block)
    }
    fn prior(&self, params: &mut [f64]) {
        self.0.prior(params);
    }
    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        self.0.prepare(params, cache)
    }
    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], scratch: &mut [f64]) {
        self.0.log_density(cache, block, out, scratch);
    }
    fn accumulate(&self, cache: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], scratch: &mut [f64]) {
        self.0.accumulate(cache, block, weights, stats, scratch);
    }
    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        let wrong: Vec<f64> = stats.iter().map(|s| s * 0.9 + 1.0).collect();
        self.0.update(params, &wrong, rate);
    }
    fn kl(&self, params: &[f64], cache: &[f64]) -> f64 {
        self.0.kl(params, cache)
    }
    fn centre(&self, params: &[f64], row: &mut [f64]) {
        self.0.centre(params, row);
    }
}

impl Generative for Faulty {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        self.0.predictive(params, block, out)
    }
    fn value_names(&self) -> Vec<String> {
        self.0.value_names()
    }
    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        self.0.expectation(params, values);
    }
    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        self.0.draw(params, stream, values)
    }
    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        self.0.sample(values, stream, row)
    }
}

#[test]
fn a_wrong_update_makes_the_bound_fall() {
    let faulty = Faulty(PoissonColumns::new(2, 2.0, 0.3).expect("a prior"));
    assert!(fall(&table(&counts(150)), &faulty, Weights::dirichlet(0.4), 4, 60).is_some());
}

/// A Student-t's missing cell is a latent of its row, so at any q the bound without the cell is the integral of the bounds
/// with it, done here by the midpoint rule in `atan(x / 3)`.
///
/// The density goes down like `r^-5` in the plane, so that along a line the integrand ends like the cube of a cosine, where
/// the rule errs by about `h^4`: 6e-12 with 2000 points, 1.5e-7 with 160 a side.
#[test]
fn missing_cells_of_a_student_t_are_integrated_over() {
    let kind = FullStudentT::new(wishart(), 3.0).expect("a prior");
    let (columns, weights) = (clusters(12), Weights::dirichlet(0.4));
    let rows = table(&columns);
    let ascent = CoordinateAscent::new(&rows, &kind, weights, 2).expect("settings").seed(1);
    let mut state = ascent.init().expect("a start");
    for _ in 0..3 {
        ascent.step(&mut state).expect("a step");
    }
    let bound = |cells: [f64; 2]| {
        let mut changed = columns.clone();
        (0..2).for_each(|j| changed[j][4] = cells[j]);
        let rows = table(&changed);
        CoordinateAscent::new(&rows, &kind, weights, 2).and_then(|a| a.bound(&state)).expect("a bound")
    };
    let grid = |points: usize| {
        (0..points).map(move |i| {
            let t = std::f64::consts::PI * ((i as f64 + 0.5) / points as f64 - 0.5);
            (3.0 * t.tan(), 3.0 * std::f64::consts::PI / points as f64 / t.cos().powi(2))
        })
    };
    let (seen, scale) = ([columns[0][4], columns[1][4]], bound([columns[0][4], columns[1][4]]));
    for j in 0..2 {
        let with = |x: f64| if j == 0 { [x, seen[1]] } else { [seen[0], x] };
        let exact = scale + grid(2000).map(|(x, w)| w * (bound(with(x)) - scale).exp()).sum::<f64>().ln();
        assert!((bound(with(f64::NAN)) - exact).abs() < 1e-11, "{j}: {} {exact}", bound(with(f64::NAN)));
    }
    let plane = grid(160).flat_map(|x| grid(160).map(move |y| (x, y)));
    let exact = scale + plane.map(|((x, v), (y, w))| v * w * (bound([x, y]) - scale).exp()).sum::<f64>().ln();
    let found = bound([f64::NAN; 2]);
    assert!((found - exact).abs() < 1e-6, "{found} {exact}");
}

/// Simulated rows have the predictive density: its mean log density under them is minus its entropy, and it sums to 1.
#[test]
fn predictive_densities_integrate_to_one() {
    let rows = Table::from_columns(&clusters(40)[..1]).expect("a table");
    let prior = NormalWishart::new(vec![0.0], 1.0, 2.0, vec![1.0]).expect("a prior");
    // With x = tan(t) the density vanishes at the ends like cos(t)^(tail - 1), and the midpoint rule of 4000 points errs by
    // about h^tail, where h = 8e-4: 2e-5 for the first. The others are as exact as the density, itself a sum over
    // precisions.
    for (tail, tolerance) in [(1.5, 2e-5), (4.0, 1e-8), (200.0, 1e-8)] {
        let fitted =
            MixtureFit::new(FullStudentT::new(prior.clone(), tail).expect("a tail"), 2).run(&rows).expect("a fit");
        let points = 4000;
        let angle = |i: usize| std::f64::consts::PI * ((i as f64 + 0.5) / points as f64 - 0.5);
        let grid: Vec<f64> = (0..points).map(|i| angle(i).tan()).collect();
        let density = fitted.log_density(&Table::from_columns(&[grid]).expect("a table")).expect("a density");
        let weight = |i: usize| std::f64::consts::PI / points as f64 / angle(i).cos().powi(2);
        let sum: f64 = density.iter().enumerate().map(|(i, l)| l.exp() * weight(i)).sum();
        assert!((sum - 1.0).abs() < tolerance, "tail {tail}: {sum}");
    }
}

/// A tail of many degrees of freedom is a Gaussian, however many there are.
#[test]
fn the_bound_of_a_long_tail_is_that_of_a_gaussian() {
    let rows = table(&clusters(60));
    let gaussian = MixtureFit::new(FullGaussian::new(wishart()), 2).run(&rows).expect("a fit");
    for tail in [1e8, 1e11, 1e12, 1e13, 1e15, 1e16, 1e20, 1e100, 1e300] {
        let kind = FullStudentT::new(wishart(), tail).expect("a tail");
        let fitted = MixtureFit::new(kind, 2).run(&rows).expect("a fit");
        // Each density is off by about (distance^2)^2 / (4 tail) at most; the fits end within 1e-8 of their optimum.
        assert!(
            (fitted.bound - gaussian.bound).abs() < 1e-6 + 1e4 / tail,
            "{tail}: {} {}",
            fitted.bound,
            gaussian.bound
        );
        let (long, exact) = (fitted.log_density(&rows).expect("rows"), gaussian.log_density(&rows).expect("rows"));
        for (long, exact) in long.iter().zip(exact) {
            assert!((long - exact).abs() < 1e-6 + 1e4 / tail, "{tail}: {long} {exact}");
        }
    }
}
