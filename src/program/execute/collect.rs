//! The results of a pass, joined from its sweeps and chunks in their order.

use super::super::plan::Stored;
use super::pass::{Pass, Response, Sweep};
use super::rows::refill;

impl<T: Stored> Pass<'_, T> {
    /// Joins the sweeps' results in their order.
    pub(super) fn collect(&self, sweeps: &[Sweep<T>], response: &mut Response) {
        let (request, plan, draws) = (self.request, self.plan, self.draws);
        let total = request.num_draws;
        let rows_in_pass = (0..self.rows.len()).map(|p| self.num_rows(p)).max().unwrap_or(0);
        if !request.global_terms {
            response.global_terms.clear();
        }
        response.global_terms.resize(4 * total, 0.0);
        response.row_sums.resize(4 * total, 0.0);
        refill(&mut response.row_terms, if request.row_terms { 4 * rows_in_pass * total } else { 0 });
        let gradient = usize::from(request.gradient);
        refill(&mut response.latents, gradient * plan.num_latents * total);
        refill(&mut response.row_latents, gradient * plan.num_row_latents * rows_in_pass * total);
        // A single sweep that knows every parameter overwrites them.
        let known: usize = self.global.parameters.iter().map(|p| p.len).sum();
        let overwrites = request.gradient && sweeps.len() == 1 && known == plan.num_parameters;
        if overwrites {
            response.parameters.resize(known, 0.0)
        } else {
            refill(&mut response.parameters, gradient * plan.num_parameters)
        }
        let outputs: usize = self.global.outputs.iter().map(|o| o.len).sum();
        refill(&mut response.outputs, outputs * total);
        let row_outputs: usize = self.rows.iter().flat_map(|r| &r.outputs).map(|o| o.len).sum();
        refill(&mut response.row_outputs, row_outputs * rows_in_pass * total);
        let whole = draws == total;
        for (k, sweep) in sweeps.iter().enumerate() {
            let first = k * draws;
            let real = self.real_draws(first);
            // One sweep with all draws has the response's layout; of several, each kind has its own stretch.
            let (pieces, length, size) = if whole { (1, 4 * total, 0) } else { (4, real, draws) };
            for kind in 0..pieces {
                let to = kind * total + first..kind * total + first + length;
                let from = kind * size..kind * size + length;
                if request.global_terms {
                    response.global_terms[to.clone()].copy_from_slice(&sweep.global_terms[from.clone()]);
                }
                response.row_sums[to].copy_from_slice(&sweep.row_sums[from]);
            }
            for port in &self.global.outputs {
                for e in 0..port.len {
                    for d in 0..real {
                        let lane = if port.per_draw { e * draws + d } else { e };
                        response.outputs[(port.from + e) * total + first + d] = sweep.values[port.at + lane].to_f64();
                    }
                }
            }
            if request.gradient {
                self.collect_gradient(sweep, first, overwrites, response);
            }
            self.collect_rows(sweep, first, real, rows_in_pass, response);
        }
    }

    fn collect_gradient(&self, sweep: &Sweep<T>, first: usize, overwrites: bool, response: &mut Response) {
        let (draws, total, real) = (self.draws, self.request.num_draws, self.real_draws(first));
        for port in &self.global.latents {
            if total == draws {
                let to = &mut response.latents[port.from * draws..][..port.len * draws];
                for (t, &g) in to.iter_mut().zip(&sweep.adjoints[port.at..]) {
                    *t = g.to_f64();
                }
                continue;
            }
            for e in 0..port.len {
                let to = &mut response.latents[(port.from + e) * total + first..][..real];
                for (t, &g) in to.iter_mut().zip(&sweep.adjoints[port.at + e * draws..]) {
                    *t = g.to_f64();
                }
            }
        }
        for port in &self.global.parameters {
            let both = response.parameters[port.from..].iter_mut().zip(&sweep.adjoints[port.at..port.at + port.len]);
            if overwrites {
                both.for_each(|(t, &g)| *t = g.to_f64())
            } else {
                both.for_each(|(t, &g)| *t += g.to_f64())
            }
        }
    }

    fn collect_rows(&self, sweep: &Sweep<T>, first: usize, real: usize, rows_in_pass: usize, response: &mut Response) {
        let (request, draws, total) = (self.request, self.draws, self.request.num_draws);
        for (plate, layout) in self.rows.iter().enumerate() {
            let num_rows = self.num_rows(plate);
            let (chunk_rows, num_chunks) = self.chunks(plate);
            let outputs: usize = layout.outputs.iter().map(|o| o.len).sum();
            let latents = if request.gradient && layout.loads_latents { self.plan.num_row_latents } else { 0 };
            for (c, chunk) in sweep.chunks[plate].iter().take(num_chunks).enumerate() {
                let from = c * chunk_rows;
                let rows = num_rows.min(from + chunk_rows) - from;
                let blocks = [
                    (&chunk.outputs, outputs, layout.first_output, &mut response.row_outputs),
                    (&chunk.latent_adjoints, latents, 0, &mut response.row_latents),
                    (&chunk.row_terms, if request.row_terms { 4 } else { 0 }, 0, &mut response.row_terms),
                ];
                for (source, elements, start, target) in blocks {
                    for e in 0..elements {
                        if draws == total {
                            let to = &mut target[((start + e) * rows_in_pass + from) * total..][..rows * total];
                            to.iter_mut().zip(&source[e * rows * draws..]).for_each(|(t, s)| *t += s);
                            continue;
                        }
                        for r in 0..rows {
                            let source = &source[(e * rows + r) * draws..][..real];
                            let target = &mut target[((start + e) * rows_in_pass + from + r) * total + first..][..real];
                            target.iter_mut().zip(source).for_each(|(t, s)| *t += s);
                        }
                    }
                }
            }
            if request.row_terms {
                self.add_constants_to_rows(sweep, plate, first, real, rows_in_pass, response);
            }
        }
    }

    /// A row's term includes its share of what does not depend on the row.
    fn add_constants_to_rows(
        &self,
        sweep: &Sweep<T>,
        plate: usize,
        first: usize,
        real: usize,
        rows_in_pass: usize,
        response: &mut Response,
    ) {
        let (draws, total, num_rows) = (self.draws, self.request.num_draws, self.num_rows(plate));
        let mut add = |kind: usize, d: usize, x: f64| {
            for r in 0..num_rows {
                response.row_terms[(kind * rows_in_pass + r) * total + first + d] += x;
            }
        };
        for root in self.global.roots.iter().filter(|r| r.plate as usize == plate + 1) {
            for d in 0..real {
                let lanes = if root.per_draw { draws } else { 1 };
                let at = |e: usize| sweep.values[root.at + e * lanes + if root.per_draw { d } else { 0 }].to_f64();
                add(root.kind, d, root.coefficient * (0..root.len).map(at).sum::<f64>());
            }
        }
        for &(kind, p, constant) in &self.plan.addends.constants {
            if p as usize == plate + 1 {
                (0..real).for_each(|d| add(kind as usize, d, constant));
            }
        }
    }
}
