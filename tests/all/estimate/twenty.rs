//! Twenty Bernoulli latents, workload W5 of the benchmarks.

use jensen::prelude::*;

/// Twenty Bernoulli latents, ten observations `x ~ Normal(W b + c, 1)`.
#[derive(serde::Deserialize)]
pub struct Twenty {
    prior_logit: Vec<f64>,
    #[serde(rename = "W")]
    w: Vec<Vec<f64>>,
    c: Vec<f64>,
    x: Vec<f64>,
    pub phi_zero: Vec<f64>,
    pub phi_rand: Vec<f64>,
}

impl Twenty {
    pub fn read() -> Result<Twenty, serde_json::Error> {
        serde_json::from_str(include_str!("../../data/w5_bernoulli.json"))
    }
}

impl Model for Twenty {
    fn log_joint(&self, p: &LogJoint) {
        let logits = self.prior_logit.iter().enumerate();
        let b: Vec<Real> =
            logits.map(|(k, &l)| p.draw_integer(&format!("b{k}"), bernoulli_logit(l)).to_real()).collect();
        let b = Vector::new(&b);
        let Ok(w) = Matrix::new(self.w.concat(), b.len()) else { return };
        let (c, x) = (Column::new(self.c.clone()), Column::new(self.x.clone()));
        p.rows(self.x.len(), |d| d.observe(x.at(d), normal(w.at(d).dot(&b) + c.at(d), 1.0)));
    }
}
