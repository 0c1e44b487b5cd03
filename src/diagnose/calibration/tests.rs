use super::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Ranks of theta ~ N(0, 1), y ~ N(theta, 1), among 99 draws of N(y / 2 + offset, (scale^2) / 2).
fn simulate(num_ranks: usize, offset: f64, scale: f64) -> RankStatistics {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let ranks: Vec<usize> = (0..num_ranks)
        .map(|_| {
            let truth = normal(&mut rng);
            let y = truth + normal(&mut rng);
            let sd = scale * 0.5f64.sqrt();
            let draws: Vec<f64> = (0..99).map(|_| 0.5 * y + offset + sd * normal(&mut rng)).collect();
            rank(truth, &draws).unwrap()
        })
        .collect();
    rank_statistics(&ranks, 99).unwrap()
}

#[test]
fn the_exact_posterior_passes() {
    let found = simulate(1000, 0.0, 1.0);
    assert!(found.uniformity_p_value > 0.01 && found.symmetry_p_value > 0.01, "{found:?}");
    assert!(found.shift.abs() < 4.0 * found.shift_mcse);
    // Var of a squared uniform deviation is 1/180 against a mean of 1/12: sd sqrt(0.8 / 1000).
    assert!((found.spread - 1.0).abs() < 4.0 * 0.0283);
}

#[test]
fn a_narrow_centred_q_is_symmetric_but_not_uniform() {
    let found = simulate(1000, 0.0, 0.6);
    assert!(found.uniformity_p_value < 1e-6 && found.symmetry_p_value > 0.01, "{found:?}");
    assert!(found.spread > 1.2);
    assert!(simulate(1000, 0.0, 2.0).spread < 0.8);
}

#[test]
fn a_shifted_q_is_not_symmetric() {
    let low = simulate(1000, -0.3, 1.0);
    assert!(low.symmetry_p_value < 1e-6 && low.shift > 8.0 * low.shift_mcse);
    assert!(simulate(1000, 0.3, 1.0).shift < 0.0);
}

#[test]
fn walk_tail_equals_enumeration() {
    for (sizes, distance) in [(vec![1; 12], 4), (vec![3, 2, 5, 1], 3), (vec![11], 5), (vec![2, 2], 1)] {
        let num_steps: usize = sizes.iter().sum();
        let mut hits = 0u32;
        for sides in 0u32..1 << num_steps {
            let (mut sum, mut step, mut far) = (0i32, 0, 0);
            for &size in &sizes {
                for _ in 0..size {
                    sum += if sides >> step & 1 == 1 { 1 } else { -1 };
                    step += 1;
                }
                far = far.max(sum.unsigned_abs() as usize);
            }
            hits += u32::from(far >= distance);
        }
        // Dyadic probabilities of at most 12 bits are exact.
        assert_eq!(walk_tail(&sizes, distance), f64::from(hits) / f64::from(1u32 << num_steps));
    }
}

#[test]
fn long_walks_approach_brownian_motion() {
    // P(max |W| >= 2.241403) = 0.05 on the unit interval; a walk of n steps differs by O(n^-1/2),
    // and its lattice makes the boundary one step coarse.
    let distance = (2.241403 * 40_000f64.sqrt()).round() as usize;
    let found = walk_tail(&vec![1; 40_000], distance);
    assert!((found - 0.05).abs() < 0.05 / 200.0 * 3.0, "{found}");
    // Groups hide excursions, so the tail can only shrink.
    assert!(walk_tail(&vec![400; 100], distance) < found);
}

#[test]
fn p_values_of_symmetric_ranks_are_not_too_small() {
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let (mut asymmetric, mut uneven) = (0, 0);
    for _ in 0..1000 {
        let ranks: Vec<usize> = (0..60).map(|_| rng.random_range(0..20)).collect();
        let found = rank_statistics(&ranks, 19).unwrap();
        asymmetric += usize::from(found.symmetry_p_value <= 0.05);
        uneven += usize::from(found.uniformity_p_value <= 0.05);
    }
    // At most 50 of 1000 plus four standard deviations of a binomial (6.9); the discrete symmetry
    // test is conservative, the chi-square approximate with 12 expected in each of 5 bins.
    assert!((10..=78).contains(&asymmetric), "{asymmetric}");
    assert!((22..=78).contains(&uneven), "{uneven}");
}

#[test]
fn chi_square_tail_agrees_with_scipy() {
    let close = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-14);
    close(chi_square_tail(3.3, 4), 0.5089322578449987);
    close(chi_square_tail(25.0, 10), 0.005345505487134069);
    close(chi_square_tail(80.0, 20), 3.925932226286184e-9);
    assert_eq!(chi_square_tail(0.0, 2), 1.0);
}

#[test]
fn bins_are_dealt_evenly() {
    let ranks: Vec<usize> = (0..=1000).collect();
    let found = rank_statistics(&ranks, 1000).unwrap();
    assert_eq!(found.counts.len(), 21);
    assert!(found.counts.iter().all(|c| (47..=48).contains(c)));
    assert!(found.uniformity_p_value > 0.999999 && found.symmetry_p_value == 1.0);
    assert!((found.spread - 1.0).abs() < 1e-12 && found.shift.abs() < 1e-12);
}

#[test]
fn all_ranks_on_one_side_or_in_the_middle() {
    let low = rank_statistics(&[0; 40], 2).unwrap();
    assert!((low.symmetry_p_value / (2.0 * 0.5f64.powi(40)) - 1.0).abs() < 1e-12);
    assert!(low.shift_mcse < 1e-16);
    assert_eq!(rank_statistics(&[1; 40], 2).unwrap().symmetry_p_value, 1.0);
}

#[test]
fn bad_ranks_are_refused() {
    assert_eq!(rank_statistics(&[0; 29], 9), Err(CalibrationError::TooFewRanks { num_ranks: 29 }));
    assert_eq!(rank_statistics(&[0; 30], 1), Err(CalibrationError::TooFewDraws { num_draws: 1 }));
    let mut ranks = [0; 30];
    ranks[3] = 10;
    let (index, rank_found, num_draws) = (3, 10, 9);
    assert_eq!(rank_statistics(&ranks, 9), Err(CalibrationError::RankTooLarge { index, rank: rank_found, num_draws }));
    assert_eq!(rank(0.0, &[-1.0, f64::NAN]), None);
    assert_eq!(rank(0.5, &[-1.0, 0.2, 0.5, 0.9]), Some(2));
}
