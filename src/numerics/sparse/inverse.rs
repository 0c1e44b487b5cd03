//! Elements of the inverse on the pattern of the factor.

use super::SparsePattern;

impl SparsePattern {
    /// The inverse of `L L'` where `L` has numbers, in their order.
    ///
    /// From the last column to the first, `Z_ij = [i = j] / L_jj^2 - sum_(k > j) Z_ik L_kj / L_jj`: every `Z_ik` that is
    /// needed lies in the pattern.
    ///
    /// *Source*: K. Takahashi, J. Fagan and M.-S. Chin 1973; Erisman and Tinney 1975.
    pub fn inverse_on_pattern(&self, factor: &[f64]) -> Vec<f64> {
        let n = self.size();
        let mut inverse = vec![0.0; self.num_numbers()];
        // The column of L that is worked on, scattered, and the sums of the new column.
        let (mut l, mut sums, mut is_own) = (vec![0.0; n], vec![0.0; n], vec![false; n]);
        for j in (0..n).rev() {
            let below = self.start[j] + 1..self.start[j + 1];
            let diagonal = factor[self.start[j]];
            for t in below.clone() {
                let i = self.rows[t] as usize;
                (l[i], sums[i], is_own[i]) = (factor[t] / diagonal, 0.0, true);
            }
            for t in below.clone() {
                let k = self.rows[t] as usize;
                let l_k = l[k];
                let column = self.column(k);
                sums[k] -= inverse[column.start] * l_k;
                for (&i, z) in self.rows[column.clone()].iter().zip(&inverse[column]).skip(1) {
                    let i = i as usize;
                    if is_own[i] {
                        sums[i] -= z * l_k;
                        sums[k] -= z * l[i];
                    }
                }
            }
            let mut own = 1.0 / (diagonal * diagonal);
            for t in below {
                let i = self.rows[t] as usize;
                inverse[t] = sums[i];
                own -= sums[i] * l[i];
                is_own[i] = false;
            }
            inverse[self.start[j]] = own;
        }
        inverse
    }
}
