//! Estimators compared by name: what is refused, and other objectives than the ELBO.

use jensen::automatic::{Compare, EstimatorChoice, FamilyChoice};
use jensen::prelude::*;
use jensen::study::{At, Maximised, StudyReport};

/// A model written as a closure.
struct Written<F>(F);

impl<F: Fn(&LogJoint) + Sync> Model for Written<F> {
    fn log_joint(&self, p: &LogJoint) {
        (self.0)(p);
    }
}

fn named(names: &str) -> Vec<EstimatorChoice> {
    names.split(',').map(|name| name.parse().unwrap()).collect()
}

/// The names of the estimators that were measured, each once.
fn names(report: &StudyReport) -> Vec<&str> {
    let mut names: Vec<&str> = report.cells.iter().map(|c| c.estimator.as_str()).collect();
    names.dedup();
    names
}

fn biased(report: &StudyReport, name: &str) -> bool {
    let mut own = report.cells.iter().filter(|c| c.estimator == name).map(|c| c.figures.as_ref().unwrap());
    own.any(|f| f.bias.as_ref().unwrap().is_biased())
}

#[test]
fn each_objective_is_a_study_of_its_own() {
    let model = Written(|p: &LogJoint| {
        let x = p.draws("x", normal(1.0, 2.0), 2);
        p.add(-(0.8 * x.at(0) - x.at(1)).exp() - 0.2 * x.at(0).square());
    });
    let all = "pathwise,disarm,importance-weighted,doubly-reparameterised,vimco,renyi,wake-phase";
    let compare = || Compare::new(&model).family(FamilyChoice::MeanField).draws([1, 8]).budget(4000).repeats(400);
    let report = compare().at([At::Init, At::Optimum]).estimators(named(all)).run().unwrap();
    let refused: Vec<&str> = report.refused.iter().map(|r| r.estimator.as_str()).collect();
    assert_eq!(refused, ["disarm", "vimco", "wake-phase"], "{report}");
    assert!(report.refused[0].reason.contains("this model has none"), "{report}");
    assert_eq!(report.refused[1].reason, "vimco needs at least 2 draws, not 1");
    assert_eq!((report.objective, names(&report)), (Maximised::Elbo, vec!["pathwise"; 1]));
    let objectives: Vec<Maximised> = report.others.iter().map(|r| r.objective).collect();
    use Maximised::{Forward, ImportanceWeighted, Renyi};
    let (alpha, particles) = (0.5, 8);
    let expected = [
        ImportanceWeighted { particles: 1 },
        ImportanceWeighted { particles },
        Renyi { alpha, particles: 1 },
        Renyi { alpha, particles },
        Forward { particles },
    ];
    assert_eq!(objectives, expected);
    let tight = &report.others[1];
    assert_eq!(names(tight)[..3], ["importance-weighted", "doubly-reparameterised", "vimco"]);
    for name in ["importance-weighted", "doubly-reparameterised", "vimco"] {
        assert!(!biased(tight, name), "{name}: {report}");
    }
    // Against the ELBO's gradient they are far off: the objectives have to be told apart.
    let (elbo, own) =
        (report.figures("pathwise", "init", 8).unwrap(), tight.figures("doubly-reparameterised", "init", 8).unwrap());
    let in_errors = (0..elbo.mean.len()).map(|k| {
        let noise = (elbo.variance[k] / elbo.repeats as f64 + own.variance[k] / own.repeats as f64).sqrt();
        (elbo.mean[k] - own.mean[k]).abs() / noise
    });
    assert!(in_errors.fold(0.0, f64::max) > 6.0, "{report}");
    // The wake phase of eight draws is biased, and said to be.
    let forward = report.others.last().unwrap();
    assert!(biased(forward, "wake-phase") && forward.recommendation.estimator.is_none(), "{report}");
    // The best q of the bound of eight draws has a bound above that of the best q of the ELBO.
    let reached = |report: &StudyReport, name: &str| report.fits.iter().find(|f| f.estimator == name).unwrap().bound;
    assert!(reached(tight, "doubly-reparameterised") > reached(&report, "pathwise"), "{report}");
    assert_eq!(report.points[1].params, tight.points[1].params, "all at the same optimum");
    let sentence = &report.recommendation.sentence;
    assert!(sentence.contains("Use pathwise") && !sentence.contains("weighted"), "{sentence}");
    let text = report.to_string();
    for words in
        ["not compared\ndisarm is for", "gradients of the importance-weighted bound of 8 draws, which no other"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<StudyReport>(&json).unwrap().others.len(), 5);
}

#[test]
fn integers_have_the_bounds_of_values() {
    let model = Written(|p: &LogJoint| {
        let on = p.draw_integer("on", bernoulli(0.3)).to_real();
        let z = p.draw("z", normal(2.0 * on, 1.0));
        p.observe(1.2, normal(z, 0.7));
    });
    let compare = || Compare::new(&model).draws([6]).at([At::Init]).budget(600).repeats(1000);
    let report =
        compare().estimators(named("local-expectation,vimco,wake-phase,enumerate,disarm,renyi")).run().unwrap();
    assert_eq!(report.refused.len(), 1, "{report}");
    assert!(report.refused[0].reason.contains("renyi has no gradient for integer latents"), "{report}");
    assert!(!report.refused[0].reason.contains("vimco"), "other objectives are no remedy: {report}");
    let tight = &report.others[0];
    assert_eq!((names(tight), biased(tight, "vimco")), (vec!["vimco"], false), "{report}");
    assert!(tight.points[0].reference.as_ref().unwrap().source.contains("the bound's score function"));
}

#[test]
fn where_none_can_be_compared_every_reason_is_said() {
    let model = Written(|p: &LogJoint| {
        let _ = p.draw("x", normal(1.0, 2.0));
    });
    let compare = |names: &str| Compare::new(&model).family(FamilyChoice::FullRank).estimators(named(names));
    let error = compare("disarm,measure-valued").run().unwrap_err().to_string();
    assert!(error.contains("disarm is for integer") && error.contains("mean-field family, not full-rank"), "{error}");
    let error = compare("score-control-variate").draws([2]).run().unwrap_err().to_string();
    assert!(error.contains("needs at least 3 draws, not 2; raise"), "{error}");
    // One that can be is enough; what brings its family along does so where that was left open.
    let report = compare("pathwise,measure-valued").draws([2]).budget(0).repeats(20).run().unwrap();
    assert_eq!((names(&report), report.refused.len()), (vec!["pathwise"], 1));
    let open = Compare::new(&model).estimators(named("pathwise,measure-valued")).draws([2]).budget(0).repeats(20);
    let report = open.run().unwrap();
    assert_eq!((report.family.contains("mean-field"), report.refused.len()), (true, 0), "{report}");
}

#[test]
fn an_interrupt_ends_the_later_objectives_too() {
    let model = Written(|p: &LogJoint| {
        let _ = p.draw("x", normal(1.0, 2.0));
    });
    let mut last = 0;
    let mut observer = |progress: &jensen::study::Progress| {
        assert!(progress.done < progress.total && progress.done >= last);
        last = progress.done;
        if progress.doing.starts_with("doubly-reparameterised") {
            std::ops::ControlFlow::Break(())
        } else {
            std::ops::ControlFlow::Continue(())
        }
    };
    let compare = Compare::new(&model).draws([2, 4]).at([At::Init]).budget(100).repeats(20);
    let compare = compare.estimators(named("pathwise,doubly-reparameterised,renyi"));
    let report = compare.observer(&mut observer).run().unwrap();
    assert!(!report.complete && report.cells.len() == 2 && report.others.len() == 1);
    assert!(report.to_string().contains("interrupted"));
}

#[test]
fn a_model_that_accepts_no_draw_is_compared_in_words() {
    let model = Written(|p: &LogJoint| {
        let x = p.draw("x", normal(1.0, 2.0));
        p.add((-1.0 - x.square()).ln());
    });
    let report = Compare::new(&model).draws([2]).repeats(20).budget(40).at([At::Init]).run();
    // Where no start is found the comparison ends there; where one is, every line says what is wrong.
    let words = report.map_or_else(|error| error.to_string(), |report| report.to_string());
    assert!(words.contains("not finite") || words.contains("no finite"), "{words}");
    assert!(!words.contains("Use "), "{words}");
}
