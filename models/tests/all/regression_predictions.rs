//! New rows of regressions: expectations, outcomes, new groups.

use jensen_models::data::DataTable;
use jensen_models::regression::{Regression, RegressionSettings, ResponseLaw};

/// Rows that the fit has not seen: an expectation is the line at the draws, a new group widens the interval, and what is
/// not known is refused.
#[test]
fn new_rows_are_predicted() {
    let text = include_str!("../../data/sleepstudy.csv");
    let table = DataTable::from_csv("sleepstudy.csv", text.as_bytes()).expect("a table");
    let model = Regression::new("reaction ~ days + (1 + days | subject)", &table).expect("a model");
    let fitted = jensen::fit(&model).expect("a fit");
    let draws = fitted.constrained();
    let new = DataTable::from_csv("new.csv", b"days,subject\n5,308\n5,999\n7,999\n").expect("a table");
    let prediction = model.predict(&draws, &new, jensen::streams::Streams::new(3)).expect("a prediction");
    assert_eq!(prediction.new_groups(), [("subject 999".to_string(), 2)]);
    let mut rows = Vec::new();
    prediction
        .each(|_, row| -> Result<(), jensen_models::regression::RegressionError> {
            rows.push(row);
            Ok(())
        })
        .expect("rows");
    let named = |name: &str| draws.named(name).unwrap_or_else(|| panic!("{name}"));
    let [a, b] = ["intercept", "b[days]"].map(named);
    let [r0, r1] = ["effect[subject, intercept][0]", "effect[subject, days][0]"].map(named);
    let by_hand: Vec<f64> = (0..draws.num_draws).map(|d| a[d] + r0[d] + 5.0 * (b[d] + r1[d])).collect();
    for (x, y) in rows[0].expected[0].iter().zip(&by_hand) {
        assert!((x - y).abs() < 1e-9 * y.abs(), "{x} {y}");
    }
    use jensen::posterior::statistics::{mean, sd};
    // Of a new driver: the sds of the drivers, which are independent of the draws of the others but through the fit.
    let [s0, s1, rho] =
        ["sd[subject, intercept]", "sd[subject, days]", "correlation[subject, days, intercept]"].map(named);
    let line: Vec<f64> = (0..draws.num_draws).map(|d| a[d] + 5.0 * b[d]).collect();
    let between: Vec<f64> =
        (0..draws.num_draws).map(|d| s0[d].powi(2) + 10.0 * rho[d] * s0[d] * s1[d] + 25.0 * s1[d].powi(2)).collect();
    let expected = (sd(&line).powi(2) + mean(&between)).sqrt();
    // The sd of an sd from some ten thousand draws with heavier tails than normal is below 2 %.
    assert!((sd(&rows[1].expected[0]) / expected - 1.0).abs() < 0.06, "{} {expected}", sd(&rows[1].expected[0]));
    let noise =
        (sd(&rows[1].expected[0]).powi(2) + mean(&named("sigma").iter().map(|s| s * s).collect::<Vec<_>>())).sqrt();
    assert!((sd(&rows[1].outcomes) / noise - 1.0).abs() < 0.06, "{} {noise}", sd(&rows[1].outcomes));
    // Two rows of one new driver share his effects.
    assert!(jensen::posterior::statistics::correlation(&rows[1].expected[0], &rows[2].expected[0]) > 0.9);
}

/// What a likelihood makes of a predictor is said twice, to the engine and for predictions: both have the same moments.
#[test]
fn predictions_agree_with_the_engine() {
    use jensen::posterior::statistics::{mcse_mean, mean};
    let base = "y,n,x,t,k\n1,5,0.1,1.3,a\n3,7,0.4,0.4,b\n0,4,-0.5,0.9,a\n2,9,1.2,2.2,b\n4,8,0.9,0.7,a\n1,3,-1.1,1.1,b\n0,2,0.3,0.2,a\n5,9,0.6,3.1,b\n";
    for (formula, likelihood) in [
        ("t ~ x", ResponseLaw::Normal),
        ("t ~ x", ResponseLaw::StudentT),
        ("t ~ x", ResponseLaw::LogNormal),
        ("t ~ x", ResponseLaw::Gamma),
        ("t ~ x", ResponseLaw::Weibull),
        ("t ~ x", ResponseLaw::Exponential),
        ("I(t/4) ~ x", ResponseLaw::Beta),
        ("k ~ x", ResponseLaw::Bernoulli),
        ("y | trials(n) ~ x", ResponseLaw::Binomial),
        ("y ~ x", ResponseLaw::Poisson),
        ("y ~ x", ResponseLaw::NegativeBinomial),
        ("y ~ x", ResponseLaw::ZeroInflatedPoisson),
        ("y ~ x", ResponseLaw::ZeroInflatedNegativeBinomial),
        ("y ~ x", ResponseLaw::HurdlePoisson),
        ("y ~ x", ResponseLaw::HurdleNegativeBinomial),
        ("y | trials(n) ~ x", ResponseLaw::BetaBinomial),
        ("t | trunc(0.1, 4) ~ x", ResponseLaw::Normal),
        ("t | trunc(lb=0.1) ~ x", ResponseLaw::LogNormal),
        ("t | trunc(ub=4) ~ x", ResponseLaw::Weibull),
        ("t | trunc(0, 4) + weights(n) ~ x", ResponseLaw::Exponential),
        ("k ~ x", ResponseLaw::Categorical),
        ("k ~ x", ResponseLaw::Ordinal),
    ] {
        let table = DataTable::from_csv("d.csv", base.as_bytes()).expect("a table");
        // Narrow priors keep heavy tails out of the means that are compared.
        let mut priors = vec!["b ~ normal(0, 0.1)".to_string()];
        priors.extend(match likelihood {
            ResponseLaw::StudentT => vec!["nu ~ gamma(100, 10)".to_string()],
            ResponseLaw::BetaBinomial => vec!["precision ~ gamma(100, 10)".to_string()],
            ResponseLaw::LogNormal => vec!["sigma ~ gamma(100, 200)".to_string()],
            ResponseLaw::NegativeBinomial | ResponseLaw::Weibull | ResponseLaw::Gamma => {
                vec!["shape ~ gamma(100, 50)".to_string()]
            }
            ResponseLaw::ZeroInflatedNegativeBinomial | ResponseLaw::HurdleNegativeBinomial => {
                vec!["shape ~ gamma(100, 50)".to_string(), "zero ~ beta(20, 40)".to_string()]
            }
            _ => vec![],
        });
        let settings = RegressionSettings { likelihood: Some(likelihood), priors, ..RegressionSettings::default() };
        let model = Regression::with(formula, &table, &settings).unwrap_or_else(|e| panic!("{e}"));
        let fitted = jensen::fit(&model).unwrap_or_else(|e| panic!("{likelihood}: {e}"));
        let draws = fitted.constrained();
        let engine = &fitted.predictive(draws.num_draws).expect("new data")[0];
        let prediction = model.predict(&draws, &table, jensen::streams::Streams::new(1)).expect("a prediction");
        let check = |i: usize,
                     row: jensen_models::regression::PredictedRow|
         -> Result<(), jensen_models::regression::RegressionError> {
            let of_engine = &engine.values[i * engine.num_draws..(i + 1) * engine.num_draws];
            let squares = |values: &[f64]| values.iter().map(|y| y.min(50.0).powi(2)).collect::<Vec<_>>();
            for (what, a, b) in [
                ("mean", of_engine.to_vec(), row.outcomes.clone()),
                ("square", squares(of_engine), squares(&row.outcomes)),
            ] {
                let error = mcse_mean(&a).hypot(mcse_mean(&b));
                assert!(
                    (mean(&a) - mean(&b)).abs() <= 5.0 * error,
                    "{likelihood}, row {i}, {what}: {} {} +- {error}",
                    mean(&a),
                    mean(&b)
                );
            }
            if row.expected.len() == 1 {
                let error = mcse_mean(&row.outcomes);
                let off = (mean(&row.outcomes) - mean(&row.expected[0])).abs();
                assert!(
                    off <= 5.0 * error,
                    "{likelihood}, row {i}: expected {} but drawn {} +- {error}",
                    mean(&row.expected[0]),
                    mean(&row.outcomes)
                );
            } else {
                for (k, shares) in row.expected.iter().enumerate() {
                    let share =
                        row.outcomes.iter().filter(|y| **y == k as f64).count() as f64 / row.outcomes.len() as f64;
                    let error = (0.25 / row.outcomes.len() as f64).sqrt();
                    assert!((share - mean(shares)).abs() < 5.0 * error, "{likelihood}, row {i}, category {k}");
                }
            }
            Ok(())
        };
        prediction.each(check).unwrap_or_else(|e| panic!("{e}"));
    }
}
