//! Programs of every kind, and how a test writes one.

use crate::program::recording::{self, Op, Plate, Recording, Term};
use crate::program::*;

/// Records `body`, which gets `n` latents and returns the terms outside of rows.
pub(super) fn record_latents(n: usize, body: impl FnOnce(&[Real]) -> Vec<Real>) -> Recording {
    let recorded = recording::record(|| {
        let vector = latent_vector(n);
        for term in body(&vector.elements()) {
            add_term(term);
        }
    });
    recorded.expect("a valid program")
}

pub(super) fn latent_vector(n: usize) -> Vector {
    let node = recording::with(|r| {
        let offset = r.num_latents as u32;
        r.num_latents += n;
        r.leaf(Op::Latent { offset }, n, false, true, true)
    });
    Vector::from_lanes(Real::from_node(node.expect("recording")), n)
}

pub(super) fn add_term(term: Real) {
    let node = term.node();
    recording::with(|r| {
        let plate = r.current_plate;
        r.terms.push(Term {
            node: Some(node),
            constant: 0.0,
            kind: TermKind::Bare,
            plate,
            location: std::panic::Location::caller(),
        });
    });
}

/// Records terms for each of `rows` rows.
pub(super) fn in_rows(rows: std::ops::Range<usize>, body: impl FnOnce(RowIndex)) {
    let plate = recording::with(|r| {
        r.plates.push(Plate { start: rows.start, rows: rows.end - rows.start });
        r.current_plate = r.plates.len() as u16;
        r.current_plate
    });
    body(RowIndex { plate: plate.expect("recording") });
    recording::with(|r| r.current_plate = 0);
}

/// A program that uses every kind of structure outside of rows.
pub(super) fn global_program() -> Recording {
    record_latents(9, |z| {
        let v = Vector::new(&z[..4]);
        let matrix = Vector::new(&[z[0].exp() + 2.0, z[1], z[1], z[2].exp() + 2.0]);
        let factor = matrix.cholesky(2);
        let solved = factor.solve_lower(&Vector::new(&z[3..5]));
        let product = v.mat_vec(2, &Vector::new(&z[5..7]));
        let own = custom(&[z[7], z[8]], |x, partials| {
            partials[0] = x[1].cos();
            partials[1] = -x[0] * x[1].sin();
            x[0] * x[1].cos()
        });
        vec![
            v.map(|x| x.square().exp()).sum(),
            v.log_sum_exp() * z[8],
            log_sum_exp(&[z[0], z[1] * 2.0, z[2] - 1.0]),
            solved.dot(&solved),
            factor.at(0).ln() * z[0],
            product.zip(&Vector::new(&z[1..3]), |a, b| a * b.exp()).sum(),
            own.square(),
            sum(&[z[3], z[4].sin(), z[5].tanh()]) * z[6],
            (z[7].square() + 0.5).powf(3.5) + (z[8].square() + 0.5).powf(z[0]),
            1.0 - 2.0 / (z[3].square() + 1.0),
        ]
    })
}

/// A program with two kinds of rows, data of every kind, row latents and parameters.
pub(super) fn row_program(rows: usize) -> Recording {
    let value = |k: usize| ((k * 37 + 11) % 17) as f64 / 9.0 - 0.8;
    let x = Column::new((0..rows).map(value).collect::<Vec<_>>());
    let group = IntColumn::new((0..rows).map(|k| (k * 7 % 3) as u32).collect::<Vec<_>>());
    let table = Matrix::new((0..rows * 5).map(value).collect::<Vec<_>>(), 5).expect("whole rows");
    let recorded = recording::record(|| {
        let (a, w, scale) = (latent_vector(3), latent_vector(5), latent_vector(1).at(0));
        let theta = recording::with(|r| {
            r.num_parameters = 6;
            r.leaf(Op::Parameter { offset: 0 }, 6, false, false, true)
        });
        let theta = Vector::from_lanes(Real::from_node(theta.expect("recording")), 6);
        add_term(scale.square());
        in_rows(0..rows, |i| {
            let row_latent = recording::with(|r| {
                r.num_row_latents = 2;
                r.leaf(Op::RowLatent { offset: 0 }, 2, true, true, true)
            });
            let z = Vector::from_lanes(Real::from_node(row_latent.expect("recording")), 2);
            let mean = a.at(group.at(i)) + table.at(i).dot(&w) + z.at(0);
            add_term(x.at(i).gauss_kernel(mean, scale.exp()) - scale);
            add_term(z.at(0).square() * -0.5 + (z.at(1) * x.at(i)).sin());
            let hidden = z.dense(&theta.map(|t| t), &Vector::new(&[a.at(0), a.at(1), a.at(2)]));
            add_term(hidden.map(|h| h.tanh()).sum());
            let mask = x.at(i).less_than(0.0);
            add_term(mask.select(w.at(group.at(i)).exp(), (x.at(i).abs() + 0.1).ln() * w.at(0)));
        });
    });
    recorded.expect("a valid program")
}

/// Two layers over row data and row latents; the weights are shared by all draws or differ by draw.
pub(super) fn dense_program(rows: usize, inputs: usize, outputs: usize, per_draw: bool) -> Recording {
    let value = |k: usize| ((k * 37 + 11) % 17) as f64 / 9.0 - 0.8;
    let table = Matrix::new((0..rows * inputs).map(value).collect::<Vec<_>>(), inputs).expect("whole rows");
    let recorded = recording::record(|| {
        let weights = if per_draw { latent_vector(inputs * outputs) } else { parameters(inputs * outputs) };
        in_rows(0..rows, |i| {
            let z = recording::with(|r| {
                r.num_row_latents = inputs;
                r.leaf(Op::RowLatent { offset: 0 }, inputs, true, true, true)
            });
            let z = Vector::from_lanes(Real::from_node(z.expect("recording")), inputs);
            let hidden = weights.mat_vec(outputs, &z).map(|h| h.tanh());
            let own = weights.mat_vec(outputs, &table.at(i).to_vector()).map(|h| h.sin());
            add_term(hidden.dot(&own) + weights.mat_vec(inputs, &hidden).dot(&z));
        });
    });
    recorded.expect("a valid program")
}

/// Layers outside of rows, of parameters and latents.
pub(super) fn global_dense_program(inputs: usize, outputs: usize) -> Recording {
    let recorded = recording::record(|| {
        let weights = parameters(inputs * outputs);
        let z = latent_vector(inputs);
        let hidden = weights.mat_vec(outputs, &z).map(|h| h.tanh());
        add_term(hidden.dot(&hidden) + weights.mat_vec(inputs, &hidden).dot(&z));
    });
    recorded.expect("a valid program")
}

/// Learnable parameters as one vector.
fn parameters(len: usize) -> Vector {
    let node = recording::with(|r| {
        r.num_parameters = len;
        r.leaf(Op::Parameter { offset: 0 }, len, false, false, true)
    });
    Vector::from_lanes(Real::from_node(node.expect("recording")), len)
}

/// Rows whose values are scalars, with data of every kind and terms of every kind of node.
pub(super) fn scalar_row_program(rows: usize) -> Recording {
    let value = |k: usize| ((k * 37 + 11) % 17) as f64 / 9.0 - 0.8;
    let x = Column::new((0..rows + 2).map(value).collect::<Vec<_>>());
    let group = IntColumn::new((0..rows + 2).map(|k| (k * 7 % 3) as u32).collect::<Vec<_>>());
    let recorded = recording::record(|| {
        let (a, b, scale) = (latent_vector(3), latent_vector(rows + 3), latent_vector(1).at(0));
        add_term(scale.square());
        in_rows(1..rows + 1, |i| {
            let here = Index::Row(i, 0);
            let mean = a.at(group.at(i)) * b.at(here) + scale;
            add_term(x.at(i).gauss_kernel(mean, scale.exp()) - scale);
            add_term(x.at(i).square());
            add_term(log_sum_exp(&[mean, b.at(here) * 2.0, x.at(i)]).softplus());
            add_term(x.at(i).less_than(0.0).select(mean.exp(), (x.at(i).abs() + 0.1).ln() * b.at(here)));
        });
    });
    recorded.expect("a valid program")
}

/// A regression by groups that are mixed up in the data: gathers in runs, and numbers that serve a whole vector.
pub(super) fn grouped_program(rows: usize, num_groups: usize) -> Recording {
    let value = |k: usize| ((k * 37 + 11) % 17) as f64 / 9.0 - 0.8;
    let x = Column::new((0..rows).map(value).collect::<Vec<_>>());
    let y = Column::new((0..rows).map(|k| value(3 * k + 1)).collect::<Vec<_>>());
    let group = IntColumn::new((0..rows).map(|k| (k * 7 % num_groups) as u32).collect::<Vec<_>>());
    let other = IntColumn::new((0..rows).map(|k| (k % 2) as u32).collect::<Vec<_>>());
    let recorded = recording::record(|| {
        let (u, v, z) = (latent_vector(num_groups), latent_vector(2), latent_vector(4));
        let [mu, tau, slope, noise] = [0, 1, 2, 3].map(|k| z.at(k));
        add_term(u.map(|u| u.gauss_kernel(mu, (-tau).exp()) - tau).sum());
        add_term(v.map(|v| v.gauss_kernel(Real::from(0.5), Real::from(2.0))).sum());
        in_rows(0..rows, |i| {
            let mean = mu + tau.exp() * u.at(group.at(i)) + slope * x.at(i) + v.at(other.at(i));
            add_term(y.at(i).gauss_kernel(mean, noise.exp()) + noise);
            add_term(y.at(i).gauss_kernel(mu * mu, noise) + (y.at(i) + mu).gauss_kernel(slope, x.at(i)));
        });
    });
    recorded.expect("a valid program")
}
