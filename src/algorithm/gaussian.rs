//! The Gaussian a quasi-Newton path suggests: a diagonal and a few pairs in place of a covariance matrix.

use crate::numerics::{add_scaled, dot_in_order};
use nalgebra::DMatrix;

use super::path::Path;

/// `N(mean, H)` with `H` the inverse BFGS matrix of a diagonal and a few pairs `(s, y)`.
///
/// Pair by pair, with `r = 1 / (s . y)`: `H <- (I - r s y') H (I - r y s') + r s s'`. A draw needs one number of noise
/// for each latent and one for each pair, and costs as many operations as the Gaussian has numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct PathGaussian {
    /// The mean: where a Newton step from the path would land.
    pub mean: Vec<f64>,
    diagonal: Vec<f64>,
    factors: Vec<Factor>,
    ln_det: f64,
}

#[derive(Clone, Debug, PartialEq)]
struct Factor {
    s: Vec<f64>,
    y: Vec<f64>,
    /// `1 / (s . y)`
    r: f64,
    /// `H y` before this pair.
    hy: Vec<f64>,
    /// `r + r^2 y' H y`
    outer: f64,
    /// `B s / sqrt(s' B s)` before this pair, `B` the inverse of `H`.
    bs: Vec<f64>,
}

impl PathGaussian {
    /// The Gaussian at a place on a path: mean `x + H grad`, covariance `H`.
    ///
    /// *Source*: Zhang, Carpenter, Gelman and Vehtari 2022, section 2.2; the product form replaces their thin QR.
    pub fn at(path: &Path) -> Self {
        let ln_det = path.diagonal.iter().map(|a| a.ln()).sum();
        let mut made = PathGaussian { mean: Vec::new(), diagonal: path.diagonal.clone(), factors: Vec::new(), ln_det };
        for pair in &path.pairs {
            made.push(&pair.step, &pair.change);
        }
        made.mean = made.times(&path.grad);
        add_scaled(&mut made.mean, 1.0, &path.position);
        made
    }

    /// A Gaussian with independent latents.
    pub fn diagonal(mean: Vec<f64>, sd: &[f64]) -> Self {
        let ln_det = sd.iter().map(|s| 2.0 * s.ln()).sum();
        PathGaussian { mean, diagonal: sd.iter().map(|s| s * s).collect(), factors: Vec::new(), ln_det }
    }

    fn push(&mut self, s: &[f64], y: &[f64]) {
        let along = dot_in_order(s, y);
        let (hy, bs) = (self.times(y), self.precision_times(s));
        let curvature = dot_in_order(s, &bs);
        if !(along > 0.0 && curvature > 0.0) {
            return;
        }
        let r = 1.0 / along;
        let outer = r + r * r * dot_in_order(y, &hy);
        self.ln_det += curvature.ln() - along.ln();
        let bs = bs.iter().map(|b| b / curvature.sqrt()).collect();
        self.factors.push(Factor { s: s.to_vec(), y: y.to_vec(), r, hy, outer, bs });
    }

    /// Numbers of noise in one draw.
    pub fn num_noise(&self) -> usize {
        self.mean.len() + self.factors.len()
    }

    /// The product of the inverse Hessian with a vector, `H v`.
    pub fn times(&self, v: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = self.diagonal.iter().zip(v).map(|(a, v)| a * v).collect();
        for f in &self.factors {
            let (sv, hv) = (dot_in_order(&f.s, v), dot_in_order(&f.hy, v));
            add_scaled(&mut out, f.outer * sv - f.r * hv, &f.s);
            add_scaled(&mut out, -f.r * sv, &f.hy);
        }
        out
    }

    /// The product of the precision with a vector, `H^-1 v`.
    fn precision_times(&self, v: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = self.diagonal.iter().zip(v).map(|(a, v)| v / a).collect();
        for f in &self.factors {
            add_scaled(&mut out, f.r * dot_in_order(&f.y, v), &f.y);
            add_scaled(&mut out, -dot_in_order(&f.bs, v), &f.bs);
        }
        out
    }

    /// Overwrites `z` with the draw made of `num_noise` standard normal numbers.
    pub fn draw(&self, noise: &[f64], z: &mut [f64]) {
        for ((z, e), a) in z.iter_mut().zip(noise).zip(&self.diagonal) {
            *z = a.sqrt() * e;
        }
        for (f, e) in self.factors.iter().zip(&noise[self.mean.len()..]) {
            let along = f.r.sqrt() * e - f.r * dot_in_order(&f.y, z);
            add_scaled(z, along, &f.s);
        }
        add_scaled(z, 1.0, &self.mean);
    }

    /// `log N(z; mean, H)`
    pub fn log_density(&self, z: &[f64]) -> f64 {
        let centred: Vec<f64> = z.iter().zip(&self.mean).map(|(z, m)| z - m).collect();
        let ln_2_pi = (2.0 * std::f64::consts::PI).ln();
        -0.5 * (dot_in_order(&centred, &self.precision_times(&centred)) + self.ln_det + z.len() as f64 * ln_2_pi)
    }

    /// Standard deviation of each latent.
    pub fn sd(&self) -> Vec<f64> {
        let mut variance = self.diagonal.clone();
        for f in &self.factors {
            for (i, v) in variance.iter_mut().enumerate() {
                *v += f.s[i] * (f.outer * f.s[i] - 2.0 * f.r * f.hy[i]);
            }
        }
        // The difference of large terms can round below zero where a variance is tiny.
        variance.iter().zip(&self.diagonal).map(|(v, a)| if *v > 0.0 { v.sqrt() } else { 1e-8 * a.sqrt() }).collect()
    }

    /// The covariance matrix.
    pub fn covariance(&self) -> DMatrix<f64> {
        let d = self.mean.len();
        let mut covariance = DMatrix::from_diagonal(&nalgebra::DVector::from_column_slice(&self.diagonal));
        for f in &self.factors {
            for j in 0..d {
                for i in 0..d {
                    covariance[(i, j)] += f.outer * f.s[i] * f.s[j] - f.r * (f.s[i] * f.hy[j] + f.hy[i] * f.s[j]);
                }
            }
        }
        covariance
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        self.ln_det.is_finite() && self.mean.iter().chain(&self.diagonal).all(|x| x.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::density::Density;
    use crate::streams::Streams;
    use crate::target::HandWritten;

    /// -x'Ax/2 with A = [[3, 1, 0], [1, 2, 0.5], [0, 0.5, 1]]
    fn quadratic(z: &[f64], grad: &mut [f64]) -> f64 {
        grad[0] = -(3.0 * z[0] + z[1]);
        grad[1] = -(z[0] + 2.0 * z[1] + 0.5 * z[2]);
        grad[2] = -(0.5 * z[1] + z[2]);
        0.5 * dot_in_order(z, grad)
    }

    fn made() -> PathGaussian {
        let target = HandWritten::new(&["a", "b", "c"], quadratic);
        let mut density = Density::new(&target, &[]);
        let mut path = Path::begin(&mut density, &[1.0, -2.0, 0.5], 6).unwrap().unwrap();
        for _ in 0..3 {
            path.advance(&mut density).unwrap();
        }
        PathGaussian::at(&path)
    }

    #[test]
    fn the_pieces_describe_one_matrix() {
        let gaussian = made();
        assert!(!gaussian.factors.is_empty());
        let covariance = gaussian.covariance();
        let determinant = covariance.determinant().ln();
        assert!((gaussian.ln_det - determinant).abs() < 1e-10, "{} {determinant}", gaussian.ln_det);
        let v = [0.3, -1.0, 2.0];
        let product = &covariance * nalgebra::DVector::from_column_slice(&v);
        let back = gaussian.precision_times(&gaussian.times(&v));
        for i in 0..3 {
            assert!((gaussian.times(&v)[i] - product[i]).abs() < 1e-12);
            assert!((back[i] - v[i]).abs() < 1e-10);
            assert!((gaussian.sd()[i] - covariance[(i, i)].sqrt()).abs() < 1e-12);
        }
    }

    #[test]
    fn draws_have_the_covariance() {
        let gaussian = made();
        let n = 40_000;
        let mut noise = vec![0.0; gaussian.num_noise()];
        let (mut z, mut moments) = ([0.0; 3], DMatrix::zeros(3, 3));
        for d in 0..n {
            Streams::new(5).fill_normal_from(d, 1, &mut noise);
            gaussian.draw(&noise, &mut z);
            let centred = nalgebra::DVector::from_fn(3, |i, _| z[i] - gaussian.mean[i]);
            moments += &centred * centred.transpose() / n as f64;
        }
        let covariance = gaussian.covariance();
        for i in 0..3 {
            for j in 0..3 {
                // Standard error of a second moment of normals: sqrt((c_ii c_jj + c_ij^2) / n); five of them.
                let spread = covariance[(i, i)] * covariance[(j, j)] + covariance[(i, j)].powi(2);
                assert!((moments[(i, j)] - covariance[(i, j)]).abs() < 5.0 * (spread / n as f64).sqrt());
            }
        }
    }
}
