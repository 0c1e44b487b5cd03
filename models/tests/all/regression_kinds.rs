//! Likelihoods of regressions and how responses are seen, against posteriors by quadrature of densities written here.

use jensen_models::data::DataTable;
use jensen_models::regression::{Regression, RegressionSettings, ResponseLaw};
use libm::{erfc, lgamma};

/// Means and sds of two numbers by the midpoint rule on 300 x 300 points of a box that holds all but 1e-8 of the mass; on twice as
/// many points they are the same to 1e-4 sd.
fn by_grid(log_joint: impl Fn(f64, f64) -> f64, [x, y]: [(f64, f64); 2]) -> [(f64, f64); 2] {
    const N: u32 = 300;
    let at = |(low, high): (f64, f64), k: u32| low + (high - low) * (f64::from(k) + 0.5) / f64::from(N);
    let all: Vec<(f64, f64, f64)> = (0..N * N)
        .map(|k| (at(x, k / N), at(y, k % N)))
        .map(|(x, y)| (x, y, log_joint(x, y)))
        .filter(|(.., l)| l.is_finite())
        .collect();
    let most = all.iter().map(|(.., l)| *l).fold(f64::NEG_INFINITY, f64::max);
    let mass = |of: &dyn Fn(f64, f64) -> f64| all.iter().map(|&(x, y, l)| of(x, y) * (l - most).exp()).sum::<f64>();
    let total = mass(&|_, _| 1.0);
    let moments = |of: &dyn Fn(f64, f64) -> f64| {
        let mean = mass(of) / total;
        (mean, (mass(&|x, y| (of(x, y) - mean).powi(2)) / total).sqrt())
    };
    [moments(&|x, _| x), moments(&|_, y| y)]
}

/// Fits the table and holds the two numbers to those of the quadrature: means within a twentieth of an sd, sds within 5 %.
fn check(text: &str, formula: &str, law: ResponseLaw, priors: &[&str], names: [&str; 2], expected: [(f64, f64); 2]) {
    let table = DataTable::from_csv("d.csv", text.as_bytes()).expect("a table");
    let priors = priors.iter().map(|p| p.to_string()).collect();
    let settings = RegressionSettings { likelihood: Some(law), priors, ..RegressionSettings::default() };
    let model = Regression::with(formula, &table, &settings).unwrap_or_else(|e| panic!("{e}"));
    let fitted = jensen::fit(&model).unwrap_or_else(|e| panic!("{formula}: {e}"));
    assert_eq!(fitted.verdict().trust, jensen::Trust::Trust, "{formula}, {law}: {fitted}");
    for (name, (mean, sd)) in names.into_iter().zip(expected) {
        let line = fitted.summary().into_iter().find(|line| line.name == name).expect(name);
        let (off, ratio) = ((line.mean - mean) / sd, line.sd / sd);
        assert!(
            off.abs() < 0.05 && (ratio - 1.0).abs() < 0.05,
            "{formula}, {law}: {name} {} +- {}, expected {mean} +- {sd}",
            line.mean,
            line.sd
        );
    }
    // Each row has a density of its own, which leave-one-out needs.
    let loo = fitted.loo().expect("leave-one-out");
    assert!(loo.pointwise.iter().all(|x| x.is_finite()), "{formula}: {:?}", loo.pointwise);
}

fn normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.918_938_533_204_672_7
}

/// `ln Phi(z)`.
fn ln_phi(z: f64) -> f64 {
    (0.5 * erfc(-z / std::f64::consts::SQRT_2)).ln()
}

fn ln_between(a: f64, b: f64) -> f64 {
    (ln_phi(b).exp() - ln_phi(a).exp()).ln()
}

fn gamma(x: f64, shape: f64, rate: f64) -> f64 {
    shape * rate.ln() - lgamma(shape) + (shape - 1.0) * x.ln() - rate * x
}

const COUNTS: [f64; 24] = [
    0.0, 0.0, 3.0, 1.0, 0.0, 2.0, 5.0, 0.0, 1.0, 4.0, 2.0, 0.0, 9.0, 1.0, 3.0, 0.0, 2.0, 6.0, 0.0, 1.0, 2.0, 3.0, 0.0,
    7.0,
];

fn column(name: &str, values: &[f64]) -> String {
    std::iter::once(name.to_string()).chain(values.iter().map(f64::to_string)).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn hurdles_of_counts() {
    let priors = ["intercept ~ normal(0, 2)", "zero ~ beta(2, 3)"];
    let zeros = COUNTS.iter().filter(|k| **k == 0.0).count() as f64;
    let mass = |eta: f64| {
        let above = |k: &f64| k * eta - eta.exp() - lgamma(k + 1.0) - (-(-eta.exp()).exp_m1()).ln();
        COUNTS.iter().filter(|k| **k > 0.0).map(above).sum::<f64>()
    };
    let joint = |eta: f64, zero: f64| {
        normal(eta, 0.0, 2.0) + mass(eta) + (zeros + 1.0) * zero.ln() + (24.0 - zeros + 2.0) * (-zero).ln_1p()
    };
    let expected = by_grid(joint, [(0.0, 2.5), (0.001, 0.999)]);
    check(&column("y", &COUNTS), "y ~ 1", ResponseLaw::HurdlePoisson, &priors, ["intercept", "zero"], expected);
    // More spread: the zeros are another matter, and the shape is known from the others alone.
    let above = |k: &f64, eta: f64, shape: f64| {
        let mu = eta.exp();
        let zero = shape * (shape / (shape + mu)).ln();
        lgamma(k + shape) - lgamma(shape) - lgamma(k + 1.0) + zero + k * (mu / (shape + mu)).ln()
            - (-zero.exp_m1()).ln()
    };
    let joint = |eta: f64, shape: f64| {
        let of_data: f64 = COUNTS.iter().filter(|k| **k > 0.0).map(|k| above(k, eta, shape)).sum();
        normal(eta, 0.0, 2.0) + gamma(shape, 6.0, 2.0) + of_data
    };
    let expected = by_grid(joint, [(-1.5, 2.5), (0.01, 14.0)]);
    let priors = ["intercept ~ normal(0, 2)", "shape ~ gamma(6, 2)"];
    check(
        &column("y", &COUNTS),
        "y ~ 1",
        ResponseLaw::HurdleNegativeBinomial,
        &priors,
        ["intercept", "shape"],
        expected,
    );
}

#[test]
fn successes_with_more_spread() {
    let rows = [
        (3.0, 12.0),
        (7.0, 9.0),
        (0.0, 8.0),
        (5.0, 5.0),
        (2.0, 11.0),
        (6.0, 14.0),
        (1.0, 9.0),
        (8.0, 10.0),
        (4.0, 15.0),
    ];
    let ln_beta = |a: f64, b: f64| lgamma(a) + lgamma(b) - lgamma(a + b);
    let joint = |eta: f64, precision: f64| {
        let mu = 1.0 / (1.0 + (-eta).exp());
        let (a, b) = (mu * precision, (1.0 - mu) * precision);
        let of_data: f64 = rows.iter().map(|(k, n)| ln_beta(k + a, n - k + b) - ln_beta(a, b)).sum();
        normal(eta, 0.0, 1.5) + gamma(precision, 3.0, 0.5) + of_data
    };
    let expected = by_grid(joint, [(-2.5, 2.5), (0.01, 30.0)]);
    let text: String = rows.iter().map(|(k, n)| format!("{k},{n}\n")).collect();
    let priors = ["intercept ~ normal(0, 1.5)", "precision ~ gamma(3, 0.5)"];
    check(
        &format!("k,n\n{text}"),
        "k | trials(n) ~ 1",
        ResponseLaw::BetaBinomial,
        &priors,
        ["intercept", "precision"],
        expected,
    );
}

const REALS: [f64; 16] = [1.2, 2.8, 0.4, 3.1, 2.2, 1.9, 4.4, 0.9, 2.6, 3.7, 1.1, 2.0, 3.3, 0.7, 1.6, 2.9];

#[test]
fn responses_beyond_limits_and_within_intervals() {
    let how = |k: usize| ["none", "left", "right", "interval"][k % 4];
    let text: String = REALS.iter().enumerate().map(|(k, y)| format!("{y},{},{}\n", how(k), y + 0.8)).collect();
    let text = format!("y,c,upper\n{text}");
    let joint = |mu: f64, sigma: f64| {
        let one = |(k, y): (usize, &f64)| {
            let z = (y - mu) / sigma;
            match k % 4 {
                0 => normal(*y, mu, sigma),
                1 => ln_phi(z),
                2 => ln_phi(-z),
                _ => ln_between(z, z + 0.8 / sigma),
            }
        };
        normal(mu, 2.0, 3.0) + gamma(sigma, 2.0, 1.0) + REALS.iter().enumerate().map(one).sum::<f64>()
    };
    let expected = by_grid(joint, [(-1.5, 5.0), (0.2, 6.0)]);
    let priors = ["intercept ~ normal(2, 3)", "sigma ~ gamma(2, 1)"];
    check(&text, "y | cens(c, upper) ~ 1", ResponseLaw::Normal, &priors, ["intercept", "sigma"], expected);
    // Lifetimes, one of them known to have ended before the first look.
    let text = text.replacen("1.2,none,2", "0,interval,0.9", 1);
    let joint = |eta: f64, shape: f64| {
        let hazard = |y: f64| (y / eta.exp()).powf(shape);
        let one = |(k, y): (usize, &f64)| match k {
            0 => (-(-hazard(0.9)).exp_m1()).ln(),
            _ => match k % 4 {
                0 => shape.ln() - y.ln() + hazard(*y).ln() - hazard(*y),
                1 => (-(-hazard(*y)).exp_m1()).ln(),
                2 => -hazard(*y),
                _ => ((-hazard(*y)).exp() - (-hazard(y + 0.8)).exp()).ln(),
            },
        };
        normal(eta, 0.0, 2.0) + gamma(shape, 4.0, 2.0) + REALS.iter().enumerate().map(one).sum::<f64>()
    };
    let expected = by_grid(joint, [(-1.0, 3.5), (0.1, 7.0)]);
    let priors = ["intercept ~ normal(0, 2)", "shape ~ gamma(4, 2)"];
    check(&text, "y | cens(c, upper) ~ 1", ResponseLaw::Weibull, &priors, ["intercept", "shape"], expected);
}

#[test]
fn responses_between_bounds() {
    let joint = |mu: f64, sigma: f64| {
        let inside = ln_between((0.3 - mu) / sigma, (4.5 - mu) / sigma);
        let of_data: f64 = REALS.iter().map(|y| normal(*y, mu, sigma) - inside).sum();
        normal(mu, 2.0, 1.0) + gamma(sigma, 4.0, 3.0) + of_data
    };
    let expected = by_grid(joint, [(-2.0, 6.0), (0.3, 7.0)]);
    let priors = ["intercept ~ normal(2, 1)", "sigma ~ gamma(4, 3)"];
    let text = column("y", &REALS);
    check(&text, "y | trunc(0.3, 4.5) ~ 1", ResponseLaw::Normal, &priors, ["intercept", "sigma"], expected);
}

/// Rows that count two or three times are the rows two or three times, and one that counts none is not there.
#[test]
fn a_weight_is_a_number_of_rows() {
    let weight = |k: usize| [2, 1, 3, 0][k % 4];
    let weighted: String = REALS.iter().enumerate().map(|(k, y)| format!("{y},{}\n", weight(k))).collect();
    let joint = |mu: f64, sigma: f64| {
        let of_data = |(k, y): (usize, &f64)| f64::from(weight(k)) * normal(*y, mu, sigma);
        normal(mu, 2.0, 3.0) + gamma(sigma, 2.0, 1.0) + REALS.iter().enumerate().map(of_data).sum::<f64>()
    };
    let expected = by_grid(joint, [(0.0, 4.0), (0.4, 3.5)]);
    let priors = ["intercept ~ normal(2, 3)", "sigma ~ gamma(2, 1)"];
    let text = format!("y,w\n{weighted}");
    check(&text, "y | weights(w) ~ 1", ResponseLaw::Normal, &priors, ["intercept", "sigma"], expected);
}

/// A curve by splines is the curve: of `sin x` with noise of sd 0.1, and at rows that the fit has not seen.
#[test]
fn splines_follow_a_curve_and_know_their_knots() {
    let noise = |k: usize| 0.17 * ((k * 7919 % 101) as f64 / 100.0 - 0.5);
    let row = |k: usize| (k as f64 / 20.0, (k as f64 / 20.0).sin() + noise(k));
    let text: String = (0..120).map(row).map(|(x, y)| format!("{x},{y}\n")).collect();
    let table = DataTable::from_csv("d.csv", format!("x,y\n{text}").as_bytes()).expect("a table");
    let model = Regression::new("y ~ bs(x, df=8)", &table).expect("a model");
    let fitted = jensen::fit(&model).expect("a fit");
    let draws = fitted.constrained();
    let new = DataTable::from_csv("new.csv", b"x\n1.03\n4.71\n5.9\n").expect("a table");
    let prediction = model.predict(&draws, &new, jensen::streams::Streams::new(3)).expect("a prediction");
    let mut found = Vec::new();
    prediction
        .each(|_, row| -> Result<(), jensen_models::regression::RegressionError> {
            found.push(jensen::posterior::statistics::mean(&row.expected[0]));
            Ok(())
        })
        .expect("rows");
    for (y, x) in found.iter().zip([1.03f64, 4.71, 5.9]) {
        // Eight columns of 120 rows with sd 0.05: a standard error of 0.02 and less, more at the end.
        assert!((y - x.sin()).abs() < 0.06, "{x}: {y}");
    }
    let outside = DataTable::from_csv("new.csv", b"x\n1\n6.5\n").expect("a table");
    let words = model.predict(&draws, &outside, jensen::streams::Streams::new(3)).expect_err("outside").to_string();
    assert!(
        words.starts_with("new.csv, line 3, column `x`: 6.5 is outside of the rows of the fit, 0 to 5.95"),
        "{words}"
    );
}

/// With sum coding the intercept is the mean of the groups' means, and coefficients are what they differ by from it.
#[test]
fn sums_compare_with_the_mean_of_all() {
    let of = |g: usize, k: usize| [10.0, 14.0, 21.0][g] + 0.5 * ((k * 37 % 19) as f64 / 9.0 - 1.0);
    let text: String =
        (0..3).flat_map(|g| (0..19).map(move |k| format!("{},{}\n", of(g, k), ["a", "b", "c"][g]))).collect();
    let table = DataTable::from_csv("d.csv", format!("y,g\n{text}").as_bytes()).expect("a table");
    let fitted = jensen::fit(&Regression::new("y ~ C(g, sum)", &table).expect("a model")).expect("a fit");
    let line = |name: &str| fitted.summary().into_iter().find(|line| line.name == name).expect(name).mean;
    // All noise sums to zero over 19 rows, k 37 mod 19 being each of 0 .. 18 once; standard errors are 0.07.
    for (name, expected) in [("intercept", 15.0), ("b[g[a]]", -5.0), ("b[g[b]]", -1.0)] {
        assert!((line(name) - expected).abs() < 0.1, "{name}: {}", line(name));
    }
}
