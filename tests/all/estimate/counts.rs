//! The measure-valued gradient of counts, beside a bound in closed form.

use super::integers::ok;
use jensen::estimate::{MeasureValued, ScoreFunction};
use jensen::family::PoissonFactors;
use jensen::model::RowSet;
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws::{self, Case};

/// One count in all and one in each row, with known rates: q is of the posterior's family.
struct Counts;

const RATE: f64 = 3.0;
const RATES: [f64; 3] = [0.5, 2.0, 6.0];

impl Model for Counts {
    fn log_joint(&self, p: &LogJoint) {
        p.draw_integer("all", poisson(RATE));
        let rates = Column::new(RATES);
        p.rows(3, |i| {
            i.draw_integer("own", poisson(rates.at(i)));
        });
    }
}

#[test]
fn it_is_unbiased_in_all_rows_and_in_some_and_less_noisy_than_the_score_function() {
    let target = ok(Target::new(&Counts));
    let family = ok(PoissonFactors::new(target.layout()));
    let params: [f64; 4] = [0.7, 0.2, 1.1, 1.4];
    // The bound is sum_i l_i (ln r_i - ln l_i) - r_i + l_i for rates r_i and l_i = e^params_i.
    let slope = |k: usize, rate: f64| params[k].exp() * (rate.ln() - params[k]);
    for (rows, counts) in [(RowSet::all(), [1.0; 3]), (RowSet::minibatch(vec![2, 0], 3), [1.5, 0.0, 1.5])] {
        let mut exact = vec![(slope(0, RATE), 0.0)];
        exact.extend((0..3).map(|r| (counts[r] * slope(1 + r, RATES[r]), 0.0)));
        let (layout, streams) = (target.layout(), Streams::new(3));
        let case = Case { layout, params: &params, theta: &[], rows: &rows, streams, num_draws: 100 };
        let found = ok(laws::mean_gradient(&MeasureValued, &target, &family, &case, 400));
        ok(laws::is_unbiased(&found, &exact, 4.5));
        let planted: Vec<(f64, f64)> = exact.iter().map(|(g, e)| (1.02 * g, *e)).collect();
        assert!(laws::is_unbiased(&found, &planted, 4.5).is_err(), "a bias of 2 % goes unseen");
        let plain = ok(laws::mean_gradient(&ScoreFunction::default(), &target, &family, &case, 400));
        let noise = |all: &[(f64, f64)]| all.iter().map(|(_, se)| se * se).sum::<f64>();
        assert!(noise(&found) < noise(&plain), "{found:?} {plain:?}");
    }
}
