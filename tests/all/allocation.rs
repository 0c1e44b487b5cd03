//! No step allocates memory after the first, with one thread.

use jensen::algorithm::{Algorithm, Minibatch, NaturalGradient, Solution, StochasticVi};
use jensen::estimate::{
    Baseline, ControlVariate, Curvature, Design, DoublyReparameterized, Entropy, GradientEstimator, MeasureValued,
    Mixed, MultiSamplePathwise, Pathwise, ScoreFunction, StickingTheLanding, Vimco, WakePhase,
};
use jensen::family::{Delta, Family, FullRank, LowRank, MeanField, Reparam, StudentTNoise};
use jensen::objective::{ImportanceWeighted, Renyi};
use jensen::optimize::{Adam, Average};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

struct Regression {
    x: Matrix,
    group: IntColumn,
    y: Column,
}

impl Model for Regression {
    fn log_joint(&self, p: &LogJoint) {
        let w = p.draws("w", normal(0.0, 1.0), 3);
        let a = p.draws("a", normal(0.0, 1.0), 4);
        let s = p.draw("s", half_cauchy(1.0));
        p.rows(self.y.len(), |i| {
            let mean = self.x.at(i).dot(&w) + a.at(self.group.at(i));
            i.observe(self.y.at(i), normal(mean, s));
        });
    }
}

fn model() -> Regression {
    let value = |k: usize| ((k * 37) % 23) as f64 / 11.0 - 1.0;
    Regression {
        x: Matrix::new((0..600).map(value).collect::<Vec<_>>(), 3).expect("whole rows"),
        group: IntColumn::new((0..200).map(|k| (k % 4) as u32).collect::<Vec<_>>()),
        y: Column::new((0..200).map(|k| value(k + 5)).collect::<Vec<_>>()),
    }
}

fn allocations<F: Reparam, E: GradientEstimator<Target, F>>(family: F, estimator: E, minibatch: Minibatch) -> u64 {
    allocations_of(family, estimator, minibatch, Design::Independent, 5)
}

fn allocations_of<F: Reparam, E: GradientEstimator<Target, F>>(
    family: F,
    estimator: E,
    minibatch: Minibatch,
    design: Design,
    num_draws: usize,
) -> u64 {
    let target = Target::new(&model()).expect("a valid model");
    steps_of(&target, &family, estimator, minibatch, design, num_draws)
}

fn steps_of<F: Reparam, E: GradientEstimator<Target, F>>(
    target: &Target,
    family: &F,
    estimator: E,
    minibatch: Minibatch,
    design: Design,
    num_draws: usize,
) -> u64 {
    let dimension = target.layout().num_latents;
    let vi = StochasticVi {
        target,
        family,
        estimator,
        optimizer: Adam::default(),
        average: Average::default(),
        num_draws,
        design,
        minibatch,
        start: Solution { params: family.init(&vec![0.0; dimension], 0.1), theta: vec![] },
        streams: Streams::new(3),
    };
    let mut state = vi.init().expect("a valid start");
    for _ in 0..10 {
        vi.step(&mut state).expect("a step");
    }
    let counted = allocation_counter::measure(|| {
        for _ in 0..50 {
            vi.step(&mut state).expect("a step");
        }
    });
    counted.count_total
}

#[test]
fn pathwise_steps_allocate_nothing() {
    assert_eq!(allocations(MeanField::of_dimension(8), Pathwise::default(), Minibatch::Full), 0);
    assert_eq!(allocations(FullRank::new(8), Pathwise::default(), Minibatch::Full), 0);
    assert_eq!(allocations(MeanField::of_dimension(8), Pathwise::default(), Minibatch::Shuffled(64)), 0);
    let monte_carlo = Pathwise { entropy: Entropy::MonteCarlo };
    assert_eq!(allocations(MeanField::of_dimension(8), monte_carlo, Minibatch::Full), 0);
}

#[test]
fn many_draws_allocate_nothing() {
    for num_draws in [64, 300] {
        let family = MeanField::of_dimension(8);
        let counted = allocations_of(family, Pathwise::default(), Minibatch::Full, Design::Independent, num_draws);
        assert_eq!(counted, 0, "{num_draws}");
    }
}

#[test]
fn sticking_the_landing_allocates_nothing() {
    assert_eq!(allocations(MeanField::of_dimension(8), StickingTheLanding, Minibatch::Full), 0);
    assert_eq!(allocations(FullRank::new(8), StickingTheLanding, Minibatch::Full), 0);
    assert_eq!(allocations(MeanField::of_dimension(8), StickingTheLanding, Minibatch::Replaced(32)), 0);
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1.0; 10])));
    assert_eq!(counted.count_total, 1);
}

#[test]
fn score_function_steps_allocate_nothing() {
    let score = ScoreFunction { baseline: Baseline::LeaveOneOut };
    assert_eq!(allocations(MeanField::of_dimension(8), score, Minibatch::Full), 0);
}

#[test]
fn designs_allocate_nothing() {
    for design in [Design::Antithetic, Design::LatinHypercube, Design::QuasiRandom] {
        let family = MeanField::of_dimension(8);
        assert_eq!(allocations_of(family, Pathwise::default(), Minibatch::Full, design, 6), 0, "{design:?}");
    }
}

#[test]
fn multi_sample_and_controlled_steps_allocate_nothing() {
    let (mean_field, full_rank) = (|| MeanField::of_dimension(8), || FullRank::new(8));
    let diagonal = ControlVariate { curvature: Curvature::Diagonal { probes: 2 } };
    let renyi = MultiSamplePathwise { objective: Renyi { alpha: 0.5 }, particles: 5 };
    let double = DoublyReparameterized { objective: ImportanceWeighted, particles: 5 };
    assert_eq!(allocations(full_rank(), renyi, Minibatch::Full), 0);
    assert_eq!(allocations(full_rank(), double, Minibatch::Full), 0);
    assert_eq!(allocations(mean_field(), Vimco { particles: 5 }, Minibatch::Full), 0);
    assert_eq!(allocations(mean_field(), WakePhase { particles: 5 }, Minibatch::Full), 0);
    assert_eq!(allocations(full_rank(), Mixed { share: 0.5 }, Minibatch::Shuffled(64)), 0);
    assert_eq!(allocations(full_rank(), ControlVariate::default(), Minibatch::Shuffled(64)), 0);
    assert_eq!(allocations(mean_field(), diagonal, Minibatch::Shuffled(64)), 0);
    assert_eq!(allocations(mean_field(), MeasureValued, Minibatch::Shuffled(64)), 0);
}

#[test]
fn every_gaussian_family_allocates_nothing() {
    let target = Target::new(&model()).expect("a valid model");
    let student = StudentTNoise::new(FullRank::new(8), 5.0).expect("a valid family");
    assert_eq!(allocations(LowRank::new(8, 2), Pathwise::default(), Minibatch::Full), 0);
    assert_eq!(allocations(student, Pathwise::default(), Minibatch::Full), 0);
    assert_eq!(allocations(Delta::new(target.layout()), Pathwise::default(), Minibatch::Full), 0);
}

/// Latents in rows: x_i ~ N(z_i, 1), z_i ~ N(mu, 1).
struct Local;

impl Model for Local {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 2.0));
        let x = Column::new((0..300).map(|k| f64::from(k % 7) - 3.0).collect::<Vec<_>>());
        p.rows(300, |i| {
            let z = i.draw("z", normal(mu, 1.0));
            i.observe(x.at(i), normal(z, 1.0));
        });
    }
}

#[test]
fn latents_of_rows_allocate_nothing() {
    let target = Target::new(&Local).expect("a valid model");
    for minibatch in [Minibatch::Full, Minibatch::Shuffled(50)] {
        let family = MeanField::new(target.layout());
        assert_eq!(steps_of(&target, &family, Pathwise::default(), minibatch, Design::Independent, 5), 0);
    }
}

/// Steps within a window; the end of one, each half as long again as the last, makes room for the next.
#[test]
fn natural_gradient_steps_allocate_at_the_ends_of_windows_alone() {
    let target = Target::new(&model()).expect("a valid model");
    let family = FullRank::new(8);
    let start = family.init(&[0.0; 8], 0.1);
    let streams = Streams::new(3);
    let algorithm = NaturalGradient { target: &target, family: &family, num_draws: 64, start, tolerance: 0.0, streams };
    let mut state = algorithm.init().expect("a valid start");
    let mut steps = || allocation_counter::measure(|| _ = algorithm.step(&mut state).expect("a step")).count_total;
    steps();
    let counted: Vec<u64> = (0..200).map(|_| steps()).collect();
    let busy = counted.iter().filter(|n| **n > 0).count();
    // Six windows end in this time, each in at most two steps.
    assert!(busy <= 12, "{busy} of 200 steps allocated: {counted:?}");
}
