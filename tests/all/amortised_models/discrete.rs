//! Autoencoders with a class in the code, against sums over the classes.

use super::{noise, uniform};
use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::{
    Design, ExactKl, GradientEstimator, GumbelSoftmax, Hybrid, HybridKl, LeaveOneOut, LocalExpectation, Point,
    RealGradient, Rebar, Space, Task, Terms,
};
use jensen::family::{Family, Product, TracedFamily};
use jensen::fit::{MaxSteps, run};
use jensen::layers::{Activation, Amortised, CategoricalEncoder, InitialWeights, Likelihood, Perceptron, Vae};
use jensen::model::{Draws, RowSet};
use jensen::objective::{log_mean_exp, mean_and_standard_error};
use jensen::optimize::{Adam, Average, Schedule};
use jensen::posterior::{RowFactors, log_evidence_of_factored_rows};
use jensen::program::Matrix;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Pass, Target};

const WIDTH: usize = 5;
const CLASSES: usize = 3;

type Mixed = Product<TracedFamily, CategoricalEncoder>;

/// Rows of one of three patterns, a pixel in eight flipped.
fn patterns(rows: usize) -> Matrix {
    let u = uniform(7, rows * WIDTH);
    let lit = |r: usize, j: usize| [[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 1, 0, 1, 1]][r % CLASSES][j] == 1;
    let cell = |k: usize| f64::from(lit(k / WIDTH, k % WIDTH) != (u[k] < 0.125));
    Matrix::new((0..rows * WIDTH).map(cell).collect::<Vec<_>>(), WIDTH).unwrap()
}

/// A code that is a class alone, linear networks: theta is weights `[pixel][class]` and bias, params the logits' weights
/// `[class][pixel]` and bias.
fn classes_alone(x: &Matrix) -> (Vae, Target, Mixed) {
    let model = Vae::new(x.clone(), 0, &[], Likelihood::Bernoulli).classes(CLASSES).start(InitialWeights::Glorot, 3);
    let target = Target::new(&model).unwrap();
    let family = model.mixed_family(target.layout()).unwrap();
    (model, target, family)
}

fn log_sigmoid(x: f64) -> f64 {
    -(-x).exp().ln_1p()
}

/// `ln p(x, k)` for every class.
fn log_joint(theta: &[f64], x: &[f64]) -> Vec<f64> {
    let logit = |j: usize, k: usize| theta[j * CLASSES + k] + theta[WIDTH * CLASSES + j];
    let one = |k: usize| {
        let pixels = (0..WIDTH).map(|j| log_sigmoid(if x[j] == 1.0 { logit(j, k) } else { -logit(j, k) }));
        pixels.sum::<f64>() - (CLASSES as f64).ln()
    };
    (0..CLASSES).map(one).collect()
}

fn log_sum_exp(x: &[f64]) -> f64 {
    log_mean_exp(x) + (x.len() as f64).ln()
}

fn evidence(theta: &[f64], x: &Matrix) -> f64 {
    (0..x.num_rows()).map(|r| log_sum_exp(&log_joint(theta, x.row(r)))).sum()
}

/// The bound with the sum over the classes.
fn bound(params: &[f64], theta: &[f64], x: &Matrix) -> f64 {
    weighted_bound(params, theta, x, 1.0)
}

/// The same with the divergence of the class from its prior `beta` times.
fn weighted_bound(params: &[f64], theta: &[f64], x: &Matrix, beta: f64) -> f64 {
    let one = |x: &[f64]| {
        let logit =
            |k: usize| (0..WIDTH).map(|j| params[k * WIDTH + j] * x[j]).sum::<f64>() + params[CLASSES * WIDTH + k];
        let logits: Vec<f64> = (0..CLASSES).map(logit).collect();
        let total = log_sum_exp(&logits);
        let terms = log_joint(theta, x).into_iter().zip(&logits);
        let even = -(CLASSES as f64).ln();
        terms.map(|(p, l)| (l - total).exp() * (p - even - beta * (l - total - even))).sum::<f64>()
    };
    (0..x.num_rows()).map(|r| one(x.row(r))).sum()
}

/// The exact gradient in params, then in theta, by central differences of the exact bound.
fn exact_gradient(params: &[f64], theta: &[f64], x: &Matrix, beta: f64) -> Vec<f64> {
    let all = [params, theta].concat();
    let at = |k: usize, h: f64| {
        let mut moved = all.clone();
        moved[k] += h;
        weighted_bound(&moved[..params.len()], &moved[params.len()..], x, beta)
    };
    (0..all.len()).map(|k| (at(k, 1e-5) - at(k, -1e-5)) / 2e-5).collect()
}

/// Means and standard errors of an estimator's gradient in params, then in theta.
fn gradient<D>(discrete: D, times: u64, num_draws: usize, x: &Matrix) -> (Vec<(f64, f64)>, Vec<f64>)
where
    Hybrid<D>: GradientEstimator<Target, Mixed>,
{
    gradient_of(&Hybrid { real: RealGradient::Pathwise, discrete }, (times, num_draws), x, 1.0)
}

fn gradient_of<E: GradientEstimator<Target, Mixed>>(
    estimator: &E,
    (times, num_draws): (u64, usize),
    x: &Matrix,
    beta: f64,
) -> (Vec<(f64, f64)>, Vec<f64>) {
    let (model, target, family) = classes_alone(x);
    let (mut params, mut theta) = (family.init(&[], 1.0), model.theta(target.layout()));
    params.iter_mut().chain(&mut theta).for_each(|p| *p *= 1.5);
    let (mut space, mut all) = (Space::default(), vec![Vec::new(); params.len() + theta.len()]);
    let mut state = estimator.init(&target, &family);
    let (rows, design) = (RowSet::all(), Design::Independent);
    for step in 0..times {
        let streams = Streams::new(11).at_step(step);
        let at = Point { params: &params, theta: &theta, rows: &rows, streams, num_draws, design };
        estimator.estimate(&Task { target: &target, family: &family, at }, &mut state, &mut space).unwrap();
        all.iter_mut().zip(space.grad.iter().chain(&space.grad_theta)).for_each(|(all, g)| all.push(*g));
    }
    (all.iter().map(|g| mean_and_standard_error(g)).collect(), exact_gradient(&params, &theta, x, beta))
}

#[test]
fn gradients_of_a_class_are_those_of_the_sum_over_classes() {
    let x = patterns(12);
    let unbiased = [
        ("leave-one-out", gradient(LeaveOneOut, 80, 60, &x)),
        ("local expectation", gradient(LocalExpectation, 40, 10, &x)),
        ("rebar", gradient(Rebar { temperature: 0.5 }, 80, 20, &x)),
    ];
    for (name, (found, exact)) in unbiased {
        for (k, ((mean, se), exact)) in found.iter().zip(&exact).enumerate() {
            assert!((mean - exact).abs() < 4.5 * se + 1e-6, "{name}, number {k}: {mean} ({se}) for {exact}");
        }
        let size = exact.iter().map(|g| g.abs()).fold(0.0, f64::max);
        assert!(found.iter().all(|(_, se)| *se < 0.1 * size), "{name} is too noisy to tell: {found:?}, {size}");
    }
    // Biased as documented, and not far off.
    let (found, exact) = gradient(GumbelSoftmax { temperature: 0.5 }, 80, 60, &x);
    let along: f64 = found.iter().zip(&exact).map(|((m, _), e)| m * e).sum();
    let size = |of: &mut dyn Iterator<Item = f64>| of.map(|g| g * g).sum::<f64>().sqrt();
    let cosine = along / size(&mut found.iter().map(|g| g.0)) / size(&mut exact.iter().copied());
    println!("gumbel-softmax at temperature 0.5: cosine {cosine:.3} with the exact gradient");
    assert!(cosine > 0.8, "{cosine}");
}

/// With beta and the divergence in closed form: without noise in the class's logits where the sum over classes is exact.
#[test]
fn the_closed_divergence_of_a_class_has_its_gradient_with_any_beta() {
    let x = patterns(12);
    for beta in [1.0, 0.0, 3.0] {
        let kl = ExactKl { beta, free_nats: 0.0 };
        let (found, exact) = gradient_of(&HybridKl { kl, discrete: LocalExpectation }, (30, 20), &x, beta);
        let num_logits = (WIDTH + 1) * CLASSES;
        for (k, ((mean, se), exact)) in found.iter().zip(&exact).enumerate() {
            let noise = if k < num_logits { 0.0 } else { 4.5 * se };
            // Central differences are good to about 1e-7.
            assert!((mean - exact).abs() < noise + 1e-6, "beta {beta}, number {k}: {mean} ({se}) for {exact}");
        }
        let (found, exact) = gradient_of(&HybridKl { kl, discrete: LeaveOneOut }, (80, 60), &x, beta);
        for (k, ((mean, se), exact)) in found.iter().zip(&exact).enumerate() {
            assert!((mean - exact).abs() < 4.5 * se + 1e-6, "beta {beta}, number {k}: {mean} ({se}) for {exact}");
        }
        let size = exact.iter().map(|g| g.abs()).fold(0.0, f64::max);
        assert!(found.iter().all(|(_, se)| *se < 0.1 * size), "too noisy to tell: {found:?}, {size}");
    }
    // Free nats: a divergence below them is not pulled down, and counts as they do.
    let free = HybridKl { kl: ExactKl { beta: 1.0, free_nats: 5.0 }, discrete: LocalExpectation };
    let (found, exact) = gradient_of(&free, (30, 20), &x, 0.0);
    let logits = found.iter().zip(&exact).take((WIDTH + 1) * CLASSES);
    assert!(logits.into_iter().all(|((mean, _), exact)| (mean - exact).abs() < 1e-6), "{found:?} {exact:?}");
}

/// Steps of an estimator at the start of a mixed code: value, gradient in params and in theta, and the last one's terms.
fn steps<E: GradientEstimator<Target, Mixed>>(estimator: &E, times: u64) -> (Vec<Vec<f64>>, Option<Terms>) {
    let model = Vae::new(patterns(8), 2, &[], Likelihood::Bernoulli).classes(CLASSES).start(InitialWeights::Glorot, 3);
    let target = Target::new(&model).unwrap();
    let family = model.mixed_family(target.layout()).unwrap();
    let (params, theta) = (family.init(&[], 1.0), model.theta(target.layout()));
    let (mut space, rows, design) = (Space::default(), RowSet::all(), Design::Independent);
    let mut state = estimator.init(&target, &family);
    let one = |step: u64| {
        let streams = Streams::new(12).at_step(step);
        let at = Point { params: &params, theta: &theta, rows: &rows, streams, num_draws: 20, design };
        let found = estimator.estimate(&Task { target: &target, family: &family, at }, &mut state, &mut space).unwrap();
        [&[found.value][..], &space.grad, &space.grad_theta].concat()
    };
    let all = (0..times).map(one).collect();
    (all, space.terms)
}

/// A code of both kinds: value and gradient are those of the estimator that draws the divergences.
#[test]
fn the_closed_divergence_of_a_mixed_code_is_that_of_its_draws() {
    let (closed, terms) = steps(&HybridKl::<LocalExpectation>::default(), 100);
    let (drawn, _) = steps(&Hybrid { real: RealGradient::Pathwise, discrete: LocalExpectation }, 100);
    assert!(terms.is_some_and(|terms| terms.data < 0.0 && terms.kl > 0.0), "{terms:?}");
    let column = |all: &[Vec<f64>], k: usize| mean_and_standard_error(&all.iter().map(|g| g[k]).collect::<Vec<_>>());
    for k in 0..closed[0].len() {
        let ((a, a_se), (b, b_se)) = (column(&closed, k), column(&drawn, k));
        assert!((a - b).abs() < 4.5 * a_se.hypot(b_se) + 1e-9, "number {k}: {a} ({a_se}) for {b} ({b_se})");
    }
}

#[test]
fn a_prior_that_is_not_even_is_refused() {
    struct Uneven;
    impl jensen::model::Model for Uneven {
        fn log_joint(&self, p: &jensen::model::LogJoint) {
            let x = patterns(6);
            p.rows(6, |i| {
                let z = i.draws("z", jensen::dist::normal(0.0, 1.0), 1);
                let uneven = jensen::program::Vector::constant(&[0.5, 0.25, 0.25]);
                let k = i.draw_integer("class", jensen::dist::categorical(uneven)).to_real();
                i.observe(x.at(i).at(0), jensen::dist::bernoulli_logit(z.at(0) + k));
            });
        }
    }
    let target = Target::new(&Uneven).unwrap();
    let encoder = Amortised::new(patterns(6), "z", 1, Perceptron::new(&[WIDTH]));
    let real = TracedFamily::new(&encoder, &target.layout().without_integers()).unwrap();
    let class = CategoricalEncoder::new(&patterns(6), target.layout(), &Perceptron::new(&[WIDTH])).unwrap();
    let family = Product::new(real, class);
    let (params, rows) = (family.init(&[], 1.0), RowSet::all());
    let (streams, design) = (Streams::new(1), Design::Independent);
    let at = Point { params: &params, theta: &[], rows: &rows, streams, num_draws: 2, design };
    let estimator = HybridKl::<LocalExpectation>::default();
    let mut state = estimator.init(&target, &family);
    let task = Task { target: &target, family: &family, at };
    let error = estimator.estimate(&task, &mut state, &mut Space::default()).unwrap_err();
    assert!(error.to_string().contains("standard normal and even priors"), "{error}");
}

fn train<D>((model, target, family): &(Vae, Target, Mixed), discrete: D, how: (usize, usize), steps: u64) -> Solution
where
    Hybrid<D>: GradientEstimator<Target, Mixed>,
{
    let start = Solution { params: family.init(&[], 1.0), theta: model.theta(target.layout()) };
    let vi = StochasticVi { start, average: Average::Polynomial { eta: 8.0 }, ..StochasticVi::new(target, family) };
    let vi = vi.estimator(Hybrid { real: RealGradient::Pathwise, discrete }).draws(how.1);
    let vi = vi.minibatch(Minibatch::Shuffled(how.0)).optimizer(Adam::new(Schedule::cosine(0.05, 0.001, steps)));
    let mut state = vi.init().unwrap();
    run(&vi, &mut state, &mut MaxSteps(steps), &mut ()).unwrap();
    vi.output(&state)
}

/// A linear encoder holds the exact posterior of independent pixels: the bound becomes the sum over classes.
#[test]
fn the_bound_of_a_class_reaches_the_sum_over_classes() {
    let x = patterns(120);
    let model = classes_alone(&x);
    let rows = x.num_rows() as f64;
    let mut reached = Vec::new();
    let solutions = [
        ("leave-one-out", train(&model, LeaveOneOut, (30, 8), 800), 0.02),
        // The relaxed gradient is biased: it stops near the posterior, not at it.
        ("gumbel-softmax", train(&model, GumbelSoftmax { temperature: 0.5 }, (30, 4), 500), 0.1),
    ];
    for (name, Solution { params, theta }, most) in solutions {
        let (found, exact) = (bound(&params, &theta, &x) / rows, evidence(&theta, &x) / rows);
        println!("class alone, {name}: bound {found:.4}, log p(x) {exact:.4}");
        assert!(found <= exact + 1e-12 && exact - found < most, "{name}: {found} for {exact}");
        reached.push(exact);
    }
    // Three patterns with a pixel in eight flipped: the truth's own log p(x) is about that of the fit.
    let truth: Vec<f64> = {
        let lit = [[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 1, 0, 1, 1]];
        let weights =
            (0..WIDTH).flat_map(|j| (0..CLASSES).map(move |k| if lit[k][j] == 1 { 7f64.ln() } else { -7f64.ln() }));
        weights.chain([0.0; WIDTH]).collect()
    };
    let truth = evidence(&truth, &x) / rows;
    assert!(reached.iter().all(|r| *r > truth - 0.1), "{reached:?}, the truth has {truth}");
}

/// The bound of a row by 200 draws, and its standard error.
fn sampled_bound(target: &Target, family: &Mixed, solution: &Solution) -> (f64, f64) {
    let (rows, draws, n) = (RowSet::all(), 200, target.layout().num_rows);
    let mut z = Draws::zeros(target.layout(), n, draws);
    family.sample(&solution.params, &rows, Streams::new(6), &mut z);
    let (mut pass, mut log_q) = (Pass::default(), vec![0.0; draws]);
    target.log_density(&solution.theta, &z, &rows, &mut pass).unwrap();
    family.log_q(&solution.params, &rows, &z, &mut log_q);
    let each: Vec<f64> = pass.log_density.iter().zip(&log_q).map(|(p, q)| (p - q) / n as f64).collect();
    mean_and_standard_error(&each)
}

/// `x = +-4 + a z + noise`: the class is nearly sure given x, so q(z) q(class) is nearly the posterior.
#[test]
fn a_mixed_code_reaches_the_evidence_of_a_mixture_of_linear_models() {
    const ROWS: usize = 200;
    let e = noise(5, 3 * ROWS);
    let centre = |r: usize| if r.is_multiple_of(2) { [4.0, 0.0] } else { [-4.0, 1.0] };
    let row = |r: usize| [centre(r)[0] + e[3 * r] + 0.5 * e[3 * r + 1], centre(r)[1] - e[3 * r] + 0.5 * e[3 * r + 2]];
    let x = Matrix::new((0..ROWS).flat_map(row).collect::<Vec<_>>(), 2).unwrap();
    // Theta: weights [column][z, class 0, class 1], bias, log sd.
    let log_p = |t: &[f64], x: &[f64]| {
        let (a, b, variance) = (t[0], t[3], (2.0 * t[8]).exp());
        let of_class = |k: usize| {
            let (u, v) = (x[0] - t[1 + k] - t[6], x[1] - t[4 + k] - t[7]);
            let (p, q, c) = (a * a + variance, b * b + variance, a * b);
            let det = p * q - c * c;
            -0.5 * ((q * u * u - 2.0 * c * u * v + p * v * v) / det + det.ln()) - (2.0 * std::f64::consts::PI).ln()
        };
        log_mean_exp(&[of_class(0), of_class(1)])
    };
    let evidence = |t: &[f64]| (0..ROWS).map(|r| log_p(t, x.row(r))).sum::<f64>() / ROWS as f64;
    // Starts end in different optima, as those of every mixture do: the best of four by the bound.
    let starts = (1..=4).map(|seed| {
        let model = Vae::new(x.clone(), 1, &[], Likelihood::Gaussian).classes(2).start(InitialWeights::Glorot, seed);
        let target = Target::new(&model).unwrap();
        // The mean of z given x jumps from class to class, so the encoder needs a hidden layer where the decoder has none.
        let encoder = Perceptron::new(&[2, 16]).activation(Activation::Tanh).start(InitialWeights::Glorot, 3 * seed);
        let encoder = Amortised::new(x.clone(), "z", 1, encoder);
        let real = TracedFamily::new(&encoder, &target.layout().without_integers()).unwrap();
        let class = CategoricalEncoder::new(&x, target.layout(), &Perceptron::new(&[2])).unwrap();
        let all = (model, target, Product::new(real, class));
        let solution = train(&all, LeaveOneOut, (50, 6), 1000);
        (sampled_bound(&all.1, &all.2, &solution), solution)
    });
    let ((found, se), solution) = starts.max_by(|a, b| a.0.0.total_cmp(&b.0.0)).unwrap();
    let truth = evidence(&[1.0, 4.0, -4.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.5f64.ln()]);
    let exact = evidence(&solution.theta);
    println!("mixed code: bound {found:.3} ({se:.3}), log p(x) {exact:.3}, at the truth {truth:.3}");
    assert!(found < exact + 4.0 * se && exact - found < 0.1, "{found} ({se}) for {exact}");
    assert!(exact > truth - 0.1, "{exact}, the truth has {truth}");
}

#[test]
fn models_without_classes_have_no_mixed_family() {
    let model = Vae::new(patterns(6), 1, &[], Likelihood::Bernoulli);
    let target = Target::new(&model).unwrap();
    let error = model.mixed_family(target.layout()).unwrap_err().to_string();
    assert!(error.contains("no integers in rows to encode"), "{error}");
}

/// Weights under the posterior are all the evidence of their row; under an even q they average to it.
#[test]
fn log_p_of_rows_with_a_class_is_the_sum_over_the_classes() {
    const ROWS: u32 = 20;
    const DRAWS: usize = 4000;
    let x = patterns(ROWS as usize);
    let (_, target, _) = classes_alone(&x);
    let theta = noise(11, target.layout().num_parameters);
    let rows: Vec<u32> = (0..ROWS).collect();
    let of = |draws: usize, q: &dyn Fn(usize) -> Vec<f64>| {
        let factors = |row: u32| Ok(RowFactors { probabilities: vec![q(row as usize)], ..RowFactors::default() });
        log_evidence_of_factored_rows(&target, &theta, &rows, draws, Streams::new(1), factors)
    };
    let exact: Vec<f64> = (0..ROWS as usize).map(|r| log_sum_exp(&log_joint(&theta, x.row(r)))).collect();
    let posterior = |r: usize| log_joint(&theta, x.row(r)).iter().map(|l| (l - exact[r]).exp()).collect();
    let even = |_: usize| vec![1.0 / CLASSES as f64; CLASSES];
    let (at_posterior, at_even) = (of(1, &posterior).unwrap(), of(DRAWS, &even).unwrap());
    for (row, exact) in exact.iter().enumerate() {
        assert!((at_posterior[row] - exact).abs() < 1e-12 * exact.abs(), "{} for {exact}", at_posterior[row]);
        // Weights of 3 p_k with p_k adding up to one have a variance of at most 2.
        assert!((at_even[row] - exact).abs() < 5.0 * (2.0 / DRAWS as f64).sqrt(), "{} for {exact}", at_even[row]);
    }
    let two = |_| Ok(RowFactors { probabilities: vec![even(0), even(0)], ..RowFactors::default() });
    let error = log_evidence_of_factored_rows(&target, &theta, &rows, 1, Streams::new(1), two).unwrap_err().to_string();
    assert!(error.contains("2 integers for a row of 0 latents and 1 integers"), "{error}");
}
