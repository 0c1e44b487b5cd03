//! Curves of a regression against the same numbers by hand from its draws.

use jensen_models::data::DataTable;
use jensen_models::regression::{Regression, RegressionSettings, ResponseLaw};

fn table() -> DataTable {
    let mut text = String::from("y,n,x,z,g,h\n");
    for i in 0..40_u32 {
        let (x, z) = (f64::from(i % 8), f64::from((i * 7) % 5));
        let y = (3 + (i * 13) % 5 + i % 8) % 11;
        // Of `b` there are 20 rows, of the others 10.
        text += &format!("{y},12,{x},{z},{},{}\n", ["a", "b", "c", "b"][i as usize % 4], i % 6);
    }
    DataTable::from_csv("t.csv", text.as_bytes()).expect("a table")
}

/// A binomial regression: the curve is `1 / (1 + exp(-eta))` at each draw, with `z` at its median 2, `g` at `b`, and no group.
#[test]
fn a_curve_is_the_mean_of_the_response_over_draws() {
    let (table, settings) =
        (table(), RegressionSettings { likelihood: Some(ResponseLaw::Binomial), ..Default::default() });
    let model = Regression::with("y | trials(n) ~ x + z + g + (1 | h)", &table, &settings).expect("a regression");
    let draws = jensen::fit(&model).expect("a fit").posterior.constrained();
    let curves = model.curves(&draws, &table).expect("curves");
    let names: Vec<&str> = curves.iter().map(|curve| curve.column.as_str()).collect();
    assert_eq!(names, ["x", "z", "g"]);
    let held: Vec<(&str, &str)> = curves[0].held.iter().map(|(name, cell)| (name.as_str(), cell.as_str())).collect();
    assert_eq!(held, [("g", "b"), ("z", "2")]);
    let of = |name: &str| draws.element(draws.names.iter().position(|known| known == name).expect(name));
    let (a, b, c, d) = (of("intercept"), of("b[x]"), of("b[z]"), of("b[g[b]]"));
    // As many draws as a curve takes, from all over them.
    let kept = draws.num_draws.min(1000);
    let chosen: Vec<usize> = (0..kept).map(|k| k * draws.num_draws / kept).collect();
    let at = |x: f64, z: f64, b_share: f64| {
        let share = |d_: &usize| 1.0 / (1.0 + (-(a[*d_] + b[*d_] * x + c[*d_] * z + b_share * d[*d_])).exp());
        chosen.iter().map(share).sum::<f64>() / kept as f64
    };
    let points = &curves[0].points[0];
    assert_eq!((points.len(), points[0].x, points[60].x), (61, 0.0, 7.0));
    for (point, x) in [(points[0], 0.0), (points[60], 7.0), (points[30], 3.5)] {
        assert!((point.mean - at(x, 2.0, 1.0)).abs() < 1e-9, "{point:?} {}", at(x, 2.0, 1.0));
        assert!(point.q5 < point.mean && point.mean < point.q95);
    }
    // Words: their levels, `x` at its median.
    assert_eq!(curves[2].levels, ["a", "b", "c"]);
    let x = curves[2].held.iter().find(|(name, _)| name == "x").expect("x is held").1.parse().expect("a number");
    assert!((curves[2].points[0][0].mean - at(x, 2.0, 0.0)).abs() < 1e-9);
    assert!((curves[2].points[0][1].mean - at(x, 2.0, 1.0)).abs() < 1e-9);
    // Rows are shares of their trials.
    assert_eq!(curves[0].observed.len(), 40);
    assert!(curves[0].observed.iter().all(|[_, y]| (0.0..=1.0).contains(y)));
    let steps = model.usual_steps();
    assert!(steps.iter().any(|(name, step)| name == "b[g[b]]" && *step == 1.0), "{steps:?}");
}

/// Probabilities of categories add up to one along the curve, and a spline is drawn to its ends.
#[test]
fn categories_have_a_curve_each() {
    let table = table();
    let settings = RegressionSettings { likelihood: Some(ResponseLaw::Categorical), ..Default::default() };
    let model = Regression::with("g ~ bs(x, df=4)", &table, &settings).expect("a regression");
    let draws = jensen::fit(&model).expect("a fit").posterior.constrained();
    let curves = model.curves(&draws, &table).expect("curves");
    assert_eq!((curves[0].categories.len(), curves[0].points.len()), (3, 3));
    for k in 0..61 {
        let sum: f64 = curves[0].points.iter().map(|points| points[k].mean).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}
