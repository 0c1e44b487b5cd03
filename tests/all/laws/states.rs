//! What estimators keep from step to step is saved with a fit, and nothing else moves a later number.

use super::bell::*;
use super::cases::*;
use jensen::estimate::*;
use jensen::family::{
    CategoricalFactors, Family, GammaFactors, MeanField, PoissonFactors, Product, Reparam, TracedFamily,
};
use jensen::layers::{InitialWeights, Likelihood, Vae};
use jensen::model::RowSet;
use jensen::objective::Renyi;
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{DensityError, Differentiable, LogDensity, Target};
use jensen::testing::laws::{self, Case};
use serde::{Deserialize, Serialize};

/// Steps, after which REBAR, which sees two evaluations of each draw, follows its own scale.
const STEPS: usize = 12;

/// Holds an estimator to the law at `params`, in all rows and in a minibatch of them.
fn resumes<F: Family, E: GradientEstimator<Target, F>>(
    estimator: &E,
    (target, family): (&Target, &F),
    (params, theta): (&[f64], &[f64]),
    sets: &[RowSet],
) {
    for rows in sets {
        let case = Case { layout: target.layout(), params, theta, rows, streams: Streams::new(3), num_draws: 4 };
        named(family, &case, laws::resumes(estimator, target, family, &case, STEPS));
    }
}

#[test]
fn estimators_of_reals_go_on_to_the_same_bits() {
    type Any = Box<dyn AnyEstimator<Target, MeanField>>;
    let target = ok(Target::new(&rows_model()));
    let family = MeanField::new(target.layout());
    let params = somewhere(&family, 2);
    let score = |baseline| Box::new(ScoreFunction { baseline });
    let objective = Renyi { alpha: 0.5 };
    let of_all_rows: [Any; 5] = [
        Box::new(MultiSamplePathwise { objective, particles: 2 }),
        Box::new(DoublyReparameterized { objective, particles: 2 }),
        Box::new(Vimco { particles: 2 }),
        Box::new(ImportanceWeightedScore { particles: 2 }),
        Box::new(WakePhase { particles: 2 }),
    ];
    let of_any_rows: [Any; 15] = [
        Box::new(CLOSED),
        Box::new(MONTE_CARLO),
        Box::new(StickingTheLanding),
        Box::new(Mixed { share: 0.3 }),
        Box::new(ControlVariate::default()),
        Box::new(ControlVariate { curvature: Curvature::Diagonal { probes: 2 } }),
        Box::new(Price),
        Box::new(MeasureValued),
        Box::new(RaoBlackwell),
        Box::new(Overdispersed::default()),
        score(Baseline::None),
        score(Baseline::LeaveOneOut),
        score(Baseline::MovingAverage { decay: 0.9 }),
        score(Baseline::ControlVariate),
        score(Baseline::Rows { rate: 0.2 }),
    ];
    let sets = [RowSet::all(), RowSet::minibatch(vec![3, 1], 6)];
    of_all_rows.iter().for_each(|e| resumes(e, (&target, &family), (&params, &[]), &sets[..1]));
    of_any_rows.iter().for_each(|e| resumes(e, (&target, &family), (&params, &[]), &sets));
}

/// Integers in rows and outside of them, and a real latent.
struct Blocks;

impl Model for Blocks {
    fn log_joint(&self, p: &LogJoint) {
        let z = p.draw("z", normal(0.0, 1.0));
        let k = p.draw_integer("k", bernoulli(0.4)).to_real();
        let x = Column::new([0.3, -0.2, 1.0, 0.8]);
        p.rows(4, |i| {
            let own = i.draw_integer("own", bernoulli(0.4)).to_real();
            i.observe(x.at(i), normal(z * own + 0.5 * k, 1.0));
        });
    }
}

/// Two integers outside of rows.
struct Few;

impl Model for Few {
    fn log_joint(&self, p: &LogJoint) {
        let z = p.draw("z", normal(0.0, 1.0));
        let k = p.draw_integer("k", bernoulli(0.4)).to_real();
        let l = p.draw_integer("l", categorical(Vector::constant(&[0.2, 0.5, 0.3]))).to_real();
        p.observe(0.7, normal(z + k * l, 1.0));
    }
}

#[test]
fn gradients_of_integers_go_on_to_the_same_bits() {
    type Any = Box<dyn AnyEstimator<Target, Product<MeanField, CategoricalFactors>>>;
    let temperature = 0.5;
    let everywhere: [Any; 10] = [
        Box::new(Hybrid::<LeaveOneOut>::default()),
        Box::new(Hybrid::<LocalExpectation>::default()),
        Box::new(Hybrid { real: RealGradient::StickingTheLanding, discrete: GumbelSoftmax { temperature } }),
        Box::new(Hybrid { real: RealGradient::Pathwise, discrete: StraightThrough { temperature } }),
        Box::new(Hybrid { real: RealGradient::Pathwise, discrete: Rebar { temperature } }),
        Box::new(Hybrid { real: RealGradient::Pathwise, discrete: LearnedRebar { temperature } }),
        Box::new(Hybrid { real: RealGradient::Pathwise, discrete: Relax { temperature } }),
        Box::new(Hybrid::<Carms>::default()),
        Box::new(Hybrid::<DoubleControl>::default()),
        Box::new(Hybrid::<Rodeo>::default()),
    ];
    let binary: [Any; 3] = [
        Box::new(Hybrid::<DisArm>::default()),
        Box::new(Hybrid::<Arm>::default()),
        Box::new(Hybrid::<Arms>::default()),
    ];
    let outside: [Any; 3] = [
        Box::new(Hybrid::<Enumerate>::default()),
        Box::new(Hybrid::<IndeCateR>::default()),
        Box::new(Hybrid { real: RealGradient::Pathwise, discrete: UnorderedSet { size: 3 } }),
    ];
    let sets = [RowSet::all(), RowSet::minibatch(vec![3, 1], 4)];
    let check = |model: &dyn Model, estimators: &[Any], sets: &[RowSet]| {
        let target = ok(Target::new(model));
        let family = Product::new(MeanField::of_dimension(1), ok(CategoricalFactors::new(target.layout())));
        let params = somewhere(&family, 1);
        estimators.iter().for_each(|e| resumes(e, (&target, &family), (&params, &[]), sets));
    };
    check(&Blocks, &everywhere, &sets);
    check(&Blocks, &binary, &sets);
    check(&Few, &everywhere, &sets[..1]);
    check(&Few, &outside, &sets[..1]);
}

#[test]
fn measure_valued_gradients_of_counts_and_gamma_laws_go_on_to_the_same_bits() {
    struct Counts;
    impl Model for Counts {
        fn log_joint(&self, p: &LogJoint) {
            p.draw_integer("all", poisson(3.0));
            p.rows(3, |i| _ = i.draw_integer("own", poisson(1.5)));
        }
    }
    struct Positive;
    impl Model for Positive {
        fn log_joint(&self, p: &LogJoint) {
            let x = p.positive("x");
            p.add(2.5 * x.ln() - 0.4 * x.square());
        }
    }
    let sets = [RowSet::all(), RowSet::minibatch(vec![2, 0], 3)];
    let target = ok(Target::new(&Counts));
    let family = ok(PoissonFactors::new(target.layout()));
    resumes(&MeasureValued, (&target, &family), (&[0.7, 0.2, 1.1, 1.4], &[]), &sets);
    let target = ok(Target::new(&Positive));
    let family = GammaFactors::new(target.layout());
    resumes(&MeasureValued, (&target, &family), (&[0.3, 0.4], &[]), &sets[..1]);
}

#[test]
fn estimators_of_codes_go_on_to_the_same_bits() {
    let pixels: Vec<f64> = (0..9 * 4).map(|k| f64::from((k / 4 + k % 4) % 3 == 0)).collect();
    let model = |classes: usize| {
        let plain = Vae::new(ok(Matrix::new(pixels.clone(), 4)), 2, &[3], Likelihood::Bernoulli);
        if classes > 0 { plain.classes(classes) } else { plain }.start(InitialWeights::Glorot, 4)
    };
    let sets = [RowSet::all(), RowSet::minibatch(vec![5, 1, 3], 9)];
    let normal = model(0);
    let target = ok(Target::new(&normal));
    let family = ok(TracedFamily::new(&normal, target.layout()));
    let at = (&*family.init(&[], 1.0), &*normal.theta(target.layout()));
    let kl = ExactKl { beta: 0.7, free_nats: 0.1 };
    resumes(&kl, (&target, &family), at, &sets);
    resumes(&SemiAmortised { steps: 3, step_size: 0.5 }, (&target, &family), at, &sets);
    for path in [PathWeight::Total, PathWeight::Doubly] {
        resumes(&ImportanceWeightedRows { path }, (&target, &family), at, &sets);
    }
    let mixed = model(3);
    let target = ok(Target::new(&mixed));
    let family = ok(mixed.mixed_family(target.layout()));
    let at = (&*family.init(&[], 1.0), &*mixed.theta(target.layout()));
    resumes(&HybridKl { kl, discrete: LocalExpectation }, (&target, &family), at, &sets);
    resumes(&HybridKl { kl, discrete: Rebar { temperature: 0.5 } }, (&target, &family), at, &sets);
}

/// `grad_z log p` at the step's draws, with weights that fall from step to step by what `kept` has counted.
struct Fading {
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Steps are counted where they are not saved.
    NotSaved,
    /// Steps are counted in the buffers.
    InBuffers,
    /// The state cannot be written down.
    Unwritable,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Steps {
    saved: f64,
    #[serde(skip)]
    lost: f64,
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for Fading {
    type State = Steps;

    fn init(&self, _: &T, _: &F) -> Steps {
        Steps::default()
    }

    fn estimate(&self, of: &Task<T, F>, steps: &mut Steps, space: &mut Space) -> Result<Estimate, DensityError> {
        let counted = match self.fault {
            Some(Fault::NotSaved) => steps.lost,
            Some(Fault::InBuffers) => space.weights.len() as f64,
            _ => steps.saved,
        };
        (steps.saved, steps.lost) = (steps.saved + 1.0, steps.lost + 1.0);
        if self.fault == Some(Fault::Unwritable) {
            steps.saved = f64::INFINITY;
        }
        space.draw(of)?;
        space.differentiate(of)?;
        space.reject();
        space.weights.iter_mut().for_each(|w| *w /= 1.0 + counted);
        space.weigh();
        space.pullback(of);
        Ok(Estimate { value: counted, rejected: 0, evaluations: of.at.num_draws })
    }
}

#[test]
fn what_is_kept_and_not_saved_is_seen() {
    let bell = Bell::new(2);
    let (target, family, rows) = (bell.target(), MeanField::of_dimension(2), RowSet::all());
    let (layout, params) = (target.layout(), [0.3, -0.2, -0.4, 0.35]);
    let case = Case { layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(1), num_draws: 3 };
    let found = |fault| laws::resumes(&Fading { fault }, &target, &family, &case, 3);
    ok(found(None));
    for (fault, place) in [
        (Fault::NotSaved, "step 1, the value"),
        (Fault::InBuffers, "step 1, the value"),
        (Fault::Unwritable, "step 1: invalid type: null"),
    ] {
        match found(Some(fault)) {
            Err(broken) => assert!(broken.place.contains(place), "{fault:?}: {broken}"),
            Ok(()) => panic!("a planted fault went unseen: {fault:?}"),
        }
    }
}

/// A fit that changes its estimator on the way begins the new one's state; one that was saved is held to the estimator.
#[test]
fn a_state_belongs_to_its_estimator() {
    type Any = Box<dyn AnyEstimator<Target, MeanField>>;
    let (target, rows) = (ok(Target::new(&rows_model())), RowSet::all());
    let (layout, family) = (target.layout(), MeanField::new(target.layout()));
    let params = somewhere(&family, 2);
    let case = Case { layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(1), num_draws: 3 };
    let task = case.task(&target, &family);
    let fading: Any = Box::new(Fading { fault: None });
    let moving: Any = Box::new(ScoreFunction { baseline: Baseline::MovingAverage { decay: 0.9 } });
    let (mut state, mut space) = (fading.init(&target, &family), Space::default());
    let mut value =
        |estimator: &Any, state: &mut ErasedState| estimator.estimate(&task, state, &mut space).map(|e| e.value);
    assert_eq!((ok(value(&fading, &mut state)), ok(value(&fading, &mut state))), (0.0, 1.0));
    let saved = ok(serde_json::to_string(&state));
    ok(value(&moving, &mut state));
    assert_eq!(ok(value(&fading, &mut state)), 0.0, "it begins anew");
    let mut restored: ErasedState = ok(serde_json::from_str(&saved));
    assert!(fading.fits(&restored, &target, &family) && !moving.fits(&restored, &target, &family));
    assert_eq!(ok(value(&fading, &mut restored.clone())), 2.0);
    let error = value(&moving, &mut restored).unwrap_err().to_string();
    assert!(error.contains("the saved state of an estimator cannot be read"), "{error}");
}
