//! Regressions from formulas against posteriors that were sampled from densities written by hand.

use jensen_models::data::DataTable;
use jensen_models::regression::{Regression, RegressionSettings, ResponseLaw};

/// A quantity, its posterior mean and its standard deviation.
type Line = (&'static str, f64, f64);

/// Means and standard deviations by an ensemble sampler (Goodman and Weare 2010) of NumPy densities, 64 walkers of 4,500
/// steps each, whose Monte Carlo errors are 0.02 sd of each mean or less; of `sleepstudy`, whose effects were integrated
/// out by hand, 0.05 sd. `answers` by Hamiltonian Monte Carlo, 56,000 draws.
fn check(data: &str, text: &str, formula: &str, likelihood: ResponseLaw, lines: &[Line]) {
    let (trust, _) = agrees(data, text, formula, likelihood, lines, 0.9);
    assert_eq!(trust, jensen::Trust::Trust, "{data}");
}

/// Holds means to these within a tenth of an sd, and sds from `least` to 1.1 of these; says what the verdict was, and the least ratio of sds.
fn agrees(
    data: &str,
    text: &str,
    formula: &str,
    likelihood: ResponseLaw,
    lines: &[Line],
    least: f64,
) -> (jensen::Trust, f64) {
    let table = DataTable::from_csv(data, text.as_bytes()).expect("a table");
    let settings = RegressionSettings { likelihood: Some(likelihood), ..RegressionSettings::default() };
    let model = Regression::with(formula, &table, &settings).unwrap_or_else(|e| panic!("{e}"));
    let fitted = jensen::fit(&model).unwrap_or_else(|e| panic!("{data}: {e}"));
    let summary = fitted.summary();
    let (mut wrong, mut ratios) = (String::new(), f64::INFINITY);
    for &(name, mean, sd) in lines {
        let found = summary.iter().find(|line| line.name == name);
        let found =
            found.unwrap_or_else(|| panic!("no {name} in {:?}", summary.iter().map(|l| &l.name).collect::<Vec<_>>()));
        let (off, ratio) = ((found.mean - mean) / sd, found.sd / sd);
        ratios = ratios.min(ratio);
        // Of the spread of few groups the tails are long, and the weighted draws less sure.
        let most = if name.starts_with("sd[") || name.starts_with("correlation[") { 0.15 } else { 0.1 };
        if off.abs() > most || !(least..1.1).contains(&ratio) {
            wrong += &format!("{name}: {} +- {}, off by {off:.2} sd, ratio {ratio:.2}\n", found.mean, found.sd);
        }
    }
    assert!(wrong.is_empty(), "{data}, {}:\n{wrong}", fitted.verdict());
    (fitted.verdict().trust, ratios)
}

macro_rules! data {
    ($file:literal) => {
        include_str!(concat!("../regression/", $file))
    };
}

#[test]
fn effects_of_drivers() {
    check(
        "sleepstudy.csv",
        include_str!("../../data/sleepstudy.csv"),
        "reaction ~ days + (1 + days || subject)",
        ResponseLaw::Normal,
        &[
            ("intercept", 251.38, 7.153),
            ("b[days]", 10.42, 1.681),
            ("sd[subject, intercept]", 26.778, 6.474),
            ("sd[subject, days]", 6.5028, 1.407),
            ("sigma", 25.77, 1.515),
        ],
    );
}

/// A Gaussian, even in the coordinates that the engine chooses, has spreads that are a tenth to a fifth too small where
/// intercepts and slopes are correlated: they may be so only where the verdict does not trust them.
#[test]
fn correlated_effects_of_drivers_have_the_right_means_and_the_right_verdict() {
    let (trust, least) = agrees(
        "sleepstudy.csv",
        include_str!("../../data/sleepstudy.csv"),
        "reaction ~ days + (1 + days | subject)",
        ResponseLaw::Normal,
        &[
            ("intercept", 251.07, 7.386),
            ("b[days]", 10.448, 1.693),
            ("sd[subject, intercept]", 26.49, 6.831),
            ("sd[subject, days]", 6.5098, 1.473),
            ("sigma", 25.877, 1.579),
            ("correlation[subject, days, intercept]", 0.088, 0.2912),
        ],
        0.75,
    );
    assert!(trust != jensen::Trust::Trust || least > 0.9, "trusted, with an sd of {least} of what it is");
}

#[test]
fn answers_by_crossed_groups() {
    check(
        "answers.csv",
        data!("answers.csv"),
        "right ~ x + (1 | person) + (1 | item)",
        ResponseLaw::Bernoulli,
        &[
            ("intercept", 0.40353, 0.3357),
            ("b[x]", 1.0295, 0.17),
            ("sd[person, intercept]", 1.2654, 0.2698),
            ("sd[item, intercept]", 0.56078, 0.2399),
        ],
    );
}

#[test]
fn spread_counts_with_an_offset() {
    check(
        "counts.csv",
        data!("counts.csv"),
        "y ~ x + side + offset(log(t))",
        ResponseLaw::NegativeBinomial,
        &[
            ("intercept", 0.29174, 0.1105),
            ("b[x]", 0.52148, 0.08031),
            ("b[side[right]]", -0.60662, 0.1723),
            ("shape", 1.3667, 0.2318),
        ],
    );
}

#[test]
fn ordered_grades() {
    check(
        "grades.csv",
        data!("grades.csv"),
        "grade ~ x",
        ResponseLaw::Ordinal,
        &[
            ("b[x]", 0.061915, 0.01148),
            ("cutpoints[0]", 1.6658, 0.5603),
            ("cutpoints[1]", 3.3002, 0.5977),
            ("cutpoints[2]", 4.8875, 0.6458),
        ],
    );
}

#[test]
fn lifetimes_some_of_which_go_on() {
    check(
        "lifetimes.csv",
        data!("lifetimes.csv"),
        "time | cens(censored) ~ age + drug",
        ResponseLaw::Weibull,
        &[
            ("intercept", 4.9487, 0.3488),
            ("b[age]", -0.035339, 0.005621),
            ("b[drug[yes]]", 0.86138, 0.1617),
            ("shape", 1.5351, 0.1342),
        ],
    );
}

#[test]
fn counts_with_more_zeros() {
    check(
        "zeros.csv",
        data!("zeros.csv"),
        "y ~ x",
        ResponseLaw::ZeroInflatedPoisson,
        &[("intercept", 0.74246, 0.06964), ("b[x]", 0.43991, 0.06222), ("zero", 0.31764, 0.0393)],
    );
}

#[test]
fn kinds_of_irises() {
    check(
        "iris.csv",
        include_str!("../../data/iris.csv"),
        "species ~ sepal_length",
        ResponseLaw::Categorical,
        &[
            ("intercept[versicolor]", -22.417, 3.838),
            ("b[versicolor, sepal_length]", 4.1257, 0.708),
            ("intercept[virginica]", -34.799, 4.656),
            ("b[virginica, sepal_length]", 6.1116, 0.8249),
        ],
    );
}

#[test]
fn shares() {
    check(
        "shares.csv",
        data!("shares.csv"),
        "y ~ x",
        ResponseLaw::Beta,
        &[("intercept", -0.50142, 0.05622), ("b[x]", 0.66007, 0.0562), ("precision", 11.463, 1.422)],
    );
}

/// With 434 rows the wide priors move nothing: the coefficients are those of least squares, whose standard errors are
/// `sigma sqrt((X'X)^-1)`.
#[test]
fn a_line_is_that_of_least_squares() {
    let text = include_str!("../../data/kidiq.csv");
    let table = DataTable::from_csv("kidiq.csv", text.as_bytes()).expect("a table");
    let columns = ["mom_hs", "mom_iq", "kid_score"].map(|name| table.real(name).expect("numbers"));
    let n = columns[0].len() as f64;
    let mean = |x: &[f64]| x.iter().sum::<f64>() / n;
    let centred: Vec<Vec<f64>> = columns.iter().map(|x| x.iter().map(|v| v - mean(x)).collect()).collect();
    let inner = |a: usize, b: usize| centred[a].iter().zip(&centred[b]).map(|(a, b)| a * b).sum::<f64>();
    let (s00, s01, s11, s0y, s1y) = (inner(0, 0), inner(0, 1), inner(1, 1), inner(0, 2), inner(1, 2));
    let determinant = s00 * s11 - s01 * s01;
    let b = [(s11 * s0y - s01 * s1y) / determinant, (s00 * s1y - s01 * s0y) / determinant];
    let sigma2 = (inner(2, 2) - b[0] * s0y - b[1] * s1y) / (n - 3.0);
    let intercept = mean(&columns[2]) - b[0] * mean(&columns[0]) - b[1] * mean(&columns[1]);
    let se = [(sigma2 * s11 / determinant).sqrt(), (sigma2 * s00 / determinant).sqrt()];
    let of_means = [0, 1].map(|k| mean(&columns[k]));
    let quadratic =
        (s11 * of_means[0].powi(2) - 2.0 * s01 * of_means[0] * of_means[1] + s00 * of_means[1].powi(2)) / determinant;
    let lines = [
        ("b[mom_hs]", b[0], se[0]),
        ("b[mom_iq]", b[1], se[1]),
        ("intercept", intercept, (sigma2 * (1.0 / n + quadratic)).sqrt()),
        ("sigma", sigma2.sqrt(), (sigma2 / (2.0 * n)).sqrt()),
    ];
    check("kidiq.csv", text, "kid_score ~ mom_hs + mom_iq", ResponseLaw::Normal, &lines);
}

/// The table in a thousand millions of a unit or a thousand-millionth is the same table: the verdict is the same, answers are in
/// its units, and the density of `n` responses is by `n ln factor` lower.
#[test]
fn units_change_nothing_but_the_units() {
    let fitted = |factor: f64, shift: f64, formula: &str, likelihood: ResponseLaw| {
        let (mut text, mut n) = (String::from("reaction,days,subject\n"), 0.0);
        for line in include_str!("../../data/sleepstudy.csv").lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let number = |k: usize| cells[k].parse::<f64>().expect("a number");
            text += &format!("{:e},{:e},{}\n", factor * (number(0) + shift), number(1), cells[2]);
            n += 1.0;
        }
        let table = DataTable::from_csv("d.csv", text.as_bytes()).expect("a table");
        let settings = RegressionSettings { likelihood: Some(likelihood), ..RegressionSettings::default() };
        let fitted = jensen::fit(&Regression::with(formula, &table, &settings).expect("a model")).expect("a fit");
        let lines: Vec<(String, f64, f64)> =
            fitted.summary().into_iter().map(|line| (line.name, line.mean, line.sd)).collect();
        (fitted.verdict().trust, lines, fitted.bound().elbo.value, n)
    };
    for (formula, likelihood) in [
        ("reaction ~ days", ResponseLaw::Normal),
        ("reaction ~ days", ResponseLaw::StudentT),
        ("reaction ~ days + (1 + days || subject)", ResponseLaw::Normal),
    ] {
        let (trust, lines, bound, n) = fitted(1.0, 0.0, formula, likelihood);
        assert_eq!(trust, jensen::Trust::Trust, "{formula}, {likelihood}");
        for factor in [1e9, 1e-9] {
            let (found, of_factor, of_bound, _) = fitted(factor, 0.0, formula, likelihood);
            assert_eq!(found, trust, "{formula}, {likelihood}, {factor}");
            // The bounds of one fit that ends by chance at another step differ by some hundredths.
            assert!((of_bound + n * factor.ln() - bound).abs() < 0.1, "{factor}: {of_bound} {bound}");
            for ((name, mean, sd), (_, found, found_sd)) in lines.iter().zip(&of_factor) {
                let factor = if name == "nu" { 1.0 } else { factor };
                let (off, ratio) = ((found / factor - mean) / sd, found_sd / factor / sd);
                assert!(off.abs() < 0.1 && (ratio - 1.0).abs() < 0.1, "{factor}, {name}: off by {off} sd, sds {ratio}");
            }
        }
    }
    // Far from zero, too: the slope is that of the same table near to it.
    let (trust, lines, ..) = fitted(1.0, 1e9, "reaction ~ days", ResponseLaw::Normal);
    let (_, near, ..) = fitted(1.0, 0.0, "reaction ~ days", ResponseLaw::Normal);
    assert_eq!(trust, jensen::Trust::Trust);
    let slope = |lines: &[(String, f64, f64)]| lines.iter().find(|(name, ..)| name == "b[days]").expect("a slope").1;
    assert!((slope(&lines) - slope(&near)).abs() < 0.1, "{lines:?}");
}
