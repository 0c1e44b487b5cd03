//! Fits of models whose integers are summed out, and what is asked of them afterwards.

use jensen::dist::mixture;
use jensen::model::{Draws, RowSet};
use jensen::prelude::*;
use jensen::program::log_sum_exp;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Options, Pass, Target};
use jensen::{Fit, Fitted, IntegerChoice, Trust};

fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut e = vec![0.0; n];
    Streams::new(seed).fill_normal(1, &mut e);
    e
}

fn line<'a>(all: &'a [jensen::posterior::Summary], name: &str) -> &'a jensen::posterior::Summary {
    all.iter().find(|line| line.name == name).expect("a line of that name")
}

/// A mean that changes once, with the time of the change as an integer or summed out by hand.
struct Change {
    y: Vec<f64>,
    by_hand: bool,
}

impl Model for Change {
    fn log_joint(&self, p: &LogJoint) {
        let n = self.y.len();
        let mean = p.draws("mean", normal(2.0, 3.0), 2);
        let s = p.draw("s", half_normal(3.0));
        p.add(-(n as f64).ln());
        if self.by_hand {
            let of = |k: usize, t: usize| normal(mean.at(k), s).log_density(Real::from(self.y[t]));
            let at =
                |last: usize| jensen::program::sum(&(0..n).map(|t| of(usize::from(t > last), t)).collect::<Vec<_>>());
            p.add(log_sum_exp(&(0..n).map(at).collect::<Vec<_>>()));
        } else {
            let last = p.integer("last", 0..n as u32);
            let y = Column::new(self.y.clone());
            p.rows(n, |t| t.observe(y.at(t), normal(t.number().at_most(last).select(mean.at(0), mean.at(1)), s)));
        }
    }
}

#[test]
fn a_change_point_is_fitted_as_if_it_were_summed_out_by_hand() {
    let e = noise(3, 30);
    let y: Vec<f64> = e.iter().enumerate().map(|(t, e)| if t < 18 { 1.0 + e } else { 2.5 + e }).collect();
    let fit = |by_hand: bool| Fit::new(&Change { y: y.clone(), by_hand }).run().unwrap();
    let (whole, by_hand) = (fit(false), fit(true));
    assert!(whole.to_string().contains("summed out    last (30 values)"), "{whole}");
    assert_eq!((whole.verdict().trust, &whole.plan.family), (by_hand.verdict().trust, &by_hand.plan.family));
    // The same density to rounding.
    let at = |target: &dyn LogDensity, point: [f64; 3]| {
        let mut pass = Pass::default();
        target.log_density(&[], &Draws::at_point(&point), &RowSet::all(), &mut pass).unwrap();
        pass.log_density[0]
    };
    let target = Target::new(&Change { y: y.clone(), by_hand: true }).unwrap();
    for point in [[1.0, 2.5, 0.0], [4.0, -1.0, 0.7], [0.0, 0.0, -2.0]] {
        let (found, expected) = (at(whole.target.as_ref().unwrap(), point), at(&target, point));
        assert!((found - expected).abs() < 1e-13 * expected.abs().max(10.0), "{found}, by hand {expected}");
    }
    // A fit ends where its statistic is small enough: rounding may move that by a step.
    let single =
        Fit::new(&Change { y: y.clone(), by_hand: false }).family(jensen::FamilyChoice::FullRank).run().unwrap();
    let (found, expected) = (single.bound().elbo.value, by_hand.bound().elbo.value);
    assert!((found - expected).abs() < 1e-3, "{found}, by hand {expected}");
    // A Gaussian for each value is nearer.
    let gained = whole.bound().elbo.value - expected;
    assert!(gained > 0.03, "{gained}");
    let [found, expected] = [&whole, &by_hand].map(|fitted| fitted.bound().log_evidence);
    assert!((found.value - expected.value).abs() < 4.0 * found.mcse.hypot(expected.mcse), "{found:?} {expected:?}");
    let (all, of_hand) = (whole.summary(), by_hand.summary());
    for name in ["mean[0]", "mean[1]", "s"] {
        let (a, b) = (line(&all, name), line(&of_hand, name));
        // Four errors of a difference of means, and three of a ratio of sds of 3,000 draws each, 1.8 %.
        let error = a.mcse.hypot(b.mcse);
        assert!((a.mean - b.mean).abs() < 4.0 * error && (a.sd / b.sd - 1.0).abs() < 0.055, "{a:?} {b:?}");
    }
    // E(last) by the draws of the model without it.
    let draws = |name: &str| by_hand.draws(name).unwrap();
    let (first, second, s) = (draws("mean[0]"), draws("mean[1]"), draws("s"));
    let expected = |d: usize| {
        let of = |mean: f64, t: usize| -0.5 * ((y[t] - mean) / s[d]).powi(2);
        let at =
            |last: usize| -> f64 { (0..y.len()).map(|t| of(if t > last { second[d] } else { first[d] }, t)).sum() };
        let log: Vec<f64> = (0..y.len()).map(at).collect();
        let most = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let shares: Vec<f64> = log.iter().map(|l| (l - most).exp()).collect();
        let moment: f64 = shares.iter().enumerate().map(|(k, w)| k as f64 * w).sum();
        moment / shares.iter().sum::<f64>()
    };
    let n = s.len();
    let expected = (0..n).map(expected).sum::<f64>() / n as f64;
    let last = line(&all, "last");
    assert!((last.mean - expected).abs() < 5.0 * last.mcse, "{last:?}, expected {expected}");
}

/// Two classes of rows, each row's as an integer or in a mixture.
struct Classes {
    y: Column,
    by_hand: bool,
}

impl Model for Classes {
    fn log_joint(&self, p: &LogJoint) {
        let share = p.draw("share", beta(2.0, 2.0));
        let low = p.draw("low", normal(-2.0, 1.0));
        let high = p.draw("high", normal(2.0, 1.0));
        p.rows(self.y.len(), |i| {
            if self.by_hand {
                let weights = Vector::new(&[1.0 - share, share]);
                i.observe(self.y.at(i), mixture(weights, vec![normal(low, 1.0), normal(high, 1.0)]));
            } else {
                let class = i.draw_integer("class", bernoulli(share));
                i.observe(self.y.at(i), normal(class.equal_to(1).select(high, low), 1.0));
            }
        });
    }
}

fn classes() -> Vec<f64> {
    noise(4, 40).iter().enumerate().map(|(k, e)| e + if k % 4 == 0 { 1.5 } else { -1.5 }).collect()
}

#[test]
fn rows_with_integers_are_left_out_drawn_and_predicted() {
    let y = classes();
    let fit = |by_hand: bool| Fit::new(&Classes { y: Column::new(y.clone()), by_hand }).run().unwrap();
    let (fitted, by_hand) = (fit(false), fit(true));
    assert_eq!((fitted.verdict().trust, by_hand.verdict().trust), (Trust::Trust, Trust::Trust), "{fitted}");
    let (loo, expected) = (fitted.loo().unwrap(), by_hand.loo().unwrap());
    assert!((loo.elpd - expected.elpd).abs() < 1e-6 && loo.unreliable().is_empty(), "{loo:?} {expected:?}");
    let text = fitted.to_string();
    assert!(
        text.contains("summed out    class in each row (2 values)") && text.contains("and 1 latent in each of 40 rows")
    );
    // The class of each row, against its probability at the same draws.
    let n = 2000;
    let rows = fitted.row_draws(n).unwrap();
    let class = rows.named("class").unwrap();
    let [share, low, high] = ["share", "low", "high"].map(|name| fitted.draws(name).unwrap());
    let chance = |row: usize, d: usize| {
        let density = |mean: f64| (-0.5 * (y[row] - mean).powi(2)).exp();
        let (a, b) = ((1.0 - share[d]) * density(low[d]), share[d] * density(high[d]));
        b / (a + b)
    };
    for row in 0..y.len() {
        let found = class[row * n..(row + 1) * n].iter().sum::<f64>() / n as f64;
        let chances: Vec<f64> = (0..n).map(|d| chance(row, d)).collect();
        let expected = chances.iter().sum::<f64>() / n as f64;
        let se = (chances.iter().map(|c| c * (1.0 - c)).sum::<f64>()).sqrt() / n as f64;
        assert!((found - expected).abs() < 5.0 * se + 1e-12, "row {row}: {found}, expected {expected}");
    }
    // Data again: a row's class is known as far as its data tell; new rows have the mixture's mean.
    let again = &fitted.predictive(n).unwrap()[0];
    let far = (0..y.len()).max_by(|a, b| y[*a].total_cmp(&y[*b])).unwrap();
    let mean = again.values[far * n..(far + 1) * n].iter().sum::<f64>() / n as f64;
    assert!((mean - line(&fitted.summary(), "high").mean).abs() < 0.3, "{mean}");
    let new = Classes { y: Column::new([0.0, 0.0]), by_hand: false };
    let made = &fitted.predict(&new, n).unwrap()[0];
    let mean = made.values.iter().sum::<f64>() / (2 * n) as f64;
    let expected = (0..n).map(|d| (1.0 - share[d]) * low[d] + share[d] * high[d]).sum::<f64>() / n as f64;
    // A standard deviation of 2 or so, and 4,000 numbers.
    assert!((mean - expected).abs() < 5.0 * 2.0 / (4000f64).sqrt(), "{mean}, expected {expected}");
}

#[test]
fn a_saved_fit_knows_what_was_summed_out() {
    let model = Classes { y: Column::new(classes()), by_hand: false };
    let fitted = Fit::new(&model).run().unwrap();
    let folder = std::env::temp_dir().join(format!("jensen-summed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("fit.json");
    fitted.save(&path).unwrap();
    let loaded = jensen::posterior::Posterior::load(&path).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let target = Target::in_coordinates(&model, Options::default(), loaded.layout()).unwrap();
    assert_eq!(target.layout().num_row_integers, 0);
    assert_eq!(loaded.row_draws(&target, &*fitted.family, 50).unwrap(), fitted.row_draws(50).unwrap());
    assert_eq!(loaded.loo(&target).unwrap(), fitted.loo().unwrap());
    let words = loaded.loo(&Target::new(&model).unwrap()).unwrap_err().to_string();
    assert!(words.contains("the target is not the one"), "{words}");
}

/// What is in q stands in the plan, with the reason; what was asked for and cannot be is refused.
#[test]
fn what_is_not_summed_out_is_said() {
    let run = |model: &(dyn Fn(&LogJoint) + Sync), choice: IntegerChoice| -> Result<Fitted, String> {
        struct Of<'a>(&'a (dyn Fn(&LogJoint) + Sync));
        impl Model for Of<'_> {
            fn log_joint(&self, p: &LogJoint) {
                (self.0)(p)
            }
        }
        Fit::new(&Of(model)).integers(choice).steps(20).restarts(1).run().map_err(|e| e.to_string())
    };
    let counts = |p: &LogJoint| {
        let rate = p.draw("rate", gamma(2.0, 1.0));
        let count = p.draw_integer("count", poisson(rate));
        p.observe(3.0, normal(count.to_real(), 1.0));
    };
    let many = |p: &LogJoint| {
        let level = p.draw("level", normal(0.0, 1.0));
        let on: Vec<Real> = (0..20).map(|k| p.draw_integer(&format!("on{k}"), bernoulli(0.5)).to_real()).collect();
        p.rows(3, |i| {
            let class = i.draw_integer("class", bernoulli(0.5)).to_real();
            i.observe(0.3, normal(level + class + jensen::program::sum(&on), 1.0));
        });
    };
    let none = |p: &LogJoint| {
        p.draw("x", normal(0.0, 1.0));
    };
    let refused = run(&many, IntegerChoice::SumOut).unwrap_err();
    assert!(refused.contains("more than 65536 joint values outside of rows"), "{refused}");
    assert!(run(&none, IntegerChoice::SumOut).unwrap_err().contains("the model has none"));
    let fitted = run(&counts, IntegerChoice::Auto).err();
    assert!(fitted.is_none_or(|words| !words.contains("summed out")));
    // Those of rows are summed out, the others stay in q, and the plan says why.
    let partly = run(&many, IntegerChoice::Auto).unwrap();
    let layout = partly.posterior.layout();
    assert_eq!((layout.num_integers, layout.num_row_integers), (20, 0));
    let plan = partly.plan.to_string();
    assert!(plan.contains("integers in q, not summed out: those outside of rows have 1.049e6 joint values"), "{plan}");
    let in_q = run(&many, IntegerChoice::Categorical).unwrap();
    assert_eq!((in_q.posterior.layout().num_row_integers, in_q.plan.integers_in_q), (1, None));
}

/// `y_i ~ N(m, 1)` with a flat prior: without row i, `y_i ~ N(mean of the others, 1 + 1 / (n - 1))`.
#[test]
fn a_flat_prior_leaves_rows_out_and_makes_new_data() {
    let y = noise(9, 30);
    let (n, column) = (y.len(), Column::new(y.clone()));
    let flat = model(|p| {
        let m = p.real("m");
        p.rows(n, |i| i.observe(column.at(i), normal(m, 1.0)));
    });
    let fitted = jensen::fit(&flat).unwrap();
    let loo = fitted.loo().unwrap();
    let variance = 1.0 + 1.0 / (n - 1) as f64;
    let total: f64 = y.iter().sum();
    for (i, found) in loo.pointwise.iter().enumerate() {
        let mean = (total - y[i]) / (n - 1) as f64;
        let expected = -0.5 * ((y[i] - mean).powi(2) / variance + (2.0 * std::f64::consts::PI * variance).ln());
        // Weights that are nearly even: 3,000 draws know each share to a hundredth.
        assert!((found - expected).abs() < 0.02, "row {i}: {found}, expected {expected}");
    }
    let made = &fitted.predictive(1000).unwrap()[0];
    let mean = made.values.iter().sum::<f64>() / made.values.len() as f64;
    // The mean of m's draws is known to 0.18 / sqrt(1000), that of the noise to 1 / sqrt(30,000).
    assert!((mean - total / n as f64).abs() < 5.0 * 0.0082, "{mean}");
    let target = Target::new(&flat).unwrap();
    let refused = target.prior_draws(&[], Streams::new(1), 3).unwrap_err().to_string();
    assert!(refused.contains("the latent \"m\" is bare"), "{refused}");
    assert!(!target.separates_data());
    // A bare term of the rows may be of their data.
    let censored = model(|p| {
        let m = p.draw("m", normal(0.0, 1.0));
        p.rows(n, |i| {
            i.observe(column.at(i), normal(m, 1.0));
            i.add(-0.1 * m.square());
        });
    });
    let refused = jensen::fit(&censored).unwrap().loo().unwrap_err().to_string();
    assert!(refused.contains("a row has a bare term"), "{refused}");
}

/// A latent that is narrow, and with a small probability wide and elsewhere: `z ~ N(1, 0.1)`, or with 0.004 `z ~ N(2, 4)`. That is a
/// shoulder and no mode of `p(z)`: variance `0.996 x 0.01 + 0.004 x 16 + 0.996 x 0.004 x 1 = 0.0779`, and the evidence is one.
fn shoulder(p: &LogJoint) {
    let wide = p.draw_integer("wide", bernoulli(0.004));
    let z = p.real("z");
    p.add(wide.equal_to(1).select(normal(2.0, 4.0).log_density(z), normal(1.0, 0.1).log_density(z)));
}

#[test]
fn a_rare_value_that_makes_up_most_of_a_variance_is_not_missed() {
    let (mean, sd) = (1.004, 0.077_944f64.sqrt());
    let narrow = Fit::new(&model(shoulder)).family(jensen::FamilyChoice::FullRank).run().unwrap();
    assert!(narrow.summary()[0].sd < 0.5 * sd, "one Gaussian of z does not know it: {narrow}");
    for seed in 0..5 {
        let fitted = Fit::new(&model(shoulder)).seed(seed).run().unwrap();
        assert_eq!(fitted.verdict().trust, Trust::Trust, "{fitted}");
        let (all, said) = (fitted.summary(), fitted.tried.to_string());
        let z = line(&all, "z");
        // Half of the draws are of tails around each Gaussian, equally many for both values: the spread is known to some 3 %.
        assert!((z.mean - mean).abs() < 0.05 * sd && (z.sd / sd - 1.0).abs() < 0.1, "{z:?}, sd {sd}");
        let wide = line(&all, "wide");
        assert!((wide.mean - 0.004).abs() < 4.0 * wide.mcse.max(1e-4), "{wide:?}");
        let evidence = &fitted.bound().log_evidence;
        assert!(evidence.value.abs() < (4.0 * evidence.mcse).max(1e-12), "{evidence:?}");
        assert!(said.contains("summed integers: 2 of 2 joint values with a Gaussian each"), "{said}");
    }
}

/// Values under which the data are impossible have no Gaussian; one with two modes is left to runs that see all values at once.
#[test]
fn values_without_mass_and_with_two_modes() {
    let impossible = model(|p| {
        let k = p.integer("k", 1..7);
        let z = p.draw("z", normal(0.0, 1.0));
        // For k of four and more alone.
        p.observe(3.5, uniform(0.0, k.to_real()));
        p.observe(0.5, normal(z, 1.0));
    });
    let fitted = Fit::new(&impossible).run().unwrap();
    assert_eq!(fitted.verdict().trust, Trust::Trust, "{fitted}");
    let all = fitted.summary();
    // By 1/4, 1/5 and 1/6.
    let k = line(&all, "k");
    assert!((k.mean - 3.0 / (37.0 / 60.0)).abs() < 4.0 * k.mcse, "{k:?}");
    let two = model(|p| {
        let k = p.draw_integer("k", bernoulli(0.5));
        let z = p.draw("z", normal(0.0, 3.0));
        p.observe(4.0, normal(z * z + k.to_real(), 0.3));
    });
    let fitted = Fit::new(&two).run().unwrap();
    assert!(fitted.tried.values.is_none() && fitted.tried.runs.len() > 1, "{}", fitted.tried);
    assert_eq!(fitted.verdict().trust, Trust::Trust, "{fitted}");
    assert!(line(&fitted.summary(), "z").mean.abs() < 0.2, "{fitted}");
}

/// A fit by value refuses what every fit refuses.
#[test]
fn settings_of_a_fit_by_value_are_looked_at() {
    let said = |fit: Fit| fit.run().err().map(|error| error.to_string()).unwrap_or_default();
    let shoulder = model(shoulder);
    let short = said(Fit::new(&shoulder).start(vec![0.0, 1.0]));
    assert!(short.contains("the start has 2 numbers, the model 1"), "{short}");
    assert!(said(Fit::new(&shoulder).start(vec![f64::NAN])).contains("give finite unconstrained numbers"));
    assert!(said(Fit::new(&shoulder).tolerance(f64::NAN)).contains("a tolerance of NaN nats"));
    assert!(said(Fit::new(&shoulder).learning_rate(0.1)).contains("learning rate"));
    // What was asked for is done: several runs of one Gaussian.
    let runs = Fit::new(&shoulder).restarts(3).run().unwrap();
    assert!(runs.tried.runs.len() == 3 && runs.tried.values.is_none(), "{}", runs.tried);
}
