//! Models that people bring and that other tools had trouble with, on data of their own, with their moments by quadrature.

use super::Case;
use super::kinds::{Moments, case, grid, ln_half_normal_of_log, ln_normal, names};
use jensen::model::model;
use jensen::prelude::*;
use jensen::streams::Streams;
use std::f64::consts::PI;

pub fn cases() -> Vec<Case> {
    vec![missing_cells(), angles(), wide_funnel(), change_point(40, 1.2), change_point(40, 0.0), saturation(), tanks()]
}

fn normals(seed: u64, n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n];
    Streams::new(seed).fill_normal(1, &mut out);
    out
}

/// `ln P(Z < x)` of a standard normal number, by the midpoint rule: exact to 1e-9 for x from -8 on.
fn ln_cdf(x: f64) -> f64 {
    let n = 4000;
    let step = (x + 12.0) / f64::from(n);
    let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
    ((0..n).map(|k| density(-12.0 + step * (f64::from(k) + 0.5))).sum::<f64>() * step).ln()
}

/// Normal numbers cut off below zero, two of five missing: mu ~ N+(1, 2).
fn missing_cells() -> Case {
    const SD: f64 = 0.5;
    let x = [0.15, 0.4, 0.3];
    let mut moments = Moments::new(vec!["mu".into(), "missing0".into(), "missing1".into()]);
    for (mu, step) in grid(1e-4, 4.0, 8000) {
        let inside = ln_cdf(mu / SD);
        let of_data: f64 = x.iter().map(|x| ln_normal(*x, mu, SD * SD) - inside).sum();
        // N(mu, sd) above zero: mean and variance by the inverse Mills ratio.
        let a = -mu / SD;
        let mills = (-0.5 * a * a - 0.5 * (2.0 * PI).ln() - inside).exp();
        let (mean, variance) = (mu + SD * mills, SD * SD * (1.0 + a * mills - mills * mills));
        moments.add(step + ln_normal(mu, 1.0, 4.0) + of_data, vec![[mu, 0.0], [mean, variance], [mean, variance]]);
    }
    let of = model(move |p| {
        let mu = p.above("mu", 0.0);
        p.add(normal(1.0, 2.0).log_density(mu));
        let inside = (mu / SD).ln_normal_cdf();
        for x in x {
            p.observe(x, normal(mu, SD));
            p.add(-inside);
        }
        for k in 0..2 {
            let m = p.above(&format!("missing{k}"), 0.0);
            p.add(normal(mu, SD).log_density(m) - inside);
        }
    });
    case("missing-cells", of, moments.truth(true))
}

/// Angles around pi, where a circle is cut: mu ~ von Mises(0, 0.01), kappa ~ half-normal(10).
fn angles() -> Case {
    let y: Vec<f64> = normals(71, 40).iter().map(|e| PI + 0.6 * e).map(|a| a.sin().atan2(a.cos())).collect();
    let bessel = |kappa: f64| {
        let n = 400;
        let of = |k: i32| (kappa * ((PI * (f64::from(k) + 0.5) / f64::from(n)).cos() - 1.0)).exp();
        kappa + ((0..n).map(of).sum::<f64>() / f64::from(n)).ln()
    };
    let (c, s) = (y.iter().map(|a| a.cos()).sum::<f64>(), y.iter().map(|a| a.sin()).sum::<f64>());
    let mut moments = Moments::new(vec!["kappa".into(), "cos".into(), "sin".into()]);
    for (ln_kappa, step) in grid(-4.0, 4.0, 801) {
        let kappa = ln_kappa.exp();
        let i0 = bessel(kappa);
        for (mu, step_mu) in grid(0.0, 2.0 * PI * 1999.0 / 2000.0, 2000) {
            let prior = 0.01 * mu.cos() - (2.0 * PI).ln() - bessel(0.01);
            let l = kappa * (c * mu.cos() + s * mu.sin()) - 40.0 * ((2.0 * PI).ln() + i0);
            let at = vec![[kappa, 0.0], [mu.cos(), 0.0], [mu.sin(), 0.0]];
            moments.add(step + step_mu + prior + ln_half_normal_of_log(ln_kappa, 10.0) + l, at);
        }
    }
    let column = Column::new(y);
    let of = model(move |p| {
        let mu = p.draw("mu", von_mises(0.0, 0.01));
        let kappa = p.draw("kappa", half_normal(10.0));
        p.derive("cos", mu.cos());
        p.derive("sin", mu.sin());
        p.rows(40, |i| i.observe(column.at(i), von_mises(mu, kappa)));
    });
    case("angles-near-pi", of, moments.truth(true))
}

/// A thousand latents of one scale, seen through noise: theta ~ N(0, 3), z_k ~ N(0, exp(theta / 2)).
fn wide_funnel() -> Case {
    const N: usize = 1000;
    let y: Vec<f64> = normals(72, 2 * N).chunks(2).map(|e| 0.7 * e[0] + e[1]).collect();
    let squares: f64 = y.iter().map(|y| y * y).sum();
    let shown = 5;
    let mut moments = Moments::new(names(&["theta"], "z", shown));
    for (theta, step) in grid(-12.0, 6.0, 18001) {
        let s2 = theta.exp();
        let of_data = -0.5 * (N as f64 * (2.0 * PI * (1.0 + s2)).ln() + squares / (1.0 + s2));
        let share = s2 / (1.0 + s2);
        let z = y[..shown].iter().map(|y| [y * share, share]);
        moments.add(step + ln_normal(theta, 0.0, 9.0) + of_data, std::iter::once([theta, 0.0]).chain(z).collect());
    }
    let column = Column::new(y);
    let of = model(move |p| {
        let theta = p.draw("theta", normal(0.0, 3.0));
        let z = p.draws("z", normal(0.0, (theta / 2.0).exp()), N);
        p.rows(N, |i| i.observe(column.at(i), normal(z.at(i), 1.0)));
    });
    case("funnel-of-1000", of, moments.truth(false))
}

/// A mean that changes at an unknown place, by so much: means ~ N(2, 3), s ~ half-normal(3), place uniform.
fn change_point(n: usize, change: f64) -> Case {
    let y: Vec<f64> =
        normals(73, n).iter().enumerate().map(|(k, e)| 2.0 + if k > n / 2 { change } else { 0.0 } + e).collect();
    // Of a stretch of values with noise s: ln p, and mean and variance of its mean.
    let stretch = |values: &[f64], s2: f64| {
        let (m, sum) = (values.len() as f64, values.iter().map(|y| y - 2.0).sum::<f64>());
        let squares: f64 = values.iter().map(|y| (y - 2.0).powi(2)).sum();
        let precision = 1.0 / 9.0 + m / s2;
        let l = -0.5 * m * (2.0 * PI * s2).ln() - 0.5 * squares / s2 - 0.5 * (9.0 * precision).ln()
            + 0.5 * (sum / s2).powi(2) / precision;
        (l, [2.0 + sum / s2 / precision, 1.0 / precision])
    };
    let quantities = ["mean[0]", "mean[1]", "s", "cp"].map(String::from).to_vec();
    let mut moments = Moments::new(quantities);
    for (ln_s, step) in grid(-1.5, 1.5, 601) {
        let s2 = (2.0 * ln_s).exp();
        for cp in 0..n {
            let (left, right) = (stretch(&y[..=cp], s2), stretch(&y[cp + 1..], s2));
            let l = step + ln_half_normal_of_log(ln_s, 3.0) + left.0 + right.0 - (n as f64).ln();
            moments.add(l, vec![left.1, right.1, [ln_s.exp(), 0.0], [cp as f64, 0.0]]);
        }
    }
    let column = Column::new(y);
    let of = model(move |p| {
        let m = p.draws("mean", normal(2.0, 3.0), 2);
        let s = p.draw("s", half_normal(3.0));
        let cp = p.integer("cp", 0..n as u32);
        p.add(-(n as f64).ln());
        p.rows(n, |i| i.observe(column.at(i), normal(i.number().at_most(cp).select(m.at(0), m.at(1)), s)));
    });
    case(if change > 0.0 { "change-point" } else { "no-change-point" }, of, moments.truth(true))
}

/// A curve that has hardly begun to level off, `v x / (k + x)`: v and k rise together along a bent, heavy tail.
/// v ~ log-normal(1, 1.5), k ~ log-normal(1, 1.5), noise 0.1.
fn saturation() -> Case {
    let x = [0.1, 0.2, 0.4, 0.7, 1.0, 1.5];
    let y: Vec<f64> = x.iter().zip(normals(74, 6)).map(|(x, e)| 3.0 * x / (4.0 + x) + 0.1 * e).collect();
    let mut moments = Moments::new(vec!["v".into(), "k".into()]);
    for (ln_v, step_v) in grid(-3.0, 9.0, 1601) {
        for (ln_k, step_k) in grid(-4.0, 9.0, 1601) {
            let (v, k) = (ln_v.exp(), ln_k.exp());
            let of_data: f64 = x.iter().zip(&y).map(|(x, y)| ln_normal(*y, v * x / (k + x), 0.01)).sum();
            let prior = ln_normal(ln_v, 1.0, 2.25) + ln_normal(ln_k, 1.0, 2.25);
            moments.add(step_v + step_k + prior + of_data, vec![[v, 0.0], [k, 0.0]]);
        }
    }
    let (of_x, of_y) = (Column::new(x), Column::new(y));
    let of = model(move |p| {
        let v = p.draw("v", log_normal(1.0, 1.5));
        let k = p.draw("k", log_normal(1.0, 1.5));
        p.rows(6, |i| i.observe(of_y.at(i), normal(v * of_x.at(i) / (k + of_x.at(i)), 0.1)));
    });
    case("saturation", of, moments.truth(true))
}

/// Serial numbers of tanks: n ~ log-normal(5, 1), at least the largest that was seen.
fn tanks() -> Case {
    let mut moments = Moments::new(vec!["n".into()]);
    for (ln_n, step) in grid(256f64.ln(), 16.0, 40001) {
        moments.add(step + ln_normal(ln_n, 5.0, 1.0) - 4.0 * ln_n, vec![[ln_n.exp(), 0.0]]);
    }
    let of = model(|p| {
        let tanks = Column::new([10.0, 256.0, 202.0, 97.0]);
        let n = p.above("n", 256.0);
        p.add(log_normal(5.0, 1.0).log_density(n));
        p.rows(4, |i| i.observe(tanks.at(i), uniform(0.0, n)));
    });
    case("tanks", of, moments.truth(true))
}
