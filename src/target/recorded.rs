//! [`Target`]: a model recorded for its data and made ready to run.

use std::sync::OnceLock;

use super::constrained::is_listed;
use super::data::not_a_number;
use super::summed::Summation;
use super::{Constrained, DensityError, Differentiable, LogDensity, Pass, TargetError};
use crate::dist::Support;
use crate::model::{Draws, Framed, Layout, Model, RowSet, Simulated, recorded};
use crate::program::LatentGraph;
use crate::program::TermKind;
use crate::program::execute::{Request, Rows, run};
use crate::program::factors::Factors;
use crate::program::plan::Plan;
use crate::program::recording::Recording;
pub use crate::program::{Options, Precision, Workers};

/// A recorded model.
///
/// ```
/// use jensen::model::{Draws, RowSet};
/// use jensen::prelude::*;
/// use jensen::target::{Differentiable, LogDensity, Pass, Target};
///
/// let target = Target::new(&model(|p| {
///     let s = p.draw("s", exponential(1.0));
///     p.observe(0.0, normal(0.0, s));
/// }))?;
/// assert_eq!(target.layout().num_latents, 1);
/// // At s = 1, whose logarithm is 0: -s - ln sqrt(2 pi) - ln s + ln s, the last of them the Jacobian.
/// let mut z = Draws::zeros(target.layout(), 0, 1);
/// z.latents[0] = 0.0;
/// let mut pass = Pass::default();
/// target.log_density(&[], &z, &RowSet::all(), &mut pass)?;
/// assert!((pass.log_density[0] - (-1.0 - 0.918_938_533)).abs() < 1e-8);
/// let mut grad = Draws::zeros(target.layout(), 0, 1);
/// target.log_density_and_gradient(&[], &z, &RowSet::all(), &mut pass, &mut grad, &mut [])?;
/// assert!((grad.latents[0] + 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Target {
    pub(super) layout: Layout,
    pub(super) double: Plan<f64>,
    pub(super) single: Option<Plan<f32>>,
    /// The same in one segment, for passes over all of a few rows.
    pub(super) joined_double: Option<Plan<f64>>,
    pub(super) joined_single: Option<Plan<f32>>,
    pub(super) outputs: Plan<f64>,
    /// The site of each output.
    pub(super) listed: Vec<usize>,
    pub(super) supports: Vec<Option<Support>>,
    pub(crate) recording: Recording,
    pub(crate) simulated: Vec<Simulated>,
    /// Latents that can be had in other coordinates.
    pub(super) framed: Vec<Framed>,
    pub(super) separates_data: bool,
    /// The integers that are summed out.
    pub(super) summation: Option<Box<Summation>>,
    /// The log joint by its addends, made when it is first asked for.
    pub(super) factors: OnceLock<Option<Factors>>,
    /// Which latents meet, found when it is first asked for.
    pub(super) graph: OnceLock<LatentGraph>,
    /// The program with weights in the place of integers, made when it is first asked for.
    pub(super) relaxed: OnceLock<Result<Box<Target>, String>>,
    pub(super) workers: Workers,
}

impl Target {
    /// Records `model` with one thread in double precision.
    ///
    /// # Errors
    /// When the model has a mistake; the message names file and line.
    pub fn new(model: &(impl Model + ?Sized)) -> Result<Self, TargetError> {
        Target::with_options(model, Options::default())
    }

    /// Records `model`.
    ///
    /// # Errors
    /// When the model has a mistake, or the threads cannot be started.
    pub fn with_options(model: &(impl Model + ?Sized), options: Options) -> Result<Self, TargetError> {
        Target::record(model, options, None)
    }

    /// Records `model`, in the coordinates of a layout where one is given.
    pub(super) fn record(
        model: &(impl Model + ?Sized),
        options: Options,
        coordinates: Option<&Layout>,
    ) -> Result<Self, TargetError> {
        let (recording, declared) = recorded(model, coordinates)?;
        let (again, declared_again) = recorded(model, coordinates)?;
        let layout = declared.layout(&recording);
        if let Some(difference) = difference(&recording, &again) {
            return Err(TargetError::Unstable { difference });
        }
        if layout != declared_again.layout(&again) {
            return Err(TargetError::Unstable { difference: "its sites".into() });
        }
        if let Some(place) = not_a_number(&recording) {
            return Err(TargetError::NotANumber { place });
        }
        let latents = layout.num_latents + layout.num_integers + layout.num_row_latents + layout.num_row_integers;
        if latents + layout.num_parameters == 0 {
            return Err(TargetError::Empty);
        }
        if layout.num_rows == 0 && layout.num_row_latents + layout.num_row_integers > 0 {
            return Err(TargetError::SeveralRowBlocks);
        }
        let threads = options.threads;
        let workers = Workers::new(options).map_err(|reason| TargetError::Threads { threads, reason })?;
        let listed: Vec<usize> = (0..layout.sites.len()).filter(|&k| is_listed(&layout.sites[k])).collect();
        let outputs: Vec<u32> = listed.iter().map(|&k| declared.values[k].1).collect();
        let has_bare_term = recording.terms.iter().any(|t| t.kind == TermKind::Bare);
        let has_data = recording.terms.iter().any(|t| t.kind == TermKind::Data);
        Ok(Target {
            double: Plan::new(&recording),
            single: (options.precision == Precision::Single).then(|| Plan::new(&recording)),
            joined_double: if options.precision == Precision::Double { Plan::joined(&recording) } else { None },
            joined_single: if options.precision == Precision::Single { Plan::joined(&recording) } else { None },
            outputs: Plan::of_outputs(&recording, &outputs),
            listed,
            supports: declared.values.into_iter().map(|v| v.0).collect(),
            simulated: declared.simulated,
            framed: declared.framed,
            separates_data: has_data && !has_bare_term && declared.num_bare_latents == 0,
            recording,
            summation: None,
            factors: OnceLock::new(),
            graph: OnceLock::new(),
            relaxed: OnceLock::new(),
            layout,
            workers,
        })
    }

    /// The options that the target is evaluated with: precision, threads, instructions.
    pub fn options(&self) -> Options {
        self.workers.options()
    }

    /// The threads the target runs on, to be shared with a family: also [`LogDensity::workers`].
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Number of recorded operations.
    pub fn num_operations(&self) -> usize {
        self.recording.nodes.len()
    }

    /// The support of each site, in the layout's order; `None` for integers, parameters and derived quantities.
    pub fn supports(&self) -> &[Option<Support>] {
        &self.supports
    }

    #[allow(clippy::too_many_arguments, reason = "one private call that names every part of a request")]
    pub(super) fn request<'a>(
        &'a self,
        theta: &'a [f64],
        z: &'a Draws,
        rows: &'a RowSet,
        draw_weights: &'a [f64],
        data_weight: Option<f64>,
        gradient: bool,
        row_terms: bool,
    ) -> Request<'a> {
        Request {
            num_draws: z.num_draws,
            parameters: theta,
            latents: &z.latents,
            integers: &z.integers,
            row_latents: &z.row_latents,
            row_integers: &z.row_integers,
            rows: rows.subset.as_ref().map_or(Rows::All, |rows| Rows::Subset(rows)),
            row_weight: rows.weight,
            global_terms: rows.global_terms,
            kind_weights: kind_weights(data_weight),
            draw_weights: (!draw_weights.is_empty()).then_some(draw_weights),
            output_seeds: None,
            gradient,
            row_terms,
            repeats_last: false,
            instructions: self.options().instructions,
            helpers: self.workers.helpers(),
        }
    }

    /// The log joint at the draws, where they hold the integers; with those outside of rows summed out where they do not.
    pub(super) fn evaluate(
        &self,
        theta: &[f64],
        z: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        gradient: bool,
    ) -> Result<(), DensityError> {
        self.check(theta, z, rows)?;
        if !self.outside_states().is_empty() && z.integers.is_empty() {
            if out.want_row_terms {
                return Err(DensityError::unsupported(
                    "integers outside of rows are summed out over all rows together, so that the terms of one row stand for \
                     nothing; draw the integers first, with `Target::draw_integers`",
                ));
            }
            return self.evaluate_states(theta, z, rows, out, gradient);
        }
        let request = self.request(theta, z, rows, &out.draw_weights, out.data_weight, gradient, out.want_row_terms);
        let joins = rows.subset.is_none() && !out.want_row_terms;
        match (&self.joined_double, &self.joined_single, &self.single) {
            (Some(plan), _, _) if joins => run(plan, &request, &mut out.joined_double, &mut out.response),
            (_, Some(plan), _) if joins => run(plan, &request, &mut out.joined_single, &mut out.response),
            (_, _, Some(plan)) => run(plan, &request, &mut out.single, &mut out.response),
            _ => run(&self.double, &request, &mut out.double, &mut out.response),
        }
        finish(out, z.num_draws, rows);
        Ok(())
    }

    pub(super) fn check(&self, theta: &[f64], z: &Draws, rows: &RowSet) -> Result<(), DensityError> {
        if z.num_draws == 0 {
            return Err(DensityError::setting("no draws are given; give at least one"));
        }
        let layout = &self.layout;
        let num_rows = rows.len(layout);
        let sizes = [
            ("parameters", theta.len(), layout.num_parameters),
            ("latents", z.latents.len(), layout.num_latents * z.num_draws),
            ("integers", z.integers.len(), layout.num_integers * z.num_draws),
            ("row latents", z.row_latents.len(), layout.num_row_latents * num_rows * z.num_draws),
            ("row integers", z.row_integers.len(), layout.num_row_integers * num_rows * z.num_draws),
        ];
        // Draws may hold the integers that are summed out.
        let also =
            [self.recording.num_integers * z.num_draws, self.recording.num_row_integers * num_rows * z.num_draws];
        for (what, found, expected) in sizes {
            let is_drawn = self.summation.is_some()
                && (what == "integers" && found == also[0] || what == "row integers" && found == also[1]);
            if found != expected && !is_drawn {
                return Err(DensityError::setting(format!(
                    "{found} numbers given for the {what}, the model has {expected}"
                )));
            }
        }
        if let Some(subset) = &rows.subset {
            if layout.num_rows == 0 {
                return Err(DensityError::unsupported(
                    "the model has no single `rows` block, so there are no rows to take a minibatch of",
                ));
            }
            let plate = self.recording.plates[0];
            let end = plate.start + plate.rows;
            let outside = |row: &&u32| (**row as usize) < plate.start || **row as usize >= end;
            if let Some(row) = [subset.iter().min(), subset.iter().max()].into_iter().flatten().find(outside) {
                return Err(DensityError::setting(format!(
                    "row {row} is outside of the rows {} to {}",
                    plate.start,
                    end - 1
                )));
            }
        }
        Ok(())
    }
}

fn kind_weights(data_weight: Option<f64>) -> [f64; 4] {
    let mut weights = [1.0; 4];
    weights[TermKind::Data as usize] = data_weight.unwrap_or(1.0);
    weights
}

/// Sums the response's kinds into the pass's numbers.
fn finish(out: &mut Pass, num_draws: usize, rows: &RowSet) {
    let weights = kind_weights(out.data_weight);
    let (response, weight) = (&out.response, rows.weight);
    out.log_density.clear();
    out.log_density.resize(num_draws, 0.0);
    out.data.clear();
    out.data.resize(num_draws, 0.0);
    for (kind, &kind_weight) in weights.iter().enumerate() {
        let range = kind * num_draws..(kind + 1) * num_draws;
        let sums = response.global_terms[range.clone()].iter().zip(&response.row_sums[range]);
        for (d, (global, rows)) in sums.enumerate() {
            let value = global + weight * rows;
            out.log_density[d] += kind_weight * value;
            if kind == TermKind::Data as usize {
                out.data[d] = value;
            }
        }
    }
    out.row_data.clear();
    out.row_prior.clear();
    if !response.row_terms.is_empty() {
        let size = response.row_terms.len() / 4;
        let kind = |k: TermKind| &response.row_terms[k as usize * size..(k as usize + 1) * size];
        out.row_data.extend_from_slice(kind(TermKind::Data));
        let prior = kind(TermKind::Prior).iter().zip(kind(TermKind::Jacobian)).zip(kind(TermKind::Bare));
        out.row_prior.extend(prior.map(|((a, b), c)| a + b + c));
    }
}

fn difference(a: &Recording, b: &Recording) -> Option<String> {
    if a.nodes.len() != b.nodes.len() {
        return Some(format!("{} operations, then {}", a.nodes.len(), b.nodes.len()));
    }
    // NaN constants compare by their bits.
    let same =
        |x: &crate::program::recording::Node, y: &crate::program::recording::Node| format!("{x:?}") == format!("{y:?}");
    let changed = a.nodes.iter().zip(&b.nodes).position(|(x, y)| x != y && !same(x, y));
    if let Some(at) = changed {
        return Some(format!("operation {at}: {:?}, then {:?}", a.nodes[at].op, b.nodes[at].op));
    }
    let data = a.columns == b.columns && a.integer_columns == b.integer_columns && a.matrices == b.matrices;
    if !data && format!("{:?}", a.columns) != format!("{:?}", b.columns) {
        return Some("its data".into());
    }
    (a.terms.len() != b.terms.len()).then(|| format!("{} terms, then {}", a.terms.len(), b.terms.len()))
}

impl LogDensity for Target {
    fn workers(&self) -> Option<&Workers> {
        Some(&self.workers)
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn differentiable(&self) -> Option<&dyn Differentiable> {
        Some(self)
    }

    fn summed(&self) -> Option<&Target> {
        self.summation.is_some().then_some(self)
    }

    fn log_density(&self, theta: &[f64], z: &Draws, rows: &RowSet, out: &mut Pass) -> Result<(), DensityError> {
        self.evaluate(theta, z, rows, out, false)
    }

    fn separates_data(&self) -> bool {
        self.separates_data
    }

    fn lacks_row_likelihoods(&self) -> Option<String> {
        let of_rows = |kind| self.recording.terms.iter().any(|t| t.kind == kind && t.plate != 0);
        if of_rows(TermKind::Bare) {
            Some(
                "a row has a bare term (`add`), which may or may not be of its data; write it with `draw` or `observe`"
                    .into(),
            )
        } else if !of_rows(TermKind::Data) {
            Some("no data are observed in rows; observe them inside of one `rows` block".into())
        } else {
            None
        }
    }

    fn not_finite_at(&self, theta: &[f64], z: &Draws) -> Option<String> {
        self.first_not_finite(theta, z)
    }

    fn unit_roundoff(&self) -> f64 {
        match self.options().precision {
            Precision::Double => f64::EPSILON,
            Precision::Single => f64::from(f32::EPSILON),
        }
    }

    fn factored(&self) -> Option<&dyn super::Factored> {
        Some(self)
    }

    fn known_graph(&self) -> Option<&LatentGraph> {
        Some(self.graph())
    }

    fn relaxed(&self) -> Result<&dyn Differentiable, DensityError> {
        self.relaxation()
    }

    fn constrained(&self, theta: &[f64], z: &Draws) -> Constrained {
        self.constrained_sites(theta, z)
    }

    fn constrained_rows(&self, theta: &[f64], z: &Draws, rows: &RowSet) -> Constrained {
        self.constrained_row_sites(theta, z, rows)
    }
}

impl Differentiable for Target {
    fn log_density_and_gradient(
        &self,
        theta: &[f64],
        z: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        grad_z: &mut Draws,
        grad_theta: &mut [f64],
    ) -> Result<(), DensityError> {
        self.evaluate(theta, z, rows, out, true)?;
        grad_z.resize(&self.layout, rows.len(&self.layout), z.num_draws);
        grad_z.latents.copy_from_slice(&out.response.latents);
        grad_z.row_latents.copy_from_slice(&out.response.row_latents);
        grad_theta.copy_from_slice(&out.response.parameters);
        Ok(())
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("layout", &self.layout).field("operations", &self.num_operations()).finish()
    }
}
