//! The closed KL and the importance-weighted bound of rows, on linear-Gaussian models that are known by hand.

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::dist::normal;
use jensen::estimate::{
    Design, ExactKl, GradientEstimator, ImportanceWeightedRows, PathWeight, Pathwise, Point, Space, Task, standard_kl,
};
use jensen::family::{Family, Guide, Guided, IndependentNormals, NormalMoments, TracedFamily};
use jensen::fit::{MaxSteps, run};
use jensen::layers::{Amortised, InitialWeights, Likelihood, Perceptron, Vae};
use jensen::model::{LogJoint, Model, RowSet};
use jensen::objective::{log_mean_exp, mean_and_standard_error};
use jensen::optimize::{Adam, Average, Schedule};
use jensen::posterior::{log_evidence_of_normal_rows, log_evidence_of_rows};
use jensen::program::{Column, Matrix};
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

/// Mean and standard error of value, gradient and theta's gradient over `steps` estimates.
fn averaged<E: GradientEstimator<Target, TracedFamily>>(
    (target, family): (&Target, &TracedFamily),
    estimator: E,
    at: &Solution,
    rows: &RowSet,
    (draws, steps): (usize, u64),
) -> Vec<(f64, f64)> {
    let (mut space, mut state) = (Space::default(), estimator.init(target, family));
    let mut all = vec![Vec::new(); 1 + at.params.len() + at.theta.len()];
    for step in 0..steps {
        let streams = Streams::new(3).at_step(step);
        let (params, theta) = (&at.params[..], &at.theta[..]);
        let at = Point { params, theta, rows, streams, num_draws: draws, design: Design::Independent };
        let estimate = estimator.estimate(&Task { target, family, at }, &mut state, &mut space).unwrap();
        let numbers = [&[estimate.value][..], &space.grad, &space.grad_theta].concat();
        all.iter_mut().zip(numbers).for_each(|(all, x)| all.push(x));
    }
    all.iter().map(|x| mean_and_standard_error(x)).collect()
}

/// The largest distance of two lists of means, in standard errors.
fn distance(a: &[(f64, f64)], b: &[(f64, f64)]) -> f64 {
    assert_eq!(a.len(), b.len());
    let one = |(a, b): (&(f64, f64), &(f64, f64))| (a.0 - b.0).abs() / (a.1.hypot(b.1) + 1e-9 * (1.0 + a.0.abs()));
    a.iter().zip(b).map(one).fold(0.0, f64::max)
}

fn small_vae() -> (Vae, Target, TracedFamily, Solution) {
    let pixels: Vec<f64> = (0..9 * 4).map(|k| f64::from((k / 4 + k % 4) % 3 == 0)).collect();
    let model =
        Vae::new(Matrix::new(pixels, 4).unwrap(), 2, &[3], Likelihood::Bernoulli).start(InitialWeights::Glorot, 4);
    let target = Target::new(&model).unwrap();
    let family = TracedFamily::new(&model, target.layout()).unwrap();
    let at = Solution { params: family.init(&[], 1.0), theta: model.theta(target.layout()) };
    (model, target, family, at)
}

#[test]
fn the_closed_kl_has_the_mean_of_the_pathwise_gradient_and_other_weights_have_not() {
    let (_, target, family, at) = small_vae();
    let both = (&target, &family);
    for rows in [RowSet::all(), RowSet { subset: Some(vec![5, 1, 1, 3]), weight: 2.25, global_terms: true }] {
        let reference = averaged(both, Pathwise::default(), &at, &rows, (2, 3000));
        let exact = averaged(both, ExactKl::default(), &at, &rows, (2, 3000));
        let far = distance(&exact, &reference);
        assert!(far < 4.5, "{far} standard errors");
        let heavy = averaged(both, ExactKl { beta: 1.1, free_nats: 0.0 }, &at, &rows, (2, 3000));
        assert!(distance(&heavy, &reference) > 6.0, "a weight of 1.1 is not noticed");
    }
}

#[test]
fn the_kl_of_known_normals() {
    let (_, target, family, at) = small_vae();
    let mut moments = NormalMoments::default();
    assert!(family.normals(&at.params, &RowSet::all(), &mut moments));
    assert_eq!(moments.mean.len(), 18);
    moments.mean = (0..18).map(|k| if k < 9 { 1.0 } else { 0.0 }).collect();
    moments.sd = (0..18).map(|k| if k < 9 { 2.0 } else { 1.0 }).collect();
    let mut kl = Vec::new();
    standard_kl(target.layout(), &moments, &mut kl);
    // (1 + 4 - 1) / 2 - ln 2 in each of nine rows.
    assert!((kl[0] - 9.0 * (2.0 - std::f64::consts::LN_2)).abs() < 1e-12 && kl[1] == 0.0, "{kl:?}");
}

/// `x_i ~ N(z_i, 0.5)`, and nothing to learn.
struct Shift {
    x: Column,
    prior_sd: f64,
}

impl Model for Shift {
    fn log_joint(&self, p: &LogJoint) {
        p.rows(self.x.len(), |i| {
            let z = i.draws("z", normal(0.0, self.prior_sd), 1);
            i.observe(self.x.at(i), normal(z.at(0), 0.5f64.sqrt()));
        });
    }
}

fn shift(prior_sd: f64) -> (Target, TracedFamily) {
    let x: Vec<f64> = (0..40).map(|k| f64::from(k * 7 % 40) / 10.0 - 2.0).collect();
    let target = Target::new(&Shift { x: Column::new(x.clone()), prior_sd }).unwrap();
    let encoder = Amortised::new(Matrix::new(x, 1).unwrap(), "z", 1, Perceptron::new(&[1]));
    let family = TracedFamily::new(&encoder, target.layout()).unwrap();
    (target, family)
}

/// The maximum of `-(v + (x - m)^2) / (2 s^2) - beta KL` is at `m = x / (1 + beta s^2)`, `1 / v = 1 + 1 / (beta s^2)`.
#[test]
fn beta_moves_the_optimum_of_a_linear_model_to_where_it_belongs() {
    let (target, family) = shift(1.0);
    for beta in [0.5, 1.0, 4.0] {
        let steps = 3000;
        let vi = StochasticVi { average: Average::Polynomial { eta: 8.0 }, ..StochasticVi::new(&target, &family) };
        let vi = vi.start(Solution { params: vec![0.0; 4], theta: vec![] });
        let vi = vi.estimator(ExactKl { beta, free_nats: 0.0 }).draws(4).minibatch(Minibatch::Shuffled(16));
        let vi = vi.optimizer(Adam::new(Schedule::cosine(0.05, 0.0005, steps)));
        let mut state = vi.init().unwrap();
        run(&vi, &mut state, &mut MaxSteps(steps), &mut ()).unwrap();
        let params = vi.output(&state).params;
        let part = |name: &str| family.parameter(name, &params).unwrap()[0];
        let s2 = 0.5;
        let (slope, sd) = (1.0 / (1.0 + beta * s2), (1.0 / (1.0 + 1.0 / (beta * s2))).sqrt());
        // The averaged iterates have a spread of about 0.003.
        let near = |name: &str, found: f64, expected: f64| {
            assert!((found - expected).abs() < 0.015, "beta {beta}: {name} {found} for {expected}");
        };
        near("slope", part("mean.weights0"), slope);
        near("intercept", part("mean.bias0"), 0.0);
        near("sd", part("ln_sd.bias0").exp(), sd);
        let terms = vi.step(&mut state).unwrap().terms.unwrap();
        assert!(terms.kl > 0.0 && terms.data.is_finite(), "{terms:?}");
    }
}

#[test]
fn free_nats_cost_nothing_until_they_are_spent() {
    let (target, family) = shift(1.0);
    let rows = RowSet { subset: Some(vec![0, 3, 9]), weight: 2.0, global_terms: true };
    let at = Solution { params: vec![0.2, 0.1, 0.0, -0.3], theta: vec![] };
    let gradient = |free_nats: f64, beta: f64| {
        averaged((&target, &family), ExactKl { beta, free_nats }, &at, &rows, (1, 1))
            .iter()
            .map(|x| x.0)
            .collect::<Vec<_>>()
    };
    // The KL of this latent is below 5 nats and above 0.001; the same seed gives the same data term.
    let (free, without) = (gradient(5.0, 1.0), gradient(0.0, 0.0));
    assert_eq!(free[1..], without[1..]);
    assert!((free[0] - (without[0] - 5.0 * 3.0 * 2.0)).abs() < 1e-9, "{free:?} {without:?}");
    assert_eq!(gradient(0.001, 1.0), gradient(0.0, 1.0));
    assert_ne!(gradient(0.001, 1.0)[1..], free[1..]);
}

#[test]
fn other_priors_other_families_and_odd_weights_are_refused() {
    let refused = |prior_sd: f64, estimator: ExactKl| {
        let (target, family) = shift(prior_sd);
        let vi = StochasticVi::new(&target, &family).estimator(estimator);
        let mut state = vi.init().unwrap();
        vi.step(&mut state).err().map_or(String::new(), |e| e.to_string())
    };
    assert_eq!(refused(1.0, ExactKl::default()), "");
    let text = refused(1.1, ExactKl::default());
    assert!(text.contains("prior terms of a draw") && text.contains("use `Pathwise`"), "{text}");
    assert!(refused(1.0, ExactKl { beta: f64::NAN, free_nats: 0.0 }).contains("beta NaN"));
    assert!(refused(1.0, ExactKl { beta: 1.0, free_nats: -1.0 }).contains("-1 free nats"));

    struct Bent;
    impl Guide for Bent {
        fn draw(&self, q: &Guided) {
            q.rows(|i| {
                i.latents("z", 1, |e| e.map(|e| 2.0 * e), |z| normal(0.0, 2.0).log_density(z.at(0)));
            });
        }
    }
    use jensen::dist::Distribution;
    let (target, _) = shift(1.0);
    let family = TracedFamily::new(&Bent, target.layout()).unwrap();
    let one = |rows: bool| {
        let vi = StochasticVi::new(&target, &family).draws(2);
        if rows {
            let vi = vi.estimator(ImportanceWeightedRows::default());
            vi.step(&mut vi.init().unwrap()).err().unwrap().to_string()
        } else {
            let vi = vi.estimator(ExactKl::default());
            vi.step(&mut vi.init().unwrap()).err().unwrap().to_string()
        }
    };
    assert!(one(false).contains("not normal given the data; use `Pathwise`"), "{}", one(false));
    assert!(one(true).contains("not normal given the data"), "{}", one(true));
}

/// `sum_i log 1/K sum_k w_ik` of the linear autoencoder with one pixel and one latent, by hand.
fn bound_by_hand(x: &[f64], weight: f64, p: &[f64], noise: &[f64], draws: usize) -> f64 {
    // Encoder: slope and intercept of mean and log sd; decoder: slope, intercept, log sd.
    let [a, b, c, d, w, o, s] = p[..] else { panic!("seven parameters") };
    let log_normal = |x: f64, m: f64, ln_s: f64| {
        -0.5 * ((x - m) / ln_s.exp()).powi(2) - ln_s - 0.5 * (2.0 * std::f64::consts::PI).ln()
    };
    let one = |(x, noise): (&f64, &[f64])| {
        let (m, ln_sd) = (a * x + b, c * x + d);
        let each = |e: &f64| {
            let z = m + ln_sd.exp() * e;
            log_normal(*x, w * z + o, s) + log_normal(z, 0.0, 0.0) - log_normal(z, m, ln_sd)
        };
        log_mean_exp(&noise.iter().map(each).collect::<Vec<_>>())
    };
    weight * x.iter().zip(noise.chunks_exact(draws)).map(one).sum::<f64>()
}

#[test]
fn the_bound_of_rows_has_the_gradient_of_its_expectation() {
    let x = [0.3, -1.2, 2.0, 0.9];
    let model = Vae::new(Matrix::new(x, 1).unwrap(), 1, &[], Likelihood::Gaussian);
    let target = Target::new(&model).unwrap();
    let family = TracedFamily::new(&model, target.layout()).unwrap();
    let p = [0.4, 0.1, 0.05, -0.4, 1.3, 0.2, -0.3];
    let at = Solution { params: p[..4].to_vec(), theta: p[4..].to_vec() };
    let (rows, draws, weight) = (vec![0, 2, 3], 4, 4.0 / 3.0);
    let chosen = [x[0], x[2], x[3]];
    // Values and central differences on noise of the test's own.
    let mut all = vec![Vec::new(); 8];
    for step in 0..20_000 {
        let mut noise = [0.0; 12];
        Streams::new(11).at_step(step).fill_normal(1, &mut noise);
        let bound = |p: &[f64]| bound_by_hand(&chosen, weight, p, &noise, draws);
        all[0].push(bound(&p));
        for k in 0..7 {
            let moved = |h: f64| {
                let mut p = p;
                p[k] += h;
                bound(&p)
            };
            all[k + 1].push((moved(1e-4) - moved(-1e-4)) / 2e-4);
        }
    }
    let reference: Vec<(f64, f64)> = all.iter().map(|x| mean_and_standard_error(x)).collect();
    let rows = RowSet { subset: Some(rows), weight, global_terms: true };
    for path in [PathWeight::Total, PathWeight::Doubly] {
        let found = averaged((&target, &family), ImportanceWeightedRows { path }, &at, &rows, (draws, 20_000));
        let far = distance(&found, &reference);
        assert!(far < 4.5, "{path:?}: {far} standard errors");
        // One draw has another bound.
        let other = averaged((&target, &family), ImportanceWeightedRows { path }, &at, &rows, (1, 20_000));
        assert!(distance(&other, &reference) > 6.0, "{path:?}: the number of draws is not noticed");
    }
}

/// Under the exact posterior every weight is p(x_i): the bound has no noise, and the doubly gradient of q is zero.
#[test]
fn at_the_posterior_the_doubly_gradient_vanishes() {
    let (target, family) = shift(1.0);
    let at = Solution { params: vec![2.0 / 3.0, 0.0, 0.0, 0.5 * (1.0f64 / 3.0).ln()], theta: vec![] };
    let of = |path| averaged((&target, &family), ImportanceWeightedRows { path }, &at, &RowSet::all(), (5, 4));
    let x: Vec<f64> = (0..40).map(|k| f64::from(k * 7 % 40) / 10.0 - 2.0).collect();
    let evidence: f64 = x.iter().map(|x| -x * x / 3.0 - 0.5 * (2.0 * std::f64::consts::PI * 1.5).ln()).sum();
    let (doubly, total) = (of(PathWeight::Doubly), of(PathWeight::Total));
    assert!((doubly[0].0 - evidence).abs() < 1e-9 * evidence.abs(), "{doubly:?} {evidence}");
    assert!(doubly[1..].iter().all(|g| g.0.abs() < 1e-9 && g.1 < 1e-9), "{doubly:?}");
    assert!(total[1..].iter().any(|g| g.1 > 1e-3), "{total:?}");
}

/// A q that is too wide by half; more draws under the logarithm close the gap.
#[test]
fn training_with_more_draws_under_the_logarithm_comes_closer_to_the_evidence() {
    let x: Vec<f64> = (0..60).map(|k| f64::from(k * 7 % 60) / 15.0 - 2.0).collect();
    struct Fixed(Matrix);
    impl Guide for Fixed {
        fn draw(&self, q: &Guided) {
            let a = q.parameter("a", &[1]);
            // A standard deviation that is too large, and cannot be learnt.
            q.rows(|i| {
                i.normals("z", &self.0.at(i).to_vector().map(|x| x * a.at(0)), &a.map(|a| a * 0.0 + 0.9));
            });
        }
    }
    let target = Target::new(&Shift { x: Column::new(x.clone()), prior_sd: 1.0 }).unwrap();
    let family = TracedFamily::new(&Fixed(Matrix::new(x.clone(), 1).unwrap()), target.layout()).unwrap();
    let exact: Vec<f64> = x.iter().map(|x| -x * x / 3.0 - 0.5 * (2.0 * std::f64::consts::PI * 1.5).ln()).collect();
    let all: Vec<u32> = (0..60).collect();
    let gap = |draws: usize| {
        let vi = StochasticVi::new(&target, &family).estimator(ImportanceWeightedRows::default()).draws(draws);
        let vi = vi.minibatch(Minibatch::Shuffled(16)).optimizer(Adam::new(Schedule::cosine(0.05, 0.001, 600)));
        let mut state = vi.init().unwrap();
        run(&vi, &mut state, &mut MaxSteps(600), &mut ()).unwrap();
        let solution = vi.output(&state);
        let mut gaps = Vec::new();
        for k in 0..40 {
            let found = log_evidence_of_rows(&target, &family, &solution, &all, draws, Streams::new(70 + k)).unwrap();
            gaps.extend(exact.iter().zip(found).map(|(e, f)| e - f));
        }
        mean_and_standard_error(&gaps)
    };
    let (one, five, fifty) = (gap(1), gap(5), gap(50));
    assert!(one.0 > five.0 + 4.0 * one.1.hypot(five.1), "{one:?} {five:?}");
    assert!(five.0 > fifty.0 + 4.0 * five.1.hypot(fifty.1), "{five:?} {fifty:?}");
    assert!(fifty.0.abs() < 0.01 + 4.0 * fifty.1, "{fifty:?}");

    // The draws of a row as copies of it, in several blocks, say the same.
    let solution = Solution { params: vec![2.0 / 3.0], theta: vec![] };
    for draws in [1, 5, 1500] {
        let mut gaps = Vec::new();
        for k in 0..10 {
            let streams = Streams::new(130 + k);
            let found = log_evidence_of_normal_rows(&target, &family, &solution, &all, draws, streams).unwrap();
            let other = log_evidence_of_rows(&target, &family, &solution, &all, draws, streams.purpose(1)).unwrap();
            gaps.extend(found.iter().zip(other).map(|(a, b)| a - b));
        }
        let (mean, se) = mean_and_standard_error(&gaps);
        assert!(mean.abs() < 4.5 * se, "{draws} draws: {mean} ({se})");
    }
}
