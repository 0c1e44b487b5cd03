//! What plans are decided for which models.

use super::*;

fn layout(latents: usize, row_latents: usize, integers: usize, theta: usize) -> Layout {
    Layout {
        num_latents: latents,
        num_row_latents: row_latents,
        num_integers: integers,
        num_parameters: theta,
        num_rows: 10,
        ..Layout::default()
    }
}

#[test]
fn auto_follows_the_kinds_of_latents() {
    use {FamilyChoice as F, OptimizerChoice as O};
    let cases = [
        (layout(10, 0, 0, 0), F::FullRank, O::NaturalGradient),
        (layout(500, 0, 0, 0), F::LowRank, O::Adam),
        (layout(3, 1, 0, 0), F::MeanField, O::Adam),
        (layout(3, 0, 1, 0), F::MeanField, O::Adam),
        (layout(3, 0, 0, 2), F::FullRank, O::Adam),
    ];
    for (layout, family, optimizer) in cases {
        let plan = decide(&layout, None, Wishes::default(), &OwnNames::default(), Gradient::There).unwrap();
        assert_eq!((plan.family, plan.optimizer), (family, optimizer), "{plan}");
    }
}

#[test]
fn auto_follows_the_graph_where_steps_on_it_are_cheap() {
    use {FamilyChoice as F, OptimizerChoice as O};
    let of = |layout: &Layout, is_affordable: bool, wishes: Wishes| {
        let structure = Structure { words: "2 shared, 498 in blocks of 1".into(), num_latents: 500, is_affordable };
        decide(layout, Some(structure), wishes, &OwnNames::default(), Gradient::There).unwrap()
    };
    let (none, batch) = (Wishes::default(), Wishes { minibatch: Minibatch::Shuffled(5), ..Wishes::default() });
    let adam = Wishes { optimizer: O::Adam, ..none };
    let cases = [
        (layout(500, 0, 0, 0), true, none, F::Sparse, O::NaturalGradient),
        (layout(500, 0, 0, 0), false, none, F::LowRank, O::Adam),
        (layout(3, 1, 0, 0), true, none, F::Sparse, O::NaturalGradient),
        (layout(3, 1, 0, 0), true, batch, F::MeanField, O::Adam),
        (layout(3, 1, 0, 0), true, adam, F::MeanField, O::Adam),
        (layout(3, 1, 0, 2), true, none, F::MeanField, O::Adam),
    ];
    for (layout, is_affordable, wishes, family, optimizer) in cases {
        let plan = of(&layout, is_affordable, wishes);
        assert_eq!((plan.family, plan.optimizer), (family, optimizer), "{plan}");
    }
    let plan = of(&layout(500, 0, 0, 0), true, none);
    assert!(plan.reasons[0].contains("2 shared, 498 in blocks of 1") && !plan.paths, "{:?}", plan.reasons);
}

#[test]
fn what_does_not_go_together_is_refused_with_a_remedy() {
    let wishes = |family, optimizer, estimator| Wishes { family, optimizer, estimator, ..Wishes::default() };
    use {EstimatorChoice as E, FamilyChoice as F, OptimizerChoice as O};
    let cases = [
        (layout(3, 0, 0, 1), wishes(F::FullRank, O::NaturalGradient, E::Auto), "theta"),
        (layout(3, 0, 0, 0), wishes(F::MeanField, O::NaturalGradient, E::Auto), "full-rank"),
        (layout(3, 1, 0, 0), wishes(F::FullRank, O::Auto, E::Auto), "rows"),
        (layout(3, 0, 1, 0), wishes(F::MeanField, O::Lbfgs, E::Auto), "adam"),
        (layout(3, 0, 0, 1), wishes(F::Auto, O::Auto, E::Score), "theta"),
        (layout(3, 0, 0, 0), wishes(F::MeanField, O::Lbfgs, E::ScoreLoo), "adam"),
    ];
    for (layout, wishes, word) in cases {
        let error = decide(&layout, None, wishes, &OwnNames::default(), Gradient::There).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_learning_rate_that_nothing_reads_is_refused() {
    let layout = Layout { num_latents: 3, ..Layout::default() };
    let of = |optimizer| {
        let wishes = Wishes { optimizer, family: FamilyChoice::FullRank, ..Wishes::default() };
        decide(&layout, None, wishes, &OwnNames::default(), Gradient::There)
            .and_then(|plan| check_stochastic("a learning rate", &plan))
    };
    for optimizer in [OptimizerChoice::NaturalGradient, OptimizerChoice::Lbfgs, OptimizerChoice::NewtonCg] {
        let said = of(optimizer).expect_err("nothing reads it").to_string();
        assert!(said.contains("no use for a learning rate") && said.contains("adam"), "{said}");
    }
    assert!(of(OptimizerChoice::Adam).is_ok());
}
