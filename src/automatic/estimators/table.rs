//! The table: a row for each estimator with a name.

use super::super::adapters::{ByTerms, ForFamily, OfIntegers, OneGroup};
use super::super::objectives::{Kind, RENYI};
use super::{EstimatorChoice, EstimatorEntry, FamilyChoice, MixedEstimator, MixedFamily, Needs, RealEstimator, Sizes};
use crate::estimate::{
    Arm, Arms, Baseline, Carms, ControlVariate, Curvature, DisArm, DoubleControl, DoublyReparameterized, Entropy,
    Enumerate, GradientEstimator, GumbelSoftmax, Hybrid, IndeCateR, LeaveOneOut, LocalDisArm, LocalExpectation,
    MeasureValued, Mixed, MultiSamplePathwise, Pathwise, Price, RealGradient, Rebar, Relax, ResidualStein, Rodeo,
    ScoreFunction, StickingTheLanding, StraightThrough, UnorderedSet, Vimco, WakePhase,
};
use crate::family::{CategoricalFactors, FullRank, MeanField};
use crate::model::Layout;
use crate::objective::ImportanceWeighted;
use crate::target::Differentiable;

const ENTRY: EstimatorEntry = EstimatorEntry {
    choice: EstimatorChoice::Rule,
    about: "",
    pathwise: true,
    least_draws: (1, 1),
    moves_theta: true,
    biased: false,
    families: &[],
    measured: true,
    relaxes: false,
    kind: None,
    needs: Needs::Nothing,
    real: None,
    mixed: None,
};

const SCORE: EstimatorEntry = EstimatorEntry { pathwise: false, moves_theta: false, ..ENTRY };

const RELAXED: EstimatorEntry = EstimatorEntry { relaxes: true, ..ENTRY };

/// The draws of a step share a logarithm or a normalisation.
const MANY: EstimatorEntry = EstimatorEntry { measured: false, ..ENTRY };

const WEIGHTED: EstimatorEntry = EstimatorEntry { kind: Some(Kind::ImportanceWeighted), ..MANY };

const OF_RENYI: EstimatorEntry = EstimatorEntry { kind: Some(Kind::Renyi), ..MANY };

/// From values alone.
const OF_VALUES: EstimatorEntry =
    EstimatorEntry { pathwise: false, moves_theta: false, least_draws: (2, 2), ..WEIGHTED };

/// The temperature of relaxed integers.
const TEMPERATURE: f64 = 0.5;

/// Real latents by sticking the landing, integers by `discrete`.
fn beside<'t, D>(discrete: D) -> MixedEstimator<'t>
where
    Hybrid<D>: GradientEstimator<dyn Differentiable + 't, MixedFamily> + 't,
{
    Box::new(Hybrid { real: RealGradient::StickingTheLanding, discrete })
}

fn control_variate<'t>(layout: &Layout, family: FamilyChoice) -> RealEstimator<'t> {
    let estimator = ControlVariate { curvature: Curvature::Full };
    match family {
        FamilyChoice::FullRank => Box::new(ForFamily { family: FullRank::new(layout.num_latents), estimator }),
        _ => Box::new(ForFamily { family: MeanField::new(layout), estimator }),
    }
}

fn price<'t>(layout: &Layout, family: FamilyChoice) -> RealEstimator<'t> {
    match family {
        FamilyChoice::FullRank => Box::new(ForFamily { family: FullRank::new(layout.num_latents), estimator: Price }),
        _ => Box::new(ForFamily { family: MeanField::new(layout), estimator: Price }),
    }
}

/// A method for integers: without a pass for real latents where there are none.
fn alone_or_beside<'t, D>(layout: &Layout, discrete: D) -> MixedEstimator<'t>
where
    D: GradientEstimator<dyn Differentiable + 't, CategoricalFactors> + 't,
    Hybrid<D>: GradientEstimator<dyn Differentiable + 't, MixedFamily> + 't,
{
    if Sizes::of(layout).are_alone { Box::new(OfIntegers(discrete)) } else { beside(discrete) }
}

/// The decay of the moving average: it looks back about ten steps.
const DECAY: f64 = 0.9;

/// Every estimator with a name.
pub(super) static TABLE: &[EstimatorEntry] = &[
    EstimatorEntry {
        choice: EstimatorChoice::StickingTheLanding,
        about: "Reparameterised draws without the score term: no noise where q is exact",
        least_draws: (1, 2),
        real: Some(|_, _, _| Box::new(StickingTheLanding)),
        mixed: Some(|_, _| beside(LeaveOneOut)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Pathwise,
        about: "Reparameterised draws, entropy in closed form",
        least_draws: (1, 2),
        real: Some(|_, _, _| Box::new(Pathwise { entropy: Entropy::ClosedForm })),
        mixed: Some(|_, _| Box::new(Hybrid { real: RealGradient::Pathwise, discrete: LeaveOneOut })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::PathwiseMcEntropy,
        about: "Reparameterised draws, entropy from the same draws",
        real: Some(|_, _, _| Box::new(Pathwise { entropy: Entropy::MonteCarlo })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Mixed,
        about: "Half pathwise, half sticking the landing, from the same draws",
        real: Some(|_, _, _| Box::new(Mixed { share: 0.5 })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::ControlVariate,
        about: "Pathwise less its quadratic surrogate; for mean-field and full-rank",
        families: &[FamilyChoice::MeanField, FamilyChoice::FullRank],
        real: Some(|layout, family, _| control_variate(layout, family)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::ResidualStein,
        about: "As sticking-the-landing with a symmetric scale, the default fit's own; for full-rank",
        families: &[FamilyChoice::FullRank],
        real: Some(|layout, _, _| {
            Box::new(ForFamily { family: FullRank::new(layout.num_latents), estimator: ResidualStein })
        }),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Price,
        about: "The scale by the Hessian, 2 gradients a latent and draw; for mean-field and full-rank",
        families: &[FamilyChoice::MeanField, FamilyChoice::FullRank],
        measured: false,
        real: Some(|layout, family, _| price(layout, family)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::MeasureValued,
        about: "Differences of values at coupled draws, 4 a latent; for mean-field",
        families: &[FamilyChoice::MeanField],
        measured: false,
        real: Some(|layout, _, _| Box::new(ForFamily { family: MeanField::new(layout), estimator: MeasureValued })),
        ..SCORE
    },
    EstimatorEntry {
        choice: EstimatorChoice::Enumerate,
        about: "Integers: every joint value, exact",
        needs: Needs::Joint,
        mixed: Some(|layout, _| alone_or_beside(layout, Enumerate)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::LocalExpectation,
        about: "Integers: one at a time summed out given the others",
        mixed: Some(|_, _| beside(LocalExpectation)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::DisArm,
        about: "Integers of two values: antithetic pairs, averaged over what they leave open",
        needs: Needs::Binary,
        mixed: Some(|_, _| beside(DisArm)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Arm,
        about: "Integers of two values: antithetic pairs",
        needs: Needs::Binary,
        mixed: Some(|_, _| beside(Arm)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Arms,
        about: "Integers of two values: leave-one-out with draws that avoid one another; 2 draws",
        least_draws: (2, 2),
        needs: Needs::Binary,
        mixed: Some(|_, _| beside(Arms)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Carms,
        about: "Integers: leave-one-out with draws that avoid one another; 2 draws",
        least_draws: (2, 2),
        mixed: Some(|_, _| beside(Carms)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::DoubleControl,
        about: "Integers: leave-one-out less a surrogate from the slopes at the other draws; 2 draws",
        least_draws: (2, 2),
        mixed: Some(|layout, _| alone_or_beside(layout, DoubleControl)),
        ..RELAXED
    },
    EstimatorEntry {
        choice: EstimatorChoice::Rodeo,
        about: "Integers: leave-one-out with discrete Stein control variates; 2 draws",
        least_draws: (2, 2),
        mixed: Some(|layout, _| alone_or_beside(layout, Rodeo)),
        ..RELAXED
    },
    EstimatorEntry {
        choice: EstimatorChoice::IndeCateR,
        about: "Integers outside of rows: one at a time summed out, with others of its own",
        needs: Needs::Outside,
        measured: false,
        mixed: Some(|_, _| beside(IndeCateR)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::UnorderedSet,
        about: "Integers outside of rows: four different joint values, drawn without replacement",
        needs: Needs::Outside,
        mixed: Some(|_, _| beside(UnorderedSet { size: 4 })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Rebar,
        about: "Integers: score function less that of their relaxation, scale learned",
        mixed: Some(|_, _| beside(Rebar { temperature: TEMPERATURE })),
        ..RELAXED
    },
    EstimatorEntry {
        choice: EstimatorChoice::Relax,
        about: "Integers: as rebar, with a learned linear surrogate",
        mixed: Some(|_, _| beside(Relax { temperature: TEMPERATURE })),
        ..RELAXED
    },
    EstimatorEntry {
        choice: EstimatorChoice::GumbelSoftmax,
        about: "Integers relaxed to weights: little noise, biased",
        biased: true,
        mixed: Some(|_, _| beside(GumbelSoftmax { temperature: TEMPERATURE })),
        ..RELAXED
    },
    EstimatorEntry {
        choice: EstimatorChoice::StraightThrough,
        about: "Integers with the slope of their relaxation: little noise, biased",
        biased: true,
        mixed: Some(|_, _| beside(StraightThrough { temperature: TEMPERATURE })),
        ..RELAXED
    },
    EstimatorEntry {
        choice: EstimatorChoice::RaoBlackwell,
        about: "Score function, each latent with its own terms; for mean-field and integers; 2 draws",
        least_draws: (2, 2),
        families: &[FamilyChoice::MeanField],
        real: Some(|layout, _, _| Box::new(ForFamily { family: MeanField::new(layout), estimator: ByTerms })),
        mixed: Some(|_, _| Box::new(ByTerms)),
        ..SCORE
    },
    EstimatorEntry {
        choice: EstimatorChoice::ScoreControlVariate,
        about: "Score function less the best multiple of the score: needs at least 3 draws",
        least_draws: (3, 3),
        real: Some(|_, _, _| Box::new(ScoreFunction { baseline: Baseline::ControlVariate })),
        mixed: Some(|_, _| Box::new(ScoreFunction { baseline: Baseline::ControlVariate })),
        ..SCORE
    },
    EstimatorEntry {
        choice: EstimatorChoice::ScoreLoo,
        about: "Score function with a leave-one-out baseline: needs at least 2 draws",
        least_draws: (2, 2),
        real: Some(|_, _, _| Box::new(ScoreFunction { baseline: Baseline::LeaveOneOut })),
        mixed: Some(|_, _| Box::new(ScoreFunction { baseline: Baseline::LeaveOneOut })),
        ..SCORE
    },
    EstimatorEntry {
        choice: EstimatorChoice::ScoreMovingAverage,
        about: "Score function less a running mean of earlier steps",
        measured: false,
        real: Some(|_, _, _| Box::new(ScoreFunction { baseline: Baseline::MovingAverage { decay: DECAY } })),
        mixed: Some(|_, _| Box::new(ScoreFunction { baseline: Baseline::MovingAverage { decay: DECAY } })),
        ..SCORE
    },
    EstimatorEntry {
        choice: EstimatorChoice::Score,
        about: "Score function (REINFORCE): needs no gradient of the model, very noisy",
        real: Some(|_, _, _| Box::new(ScoreFunction { baseline: Baseline::None })),
        mixed: Some(|_, _| Box::new(ScoreFunction { baseline: Baseline::None })),
        ..SCORE
    },
    EstimatorEntry {
        choice: EstimatorChoice::ImportanceWeighted,
        about: "Another bound, log of the step's mean weight: plain gradient, noisier the more draws",
        real: Some(|_, _, _| {
            Box::new(OneGroup::new(1, |particles| MultiSamplePathwise { objective: ImportanceWeighted, particles }))
        }),
        ..WEIGHTED
    },
    EstimatorEntry {
        choice: EstimatorChoice::DoublyReparameterised,
        about: "That bound along the path alone: less noise the more draws",
        real: Some(|_, _, _| {
            Box::new(OneGroup::new(1, |particles| DoublyReparameterized { objective: ImportanceWeighted, particles }))
        }),
        ..WEIGHTED
    },
    EstimatorEntry {
        choice: EstimatorChoice::Vimco,
        about: "That bound from values alone, each draw with the others as baseline; 2 draws",
        real: Some(|_, _, _| Box::new(OneGroup::new(2, |particles| Vimco { particles }))),
        mixed: Some(|_, _| Box::new(OneGroup::new(2, |particles| Vimco { particles }))),
        ..OF_VALUES
    },
    EstimatorEntry {
        choice: EstimatorChoice::LocalDisArm,
        about: "That bound for integers of two values alone, by antithetic pairs",
        needs: Needs::BinaryAlone,
        mixed: Some(|_, _| Box::new(OfIntegers(LocalDisArm))),
        least_draws: (1, 1),
        ..OF_VALUES
    },
    EstimatorEntry {
        choice: EstimatorChoice::Renyi,
        about: "Another bound, Renyi's of order 0.5 of the step's draws: plain gradient",
        real: Some(|_, _, _| {
            Box::new(OneGroup::new(1, |particles| MultiSamplePathwise { objective: RENYI, particles }))
        }),
        ..OF_RENYI
    },
    EstimatorEntry {
        choice: EstimatorChoice::RenyiDoublyReparameterised,
        about: "Renyi's bound along the path alone",
        real: Some(|_, _, _| {
            Box::new(OneGroup::new(1, |particles| DoublyReparameterized { objective: RENYI, particles }))
        }),
        ..OF_RENYI
    },
    EstimatorEntry {
        choice: EstimatorChoice::WakePhase,
        about: "Another aim, q to cover the posterior: weighted scores, biased; take many draws",
        biased: true,
        kind: Some(Kind::Forward),
        real: Some(|_, _, _| Box::new(OneGroup::new(2, |particles| WakePhase { particles }))),
        mixed: Some(|_, _| Box::new(OneGroup::new(2, |particles| WakePhase { particles }))),
        ..OF_VALUES
    },
];
