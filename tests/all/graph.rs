//! The graph of a model's latents: no edge is missing, and structures have the edges that they should.

use jensen::model::{Draws, RowSet, model};
use jensen::prelude::*;
use jensen::program::{LatentGraph, custom};
use jensen::target::{Differentiable, LogDensity, Pass, Target};

fn target(body: impl Fn(&LogJoint) + Sync) -> Target {
    Target::new(&model(body)).unwrap_or_else(|e| panic!("{e}"))
}

/// Numbers that are the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, n: usize) -> usize {
        self.word() as usize % n
    }

    /// Between -1 and 1.
    fn real(&mut self) -> f64 {
        self.word() as f64 / f64::from(1u32 << 30) - 1.0
    }
}

/// The gradient at a point of all latents, those of rows last.
fn gradient(target: &Target, x: &[f64]) -> Vec<f64> {
    let layout = target.layout();
    let (mut z, mut grad) = (Draws::zeros(layout, layout.num_rows, 1), Draws::zeros(layout, layout.num_rows, 1));
    z.latents.copy_from_slice(&x[..layout.num_latents]);
    z.row_latents.copy_from_slice(&x[layout.num_latents..]);
    let mut theta = vec![0.3; layout.num_parameters];
    let at = theta.clone();
    let mut pass = Pass::default();
    target.log_density_and_gradient(&at, &z, &RowSet::all(), &mut pass, &mut grad, &mut theta).unwrap();
    [grad.latents, grad.row_latents].concat()
}

/// Mixed second derivatives that are other than zero at some of a few random points, by central differences of gradients.
///
/// Rounding of gradients gives 1e-16 times their size over the step; a hundred times that counts.
fn second_derivatives(target: &Target, seed: u64) -> Vec<(usize, usize)> {
    let (n, step) = (target.graph().num_latents(), 1e-5);
    let mut numbers = Numbers(seed);
    let mut found = Vec::new();
    for _ in 0..4 {
        let x: Vec<f64> = (0..n).map(|_| 0.8 * numbers.real()).collect();
        for k in 0..n {
            let moved = |by: f64| {
                let mut x = x.clone();
                x[k] += by;
                gradient(target, &x)
            };
            let (up, down) = (moved(step), moved(-step));
            for other in (0..n).filter(|&other| other != k) {
                let noise = 1e-14 / step * (1.0 + up[other].abs());
                if (up[other] - down[other]).abs() / (2.0 * step) > noise {
                    found.push((k, other));
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn hold(name: &str, target: &Target) {
    let graph = target.graph();
    let found = second_derivatives(target, 7);
    let missing: Vec<_> = found.iter().filter(|&&(a, b)| !graph.has_edge(a, b)).collect();
    assert!(missing.is_empty(), "{name}: {missing:?} are no edges of {graph}");
}

/// That the graph has exactly the edges that derivatives show.
fn hold_exactly(name: &str, target: &Target, words: &str) {
    hold(name, target);
    let graph = target.graph();
    let found = second_derivatives(target, 7);
    assert_eq!(2 * graph.num_edges(), found.len(), "{name}: {graph}");
    assert_eq!(graph.to_string(), words, "{name}");
    for k in 0..graph.num_latents() {
        assert_eq!(graph.degree(k), graph.neighbours(k).count());
        assert!(graph.neighbours(k).all(|other| graph.has_edge(other, k) && other != k));
    }
}

fn groups(rows: usize, num_groups: usize) -> IntColumn {
    IntColumn::new((0..rows).map(|k| (k * 7 % num_groups) as u32).collect::<Vec<_>>())
}

fn column(rows: usize) -> Column {
    Column::new((0..rows).map(|k| (k as f64 * 1.3).sin()).collect::<Vec<_>>())
}

#[test]
fn a_hierarchy_is_an_arrow() {
    let (y, g) = (column(24), groups(24, 8));
    for is_centred in [true, false] {
        let arrow = target(|p| {
            let mu = p.draw("mu", normal(0.0, 1.0));
            let tau = p.draw("tau", half_normal(1.0));
            let b = p.draw("b", normal(0.0, 1.0));
            let theta = if is_centred {
                p.draws("theta", normal(mu, tau), 8)
            } else {
                p.draws("eta", normal(0.0, 1.0), 8).map(|e| mu + tau * e)
            };
            p.rows(24, |i| i.observe(y.at(i), student_t(4.0, theta.at(g.at(i)) + b * y.at(i), 1.0)));
        });
        hold("arrow", &arrow);
        assert_eq!(arrow.graph().to_string(), "3 shared, 8 in blocks of 1");
        assert_eq!((arrow.graph().shared(), arrow.graph().has_edge(3, 4)), (vec![0, 1, 2], false));
    }
}

#[test]
fn a_scale_outside_of_a_sum_of_squares_joins_it_with_neighbours_alone() {
    // A random walk as its users write it: a precision times a sum, outside of any distribution.
    let walk = target(|p| {
        let h = p.reals("h", 12);
        let precision = p.draw("precision", gamma(2.0, 1.0));
        let mut squares = Real::from(0.0);
        for t in 1..12 {
            squares += (h.at(t) - h.at(t - 1)).square();
        }
        p.add(5.5 * precision.ln() - 0.5 * precision * squares - 0.01 * h.sum().square());
        (0..12).for_each(|t| p.observe((t as f64).sin(), normal(h.at(t), 1.0)));
    });
    hold("walk with a soft constraint", &walk);
    assert_eq!(walk.graph().to_string(), "dense");
    let walk = target(|p| {
        let h = p.reals("h", 12);
        let precision = p.draw("precision", gamma(2.0, 1.0));
        let mut squares = Real::from(0.0);
        for t in 1..12 {
            squares += (h.at(t) - h.at(t - 1)).square();
        }
        p.add(5.5 * precision.ln() - 0.5 * precision * squares);
        (0..12).for_each(|t| p.observe((t as f64).sin(), normal(h.at(t), 1.0)));
    });
    hold_exactly("walk", &walk, "1 shared, 12 in a band of width 1");
}

#[test]
fn scans_of_states_are_bands_and_of_innovations_are_dense() {
    let y = column(15);
    let states = target(|p| {
        let h = p.reals("h", 15);
        p.add(normal(0.0, 1.0).log_density(h.at(0)));
        p.rows(1..15, |t| t.add(normal(0.9 * h.lag(t, 1), 0.1).log_density(h.at(t))));
        p.rows(15, |t| t.observe(y.at(t), normal(0.0, (0.5 * h.at(t)).exp())));
    });
    hold_exactly("states", &states, "band of width 1");
    let second_order = target(|p| {
        let h = p.reals("h", 15);
        p.rows(2..15, |t| t.add(normal(2.0 * h.lag(t, 1) - h.lag(t, 2), 0.1).log_density(h.at(t))));
        p.rows(15, |t| t.observe(y.at(t), normal(h.at(t), 1.0)));
    });
    hold_exactly("second order", &second_order, "band of width 2");
    let innovations = target(|p| {
        let eta = p.draws("eta", normal(0.0, 1.0), 15);
        let h = p.scan(15, Real::from(0.0), |h, t| 0.9 * h + 0.3 * eta.at(t));
        p.rows(15, |t| t.observe(y.at(t), normal(0.0, (0.5 * h.at(t)).exp())));
    });
    hold_exactly("innovations", &innovations, "dense");
}

#[test]
fn crossed_effects_join_those_that_meet_in_a_row() {
    let (y, person, item) = (column(30), groups(30, 10), IntColumn::new((0..30).map(|k| k / 6).collect::<Vec<u32>>()));
    let crossed = target(|p| {
        let a = p.draws("a", normal(0.0, 1.0), 10);
        let b = p.draws("b", normal(0.0, 1.0), 5);
        p.rows(30, |i| i.observe(y.at(i), student_t(4.0, a.at(person.at(i)) + b.at(item.at(i)), 1.0)));
    });
    hold("crossed", &crossed);
    let graph = crossed.graph();
    let expected: std::collections::BTreeSet<_> = (0..30).map(|k| (k * 7 % 10, 10 + k / 6)).collect();
    assert_eq!(graph.num_edges(), expected.len());
    assert!(expected.iter().all(|&(a, b)| graph.has_edge(a, b)));
    assert!(graph.to_string().starts_with("sparse, "), "{graph}");
}

#[test]
fn latents_of_rows_meet_those_of_their_own_row() {
    let y = column(20);
    let rows = target(|p| {
        let mu = p.draw("mu", normal(0.0, 1.0));
        let tau = p.draw("tau", half_normal(1.0));
        p.rows(20, |i| {
            let x = i.draw("x", normal(mu, tau));
            let w = i.draw("w", gamma(2.0, 2.0));
            i.observe(y.at(i), normal(x, w));
        });
    });
    hold_exactly("rows", &rows, "2 shared, 40 in blocks of 2");
    assert!(rows.graph().has_edge(2, 22) && !rows.graph().has_edge(2, 23), "[latent][row]");
    assert!(!rows.graph().has_edge(0, 22), "weights have a prior of their own");
}

#[test]
fn what_does_not_meet_is_not_joined() {
    let alone = target(|p| {
        p.draws("a", normal(0.0, 1.0), 6);
        let b = p.draws("b", gamma(2.0, 1.0), 3);
        p.add(b.sum());
    });
    hold_exactly("alone", &alone, "9 in blocks of 1");
    let one = target(|p| {
        p.draw("a", normal(0.0, 1.0));
    });
    assert_eq!((one.graph().num_edges(), one.graph().num_latents()), (0, 1));
    let design = Matrix::new(vec![1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 3.0], 3).unwrap();
    let y = column(4);
    let zeros = target(|p| {
        let b = p.draws("b", normal(0.0, 1.0), 3);
        p.rows(4, |i| i.observe(y.at(i), student_t(4.0, design.at(i).dot(&b), 1.0)));
    });
    hold("zeros of a matrix", &zeros);
    let edges = [(0, 1), (0, 2), (1, 2)].map(|(a, b)| zeros.graph().has_edge(a, b));
    assert_eq!(edges, [false, true, false]);
}

/// Every kind of site and of operation, each in a model of its own.
#[test]
fn every_kind_of_site_has_the_edges_that_its_derivatives_show() {
    type Body = fn(&LogJoint);
    let bodies: [(&str, Body); 14] = [
        ("bounds", |p| {
            let low = p.draw("low", normal(0.0, 1.0));
            let x = p.interval("x", low, low + 3.0);
            let (a, b) = (p.above("a", x), p.below("b", low));
            p.add(-a - x.square() + b - b.square() - p.unit("u").square());
        }),
        ("simplex", |p| {
            let w = p.draw("w", dirichlet(Vector::constant(&[2.0, 3.0, 1.5, 2.5])));
            let other = p.draws("other", normal(0.0, 1.0), 3);
            p.add(w.at(1).ln() + other.at(0) * w.at(2));
        }),
        ("ordered", |p| {
            let (a, b) = (p.ordered("a", 4), p.positive_ordered("b", 3));
            p.add(-a.map(|a| a.square()).sum() - b.map(|b| b.square()).sum() + a.at(3) * b.at(0));
        }),
        ("unit vector", |p| p.add(2.0 * p.unit_vector("u", 3).at(1) + p.unit_vector("v", 2).at(0))),
        ("correlation", |p| {
            let l = p.draw("l", lkj_cholesky(3, 2.0));
            p.add(l.at((2, 0)) * p.draw("x", normal(0.0, 1.0)));
        }),
        ("covariance factor", |p| p.add(-p.cholesky_covariance("l", 3).map(|l| l.square()).sum())),
        ("multivariate", |p| {
            let l = p.draw("l", lkj_cholesky(3, 2.0));
            let scale = p.draws("scale", half_normal(1.0), 3);
            let scaled = Vector::new(&(0..9).map(|k| scale.at(k / 3) * l.at((k / 3, k % 3))).collect::<Vec<_>>());
            let x = p.draw("x", multivariate_normal_cholesky(Vector::constant(&[0.0; 3]), scaled));
            p.add(-x.at(0).exp());
        }),
        ("gaussian process", |p| {
            let rho = p.draw("rho", gamma(3.0, 2.0));
            let squares: Vec<f64> = (0..16).map(|k| f64::from((k / 4 - k % 4) * (k / 4 - k % 4))).collect();
            let same: Vec<f64> = (0..16).map(|k| f64::from(u8::from(k / 4 == k % 4))).collect();
            let kernel = Vector::constant(&squares).map(|d| (-0.5 * d / rho.square()).exp());
            let covariance = kernel.zip(&Vector::constant(&same), |k, same| k + 0.1 * same);
            let f = p.draw("f", multivariate_normal_covariance(Vector::constant(&[0.0; 4]), covariance));
            p.add(-f.map(|f| f.exp()).sum());
        }),
        ("masks and kinks", |p| {
            let x = p.draws("x", normal(0.0, 1.0), 5);
            p.add(x.at(0).max(x.at(1).square() * x.at(2)));
            p.add(x.at(3).less_than(0.0).select(x.at(3) * x.at(4), x.at(2).exp()));
        }),
        ("products", |p| {
            let (m, x) = (p.matrix("m", normal(0.0, 1.0), 2, 3), p.draws("x", normal(0.0, 1.0), 3));
            let y = m.mat_vec(2, &x);
            p.add(y.at(0).sin() + y.at(1) + x.dot(&p.draws("c", normal(0.0, 1.0), 3)));
        }),
        ("log-sum-exp", |p| {
            let x = p.draws("x", normal(0.0, 1.0), 4);
            let y = p.draws("y", normal(0.0, 1.0), 2);
            p.add(x.log_sum_exp() + log_sum_exp(&[y.at(0), y.at(1) * 2.0, Real::from(0.3)]));
        }),
        ("powers", |p| {
            let (a, b, c) = (p.positive("a"), p.positive("b"), p.positive("c"));
            p.add(-a - b - c + a.powf(0.3 * b) + c.powi(3) / (1.0 + a) - c.powi(4));
        }),
        ("custom", |p| {
            let x = p.draws("x", normal(0.0, 1.0), 3);
            p.add(custom(&[x.at(0), x.at(2)], |v, g| {
                (g[0], g[1]) = (2.0 * v[0] * v[1], v[0] * v[0]);
                v[0] * v[0] * v[1]
            }));
        }),
        ("networks in rows", |p| {
            let (w, b) = (p.matrix("w", normal(0.0, 1.0), 2, 2), p.draws("b", normal(0.0, 1.0), 2));
            let out = p.draws("out", normal(0.0, 1.0), 2);
            let x = Matrix::new(vec![1.0, 0.5, -0.3, 0.0, 0.2, 1.1], 2).unwrap();
            p.rows(3, |i| {
                let h = x.at(i).to_vector().dense(&w, &b).map(|v| v.tanh());
                let noise = i.draw("noise", dirichlet(Vector::constant(&[2.0, 1.0, 3.0])));
                i.observe(0.3, student_t(3.0, h.dot(&out) + noise.at(1), 1.0));
            });
        }),
    ];
    for (name, body) in bodies {
        hold(name, &target(body));
    }
}

/// A random expression of some of the latents.
fn expression(numbers: &mut Numbers, latents: &[Real], depth: usize) -> Real {
    if depth == 0 {
        return latents[numbers.below(latents.len())];
    }
    let inner = |numbers: &mut Numbers| expression(numbers, latents, depth - 1);
    match numbers.below(12) {
        0 => inner(numbers) + inner(numbers),
        1 => inner(numbers) - 0.5 * inner(numbers),
        2 => inner(numbers) * inner(numbers),
        3 => inner(numbers) / (2.0 + inner(numbers).square()),
        4 => inner(numbers).sin(),
        5 => inner(numbers).tanh().exp(),
        6 => inner(numbers).softplus(),
        7 => inner(numbers).gauss_kernel(inner(numbers), 0.7),
        8 => log_sum_exp(&[inner(numbers), inner(numbers)]),
        9 => inner(numbers).less_than(0.1).select(inner(numbers), -inner(numbers)),
        10 => -inner(numbers),
        _ => 0.3 * inner(numbers) + 1.0,
    }
}

#[test]
fn no_edge_of_a_random_program_is_missing() {
    let mut joined = 0;
    for seed in 0..60 {
        let (y, g) = (column(9), groups(9, 4));
        let random = target(|p| {
            let mut numbers = Numbers(1000 + seed);
            let (a, b) = (p.draws("a", normal(0.0, 1.0), 4), p.draws("b", normal(0.0, 1.0), 4));
            let c = p.draw("c", normal(0.0, 1.0));
            let all: Vec<Real> = a.elements().into_iter().chain([c, b.at(1)]).collect();
            p.add(expression(&mut numbers, &all, 3));
            let mapped = a.zip(&b, |a, b| expression(&mut numbers, &[a, b, c], 2));
            p.add(mapped.sum() * expression(&mut numbers, &[c, a.at(0)], 1));
            let has_rows = seed % 2 == 0;
            let numbers = std::cell::RefCell::new(numbers);
            p.rows(9, |i| {
                let own = if has_rows { i.draw("own", normal(0.0, 1.0)) } else { Real::from(0.4) };
                let seen = [mapped.at(g.at(i)), own, y.at(i), b.at(g.at(i))];
                i.add(expression(&mut numbers.borrow_mut(), &seen, 2));
            });
        });
        hold(&format!("seed {seed}"), &random);
        joined += random.graph().num_edges();
    }
    assert!(joined > 60 * 4, "{joined} edges in all: the programs have no products");
}

#[test]
fn graphs_are_made_of_edges() {
    let graph = LatentGraph::from_edges(4, &[(0, 1), (1, 0), (2, 2), (3, 9), (3, 1)]);
    assert_eq!((graph.num_edges(), graph.neighbours(1).collect::<Vec<_>>()), (2, vec![0, 3]));
    let dense = LatentGraph::dense(5);
    assert_eq!((dense.num_edges(), dense.to_string()), (10, "dense".into()));
    let pairs: Vec<_> = (0..5).flat_map(|a| (0..a).map(move |b| (a, b))).collect();
    assert_eq!(LatentGraph::from_edges(5, &pairs), dense);
}

#[test]
fn many_groups_are_described_and_cost_what_the_program_costs() {
    let n = 100_000;
    let (y, g) = (column(2 * n), IntColumn::new((0..2 * n as u32).map(|k| k / 2).collect::<Vec<_>>()));
    let large = target(|p| {
        let mu = p.draw("mu", normal(0.0, 5.0));
        let tau = p.draw("tau", half_normal(2.0));
        let b = p.draw("b", normal(0.0, 2.0));
        let a = p.draws("eta", normal(0.0, 1.0), n).map(|e| mu + tau * e);
        p.rows(2 * n, |i| i.observe(y.at(i), student_t(4.0, a.at(g.at(i)) + b * y.at(i), 1.0)));
    });
    assert_eq!(large.graph().to_string(), "3 shared, 100,000 in blocks of 1");
    assert_eq!(large.graph().num_edges(), 3 * n + 3);
    // A sum that is made in a loop is split, not followed: its parts see a few latents each.
    let n = 3000;
    let long = target(|p| {
        let x = p.draws("x", normal(0.0, 1.0), n);
        let sum = (1..n).fold(Real::from(0.0), |sum, k| sum + x.at(k).sin() * x.at(k - 1));
        p.add(sum);
    });
    assert_eq!(long.graph().to_string(), "band of width 1");
}
