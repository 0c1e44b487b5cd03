use super::*;
use crate::posterior::Witness;

fn good() -> Evidence {
    Evidence {
        k_hat: 0.3,
        effective_share: 0.6,
        mean_error: 0.018,
        sd_error: 0.021,
        largest_weight: 40.0,
        unknown_sds: Vec::new(),
        even_means: None,
        num_draws: 4000,
        has_integers: false,
        converged: true,
        stop_reason: "step 812: bound settled".into(),
        rejected_share: 0.0,
        halves_disagreement: 0.02,
        restarts_disagreement: Some(0.03),
        residual: None,
        integrated: None,
        witness: None,
    }
}

/// The verdict on good evidence after one change.
fn with(change: impl FnOnce(&mut Evidence)) -> Verdict {
    let mut evidence = good();
    change(&mut evidence);
    Verdict::from_evidence(&evidence)
}

/// Exactly one reason and one piece of advice, each holding the given words.
#[track_caller]
fn check(found: &Verdict, trust: Trust, reason: &[&str], advice: &str) {
    assert_eq!(found.trust, trust, "{found}");
    assert_eq!(found.reasons.len(), 1, "{found}");
    assert_eq!(found.advice.len(), 1, "{found}");
    for words in reason {
        assert!(found.reasons[0].contains(words), "{found}");
    }
    assert!(found.advice[0].contains(advice), "{found}");
}

#[test]
fn good_evidence_is_trusted_with_every_number() {
    let found = with(|_| ());
    assert_eq!(found.trust, Trust::Trust);
    assert!(found.advice.is_empty());
    let text = found.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "verdict: trust",
            "  because the optimisation converged (step 812: bound settled)",
            "  because 0.00 % of the draws were rejected by the model, at most 1.00 %",
            "  because the two best restarts agree to 0.03 nats in the bound, within 0.10",
            "  because the means of two halves agree to 0.02 sd, within 0.10",
            "  because the Monte Carlo errors are 0.018 sd for the means and 2.1 % for the sds, at most 0.05 and 5 %",
            "  because k-hat is 0.30, at most 0.70, the limit for 4000 draws",
        ]
    );
    let single = with(|e| e.restarts_disagreement = None);
    assert_eq!((single.trust, single.reasons.len()), (Trust::Trust, 5));
}

#[test]
fn equal_weights_are_trusted() {
    let found = with(|e| e.k_hat = f64::NEG_INFINITY);
    assert_eq!(found.trust, Trust::Trust);
    assert!(found.reasons[5].contains("-inf"), "{found}");
    assert!(found.advice.is_empty());
}

#[test]
fn k_hat_between_half_and_the_limit_advises_weighting() {
    let found = with(|e| e.k_hat = 0.7);
    assert_eq!(found.trust, Trust::Trust);
    assert!(found.advice[0].contains("importance-weighted"), "{found}");
}

#[test]
fn k_hat_above_the_limit_leaves_the_means() {
    let found = with(|e| e.k_hat = 0.82);
    check(&found, Trust::TrustMeansOnly, &["0.82", "0.70", "4000"], "full rank");
    let close = with(|e| e.k_hat = 0.7004);
    check(&close, Trust::TrustMeansOnly, &["0.7004", "0.7000"], "Student-t");
}

#[test]
fn too_few_draws_for_the_k_hat_says_how_many() {
    let found = with(|e| (e.k_hat, e.num_draws) = (0.6, 200));
    check(&found, Trust::TrustMeansOnly, &["0.60", "0.57", "200"], "at least 317 draws");
    assert_eq!(with(|e| (e.k_hat, e.num_draws) = (0.6, 317)).trust, Trust::Trust);
    let none = with(|e| (e.k_hat, e.num_draws) = (f64::NEG_INFINITY, 24));
    check(&none, Trust::DoNotTrust, &["24", "25"], "4000 draws");
}

#[test]
fn k_hat_of_one_or_more_leaves_nothing() {
    for (k_hat, words) in [(1.0, "1.00"), (1.7, "1.70"), (f64::INFINITY, "inf")] {
        let found = with(|e| e.k_hat = k_hat);
        check(&found, Trust::DoNotTrust, &[words, "not below 1"], "richer family");
    }
    let nan = with(|e| e.k_hat = f64::NAN);
    check(&nan, Trust::DoNotTrust, &["not a number", "0.70"], "richer family");
}

#[test]
fn an_unfinished_optimisation_leaves_nothing() {
    let found = with(|e| {
        e.converged = false;
        e.stop_reason = "limit of 10000 steps".into();
    });
    check(&found, Trust::DoNotTrust, &["did not converge", "10000"], "more steps");
}

#[test]
fn rejected_draws() {
    let few = with(|e| e.rejected_share = 0.004);
    assert_eq!(few.trust, Trust::Trust);
    assert!(few.advice[0].contains("support"), "{few}");
    let some = with(|e| e.rejected_share = 0.04);
    check(&some, Trust::TrustMeansOnly, &["4.00 %", "1.00 %"], "support");
    let many = with(|e| e.rejected_share = 0.4);
    check(&many, Trust::DoNotTrust, &["40.00 %", "10.00 %"], "support");
    assert_eq!(with(|e| e.rejected_share = f64::NAN).trust, Trust::DoNotTrust);
}

#[test]
fn halves_that_disagree() {
    let some = with(|e| e.halves_disagreement = 0.2);
    check(&some, Trust::TrustMeansOnly, &["0.20 sd", "0.10"], "more draws");
    let much = with(|e| e.halves_disagreement = 0.5);
    check(&much, Trust::DoNotTrust, &["0.50 sd", "0.30"], "more draws");
    assert_eq!(with(|e| e.halves_disagreement = f64::NAN).trust, Trust::DoNotTrust);
}

#[test]
fn restarts_that_disagree() {
    let some = with(|e| e.restarts_disagreement = Some(0.5));
    check(&some, Trust::TrustMeansOnly, &["0.50 nats", "0.10"], "restarts");
    let much = with(|e| e.restarts_disagreement = Some(3.0));
    check(&much, Trust::DoNotTrust, &["3.00 nats", "1.00"], "mixture");
    assert_eq!(with(|e| e.restarts_disagreement = Some(f64::NAN)).trust, Trust::DoNotTrust);
}

#[test]
fn the_worst_finding_decides_and_comes_first() {
    let found = with(|e| {
        e.halves_disagreement = 0.2;
        e.k_hat = 1.2;
        e.converged = false;
    });
    assert_eq!(found.trust, Trust::DoNotTrust);
    assert!(found.reasons[0].contains("did not converge"), "{found}");
    assert!(found.reasons[1].contains("k-hat"), "{found}");
    assert!(found.reasons[2].contains("halves"), "{found}");
    // Advice stays in the order of action: converge, settle, enrich.
    assert!(found.advice[0].contains("more steps"), "{found}");
    assert!(found.advice[2].contains("richer family"), "{found}");
}

#[test]
fn worse_evidence_never_improves_the_verdict() {
    let inf = f64::INFINITY;
    let k_hats = [-inf, -0.2, 0.4, 0.55, 0.6, 0.7, 0.71, 0.99, 1.0, 2.0, inf, f64::NAN];
    let num_draws = [100_000, 1000, 25, 24, 0];
    let converged = [true, false];
    let shares = [0.0, 0.01, 0.011, 0.1, 0.11, 1.0, f64::NAN];
    let halves = [0.0, 0.1, 0.101, 0.3, 0.31, inf, f64::NAN];
    let restarts = [0.0, 0.1, 0.11, 1.0, 1.01, inf, f64::NAN];
    let sizes_of = [1.0, 0.9, 0.6, 0.25, 0.24, 0.2, 0.15, 0.1, 0.05, 0.0, f64::NAN];
    let errors = [0.0, 0.03, 0.06, 0.2, f64::NAN];
    let (shares, halves, restarts) =
        ([shares[0], shares[2], shares[6]], [halves[0], halves[2], halves[6]], [restarts[0], restarts[2], restarts[6]]);
    let sizes = [12, 5, 2, 3, 3, 3, 11, 5, 5, 2];
    // Mixed radix: the first axis varies fastest.
    let digits = |mut index: usize| {
        sizes.map(|size| {
            let digit = index % size;
            index /= size;
            digit
        })
    };
    let trust_at = |index: usize| {
        let at = digits(index);
        let evidence = Evidence {
            k_hat: k_hats[at[0]],
            effective_share: sizes_of[at[6]],
            mean_error: errors[at[7]],
            sd_error: errors[at[8]],
            largest_weight: [1.0, 11.0][at[9]],
            unknown_sds: Vec::new(),
            even_means: None,
            num_draws: num_draws[at[1]],
            has_integers: false,
            converged: converged[at[2]],
            stop_reason: String::new(),
            rejected_share: shares[at[3]],
            halves_disagreement: halves[at[4]],
            restarts_disagreement: Some(restarts[at[5]]),
            residual: None,
            integrated: None,
            witness: None,
        };
        Verdict::from_evidence(&evidence).trust
    };
    let trusts: Vec<Trust> = (0..sizes.iter().product()).map(trust_at).collect();
    assert_eq!(trusts[0], Trust::Trust);
    for (index, trust) in trusts.iter().enumerate() {
        let mut stride = 1;
        for (axis, size) in sizes.iter().enumerate() {
            if digits(index)[axis] + 1 < *size {
                let worse = trusts[index + stride];
                assert!(worse >= *trust, "{:?} along {axis}", digits(index));
            }
            stride *= size;
        }
    }
}

#[test]
fn halves_are_compared_in_sd_beyond_sampling_error() {
    let half = |a: f64, b: f64, error: f64, sd: f64| HalfMeans { means: [a, b], mcse: [error, error], sd };
    assert_eq!(halves_disagreement(&[half(1.0, 2.0, 0.0, 4.0)]), 0.25);
    // z = sqrt(2 ln 40) = 2.716203 for two latents; error of the difference 0.1 sqrt(2).
    let found = halves_disagreement(&[half(0.0, 0.0, 0.1, 1.0), half(3.0, 2.0, 0.1, 0.5)]);
    assert!((found - (1.0 - 2.716203 * 0.1414214) / 0.5).abs() < 1e-6);
    assert_eq!(halves_disagreement(&[half(1.0, 1.1, 0.1, 1.0)]), 0.0);
    assert!(halves_disagreement(&[]).is_nan());
    let point = |mean: f64| halves_disagreement(&[half(1.0, mean, 0.0, 0.0)]);
    assert_eq!((point(1.0), point(1.5)), (0.0, f64::INFINITY));
    // The weighted means of a point, or of draws an ulp apart, differ by an ulp, and by a thousandth where they do.
    assert_eq!((point(1.0_f64.next_up()), point(1.001)), (0.0, f64::INFINITY));
    assert_eq!(halves_disagreement(&[half(1e6, 1e6_f64.next_down(), 1e-12, 1e-11)]), 0.0);
    let bad = [half(f64::NAN, 0.0, 0.0, 1.0), half(0.0, 0.0, f64::NAN, 1.0), half(0.0, 0.0, 0.0, -1.0)];
    for bad in bad {
        let latents = [half(9.0, 0.0, 0.0, 1.0), bad, half(9.0, 0.0, 0.0, 1.0)];
        assert!(halves_disagreement(&latents).is_nan());
    }
}

#[test]
fn restarts_are_compared_with_the_runner_up() {
    assert_eq!(restarts_disagreement(&[(-10.0, 0.0)]), None);
    let stuck = [(-60.0, 0.0), (-10.0, 0.0), (-10.25, 0.0)];
    assert_eq!(restarts_disagreement(&stuck), Some(0.25));
    // Two bounds without noise, and an ulp of two nats apart.
    assert_eq!(restarts_disagreement(&[(-1e16, 0.0), ((-1e16_f64).next_down(), 0.0)]), Some(0.0));
    let noisy = restarts_disagreement(&[(-10.0, 0.3), (-11.5, 0.4)]);
    assert!((noisy.unwrap() - 0.5).abs() < 1e-12);
    assert_eq!(restarts_disagreement(&[(-10.0, 1.0), (-10.5, 1.0)]), Some(0.0));
    let failed = [(-10.0, 0.0), (f64::NAN, 0.0)];
    assert_eq!(restarts_disagreement(&failed), Some(f64::INFINITY));
    assert!(restarts_disagreement(&[(0.0, f64::NAN), (0.0, 0.0)]).unwrap().is_nan());
}

#[test]
fn evidence_and_verdict_survive_json() {
    for k_hat in [0.25, f64::NEG_INFINITY, f64::INFINITY] {
        for restarts in [None, Some(0.5), Some(f64::INFINITY)] {
            let mut evidence = good();
            evidence.k_hat = k_hat;
            evidence.restarts_disagreement = restarts;
            let text = serde_json::to_string(&evidence).unwrap();
            assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
            let verdict = Verdict::from_evidence(&evidence);
            let text = serde_json::to_string(&verdict).unwrap();
            assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
        }
    }
    assert_eq!(serde_json::to_string(&Trust::TrustMeansOnly).unwrap(), "\"trust-means-only\"");
    assert!(serde_json::from_str::<Evidence>("{\"k_hat\": \"much\"}").is_err());
}

#[test]
fn even_weights_are_trusted_whatever_the_shape_of_their_tail() {
    // One gamma-distributed latent under its Gaussian: k-hat 3.9 with an effective size of 3700 out of 4000.
    let verdict = with(|e| (e.k_hat, e.effective_share) = (3.9, 0.92));
    assert_eq!(verdict.trust, Trust::Trust);
    assert!(
        verdict
            .to_string()
            .contains("nearly even (effective size 3680 of 4000 draws, the largest 40.0 times their mean)"),
        "{verdict}"
    );
    for share in [0.89, 0.0, f64::NAN] {
        assert_eq!(with(|e| (e.k_hat, e.effective_share) = (3.9, share)).trust, Trust::DoNotTrust);
    }
    // A share of a half and no weight above ten times the mean leaves no room for a tail.
    let of = |share: f64, largest: f64| {
        with(|e| (e.k_hat, e.effective_share, e.largest_weight) = (2.4, share, largest)).trust
    };
    assert_eq!(of(0.5, 9.0), Trust::Trust);
    assert_eq!([of(0.5, 11.0), of(0.19, 9.0), of(0.5, f64::NAN)], [Trust::DoNotTrust; 3]);
}

#[test]
fn a_small_effective_share_is_no_right_fit_whatever_its_tail() {
    // A k-hat of 0.3 passes with a share of 0.2, or where the errors are reached all the same.
    let at = |k_hat: f64, share: f64, error: f64| {
        with(|e| (e.k_hat, e.effective_share, e.mean_error, e.sd_error) = (k_hat, share, error, error))
    };
    assert_eq!(at(0.3, 0.2, 0.04).trust, Trust::Trust);
    assert_eq!(at(0.3, 0.05, 0.02).trust, Trust::Trust);
    check(&at(0.3, 0.15, 0.04), Trust::TrustMeansOnly, &["worth 600 of 4000", "0.15, below 0.20"], "richer family");
    check(&at(0.3, 0.05, 0.04), Trust::DoNotTrust, &["worth 200 of 4000", "0.05, below 0.10"], "richer family");
    // A k-hat above its limit leaves the means to a share of a quarter, and nothing below.
    assert_eq!(at(0.82, 0.25, 0.01).trust, Trust::TrustMeansOnly);
    check(&at(0.82, 0.24, 0.01), Trust::DoNotTrust, &["0.82", "worth 960, less than a quarter"], "richer family");
}

#[test]
fn what_is_known_no_better_than_a_tenth_is_not_trusted() {
    let at = |mean: f64, sd: f64| with(|e| (e.mean_error, e.sd_error) = (mean, sd));
    assert_eq!(at(0.05, 0.05).trust, Trust::Trust);
    // Errors of 0.06 fall to 0.05 with 1.44 times as many draws.
    check(&at(0.06, 0.01), Trust::TrustMeansOnly, &["0.060 sd", "1.0 %", "more than 0.05 and 5 %"], "some 6000 draws");
    check(&at(0.01, 0.06), Trust::TrustMeansOnly, &["6.0 %"], "some 6000 draws");
    check(&at(0.12, 0.01), Trust::DoNotTrust, &["0.120 sd", "more than 0.10"], "some 30000 draws");
    check(&at(1.0, 0.9), Trust::DoNotTrust, &["1.000 sd"], "richer family");
    let unknown = with(|e| e.unknown_sds = vec!["ratio".into(), "x".into(), "y".into()]);
    assert!(unknown.trust == Trust::Trust && unknown.to_string().contains("spread of ratio and 2 others"), "{unknown}");
    assert_eq!(at(f64::NAN, 0.01).trust, Trust::DoNotTrust);
    assert_eq!(at(0.01, f64::NAN).trust, Trust::DoNotTrust);
}

#[test]
fn advice_is_of_the_findings_that_need_it_and_can_be_followed() {
    let heavy = Evidence { k_hat: 0.82, effective_share: 0.4, ..good() };
    let of_integers = Verdict::from_evidence(&Evidence { has_integers: true, ..heavy.clone() });
    assert!(of_integers.advice[0].contains("sum the integers out"), "{of_integers}");
    assert!(Verdict::from_evidence(&heavy).advice[0].contains("richer family"));
    // A k-hat between 0.5 and 0.7 has advice for a fit that is trusted, and none for one that is not.
    let fair = Evidence { k_hat: 0.6, ..good() };
    let says = |v: &Verdict| v.advice.iter().any(|a| a.contains("importance-weighted summaries"));
    assert!(says(&Verdict::from_evidence(&fair)));
    let apart = Verdict::from_evidence(&Evidence { restarts_disagreement: Some(7.0), ..fair });
    assert!(apart.trust == Trust::DoNotTrust && !says(&apart), "{apart}");
}

#[test]
fn draws_that_grow_when_they_are_moved_are_not_trusted() {
    let witness = |z: f64| Some(Witness { z, limit: 3.1, latent: "tau".into(), growth: 1.6, evaluations: 20_000 });
    let found = with(|e| e.witness = witness(4.2));
    check(&found, Trust::DoNotTrust, &["tau", "1.60 times", "4.2 standard errors"], "richer family");
    assert_eq!(with(|e| e.witness = witness(f64::NAN)).trust, Trust::DoNotTrust);
    let found = with(|e| e.witness = witness(1.0));
    assert!(found.trust == Trust::Trust && found.to_string().contains("keep their spread"), "{found}");
}

#[test]
fn more_draws_are_advised_where_they_would_do() {
    let said = |k_hat: f64| {
        let verdict = with(|e| (e.mean_error, e.k_hat, e.effective_share) = (0.2, k_hat, 0.15));
        verdict.advice.join("; ")
    };
    // Errors of 0.2 from 4,000 draws are 0.05 from sixteen times as many.
    assert!(said(0.4).contains("take some 70000 draws"), "{}", said(0.4));
    assert!(!said(0.9).contains("the errors will do") && said(0.9).contains("richer family"), "{}", said(0.9));
}
