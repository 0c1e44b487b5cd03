//! Flows on the axes of a Gaussian: tried where the Gaussian is not trusted, kept where they are better, and by name.

use jensen::automatic::family_of;
use jensen::diagnose::verdict::Trust;
use jensen::family::{Affine, Family, Flow, FullRank};
use jensen::model::{Draws, Model, RowSet};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::{FamilyChoice, Fit, Fitted, OptimizerChoice};

/// `x ~ N(0, 1)`, `y ~ N(x^2, 1/2)`, written so that no site says that y has a location: means 0 and 1, sds 1 and 1.5, log
/// evidence 0.
fn banana() -> impl Model {
    model(|p| {
        let x = p.draw("x", normal(0.0, 1.0));
        let y = p.real("y");
        p.add(normal(x.square(), 0.5).log_density(y));
    })
}

fn is_right(fitted: &Fitted) -> bool {
    let truth = [("x", 0.0, 1.0), ("y", 1.0, 1.5)];
    let summary = fitted.summary();
    truth.iter().all(|(name, mean, sd)| {
        let line = summary.iter().find(|line| line.name == *name).expect("a line");
        (line.mean - mean).abs() < 0.1 * sd && (0.9..1.1).contains(&(line.sd / sd))
    })
}

#[test]
fn a_bent_posterior_is_climbed_to_by_a_flow() {
    let model = banana();
    let gaussian = Fit::new(&model).family(FamilyChoice::FullRank).run().unwrap();
    // A flow was not asked for, and a family was.
    assert!(gaussian.bound().elbo.value < -0.5 && gaussian.tried.flow.is_none(), "{gaussian}");
    assert_ne!(gaussian.verdict().trust, Trust::Trust, "{gaussian}");
    for seed in 0..2 {
        let fitted = Fit::new(&model).seed(seed).run().unwrap();
        let words = fitted.tried.flow.clone().expect("a flow was tried");
        assert!(words.ends_with("kept") && fitted.plan.family == FamilyChoice::Flow, "{words}");
        // Nine tenths of what the best Gaussian lacks, and no more than there is.
        let bound = fitted.bound().elbo;
        assert!(bound.value > -0.08 && bound.value < 3.0 * bound.mcse, "{fitted}");
        // Its far ends, where y is beyond 8, may have few draws: then it says so.
        assert!(fitted.verdict().trust != Trust::Trust || is_right(&fitted), "{fitted}\n{}", fitted.tried);
        // Every second draw is the image of a Student-t: the weights average the evidence, zero.
        let evidence = fitted.bound().log_evidence;
        assert!(evidence.value.abs() < 0.02 + 4.0 * evidence.mcse, "{evidence:?}");
        assert_eq!(fitted.tried.chosen, fitted.tried.runs.len() - 1);
        assert!(fitted.evaluations > 32 * 500, "{}", fitted.evaluations);
    }
}

#[test]
fn a_gaussian_that_is_trusted_is_left_alone() {
    let fitted = Fit::new(&model(|p| {
        let a = p.draw("a", normal(0.0, 1.0));
        p.draw("b", normal(a, 0.1));
    }))
    .run()
    .unwrap();
    assert!(fitted.tried.flow.is_none() && fitted.plan.family == FamilyChoice::FullRank);
}

#[test]
fn a_flow_by_name_has_the_same_bits_for_any_threads_and_is_read_again() {
    let model = banana();
    let fit = |threads: usize| {
        Fit::new(&model).family(FamilyChoice::Flow).steps(600).restarts(1).threads(threads).run().unwrap()
    };
    let (one, two) = (fit(1), fit(2));
    assert_eq!(one.solution, two.solution);
    assert!(one.bound().elbo.value > -0.4, "{one}");
    let target = Target::new(&model).unwrap();
    let family = family_of(FamilyChoice::Flow, &target, &one.solution).unwrap();
    let draw = |family: &dyn Family| {
        let mut z = Draws::zeros(target.layout(), 0, 5);
        family.sample(&one.solution.params, &RowSet::all(), Streams::new(3), &mut z);
        z
    };
    assert_eq!(draw(&*family), draw(&*one.family));
    // One latent has no half that could move another, and gets planar layers.
    let skewed = jensen::prelude::model(|p| {
        let x = p.real("x");
        p.add(x - x.exp());
    });
    let fitted = Fit::new(&skewed).family(FamilyChoice::Flow).steps(500).restarts(1).run().unwrap();
    assert!(fitted.family.name().starts_with("planar flow"), "{}", fitted.family.name());
}

/// A run of L-BFGS with fixed draws ended with a bound of -3e12 on fresh ones.
#[test]
fn a_flow_has_no_fixed_draws() {
    for optimizer in [OptimizerChoice::Lbfgs, OptimizerChoice::NewtonCg] {
        let said = Fit::new(&banana()).family(FamilyChoice::Flow).optimizer(optimizer).run().unwrap_err().to_string();
        assert!(said.contains("a flow bends to the draws that") && said.contains("use adam"), "{said}");
    }
}

#[test]
fn flows_are_of_real_latents_outside_of_rows() {
    let rows = model(|p| {
        let y = Column::new([0.1, 0.2]);
        p.rows(2, |i| {
            let z = i.draw("z", normal(0.0, 1.0));
            i.observe(y.at(i), normal(z, 1.0));
        });
    });
    let said = Fit::new(&rows).family(FamilyChoice::Flow).run().unwrap_err().to_string();
    assert!(said.contains("the flow family covers latents outside of rows only"), "{said}");
}

/// A flow at the identity on the axes of a Gaussian is that Gaussian.
#[test]
fn it_starts_as_the_gaussian() {
    let target = Target::new(&banana()).unwrap();
    let (gaussian, flow) = (FullRank::new(2), Flow::real_nvp(4, 8).family(target.layout()).unwrap());
    let factor = nalgebra::DMatrix::from_row_slice(2, 2, &[2.0, 0.0, -0.6, 0.5]);
    let params = gaussian.params_from(&[1.0, -2.0], &factor);
    let affine = Affine::new(flow, 2);
    let mut z = Draws::zeros(target.layout(), 0, 50);
    gaussian.sample(&params, &RowSet::all(), Streams::new(4), &mut z);
    let (mut own, mut other) = (vec![0.0; 50], vec![0.0; 50]);
    gaussian.log_q(&params, &RowSet::all(), &z, &mut own);
    affine.log_q(&affine.params_on(&params), &RowSet::all(), &z, &mut other);
    assert!(own.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-10 * a.abs().max(1.0)));
}
