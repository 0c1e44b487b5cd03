//! Facts about families that are not laws for all of them.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::*;
use crate::dist::normal;
use crate::model::{LogJoint, Model};
use crate::numerics::LN_SQRT_2_PI;
use crate::program::Column;
use crate::target::{LogDensity, Target};

struct Mixed;

impl Model for Mixed {
    fn log_joint(&self, p: &LogJoint) {
        let a = p.draw("a", normal(0.0, 1.0));
        p.draws("b", normal(a, 1.0), 2);
        p.rows(4, |i| {
            i.draw("z", normal(a, 1.0));
        });
    }
}

fn layout() -> Layout {
    Target::new(&Mixed).unwrap().layout().clone()
}

#[test]
fn t_noise_has_the_law_of_the_reference() {
    // Kolmogorov's statistic times sqrt(n) is above 1.95 once in a thousand.
    for nu in [2.5, 4.0, 30.0] {
        let family = StudentTNoise::new(MeanField::of_dimension(3), nu).unwrap();
        let mut z = Draws { num_draws: 20_000, latents: vec![0.0; 60_000], ..Draws::default() };
        family.sample(&[0.0; 6], &RowSet::all(), Streams::new(3), &mut z);
        let reference = StudentsT::new(0.0, 1.0, nu).unwrap();
        z.latents.sort_by(f64::total_cmp);
        let n = z.latents.len() as f64;
        let apart = |(k, t): (usize, &f64)| {
            let p = reference.cdf(*t);
            (p - k as f64 / n).abs().max((p - (k + 1) as f64 / n).abs())
        };
        let statistic = z.latents.iter().enumerate().map(apart).fold(0.0, f64::max) * n.sqrt();
        assert!(statistic < 1.95, "nu = {nu}: {statistic}");
    }
}

#[test]
fn t_density_is_the_references() {
    use statrs::distribution::Continuous;
    let family = StudentTNoise::new(FullRank::new(1), 3.5).unwrap();
    let reference = StudentsT::new(0.4, (-0.3f64).exp(), 3.5).unwrap();
    let z = Draws { num_draws: 4, latents: vec![-30.0, 0.0, 0.41, 8.0], ..Draws::default() };
    let mut log_q = [0.0; 4];
    family.log_q(&[0.4, -0.3], &RowSet::all(), &z, &mut log_q);
    for (found, z) in log_q.iter().zip(&z.latents) {
        // Two evaluations of ln_gamma near one apart, each to about 1e-14.
        assert!((found - reference.ln_pdf(*z)).abs() < 1e-12, "{found} at {z}");
    }
}

#[test]
fn starts_have_the_scale_that_was_asked_for() {
    let centre = [1.0, -2.0, 0.5];
    let families: [Box<dyn Family>; 5] = [
        Box::new(MeanField::of_dimension(3)),
        Box::new(FullRank::new(3)),
        Box::new(LowRank::new(3, 2)),
        Box::new(LowRank::new(3, 0)),
        Box::new(StudentTNoise::new(MeanField::of_dimension(3), 8.0).unwrap()),
    ];
    for family in families {
        let params = family.init(&centre, 0.3);
        assert_eq!(family.centre(&params), centre);
        let mut z = Draws { num_draws: 20_000, latents: vec![0.0; 60_000], ..Draws::default() };
        family.sample(&params, &RowSet::all(), Streams::new(4), &mut z);
        for (k, &mean) in centre.iter().enumerate() {
            let sd = (z.latent(k).iter().map(|z| (z - mean).powi(2)).sum::<f64>() / 20_000.0).sqrt();
            // Relative standard error sqrt((kurtosis - 1) / 4n) is 0.008 for t(8), whose kurtosis is 4.5; four of them.
            assert!((sd / 0.3 - 1.0).abs() < 0.03, "{}: {sd}", family.name());
        }
    }
}

#[test]
fn a_block_lays_the_groups_back_in_their_places() {
    let layout = layout();
    let block = Blockwise::new(&layout).over(&["z", "b"], MeanField::new).unwrap().over_rest(Delta::new).unwrap();
    assert_eq!(block.num_params(), 2 * (2 + 4) + 1);
    block.covers(&layout).unwrap();
    let params = block.init(&[7.0, 8.0, 9.0], 0.1);
    assert_eq!(block.centre(&params), [7.0, 8.0, 9.0]);
    let rows = RowSet::minibatch(vec![2], 4);
    let mut z = Draws::zeros(&layout, 1, 1);
    block.transform(&params, &rows, &[0.0, 0.0, 1.0], &mut z);
    assert_eq!(z.latents, [7.0, 8.0, 9.0]);
    assert!((z.row_latents[0] - 0.1).abs() < 1e-15);
}

fn said(result: Result<impl std::fmt::Debug, FamilyError>, expected: &str) {
    let message = result.unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn wrong_pairings_are_said_in_words() {
    let layout = layout();
    let group = |names: &[&str]| Blockwise::new(&layout).over(names, MeanField::new);
    said(FullRank::new(3).covers(&layout), "site \"z\" out; it is a latent of each row");
    said(LowRank::new(3, 1).covers(&layout), "latent of each row");
    said(MeanField::of_dimension(2).covers(&layout), "covers 2 latents, the model has 4");
    said(group(&["q"]), "no real latent \"q\"; it has \"a\", \"b\", \"z\"");
    said(group(&["a", "a"]), "given to two parts");
    said(group(&["a"]).and_then(|b| b.covers(&layout)), "leaves site \"b\" out; give the sites left over");
    said(Blockwise::new(&layout).over(&["a", "z"], |g| FullRank::new(g.num_latents)), "leaves site \"z\" out");
    said(StudentTNoise::new(FullRank::new(1), 1.5), "choose more than 2");
    said(CategoricalFactors::new(&layout).and_then(|c| c.covers(&layout)), "draw real latents with another family");
}

type Body = fn(&Guided);

struct Written(Body);

impl Guide for Written {
    fn draw(&self, q: &Guided) {
        (self.0)(q);
    }
}

#[test]
fn mistakes_in_a_guide_are_said_in_words() {
    let layout = layout();
    let made = |body: Body| TracedFamily::new(&Written(body), &layout).map(|_| ());
    said(made(|_| {}), "leaves site \"a\" out; draw it in the guide");
    said(made(|q| _ = q.normal("mu", 0.0, 1.0)), "no site \"mu\"; it has a, b, z");
    said(made(|q| _ = q.normal("z", 0.0, 1.0)), "draw it inside `q.rows(..)`");
    said(made(|q| q.rows(|i| _ = i.normal("a", 0.0, 1.0))), "is not a latent of each row");
    said(made(|q| _ = q.normal("b", 0.0, 1.0)), "has 2 unconstrained numbers, 1 are drawn");
    let twice: Body = |q| {
        q.normal("a", 0.0, 1.0);
        q.normal("a", 0.0, 1.0);
    };
    said(made(twice), "drawn twice");
    let column: Body = |q| {
        let short = Column::new([1.0]);
        q.rows(|i| _ = i.normal("z", short.at(i), 1.0));
    };
    said(made(column), "a column of 1 values is read in 4 rows");
}

#[test]
fn a_guide_without_noise_or_parameters_is_a_fixed_density() {
    let layout = layout();
    let body: Body = |q| {
        let a = q.normal("a", 1.0, 0.5);
        q.normals("b", &crate::program::Vector::new(&[a, -a]), &crate::program::Vector::constant(&[1.0, 2.0]));
        q.rows(|i| _ = i.normal("z", a, 0.1));
    };
    let family = TracedFamily::new(&Written(body), &layout).unwrap();
    assert_eq!(family.num_params(), 0);
    assert_eq!(family.centre(&[]), [1.0, 1.0, -1.0]);
    let rows = RowSet::all();
    let mut z = Draws::zeros(&layout, 4, 70);
    family.sample(&[], &rows, Streams::new(1), &mut z);
    let mut log_q = vec![0.0; 70];
    family.log_q(&[], &rows, &z, &mut log_q);
    let density = |x: f64, mean: f64, sd: f64| -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - LN_SQRT_2_PI;
    for (d, found) in log_q.iter().enumerate() {
        let (a, b, c) = (z.latent(0)[d], z.latent(1)[d], z.latent(2)[d]);
        let of_rows: f64 = (0..4).map(|r| density(z.row_latents[r * 70 + d], a, 0.1)).sum();
        let expected = density(a, 1.0, 0.5) + density(b, a, 1.0) + density(c, -a, 2.0) + of_rows;
        assert!((found - expected).abs() < 1e-11 * expected.abs().max(1.0), "{found} for {expected}");
    }
}

/// More latents than the full-rank family takes together, against dense matrices.
#[test]
fn a_full_rank_family_of_many_latents_is_that_of_matrices() {
    let (d, rows) = (19, RowSet::all());
    let family = FullRank::new(d);
    let wave = |k: usize, n: usize| (0..n).map(|i| 0.3 * (1.7 * (i + k) as f64).sin()).collect::<Vec<f64>>();
    let params = wave(3, family.num_params());
    let factor = family.factor(&params);
    for draws in [1, 5] {
        let (noise, bar) = (wave(50, d * draws), wave(90, d * draws));
        let lanes = |x: &[f64]| nalgebra::DMatrix::from_row_slice(d, draws, x);
        let near = |found: &[f64], expected: nalgebra::DMatrix<f64>| {
            // A hundred rounded operations of numbers of order one, magnified by solving with the factor.
            assert!((lanes(found) - &expected).amax() <= 1e-12 * (1.0 + expected.amax()));
        };
        let layout = Layout { num_latents: d, ..Layout::default() };
        let mut z = Draws::zeros(&layout, 0, draws);
        family.transform(&params, &rows, &noise, &mut z);
        let shifted = &factor * lanes(&noise);
        near(&z.latents, nalgebra::DMatrix::from_fn(d, draws, |i, k| params[i] + shifted[(i, k)]));
        let mut slope = Draws::zeros(&layout, 0, draws);
        family.grad_log_q(&params, &rows, &z, &mut slope);
        let precision = (&factor * factor.transpose()).try_inverse().unwrap();
        near(&slope.latents, -precision * shifted);
        let mut grad = vec![0.0; params.len()];
        let z_bar = Draws { latents: bar.clone(), ..z.clone() };
        family.pullback(&params, &rows, &noise, &z, &z_bar, &mut grad);
        let outer = lanes(&bar) * lanes(&noise).transpose();
        let mut at = d;
        for i in 0..d {
            for j in 0..=i {
                let expected = outer[(i, j)] * if i == j { factor[(i, i)] } else { 1.0 };
                assert!((grad[at] - expected).abs() < 1e-13, "{i} {j}");
                at += 1;
            }
        }
    }
}
