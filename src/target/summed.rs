//! Integers that a target sums out, and their draws given everything else.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::states::draw_states;
use super::{DensityError, LogDensity, Pass, Precision, Target, TargetError};
use crate::model::{Draws, FrameNodes, Layout, RowSet, SiteKind};
use crate::program::execute::run;
use crate::program::plan::Plan;
use crate::program::recording::Recording;
use crate::program::summed::{Summed, joint_values, sees_integers, summed};
use crate::streams::{Streams, pick};

/// Joint values of the integers of a row at most.
const MOST_IN_ROW: usize = 1024;

/// Joint values of the integers outside of rows at most.
const MOST_OUTSIDE: usize = 65_536;

/// Purposes of the streams.
const OUTSIDE: u32 = 0x6f75_7473;
const OF_ROWS: u32 = 0x726f_7773;

/// What a target sums out.
pub(super) struct Summation {
    /// The integers of rows.
    pub rows: Option<OfRows>,
    /// The joint values of the integers outside of rows, `[state][integer]`, where they are summed out.
    pub outside: Vec<Vec<u32>>,
    /// Which nodes of the recorded program see an integer that is summed out.
    pub sees: Vec<bool>,
}

/// The integers of rows, and the plan of their probabilities.
pub(super) struct OfRows {
    pub summed: Summed,
    pub weights: Plan<f64>,
}

impl Target {
    /// This target with all integers summed out: `log p(x, z) = ln sum_k p(x, z, k)`, those of rows row by row.
    ///
    /// The layout then has no integers that a q would need; their sites stay, and [`draw_integers`](Self::draw_integers)
    /// gives their values. A row costs as many evaluations of what sees its integers as they have joint values, and a draw as
    /// many evaluations of the model as the integers outside of rows have.
    ///
    /// ```
    /// use jensen::model::Draws;
    /// use jensen::prelude::*;
    /// use jensen::target::{LogDensity, Pass, Target};
    ///
    /// let target = Target::new(&model(|p| {
    ///     let place = p.draw("place", normal(0.0, 1.0));
    ///     let sign = p.draw_integer("sign", bernoulli(0.5)).to_real() * 2.0 - 1.0;
    ///     p.observe(1.0, normal(sign * place, 1.0));
    /// }))?;
    /// let summed = target.sum_out_integers()?;
    /// let mut pass = Pass::default();
    /// summed.log_density(&[], &Draws::at_point(&[1.0]), &jensen::model::RowSet::all(), &mut pass)?;
    /// // N(1; 0, 1) (N(1; 1, 1) + N(1; -1, 1)) / 2
    /// let expected = -0.5 - (2.0 * std::f64::consts::PI).ln() + (0.5 * (1.0 + (-2.0f64).exp())).ln();
    /// assert!((pass.log_density[0] - expected).abs() < 1e-14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// An integer without a largest value, more than 1,024 joint values in a row or 65,536 outside of rows, or no integers.
    pub fn sum_out_integers(mut self) -> Result<Target, TargetError> {
        let (outside, of_rows) = (self.layout.num_integers > 0, self.layout.num_row_integers > 0);
        self.sum_out(outside, of_rows)?;
        Ok(self)
    }

    /// Sums out those outside of rows, those of rows, or both; after an error the target is as it was.
    pub(crate) fn sum_out(&mut self, outside: bool, of_rows: bool) -> Result<(), TargetError> {
        let refused = |reason: String| TargetError::Integers { reason };
        if !outside && !of_rows {
            return Err(refused("there are none".into()));
        }
        let [ranges, row_ranges] = &self.recording.integer_ranges;
        let values = |ranges: &[(u32, u32)], most: usize, place: &str| {
            joint_values(ranges, most)
                .ok_or_else(|| refused(format!("they have more than {most} joint values {place}")))
        };
        let rows = if of_rows {
            let states = values(row_ranges, MOST_IN_ROW, "in a row")?;
            let summed = summed(&self.recording, states).map_err(refused)?;
            let weights = Plan::of_outputs(&summed.program, &summed.log_weights);
            Some(OfRows { summed, weights })
        } else {
            None
        };
        let outside = if outside { values(ranges, MOST_OUTSIDE, "outside of rows")? } else { Vec::new() };
        let sees = sees_integers(&self.recording, !outside.is_empty());
        self.layout = self.layout.with_integers_summed(!outside.is_empty(), of_rows);
        // Coordinates of a latent that rest on an integer are others for each of its values.
        self.framed.retain(|framed| {
            let nodes = match framed.nodes {
                FrameNodes::Scaled { location, scale } => [location, scale, framed.value],
                FrameNodes::Factored { location, factor, .. } => [location, factor, framed.value],
            };
            nodes.iter().all(|node| !sees[*node as usize])
        });
        self.summation = Some(Box::new(Summation { rows, outside, sees }));
        self.plan_again();
        Ok(())
    }

    /// As `layout` has it: what is summed out there is summed out here.
    pub(super) fn summing_as(mut self, layout: &Layout) -> Result<Target, TargetError> {
        let has = |kind| layout.sites_of(kind).next().is_some();
        let (outside, of_rows) = (has(SiteKind::SummedInteger), has(SiteKind::SummedRowInteger));
        if outside || of_rows {
            self.sum_out(outside, of_rows)?;
        }
        Ok(self)
    }

    /// Plans the log joint of [`program`](Self::program).
    fn plan_again(&mut self) {
        let single = self.options().precision == Precision::Single;
        let program = self.program();
        let (double, joined_double) = (Plan::new(program), if single { None } else { Plan::joined(program) });
        let of_single = single.then(|| (Plan::new(program), Plan::joined(program)));
        (self.double, self.joined_double) = (double, joined_double);
        (self.single, self.joined_single) = of_single.map_or((None, None), |(plan, joined)| (Some(plan), joined));
        (self.factors, self.relaxed, self.graph) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
    }

    /// The program of the log joint: the recorded one, without the integers of rows where they are summed out.
    pub(crate) fn program(&self) -> &Recording {
        let rows = self.summation.as_ref().and_then(|s| s.rows.as_ref());
        rows.map_or(&self.recording, |rows| &rows.summed.program)
    }

    /// Whether integers of rows are summed out.
    pub(super) fn sums_out_rows(&self) -> bool {
        self.summation.as_ref().is_some_and(|s| s.rows.is_some())
    }

    /// Joint values of the integers outside of rows that are summed out; none where no such are.
    pub(super) fn outside_states(&self) -> &[Vec<u32>] {
        self.summation.as_ref().map_or(&[], |s| &s.outside)
    }

    /// Whether a node of the recorded program sees an integer that is summed out.
    pub(super) fn sees_summed(&self, node: u32) -> bool {
        self.summation.as_ref().is_some_and(|s| s.sees[node as usize])
    }

    /// The draws with zeros for the integers that are summed out, where they lack some, and whether values outside and
    /// inside of rows then may depend on them.
    pub(super) fn filled(&self, z: &Draws, rows: &RowSet) -> (Option<Draws>, [bool; 2]) {
        let [outside, inside] = [self.recording.num_integers, self.recording.num_row_integers * rows.len(&self.layout)];
        let (outside, inside) = (outside * z.num_draws, inside * z.num_draws);
        let lacks = [z.integers.len() < outside, z.row_integers.len() < inside];
        if self.summation.is_none() || lacks == [false; 2] {
            return (None, [false; 2]);
        }
        let mut filled = z.clone();
        filled.integers.resize(outside, 0);
        filled.row_integers.resize(inside, 0);
        (Some(filled), [lacks[0], lacks[0] || lacks[1]])
    }

    /// Numbers that one evaluation of a draw computes, about: what a state of the integers outside of rows costs.
    pub(crate) fn work(&self) -> usize {
        let rows = |plate: u16| if plate == 0 { 1 } else { self.recording.plates[plate as usize - 1].rows };
        self.program().nodes.iter().map(|n| n.len as usize * rows(n.plate)).sum()
    }

    /// The draws `z` with values of the integers that are summed out: independent draws of `p(k | z, x)`, those outside of
    /// rows, and with `rows` those of these rows.
    ///
    /// # Errors
    /// As [`LogDensity::log_density`].
    pub fn draw_integers(
        &self,
        theta: &[f64],
        z: &Draws,
        rows: Option<&RowSet>,
        streams: Streams,
    ) -> Result<Draws, DensityError> {
        let mut out = z.clone();
        let Some(summation) = &self.summation else { return Ok(out) };
        if !summation.outside.is_empty() && z.integers.is_empty() {
            let all = RowSet::all();
            out.integers = draw_states(self, theta, z, &all, streams.purpose(OUTSIDE))?;
        }
        if let (Some(of_rows), Some(rows)) = (&summation.rows, rows) {
            self.draw_of_rows(of_rows, theta, &mut out, rows, streams.purpose(OF_ROWS))?;
        }
        Ok(out)
    }

    fn draw_of_rows(
        &self,
        of_rows: &OfRows,
        theta: &[f64],
        z: &mut Draws,
        rows: &RowSet,
        streams: Streams,
    ) -> Result<(), DensityError> {
        z.row_integers.clear();
        self.check(theta, z, rows)?;
        let (mut pass, draws, num_rows) = (Pass::default(), z.num_draws, rows.len(&self.layout));
        let request = self.request(theta, z, rows, &[], None, false, false);
        run(&of_rows.weights, &request, &mut pass.double, &mut pass.response);
        let log_weights = &pass.response.row_outputs;
        let states = &of_rows.summed.states;
        let (size, num_integers) = (num_rows * draws, states[0].len());
        let mut uniform = vec![0.0; size];
        // A row's draw is the same whatever other rows are asked for.
        for (position, lane) in uniform.chunks_exact_mut(draws).enumerate() {
            let row = rows.subset.as_ref().map_or(self.layout.first_row + position, |s| s[position] as usize);
            streams.at_step(row as u64).fill_uniform(draws, lane);
        }
        z.num_rows = num_rows;
        z.row_integers = vec![0; num_integers * size];
        let mut weights = vec![0.0; states.len()];
        for lane in 0..size {
            let most = (0..states.len()).map(|s| log_weights[s * size + lane]).fold(f64::NEG_INFINITY, f64::max);
            for (s, weight) in weights.iter_mut().enumerate() {
                *weight = (log_weights[s * size + lane] - most).exp();
            }
            let state = &states[pick(&weights, uniform[lane])];
            state.iter().enumerate().for_each(|(k, value)| z.row_integers[k * size + lane] = *value);
        }
        Ok(())
    }
}

/// The draws with values of the integers that the density sums out, and of rows where `rows` are given; as they are where it
/// sums out none.
pub(crate) fn with_integers<'z>(
    target: &dyn LogDensity,
    theta: &[f64],
    z: &'z Draws,
    rows: Option<&RowSet>,
    streams: Streams,
) -> Result<Cow<'z, Draws>, DensityError> {
    match target.summed() {
        Some(target) => Ok(Cow::Owned(target.draw_integers(theta, z, rows, streams)?)),
        None => Ok(Cow::Borrowed(z)),
    }
}
