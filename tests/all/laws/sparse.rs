//! The laws over sparse Gaussians, and that a dense one is the full-rank family.

use super::cases::*;
use jensen::family::{Family, FamilyError, FullRank, Reparam, SparseGaussian};
use jensen::model::{Draws, Layout, RowSet};
use jensen::program::LatentGraph;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws::{self, Case};
use nalgebra::DMatrix;

/// Without edges, a chain, a ring that fills, a star, all; and the latents of a model with rows.
fn families() -> Vec<(Layout, SparseGaussian)> {
    let ring: Vec<(u32, u32)> = (0..6).map(|k| (k, (k + 1) % 6)).collect();
    let star: Vec<(u32, u32)> = (0..6).filter(|k| *k != 2).map(|k| (2, k)).collect();
    let graphs = [
        LatentGraph::from_edges(6, &[]),
        LatentGraph::from_edges(6, &ring[..5]),
        LatentGraph::from_edges(6, &ring),
        LatentGraph::from_edges(6, &star),
        LatentGraph::dense(6),
    ];
    let layout = Layout { num_latents: 6, ..Layout::default() };
    let mut all: Vec<_> = graphs.iter().map(|g| (layout.clone(), ok(SparseGaussian::new(&layout, g)))).collect();
    let rows = ok(Target::new(&rows_model()));
    let of_rows = ok(SparseGaussian::new(rows.layout(), rows.graph()));
    assert_eq!(of_rows.graph().to_string(), "2 shared, 12 in blocks of 2");
    all.push((rows.layout().clone(), of_rows));
    all
}

fn for_each(num_draws: usize, check: impl Fn(&Boxed, &Case)) {
    for (layout, family) in families() {
        ok(family.covers(&layout));
        let (params, rows) = (somewhere(&family, layout.num_latents), RowSet::all());
        let streams = Streams::new(5);
        let family: Boxed = Box::new(family);
        check(&family, &Case { layout: &layout, params: &params, theta: &[], rows: &rows, streams, num_draws });
    }
}

#[test]
fn derivatives_of_sparse_gaussians() {
    for_each(3, has_its_derivatives);
}

#[test]
fn densities_and_draws_of_sparse_gaussians_agree() {
    for_each(20_000, has_the_density_of_its_draws);
    let layout = Layout { num_latents: 2, ..Layout::default() };
    let family: Boxed = Box::new(ok(SparseGaussian::new(&layout, &LatentGraph::dense(2))));
    let (params, rows) = (somewhere(&*family, 2), RowSet::all());
    let case =
        Case { layout: &layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(3), num_draws: 1 };
    named(&*family, &case, laws::is_normalised(&family, &case));
}

/// Mean and covariance of a sparse Gaussian, entry by entry through its public names.
fn moments(family: &SparseGaussian, params: &[f64]) -> (Vec<f64>, DMatrix<f64>) {
    let d = family.dimension();
    let pairs: Vec<(usize, usize)> = (0..d * d).map(|k| (k / d, k % d)).collect();
    (params[..d].to_vec(), DMatrix::from_row_slice(d, d, &family.covariances(params, &pairs)))
}

#[test]
fn a_sparse_gaussian_is_the_full_rank_one_of_its_covariance() {
    for (layout, family) in families().into_iter().filter(|(layout, _)| layout.num_row_latents == 0) {
        let (d, rows) = (family.dimension(), RowSet::all());
        let params = somewhere(&family, d);
        let (mean, covariance) = moments(&family, &params);
        let full = FullRank::new(d);
        let other = full.params_from(&mean, &covariance.clone().cholesky().expect("positive definite").l());
        let mut z = Draws::zeros(&layout, 0, 5);
        family.sample(&params, &rows, Streams::new(9), &mut z);
        let (mut a, mut b) = (vec![0.0; 5], vec![0.0; 5]);
        family.log_q(&params, &rows, &z, &mut a);
        full.log_q(&other, &rows, &z, &mut b);
        let (mut grad_a, mut grad_b) = (Draws::zeros(&layout, 0, 5), Draws::zeros(&layout, 0, 5));
        family.grad_log_q(&params, &rows, &z, &mut grad_a);
        full.grad_log_q(&other, &rows, &z, &mut grad_b);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-11 * (1.0 + b.abs());
        assert!(a.iter().zip(&b).all(|(a, b)| close(*a, *b)), "{a:?} {b:?}");
        assert!(grad_a.latents.iter().zip(&grad_b.latents).all(|(a, b)| close(*a, *b)));
        assert!(close(family.entropy(&params, &rows).unwrap(), full.entropy(&other, &rows).unwrap()));
        let variances = family.variances(&params);
        assert!((0..d).all(|k| close(variances[k], covariance[(k, k)])));
        // Where there is no edge the precision is zero.
        let precision = covariance.try_inverse().expect("positive definite");
        for i in 0..d {
            let others = (0..d).filter(|&j| j != i && !family.graph().has_edge(i, j));
            if family.num_factor() == d + family.graph().num_edges() {
                assert!(others.into_iter().all(|j| precision[(i, j)].abs() < 1e-12));
            }
        }
    }
}

#[test]
fn passes_over_some_rows_draw_those_rows_and_have_no_density() {
    let target = ok(Target::new(&rows_model()));
    let family = ok(SparseGaussian::new(target.layout(), target.graph()));
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
fn what_does_not_fit_is_refused_in_words() {
    let layout = Layout { num_latents: 3, ..Layout::default() };
    let family = ok(SparseGaussian::new(&layout, &LatentGraph::dense(3)));
    assert!(family.covers(&Layout { num_latents: 4, ..Layout::default() }).is_err());
    let wrong = SparseGaussian::new(&layout, &LatentGraph::dense(4));
    assert!(matches!(wrong, Err(FamilyError::Size { found: 4, expected: 3, .. })), "{wrong:?}");
    let large = Layout { num_latents: 20_000, ..Layout::default() };
    let said = SparseGaussian::new(&large, &LatentGraph::dense(20_000)).expect_err("200 million numbers").to_string();
    assert!(said.contains("dense") && said.contains("low-rank"), "{said}");
}
