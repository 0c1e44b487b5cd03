//! The workloads' models, written as a user would.

use std::path::Path;

use jensen::prelude::*;

pub use crate::planar::Mixture;

/// W1: non-centred eight schools.
pub struct EightSchools {
    y: Column,
    sigma: Column,
}

impl EightSchools {
    pub fn new() -> Self {
        EightSchools {
            y: Column::new(vec![28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]),
            sigma: Column::new(vec![15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]),
        }
    }
}

impl Model for EightSchools {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 5.0));
        let tau = p.draw("tau", half_cauchy(5.0));
        let th = p.draws("th", normal(0.0, 1.0), 8);
        p.rows(8, |i| i.observe(self.y.at(i), normal(mu + tau * th.at(i), self.sigma.at(i))));
    }
}

/// W2: logistic regression without an intercept.
pub struct Logistic {
    pub x: Matrix,
    pub y: Column,
}

impl Logistic {
    pub fn read(path: &Path) -> Self {
        let rows = read_csv(path);
        let columns = rows[0].len() - 1;
        let x: Vec<f64> = rows.iter().flat_map(|r| r[1..].to_vec()).collect();
        Logistic { x: Matrix::new(x, columns).expect("whole rows"), y: column(&rows, 0) }
    }
}

impl Model for Logistic {
    fn log_joint(&self, p: &LogJoint) {
        let w = p.draws("w", normal(0.0, 1.0), self.x.num_columns());
        p.rows(self.y.len(), |i| i.observe(self.y.at(i), bernoulli_logit(self.x.at(i).dot(&w))));
    }
}

impl Mixture {
    pub fn read(folder: &Path) -> (Self, Vec<f64>) {
        let rows = read_csv(&folder.join("w3_gmm.csv"));
        let text = std::fs::read_to_string(folder.join("w3_gmm.json")).expect("w3_gmm.json");
        let json: serde_json::Value = serde_json::from_str(&text).expect("json");
        let mut centre = vec![0.0; 14];
        let means = json["init_means"].as_array().expect("init_means");
        for (k, mean) in means.iter().enumerate() {
            for d in 0..2 {
                centre[2 + 2 * k + d] = mean[d].as_f64().expect("a number");
            }
        }
        (Mixture { x: column(&rows, 0), y: column(&rows, 1) }, centre)
    }
}

/// W4: varying intercepts, 85 groups.
pub struct Radon {
    y: Column,
    x: Column,
    group: IntColumn,
}

impl Radon {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("w4_radon.csv");
        let header: Vec<&str> = text.lines().next().expect("a header").split(',').collect();
        let at = |names: &[&str]| header.iter().position(|h| names.contains(&h.trim())).expect("a column");
        let rows = read_csv(path);
        let group = at(&["g", "group", "county"]);
        Radon {
            y: column(&rows, at(&["y"])),
            x: column(&rows, at(&["x"])),
            group: IntColumn::new(rows.iter().map(|r| r[group] as u32).collect::<Vec<_>>()),
        }
    }
}

impl Model for Radon {
    fn log_joint(&self, p: &LogJoint) {
        let mu_a = p.draw("mu_a", normal(0.0, 5.0));
        let sigma_a = p.draw("sigma_a", half_cauchy(1.0));
        let u = p.draws("u", normal(0.0, 1.0), 85);
        let beta = p.draw("beta", normal(0.0, 5.0));
        let sigma_y = p.draw("sigma_y", half_cauchy(1.0));
        p.rows(self.y.len(), |i| {
            let mean = mu_a + sigma_a * u.at(self.group.at(i)) + beta * self.x.at(i);
            i.observe(self.y.at(i), normal(mean, sigma_y));
        });
    }
}

/// W7: a correlated Gaussian, by the rows of its whitening matrix.
pub struct Correlated {
    whitening: Matrix,
    mean: Vec<f64>,
}

impl Correlated {
    pub fn read(path: &Path) -> (Self, Vec<f64>, nalgebra::DMatrix<f64>) {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let json: serde_json::Value = serde_json::from_str(&text).expect("json");
        let list = |v: &serde_json::Value| -> Vec<f64> {
            v.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
        };
        let (mean, diagonal) = (list(&json["mean"]), list(&json["diag"]));
        let w: Vec<Vec<f64>> = json["W"].as_array().expect("W").iter().map(list).collect();
        let d = mean.len();
        let covariance = nalgebra::DMatrix::from_fn(d, d, |i, j| {
            let product: f64 = w[i].iter().zip(&w[j]).map(|(a, b)| a * b).sum();
            product + if i == j { diagonal[i] } else { 0.0 }
        });
        let factor = covariance.clone().cholesky().expect("a covariance").l();
        let inverse = factor.try_inverse().expect("a regular factor");
        let rows: Vec<f64> = inverse.transpose().iter().copied().collect();
        (Correlated { whitening: Matrix::new(rows, d).expect("whole rows"), mean: mean.clone() }, mean, covariance)
    }
}

impl Model for Correlated {
    fn log_joint(&self, p: &LogJoint) {
        let z = p.reals("z", self.mean.len());
        let centred = z.zip(&Vector::constant(&self.mean), |z, m| z - m);
        p.rows(self.mean.len(), |i| i.add(-0.5 * self.whitening.at(i).dot(&centred).square()));
    }
}

/// A straight line, for the time a row takes.
pub struct Line {
    x: Column,
    y: Column,
}

impl Line {
    pub fn simulated(rows: usize) -> Self {
        let x: Vec<f64> = (0..rows).map(|i| ((i * 7919) % 1009) as f64 / 500.0 - 1.0).collect();
        let y = x.iter().enumerate().map(|(i, x)| 1.0 + 2.0 * x + ((i * 31) % 97) as f64 / 97.0).collect::<Vec<_>>();
        Line { x: Column::new(x), y: Column::new(y) }
    }
}

impl Model for Line {
    fn log_joint(&self, p: &LogJoint) {
        let a = p.draw("a", normal(0.0, 10.0));
        let b = p.draw("b", normal(0.0, 10.0));
        let s = p.draw("s", half_normal(1.0));
        p.rows(self.x.len(), |i| i.observe(self.y.at(i), student_t(4.0, a + b * self.x.at(i), s)));
    }
}

pub fn read_csv(path: &Path) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let row = |line: &str| line.split(',').map(|c| c.trim().parse().expect("a number")).collect();
    text.lines().skip(1).map(row).collect()
}

fn column(rows: &[Vec<f64>], k: usize) -> Column {
    Column::new(rows.iter().map(|r| r[k]).collect::<Vec<_>>())
}

/// W5: twenty Bernoulli latents, ten observations `x ~ Normal(W b + c, 1)`.
pub struct Twenty {
    prior_logit: Vec<f64>,
    w: Matrix,
    c: Column,
    x: Column,
    pub phi_rand: Vec<f64>,
}

impl Twenty {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("the data of W5");
        let all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let numbers =
            |name: &str| -> Vec<f64> { serde_json::from_value(all[name].clone()).expect("a list of numbers") };
        let w: Vec<Vec<f64>> = serde_json::from_value(all["W"].clone()).expect("a list of rows");
        let prior_logit = numbers("prior_logit");
        Twenty {
            w: Matrix::new(w.concat(), prior_logit.len()).expect("rows of equal length"),
            c: Column::new(numbers("c")),
            x: Column::new(numbers("x")),
            phi_rand: numbers("phi_rand"),
            prior_logit,
        }
    }
}

impl Model for Twenty {
    fn log_joint(&self, p: &LogJoint) {
        let logits = self.prior_logit.iter().enumerate();
        let b: Vec<Real> =
            logits.map(|(k, &l)| p.draw_integer(&format!("b{k}"), bernoulli_logit(l)).to_real()).collect();
        let b = Vector::new(&b);
        p.rows(self.x.len(), |d| d.observe(self.x.at(d), normal(self.w.at(d).dot(&b) + self.c.at(d), 1.0)));
    }
}
