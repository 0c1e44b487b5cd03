//! Polynomials of the second degree in whitened shared latents.

/// The basis `1, u_k, u_k^2 - 1, u_j u_k` for `j < k`: under a standard normal `u`, all but the first have mean zero.
///
/// Order: the constant, the linear ones, then the pairs `(j, k)` with `j <= k` by `k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Basis {
    pub num_shared: usize,
}

impl Basis {
    pub fn len(self) -> usize {
        1 + self.num_shared + self.num_shared * (self.num_shared + 1) / 2
    }

    /// The place of the pair of `a` and `b`.
    pub fn pair(self, a: usize, b: usize) -> usize {
        let (j, k) = (a.min(b), a.max(b));
        1 + self.num_shared + k * (k + 1) / 2 + j
    }

    /// The values of the basis at `u`.
    pub fn at(self, u: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.push(1.0);
        out.extend_from_slice(u);
        for k in 0..u.len() {
            out.extend((0..=k).map(|j| u[j] * u[k] - if j == k { 1.0 } else { 0.0 }));
        }
    }

    /// `d (sum_b weights_b basis_b(u)) / d u`, added to `out`.
    pub fn add_derivative(self, u: &[f64], weights: &[f64], out: &mut [f64]) {
        for k in 0..u.len() {
            out[k] += weights[1 + k];
            for j in 0..=k {
                let weight = weights[self.pair(j, k)];
                out[k] += weight * u[j];
                out[j] += weight * u[k];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Basis;

    #[test]
    fn the_derivative_is_that_of_the_values() {
        let basis = Basis { num_shared: 3 };
        let weights: Vec<f64> = (0..basis.len()).map(|k| 0.3 * (k as f64 * 1.7).sin()).collect();
        let value = |u: &[f64]| {
            let mut all = Vec::new();
            basis.at(u, &mut all);
            all.iter().zip(&weights).map(|(a, b)| a * b).sum::<f64>()
        };
        let u = [0.4, -1.2, 0.9];
        let mut found = [0.0; 3];
        basis.add_derivative(&u, &weights, &mut found);
        for k in 0..3 {
            let (mut up, mut down) = (u, u);
            (up[k], down[k]) = (u[k] + 1e-5, u[k] - 1e-5);
            let expected = (value(&up) - value(&down)) / 2e-5;
            assert!((found[k] - expected).abs() < 1e-9, "{k}: {} {expected}", found[k]);
        }
        assert_eq!(basis.pair(2, 1), basis.pair(1, 2));
    }
}
