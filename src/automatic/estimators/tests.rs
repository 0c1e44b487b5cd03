//! The table of estimators, and its refusals.

use super::*;

#[test]
fn every_name_has_one_row_that_can_be_made() {
    let rules = [EstimatorChoice::Rule, EstimatorChoice::Auto];
    let layout = Layout::default();
    for choice in EstimatorChoice::ALL.iter().filter(|c| !rules.contains(c)) {
        assert_eq!(TABLE.iter().filter(|e| e.choice == *choice).count(), 1, "{choice}");
        let entry = choice.entry().unwrap();
        assert!(!entry.about.is_empty(), "{choice}");
        let real = [FamilyChoice::MeanField, FamilyChoice::FullRank].map(|family| entry.real(&layout, family).is_ok());
        assert!(real.contains(&true) || entry.mixed(&layout).is_ok(), "{choice}");
    }
    assert_eq!(TABLE.len(), EstimatorChoice::ALL.len() - rules.len());
}

#[test]
fn what_a_model_does_not_allow_is_refused_with_what_it_does() {
    let refusal = |choice: EstimatorChoice, layout: &Layout| {
        choice.entry().unwrap().refusal(layout, FamilyChoice::FullRank).unwrap_or_default()
    };
    let integers = Layout { num_integers: 1, ..Layout::default() };
    let theta = Layout { num_latents: 1, num_parameters: 1, ..Layout::default() };
    let words = refusal(EstimatorChoice::PathwiseMcEntropy, &integers);
    assert!(words.contains("integer latents") && words.contains("score-loo"), "{words}");
    let words = refusal(EstimatorChoice::Score, &theta);
    assert!(words.contains("theta") && words.contains("pathwise") && !words.contains("score-loo"), "{words}");
    let words = refusal(EstimatorChoice::DisArm, &theta);
    assert!(words.contains("this model has none") && !words.contains("score"), "{words}");
    let words = refusal(EstimatorChoice::MeasureValued, &Layout { num_parameters: 0, ..theta.clone() });
    assert!(words.contains("mean-field family, not full-rank"), "{words}");
    assert_eq!(refusal(EstimatorChoice::Score, &integers) + &refusal(EstimatorChoice::Pathwise, &theta), "");
}
