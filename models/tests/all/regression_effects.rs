//! Effects of columns on the response, and the share of its variance that is explained, against formulas at every draw.

use jensen::target::Constrained;
use jensen_models::data::DataTable;
use jensen_models::regression::{ColumnEffect, Regression, RegressionSettings, ResponseLaw};

/// Forty rows: a number, a word, an answer, a count and a real response.
fn text() -> String {
    let mut text = String::from("y,x,side,ill,n,grade\n");
    for k in 0..40_u32 {
        let u = |m: u32| {
            f64::from(k.wrapping_mul(2_654_435_761).wrapping_add(m * 977_777_777).rotate_left(m + 5) % 997) / 997.0
        };
        let (x, side) = (4.0 * u(1), ["left", "right", "top"][k as usize % 3]);
        let y = 1.0 + 0.7 * x + f64::from(k % 3) + u(2) - 0.5;
        let ill = if u(3) < 1.0 / (1.0 + (2.0 - x).exp()) { "yes" } else { "no" };
        let grade = ["bad", "fair", "good"][((y / 2.0) as usize).min(2)];
        text += &format!("{y},{x},{side},{ill},{},{grade}\n", (y * u(4) * 2.0) as u32);
    }
    text
}

fn fitted(formula: &str, law: ResponseLaw) -> (Regression, Constrained, DataTable) {
    let table = DataTable::from_csv("d.csv", text().as_bytes()).expect("a table");
    let settings = RegressionSettings { likelihood: Some(law), ..RegressionSettings::default() };
    let model = Regression::with(formula, &table, &settings).unwrap_or_else(|e| panic!("{e}"));
    let draws = jensen::fit(&model).unwrap_or_else(|e| panic!("{e}")).constrained();
    (model, draws, table)
}

/// The value of a quantity at the draws that effects are of.
fn at<'a>(draws: &'a Constrained, name: &str, effect: &ColumnEffect) -> impl Fn(usize) -> f64 + use<'a> {
    let (all, kept) = (draws.named(name).unwrap_or_else(|| panic!("{name}")), effect.draws.len());
    move |d| all[d * all.len() / kept]
}

fn agree(effect: &ColumnEffect, expected: impl Fn(usize) -> f64) {
    for (d, found) in effect.draws.iter().enumerate() {
        let expected = expected(d);
        // A difference of second order over a step of 1e-3 sd.
        assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{}: {found} {expected}", effect.what);
    }
}

#[test]
fn slopes_and_differences_are_those_of_the_formula() {
    let (model, draws, table) = fitted("y ~ x + I(x^2) + side", ResponseLaw::Normal);
    let x = table.real("x").expect("numbers");
    let mean = x.iter().sum::<f64>() / 40.0;
    let found = model.effects_of(&draws, &table, "x", None).expect("effects");
    let (a, b) = (at(&draws, "b[x]", &found[0]), at(&draws, "b[I(x^2)]", &found[0]));
    assert_eq!((found.len(), found[0].what.as_str()), (1, "x, per unit"));
    agree(&found[0], |d| a(d) + 2.0 * b(d) * mean);
    let found = model.effects_of(&draws, &table, "side", None).expect("effects");
    let names: Vec<&str> = found.iter().map(|effect| effect.what.as_str()).collect();
    assert_eq!(names, ["side = left", "side = right", "side = top", "side: right - left", "side: top - left"]);
    agree(&found[4], at(&draws, "b[side[top]]", &found[4]));
    // By a column: of rows of one side the mean of x is another.
    let found = model.effects_of(&draws, &table, "x", Some("side")).expect("effects");
    assert_eq!((found.len(), found[2].by.as_deref()), (3, Some("side = top")));
    let of_top = |k: &usize| k % 3 == 2;
    let rows: Vec<f64> = (0..40).filter(of_top).map(|k| x[k]).collect();
    let mean = rows.iter().sum::<f64>() / rows.len() as f64;
    agree(&found[2], |d| a(d) + 2.0 * b(d) * mean);
}

#[test]
fn effects_on_probabilities_and_counts() {
    let (model, draws, table) = fitted("ill ~ x", ResponseLaw::Bernoulli);
    let x = table.real("x").expect("numbers");
    let found = &model.effects_of(&draws, &table, "x", None).expect("effects")[0];
    let (a, b) = (at(&draws, "intercept", found), at(&draws, "b[x]", found));
    let slope = |eta: f64| 1.0 / ((1.0 + eta.exp()) * (1.0 + (-eta).exp()));
    agree(found, |d| x.iter().map(|x| b(d) * slope(a(d) + b(d) * x)).sum::<f64>() / 40.0);
    let (model, draws, table) = fitted("n ~ side", ResponseLaw::Poisson);
    let found = model.effects_of(&draws, &table, "side", None).expect("effects");
    let (a, b) = (at(&draws, "intercept", &found[3]), at(&draws, "b[side[right]]", &found[3]));
    agree(&found[3], |d| (a(d) + b(d)).exp() - a(d).exp());
    // Of categories, what one gains the others lose.
    let (model, draws, table) = fitted("grade ~ x", ResponseLaw::Ordinal);
    let found = model.effects_of(&draws, &table, "x", None).expect("effects");
    assert_eq!(
        found.iter().map(|e| e.category.as_deref()).collect::<Vec<_>>(),
        [Some("bad"), Some("fair"), Some("good")]
    );
    for d in 0..found[0].draws.len() {
        assert!(found.iter().map(|effect| effect.draws[d]).sum::<f64>().abs() < 1e-9);
    }
    for (x, words) in [("z", "the formula explains nothing by `z`"), ("y", "its columns are `x`")] {
        let error = model.effects_of(&draws, &table, x, None).expect_err(x).to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// `V / (V + sigma^2)` of a line, with `V` the variance of `b x`, at every draw that it is measured at.
#[test]
fn the_share_of_explained_variance() {
    let (model, draws, table) = fitted("y ~ x", ResponseLaw::Normal);
    let x = table.real("x").expect("numbers");
    let mean = x.iter().sum::<f64>() / 40.0;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 39.0;
    let shares = model.r_squared(&draws, &table).expect("shares").expect("a normal response");
    let named = |name: &str| draws.named(name).expect("draws");
    let (b, sigma) = (named("b[x]"), named("sigma"));
    for (d, share) in shares.iter().enumerate() {
        let d = d * b.len() / shares.len();
        let expected = b[d].powi(2) * variance / (b[d].powi(2) * variance + sigma[d].powi(2));
        assert!((share - expected).abs() < 1e-10, "{share} {expected}");
    }
    let (model, draws, table) = fitted("grade ~ x", ResponseLaw::Ordinal);
    assert!(model.r_squared(&draws, &table).expect("shares").is_none());
}
