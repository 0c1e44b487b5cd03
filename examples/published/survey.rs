//! Mohamed, Rosca, Figurnov and Mnih 2020, section 9: variances on a Bayesian logistic regression.

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::{
    AnyEstimator, Baseline, ControlVariate, Curvature, Design, MeasureValued, Pathwise, ScoreFunction,
};
use jensen::family::{Family, MeanField};
use jensen::optimize::{Adam, Average};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

use super::figure::Figure;
use super::measure::{At, moments};

/// Benign or not, by 30 standardised measurements and a constant; unit normal priors.
struct Regression {
    x: Matrix,
    y: Column,
}

impl Regression {
    fn read() -> Result<Regression, Box<dyn std::error::Error>> {
        let text = include_str!("../../tests/data/breast_cancer.csv");
        let rows: Result<Vec<Vec<f64>>, _> =
            text.lines().skip(1).map(|line| line.split(',').map(str::parse::<f64>).collect()).collect();
        let mut rows = rows?;
        let n = rows.len() as f64;
        for k in 1..rows[0].len() {
            let mean = rows.iter().map(|r| r[k]).sum::<f64>() / n;
            let sd = (rows.iter().map(|r| (r[k] - mean).powi(2)).sum::<f64>() / n).sqrt();
            rows.iter_mut().for_each(|r| r[k] = (r[k] - mean) / sd);
        }
        let y: Vec<f64> = rows.iter().map(|r| r[0]).collect();
        let x: Vec<f64> = rows.iter().flat_map(|r| r[1..].iter().copied().chain([1.0])).collect();
        Ok(Regression { x: Matrix::new(x, rows[0].len())?, y: Column::new(y) })
    }
}

impl Model for Regression {
    fn log_joint(&self, p: &LogJoint) {
        let w = p.draws("w", normal(0.0, 1.0), self.x.num_columns());
        p.rows(self.y.len(), |i| i.observe(self.y.at(i), bernoulli_logit(self.x.at(i).dot(&w))));
    }
}

const STEPS: [u64; 6] = [0, 30, 100, 300, 1000, 3000];

pub fn run(folder: &str) -> super::Done {
    let target = Target::new(&Regression::read()?)?;
    let family = MeanField::new(target.layout());
    let vi = StochasticVi {
        target: &target,
        family: &family,
        estimator: Pathwise::default(),
        optimizer: Adam::default(),
        average: Average::default(),
        num_draws: 10,
        design: Design::Independent,
        minibatch: Minibatch::Full,
        start: Solution { params: family.init(&vec![0.0; target.layout().num_latents], 1.0), theta: vec![] },
        streams: Streams::new(3),
    };
    type Any<'a> = (&'a str, Box<dyn AnyEstimator<Target, MeanField>>, usize);
    let score = |baseline| Box::new(ScoreFunction { baseline });
    let estimators: [Any; 6] = [
        ("score function", score(Baseline::None), 2000),
        ("score, best multiple off", score(Baseline::ControlVariate), 500),
        ("score, leave one out", score(Baseline::LeaveOneOut), 500),
        ("measure-valued, coupled", Box::new(MeasureValued), 60),
        ("pathwise", Box::new(Pathwise::default()), 500),
        ("pathwise, quadratic off", Box::new(ControlVariate { curvature: Curvature::Full }), 500),
    ];
    let mut lines: Vec<(String, Vec<(f64, f64)>)> = estimators.iter().map(|(n, ..)| (n.to_string(), vec![])).collect();
    let mut state = vi.init()?;
    for (k, step) in STEPS.into_iter().enumerate() {
        while state.step() < step {
            vi.step(&mut state)?;
        }
        for ((_, estimator, repeats), line) in estimators.iter().zip(&mut lines) {
            let at = At { params: state.params(), num_draws: 50, repeats: *repeats };
            let found = moments(estimator, (&target, &family), at)?;
            line.1.push((STEPS[k] as f64, found.total_variance()));
        }
    }
    // A logarithmic axis has no zero: steps are shown one later.
    let figure = Figure {
        title: "Bayesian logistic regression: variance of a gradient of 50 draws",
        x: "steps + 1",
        y: "total variance",
        log_x: true,
        lines: lines.into_iter().map(|(n, p)| (n, p.into_iter().map(|(x, y)| (x + 1.0, y)).collect())).collect(),
    };
    Ok(figure.publish(folder, "survey.svg")?)
}
