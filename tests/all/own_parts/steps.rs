//! Estimators, optimisers, algorithms, stopping rules and densities of the user's own.

use super::{Bell, MEAN, evidence, is_right, mean};
use jensen::algorithm::{Algorithm, FitError, Solution, Step, StochasticVi};
use jensen::automatic::{Begin, OwnAlgorithm};
use jensen::estimate::{Estimate, GradientEstimator, ScoreFunction, Space, Task};
use jensen::family::{CategoricalFactors, MeanField, Product, Reparam};
use jensen::fit::{MaxSteps, Stop, StoppingRule};
use jensen::optimize::{Adam, Optimizer, Schedule};
use jensen::prelude::*;
use jensen::target::{DensityError, Differentiable, HandWritten, LogDensity, Target, ValueOnly};
use jensen::{EstimatorChoice, FamilyChoice, Fit, OptimizerChoice, Trust};

/// Pathwise gradients of pairs of draws with opposite noise.
struct Antithetic;

impl<T: Differentiable, F: Reparam> GradientEstimator<T, F> for Antithetic {
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        let Task { family, at, .. } = *of;
        let n = at.num_draws;
        space.draw(of)?;
        space.noise.chunks_exact_mut(n).for_each(|e| (0..n / 2).for_each(|d| e[n / 2 + d] = -e[d]));
        family.transform(at.params, at.rows, &space.noise, &mut space.z);
        space.differentiate(of)?;
        let rejected = space.reject();
        space.weigh();
        space.pullback(of);
        family.add_entropy_gradient(at.params, at.rows, 1.0, &mut space.grad);
        let value = space.bound(of, rejected, family.entropy(at.params, at.rows));
        Ok(Estimate { value, rejected, evaluations: n })
    }
}

#[test]
fn an_estimator_of_ones_own_is_followed_with_every_family() {
    let fitted = Fit::new(&mean()).estimator(Antithetic).run().unwrap();
    is_right(&fitted);
    assert_eq!(fitted.plan.to_string(), "full-rank family, adam optimiser, Antithetic estimator, 10 draws");
    is_right(&Fit::new(&mean()).family(FamilyChoice::MeanField).estimator(Antithetic).run().unwrap());
    let bell = Bell { rescales: true, shows_transform: true };
    is_right(&Fit::new(&mean()).family(bell).estimator(Antithetic).run().unwrap());
}

#[test]
fn an_estimator_of_ones_own_does_not_go_with_methods_that_have_their_own() {
    for optimizer in [OptimizerChoice::Lbfgs, OptimizerChoice::NaturalGradient] {
        let refused = Fit::new(&mean()).estimator(Antithetic).optimizer(optimizer).run().err();
        let words = refused.map(|e| e.to_string()).unwrap_or_default();
        assert!(words.contains("adam") && words.contains("Antithetic"), "{words}");
    }
}

/// A sign and a normal beside it.
fn signed() -> impl Model {
    model(|p| {
        let k = p.draw_integer("k", bernoulli(0.3));
        let x = p.draw("x", normal(0.0, 1.0));
        p.observe(1.0, normal(x + k.to_real(), 1.0));
    })
}

#[test]
fn integers_take_a_family_and_an_estimator_of_ones_own() {
    let target = Target::new(&signed()).unwrap();
    let family = Product::new(MeanField::new(target.layout()), CategoricalFactors::new(target.layout()).unwrap());
    let fitted = Fit::new(&signed()).family(family).estimator(ScoreFunction::default()).draws(64).run().unwrap();
    // p(k = 1 | y = 1) = 0.3 N(1; 1, 2) / (0.3 N(1; 1, 2) + 0.7 N(1; 0, 2)); the best mean-field q is a little off, since
    // x and k depend on each other: within a twentieth.
    let exact = 0.3 / (0.3 + 0.7 * (-0.25f64).exp());
    let found = fitted.summary()[0].mean;
    assert!((found - exact).abs() < 0.05, "{found} for {exact}");
    let refused = Fit::new(&signed()).estimator(Antithetic).run().err().map(|e| e.to_string()).unwrap_or_default();
    assert!(refused.contains("give the family too"), "{refused}");
}

/// Ascent with momentum 0.9 and falling steps.
struct HeavyBall {
    step_size: f64,
}

impl Optimizer for HeavyBall {
    type State = (u64, Vec<f64>);

    fn init(&self, params: &[f64]) -> Self::State {
        (0, vec![0.0; params.len()])
    }

    fn ascend(&self, (steps, velocity): &mut Self::State, grad: &[f64], params: &mut [f64]) {
        let step_size = self.step_size / (1.0 + *steps as f64 / 100.0).sqrt();
        *steps += 1;
        for ((x, v), g) in params.iter_mut().zip(velocity).zip(grad) {
            *v = 0.9 * *v + g;
            *x += step_size * *v;
        }
    }
}

#[test]
fn an_optimiser_of_ones_own_is_followed() {
    let fitted = Fit::new(&mean()).optimizer(HeavyBall { step_size: 0.03 }).run().unwrap();
    is_right(&fitted);
    assert!(fitted.plan.to_string().contains("HeavyBall optimiser"), "{}", fitted.plan);
    let refused = Fit::new(&mean()).optimizer(HeavyBall { step_size: 0.03 }).learning_rate(0.1).run().err();
    assert!(matches!(refused, Some(FitError::Setting { name: "learning rate", .. })), "{refused:?}");
    // A rule of the library given as a value is checked as one chosen by name is.
    let wrong = Adam { step_size: Schedule::Constant(-1.0), ..Adam::default() };
    assert!(matches!(
        Fit::new(&mean()).optimizer(wrong).run().err(),
        Some(FitError::Setting { name: "optimizer", .. })
    ));
}

/// Stochastic ascent from twice as many draws, as an algorithm made for each run.
struct Doubled;

impl<F: Reparam> OwnAlgorithm<F> for Doubled {
    fn algorithm<'r>(&'r self, begin: Begin<'r, F>) -> Result<impl Algorithm<Output = Solution> + 'r, FitError> {
        let Begin { target, family, start, streams, .. } = begin;
        let optimizer = Adam { step_size: Schedule::inverse_sqrt(0.05, 100.0), ..Adam::default() };
        Ok(StochasticVi::new(target, family).optimizer(optimizer).draws(20).start(start).streams(streams))
    }
}

#[test]
fn an_algorithm_of_ones_own_is_run_until_a_rule_ends_it() {
    let fitted = Fit::new(&mean()).algorithm(Doubled).stop(MaxSteps(3000)).run().unwrap();
    assert!((fitted.summary()[0].mean - MEAN).abs() < 0.03, "{fitted}");
    assert_eq!((fitted.stop.clone(), fitted.tried.runs.len()), (Stop::Budget { steps: 3000 }, 2));
    // Each run has randomness of its own.
    assert_ne!(fitted.tried.runs[0].solution, fitted.tried.runs[1].solution);
    assert_eq!(fitted.plan.to_string(), "full-rank family, Doubled algorithm");
}

/// Ends a run at its third step.
#[derive(Clone)]
struct Third;

impl StoppingRule for Third {
    fn check(&mut self, step: &Step) -> Option<Stop> {
        (step.index == 3).then_some(Stop::Time { steps: 3 })
    }
}

#[test]
fn a_stopping_rule_of_ones_own_ends_every_run() {
    for optimizer in [OptimizerChoice::Auto, OptimizerChoice::Adam] {
        let fitted = Fit::new(&mean()).optimizer(optimizer).stop(Third).run().unwrap();
        assert!(fitted.tried.runs.iter().all(|r| r.stop == Stop::Time { steps: 3 }), "{:?}", fitted.stop);
    }
}

/// The density of [`mean`], normalised like it.
fn log_joint(mu: f64) -> f64 {
    -5.5 * std::f64::consts::TAU.ln() - 0.5 * mu * mu - 5.0 * (1.0 - mu).powi(2)
}

#[test]
fn a_density_from_elsewhere_gets_restarts_and_a_verdict() {
    let by_hand = HandWritten::new(&["mu"], |z, grad| {
        grad[0] = 10.0 - 11.0 * z[0];
        log_joint(z[0])
    });
    let fitted = Fit::of(&by_hand).run().unwrap();
    is_right(&fitted);
    assert_eq!(fitted.summary()[0].name, "mu");
    let target = Target::new(&mean()).unwrap();
    let (own, recorded) = (Fit::of(&target).run().unwrap(), Fit::new(&mean()).run().unwrap());
    assert_eq!(own.solution, recorded.solution);
    assert!((own.bound().elbo.value - evidence()).abs() < 1e-6);
    let refused = own.loo().err().map(|e| e.to_string()).unwrap_or_default();
    assert!(refused.contains("Model"), "{refused}");
}

#[test]
fn a_density_of_values_alone_is_fitted_from_them() {
    let values = ValueOnly::new(&["mu"], |z| log_joint(z[0]));
    let fitted = Fit::of(&values).draws(64).run().unwrap();
    is_right(&fitted);
    assert!(fitted.plan.to_string().contains("score-loo estimator"), "{}", fitted.plan);
    let refused = |fit: Fit<_>| match fit.run() {
        Ok(fitted) => panic!("{}", fitted.plan),
        Err(e) => e.to_string(),
    };
    assert!(refused(Fit::of(&values).estimator(EstimatorChoice::Pathwise)).contains("score-loo"));
    assert!(refused(Fit::of(&values).optimizer(OptimizerChoice::Lbfgs)).contains("score-loo"));
    assert!(refused(Fit::of(&values).optimizer(OptimizerChoice::NaturalGradient)).contains("score-loo"));
}

#[test]
fn a_closure_is_a_model() {
    let fitted = jensen::fit(&model(|p| p.add(-0.5 * p.real("x").square()))).unwrap();
    assert_eq!(fitted.verdict().trust, Trust::Trust);
}
