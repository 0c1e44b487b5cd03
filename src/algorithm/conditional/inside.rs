//! A density at one place of the shared latents, as a function of the others.

use super::nodes::{Blocks, Nodes};
use crate::algorithm::FitError;
use crate::algorithm::density::Density;
use crate::algorithm::sparse::Colours;
use crate::family::{ConditionalGaussian, Given};
use crate::model::Draws;
use crate::numerics::{Columns, LN_SQRT_2_PI, log_sum_exp};
use crate::target::Differentiable;

/// Numbers of a block of draws at most.
const BLOCK: usize = 1 << 18;

/// Step of differences of gradients, in conditional standard deviations, at least.
const STEP: f64 = 1e-4;

/// Nodes of Lobatto's rule on `[0, 1]` beside zero, and their weights: exact for polynomials up to the degree 7. A rule with
/// both ends: the gradient at the far end is that of the draw itself.
const PATH: [(f64, f64); 4] =
    [(0.172_673_164_646_011_4, 49.0 / 180.0), (0.5, 16.0 / 45.0), (0.827_326_835_353_988_6, 49.0 / 180.0), (1.0, 0.05)];
const AT_START: f64 = 0.05;

/// Steps of Newton's method for the others, and halvings of one.
const STEPS: usize = 40;

/// A Gaussian of the others, in the new order: mean, precision, and its factor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Local {
    pub mean: Vec<f64>,
    pub precision: Vec<f64>,
    pub factor: Vec<f64>,
}

/// The density of the shared latents at one place, with the others integrated out.
#[derive(Clone, Debug)]
pub(crate) struct Integral {
    /// `log p(x, g)`
    pub log_density: f64,
    /// The same from the first half of the drawn noise, and from the second.
    pub halves: [f64; 2],
    /// Weights of each block's draws, `[block][node]`, zero noise last; they sum to one in a block.
    pub weights: Vec<f64>,
    /// `l - mu` of each node with noise, `[latent][node]` in the new order.
    pub moved: Vec<f64>,
    /// The least effective share of a block's weights.
    pub least_share: f64,
    /// By how much the blocks' parts do not add up to the whole density, in nats, over the nodes by their weights.
    pub slip: f64,
}

/// What is evaluated, and where.
pub(crate) struct Inside<'a, T: ?Sized> {
    pub family: &'a ConditionalGaussian,
    pub blocks: Blocks,
    density: Density<'a, T>,
    step: f64,
    z: Draws,
    colours: Colours,
    plan: Vec<Vec<(u32, u32)>>,
    columns: Columns,
    given: Given,
}

impl<'a, T: Differentiable + ?Sized> Inside<'a, T> {
    pub fn new(target: &'a T, family: &'a ConditionalGaussian) -> Self {
        let graph = family.locals().1;
        let colours = Colours::new(graph);
        Inside {
            family,
            blocks: Blocks::new(graph, &family.pattern().order),
            density: Density::new(target, &[]),
            step: STEP.max(target.unit_roundoff().cbrt()),
            z: Draws::default(),
            plan: colours.plan(graph),
            colours,
            columns: Columns::default(),
            given: Given::default(),
        }
    }

    /// Evaluations so far.
    pub fn evaluations(&self) -> u64 {
        self.density.evaluations
    }

    /// Values at points of the others, `[latent][draw]` in the new order, and gradients in the same shape if they are wanted.
    pub fn at(
        &mut self,
        shared: &[f64],
        x: &[f64],
        draws: usize,
        mut grads: Option<&mut Vec<f64>>,
    ) -> Result<Vec<f64>, FitError> {
        let n = self.blocks.of.len();
        let most = (BLOCK / n.max(1)).clamp(1, 64);
        let (mut values, mut part) = (Vec::with_capacity(draws), Vec::new());
        if let Some(grads) = &mut grads {
            grads.clear();
            grads.resize(n * draws, 0.0);
        }
        for first in (0..draws).step_by(most) {
            let count = most.min(draws - first);
            self.density.resize(count, &mut self.z);
            part.clear();
            x.chunks_exact(draws).for_each(|lane| part.extend_from_slice(&lane[first..first + count]));
            self.family.place(shared, &part, &mut self.z);
            let Some(grads) = &mut grads else {
                values.extend_from_slice(self.density.values(&self.z)?);
                continue;
            };
            let (own, grad) = self.density.all_gradients(&self.z)?;
            values.extend_from_slice(own);
            let (locals, order) = (self.family.locals().0, &self.family.pattern().order);
            for (to, &own) in grads.chunks_exact_mut(draws).zip(order) {
                to[first..first + count].copy_from_slice(self.family.lane(grad, locals[own as usize]));
            }
        }
        Ok(values)
    }

    /// Draws of a Gaussian at the nodes, zero noise last where it counts, and the weight of each.
    fn points(&self, local: &Local, nodes: &Nodes) -> (Vec<f64>, Vec<f64>) {
        let n = nodes.num_moving();
        let mut x = nodes.noise.clone();
        self.family.pattern().solve_transposed(&local.factor, n, &mut x);
        let has_centre = nodes.weights[n] > 0.0;
        let mut out = Vec::with_capacity(local.mean.len() * (n + 1));
        for (k, m) in local.mean.iter().enumerate() {
            out.extend(x[k * n..(k + 1) * n].iter().map(|x| m + x));
            out.extend(has_centre.then_some(*m));
        }
        (out, nodes.weights[..n + usize::from(has_centre)].to_vec())
    }

    /// Expectations of value, gradient and minus the second derivatives over a Gaussian, by the nodes.
    fn expected(
        &mut self,
        shared: &[f64],
        local: &Local,
        nodes: &Nodes,
    ) -> Result<(f64, Vec<f64>, Vec<f64>), FitError> {
        let (points, weights) = self.points(local, nodes);
        let (m, n, h) = (weights.len(), local.mean.len(), self.step);
        let mut grads = Vec::new();
        let values = self.at(shared, &points, m, Some(&mut grads))?;
        let average = |lane: &[f64]| lane.iter().zip(&weights).map(|(x, w)| w * x).sum::<f64>();
        let gradient: Vec<f64> = grads.chunks_exact(m).map(average).collect();
        let pattern = self.family.pattern();
        let scale: Vec<f64> = pattern.diagonal().iter().map(|&t| 1.0 / local.precision[t].sqrt()).collect();
        let (mut sums, mut counts) = (vec![0.0; pattern.num_numbers()], vec![0.0; pattern.num_numbers()]);
        let (mut moved, mut product) = (Vec::new(), vec![0.0; n]);
        for colour in 0..self.colours.count {
            moved.clear();
            for (new, lane) in points.chunks_exact(m).enumerate() {
                let is_moved = self.colours.of[pattern.order[new] as usize] as usize == colour;
                let by = if is_moved { h * scale[new] } else { 0.0 };
                moved.extend(lane.iter().map(|x| x + by).chain(lane.iter().map(|x| x - by)));
            }
            self.at(shared, &moved, 2 * m, Some(&mut grads))?;
            for (product, lane) in product.iter_mut().zip(grads.chunks_exact(2 * m)) {
                *product = average(&lane[..m]) - average(&lane[m..]);
            }
            for &(row, column) in &self.plan[colour] {
                if let Some(slot) = pattern.slot(row as usize, column as usize) {
                    let (row, column) = (pattern.place[row as usize] as usize, pattern.place[column as usize] as usize);
                    sums[slot] -= product[row] / (2.0 * h * scale[column]);
                    counts[slot] += 1.0;
                }
            }
        }
        let curvature = sums.iter().zip(&counts).map(|(s, c)| if *c > 0.0 { s / c } else { 0.0 }).collect();
        Ok((average(&values), gradient, curvature))
    }

    /// The Gaussian of a mean and a precision; nothing where that is not positive definite.
    pub fn gaussian(&mut self, mean: Vec<f64>, precision: Vec<f64>) -> Option<Local> {
        let mut factor = precision.clone();
        self.family.pattern().factor(&mut factor, &mut self.columns).ok()?;
        Some(Local { mean, precision, factor })
    }

    /// The best Gaussian of the others by the nodes at one place of the shared latents, and with zero noise alone their mode
    /// and curvature there: `P <- H`, `m <- m + P^-1 g` until a step gains less than `tolerance` nats. Nothing where that
    /// does not come about.
    ///
    /// # Errors
    /// A density that can never be evaluated.
    pub fn settled(
        &mut self,
        shared: &[f64],
        start: Local,
        nodes: &Nodes,
        tolerance: f64,
    ) -> Result<Option<Local>, FitError> {
        let (mut current, mut before): (Local, Option<(Local, f64)>) = (start, None);
        for _ in 0..STEPS {
            let (value, gradient, curvature) = self.expected(shared, &current, nodes)?;
            let pattern = self.family.pattern();
            let bound = match nodes.num_moving() {
                0 => value,
                _ => value - 0.5 * pattern.ln_det(&current.factor),
            };
            let is_usable = bound.is_finite() && gradient.iter().chain(&curvature).all(|x| x.is_finite());
            // Rounding in a sum of many terms is no fall; where noise was drawn, the best Gaussian of few draws is not where these
            // steps end.
            let allowed = if nodes.are_drawn { f64::INFINITY } else { tolerance };
            let least = before.as_ref().map(|(_, old)| old - 1e-9 * old.abs() - allowed);
            if !is_usable || least.is_some_and(|least| bound < least) {
                let Some((old, _)) = &before else { return Ok(None) };
                let half = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| 0.5 * (a + b)).collect();
                let (mean, precision) = (half(&old.mean, &current.mean), half(&old.precision, &current.precision));
                match self.gaussian(mean, precision) {
                    Some(middle) => current = middle,
                    None => return Ok(None),
                }
                continue;
            }
            let Some((mut next, is_plain)) = self.with_curvature(&current, &curvature) else { return Ok(None) };
            let mut step = gradient.clone();
            let pattern = self.family.pattern();
            pattern.solve(&next.factor, 1, &mut step);
            let decrement = 0.5 * step.iter().map(|s| s * s).sum::<f64>();
            pattern.solve_transposed(&next.factor, 1, &mut step);
            next.mean.iter_mut().zip(&step).for_each(|(m, s)| *m += s);
            // A precision that is an average changes with the one that it is averaged over.
            let is_first = before.is_none() && nodes.num_moving() > 0;
            if is_plain && decrement < tolerance && !is_first {
                return Ok(Some(next));
            }
            before = Some((std::mem::replace(&mut current, next), bound));
        }
        Ok(None)
    }

    /// A Gaussian with a curvature as its precision, to which multiples of its own diagonal are added where it is not positive
    /// definite; and whether nothing was.
    fn with_curvature(&mut self, local: &Local, curvature: &[f64]) -> Option<(Local, bool)> {
        let mut added = 0.0;
        while added < 1e3 {
            let mut precision = curvature.to_vec();
            let diagonal = self.family.pattern().diagonal();
            diagonal.iter().for_each(|&t| precision[t] += added * local.precision[t]);
            if let Some(next) = self.gaussian(local.mean.clone(), precision) {
                return Some((next, added == 0.0));
            }
            added = if added == 0.0 { 0.1 } else { 2.0 * added };
        }
        None
    }

    /// The density of the shared latents at `m + C u`, the others integrated out by draws of q at the nodes:
    ///
    /// ```text
    /// p(x, g) = p(x, g, mu) / q(mu | g) prod_b sum_k w_k exp(h_b(l_k) + |e_kb|^2 / 2)
    /// h_b(l)  = log p(x, g, l) - log p(x, g, mu) for the latents of the block b: the integral of their gradient from mu to l
    /// ```
    ///
    /// Where all latents are one block, values do and no gradient is needed.
    ///
    /// # Errors
    /// A density that can never be evaluated.
    pub fn integral(&mut self, params: &[f64], u: &[f64], nodes: &Nodes) -> Result<Integral, FitError> {
        let (mean, chol) = self.family.of_shared(params);
        let k = mean.len();
        let shared: Vec<f64> = (0..k).map(|i| mean[i] + (0..=i).map(|j| chol[i * k + j] * u[j]).sum::<f64>()).collect();
        let mut given = std::mem::take(&mut self.given);
        self.family.given(params, u, &mut given);
        let pattern = self.family.pattern();
        let (n, m) = (given.mean.len(), nodes.num_moving());
        let centre: Vec<f64> = pattern.order.iter().map(|&own| given.mean[own as usize]).collect();
        let mut moved = nodes.noise.clone();
        pattern.solve_transposed(&given.factor, m, &mut moved);
        let ln_q_centre = given.ln_diagonal - n as f64 * LN_SQRT_2_PI;
        self.given = given;
        let at = |t: f64| -> Vec<f64> {
            let lanes = moved.chunks_exact(m).zip(&centre);
            lanes.flat_map(|(lane, c)| lane.iter().map(move |x| c + t * x)).collect()
        };
        // Logarithms of the weights of draws beside q, block by block; zero noise has none.
        let mut logs = vec![0.0; self.blocks.count * (m + 1)];
        let mut slip = 0.0;
        let of_centre;
        if self.blocks.count == 1 {
            let values = self.at(&shared, &at(1.0), m, None)?;
            of_centre = self.at(&shared, &centre, 1, None)?[0];
            logs[..m].iter_mut().zip(values).for_each(|(l, v)| *l = v - of_centre);
        } else {
            let (mut slopes, mut at_centre) = (Vec::new(), Vec::new());
            of_centre = self.at(&shared, &centre, 1, Some(&mut at_centre))?[0];
            let add = |logs: &mut Vec<f64>, weight: f64, slopes: &dyn Fn(usize, usize) -> f64, of: &[u32]| {
                for (i, &block) in of.iter().enumerate() {
                    let to = &mut logs[block as usize * (m + 1)..][..m];
                    for (node, to) in to.iter_mut().enumerate() {
                        *to += weight * slopes(i, node) * moved[i * m + node];
                    }
                }
            };
            add(&mut logs, AT_START, &|i, _| at_centre[i], &self.blocks.of);
            let mut at_end = Vec::new();
            for (t, weight) in PATH {
                at_end = self.at(&shared, &at(t), m, Some(&mut slopes))?;
                add(&mut logs, weight, &|i, node| slopes[i * m + node], &self.blocks.of);
            }
            for (node, value) in at_end.iter().enumerate() {
                let all: f64 = logs.iter().skip(node).step_by(m + 1).sum();
                slip += nodes.weights[node] * (all - (value - of_centre)).abs();
            }
        }
        for (e, &block) in nodes.noise.chunks_exact(m).zip(&self.blocks.of) {
            let to = &mut logs[block as usize * (m + 1)..][..m];
            to.iter_mut().zip(e).for_each(|(l, e)| *l += 0.5 * e * e);
        }
        Ok(Integral { slip, ..summed(logs, nodes, of_centre - ln_q_centre, moved) })
    }
}

/// What the weights of all blocks sum to.
fn summed(mut logs: Vec<f64>, nodes: &Nodes, constant: f64, moved: Vec<f64>) -> Integral {
    let m = nodes.num_moving();
    let (mut log_density, mut halves, mut least_share) = (constant, [constant; 2], 1.0f64);
    // A draw that the model rejects has no weight.
    logs.iter_mut().filter(|l| l.is_nan()).for_each(|l| *l = f64::NEG_INFINITY);
    for own in logs.chunks_exact_mut(m + 1) {
        // Both sides of a draw are in one half.
        if nodes.are_drawn {
            let quarter = m / 4;
            for (part, total) in halves.iter_mut().enumerate() {
                let is_of = |k: usize| usize::from(k % (m / 2) >= quarter) == part;
                let of_part: Vec<f64> = (0..m).filter(|&k| is_of(k)).map(|k| own[k]).collect();
                *total += log_sum_exp(&of_part) - (of_part.len() as f64).ln();
            }
        }
        for (l, w) in own.iter_mut().zip(&nodes.weights) {
            *l = if *w == 0.0 { f64::NEG_INFINITY } else { *l + w.ln() };
        }
        let total = log_sum_exp(own);
        log_density += total;
        let mut second = 0.0;
        for (l, w) in own.iter_mut().zip(&nodes.weights) {
            *l = (*l - total).exp();
            second += if *w > 0.0 { *l * *l / w } else { 0.0 };
        }
        least_share = least_share.min(1.0 / second);
    }
    if nodes.are_drawn {
        // The logarithm of a mean of draws is too low by a share that is twice as large for half of them.
        log_density = 2.0 * log_density - 0.5 * (halves[0] + halves[1]);
    } else {
        halves = [log_density; 2];
    }
    Integral { log_density, halves, weights: logs, moved, least_share, slip: 0.0 }
}
