//! Terms of latents, and likelihoods beside them, against sums over points and against what is known of them.

use jensen::automatic::Fitted;
use jensen_models::data::DataTable;
use jensen_models::regression::{Missing, Regression, RegressionSettings, ResponseLaw};

fn settings(law: ResponseLaw, priors: &[&str]) -> RegressionSettings {
    let priors = priors.iter().map(|prior| prior.to_string()).collect();
    RegressionSettings { likelihood: Some(law), priors, ..RegressionSettings::default() }
}

fn fitted(text: &str, formula: &str, settings: &RegressionSettings) -> (Regression, Fitted) {
    let table = DataTable::from_csv("d.csv", text.as_bytes()).expect("a table");
    let model = Regression::with(formula, &table, settings).unwrap_or_else(|e| panic!("{formula}: {e}"));
    let fitted = jensen::fit(&model).unwrap_or_else(|e| panic!("{formula}: {e}"));
    (model, fitted)
}

fn line(fitted: &Fitted, name: &str) -> (f64, f64) {
    let line = fitted.summary().into_iter().find(|line| line.name == name);
    let line = line.unwrap_or_else(|| panic!("no {name} in {fitted}"));
    (line.mean, line.sd)
}

/// Means within a twentieth of an sd, sds within 6 %: draws alone have errors of 2 %.
fn assert_close(fitted: &Fitted, name: &str, (mean, sd): (f64, f64)) {
    let found = line(fitted, name);
    let off = (found.0 - mean) / sd;
    assert!(
        off.abs() < 0.06 && (found.1 / sd - 1.0).abs() < 0.06,
        "{name}: {found:?}, expected {mean} +- {sd}\n{fitted}"
    );
}

fn normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.918_938_533_204_672_7
}

/// Means and sds of three numbers by the midpoint rule on 80^3 points.
fn by_grid(log_joint: impl Fn([f64; 3]) -> f64, ends: [(f64, f64); 3]) -> [(f64, f64); 3] {
    const N: usize = 80;
    let at = |k: usize, d: usize| ends[d].0 + (ends[d].1 - ends[d].0) * (k as f64 + 0.5) / N as f64;
    let mut all = Vec::with_capacity(N * N * N);
    for k in 0..N * N * N {
        let x = [at(k / (N * N), 0), at(k / N % N, 1), at(k % N, 2)];
        all.push((x, log_joint(x)));
    }
    let most = all.iter().map(|(_, l)| *l).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = all.iter().map(|(_, l)| (l - most).exp()).sum();
    [0, 1, 2].map(|d| {
        let mean = all.iter().map(|(x, l)| x[d] * (l - most).exp()).sum::<f64>() / total;
        (mean, (all.iter().map(|(x, l)| (x[d] - mean).powi(2) * (l - most).exp()).sum::<f64>() / total).sqrt())
    })
}

fn share(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Three grades: `P(0) = s(c1 - eta)`, `P(1) = (1 - P(0)) s(c2 - eta)`; `eta = b x` with centred `x`.
#[test]
fn grades_that_are_reached_one_after_the_other() {
    let rows: Vec<(usize, f64)> = (0..30)
        .map(|i| ([0, 1, 2, 1, 0, 2, 2, 1, 1, 0][i % 10], f64::from((i * 7 % 30) as u32) / 10.0 - 1.45))
        .collect();
    let text: String = rows.iter().map(|(y, x)| format!("{y},{x}\n")).collect();
    let priors = ["b ~ normal(0, 1)", "cutpoints ~ normal(0, 1.5)"];
    let (_, fit) = fitted(&format!("y,x\n{text}"), "y ~ x", &settings(ResponseLaw::SequentialOrdinal, &priors));
    let joint = |[a, c, b]: [f64; 3]| {
        let one = |(y, x): &(usize, f64)| {
            let (first, second) = (share(a - b * x), share(c - b * x));
            [first, (1.0 - first) * second, (1.0 - first) * (1.0 - second)][*y].ln()
        };
        normal(a, 0.0, 1.5) + normal(c, 0.0, 1.5) + normal(b, 0.0, 1.0) + rows.iter().map(one).sum::<f64>()
    };
    let expected = by_grid(joint, [(-4.0, 2.0), (-3.0, 3.0), (-2.0, 2.0)]);
    assert_close(&fit, "cutpoints_at_means[0]", expected[0]);
    assert_close(&fit, "cutpoints_at_means[1]", expected[1]);
    assert_close(&fit, "b[x]", expected[2]);
    assert!(fit.loo().is_ok_and(|loo| loo.elpd.is_finite()));
}

/// Reaction times of mean `exp(eta)` and shape: the density of Tweedie (1957).
#[test]
fn reaction_times() {
    let y = [0.31, 0.55, 0.47, 1.2, 0.38, 0.8, 0.41, 0.62, 2.1, 0.5, 0.33, 0.7, 0.9, 0.45, 0.58, 0.36];
    let text: String = y.iter().map(|y| format!("{y}\n")).collect();
    let priors = ["intercept ~ normal(0, 1)", "shape ~ gamma(4, 2)"];
    let (_, fit) = fitted(&format!("y\n{text}"), "y ~ 1", &settings(ResponseLaw::InverseGaussian, &priors));
    let joint = |[eta, shape, _]: [f64; 3]| {
        let mu: f64 = eta.exp();
        let one = |y: &f64| {
            0.5 * (shape / (std::f64::consts::TAU * y.powi(3))).ln() - shape * (y - mu).powi(2) / (2.0 * mu * mu * y)
        };
        normal(eta, 0.0, 1.0) + 3.0 * shape.ln() - 2.0 * shape + y.iter().map(one).sum::<f64>()
    };
    let expected = by_grid(joint, [(-1.6, 1.2), (0.05, 6.0), (0.0, 1.0)]);
    assert_close(&fit, "intercept", expected[0]);
    assert_close(&fit, "shape", expected[1]);
}

/// Bounds that differ by row: a row's density is over what lies above its own bound.
#[test]
fn bounds_of_each_row() {
    let rows: Vec<(f64, f64)> = (0..20)
        .map(|i| {
            (
                f64::from((i * 11 % 20) as u32) / 5.0,
                f64::from((i * 11 % 20) as u32) / 5.0 - 0.2 - f64::from((i * 3 % 7) as u32) / 4.0,
            )
        })
        .collect();
    let text: String = rows.iter().map(|(y, low)| format!("{y},{low}\n")).collect();
    let priors = ["intercept ~ normal(0, 3)", "sigma ~ exponential(0.7)"];
    let (model, fit) =
        fitted(&format!("y,low\n{text}"), "y | trunc(lb=low) ~ 1", &settings(ResponseLaw::Normal, &priors));
    let joint = |[mu, sigma, _]: [f64; 3]| {
        let one = |(y, low): &(f64, f64)| {
            let above = 0.5 * libm::erfc((low - mu) / sigma / std::f64::consts::SQRT_2);
            normal(*y, mu, sigma) - above.ln()
        };
        normal(mu, 0.0, 3.0) - 0.7 * sigma + rows.iter().map(one).sum::<f64>()
    };
    let expected = by_grid(joint, [(-7.0, 4.0), (0.4, 6.0), (0.0, 1.0)]);
    assert_close(&fit, "intercept", expected[0]);
    assert_close(&fit, "sigma", expected[1]);
    // Outcomes of new rows lie above their own bounds.
    let new = DataTable::from_csv("n.csv", b"low\n-1\n2.5\n").expect("a table");
    let draws = fit.posterior.constrained();
    let prediction = model.predict(&draws, &new, jensen::streams::Streams::new(1)).expect("a prediction");
    let mut least = Vec::new();
    prediction
        .each(|i, row| -> Result<(), jensen_models::regression::RegressionError> {
            least.push(row.outcomes.iter().copied().fold(f64::INFINITY, f64::min));
            assert!(row.expected[0].iter().all(|mean| *mean > [-1.0, 2.5][i]));
            Ok(())
        })
        .expect("rows");
    assert!(least[0] >= -1.0 && least[0] < 0.0 && least[1] >= 2.5, "{least:?}");
}

/// Two steps: `eta = a + 2 b (0, s, 1)` with `s` uniform, of known `sigma`.
#[test]
fn a_monotonic_effect_of_three_levels() {
    let rows: Vec<(f64, usize)> =
        (0..24).map(|i| ([0.1, 1.9, 2.4][i % 3] + f64::from((i * 5 % 8) as u32) / 4.0 - 0.9, i % 3)).collect();
    let text: String = rows.iter().map(|(y, level)| format!("{y},{}\n", 10 * level)).collect();
    let priors = ["intercept ~ normal(0, 2)", "b ~ normal(0, 1)", "sigma ~ gamma(400, 400)"];
    let (model, fit) = fitted(&format!("y,dose\n{text}"), "y ~ mo(dose)", &settings(ResponseLaw::Normal, &priors));
    // The prior of sigma is one to a twentieth: nothing else is left of it than one.
    let joint = |[a, b, s]: [f64; 3]| {
        let one = |(y, level): &(f64, usize)| normal(*y, a + 2.0 * b * [0.0, s, 1.0][*level], 1.0);
        normal(a, 0.0, 2.0) + normal(b, 0.0, 1.0) + rows.iter().map(one).sum::<f64>()
    };
    let expected = by_grid(joint, [(-1.5, 2.0), (-0.2, 2.5), (0.0, 1.0)]);
    assert_close(&fit, "intercept", expected[0]);
    assert_close(&fit, "b[mo(dose)]", expected[1]);
    assert_close(&fit, "steps[mo(dose)][0]", expected[2]);
    assert!(model.notes().iter().any(|note| note.contains("b[mo(dose)] ~ normal(0, 1)")), "{:?}", model.notes());
}

/// A response and a number with normal errors are jointly normal: with all spreads known to a percent the slope is that of a
/// quadrature over slope and mean, the numbers themselves integrated by hand:
/// `(y, w) ~ normal((a + b m, m), [[b^2 s^2 + 1, b s^2], [b s^2, s^2 + e^2]])`.
#[test]
fn numbers_measured_with_error() {
    let (s, e) = (1.5, 1.0);
    let rows: Vec<(f64, f64)> = (0..40)
        .map(|i| {
            let x = 1.5 * (f64::from((i * 17 % 40) as u32) / 11.5 - 1.7);
            (0.8 * x + f64::from((i * 7 % 13) as u32) / 4.0 - 1.5, x + f64::from((i * 11 % 17) as u32) / 5.0 - 1.6)
        })
        .collect();
    let text: String = rows.iter().map(|(y, w)| format!("{y},{w},{e}\n")).collect();
    let priors = [
        "intercept ~ normal(0, 2)",
        "b ~ normal(0, 1)",
        "sigma ~ gamma(10000, 10000)",
        "latent_sd ~ gamma(22500, 15000)",
        "latent_mean ~ normal(0, 2)",
    ];
    let (model, fit) = fitted(&format!("y,w,e\n{text}"), "y ~ me(w, e)", &settings(ResponseLaw::Normal, &priors));
    let mean_w = rows.iter().map(|(_, w)| w).sum::<f64>() / rows.len() as f64;
    // The intercept that is drawn is where `w` is at its mean.
    let joint = |[a, b, m]: [f64; 3]| {
        let (vy, c, vw) = (b * b * s * s + 1.0, b * s * s, s * s + e * e);
        let determinant: f64 = vy * vw - c * c;
        let one = |(y, w): &(f64, f64)| {
            let (dy, dw) = (y - a - b * (m - mean_w), w - m);
            -0.5 * (vw * dy * dy - 2.0 * c * dy * dw + vy * dw * dw) / determinant - 0.5 * determinant.ln()
        };
        normal(a, 0.0, 2.0) + normal(b, 0.0, 1.0) + normal(m, 0.0, 2.0) + rows.iter().map(one).sum::<f64>()
    };
    let expected = by_grid(joint, [(-1.6, 1.6), (-0.4, 2.4), (-2.0, 2.5)]);
    assert_close(&fit, "intercept_at_means", expected[0]);
    assert_close(&fit, "b[me(w, e)]", expected[1]);
    assert_close(&fit, "latent_mean[w]", expected[2]);
    // A new row lies between what was measured and the mean, by their precisions: here at draws, and there by draws of its number,
    // of which 4,000 have an error of 0.01.
    let new = DataTable::from_csv("n.csv", b"w,e\n5,1\n").expect("a table");
    let draws = fit.posterior.constrained();
    let of = |name: &str| draws.element(draws.names.iter().position(|known| known == name).expect(name));
    let (at, b, m) = (of("intercept_at_means"), of("b[me(w, e)]"), of("latent_mean[w]"));
    let by_hand = |d: usize| at[d] + b[d] * ((m[d] / (s * s) + 5.0) / (1.0 / (s * s) + 1.0) - mean_w);
    let expected = (0..draws.num_draws).map(by_hand).sum::<f64>() / draws.num_draws as f64;
    let prediction = model.predict(&draws, &new, jensen::streams::Streams::new(1)).expect("a prediction");
    prediction
        .each(|_, row| -> Result<(), jensen_models::regression::RegressionError> {
            let found = row.expected[0].iter().sum::<f64>() / draws.num_draws as f64;
            assert!((found - expected).abs() < 0.06, "{found}, expected {expected}");
            Ok(())
        })
        .expect("a row");
}

/// Missing numbers given another column: over the coefficients of both and the spread, all else known to a thousandth.
#[test]
fn numbers_that_are_missing_lean_on_the_other_columns() {
    let rows: Vec<(f64, f64, Option<f64>)> = (0..30)
        .map(|i| {
            let z = f64::from((i * 7 % 30) as u32) / 10.0 - 1.45;
            let x = 0.9 * z + f64::from((i * 11 % 13) as u32) / 8.0 - 0.7;
            (0.6 * x + f64::from((i * 5 % 9) as u32) / 5.0 - 0.8, z, (i % 3 != 1).then_some(x))
        })
        .collect();
    let text: String =
        rows.iter().map(|(y, z, x)| format!("{y},{z},{}\n", x.map_or(String::new(), |x| x.to_string()))).collect();
    let known: Vec<f64> = rows.iter().filter_map(|(.., x)| *x).collect();
    let mean_x = known.iter().sum::<f64>() / known.len() as f64;
    let priors = [
        "intercept ~ normal(0, 0.001)",
        "b[z] ~ normal(0, 0.001)",
        "b[mi(x)] ~ normal(0, 1)",
        "sigma ~ gamma(250000, 500000)",
        "latent_mean ~ normal(0.1, 0.001)",
        "latent_b ~ normal(0, 1)",
        "latent_sd ~ exponential(1)",
    ];
    let (_, fit) = fitted(&format!("y,z,x\n{text}"), "y ~ z + mi(x)", &settings(ResponseLaw::Normal, &priors));
    // The other column is centred: its mean over the rows is zero.
    assert!(rows.iter().map(|(_, z, _)| z).sum::<f64>().abs() < 1e-9);
    let joint = |[b, c, s]: [f64; 3]| {
        let one = |(y, z, x): &(f64, f64, Option<f64>)| match x {
            Some(x) => normal(*y, b * (x - mean_x), 0.5) + normal(*x, 0.1 + c * z, s),
            None => normal(*y, b * (0.1 + c * z - mean_x), (b * b * s * s + 0.25).sqrt()),
        };
        normal(b, 0.0, 1.0) + normal(c, 0.0, 1.0) - s + rows.iter().map(one).sum::<f64>()
    };
    let expected = by_grid(joint, [(-0.4, 1.8), (0.2, 1.6), (0.2, 1.1)]);
    assert_close(&fit, "b[mi(x)]", expected[0]);
    assert_close(&fit, "latent_b[x, z]", expected[1]);
    assert_close(&fit, "latent_sd[x]", expected[2]);
}

/// Missing numbers integrated by hand: of a row without `x` the response has the mean `a + b m` and the variance `b^2 s^2 + 1`.
#[test]
fn numbers_that_are_missing() {
    let s = 1.5;
    let rows: Vec<(f64, Option<f64>)> = (0..36)
        .map(|i| {
            let x = 1.5 * (f64::from((i * 17 % 36) as u32) / 10.4 - 1.7);
            (0.8 * x + f64::from((i * 7 % 13) as u32) / 4.0 - 1.5, (i % 3 != 0).then_some(x))
        })
        .collect();
    let text: String =
        rows.iter().map(|(y, x)| format!("{y},{}\n", x.map_or("NA".to_string(), |x| x.to_string()))).collect();
    let priors = [
        "intercept ~ normal(0, 2)",
        "b ~ normal(0, 1)",
        "sigma ~ gamma(10000, 10000)",
        "latent_sd ~ gamma(22500, 15000)",
        "latent_mean ~ normal(0, 2)",
    ];
    let known: Vec<f64> = rows.iter().filter_map(|(_, x)| *x).collect();
    let mean_x = known.iter().sum::<f64>() / known.len() as f64;
    let joint = |[a, b, m]: [f64; 3]| {
        let one = |(y, x): &(f64, Option<f64>)| match x {
            Some(x) => normal(*y, a + b * (x - mean_x), 1.0) + normal(*x, m, s),
            None => normal(*y, a + b * (m - mean_x), (b * b * s * s + 1.0).sqrt()),
        };
        normal(a, 0.0, 2.0) + normal(b, 0.0, 1.0) + normal(m, 0.0, 2.0) + rows.iter().map(one).sum::<f64>()
    };
    let expected = by_grid(joint, [(-1.6, 1.6), (-0.2, 2.0), (-1.8, 1.8)]);
    let plain = settings(ResponseLaw::Normal, &priors);
    let imputed = RegressionSettings { missing: Missing::Impute, ..plain.clone() };
    for (formula, name, settings) in [("y ~ mi(x)", "b[mi(x)]", &plain), ("y ~ x", "b[x]", &imputed)] {
        let data = format!("y,x\n{text}");
        let (model, fit) = fitted(&data, formula, settings);
        // With an identity link a unit more of `x` is worth its coefficient, in rows without a number, too.
        let table = DataTable::from_csv("d.csv", data.as_bytes()).expect("a table");
        let draws = fit.posterior.constrained();
        let effects = model.effects_of(&draws, &table, "x", None).expect("an effect");
        let per_unit = effects[0].draws.iter().sum::<f64>() / effects[0].draws.len() as f64;
        assert!((per_unit - line(&fit, name).0).abs() < 0.02, "{per_unit}");
        // A row without a number is predicted around the mean of numbers, with more spread.
        let new = DataTable::from_csv("n.csv", b"x\n0.1\n\"\"\n").expect("a table");
        let mut spreads = Vec::new();
        let prediction = model.predict(&draws, &new, jensen::streams::Streams::new(1)).expect("a prediction");
        prediction
            .each(|_, row| -> Result<(), jensen_models::regression::RegressionError> {
                let n = row.outcomes.len() as f64;
                let mean = row.outcomes.iter().sum::<f64>() / n;
                spreads.push((row.outcomes.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n).sqrt());
                Ok(())
            })
            .expect("rows");
        assert!(spreads[1] > 1.2 * spreads[0], "{spreads:?}");
        assert_eq!(model.num_rows(), 36, "no row is left out");
        assert_close(&fit, "intercept_at_means", expected[0]);
        assert_close(&fit, name, expected[1]);
        assert_close(&fit, "latent_mean[x]", expected[2]);
    }
}

/// A curve that bends is found within its band, and a straight one has little that bends; the posterior of coefficients given both
/// scales is normal, and its mean is held to the solution of the normal equations by hand in `smooth_equations`.
#[test]
fn a_curve_that_bends() {
    let wave = |x: f64| (1.3 * x).sin() + 0.3 * x;
    let rows: Vec<(f64, f64)> = (0..120)
        .map(|i| {
            let x = f64::from(i) / 20.0;
            // Noise of standard deviation 0.3 in a fixed order.
            let noise = f64::from((i * 37 % 120) as u32) / 120.0 - 0.5;
            (wave(x) + 1.04 * noise, x)
        })
        .collect();
    let text: String = rows.iter().map(|(y, x)| format!("{y},{x}\n")).collect();
    let (model, fit) = fitted(&format!("y,x\n{text}"), "y ~ s(x)", &settings(ResponseLaw::Normal, &[]));
    let table = DataTable::from_csv("d.csv", format!("y,x\n{text}").as_bytes()).expect("a table");
    let draws = fit.posterior.constrained();
    let curve = &model.curves(&draws, &table).expect("curves")[0];
    let within = curve.points[0].iter().filter(|p| (p.q5..=p.q95).contains(&wave(p.x))).count();
    assert!(within >= 45, "{within} of 61 within bands of 90 %");
    assert!(curve.points[0].iter().all(|p| (p.mean - wave(p.x)).abs() < 0.35), "{:?}", curve.points[0]);
    let (bends, _) = line(&fit, "sd[s(x)]");
    let straight: String = rows.iter().map(|(y, x)| format!("{},{x}\n", y - wave(*x) + 0.3 * x)).collect();
    let (_, fit) = fitted(&format!("y,x\n{straight}"), "y ~ s(x)", &settings(ResponseLaw::Normal, &[]));
    assert!(line(&fit, "sd[s(x)]").0 < 0.3 * bends, "{fit}");
    let outside = DataTable::from_csv("n.csv", b"x\n3\n6.5\n").expect("a table");
    let refused = model.predict(&draws, &outside, jensen::streams::Streams::new(0)).expect_err("outside").to_string();
    assert!(refused.contains("n.csv, line 3, column `x`: 6.5 is outside of the rows of the fit"), "{refused}");
}

/// With more coefficients than rows the posterior is that of ridge regression: its mean solves `(X'X + I / v) b = X'y`.
#[test]
fn more_coefficients_than_rows() {
    let (n, k) = (8, 12);
    let x = |i: usize, j: usize| f64::from(((i * 13 + j * 7 + i * j) % 17) as u32) / 4.0 - 2.0;
    let y: Vec<f64> = (0..n).map(|i| x(i, 0) - 0.5 * x(i, 3) + f64::from((i % 3) as u32) / 4.0).collect();
    let header: String = (0..k).map(|j| format!(",x{j}")).collect();
    let rows: String =
        (0..n).map(|i| format!("{}{}\n", y[i], (0..k).map(|j| format!(",{}", x(i, j))).collect::<String>())).collect();
    let formula = format!("y ~ 0 + {}", (0..k).map(|j| format!("x{j}")).collect::<Vec<_>>().join(" + "));
    let priors = ["b ~ normal(0, 0.5)", "sigma ~ gamma(10000, 20000)"];
    let (model, fit) = fitted(&format!("y{header}\n{rows}"), &formula, &settings(ResponseLaw::Normal, &priors));
    assert!(model.notes().iter().any(|note| note.starts_with("coefficients  12 from 8 rows")), "{:?}", model.notes());
    // By elimination, with sigma = 1/2 and prior sds of 1/2: (X'X + I) b = X'y.
    let mut a = vec![vec![0.0; k + 1]; k];
    for (j, row) in a.iter_mut().enumerate() {
        for (l, cell) in row.iter_mut().take(k).enumerate() {
            *cell = (0..n).map(|i| x(i, j) * x(i, l)).sum::<f64>() + f64::from(u8::from(j == l));
        }
        row[k] = (0..n).map(|i| x(i, j) * y[i]).sum();
    }
    for j in 0..k {
        let pivot = a[j].clone();
        for (_, row) in a.iter_mut().enumerate().filter(|(l, _)| *l != j) {
            let times = row[j] / pivot[j];
            row.iter_mut().zip(&pivot).for_each(|(cell, p)| *cell -= times * p);
        }
    }
    for (j, row) in a.iter().enumerate() {
        let (mean, sd) = line(&fit, &format!("b[x{j}]"));
        let expected = row[k] / row[j];
        assert!((mean - expected).abs() < 0.06 * sd + 1e-3, "x{j}: {mean} +- {sd}, expected {expected}");
    }
}

#[test]
fn mistakes_are_answered() {
    let text = "y,x,g,e,w\n1,2,low,1,NA\n2,,high,1,2\n3,4,middle,0,3\n5,5,low,1,4\n4,7,high,1,5\n6,8,middle,1,5\n";
    let table = DataTable::from_csv("d.csv", text.as_bytes()).expect("a table");
    for (formula, words) in [
        ("y ~ mo(g)", "holds words, whose order is not known"),
        ("y ~ mo(g, \"low\", \"high\")", "the fit has not seen the category \"middle\""),
        ("y ~ mo(e)", "two levels have one step"),
        ("y ~ me(y, e)", "d.csv, line 4, column `e`: an error of measurement is a positive number, found 0"),
        ("y ~ me(x)", "write `me(x, se)`"),
        ("y ~ mi(y)", "no cell of `y` is missing: write the column itself"),
        ("y ~ mi(g)", "is found where a word is expected"),
        ("y ~ s(w)", "10 splines need at least 10 different values"),
        ("y ~ s(w, k=2)", "with 4 to 60 splines"),
        ("y ~ g:mo(e)", "a term of its own"),
        ("y ~ log(mi(x))", "a term of its own"),
        ("y ~ 1 + (1 + s(w) | g)", "a term of its own"),
        ("y | trunc(lb=w) ~ 1", "the response lies outside of trunc(5, inf)"),
    ] {
        let error = Regression::new(formula, &table).err().unwrap_or_else(|| panic!("{formula} was taken"));
        assert!(error.to_string().contains(words), "{formula}: {error}");
    }
}
