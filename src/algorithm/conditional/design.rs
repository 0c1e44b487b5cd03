//! Places of the shared latents from which polynomials of the second degree are read.

/// Distance of the places from the centre, in standard deviations: with it, what is read is what Gauss and Hermite's rule of
/// three nodes gives for the mean gradient and the mean curvature under the normal distribution.
const DISTANCE: f64 = 1.732_050_807_568_877_2;

/// Whitened places of `k` shared latents: the centre, two on each axis, and two for each pair of axes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Design {
    pub places: Vec<Vec<f64>>,
    /// The place on the other side of the centre; the centre's own is itself.
    pub mirror: Vec<usize>,
    /// What each place adds to each coefficient, `[coefficient][place]`: of `1`, `u_k`, then `u_j u_k - [j = k]` for `j <= k`,
    /// by `k`.
    pub shares: Vec<Vec<f64>>,
}

impl Design {
    pub fn new(k: usize) -> Self {
        let mut places = vec![vec![0.0; k]];
        let both = |places: &mut Vec<Vec<f64>>, axes: &[usize], by: f64| {
            for sign in [1.0, -1.0] {
                let mut u = vec![0.0; k];
                axes.iter().for_each(|&axis| u[axis] = sign * by);
                places.push(u);
            }
        };
        (0..k).for_each(|axis| both(&mut places, &[axis], DISTANCE));
        for b in 0..k {
            (0..b).for_each(|a| both(&mut places, &[a, b], DISTANCE / 2f64.sqrt()));
        }
        let mirror = (0..places.len()).map(|i| if i == 0 { 0 } else { ((i - 1) ^ 1) + 1 }).collect();
        let (n, h2) = (places.len(), DISTANCE * DISTANCE);
        let mut shares = vec![vec![0.0; n]; 1 + k + k * (k + 1) / 2];
        let pair = |a: usize, b: usize| 1 + k + b * (b + 1) / 2 + a;
        shares[0][0] = 1.0;
        for a in 0..k {
            let (up, down) = (1 + 2 * a, 2 + 2 * a);
            shares[1 + a][up] = 0.5 / DISTANCE;
            shares[1 + a][down] = -0.5 / DISTANCE;
            for (place, share) in [(up, 0.5), (down, 0.5), (0, -1.0)] {
                shares[pair(a, a)][place] = share / h2;
                // What is taken off the square is added to the constant.
                shares[0][place] += share / h2;
            }
        }
        let mut at = 1 + 2 * k;
        for b in 0..k {
            for a in 0..b {
                // (f(+) + f(-) - 2 f(0)) / h^2 = q_aa + q_bb + q_ab for places at h / sqrt 2 on both axes.
                let mut own = vec![0.0; n];
                for (place, share) in [(at, 1.0), (at + 1, 1.0), (0, -2.0)] {
                    own[place] += share / h2;
                }
                for axis in [a, b] {
                    own.iter_mut().zip(&shares[pair(axis, axis)]).for_each(|(o, s)| *o -= s);
                }
                shares[pair(a, b)] = own;
                at += 2;
            }
        }
        Design { places, mirror, shares }
    }

    /// Number of shared latents.
    pub fn num_shared(&self) -> usize {
        self.places[0].len()
    }

    /// The coefficients of the polynomial with these values at the places.
    pub fn read(&self, values: &[f64]) -> Vec<f64> {
        self.shares.iter().map(|own| own.iter().zip(values).map(|(s, v)| s * v).sum()).collect()
    }

    /// The coefficients of many polynomials at once, `[coefficient][number]`, from `[place][number]`.
    pub fn read_all(&self, values: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let of = |own: &Vec<f64>| {
            let mut sum = vec![0.0; values[0].len()];
            for (share, values) in own.iter().zip(values).filter(|(share, _)| **share != 0.0) {
                sum.iter_mut().zip(values).for_each(|(s, v)| *s += share * v);
            }
            sum
        };
        self.shares.iter().map(of).collect()
    }

    /// The values of the basis at a place.
    pub fn basis(u: &[f64]) -> Vec<f64> {
        let pairs = (0..u.len()).flat_map(|k| (0..=k).map(move |j| (j, k)));
        let pairs = pairs.map(|(j, k)| u[j] * u[k] - if j == k { 1.0 } else { 0.0 });
        std::iter::once(1.0).chain(u.iter().copied()).chain(pairs).collect()
    }

    /// The same polynomials as functions of `v`, where `u = by(v)` is linear: a polynomial of the second degree is read
    /// without error.
    pub fn in_terms_of(&self, coefficients: &[Vec<f64>], by: impl Fn(&[f64]) -> Vec<f64>) -> Vec<Vec<f64>> {
        let values: Vec<Vec<f64>> = self.places.iter().map(|v| Self::basis(&by(v))).collect();
        let table = self.read_all(&values);
        let of = |own: &Vec<f64>| {
            let mut sum = vec![0.0; coefficients[0].len()];
            for (by, from) in own.iter().zip(coefficients).filter(|(by, _)| **by != 0.0) {
                sum.iter_mut().zip(from).for_each(|(s, c)| *s += by * c);
            }
            sum
        };
        table.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Design;

    #[test]
    fn polynomials_of_the_second_degree_are_read_without_error() {
        let design = Design::new(3);
        assert_eq!((design.places.len(), design.num_shared()), (13, 3));
        for (place, &other) in design.mirror.iter().enumerate() {
            assert!(design.places[place].iter().zip(&design.places[other]).all(|(a, b)| *a == -b));
        }
        let expected: Vec<f64> = (0..10).map(|k| (k as f64 * 2.3).cos()).collect();
        let value = |u: &[f64]| Design::basis(u).iter().zip(&expected).map(|(b, c)| b * c).sum::<f64>();
        let values: Vec<f64> = design.places.iter().map(|u| value(u)).collect();
        let found = design.read(&values);
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {expected:?}");
        // u = A v + t
        let by = |v: &[f64]| vec![0.8 * v[0] + 0.3, 0.2 * v[0] - 1.1 * v[1], v[2] + 0.5 * v[0] - 0.4];
        let all: Vec<Vec<f64>> = expected.iter().map(|c| vec![*c]).collect();
        let moved = design.in_terms_of(&all, by);
        let v = [0.7, -2.0, 1.3];
        let again: f64 = Design::basis(&v).iter().zip(&moved).map(|(b, c)| b * c[0]).sum();
        assert!((again - value(&by(&v))).abs() < 1e-12, "{again} {}", value(&by(&v)));
    }
}
