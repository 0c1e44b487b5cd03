//! Power-scaling of prior and data, held to derivatives that are known exactly.

use jensen::algorithm::{FitError, Solution};
use jensen::family::MeanField;
use jensen::fit::Stop;
use jensen::posterior::{Assessment, Change, Posterior, PowerScaling, PriorInfluence};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use statrs::distribution::{ContinuousCDF, Normal};

const DONE: Stop = Stop::Converged { steps: 1, statistic: 0.0 };
const X: [f64; 4] = [1.2, 0.3, 2.1, -0.4];

/// x_i ~ N(mu, 1), mu ~ N(location, scale)
fn mean_of(location: f64, scale: f64) -> impl Model {
    let x = Column::new(X);
    model(move |p| {
        let mu = p.draw("mu", normal(location, scale));
        p.rows(4, |i| i.observe(x.at(i), normal(mu, 1.0)));
    })
}

/// Precision and mean of the exact posterior.
fn exact(location: f64, scale: f64) -> (f64, f64) {
    let precision = scale.powi(-2) + 4.0;
    (precision, (location / (scale * scale) + X.iter().sum::<f64>()) / precision)
}

/// The posterior by a normal q that is `shift` sds off, with sds `stretch` times too large.
fn assessed(prior: (f64, f64), q: (f64, f64), num_draws: usize, seed: u64) -> (Target, Posterior) {
    let target = Target::new(&mean_of(prior.0, prior.1)).unwrap();
    let (precision, mean) = exact(prior.0, prior.1);
    let sd = precision.powf(-0.5);
    let params = vec![mean + q.0 * sd, (q.1 * sd).ln()];
    let settings = Assessment::new(Streams::new(seed), &DONE).num_draws(num_draws);
    let solution = Solution { params, theta: vec![] };
    let posterior = Posterior::assess(&target, &MeanField::new(target.layout()), &solution, &settings).unwrap();
    (target, posterior)
}

/// Derivatives of mean and sd in log2 of the power, in sds: for the prior, and for the data.
///
/// With powers a and b the precision is `P = a / s^2 + 4 b` and the mean `(a m / s^2 + b sum x) / P`.
fn derivatives(location: f64, scale: f64) -> [[f64; 2]; 2] {
    let ((precision, mean), sum) = (exact(location, scale), X.iter().sum::<f64>());
    let own = scale.powi(-2);
    let of = |pull: f64, information: f64| {
        let ln_2 = std::f64::consts::LN_2;
        [ln_2 * pull / precision.sqrt(), -ln_2 * 0.5 * information / precision]
    };
    [of(own * (location - mean), own), of(sum - 4.0 * mean, 4.0)]
}

/// The distance's derivative for a normal whose mean and sd have these, by Simpson's rule between the quantiles 1/4000
/// and 1 - 1/4000.
fn distance([mean, sd]: [f64; 2]) -> f64 {
    let normal = Normal::new(0.0, 1.0).unwrap();
    let end = -normal.inverse_cdf(1.0 / 4000.0);
    let side = |sign: f64| {
        let (n, mut above, mut below) = (4000, 0.0, 0.0);
        for i in 0..=n {
            let z = -end + 2.0 * end * i as f64 / n as f64;
            let weight = if i == 0 || i == n {
                1.0
            } else if i % 2 == 1 {
                4.0
            } else {
                2.0
            };
            let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
            let (g, share) = (density * (mean + z * sd), normal.cdf(sign * z));
            above += weight * g * g / share;
            below += weight * share;
        }
        (above / (8.0 * std::f64::consts::LN_2 * below)).sqrt()
    };
    side(1.0).max(side(-1.0))
}

#[track_caller]
fn expect(found: Change, expected: [f64; 2]) {
    for (found, expected) in [found.mean, found.sd].into_iter().zip(expected) {
        assert!(found.mcse < 0.02, "{found:?}");
        assert!((found.value - expected).abs() < 4.0 * found.mcse, "{found:?}, expected {expected}");
    }
    // The distance is a norm of the derivative of the distribution function, and `noise` the norm of its error.
    let expected = distance(expected);
    assert!(found.noise < 0.01, "{found:?}");
    assert!((found.distance - expected).abs() < 4.0 * found.noise, "{found:?}, expected {expected}");
}

#[test]
fn derivatives_of_a_conjugate_normal_are_exact() {
    for (prior, q) in [((0.0, 2.0), (0.0, 1.0)), ((3.0, 0.5), (0.0, 1.0)), ((-2.0, 1.0), (0.3, 1.2))] {
        let (target, posterior) = assessed(prior, q, 20_000, 7);
        assert!(posterior.is_weighted(), "{:?}", posterior.verdict());
        let found = posterior.power_scaling(&target, None, None).unwrap();
        let [of_prior, of_data] = derivatives(prior.0, prior.1);
        // Mean and prior pull against each other with the same force.
        assert!((of_prior[0] + of_data[0]).abs() < 1e-12);
        let line = &found.quantities[0];
        expect(line.prior.unwrap(), of_prior);
        expect(line.data.unwrap(), of_data);
        assert!(found.prior.unwrap().is_reliable() && found.data.unwrap().is_reliable(), "{found:?}");
    }
}

#[test]
fn a_shift_by_0_3_sd_has_the_threshold_s_distance() {
    // What the paper says of its threshold of 0.05, with the integral up to the ends of 4000 draws.
    assert!((distance([0.3, 0.0]) - 0.065).abs() < 0.002, "{}", distance([0.3, 0.0]));
}

#[test]
fn errors_of_the_derivatives_cover() {
    let prior = (1.0, 0.7);
    let [of_prior, of_data] = derivatives(prior.0, prior.1);
    let (seeds, mut sums) = (100, [0.0; 4]);
    for seed in 0..seeds {
        let (target, posterior) = assessed(prior, (0.2, 1.1), 1000, seed);
        let found = posterior.power_scaling(&target, None, None).unwrap();
        let line = &found.quantities[0];
        let (a, b) = (line.prior.unwrap(), line.data.unwrap());
        let all = [(a.mean, of_prior[0]), (a.sd, of_prior[1]), (b.mean, of_data[0]), (b.sd, of_data[1])];
        all.iter().zip(&mut sums).for_each(|((m, e), sum)| *sum += ((m.value - e) / m.mcse).powi(2) / seeds as f64);
    }
    // Mean squares of 100 standardised errors: their own sd is 0.14 for normal ones, and somewhat more with heavier tails.
    assert!(sums.iter().all(|s| (0.5..1.6).contains(s)), "{sums:?}");
}

#[test]
fn a_quantity_is_diagnosed_by_both_sensitivities() {
    let influence = |prior: (f64, f64)| {
        let (target, posterior) = assessed(prior, (0.0, 1.0), 20_000, 3);
        posterior.power_scaling(&target, None, None).unwrap().quantities[0].influence()
    };
    assert_eq!(influence((0.0, 20.0)), PriorInfluence::Little);
    assert_eq!(influence((8.0, 1.0)), PriorInfluence::Conflict);
    assert_eq!(influence((1.0, 0.02)), PriorInfluence::Dominant);
}

#[test]
fn too_few_draws_are_no_answer() {
    // A hundred latents that the data say nothing of, so that the log prior spreads by seven nats.
    let wide = model(|p| {
        p.draws("z", normal(0.0, 1.0), 100);
    });
    let target = Target::new(&wide).unwrap();
    let settings = Assessment::new(Streams::new(1), &DONE).num_draws(200);
    let solution = Solution { params: vec![0.0; 200], theta: vec![] };
    let posterior = Posterior::assess(&target, &MeanField::new(target.layout()), &solution, &settings).unwrap();
    let found = posterior.power_scaling(&target, None, None).unwrap();
    assert!(found.data.is_none());
    let unclear = found.quantities.iter().filter(|q| q.influence() == PriorInfluence::Unclear).count();
    assert!(unclear > 50, "{unclear}");
    assert!(!found.prior.unwrap().is_reliable());
}

fn fitted(model: &dyn Model) -> Result<PowerScaling, FitError> {
    jensen::Fit::new(model).run()?.power_scaling(None)
}

#[test]
fn priors_of_the_top_are_scaled_and_any_can_be_chosen() {
    let y = Column::new([2.8, 0.8, -0.3, 0.7, -0.1, 0.1]);
    let levels = model(move |p| {
        let mu = p.draw("mu", normal(0.0, 1.0));
        let tau = p.draw("tau", half_normal(1.0));
        let theta = p.draws("theta", normal(mu, tau), 6);
        p.rows(6, |i| i.observe(y.at(i), normal(theta.at(i), 1.0)));
    });
    let fit = jensen::fit(&levels).unwrap();
    let found = fit.power_scaling(None).unwrap();
    assert_eq!((found.priors.join(" "), found.other_priors.join(" ")), ("mu tau".into(), "theta".into()));
    let one = fit.power_scaling(Some(&["mu"])).unwrap();
    assert_eq!((one.priors.join(" "), one.other_priors.join(" ")), ("mu".into(), "tau theta".into()));
    // The prior of mu does not know tau, so that tau moves less by it than by both.
    let of = |found: &PowerScaling, name: &str| {
        found.quantities.iter().find(|q| q.name == name).and_then(|q| q.prior).unwrap().sd.value.abs()
    };
    assert!(of(&one, "tau") < 0.5 * of(&found, "tau"), "{one:?} {found:?}");
    let error = fit.power_scaling(Some(&["sigma"])).unwrap_err().to_string();
    assert!(error.contains("\"sigma\" is no site with a prior") && error.contains("mu, tau, theta"), "{error}");
}

#[test]
fn flat_priors_and_bare_terms_are_told_apart() {
    let y = Column::new(X);
    let flat = model(|p| {
        let mu = p.real("mu");
        p.rows(4, |i| i.observe(y.at(i), normal(mu, 1.0)));
    });
    let found = fitted(&flat).unwrap();
    assert!(found.prior.is_none() && found.priors.is_empty() && !found.has_bare_terms);
    let of_data = found.quantities[0].data.unwrap();
    // Precision 4 b: the mean stays, the sd falls by half its logarithm.
    expect(of_data, [0.0, -0.5 * std::f64::consts::LN_2]);
    let bare = model(|p| {
        let mu = p.draw("mu", normal(0.0, 1.0));
        p.add(-mu.square());
        p.rows(4, |i| i.observe(y.at(i), normal(mu, 1.0)));
    });
    let found = fitted(&bare).unwrap();
    assert!(found.has_bare_terms);
    // Precision a + 2 + 4 of mean sum x / 6: of the prior alone -(1 / 2) a / P.
    let change = found.quantities[0].prior.unwrap();
    let expected = -std::f64::consts::LN_2 * 0.5 / 7.0;
    assert!((change.sd.value - expected).abs() < 4.0 * change.sd.mcse, "{change:?} {expected}");
    // The data are in a term of `add`, so that nobody can say what they do.
    let hidden = model(|p| {
        let mu = p.draw("mu", normal(3.0, 1.0));
        p.add(normal(mu, 1.0).log_density((-3.0).into()));
    });
    assert_eq!(fitted(&hidden).unwrap().quantities[0].influence(), PriorInfluence::Sensitive);
    let nothing = model(|p| p.add(-p.real("x").square()));
    let error = fitted(&nothing).unwrap_err().to_string();
    assert!(error.contains("neither a prior (`draw`) nor data (`observe`)"), "{error}");
}

#[test]
fn latents_of_rows_go_through() {
    // A mean-field q of y_i ~ N(z_i, 1), z_i ~ N(mu, 1), mu ~ N(0, 3) is not trusted, and the answer is q's: its precision of
    // mu is 1/9 + 4, the other latents held fixed.
    let y = Column::new(X);
    let of_rows = model(move |p| {
        let mu = p.draw("mu", normal(0.0, 3.0));
        p.rows(4, |i| {
            let z = i.draw("z", normal(mu, 1.0));
            i.observe(y.at(i), normal(z, 1.0));
        });
    });
    let fit = jensen::Fit::new(&of_rows).family(jensen::FamilyChoice::MeanField);
    let found = fit.run().unwrap().power_scaling(None).unwrap();
    assert_eq!((found.priors.join(" "), found.other_priors.join(" ")), ("mu".into(), "z".into()));
    assert!(!found.weighted, "q's own draws");
    let change = found.quantities[0].prior.unwrap();
    let (own, precision) = (1.0 / 9.0, 1.0 / 9.0 + 4.0);
    let expected = -0.5 * std::f64::consts::LN_2 * own / precision;
    assert!((change.sd.value - expected).abs() < 4.0 * change.sd.mcse, "{change:?} {expected}");
    assert!(change.sd.mcse < 0.02, "{change:?}");
}
