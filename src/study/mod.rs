//! The gradient laboratory: gradient estimators compared by measurement on one model.
//!
//! [`GradientStudy`] takes many gradients with each estimator at each point and reports bias, variance and cost with their
//! errors, the bound that each reaches with the same work, and which of them cannot be told apart.

mod arrive;
mod contest;
mod error;
mod judge;
mod maximised;
mod measure;
mod moments;
mod rank;
mod reach;
mod recommend;
mod report;
mod run;
mod sample;
mod show;
mod spread;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_bad;
mod watch;

pub use error::StudyError;
pub use maximised::Maximised;
pub(crate) use measure::Noise;
pub use report::{
    Bias, Cell, Figures, PointReport, Rank, Recommendation, ReferenceGradient, Refused, ShortFit, StudyReport,
};
pub use sample::Sample;
pub use spread::Interval;
pub use watch::{Progress, StudyObserver};

use crate::algorithm::Solution;
use crate::estimate::{AnyEstimator, GradientEstimator};
use crate::family::Family;
use crate::target::LogDensity;

/// The point of a fit at which gradients are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum At {
    /// The parameters that a fit begins with.
    Init,
    /// Half-way, in parameters, between the beginning and the optimum.
    Middle,
    /// The parameters at which a fit ends.
    Optimum,
}

impl At {
    /// Every point, in the order of a fit.
    pub const ALL: [At; 3] = [At::Init, At::Middle, At::Optimum];

    /// The name that reports give it.
    pub fn name(self) -> &'static str {
        match self {
            At::Init => "init",
            At::Middle => "middle",
            At::Optimum => "optimum",
        }
    }
}

/// The gradient at a point.
type ExactGradient<'a> = Box<dyn Fn(&Solution) -> Vec<f64> + 'a>;

/// An estimator with its name.
type Named<'a, T, F> = (String, Box<dyn AnyEstimator<T, F> + 'a>);

/// What every estimator's mean is held against.
enum Reference<'a, T: ?Sized, F: ?Sized> {
    /// A long run of the first estimator.
    First,
    /// A long run of this one.
    Estimator(String, Box<dyn AnyEstimator<T, F> + 'a>),
    /// A function of the point.
    Exact(ExactGradient<'a>),
}

/// Compares gradient estimators on one target and family.
///
/// ```
/// use jensen::estimate::{Pathwise, ScoreFunction, StickingTheLanding};
/// use jensen::family::MeanField;
/// use jensen::study::{At, GradientStudy};
/// use jensen::target::{HandWritten, LogDensity};
///
/// let target = HandWritten::new(&["z"], |z, grad| {
///     grad[0] = 1.0 - z[0];
///     -0.5 * (z[0] - 1.0).powi(2)
/// });
/// let family = MeanField::new(target.layout());
/// let report = GradientStudy::new(&target, &family)
///     .estimator("pathwise", Pathwise::default())
///     .estimator("sticking-the-landing", StickingTheLanding)
///     .estimator("score-loo", ScoreFunction::default())
///     .draws([2, 10])
///     .at([At::Init, At::Optimum])
///     .run()?;
/// let noise = |name| report.figures(name, "optimum", 10).map_or(f64::NAN, |f| f.total_variance);
/// assert!(noise("sticking-the-landing") < noise("pathwise"));
/// assert!(noise("pathwise") < noise("score-loo") || noise("score-loo") < 1e-3);
/// # Ok::<(), jensen::study::StudyError>(())
/// ```
///
/// *Bias* is held against a long run of the first estimator, unless [`reference`](Self::reference) or
/// [`exact`](Self::exact) give better: name an unbiased estimator first. *Cost*: see [`repeats`](Self::repeats) and
/// [`budget`](Self::budget). Everything but wall times is a function of the seed.
pub struct GradientStudy<'a, T: ?Sized, F: ?Sized> {
    target: &'a T,
    family: &'a F,
    estimators: Vec<Named<'a, T, F>>,
    objective: Maximised,
    reference: Reference<'a, T, F>,
    guide: Option<Named<'a, T, F>>,
    start: Option<Solution>,
    optimum: Option<Solution>,
    at: Vec<At>,
    own: Vec<(String, Solution)>,
    num_draws: Vec<usize>,
    repeats: usize,
    budget: u64,
    seed: u64,
    observer: Option<&'a mut dyn StudyObserver>,
}

impl<'a, T: LogDensity + ?Sized, F: Family + ?Sized> GradientStudy<'a, T, F> {
    /// A study without estimators yet: 1, 10 and 100 draws at init, middle and optimum.
    pub fn new(target: &'a T, family: &'a F) -> Self {
        GradientStudy {
            target,
            family,
            estimators: Vec::new(),
            objective: Maximised::Elbo,
            reference: Reference::First,
            guide: None,
            start: None,
            optimum: None,
            at: At::ALL.to_vec(),
            own: Vec::new(),
            num_draws: vec![1, 10, 100],
            repeats: 1000,
            budget: 20_000,
            seed: 0,
            observer: None,
        }
    }

    /// Adds an estimator under a name of its own.
    #[must_use]
    pub fn estimator(mut self, name: &str, estimator: impl GradientEstimator<T, F> + 'a) -> Self {
        self.estimators.push((name.into(), Box::new(estimator)));
        self
    }

    /// What the estimators estimate the gradient of, all of them the same: the ELBO unless chosen.
    ///
    /// It names the study and values its short fits; reference and first estimator must be of this objective too, and
    /// [`guide`](Self::guide) may be of another. A [`Maximised::Forward`] or a bound of `particles` draws goes with
    /// numbers of draws that its estimators take.
    #[must_use]
    pub fn objective(mut self, objective: Maximised) -> Self {
        self.objective = objective;
        self
    }

    /// Measures bias against a long run of `estimator`, which must be unbiased; one without noise is exact.
    #[must_use]
    pub fn reference(mut self, name: &str, estimator: impl GradientEstimator<T, F> + 'a) -> Self {
        self.reference = Reference::Estimator(name.into(), Box::new(estimator));
        self
    }

    /// Measures bias against `gradient(point)`: in the parameters of q, then in those of the model.
    #[must_use]
    pub fn exact(mut self, gradient: impl Fn(&Solution) -> Vec<f64> + 'a) -> Self {
        self.reference = Reference::Exact(Box::new(gradient));
        self
    }

    /// Follows `estimator` to the optimum, and not the reference or the first estimator.
    #[must_use]
    pub fn guide(mut self, name: &str, estimator: impl GradientEstimator<T, F> + 'a) -> Self {
        self.guide = Some((name.into(), Box::new(estimator)));
        self
    }

    /// Where fits begin, unless a q of standard deviation 0.1 around zero.
    #[must_use]
    pub fn start(mut self, start: Solution) -> Self {
        self.start = Some(start);
        self
    }

    /// Where a fit ended; without it, Adam follows the reference estimator until the bound levels off.
    #[must_use]
    pub fn optimum(mut self, optimum: Solution) -> Self {
        self.optimum = Some(optimum);
        self
    }

    /// Where gradients are taken; replaces the points chosen before, those of [`point`](Self::point) apart.
    #[must_use]
    pub fn at(mut self, points: impl IntoIterator<Item = At>) -> Self {
        self.at = points.into_iter().collect();
        self
    }

    /// Takes gradients at a point of your own too.
    #[must_use]
    pub fn point(mut self, name: &str, point: Solution) -> Self {
        self.own.push((name.into(), point));
        self
    }

    /// Numbers of draws of a gradient.
    #[must_use]
    pub fn draws(mut self, num_draws: impl IntoIterator<Item = usize>) -> Self {
        self.num_draws = num_draws.into_iter().collect();
        self
    }

    /// Gradients of each kind (1000 unless chosen); those between which the noise does not decide have up to four times
    /// as many. Every figure comes with its error, which with heavy tails is far above that of a Gaussian gradient.
    #[must_use]
    pub fn repeats(mut self, repeats: usize) -> Self {
        self.repeats = repeats;
        self
    }

    /// Density evaluations of each short fit (20,000 unless chosen); 0 for no fits.
    #[must_use]
    pub fn budget(mut self, evaluations: u64) -> Self {
        self.budget = evaluations;
        self
    }

    /// The seed of all randomness.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sees the study at every gradient; breaking ends it with what is finished.
    #[must_use]
    pub fn observer(mut self, observer: &'a mut dyn StudyObserver) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Takes all gradients and compares them.
    ///
    /// An estimator that fails, or gives gradients that are not finite, is reported as such and the study goes on.
    ///
    /// # Errors
    /// When the study was asked for in a way that makes no sense.
    pub fn run(mut self) -> Result<StudyReport, StudyError> {
        let observer = self.observer.take();
        self.run_seen(observer)
    }

    /// Gradients there will be, and their draws, about.
    pub(crate) fn work(&self) -> (u64, u64) {
        run::work(self)
    }

    /// As [`run`](Self::run), for an observer that lives less long than the rest.
    pub(crate) fn run_seen(self, observer: Option<&mut dyn StudyObserver>) -> Result<StudyReport, StudyError> {
        self.check()?;
        Ok(run::run(&self, observer))
    }

    fn check(&self) -> Result<(), StudyError> {
        let refuse = |name, words: String| Err(StudyError::setting(name, words));
        self.family.covers(self.target.layout())?;
        for (k, (name, _)) in self.estimators.iter().enumerate() {
            if self.estimators[..k].iter().any(|(other, _)| other == name) {
                return refuse(
                    "estimators",
                    format!("two estimators are called `{name}`; give each a name of its own"),
                );
            }
        }
        if self.estimators.is_empty() {
            return refuse("estimators", "a study needs at least one estimator".into());
        }
        if self.num_draws.is_empty() {
            return refuse("draws", "a study needs at least one number of draws".into());
        }
        if self.num_draws.contains(&0) {
            return refuse("draws", "a gradient needs at least one draw, not 0".into());
        }
        if self.at.is_empty() && self.own.is_empty() {
            return refuse("points", "a study needs at least one point".into());
        }
        if self.repeats < 2 {
            let words = format!("{} gradients of each kind say nothing of a variance; take 500", self.repeats);
            return refuse("repeats", words);
        }
        self.check_points()
    }

    fn check_points(&self) -> Result<(), StudyError> {
        let (params, theta) = (self.family.num_params(), self.target.layout().num_parameters);
        let own = self.own.iter().map(|(name, at)| (name.as_str(), at));
        let given = self.start.iter().map(|at| ("init", at)).chain(self.optimum.iter().map(|at| ("optimum", at)));
        for (name, at) in given.chain(own) {
            if (at.params.len(), at.theta.len()) != (params, theta) {
                return Err(StudyError::setting(
                    "points",
                    format!(
                        "the point `{name}` has {} parameters of q and {} of the model; the family has {params} and the model {theta}",
                        at.params.len(),
                        at.theta.len(),
                    ),
                ));
            }
        }
        Ok(())
    }
}
