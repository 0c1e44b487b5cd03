//! Price's gradient and the residual Stein gradient beside a closed form.

use super::integers::ok;
use jensen::estimate::*;
use jensen::family::{FullRank, MeanField};
use jensen::model::RowSet;
use jensen::streams::Streams;
use jensen::target::{HandWritten, LogDensity};
use jensen::testing::laws::{self, Case};

type Written = HandWritten<fn(&[f64], &mut [f64]) -> f64>;

const A: [f64; 2] = [0.5, -0.3];

/// `-|z|^2 / 2 - exp(a . z)`.
fn target() -> Written {
    HandWritten::new(&["x", "y"], |z, grad| {
        let e = (A[0] * z[0] + A[1] * z[1]).exp();
        (grad[0], grad[1]) = (-z[0] - A[0] * e, -z[1] - A[1] * e);
        -0.5 * (z[0] * z[0] + z[1] * z[1]) - e
    })
}

/// The bound up to a constant: `E exp(a . z) = exp(a . m + |L' a|^2 / 2)`.
fn bound(m: [f64; 2], l: [f64; 3]) -> f64 {
    let squares = m.iter().map(|x| x * x).sum::<f64>() + l.iter().map(|x| x * x).sum::<f64>();
    let spread = (l[0] * A[0] + l[1] * A[1]).powi(2) + (l[2] * A[1]).powi(2);
    -0.5 * squares - (A[0] * m[0] + A[1] * m[1] + 0.5 * spread).exp() + (l[0] * l[2]).ln()
}

fn derivative(params: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<(f64, f64)> {
    let at = |k: usize, h: f64| {
        let mut moved = params.to_vec();
        moved[k] += h;
        f(&moved)
    };
    (0..params.len()).map(|k| ((at(k, 1e-4) - at(k, -1e-4)) / 2e-4, 1e-7)).collect()
}

#[test]
fn both_are_unbiased_and_less_noisy_than_sticking_the_landing_in_the_scale() {
    let (target, rows) = (target(), RowSet::all());
    // [m; L_00, L_10, L_11] with logarithms on the diagonal.
    let params = [0.3, -0.5, 0.7f64.ln(), 0.4, 0.9f64.ln()];
    let exact = derivative(&params, |p| bound([p[0], p[1]], [p[2].exp(), p[3], p[4].exp()]));
    let family = FullRank::new(2);
    let case = Case {
        layout: target.layout(),
        params: &params,
        theta: &[],
        rows: &rows,
        streams: Streams::new(5),
        num_draws: 4,
    };
    let stein = ok(laws::mean_gradient(&ResidualStein, &target, &family, &case, 8000));
    let price = ok(laws::mean_gradient(&Price, &target, &family, &case, 8000));
    let landing = ok(laws::mean_gradient(&StickingTheLanding, &target, &family, &case, 8000));
    for measured in [&stein, &price, &landing] {
        ok(laws::is_unbiased(measured, &exact, 4.5));
        let shifted: Vec<(f64, f64)> = exact.iter().map(|(g, e)| (1.02 * g, *e)).collect();
        assert!(laws::is_unbiased(measured, &shifted, 4.5).is_err(), "a bias of 2 % is seen: {measured:?}");
    }
    let noise = |measured: &[(f64, f64)]| measured[2..].iter().map(|(_, e)| e * e).sum::<f64>();
    assert!(noise(&stein) < noise(&landing) && noise(&price) < 0.5 * noise(&stein));
    // In the mean all three follow the same draws.
    assert!((stein[0].1 / landing[0].1 - 1.0).abs() < 1e-9);

    let params = [0.3, -0.5, 0.7f64.ln(), 0.9f64.ln()];
    let exact = derivative(&params, |p| bound([p[0], p[1]], [p[2].exp(), 0.0, p[3].exp()]));
    let family = MeanField::of_dimension(2);
    let case = Case { params: &params, ..case };
    let price = ok(laws::mean_gradient(&Price, &target, &family, &case, 4000));
    ok(laws::is_unbiased(&price, &exact, 4.5));
}
