//! Transforms from the unconstrained space onto each support, with their log Jacobian determinants.

use crate::dist::Support;
use crate::program::{Real, sum};

/// A constrained value and `ln |det d value / d unconstrained|`.
pub(crate) struct Constrained {
    pub elements: Vec<Real>,
    pub log_jacobian: Real,
}

/// Where the coordinates of a latent are zero, and what one of them is: `z = centre + unit u` of a real latent, and
/// `z = unit exp(u)` of a positive one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Units {
    pub centre: f64,
    pub unit: f64,
}

impl Default for Units {
    fn default() -> Self {
        Units { centre: 0.0, unit: 1.0 }
    }
}

impl Units {
    /// A real latent of coordinate `u`, and the log Jacobian.
    pub fn real(self, u: Real) -> (Real, Real) {
        if self == Units::default() {
            return (u, Real::from(0.0));
        }
        (self.centre + self.unit * u, Real::from(self.unit.ln()))
    }

    /// Unconstrained numbers of a support from its coordinates, and the log Jacobian; supports with bounds of their own keep
    /// theirs.
    pub fn unconstrained(self, support: &Support, u: Real) -> (Real, Real) {
        match support {
            Support::Real | Support::RealVector(_) => self.real(u),
            Support::Positive if self.unit != 1.0 => (u + self.unit.ln(), Real::from(0.0)),
            _ => (u, Real::from(0.0)),
        }
    }
}

/// A scalar support's transform; `u` may carry many lanes, the result and the Jacobian carry as many.
pub(crate) fn constrain_scalar(support: &Support, u: Real) -> Option<(Real, Real)> {
    let zero = Real::from(0.0);
    let unit = |u: Real| (u.sigmoid(), -u.softplus() - (-u).softplus());
    Some(match support {
        Support::Real => (u, zero),
        Support::Positive => (u.exp(), u),
        Support::Above(low) | Support::AtLeast(low) => (*low + u.exp(), u),
        Support::Below(high) => (*high - u.exp(), u),
        Support::Unit => unit(u),
        Support::Interval(low, high) => {
            let (x, log_jacobian) = unit(u);
            let width = *high - *low;
            (*low + width * x, log_jacobian + width.ln())
        }
        Support::Circle => {
            let (x, log_jacobian) = unit(u);
            let width = 2.0 * std::f64::consts::PI;
            (width * (x - 0.5), log_jacobian + width.ln())
        }
        _ => return None,
    })
}

/// A vector or matrix support's transform of the scalars `u`.
pub(crate) fn constrain_vector(support: &Support, u: &[Real]) -> Constrained {
    match support {
        Support::Simplex(n) => simplex(*n, u),
        Support::Ordered(_) => ordered(u, false),
        Support::PositiveOrdered(_) => ordered(u, true),
        Support::UnitVector(_) => unit_vector(u),
        Support::CholeskyCorrelation(n) => cholesky_correlation(*n, u),
        Support::CholeskyCovariance(n) => cholesky_covariance(*n, u),
        Support::Covariance(n) => covariance(*n, u),
        _ => Constrained { elements: u.to_vec(), log_jacobian: Real::from(0.0) },
    }
}

/// Stick breaking, centred so that `u = 0` is the uniform point (Stan reference manual, "Unit simplex").
fn simplex(n: usize, u: &[Real]) -> Constrained {
    let mut log_rest = Real::from(0.0);
    let mut elements = Vec::with_capacity(n);
    let mut terms = Vec::new();
    for (k, &u) in u.iter().enumerate() {
        let a = u - ((n - 1 - k) as f64).ln();
        let (log_take, log_leave) = (-(-a).softplus(), -a.softplus());
        elements.push((log_rest + log_take).exp());
        terms.push(log_take + log_leave + log_rest);
        log_rest += log_leave;
    }
    elements.push(log_rest.exp());
    Constrained { elements, log_jacobian: sum(&terms) }
}

/// First element free (or positive), the others above it by positive steps.
fn ordered(u: &[Real], positive: bool) -> Constrained {
    let mut elements: Vec<Real> = Vec::with_capacity(u.len());
    let mut terms = Vec::new();
    for (k, &u) in u.iter().enumerate() {
        if k == 0 && !positive {
            elements.push(u);
        } else {
            let step = u.exp();
            elements.push(if k == 0 { step } else { elements[k - 1] + step });
            terms.push(u);
        }
    }
    Constrained { elements, log_jacobian: sum(&terms) }
}

/// `u / |u|`; the free length has a standard normal density in each coordinate of `u`, so that the unconstrained
/// density is proper (Stan reference manual, "Unit vector").
///
/// The returned term is `-|u|^2 / 2` with the constant that makes the uniform density on the sphere come out.
fn unit_vector(u: &[Real]) -> Constrained {
    let squares: Vec<Real> = u.iter().map(|u| u.square()).collect();
    let total = sum(&squares);
    let inverse = total.sqrt().recip();
    let elements = u.iter().map(|&u| u * inverse).collect();
    // Density of the length is (2 pi)^(-n/2) e^(-r^2 / 2) r^(n-1) dr times the sphere's area n pi^(n/2) / Gamma(n/2 + 1).
    let n = u.len() as f64;
    let log_area = n.ln() + 0.5 * n * std::f64::consts::PI.ln() - libm::lgamma(0.5 * n + 1.0);
    let constant = -0.5 * n * (2.0 * std::f64::consts::PI).ln() + log_area;
    Constrained { elements, log_jacobian: -0.5 * total + constant }
}

/// Canonical partial correlations `tanh(u)` (Lewandowski, Kurowicka and Joe 2009), row by row.
fn cholesky_correlation(n: usize, u: &[Real]) -> Constrained {
    let mut elements = vec![Real::from(0.0); n * n];
    let mut terms = Vec::new();
    let mut next = u.iter();
    for i in 0..n {
        // ln of what is left of the row's unit length.
        let mut log_left = Real::from(0.0);
        for j in 0..i {
            let Some(&u) = next.next() else { break };
            let z = u.tanh();
            // ln(1 - tanh(u)^2) = 2 (ln 2 - u - softplus(-2u)), without cancellation.
            let log_one_less = 2.0 * (std::f64::consts::LN_2 - u - (-2.0 * u).softplus());
            elements[i * n + j] = z * (0.5 * log_left).exp();
            terms.push(log_one_less + 0.5 * log_left);
            log_left += log_one_less;
        }
        elements[i * n + i] = (0.5 * log_left).exp();
    }
    Constrained { elements, log_jacobian: sum(&terms) }
}

/// Free entries below the diagonal, exponentials on it, row by row.
fn cholesky_covariance(n: usize, u: &[Real]) -> Constrained {
    let mut elements = vec![Real::from(0.0); n * n];
    let mut terms = Vec::new();
    let mut next = u.iter();
    for i in 0..n {
        for j in 0..=i {
            let Some(&u) = next.next() else { break };
            elements[i * n + j] = if i == j { u.exp() } else { u };
            if i == j {
                terms.push(u);
            }
        }
    }
    Constrained { elements, log_jacobian: sum(&terms) }
}

/// `L L'` of the Cholesky transform; `|d LL' / d L| = 2^n prod_i L_ii^(n - i)` with `i` from zero.
fn covariance(n: usize, u: &[Real]) -> Constrained {
    let factor = cholesky_covariance(n, u);
    let l = |i: usize, j: usize| factor.elements[i * n + j];
    let mut elements = vec![Real::from(0.0); n * n];
    for i in 0..n {
        for j in 0..=i {
            let products: Vec<Real> = (0..=j).map(|k| l(i, k) * l(j, k)).collect();
            elements[i * n + j] = sum(&products);
            elements[j * n + i] = elements[i * n + j];
        }
    }
    let mut at = 0;
    let mut terms = vec![factor.log_jacobian, Real::from(n as f64 * std::f64::consts::LN_2)];
    for i in 0..n {
        at += i;
        terms.push((n - i) as f64 * u.get(at).copied().unwrap_or(Real::from(0.0)));
        at += 1;
    }
    Constrained { elements, log_jacobian: sum(&terms) }
}

/// The unconstrained numbers of a constrained value, row-major for matrices: a start given in the model's own space.
///
/// `None` outside of the support, for integers, and where a bound is itself a latent.
pub fn unconstrain(support: &Support, x: &[f64]) -> Option<Vec<f64>> {
    let bound = |b: &Real| b.as_constant();
    let logit = |p: f64| (p / (1.0 - p)).ln();
    let out: Vec<f64> = match support {
        Support::Real | Support::RealVector(_) => x.to_vec(),
        Support::Positive => x.iter().map(|x| x.ln()).collect(),
        Support::Above(low) | Support::AtLeast(low) => vec![(x[0] - bound(low)?).ln()],
        Support::Below(high) => vec![(bound(high)? - x[0]).ln()],
        Support::Unit => x.iter().map(|&x| logit(x)).collect(),
        Support::Interval(low, high) => {
            let (low, high) = (bound(low)?, bound(high)?);
            vec![logit((x[0] - low) / (high - low))]
        }
        Support::Circle => vec![logit(x[0] / (2.0 * std::f64::consts::PI) + 0.5)],
        Support::Simplex(n) => {
            let mut rest = 1.0;
            let mut u = Vec::new();
            for (k, &x) in x.iter().enumerate().take(n - 1) {
                u.push(logit(x / rest) + ((n - 1 - k) as f64).ln());
                rest -= x;
            }
            u
        }
        Support::Ordered(_) | Support::PositiveOrdered(_) => {
            let first = if matches!(support, Support::Ordered(_)) { x[0] } else { x[0].ln() };
            std::iter::once(first).chain(x.windows(2).map(|w| (w[1] - w[0]).ln())).collect()
        }
        Support::UnitVector(_) => x.to_vec(),
        Support::CholeskyCorrelation(n) => {
            let mut u = Vec::new();
            for i in 0..*n {
                let mut left = 1.0f64;
                for j in 0..i {
                    let v = x[i * n + j];
                    u.push((v / left.sqrt()).atanh());
                    left -= v * v;
                }
            }
            u
        }
        Support::CholeskyCovariance(n) => {
            let pairs = (0..*n).flat_map(|i| (0..=i).map(move |j| (i, j)));
            pairs.map(|(i, j)| if i == j { x[i * n + j].ln() } else { x[i * n + j] }).collect()
        }
        Support::Covariance(n) => {
            let factor = nalgebra::DMatrix::from_row_slice(*n, *n, x).cholesky()?.l();
            let row_major: Vec<f64> = factor.transpose().iter().copied().collect();
            return unconstrain(&Support::CholeskyCovariance(*n), &row_major);
        }
        Support::Integers(..) | Support::Counts(..) => return None,
    };
    out.iter().all(|u| u.is_finite()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::DMatrix;

    /// Constrained elements and log Jacobian at a point; constants fold, so nothing is recorded.
    fn constrained(support: &Support, u: &[f64]) -> (Vec<f64>, f64) {
        let u: Vec<Real> = u.iter().map(|&u| Real::from(u)).collect();
        let number = |x: Real| x.as_constant().unwrap();
        if let Some((x, log_jacobian)) = constrain_scalar(support, u[0]) {
            return (vec![number(x)], number(log_jacobian));
        }
        let made = constrain_vector(support, &u);
        (made.elements.into_iter().map(number).collect(), number(made.log_jacobian))
    }

    /// The constrained elements that are free: as many as there are unconstrained numbers.
    fn free(support: &Support) -> Vec<usize> {
        match *support {
            Support::Simplex(n) => (0..n - 1).collect(),
            Support::CholeskyCorrelation(n) => (0..n).flat_map(|i| (0..i).map(move |j| i * n + j)).collect(),
            Support::CholeskyCovariance(n) | Support::Covariance(n) => {
                (0..n).flat_map(|i| (0..=i).map(move |j| i * n + j)).collect()
            }
            _ => (0..support.num_constrained()).collect(),
        }
    }

    fn supports() -> Vec<Support> {
        use Support::*;
        let mut all = vec![Real, Positive, Unit, Circle, RealVector(3)];
        all.extend([Above(2.0.into()), Below((-1.0).into()), Interval((-3.0).into(), 0.5.into())]);
        for n in 2..=5 {
            all.extend([Simplex(n), Ordered(n), PositiveOrdered(n), CholeskyCorrelation(n)]);
        }
        for n in 1..=4 {
            all.extend([CholeskyCovariance(n), Covariance(n)]);
        }
        all
    }

    /// A point with every coordinate different, of both signs.
    fn point(n: usize, seed: usize) -> Vec<f64> {
        (0..n).map(|k| 1.3 * ((3 * k + 7 * seed + 1) as f64).sin()).collect()
    }

    /// ln |det| of the derivative of the free elements, by central differences.
    fn numerical(support: &Support, u: &[f64]) -> f64 {
        let (h, free) = (1e-5, free(support));
        let column = |k: usize| {
            let moved = |by: f64| {
                let mut u = u.to_vec();
                u[k] += by;
                constrained(support, &u).0
            };
            let (up, down) = (moved(h), moved(-h));
            free.iter().map(|&e| (up[e] - down[e]) / (2.0 * h)).collect::<Vec<f64>>()
        };
        let columns: Vec<f64> = (0..u.len()).flat_map(column).collect();
        DMatrix::from_column_slice(free.len(), u.len(), &columns).determinant().abs().ln()
    }

    #[test]
    fn log_jacobians_are_those_of_the_transforms() {
        for support in supports() {
            for seed in 0..3 {
                let u = point(support.num_unconstrained(), seed);
                let (found, expected) = (constrained(&support, &u).1, numerical(&support, &u));
                // Central differences: h^2 of truncation and 1e-16 / h of rounding, relative to entries as small as 0.01.
                assert!((found - expected).abs() < 1e-7, "{support:?} at {u:?}: {found}, expected {expected}");
            }
        }
    }

    #[test]
    fn unconstrain_is_the_inverse() {
        for support in supports() {
            for seed in 0..3 {
                let u = point(support.num_unconstrained(), seed);
                let back = unconstrain(&support, &constrained(&support, &u).0).unwrap();
                assert_eq!(back.len(), u.len(), "{support:?}");
                for (found, expected) in back.iter().zip(&u) {
                    assert!((found - expected).abs() < 1e-11, "{support:?}: {back:?}, expected {u:?}");
                }
            }
        }
    }

    #[test]
    fn the_free_length_of_a_unit_vector_is_normal() {
        // Uniform on the sphere with a standard normal u: the density of u is area * N(u; 0, I), whatever the direction.
        let areas = [(2, 2.0 * std::f64::consts::PI), (3, 4.0 * std::f64::consts::PI), (4, 19.739_208_802_178_716)];
        for (n, area) in areas {
            let u = point(n, 1);
            let squares: f64 = u.iter().map(|u| u * u).sum();
            let (x, found) = constrained(&Support::UnitVector(n), &u);
            let expected = area.ln() - 0.5 * squares - 0.5 * n as f64 * (2.0 * std::f64::consts::PI).ln();
            assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
            assert!((x.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-14);
        }
    }
}
