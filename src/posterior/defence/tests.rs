//! Draws around q have the law that they are weighted by.

use super::*;
use crate::family::{FullRank, MeanField, StudentTNoise};
use crate::posterior::sampler::Sampler;
use crate::prelude::*;
use crate::target::{LogDensity, Target};

fn target(latents: usize) -> Target {
    Target::new(&model(|p| {
        p.draws("z", normal(0.0, 1.0), latents);
    }))
    .unwrap()
}

/// Means 1, -2 and the factor [[2, 0], [0.6, 0.5]].
fn correlated() -> (Target, FullRank, Solution) {
    let family = FullRank::new(2);
    let factor = nalgebra::DMatrix::from_row_slice(2, 2, &[2.0, 0.0, 0.6, 0.5]);
    let params = family.params_from(&[1.0, -2.0], &factor);
    (target(2), family, Solution { params, theta: vec![] })
}

#[test]
fn the_density_is_the_mixtures() {
    let (target, family, solution) = correlated();
    let defence = Defence::around(&family, &target, &solution).unwrap();
    // Bivariate t with five degrees of freedom, scale matrix S = L L': |S| = 1, S^-1 = [[0.61, -1.2], [-1.2, 4]].
    let distance = |x: f64, y: f64| 0.61 * x * x - 2.4 * x * y + 4.0 * y * y;
    let pi2 = 2.0 * std::f64::consts::PI;
    let q = |d: f64| (-0.5 * d).exp() / pi2;
    let t = |d: f64| (1.0 + d / 5.0).powf(-3.5) / pi2;
    let at = [(0.0, 0.0), (1.0, 0.3), (-4.0, 2.0), (9.0, -9.0), (0.5, 0.0)];
    let log_q: Vec<f64> = at.iter().map(|(x, y)| q(distance(*x, *y)).ln()).collect();
    for ((x, y), found) in at.iter().zip(defence.log_density(&log_q, &[])) {
        // Three of five draws are q's.
        let d = distance(*x, *y);
        let expected = (0.6 * q(d) + 0.4 * t(d)).ln();
        assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found} {expected}");
    }
}

#[test]
fn stretched_draws_are_of_the_student_t_and_the_others_are_qs_own() {
    let (target, family, solution) = correlated();
    let (n, streams) = (20_000, Streams::new(5));
    let drawn = |defence: Option<Defence>| {
        let sampler = Sampler { target: &target, family: &family, solution: &solution, streams, defence, block: 500 };
        let mut out = Vec::new();
        let visit = |_: usize, z: &Draws| {
            out.extend((0..z.num_draws).map(|d| [z.latent(0)[d], z.latent(1)[d]]));
            Ok(())
        };
        sampler.each_block(0..n, visit).unwrap();
        out
    };
    let own = drawn(None);
    let all = drawn(Defence::around(&family, &target, &solution));
    let stretched: Vec<[f64; 2]> = (0..n).filter(|d| !Defence::is_of_q(*d)).map(|d| all[d]).collect();
    assert!((0..n).filter(|d| Defence::is_of_q(*d)).all(|d| all[d] == own[d]));
    // (z_0 - 1) / 2 is a Student-t number with 5 degrees of freedom: beyond 2.015 on either side with a chance of 5 %, and
    // beyond 3.365 of 1 %.
    for (limit, chance) in [(2.015_048, 0.05), (3.364_930, 0.01)] {
        for sign in [-1.0, 1.0] {
            let beyond = stretched.iter().filter(|z| sign * (z[0] - 1.0) / 2.0 > limit).count() as f64;
            let (share, m) = (beyond / stretched.len() as f64, stretched.len() as f64);
            assert!((share - chance).abs() < 4.0 * (chance * (1.0 - chance) / m).sqrt(), "{share} {chance}");
        }
    }
    // Its second number given the first keeps the slope 0.3.
    let (mut xy, mut xx) = (0.0, 0.0);
    for z in &stretched {
        let (x, y) = (z[0] - 1.0, z[1] + 2.0);
        (xy, xx) = (xy + x * y / (1.0 + x * x), xx + x * x / (1.0 + x * x));
    }
    assert!((xy / xx - 0.3).abs() < 0.02, "{}", xy / xx);
}

#[test]
fn the_effective_share_of_a_right_q_hardly_depends_on_the_number_of_latents() {
    // E_q[q / g]^-1, by 20,000 chi-squared numbers and the densities of either radius.
    for (latents, expected) in [(1, 0.984), (5, 0.934), (20, 0.946), (100, 0.951)] {
        let (target, family) = (target(latents), MeanField::of_dimension(latents));
        let solution = Solution { params: family.init(&vec![0.3; latents], 1.0), theta: vec![] };
        let defence = Defence::around(&family, &target, &solution);
        let sampler = Sampler {
            target: &target,
            family: &family,
            solution: &solution,
            streams: Streams::new(2),
            defence: defence.clone(),
            block: 500,
        };
        let mut log_q = Vec::new();
        let keep = |_, _: &_, of_block: &[f64], _: &_| {
            log_q.extend_from_slice(of_block);
            Ok(())
        };
        sampler.each(0..8000, keep).unwrap();
        let weights: Vec<f64> =
            log_q.iter().zip(defence.unwrap().log_density(&log_q, &[])).map(|(q, g)| (q - g).exp()).collect();
        let (sum, squares) = weights.iter().fold((0.0, 0.0), |(a, b), w| (a + w, b + w * w));
        let share = sum * sum / squares / 8000.0;
        assert!((share - expected).abs() < 0.01, "{latents} latents: {share}");
        // The mixture is a density: weights of q over it average one.
        assert!((sum / 8000.0 - 1.0).abs() < 0.01, "{latents} latents: {}", sum / 8000.0);
    }
}

/// Of a flow at the identity, on the axes of a Gaussian, the law is the Student-t around that Gaussian.
#[test]
fn stretched_noise_of_a_flow_has_its_density() {
    use crate::family::{Affine, Flow};
    let (target, gaussian, solution) = correlated();
    let flow = Affine::new(Flow::real_nvp(2, 4).family(target.layout()).unwrap(), 2);
    let of_flow = Solution { params: flow.params_on(&solution.params), theta: vec![] };
    let defence = Defence::around(&flow, &target, &of_flow).unwrap();
    assert!(defence.keeps_density() && defence.is_of(target.layout()));
    let streams = Streams::new(6);
    let of = |family, solution, defence| {
        let sampler = Sampler { target: &target, family, solution, streams, defence, block: 300 };
        let (mut log_q, mut log_t, mut latents) = (Vec::new(), Vec::new(), Vec::new());
        let keep = |first: usize, z: &Draws, of_block: &[f64], _: &_| {
            log_q.extend_from_slice(of_block);
            log_t.extend(sampler.log_t(first, z, of_block));
            latents.extend_from_slice(z.latent(0));
            Ok(())
        };
        sampler.each(0..700, keep).unwrap();
        (log_q, log_t, latents)
    };
    let (log_q, log_t, flowed) = of(&flow, &of_flow, Some(defence.clone()));
    let plain = Defence::around(&gaussian, &target, &solution).unwrap();
    let (_, nothing, drawn) = of(&gaussian, &solution, Some(plain.clone()));
    let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-8 * a.abs().max(1.0));
    assert!(close(&flowed, &drawn) && nothing.is_empty() && log_t.len() == 700);
    assert!(close(&defence.log_density(&log_q, &log_t), &plain.log_density(&log_q, &[])));
}

#[test]
fn only_gaussians_of_real_latents_outside_of_rows_have_one() {
    let rows = Target::new(&model(|p| {
        let x = Column::new([1.0, 2.0]);
        p.rows(2, |i| {
            let z = i.draw("z", normal(0.0, 1.0));
            i.observe(x.at(i), normal(z, 1.0));
        });
    }))
    .unwrap();
    let family = MeanField::new(rows.layout());
    let solution = Solution { params: family.init(&[0.0; 2], 1.0), theta: vec![] };
    assert_eq!(Defence::around(&family, &rows, &solution), None);
    let target = target(2);
    let heavy = StudentTNoise::new(MeanField::of_dimension(2), 5.0).unwrap();
    let solution = Solution { params: vec![0.0; 4], theta: vec![] };
    assert_eq!(Defence::around(&heavy, &target, &solution), None);
    assert!(Defence::around(&MeanField::of_dimension(2), &target, &solution).is_some());
    let short = Solution { params: vec![0.0; 3], theta: vec![] };
    assert_eq!(Defence::around(&MeanField::of_dimension(2), &target, &short), None);
}

/// Twelve groups around a scale that is shared: the graph has two shared latents.
fn hierarchy() -> Target {
    Target::new(&model(|p| {
        let (mu, tau) = (p.draw("mu", normal(0.0, 1.0)), p.draw("tau", half_normal(1.0)));
        p.draws("theta", normal(mu, tau), 12);
    }))
    .unwrap()
}

/// Correlated latents of a hierarchy: a factor with a full first column.
fn of_hierarchy() -> (Target, FullRank, Solution) {
    let (target, family) = (hierarchy(), FullRank::new(14));
    let factor = nalgebra::DMatrix::from_fn(14, 14, |i, j| match (i, j) {
        (i, j) if i == j => 0.5 + 0.1 * i as f64,
        (_, 0) => 0.3,
        (_, 1) => -0.4,
        (i, j) if i == j + 1 => 0.2,
        _ => 0.0,
    });
    let factor = factor.lower_triangle();
    let params = family.params_from(&[0.7; 14], &factor);
    (target, family, Solution { params, theta: vec![] })
}

/// Along the latents that most others share, draws are those of a Student-t of these alone: with five degrees of freedom, and not
/// with fourteen, and the others follow them.
#[test]
fn shared_latents_have_tails_of_their_own() {
    let (target, family, solution) = of_hierarchy();
    let defence = Defence::around(&family, &target, &solution).unwrap();
    assert_eq!(defence.shared, [0, 1]);
    assert!(defence.keeps_density() && defence.is_of(target.layout()));
    let n = 60_000;
    let sampler = Sampler {
        target: &target,
        family: &family,
        solution: &solution,
        streams: Streams::new(6),
        defence: Some(defence.clone()),
        block: 500,
    };
    let (mut log_q, mut log_t, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let keep = |number: usize, z: &Draws, of_block: &[f64], _: &_| {
        log_q.extend_from_slice(of_block);
        log_t.extend(sampler.log_t(number, z, of_block));
        first.extend_from_slice(z.latent(0));
        last.extend_from_slice(z.latent(13));
        Ok(())
    };
    sampler.each(0..n, keep).unwrap();
    // (z_0 - 0.7) / 0.5 of every fourth draw is a Student-t number with 5 degrees of freedom: beyond 3.365 with a chance of 1 %
    // on either side, where a Student-t number with 14 has one of 0.23 %.
    let led: Vec<usize> = (0..n).filter(|d| !Defence::is_of_q(*d) && defence.number_of(*d) == 0).collect();
    let beyond = led.iter().filter(|d| ((first[**d] - 0.7) / 0.5).abs() > 3.364_930).count() as f64;
    let share = beyond / led.len() as f64;
    assert!((share - 0.02).abs() < 4.0 * (0.02 * 0.98 / led.len() as f64).sqrt(), "{share}");
    // The last latent follows the first by its slope in q, 0.3 / 0.5.
    let far = || led.iter().filter(|d| (first[**d] - 0.7).abs() > 1.0);
    let slope = far().map(|d| (last[*d] - 0.7) * (first[*d] - 0.7)).sum::<f64>()
        / far().map(|d| (first[*d] - 0.7).powi(2)).sum::<f64>();
    assert!((slope - 0.6).abs() < 0.1, "{slope}");
    // Weights of q over the law of the draws average one, and weighted moments are q's: the density is the one that was drawn from.
    let weights: Vec<f64> = log_q.iter().zip(defence.log_density(&log_q, &log_t)).map(|(q, g)| (q - g).exp()).collect();
    let total = weights.iter().sum::<f64>() / n as f64;
    let spread = weights.iter().zip(&last).map(|(w, z)| w * (z - 0.7).powi(2)).sum::<f64>() / n as f64;
    let expected = 0.3f64.powi(2) + 0.4f64.powi(2) + 0.2f64.powi(2) + 1.8f64.powi(2);
    assert!((total - 1.0).abs() < 0.01 && (spread / expected - 1.0).abs() < 0.03, "{total} {spread} {expected}");
    // A law of which a quarter has tails of its own costs next to nothing where q is right.
    let squares = weights.iter().map(|w| w * w).sum::<f64>() / n as f64;
    assert!(total * total / squares > 0.9, "{}", total * total / squares);
}

/// The same of a Gaussian of many latents given a few, whose noise is stretched: of one without curvature it is the same law.
#[test]
fn noise_of_shared_latents_is_stretched_alone_in_every_fourth_draw() {
    let target = hierarchy();
    let family = crate::family::ConditionalGaussian::new(target.layout(), target.known_graph().unwrap()).unwrap();
    let solution = Solution { params: family.init(&[0.2; 14], 0.8), theta: vec![] };
    let defence = Defence::around(&family, &target, &solution).unwrap();
    assert!(defence.is_of_noise() && defence.shared == [0, 1]);
    let mut noise = vec![1.0; 14 * 8];
    defence.stretch_noise(0, Streams::new(3), 8, &mut noise);
    let is_stretched = |k: usize, d: usize| noise[k * 8 + d] != 1.0;
    for d in 0..8 {
        let few = d % 4 == 1;
        assert_eq!((is_stretched(0, d), is_stretched(1, d)), (d % 2 == 1, d % 2 == 1), "{d}");
        assert!((2..14).all(|k| is_stretched(k, d) == (d % 2 == 1 && !few)), "{d}");
    }
    // At the image of noise `w`: a half of t_14(w), and a half of t_2(w_0, w_1) with the others normal.
    let w: Vec<f64> = (0..14).map(|k| 0.3 * k as f64 - 1.0).collect();
    let t = |count: usize, nu: f64| {
        let square: f64 = w[..count].iter().map(|w| w * w).sum();
        let k = count as f64;
        let constant = ln_gamma(0.5 * (nu + k)) - ln_gamma(0.5 * nu) - 0.5 * k * (std::f64::consts::PI * nu).ln();
        let normal = -0.5 * square - 0.5 * k * (2.0 * std::f64::consts::PI).ln();
        (constant - 0.5 * (nu + k) * (1.0 + square / nu).ln() - normal).exp()
    };
    let expected = (0.5 * t(2, 5.0) + 0.5 * t(14, 14.0)).ln();
    let found = defence.log_ratio_of_noise(w.iter().copied());
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
}
