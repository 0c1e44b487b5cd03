//! Kinds of posteriors on which a Gaussian q fails, on data of their own, with their moments by quadrature.

use super::{Case, Truth};
use jensen::model::{Model, model};
use jensen::prelude::*;
use jensen::streams::Streams;
use std::f64::consts::PI;

pub fn cases() -> Vec<Case> {
    vec![
        funnel(),
        uneven_groups(),
        logit_groups(30, 5, 1.0, 3),
        logit_groups(12, 3, 0.3, 4),
        two_clumps(),
        logit_groups(250, 5, 0.7, 5),
        slopes(20, 8, 6),
        latent_classes(),
    ]
}

pub(super) fn case(name: &str, model: impl Model + Send + 'static, truth: Truth) -> Case {
    Case { name: name.into(), model: Box::new(model), truth }
}

/// Weighted moments of quantities, with log weights on a grid.
pub(super) struct Moments {
    names: Vec<String>,
    points: Vec<(f64, Vec<[f64; 2]>)>,
}

impl Moments {
    pub fn new(names: Vec<String>) -> Self {
        Moments { names, points: Vec::new() }
    }

    /// A point of log weight `l`, with mean and variance of each quantity there.
    pub fn add(&mut self, l: f64, quantities: Vec<[f64; 2]>) {
        assert_eq!(quantities.len(), self.names.len());
        self.points.push((l, quantities));
    }

    pub fn truth(self, has_evidence: bool) -> Truth {
        let most = self.points.iter().fold(f64::NEG_INFINITY, |m, p| m.max(p.0));
        let total: f64 = self.points.iter().map(|p| (p.0 - most).exp()).sum();
        let mean_of = |of: &dyn Fn(&[f64; 2]) -> f64, k: usize| {
            self.points.iter().map(|p| (p.0 - most).exp() * of(&p.1[k])).sum::<f64>() / total
        };
        let mean: Vec<f64> = (0..self.names.len()).map(|k| mean_of(&|q| q[0], k)).collect();
        let sd = (0..self.names.len()).map(|k| mean_of(&|q| q[1] + (q[0] - mean[k]).powi(2), k).sqrt()).collect();
        Truth { mean, sd, log_evidence: has_evidence.then(|| most + total.ln()), names: self.names }
    }
}

pub(super) fn grid(low: f64, high: f64, n: usize) -> impl Iterator<Item = (f64, f64)> {
    let step = (high - low) / (n - 1) as f64;
    (0..n).map(move |k| (low + step * k as f64, step.ln()))
}

pub(super) fn ln_normal(x: f64, mean: f64, variance: f64) -> f64 {
    -0.5 * ((2.0 * PI * variance).ln() + (x - mean).powi(2) / variance)
}

/// `ln` of the half-normal density with scale `s` at `exp(l)`, with the Jacobian of the logarithm.
pub(super) fn ln_half_normal_of_log(l: f64, s: f64) -> f64 {
    2f64.ln() + ln_normal(l.exp(), 0.0, s * s) + l
}

pub(super) fn names(of: &[&str], vector: &str, n: usize) -> Vec<String> {
    of.iter().map(|s| s.to_string()).chain((0..n).map(|k| format!("{vector}[{k}]"))).collect()
}

/// v ~ N(0, 3); x_k ~ N(0, exp(v / 2)); y_k ~ N(x_k, 1).
fn funnel() -> Case {
    let y = [0.5, -0.2, 0.9];
    let mut moments = Moments::new(names(&["v"], "x", 3));
    for (v, step) in grid(-20.0, 20.0, 8001) {
        let s2 = v.exp();
        let l = step + ln_normal(v, 0.0, 9.0) + y.iter().map(|y| ln_normal(*y, 0.0, 1.0 + s2)).sum::<f64>();
        let share = s2 / (1.0 + s2);
        moments.add(l, std::iter::once([v, 0.0]).chain(y.iter().map(|y| [y * share, share])).collect());
    }
    let column = Column::new(y);
    let funnel = model(move |p| {
        let v = p.draw("v", normal(0.0, 3.0));
        let x = p.draws("x", normal(0.0, (0.5 * v).exp()), 3);
        p.rows(3, |i| i.observe(column.at(i), normal(x.at(i), 1.0)));
    });
    case("funnel", funnel, moments.truth(true))
}

/// Groups of 1, 1, 2, 3, 40 and 60 rows: mu ~ N(0, 5), tau, sigma ~ half-normal(2), theta_j ~ N(mu, tau).
fn uneven_groups() -> Case {
    const SIZES: [usize; 6] = [1, 1, 2, 3, 40, 60];
    let streams = Streams::new(2024);
    let mut effects = [0.0; 6];
    streams.fill_normal(1, &mut effects);
    let mut noise = vec![0.0; SIZES.iter().sum()];
    streams.at_step(1).fill_normal(1, &mut noise);
    let group: Vec<usize> = SIZES.iter().enumerate().flat_map(|(j, n)| vec![j; *n]).collect();
    let y: Vec<f64> = group.iter().zip(&noise).map(|(j, e)| 1.0 + effects[*j] + e).collect();
    let of = |j: usize| y.iter().zip(&group).filter(move |(_, g)| **g == j).map(|(y, _)| *y);
    let bar: Vec<f64> = (0..6).map(|j| of(j).sum::<f64>() / SIZES[j] as f64).collect();
    let squares: Vec<f64> = (0..6).map(|j| of(j).map(|y| (y - bar[j]).powi(2)).sum()).collect();
    let mut moments = Moments::new(names(&["mu", "tau", "sigma"], "theta", 6));
    for (ln_tau, step_tau) in grid(-9.0, 3.0, 1201) {
        for (ln_sigma, step_sigma) in grid(-0.7, 0.7, 141) {
            let (tau2, sigma2) = ((2.0 * ln_tau).exp(), (2.0 * ln_sigma).exp());
            let mut l =
                step_tau + step_sigma + ln_half_normal_of_log(ln_tau, 2.0) + ln_half_normal_of_log(ln_sigma, 2.0);
            let (mut precision, mut weighted, mut of_squares) = (1.0 / 25.0, 0.0, 0.0);
            for j in 0..6 {
                let n = SIZES[j] as f64;
                l += -0.5 * (n - 1.0) * (2.0 * PI * sigma2).ln() - 0.5 * n.ln() - 0.5 * squares[j] / sigma2;
                let v = tau2 + sigma2 / n;
                l -= 0.5 * (2.0 * PI * v).ln();
                precision += 1.0 / v;
                weighted += bar[j] / v;
                of_squares += bar[j] * bar[j] / v;
            }
            let mu = weighted / precision;
            l += -0.5 * (of_squares - precision * mu * mu) - 0.5 * (25.0 * precision).ln();
            let thetas = (0..6).map(|j| {
                let within = sigma2 / SIZES[j] as f64;
                let share = tau2 / (tau2 + within);
                [mu * (1.0 - share) + bar[j] * share, share * within + (1.0 - share).powi(2) / precision]
            });
            let first = [[mu, 1.0 / precision], [ln_tau.exp(), 0.0], [ln_sigma.exp(), 0.0]];
            moments.add(l, first.into_iter().chain(thetas).collect());
        }
    }
    let (column, groups, n) = (Column::new(y.clone()), IntColumn::new(group.clone()), y.len());
    let groups_model = model(move |p| {
        let mu = p.draw("mu", normal(0.0, 5.0));
        let (tau, sigma) = (p.draw("tau", half_normal(2.0)), p.draw("sigma", half_normal(2.0)));
        let theta = p.draws("theta", normal(mu, tau), 6);
        p.rows(n, |i| i.observe(column.at(i), normal(theta.at(groups.at(i)), sigma)));
    });
    case("uneven-groups", groups_model, moments.truth(true))
}

/// `groups` of `trials` yes-or-no rows each: alpha ~ N(0, 2), tau ~ half-normal(1), theta_j ~ N(alpha, tau).
fn logit_groups(groups: usize, trials: u32, spread: f64, seed: u64) -> Case {
    let mut effects = vec![0.0; groups];
    let mut uniform = vec![0.0; groups * trials as usize];
    Streams::new(seed).fill_normal(1, &mut effects);
    Streams::new(seed).at_step(1).fill_uniform(1, &mut uniform);
    let chance = |j: usize| 1.0 / (1.0 + (-0.5 - spread * effects[j]).exp());
    let counts: Vec<u32> = (0..groups)
        .map(|j| {
            uniform[j * trials as usize..(j + 1) * trials as usize].iter().filter(|u| **u < chance(j)).count() as u32
        })
        .collect();
    let mut moments = Moments::new(names(&["alpha", "tau"], "theta", groups));
    for (alpha, step_alpha) in grid(-4.0, 3.0, 106) {
        for (ln_tau, step_tau) in grid(-9.0, 2.5, 231) {
            let tau = ln_tau.exp();
            // Mass, mean and variance of a group's effect for each number of successes.
            let of_count: Vec<[f64; 3]> = (0..=trials)
                .map(|k| {
                    let (mut mass, mut first, mut second) = (0.0, 0.0, 0.0);
                    for (e, step) in grid(-8.0, 8.0, 161) {
                        let x = alpha + tau * e;
                        let ln_p = f64::from(k) * x
                            - f64::from(trials) * x.max(0.0)
                            - f64::from(trials) * (-x.abs()).exp().ln_1p();
                        let w = (ln_p + ln_normal(e, 0.0, 1.0) + step).exp();
                        mass += w;
                        first += w * x;
                        second += w * x * x;
                    }
                    [mass, first / mass, second / mass - (first / mass).powi(2)]
                })
                .collect();
            let l = step_alpha
                + step_tau
                + ln_normal(alpha, 0.0, 4.0)
                + ln_half_normal_of_log(ln_tau, 1.0)
                + counts.iter().map(|k| of_count[*k as usize][0].ln()).sum::<f64>();
            let thetas = counts.iter().map(|k| [of_count[*k as usize][1], of_count[*k as usize][2]]);
            moments.add(l, [[alpha, 0.0], [tau, 0.0]].into_iter().chain(thetas).collect());
        }
    }
    let y: Vec<f64> = counts.iter().flat_map(|k| (0..trials).map(move |t| f64::from(u8::from(t < *k)))).collect();
    let group: Vec<usize> = (0..groups).flat_map(|j| vec![j; trials as usize]).collect();
    let (column, of_row, n) = (Column::new(y.clone()), IntColumn::new(group), y.len());
    let logit = model(move |p| {
        let alpha = p.draw("alpha", normal(0.0, 2.0));
        let tau = p.draw("tau", half_normal(1.0));
        let theta = p.draws("theta", normal(alpha, tau), groups);
        p.rows(n, |i| i.observe(column.at(i), bernoulli_logit(theta.at(of_row.at(i)))));
    });
    case(&format!("logit-{groups}x{trials}"), logit, moments.truth(true))
}

/// The location of a Cauchy law with two clumps of data: two modes.
fn two_clumps() -> Case {
    let y = [-5.2, -4.8, -5.0, 4.7, 5.1, 5.3];
    let mut moments = Moments::new(vec!["m".into()]);
    for (m, step) in grid(-60.0, 60.0, 60001) {
        let l = step + ln_normal(m, 0.0, 100.0) - y.iter().map(|y| (PI * (1.0 + (y - m).powi(2))).ln()).sum::<f64>();
        moments.add(l, vec![[m, 0.0]]);
    }
    let column = Column::new(y);
    let clumps = model(move |p| {
        let m = p.draw("m", normal(0.0, 10.0));
        p.rows(6, |i| i.observe(column.at(i), cauchy(m, 1.0)));
    });
    case("two-clumps", clumps, moments.truth(true))
}

/// Intercepts and slopes that vary by group and are correlated: b_j ~ N(0, 5), sd_j, sigma ~ half-normal(1), rho ~ U(-1, 1),
/// (u_g, v_g) ~ N(b, [sd_0^2, rho sd_0 sd_1; ., sd_1^2]), y ~ N(u_g + v_g x, sigma) at the same x in every group.
fn slopes(groups: usize, rows: usize, seed: u64) -> Case {
    let x: Vec<f64> = (0..rows).map(|k| -1.0 + 2.0 * k as f64 / (rows - 1) as f64).collect();
    let (mut effects, mut noise) = (vec![0.0; 2 * groups], vec![0.0; groups * rows]);
    Streams::new(seed).fill_normal(1, &mut effects);
    Streams::new(seed).at_step(1).fill_normal(1, &mut noise);
    let of_group = |g: usize| {
        let (a, b) = (effects[2 * g], effects[2 * g + 1]);
        (1.0 + 0.8 * a, -0.5 + 0.5 * (0.6 * a + 0.8 * b))
    };
    let y: Vec<f64> = (0..groups)
        .flat_map(|g| x.iter().map(move |x| (g, *x)))
        .zip(&noise)
        .map(|((g, x), e)| of_group(g).0 + of_group(g).1 * x + 0.7 * e)
        .collect();
    // Least squares in each group: the columns 1 and x are orthogonal, of squares n and xx.
    let (n, xx) = (rows as f64, x.iter().map(|x| x * x).sum::<f64>());
    let fit = |g: usize| {
        let own = &y[g * rows..(g + 1) * rows];
        let (u, v) = (own.iter().sum::<f64>() / n, own.iter().zip(&x).map(|(y, x)| y * x).sum::<f64>() / xx);
        (u, v, own.iter().zip(&x).map(|(y, x)| (y - u - v * x).powi(2)).sum::<f64>())
    };
    let fits: Vec<(f64, f64, f64)> = (0..groups).map(fit).collect();
    let rest: f64 = fits.iter().map(|f| f.2).sum();
    let m = groups as f64;
    let (u, v) = (fits.iter().map(|f| f.0).sum::<f64>() / m, fits.iter().map(|f| f.1).sum::<f64>() / m);
    let scatter = fits.iter().fold([0.0; 3], |s, f| {
        let (a, b) = (f.0 - u, f.1 - v);
        [s[0] + a * a, s[1] + a * b, s[2] + b * b]
    });
    let mut moments = Moments::new(
        ["b[0]", "b[1]", "sd[0]", "sd[1]", "rho", "sigma", "u[0]", "v[0]", "u[1]", "v[1]"].map(String::from).to_vec(),
    );
    type Two = [f64; 3];
    let inverse = |s: Two| -> (Two, f64) {
        let det = s[0] * s[2] - s[1] * s[1];
        ([s[2] / det, -s[1] / det, s[0] / det], det)
    };
    let dot = |s: Two, t: Two| s[0] * t[0] + 2.0 * s[1] * t[1] + s[2] * t[2];
    for (ln_0, step_0) in grid(-2.0, 1.2, 33) {
        for (ln_1, step_1) in grid(-5.0, 1.0, 49) {
            for (r, step_r) in grid(-3.5, 3.5, 36) {
                for (ln_s, step_s) in grid(-0.8, 0.2, 21) {
                    let (s0, s1, rho, s2) = (ln_0.exp(), ln_1.exp(), r.tanh(), (2.0 * ln_s).exp());
                    let of_effects: Two = [s0 * s0, rho * s0 * s1, s1 * s1];
                    let within: Two = [s2 / n, 0.0, s2 / xx];
                    let all: Two = [0, 1, 2].map(|k| of_effects[k] + within[k]);
                    let (precision, det) = inverse(all);
                    // b given the rest: prior precision 1 / 25, and that of the mean over groups.
                    let of_b = [m * precision[0] + 0.04, m * precision[1], m * precision[2] + 0.04];
                    let (b_covariance, b_det) = inverse(of_b);
                    let h = [m * (precision[0] * u + precision[1] * v), m * (precision[1] * u + precision[2] * v)];
                    let b = [
                        b_covariance[0] * h[0] + b_covariance[1] * h[1],
                        b_covariance[1] * h[0] + b_covariance[2] * h[1],
                    ];
                    let of_means = m * dot(precision, [u * u, u * v, v * v]) - (b[0] * h[0] + b[1] * h[1]);
                    let l = step_0
                        + step_1
                        + step_r
                        + step_s
                        + ln_half_normal_of_log(ln_0, 1.0)
                        + ln_half_normal_of_log(ln_1, 1.0)
                        + ln_half_normal_of_log(ln_s, 1.0)
                        + ((1.0 - rho * rho) / 2.0).ln()
                        - 0.5 * m * (n - 2.0) * (2.0 * PI * s2).ln()
                        - 0.5 * rest / s2
                        - 0.5 * m * (n * xx).ln()
                        - m * (2.0 * PI).ln()
                        - 0.5 * m * det.ln()
                        - 0.5 * (dot(precision, scatter) + of_means)
                        - 0.5 * (b_det * 625.0).ln();
                    // An effect given b and the rest: W (fit - b) + b with W = of_effects precision, and its variance.
                    let w = [
                        of_effects[0] * precision[0] + of_effects[1] * precision[1],
                        of_effects[0] * precision[1] + of_effects[1] * precision[2],
                        of_effects[1] * precision[0] + of_effects[2] * precision[1],
                        of_effects[1] * precision[1] + of_effects[2] * precision[2],
                    ];
                    let effect = |g: usize, k: usize| {
                        let (row, d) = ([w[2 * k], w[2 * k + 1]], [fits[g].0 - b[0], fits[g].1 - b[1]]);
                        let own = if k == 0 { of_effects[0] } else { of_effects[2] };
                        let across =
                            if k == 0 { [of_effects[0], of_effects[1]] } else { [of_effects[1], of_effects[2]] };
                        let left = if k == 0 { [1.0 - row[0], -row[1]] } else { [-row[0], 1.0 - row[1]] };
                        let by_b = left[0] * left[0] * b_covariance[0]
                            + 2.0 * left[0] * left[1] * b_covariance[1]
                            + left[1] * left[1] * b_covariance[2];
                        [b[k] + row[0] * d[0] + row[1] * d[1], own - row[0] * across[0] - row[1] * across[1] + by_b]
                    };
                    let of = |x: f64| [x, 0.0];
                    moments.add(
                        l,
                        vec![
                            [b[0], b_covariance[0]],
                            [b[1], b_covariance[2]],
                            of(s0),
                            of(s1),
                            of(rho),
                            of(ln_s.exp()),
                            effect(0, 0),
                            effect(0, 1),
                            effect(1, 0),
                            effect(1, 1),
                        ],
                    );
                }
            }
        }
    }
    let group: Vec<usize> = (0..groups).flat_map(|g| vec![g; rows]).collect();
    let xs: Vec<f64> = (0..groups).flat_map(|_| x.clone()).collect();
    let (column, of_x, of_row, all) = (Column::new(y.clone()), Column::new(xs), IntColumn::new(group), y.len());
    let model = model(move |p| {
        let b = p.draws("b", normal(0.0, 5.0), 2);
        let sd = p.draws("sd", half_normal(1.0), 2);
        let rho = p.draw("rho", uniform(-1.0, 1.0));
        let sigma = p.draw("sigma", half_normal(1.0));
        let u = p.draws("u", normal(b.at(0), sd.at(0)), groups);
        let mean = u.map(|u| b.at(1) + sd.at(1) * rho * (u - b.at(0)) / sd.at(0));
        let left = sd.at(1) * (1.0 - rho.square()).sqrt();
        let v = p.draw("v", jensen::dist::normals(mean, mean.map(|_| left)));
        p.rows(all, |i| {
            let g = of_row.at(i);
            i.observe(column.at(i), normal(u.at(g) + v.at(g) * of_x.at(i), sigma));
        });
    });
    case(&format!("slopes-{groups}x{rows}"), model, moments.truth(true))
}

/// Two classes of people behind four answers (the zoo's latent-class), by 50,000 sweeps of Gibbs sampling of classes and shares.
fn latent_classes() -> Case {
    const SWEEPS: u64 = 50_000;
    let answers: Vec<Vec<f64>> = include_str!("../../data/stouffer_toby.csv")
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect())
        .collect();
    let n = answers.len();
    let streams = Streams::new(7);
    // share, then the chances of a yes in either class; the start is in the mode that holds all but e^-11 of the posterior.
    let (mut share, mut yes) = (0.5, [[0.9; 4], [0.3; 4]]);
    let mut moments = Moments::new(
        std::iter::once("share".to_string())
            .chain(["yes_first", "yes_second"].iter().flat_map(|v| (0..4).map(move |k| format!("{v}[{k}]"))))
            .collect(),
    );
    let mut uniform = vec![0.0; n + 9 * (n + 3)];
    for sweep in 0..SWEEPS {
        streams.at_step(sweep).fill_uniform(1, &mut uniform);
        let mut next = uniform.iter().copied();
        // Successes and failures of the share, and of each question in each class, with their priors.
        let (mut of_share, mut of_yes) = ([1usize; 2], [[[2usize, 1]; 4], [[1, 2]; 4]]);
        for row in &answers {
            let chance = |class: usize| {
                let each = row.iter().zip(&yes[class]).map(|(y, p)| if *y > 0.5 { *p } else { 1.0 - p });
                each.product::<f64>() * if class == 0 { share } else { 1.0 - share }
            };
            let (first, second) = (chance(0), chance(1));
            let class = usize::from(next.next().unwrap() > first / (first + second));
            of_share[class] += 1;
            row.iter().enumerate().for_each(|(k, y)| of_yes[class][k][usize::from(*y < 0.5)] += 1);
        }
        // A beta number of whole parameters, by sums of exponential ones.
        let mut gamma = |count: usize| -(0..count).map(|_| next.next().unwrap().ln()).sum::<f64>();
        let mut beta = |[a, b]: [usize; 2]| {
            let (a, b) = (gamma(a), gamma(b));
            a / (a + b)
        };
        share = beta(of_share);
        (0..2).for_each(|class| (0..4).for_each(|k| yes[class][k] = beta(of_yes[class][k])));
        if sweep >= 500 {
            moments.add(0.0, std::iter::once(share).chain(yes.into_iter().flatten()).map(|x| [x, 0.0]).collect());
        }
    }
    let entry = jensen_models::registry::entries().iter().find(|entry| entry.name == "latent-class").unwrap();
    case("latent-classes", super::OfZoo(entry), moments.truth(false))
}
