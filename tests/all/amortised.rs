//! Amortised inference: q(z | x) by a network, against closed forms.

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::Pathwise;
use jensen::family::{Family, Guide, Guided, Reparam, TracedFamily};
use jensen::fit::{MaxSteps, run};
use jensen::layers::{Activation, Amortised, InitialWeights, Likelihood, Perceptron, Vae, layer_norm};
use jensen::model::{Draws, RowSet};
use jensen::objective::mean_and_standard_error;
use jensen::optimize::{Adam, Average, Schedule, Sgd};
use jensen::posterior::log_evidence_of_rows;
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Pass, Target};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

const ROWS: usize = 150;
const WIDTH: usize = 4;
const LATENTS: usize = 2;

/// `x_i = A z_i + noise` with two latents, for 4 columns.
fn linear_data() -> Matrix {
    let mut e = vec![0.0; ROWS * (LATENTS + WIDTH)];
    Streams::new(31).fill_normal(1, &mut e);
    let a = [[1.2, 0.0], [0.8, -0.6], [-0.5, 0.9], [0.3, 0.4]];
    let mut x = Vec::new();
    for e in e.chunks_exact(LATENTS + WIDTH) {
        for (k, a) in a.iter().enumerate() {
            x.push(0.5 * k as f64 + a[0] * e[0] + a[1] * e[1] + 0.6 * e[2 + k]);
        }
    }
    Matrix::new(x, WIDTH).unwrap()
}

/// `ln N(x_i; b, W W' + s^2 I)` of every row.
fn evidence(x: &Matrix, w: &DMatrix<f64>, b: &DVector<f64>, variance: f64) -> Vec<f64> {
    let covariance = w * w.transpose() + DMatrix::identity(WIDTH, WIDTH) * variance;
    let root = covariance.cholesky().unwrap();
    let ln_det: f64 = root.l().diagonal().iter().map(|d| 2.0 * d.ln()).sum();
    let one = |row: usize| {
        let d = DVector::from_row_slice(x.row(row)) - b;
        -0.5 * (d.dot(&root.solve(&d)) + ln_det + WIDTH as f64 * (2.0 * std::f64::consts::PI).ln())
    };
    (0..x.num_rows()).map(one).collect()
}

/// The maximum over all parameters, by the eigenvalues of the sample covariance (Tipping and Bishop 1999, section 3.2).
fn best_evidence(x: &Matrix) -> f64 {
    let n = x.num_rows() as f64;
    let data = DMatrix::from_fn(x.num_rows(), WIDTH, |i, k| x.row(i)[k]);
    let mean = data.row_mean().transpose();
    let centred = DMatrix::from_fn(x.num_rows(), WIDTH, |i, k| data[(i, k)] - mean[k]);
    let eigen = SymmetricEigen::new(centred.transpose() * &centred / n);
    let mut order: Vec<usize> = (0..WIDTH).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let variance = order[LATENTS..].iter().map(|&k| eigen.eigenvalues[k]).sum::<f64>() / (WIDTH - LATENTS) as f64;
    let column = |k: usize| eigen.eigenvectors.column(order[k]) * (eigen.eigenvalues[order[k]] - variance).sqrt();
    let w = DMatrix::from_columns(&[column(0), column(1)]);
    evidence(x, &w, &mean, variance).iter().sum::<f64>() / n
}

fn train(model: &Vae, target: &Target, family: &TracedFamily) -> Solution {
    let steps = 3000;
    let vi = StochasticVi {
        average: Average::Polynomial { eta: 8.0 },
        start: Solution { params: family.init(&[], 1.0), theta: model.theta(target.layout()) },
        ..StochasticVi::new(target, family)
    };
    let vi = vi.draws(4).optimizer(Adam::new(Schedule::cosine(0.02, 0.0005, steps))).streams(Streams::new(5));
    let mut state = vi.init().unwrap();
    run(&vi, &mut state, &mut MaxSteps(steps), &mut ()).unwrap();
    vi.output(&state)
}

/// The bound a row, by 200 draws, and its standard error.
fn bound(target: &Target, family: &TracedFamily, solution: &Solution) -> (f64, f64) {
    let (rows, draws) = (RowSet::all(), 200);
    let mut z = Draws::zeros(target.layout(), ROWS, draws);
    family.sample(&solution.params, &rows, Streams::new(6), &mut z);
    let mut pass = Pass::default();
    target.log_density(&solution.theta, &z, &rows, &mut pass).unwrap();
    let mut log_q = vec![0.0; draws];
    family.log_q(&solution.params, &rows, &z, &mut log_q);
    let each: Vec<f64> = pass.log_density.iter().zip(&log_q).map(|(p, q)| (p - q) / ROWS as f64).collect();
    mean_and_standard_error(&each)
}

#[test]
fn a_linear_autoencoder_is_probabilistic_principal_components() {
    let x = linear_data();
    let model = Vae::new(x.clone(), LATENTS, &[], Likelihood::Gaussian).start(InitialWeights::Glorot, 1);
    let target = Target::new(&model).unwrap();
    let family = TracedFamily::new(&model, target.layout()).unwrap();
    let mut solution = train(&model, &target, &family);

    let part = |name: &str| {
        let site = target.layout().site(name).unwrap();
        &solution.theta[site.offset..site.offset + site.num_unconstrained]
    };
    let w = DMatrix::from_row_slice(WIDTH, LATENTS, part("decoder.weights0"));
    let b = DVector::from_row_slice(part("decoder.bias0"));
    let exact = evidence(&x, &w, &b, (2.0 * part("ln_sd")[0]).exp());
    let mean = exact.iter().sum::<f64>() / ROWS as f64;
    let (found, se) = bound(&target, &family, &solution);
    assert!((found - mean).abs() < 0.01, "bound {found} ({se}) for the evidence {mean}");
    assert!(se < 0.002, "the bound's standard error {se} is too large to tell");
    let best = best_evidence(&x);
    assert!(mean <= best + 1e-9 && best - mean < 0.01, "evidence {mean} at theta, at most {best}");

    // With a q that is too wide, more draws close the gap from below.
    let all: Vec<u32> = (0..ROWS as u32).collect();
    let k = solution.params.len() - LATENTS;
    solution.params[k..].iter_mut().for_each(|p| *p += 0.5);
    let gaps = |draws: usize| {
        let found = log_evidence_of_rows(&target, &family, &solution, &all, draws, Streams::new(7)).unwrap();
        let each: Vec<f64> = exact.iter().zip(&found).map(|(e, f)| e - f).collect();
        mean_and_standard_error(&each)
    };
    let (one, five, many) = (gaps(1), gaps(5), gaps(500));
    // E ln q - E ln p of one latent with a variance too large by e: (e - 1 - 1) / 2.
    let expected = LATENTS as f64 * (std::f64::consts::E - 2.0) / 2.0;
    assert!((one.0 - expected).abs() < 4.0 * one.1 + 0.02, "gap {one:?} of one draw for {expected}");
    assert!(five.0 < one.0 - 4.0 * one.1.hypot(five.1), "{one:?} {five:?}");
    assert!(many.0.abs() < 0.01 + 4.0 * many.1 && many.0 < five.0, "{five:?} {many:?}");
}

/// The same q twice: by means and sds, and by transform and density.
struct Twice {
    x: Matrix,
    by_hand: bool,
}

impl Model for Twice {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 1.0));
        p.rows(self.x.num_rows(), |i| {
            let z = i.draws("z", normal(0.0, 1.0), 3);
            i.observe(self.x.at(i).at(0), normal(mu + z.sum(), 1.0));
        });
    }
}

impl Guide for Twice {
    fn draw(&self, q: &Guided) {
        let (m, s) = (q.parameter_from("m", &[0.3]).at(0), q.parameter_from("s", &[-0.4]).at(0).exp());
        if self.by_hand {
            q.latent("mu", |e| m + s * e, |z| normal(m, s).log_density(z))
        } else {
            q.normal("mu", m, s)
        };
        let start: Vec<f64> = (0..6).map(|k| 0.2 * f64::from(k) - 0.5).collect();
        let w = q.parameter_from("w", &start);
        q.rows(|i| {
            let mean = w.mat_vec(3, &self.x.at(i).to_vector());
            let sd = mean.map(|m| (0.3 * m).exp());
            let density = |z: Vector| {
                let terms: Vec<Real> = (0..3).map(|k| normal(mean.at(k), sd.at(k)).log_density(z.at(k))).collect();
                jensen::program::sum(&terms)
            };
            if self.by_hand {
                i.latents("z", 3, |e| mean.zip(&sd.zip(&e, |s, e| s * e), |m, e| m + e), density)
            } else {
                i.normals("z", &mean, &sd)
            };
        });
    }
}

#[test]
fn normals_by_their_moments_are_the_same_family_as_by_transform_and_density() {
    let x = Matrix::new((0..14).map(|k| f64::from(k * 5 % 7) / 3.0 - 1.0).collect::<Vec<_>>(), 2).unwrap();
    let model = |by_hand: bool| Twice { x: x.clone(), by_hand };
    let target = Target::new(&model(true)).unwrap();
    let [a, b] = [true, false].map(|by_hand| TracedFamily::new(&model(by_hand), target.layout()).unwrap());
    let params = a.init(&[], 1.0);
    assert!(a.entropy(&params, &RowSet::all()).is_none());
    let draws = 3;
    for rows in [RowSet::all(), RowSet { subset: Some(vec![5, 1, 1, 3]), weight: 1.75, global_terms: true }] {
        let num_rows = rows.len(target.layout());
        let mut noise = vec![0.0; a.num_noise(&rows) * draws];
        assert_eq!(noise.len(), b.num_noise(&rows) * draws);
        Streams::new(2).fill_normal(draws, &mut noise);
        let weights = [0.2, -1.0, 0.7];
        let all = |q: &TracedFamily| {
            let mut z = Draws::zeros(target.layout(), num_rows, draws);
            q.transform(&params, &rows, &noise, &mut z);
            let mut log_q = vec![0.0; draws];
            q.log_q(&params, &rows, &z, &mut log_q);
            let mut slope = z.clone();
            q.grad_log_q(&params, &rows, &z, &mut slope);
            let (mut score, mut pulled) = (vec![0.1; params.len()], vec![0.2; params.len()]);
            q.score(&params, &rows, &z, &weights, &mut score);
            q.pullback(&params, &rows, &noise, &z, &slope, &mut pulled);
            [z.latents, z.row_latents, log_q, slope.latents, slope.row_latents, score, pulled].concat()
        };
        for (k, (a, b)) in all(&a).iter().zip(all(&b)).enumerate() {
            assert!((a - b).abs() <= 1e-12 * (1.0 + a.abs()), "number {k}: {a} {b}");
        }
    }
    // The entropy is minus the average of log q, and its gradient that of a difference.
    let rows = RowSet { subset: Some(vec![2, 4]), weight: 3.5, global_terms: true };
    let mut grad = vec![0.0; params.len()];
    b.add_entropy_gradient(&params, &rows, 1.0, &mut grad);
    for k in 0..params.len() {
        let at = |h: f64| {
            let mut params = params.clone();
            params[k] += h;
            b.entropy(&params, &rows).unwrap()
        };
        let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((grad[k] - slope).abs() < 1e-8 * (1.0 + slope.abs()), "parameter {k}: {} {slope}", grad[k]);
    }
    let mut z = Draws::zeros(target.layout(), 2, 40_000);
    b.sample(&params, &rows, Streams::new(3), &mut z);
    let mut log_q = vec![0.0; 40_000];
    a.log_q(&params, &rows, &z, &mut log_q);
    let (mean, se) = mean_and_standard_error(&log_q);
    let entropy = b.entropy(&params, &rows).unwrap();
    assert!((entropy + mean).abs() < 4.0 * se, "entropy {entropy} for {} ({se})", -mean);
}

/// A guide whose second latent leans on the first is no family of independent normals.
#[test]
fn a_latent_that_depends_on_another_has_no_closed_entropy() {
    struct Leaning;
    impl Model for Leaning {
        fn log_joint(&self, p: &LogJoint) {
            let a = p.draw("a", normal(0.0, 1.0));
            p.draw("b", normal(a, 1.0));
        }
    }
    impl Guide for Leaning {
        fn draw(&self, q: &Guided) {
            let a = q.normal("a", 0.0, 1.0);
            q.normal("b", 0.5 * a, 1.0);
        }
    }
    let target = Target::new(&Leaning).unwrap();
    let family = TracedFamily::new(&Leaning, target.layout()).unwrap();
    assert!(family.entropy(&[], &RowSet::all()).is_none());
    let mut z = Draws::zeros(target.layout(), 0, 1);
    family.transform(&[], &RowSet::all(), &[2.0, 1.0], &mut z);
    assert_eq!(z.latents, [2.0, 2.0]);
}

#[test]
fn layers_are_their_formulas() {
    struct Layers;
    impl Model for Layers {
        fn log_joint(&self, p: &LogJoint) {
            let x = p.reals("x", 3);
            p.derive("relu", Activation::Relu.apply(&x));
            p.derive("tanh", Activation::Tanh.apply(&x));
            p.derive("sigmoid", Activation::Sigmoid.apply(&x));
            p.derive("softplus", Activation::Softplus.apply(&x));
            p.derive("gelu", Activation::Gelu.apply(&x));
            let (gain, shift) = (Vector::constant(&[1.0, 2.0, 3.0]), Vector::constant(&[0.5, 0.0, -1.0]));
            p.derive("norm", layer_norm(&x, &gain, &shift));
            p.add(-x.map(|x| x.square()).sum());
        }
    }
    let x: [f64; 3] = [-1.5, 0.25, 2.0];
    let target = Target::new(&Layers).unwrap();
    let made = target.constrained(&[], &Draws::at_point(&x));
    let value = |name: &str| made.values[made.names.iter().position(|n| n == name).unwrap()];
    // Standard normal distribution function at the three places, from tables.
    let phi = [0.066_807_201_268_858, 0.598_706_325_682_924, 0.977_249_868_051_821];
    let (mean, variance) = (0.25, ((1.75f64).powi(2) + 0.0 + (1.75f64).powi(2)) / 3.0);
    for k in 0..3 {
        let near = |name: &str, expected: f64| {
            let found = value(&format!("{name}[{k}]"));
            assert!((found - expected).abs() < 1e-12, "{name} of {}: {found} for {expected}", x[k]);
        };
        near("relu", if x[k] > 0.0 { x[k] } else { 0.0 });
        near("tanh", x[k].tanh());
        near("sigmoid", 1.0 / (1.0 + (-x[k]).exp()));
        near("softplus", x[k].exp().ln_1p());
        near("gelu", x[k] * phi[k]);
        let (gain, shift) = ([1.0, 2.0, 3.0][k], [0.5, 0.0, -1.0][k]);
        near("norm", gain * (x[k] - mean) / (variance + 1e-5f64).sqrt() + shift);
    }
}

#[test]
fn starts_have_the_variance_they_name() {
    let n = 200 * 300;
    for (start, variance) in
        [(InitialWeights::LeCun, 1.0 / 300.0), (InitialWeights::Glorot, 2.0 / 500.0), (InitialWeights::He, 2.0 / 300.0)]
    {
        let w = start.weights(200, 300, Streams::new(4));
        let found = w.iter().map(|w| w * w).sum::<f64>() / n as f64 / variance;
        assert!((found - 1.0).abs() < 4.0 * (2.0 / n as f64).sqrt(), "{start:?}: {found}");
    }
}

#[test]
fn pixels_that_are_no_zeros_and_ones_are_refused() {
    let x = Matrix::new([0.0, 1.0, 1.0, 0.5], 2).unwrap();
    let error = Target::new(&Vae::new(x, 1, &[3], Likelihood::Bernoulli)).err().unwrap().to_string();
    assert!(error.contains("row 1 holds [1.0, 0.5]"), "{error}");
}

/// A batch's bound, scaled, averages to that of all rows, the short last batch of an epoch included.
#[test]
fn a_small_autoencoder_learns_from_minibatches() {
    let pixels = (0..60 * 6).map(|k| f64::from((k / 6 + k % 6) % 3 == 0)).collect::<Vec<_>>();
    let x = Matrix::new(pixels, 6).unwrap();
    let model = Vae::new(x.clone(), 2, &[8], Likelihood::Bernoulli).activation(Activation::Tanh);
    let target = Target::new(&model).unwrap();
    let family = TracedFamily::new(&Amortised::new(x, "z", 2, Perceptron::new(&[6, 8])), target.layout()).unwrap();
    let start = Solution { params: family.init(&[], 1.0), theta: model.theta(target.layout()) };
    let vi = StochasticVi { start, ..StochasticVi::new(&target, &family) };
    let vi = vi.minibatch(Minibatch::Shuffled(25)).optimizer(Adam::new(0.02)).draws(2);
    let mut state = vi.init().unwrap();
    run(&vi, &mut state, &mut MaxSteps(900), &mut ()).unwrap();
    let solution = vi.output(&state);
    let all: Vec<u32> = (0..60).collect();
    let found = log_evidence_of_rows(&target, &family, &solution, &all, 20, Streams::new(1)).unwrap();
    let mean = found.iter().sum::<f64>() / 60.0;
    // Three patterns, equally frequent: no model of single pixels is above 6 ln(..) = -3.82, a perfect one is at -ln 3.
    assert!(mean > -2.0 && mean < -(3.0f64.ln()) + 0.2, "log p(x) {mean}");
}

/// Rows that come in parts, each a target of its own: every step is that of the rows by hand.
#[test]
fn steps_on_a_part_of_the_rows_are_scaled_to_all() {
    struct Mean(Column);
    impl Model for Mean {
        fn log_joint(&self, p: &LogJoint) {
            let mu = p.parameter("mu", &[1]).at(0);
            p.rows(self.0.len(), |i| i.observe(self.0.at(i), normal(mu, 1.0)));
        }
    }
    impl Guide for Mean {
        fn draw(&self, _: &Guided) {}
    }
    let parts = [vec![1.0, 2.0, 4.0, -1.0], vec![0.5, 3.0, 2.5], vec![7.0]];
    let (all, rate) = (8.0, 0.05);
    let (mut state, mut by_hand) = (None, 0.3);
    for part in &parts {
        let model = Mean(Column::new(part.clone()));
        let target = Target::new(&model).unwrap();
        let family = TracedFamily::new(&model, target.layout()).unwrap();
        let start = Solution { params: Vec::new(), theta: vec![0.3] };
        let vi = StochasticVi { start, ..StochasticVi::new(&target, &family) }.draws(1);
        let vi = vi.estimator(Pathwise::default()).optimizer(Sgd::new(rate));
        let state = state.get_or_insert_with(|| vi.init().unwrap());
        for (k, batch) in part.chunks(2).enumerate() {
            let rows = (0..batch.len()).map(|r| (target.layout().first_row + 2 * k + r) as u32).collect();
            let rows = RowSet { subset: Some(rows), weight: all / batch.len() as f64, global_terms: true };
            vi.step_on(state, &rows).unwrap();
            // The gradient of all rows' log density, by those of the batch.
            by_hand += rate * all / batch.len() as f64 * batch.iter().map(|x| x - by_hand).sum::<f64>();
            assert!((state.theta()[0] - by_hand).abs() < 1e-12, "{} for {by_hand}", state.theta()[0]);
        }
    }
    assert_eq!(state.unwrap().step(), 5);
}
