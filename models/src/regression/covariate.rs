//! Numbers of a column as latents, given the other columns: those that are missing, and those measured with error.
//!
//! ```text
//! x_i ~ normal(latent_mean + sum_k latent_b_k z_ik, latent_sd)      z: the other columns, centred
//! measured_i ~ normal(x_i, error_i)
//! ```

use super::build::Regression;
use super::special::{Shape, Special};
use jensen::dist::normals;
use jensen::prelude::*;

/// A column whose numbers are latents, in part or in all rows.
#[derive(Debug, Clone)]
pub(super) struct Covariate {
    /// The column; names its parameters.
    pub variable: String,
    /// Mean and standard deviation of the numbers that are seen; the coefficient is of `x` less the mean.
    pub mean: f64,
    pub sd: f64,
    /// Numbers less the mean, zero where they are missing.
    seen: Column,
    /// One where the number is a latent, zero elsewhere.
    is_latent: Column,
    /// Which latent a row has; the first where it has none.
    which: IntColumn,
    /// The rows of latents.
    pub rows: Vec<usize>,
    /// What was measured in each of these rows, less the mean, and its error; nothing of missing ones.
    measured: Vec<(f64, f64)>,
    /// The other columns in these rows.
    z: Vec<Vec<f64>>,
    /// Sums over the rows where numbers are seen as they are.
    sums: Sums,
}

/// Sums over rows: their number, of `x^2`, of `x u_k`, of `u_j u_k`, with `u = (1, z)`.
#[derive(Debug, Clone, Default)]
struct Sums {
    n: f64,
    xx: f64,
    xu: Vec<f64>,
    uu: Vec<Vec<f64>>,
}

impl Covariate {
    /// The column of a term; `z` are the other columns, centred.
    pub fn new(special: &Special, z: &[Vec<f64>]) -> Option<Self> {
        let (x, error) = match &special.shape {
            Shape::Measured { x, error } => (x.iter().map(|x| Some(*x)).collect(), Some(error)),
            Shape::Partly { x, .. } => (x.clone(), None),
            _ => return None,
        };
        let known: Vec<f64> = x.iter().flatten().copied().collect();
        let scale = crate::data::Standardisation::measure(&special.variable, &known);
        let is_latent = |i: &usize| error.is_some() || x[*i].is_none();
        let rows: Vec<usize> = (0..x.len()).filter(is_latent).collect();
        let centred: Vec<f64> = x.iter().map(|x| x.map_or(0.0, |x| x - scale.mean)).collect();
        let mut which = vec![0_u32; x.len()];
        rows.iter().enumerate().for_each(|(k, &i)| which[i] = k as u32);
        let measured = error.map_or(Vec::new(), |error| rows.iter().map(|&i| (centred[i], error[i])).collect());
        let seen_rows = (0..x.len()).filter(|i| !is_latent(i));
        let mut sums =
            Sums { xu: vec![0.0; z.len() + 1], uu: vec![vec![0.0; z.len() + 1]; z.len() + 1], ..Sums::default() };
        for i in seen_rows {
            let u: Vec<f64> = std::iter::once(1.0).chain(z.iter().map(|z| z[i])).collect();
            (sums.n, sums.xx) = (sums.n + 1.0, sums.xx + centred[i] * centred[i]);
            for (j, a) in u.iter().enumerate() {
                sums.xu[j] += centred[i] * a;
                u.iter().enumerate().for_each(|(k, b)| sums.uu[j][k] += a * b);
            }
        }
        let flags: Vec<f64> = (0..x.len()).map(|i| f64::from(u8::from(is_latent(&i)))).collect();
        let of_rows = |z: &Vec<f64>| rows.iter().map(|&i| z[i]).collect();
        Some(Covariate {
            variable: special.variable.clone(),
            mean: scale.mean,
            sd: if scale.sd > 0.0 { scale.sd } else { 1.0 },
            seen: Column::new(if error.is_some() { vec![0.0; x.len()] } else { centred }),
            is_latent: Column::new(flags),
            which: IntColumn::new(&which),
            measured,
            z: z.iter().map(of_rows).collect(),
            sums,
            rows,
        })
    }

    /// The name of one of its parameters: `latent_sd[x]`, `latent_b[x, z]`.
    pub fn named(&self, kind: &str, other: &str) -> String {
        let more = if other.is_empty() { String::new() } else { format!(", {other}") };
        format!("latent_{kind}[{}{more}]", self.variable)
    }

    /// Draws the latents, less the mean of the column, and adds what the numbers that are seen say of the column's parameters.
    pub fn draw(&self, p: &LogJoint, of: &Regression) -> Vector {
        let parameter = |kind: &str, other: &str| of.drawn(p, &self.named(kind, other), &self.named(kind, other));
        let mean = parameter("mean", "") - self.mean;
        let b: Vec<Real> = of.columns.names.iter().map(|z| parameter("b", z)).collect();
        let sd = parameter("sd", "");
        let all: Vec<Real> = std::iter::once(mean).chain(b.iter().copied()).collect();
        if self.sums.n > 0.0 {
            let mut squares = Real::from(self.sums.xx);
            for (j, a) in all.iter().enumerate() {
                squares -= 2.0 * self.sums.xu[j] * *a;
                squares = all.iter().enumerate().fold(squares, |sum, (k, c)| sum + self.sums.uu[j][k] * *a * *c);
            }
            p.add(-self.sums.n * (sd.ln() + 0.5 * std::f64::consts::TAU.ln()) - squares * 0.5 / (sd * sd));
        }
        let parts = b.iter().zip(&self.z).map(|(b, z)| Vector::constant(z).map(|z| z * *b));
        let own = Vector::constant(&vec![0.0; self.rows.len()]).map(|zero| zero + mean);
        let means = parts.fold(own, |sum, part| sum.zip(&part, |a, b| a + b));
        let latents = p.around(0.0, self.sd).draw(&self.site(), normals(means, means.map(|mean| mean * 0.0 + sd)));
        if !self.measured.is_empty() {
            let (x, error): (Vec<f64>, Vec<f64>) = self.measured.iter().copied().unzip();
            let away = latents.zip(&Vector::constant(&x), |a, b| b - a);
            let densities = away.zip(&Vector::constant(&error), |away, error| normal(0.0, error).log_density(away));
            p.add(densities.sum());
        }
        latents
    }

    /// The site of the latents.
    pub fn site(&self) -> String {
        format!("latent[{}]", self.variable)
    }

    /// The number of a row less the mean of the column.
    pub fn at(&self, latents: &Vector, i: &Row) -> Real {
        self.seen.at(i) + self.is_latent.at(i) * latents.at(self.which.at(i))
    }
}
