//! The laws over conditional Gaussians, and that one whose others do not change with the shared latents is the joint one.

use super::cases::*;
use jensen::family::{ConditionalGaussian, Family, FullRank, Reparam};
use jensen::model::{Draws, Layout, RowSet};
use jensen::program::LatentGraph;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws::Case;
use nalgebra::DMatrix;

/// One shared latent and a chain of eight, two shared and seven that do not meet, a ring that fills; and latents of rows.
fn families() -> Vec<(Layout, ConditionalGaussian)> {
    let joined = |shared: &[u32], others: &[(u32, u32)]| {
        let all = shared.iter().flat_map(|&g| (0..9).filter(move |k| *k != g).map(move |k| (g, k)));
        LatentGraph::from_edges(9, &all.chain(others.iter().copied()).collect::<Vec<_>>())
    };
    let graphs = [
        joined(&[2], &[(0, 1), (1, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8)]),
        joined(&[0, 8], &[]),
        joined(&[3], &[(0, 1), (1, 2), (2, 4), (4, 5), (5, 6), (6, 7), (7, 8), (8, 0)]),
    ];
    let layout = Layout { num_latents: 9, ..Layout::default() };
    let of = |graph| (layout.clone(), ok(ConditionalGaussian::new(&layout, graph)));
    let mut all: Vec<_> = graphs.iter().map(of).collect();
    let rows = ok(Target::new(&rows_model()));
    all.push((rows.layout().clone(), ok(ConditionalGaussian::new(rows.layout(), rows.graph()))));
    all
}

fn for_each(num_draws: usize, check: impl Fn(&Boxed, &Case)) {
    for (layout, family) in families() {
        ok(family.covers(&layout));
        let (mut params, rows) = (somewhere(&family, layout.num_latents), RowSet::all());
        // Curved, and not so much that differences lose their digits.
        let k = family.shared().len();
        params[k + k * (k + 1) / 2..].iter_mut().for_each(|c| *c *= 0.5);
        let streams = Streams::new(5);
        let family: Boxed = Box::new(family);
        check(&family, &Case { layout: &layout, params: &params, theta: &[], rows: &rows, streams, num_draws });
    }
}

#[test]
fn derivatives_of_conditional_gaussians() {
    for_each(3, has_its_derivatives);
}

#[test]
fn densities_and_draws_of_conditional_gaussians_agree() {
    for_each(20_000, has_the_density_of_its_draws);
    let layout = Layout { num_latents: 4, ..Layout::default() };
    // Of the four the first alone is joined with at least half of the others.
    let star = LatentGraph::from_edges(4, &[(0, 1), (0, 2), (0, 3)]);
    let family: Boxed = Box::new(ok(ConditionalGaussian::new(&layout, &star)));
    let (params, rows) = (somewhere(&*family, 4), RowSet::all());
    let (n, mut z) = (200_000, Draws::zeros(&layout, 0, 200_000));
    // Normalised: E_r[q / r] is one for draws of a wide normal law r.
    Streams::new(4).fill_normal(n, &mut z.latents);
    let squares: Vec<f64> = (0..n).map(|d| (0..4).map(|k| z.latents[k * n + d].powi(2)).sum()).collect();
    z.latents.iter_mut().for_each(|x| *x *= 2.0);
    let mut log_q = vec![0.0; n];
    family.log_q(&params, &rows, &z, &mut log_q);
    let log_r = |d: usize| -0.5 * squares[d] - 4.0 * (2f64.ln() + 0.5 * std::f64::consts::TAU.ln());
    let ratios: Vec<f64> = (0..n).map(|d| (log_q[d] - log_r(d)).exp()).collect();
    let mean = ratios.iter().sum::<f64>() / n as f64;
    let error = (ratios.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n as f64 * n as f64)).sqrt();
    assert!((mean - 1.0).abs() < 4.5 * error && error < 0.02, "{mean} +- {error}");
}

#[test]
fn others_that_do_not_change_with_the_shared_latents_make_a_joint_gaussian() {
    let layout = Layout { num_latents: 9, ..Layout::default() };
    for (_, family) in families().into_iter().filter(|(layout, _)| layout.num_row_latents == 0) {
        // Linear means, and no more: coefficients of squares, and all but the constants of the factor, are zero.
        let (k, mut params) = (family.shared().len(), somewhere(&family, 9));
        let start = k + k * (k + 1) / 2;
        let num_coefficients = 1 + k + k * (k + 1) / 2;
        let varying = (params.len() - start) / num_coefficients;
        for b in 1..num_coefficients {
            let own = &mut params[start + b * varying..start + (b + 1) * varying];
            let kept = if b <= k { 9 - k } else { 0 };
            own[kept..].fill(0.0);
        }
        // The covariance from the transform's columns.
        let mut z = Draws::zeros(&layout, 0, 10);
        let mut noise = vec![0.0; 9 * 10];
        (0..9).for_each(|i| noise[i * 10 + i] = 1.0);
        family.transform(&params, &RowSet::all(), &noise, &mut z);
        let mean: Vec<f64> = (0..9).map(|i| z.latents[i * 10 + 9]).collect();
        let a = DMatrix::from_fn(9, 9, |i, j| z.latents[i * 10 + j] - mean[i]);
        let full = FullRank::new(9);
        let other = full.params_from(&mean, &(&a * a.transpose()).cholesky().expect("positive definite").l());
        let rows = RowSet::all();
        let mut draws = Draws::zeros(&layout, 0, 5);
        family.sample(&params, &rows, Streams::new(9), &mut draws);
        let (mut found, mut expected) = (vec![0.0; 5], vec![0.0; 5]);
        family.log_q(&params, &rows, &draws, &mut found);
        full.log_q(&other, &rows, &draws, &mut expected);
        assert!(
            found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9 * (1.0 + b.abs())),
            "{found:?} {expected:?}"
        );
        let entropies = [family.entropy(&params, &rows).unwrap(), full.entropy(&other, &rows).unwrap()];
        assert!((entropies[0] - entropies[1]).abs() < 1e-9, "{entropies:?}");
    }
}

#[test]
fn passes_over_some_rows_draw_those_rows_and_have_no_density() {
    let target = ok(Target::new(&rows_model()));
    let family = ok(ConditionalGaussian::new(target.layout(), target.graph()));
    let params = somewhere(&family, 2);
    let (all, some) = (RowSet::all(), RowSet::minibatch(vec![5, 2], 6));
    let (mut whole, mut part) = (Draws::zeros(target.layout(), 6, 4), Draws::zeros(target.layout(), 2, 4));
    family.sample(&params, &all, Streams::new(2), &mut whole);
    family.sample(&params, &some, Streams::new(2), &mut part);
    assert_eq!(whole.latents, part.latents);
    let row = |z: &Draws, latent: usize, at: usize| z.row_latents[(latent * z.num_rows + at) * 4..][..4].to_vec();
    let pairs = [(0, 5, 0), (1, 5, 0), (0, 2, 1), (1, 2, 1)];
    assert!(pairs.iter().all(|&(latent, row_number, at)| row(&whole, latent, row_number) == row(&part, latent, at)));
    let mut log_q = vec![0.0; 4];
    family.log_q(&params, &some, &part, &mut log_q);
    assert!(log_q.iter().all(|l| l.is_nan()), "no density is better than a wrong one");
}

#[test]
fn graphs_that_do_not_qualify_are_refused_in_words() {
    let layout = Layout { num_latents: 30, ..Layout::default() };
    let said = |graph: &LatentGraph| ConditionalGaussian::new(&layout, graph).expect_err("a refusal").to_string();
    assert!(said(&LatentGraph::dense(30)).contains("0 of 30"));
    let many: Vec<(u32, u32)> = (0..12).flat_map(|g| (12..30).map(move |k| (g, k))).collect();
    assert!(said(&LatentGraph::from_edges(30, &many)).contains("12 of 30 latents are shared"));
    let chain: Vec<(u32, u32)> = (1..30).map(|k| (k - 1, k)).collect();
    assert!(said(&LatentGraph::from_edges(30, &chain)).contains("0 of 30"));
    assert!(said(&LatentGraph::dense(29)).contains("29"));
}
