//! An optimiser chosen by name.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    AdaGrad, AdaGradState, Adam, AdamState, AdamW, Clip, Clipped, ClippedState, Dog, DogState, Dowg, OptimizeError,
    Optimizer, RmsProp, RmsPropState, Schedule, Sgd, SgdState,
};

/// One of the rules of this room, for a choice made at run time.
///
/// ```
/// use jensen::optimize::AnyOptimizer;
///
/// let rule: AnyOptimizer = "dowg".parse()?;
/// assert_eq!(rule.name(), "dowg");
/// # Ok::<(), jensen::optimize::OptimizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AnyOptimizer {
    /// Adam, by the name `adam`.
    Adam(Adam),
    /// Adam with weight decay, by the name `adamw`.
    AdamW(AdamW),
    /// AdaGrad, by the name `adagrad`.
    AdaGrad(AdaGrad),
    /// RMSprop, by the name `rmsprop`.
    RmsProp(RmsProp),
    /// Gradient ascent, by the name `sgd`.
    Sgd(Sgd),
    /// Distance over gradients, by the name `dog`.
    Dog(Dog),
    /// Distance over weighted gradients, by the name `dowg`.
    Dowg(Dowg),
    /// One of the others behind a clip.
    Clipped(Box<Clipped<AnyOptimizer>>),
}

/// The state of an [`AnyOptimizer`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AnyState {
    /// The state of `adam`.
    Adam(AdamState),
    /// The state of `adamw`.
    AdamW(AdamState),
    /// The state of `adagrad`.
    AdaGrad(AdaGradState),
    /// The state of `rmsprop`.
    RmsProp(RmsPropState),
    /// The state of `sgd`.
    Sgd(SgdState),
    /// The state of `dog`.
    Dog(DogState),
    /// The state of `dowg`.
    Dowg(DogState),
    /// The state of a rule behind a clip.
    Clipped(Box<ClippedState<AnyState>>),
}

impl AnyOptimizer {
    /// Every name that parses, the default first.
    pub const NAMES: [&str; 7] = ["adam", "adamw", "adagrad", "rmsprop", "sgd", "dog", "dowg"];

    /// The name that parses to this rule, or to the one behind its clip.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Adam(_) => "adam",
            Self::AdamW(_) => "adamw",
            Self::AdaGrad(_) => "adagrad",
            Self::RmsProp(_) => "rmsprop",
            Self::Sgd(_) => "sgd",
            Self::Dog(_) => "dog",
            Self::Dowg(_) => "dowg",
            Self::Clipped(rule) => rule.inner.name(),
        }
    }

    /// This rule with another step size; for DoG and DoWG it multiplies the step they find.
    #[must_use]
    pub fn with_step_size(mut self, step_size: impl Into<Schedule>) -> Self {
        let place = match &mut self {
            Self::Clipped(rule) => {
                rule.inner = std::mem::take(&mut rule.inner).with_step_size(step_size);
                return self;
            }
            Self::Adam(rule) => &mut rule.step_size,
            Self::AdamW(rule) => &mut rule.adam.step_size,
            Self::AdaGrad(rule) => &mut rule.step_size,
            Self::RmsProp(rule) => &mut rule.step_size,
            Self::Sgd(rule) => &mut rule.step_size,
            Self::Dog(rule) => &mut rule.step_size,
            Self::Dowg(rule) => &mut rule.step_size,
        };
        *place = step_size.into();
        self
    }

    /// This rule with clipped gradients.
    #[must_use]
    pub fn with_clip(self, clip: Clip) -> Self {
        Self::Clipped(Box::new(Clipped { inner: self, clip }))
    }
}

impl Default for AnyOptimizer {
    /// The optimiser that is used where none is chosen: Adam.
    fn default() -> Self {
        Self::Adam(Adam::default())
    }
}

impl FromStr for AnyOptimizer {
    type Err = OptimizeError;

    /// The rule of this name with its default settings; case and hyphens do not matter.
    fn from_str(name: &str) -> Result<Self, OptimizeError> {
        match name.to_lowercase().replace(['-', '_'], "").as_str() {
            "adam" => Ok(Self::Adam(Adam::default())),
            "adamw" => Ok(Self::AdamW(AdamW::default())),
            "adagrad" => Ok(Self::AdaGrad(AdaGrad::default())),
            "rmsprop" => Ok(Self::RmsProp(RmsProp::default())),
            "sgd" => Ok(Self::Sgd(Sgd::default())),
            "dog" => Ok(Self::Dog(Dog::default())),
            "dowg" => Ok(Self::Dowg(Dowg::default())),
            _ => Err(OptimizeError::UnknownName { name: name.to_owned() }),
        }
    }
}

impl Optimizer for AnyOptimizer {
    type State = AnyState;

    fn init(&self, params: &[f64]) -> AnyState {
        match self {
            Self::Adam(rule) => AnyState::Adam(rule.init(params)),
            Self::AdamW(rule) => AnyState::AdamW(rule.init(params)),
            Self::AdaGrad(rule) => AnyState::AdaGrad(rule.init(params)),
            Self::RmsProp(rule) => AnyState::RmsProp(rule.init(params)),
            Self::Sgd(rule) => AnyState::Sgd(rule.init(params)),
            Self::Dog(rule) => AnyState::Dog(rule.init(params)),
            Self::Dowg(rule) => AnyState::Dowg(rule.init(params)),
            Self::Clipped(rule) => AnyState::Clipped(Box::new(rule.init(params))),
        }
    }

    /// As the rule chosen; the state of another rule is first replaced by a fresh one.
    fn ascend(&self, state: &mut AnyState, grad: &[f64], params: &mut [f64]) {
        match (self, &mut *state) {
            (Self::Adam(rule), AnyState::Adam(state)) => rule.ascend(state, grad, params),
            (Self::AdamW(rule), AnyState::AdamW(state)) => rule.ascend(state, grad, params),
            (Self::AdaGrad(rule), AnyState::AdaGrad(state)) => rule.ascend(state, grad, params),
            (Self::RmsProp(rule), AnyState::RmsProp(state)) => rule.ascend(state, grad, params),
            (Self::Sgd(rule), AnyState::Sgd(state)) => rule.ascend(state, grad, params),
            (Self::Dog(rule), AnyState::Dog(state)) => rule.ascend(state, grad, params),
            (Self::Dowg(rule), AnyState::Dowg(state)) => rule.ascend(state, grad, params),
            (Self::Clipped(rule), AnyState::Clipped(state)) => rule.ascend(state, grad, params),
            _ => {
                *state = self.init(params);
                self.ascend(state, grad, params);
            }
        }
    }

    fn fits(&self, state: &AnyState, num_params: usize) -> bool {
        match (self, state) {
            (Self::Adam(rule), AnyState::Adam(state)) => rule.fits(state, num_params),
            (Self::AdamW(rule), AnyState::AdamW(state)) => rule.fits(state, num_params),
            (Self::AdaGrad(rule), AnyState::AdaGrad(state)) => rule.fits(state, num_params),
            (Self::RmsProp(rule), AnyState::RmsProp(state)) => rule.fits(state, num_params),
            (Self::Sgd(rule), AnyState::Sgd(state)) => rule.fits(state, num_params),
            (Self::Dog(rule), AnyState::Dog(state)) => rule.fits(state, num_params),
            (Self::Dowg(rule), AnyState::Dowg(state)) => rule.fits(state, num_params),
            (Self::Clipped(rule), AnyState::Clipped(state)) => rule.fits(state, num_params),
            // It is replaced by a fresh one.
            _ => true,
        }
    }

    fn check(&self) -> Result<(), OptimizeError> {
        match self {
            Self::Adam(rule) => rule.check(),
            Self::AdamW(rule) => rule.check(),
            Self::AdaGrad(rule) => rule.check(),
            Self::RmsProp(rule) => rule.check(),
            Self::Sgd(rule) => rule.check(),
            Self::Dog(rule) => rule.check(),
            Self::Dowg(rule) => rule.check(),
            Self::Clipped(rule) => rule.check(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_a_rule_of_that_name_with_valid_settings() {
        for name in AnyOptimizer::NAMES {
            let rule: AnyOptimizer = name.parse().expect(name);
            assert_eq!((rule.name(), rule.check()), (name, Ok(())));
        }
        assert_eq!("RMS-prop".parse::<AnyOptimizer>().map(|rule| rule.name()), Ok("rmsprop"));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_choices() {
        let error = "adm".parse::<AnyOptimizer>().expect_err("no such rule");
        assert_eq!(
            error.to_string(),
            "unknown optimiser `adm`: expected one of adam, adamw, adagrad, rmsprop, sgd, dog, dowg; \
             try `adam`"
        );
    }

    #[test]
    fn a_bad_step_size_is_found_in_every_rule() {
        for name in AnyOptimizer::NAMES {
            let rule: AnyOptimizer = name.parse().expect(name);
            assert!(rule.with_step_size(-1.0).check().is_err(), "{name}");
        }
    }

    #[test]
    fn a_clip_acts_before_the_rule_and_keeps_its_name() {
        let rule = AnyOptimizer::Sgd(Sgd::default()).with_clip(Clip::Norm(2.5)).with_step_size(0.5);
        assert_eq!((rule.name(), rule.check()), ("sgd", Ok(())));
        let mut params = [1.0, 1.0];
        let mut state = rule.init(&params);
        rule.ascend(&mut state, &[3.0, -4.0], &mut params);
        assert_eq!(params, [1.75, 0.0]);
        assert!(AnyOptimizer::default().with_clip(Clip::Norm(-1.0)).check().is_err());
    }

    #[test]
    fn the_state_of_another_rule_is_replaced() {
        let (adam, dog) = (AnyOptimizer::default(), AnyOptimizer::Dog(Dog::default()));
        let (mut params, mut state) = ([1.0], dog.init(&[0.0]));
        adam.ascend(&mut state, &[2.0], &mut params);
        assert!(matches!(state, AnyState::Adam(_)));
        assert!((params[0] - 1.1).abs() < 1e-8, "Adam's first step is its step size: {params:?}");
    }
}
