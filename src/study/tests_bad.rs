//! Estimators that cannot be relied on, and studies that are too small: words, and the rest goes on.

use super::tests::{Scaled, at, exact, target};
use super::{At, GradientStudy};
use crate::estimate::{Estimate, GradientEstimator, Pathwise, ScoreFunction, Space, StickingTheLanding, Task};
use crate::family::{MeanField, Reparam};
use crate::target::{DensityError, Differentiable};

/// Pathwise, and now and then not a number.
struct Sometimes;

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for Sometimes {
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, state: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        let out = Pathwise::default().estimate(of, state, space);
        let mut noise = [0.0];
        of.at.streams.purpose(9).fill_uniform(1, &mut noise);
        if noise[0] < 0.05 {
            space.grad[0] = f64::NAN;
        }
        out
    }
}

/// Pathwise plus what an earlier call left in a place that is no state.
#[derive(Default)]
struct Hidden(std::sync::Mutex<f64>);

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for Hidden {
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, state: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        let out = Pathwise::default().estimate(of, state, space);
        let mut kept = self.0.lock().unwrap();
        let own = space.grad[0];
        space.grad[0] += *kept;
        *kept = 0.1 * own;
        out
    }
}

/// A running mean of pathwise gradients: momentum is no estimator of the gradient here.
struct Momentum;

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for Momentum {
    type State = Vec<f64>;

    fn init(&self, _: &T, family: &F) -> Vec<f64> {
        vec![0.0; family.num_params()]
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut Vec<f64>, space: &mut Space) -> Result<Estimate, DensityError> {
        let out = Pathwise::default().estimate(of, &mut (), space);
        state.iter_mut().zip(&mut space.grad).for_each(|(kept, g)| {
            *kept = 0.8 * *kept + 0.2 * *g;
            *g = *kept;
        });
        out
    }
}

/// What is wrong with an estimator is said in its line, it is not recommended, and the rest goes on.
#[test]
fn estimators_that_cannot_be_relied_on_are_named_and_the_rest_goes_on() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let report = GradientStudy::new(&target, &family)
        .estimator("sometimes", Sometimes)
        .estimator("hidden", Hidden::default())
        .estimator("momentum", Momentum)
        .estimator("biased", Scaled(StickingTheLanding, 1.01))
        .estimator("pathwise", Pathwise::default())
        .exact(exact)
        .at([])
        .point("p", at(-3.0, 1.0))
        .draws([50])
        .repeats(2000)
        .budget(0)
        .run()
        .unwrap();
    let found = |name: &str| report.figures(name, "p", 50).unwrap().clone();
    let doubt = |name: &str| found(name).doubt.unwrap_or_default();
    // 5 % of 2,000, a standard error of ten.
    assert!((50..150).contains(&found("sometimes").not_finite), "{report}");
    assert!(doubt("hidden").contains("outside of its state"), "{report}");
    assert!(doubt("momentum").contains("have a correlation of 0.7"), "{report}");
    let biased = found("biased").bias.unwrap();
    assert!(biased.is_biased() && (biased.along - 0.01).abs() < 0.003, "{biased:?}");
    assert!(doubt("pathwise").is_empty() && !found("pathwise").bias.unwrap().is_biased());
    assert_eq!(report.recommendation.estimator.as_deref(), Some("pathwise"), "{report}");
    assert_eq!(report.ranks.len(), 1);
    let text = report.to_string();
    for words in ["gradients not finite", "outside of its state", "BIASED"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn two_gradients_have_no_errors_and_decide_nothing() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let study = GradientStudy::new(&target, &family).estimator("pathwise", Pathwise::default());
    let study = study.estimator("loo", ScoreFunction::default()).exact(exact).repeats(2).draws([5]).at([At::Init]);
    let report = study.budget(200).run().unwrap();
    let figures = report.figures("pathwise", "init", 5).unwrap();
    assert!(figures.total_variance.is_finite() && !figures.variance_interval.is_known());
    assert!(report.recommendation.estimator.is_none());
    let text = report.to_string();
    assert!(
        text.contains("no errors: 2 gradients of each kind are too few") && text.contains("too few to tell"),
        "{text}"
    );
}
