//! Simulation from a recorded model: its prior, and new data given latents.
//!
//! The oracle evaluates the program one draw at a time; where a site or an observation is reached, its distribution
//! draws a value in place of the recorded one.

use super::schedule::{Drawn, Schedule, Step, own_nodes};
use super::{Constrained, Target};
use crate::model::{Draws, Simulated, SiteKind};
use crate::program::oracle::{Oracle, Point};
use crate::program::recording::{Op, Recording};
use crate::streams::{Stream, Streams};

/// New values of one `observe`, beside the data it was given.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Replicated {
    /// `data`, or `data_0`, `data_1`, .. in the order of the model.
    pub name: String,
    /// Whether it was observed inside of rows.
    pub in_rows: bool,
    /// Numbers in one observed value.
    pub len: usize,
    /// Number of rows; one outside of rows.
    pub num_rows: usize,
    /// Number of draws.
    pub num_draws: usize,
    /// The simulated data, `[element][row][draw]`.
    pub values: Vec<f64>,
    /// The data, `[element][row]`; NaN where the observed value itself depends on latents.
    pub observed: Vec<f64>,
}

impl Replicated {
    /// One simulated data set, `[element][row]`.
    pub fn draw(&self, d: usize) -> Vec<f64> {
        self.values.iter().skip(d).step_by(self.num_draws.max(1)).copied().collect()
    }

    /// Axes of more than one number's worth: elements, then rows.
    pub(crate) fn shape(&self) -> Vec<usize> {
        let elements = (self.len > 1).then_some(self.len);
        elements.into_iter().chain(self.in_rows.then_some(self.num_rows)).collect()
    }
}

/// Draws of everything a model declares.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Simulation {
    /// Sites outside of rows.
    pub draws: Constrained,
    /// Sites inside of rows.
    pub row_draws: Constrained,
    /// Data of each `observe`.
    pub data: Vec<Replicated>,
    /// The model reads a column that it also observes (a lag, say): each value is then simulated given the data
    /// before it, not given simulated data.
    pub reads_its_data: bool,
}

/// A model that nothing can be simulated from.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// A latent has no distribution.
    #[error("nothing can be simulated: the latent \"{site}\" is bare; give it a prior with `draw`")]
    BareLatent {
        /// Name of the first such latent.
        site: String,
    },
    /// A term has no distribution.
    #[error(
        "nothing can be simulated: the model has a bare term (`add`), of which only the value is known; write it with `draw` or `observe`"
    )]
    BareTerm,
    /// There is no data.
    #[error("no data can be simulated: the model observes nothing; add the data with `observe`")]
    NoData,
    /// Several blocks of rows with latents of their own.
    #[error("nothing can be simulated: several different blocks of rows have latents of their own")]
    Blocks,
    /// Something other than a column is observed, which cannot be replaced by other data.
    #[error(
        "observation {number} is no column of data read at its row, so that no other data can take its place; observe a `Column` or an `IntColumn` inside of `rows`"
    )]
    NotAColumn {
        /// Number of the `observe`, in the order of the model.
        number: usize,
    },
    /// The wrong number of numbers was given.
    #[error("{found} {what} given, the model has {expected}")]
    Length {
        /// What was counted, in words.
        what: &'static str,
        /// The number that was given.
        found: usize,
        /// The number that is needed.
        expected: usize,
    },
}

/// The stream's purpose.
const SIMULATION: u32 = 0x7369_6d75;

impl Target {
    /// Draws of all latents from the prior, and of data given them: `num_draws` simulated data sets.
    ///
    /// Values that the model reads from data other than by observing them (features, lags) stay what they are.
    ///
    /// # Errors
    /// When a latent or a term is bare, or `theta` has the wrong length.
    pub fn prior_draws(
        &self,
        theta: &[f64],
        streams: Streams,
        num_draws: usize,
    ) -> Result<Simulation, SimulationError> {
        self.check_prior(theta)?;
        let z = Draws::zeros(&self.layout, self.layout.num_rows, num_draws);
        Ok(self.simulate(theta, &z, streams, Drawn::All))
    }

    /// New data of every `observe` given the latents `z` of all rows: draws of `p(x | z)`. Priors and bare terms (`add`) have
    /// no part in it.
    ///
    /// Integers of rows that are summed out and that `z` does not hold are drawn from their prior, as those of new rows.
    ///
    /// # Errors
    /// When nothing is observed, or `theta` or `z` have the wrong length. No latent needs a prior that can be simulated: only
    /// data are drawn.
    pub fn predictive_draws(
        &self,
        theta: &[f64],
        z: &Draws,
        streams: Streams,
    ) -> Result<Vec<Replicated>, SimulationError> {
        self.check_simulation(theta)?;
        if !self.simulated.iter().any(|s| s.site.is_none()) {
            return Err(SimulationError::NoData);
        }
        let (layout, n) = (&self.layout, z.num_draws);
        let num_row_integers = self.recording.num_row_integers * layout.num_rows;
        // What is known of the integers of a new row, where they are summed out, is their prior.
        let drawn = if self.sums_out_rows() && z.row_integers.is_empty() && num_row_integers > 0 {
            self.check_drawn(|kind| kind == SiteKind::SummedRowInteger)?;
            Drawn::RowIntegers
        } else {
            Drawn::Data
        };
        let sizes = [
            ("latents", z.latents.len(), layout.num_latents * n),
            ("integers", z.integers.len(), self.recording.num_integers * n),
            ("latents of rows", z.row_latents.len(), layout.num_row_latents * layout.num_rows * n),
            (
                "integers of rows",
                z.row_integers.len(),
                if drawn == Drawn::RowIntegers { 0 } else { num_row_integers * n },
            ),
        ];
        for (what, found, expected) in sizes {
            if found != expected {
                return Err(SimulationError::Length { what, found, expected });
            }
        }
        Ok(self.simulate(theta, z, streams, drawn).data)
    }

    /// Refuses sites of the kinds `among` that have no distribution to be drawn from.
    fn check_drawn(&self, among: impl Fn(SiteKind) -> bool) -> Result<(), SimulationError> {
        let drawn = |k: usize| self.simulated.iter().any(|s| s.site == Some(k));
        let mut bare = self.layout.sites.iter().enumerate().filter(|(k, s)| among(s.kind) && !drawn(*k));
        match bare.next() {
            Some((_, site)) => Err(SimulationError::BareLatent { site: site.name.clone() }),
            None => Ok(()),
        }
    }

    fn check_prior(&self, theta: &[f64]) -> Result<(), SimulationError> {
        self.check_drawn(|kind| !matches!(kind, SiteKind::Parameter | SiteKind::Derived))?;
        if self.has_bare_terms() {
            return Err(SimulationError::BareTerm);
        }
        self.check_simulation(theta)
    }

    fn check_simulation(&self, theta: &[f64]) -> Result<(), SimulationError> {
        let layout = &self.layout;
        if layout.num_row_latents + layout.num_row_integers > 0 && layout.num_rows == 0 {
            return Err(SimulationError::Blocks);
        }
        if theta.len() != layout.num_parameters {
            let (found, expected) = (theta.len(), layout.num_parameters);
            return Err(SimulationError::Length { what: "learnable parameters", found, expected });
        }
        Ok(())
    }

    fn simulate(&self, theta: &[f64], z: &Draws, streams: Streams, drawn: Drawn) -> Simulation {
        let (n, num_rows) = (z.num_draws, self.layout.num_rows);
        let mut run = Run {
            recording: &self.recording,
            simulated: &self.simulated,
            oracle: Oracle::new(&self.recording),
            schedule: Schedule::new(self, drawn),
            data: self.empty_replicates(n),
        };
        let mut draws = Collected::new(self, false, 1, n);
        let mut row_draws = Collected::new(self, true, num_rows, n);
        let (mut latents, mut row_latents) = (vec![0.0; self.layout.num_latents], Vec::new());
        let (mut integers, mut row_integers) = (Vec::new(), Vec::new());
        for d in 0..n {
            z.copy_draw(d, &mut latents);
            copy_lane(&z.integers, n, d, &mut integers);
            copy_lane(&z.row_latents, n, d, &mut row_latents);
            copy_lane(&z.row_integers, n, d, &mut row_integers);
            let point = Point {
                parameters: theta,
                latents: &latents,
                integers: &integers,
                row_latents: &row_latents,
                row_integers: &row_integers,
                num_rows,
            };
            let mut stream = streams.purpose(SIMULATION).draw(d);
            run.segment(0, 0, &point, d, &mut stream);
            draws.take(&run.oracle, 0, d);
            for (p, plate) in self.recording.plates.iter().enumerate() {
                for row in 0..plate.rows {
                    run.segment(p as u16 + 1, plate.start + row, &point, d, &mut stream);
                    row_draws.take(&run.oracle, row, d);
                }
            }
        }
        let data = run.data.into_iter().flatten().collect();
        Simulation { draws: draws.out, row_draws: row_draws.out, data, reads_its_data: self.reads_its_data() }
    }

    /// Room for the draws of each observation, in the places of `simulated`.
    fn empty_replicates(&self, num_draws: usize) -> Vec<Option<Replicated>> {
        let total = self.simulated.iter().filter(|s| s.site.is_none()).count();
        let mut number = 0;
        let empty = |s: &Simulated| {
            s.site.is_none().then(|| {
                let name = if total == 1 { "data".into() } else { format!("data_{number}") };
                number += 1;
                let num_rows = if s.plate == 0 { 1 } else { self.recording.plates[s.plate as usize - 1].rows };
                let len = s.len * s.repeated;
                Replicated {
                    name,
                    in_rows: s.plate != 0,
                    len,
                    num_rows,
                    num_draws,
                    values: vec![0.0; len * num_rows * num_draws],
                    observed: vec![f64::NAN; len * num_rows],
                }
            })
        };
        self.simulated.iter().map(empty).collect()
    }

    /// Whether a column that is observed is also read in another place.
    fn reads_its_data(&self) -> bool {
        let nodes = &self.recording.nodes;
        let columns =
            self.simulated.iter().filter(|s| s.site.is_none()).filter_map(|s| match nodes[s.node as usize].op {
                Op::Column { column, .. } => Some((column, s.node)),
                _ => None,
            });
        let columns: Vec<(u32, u32)> = columns.collect();
        nodes.iter().enumerate().any(|(i, node)| match node.op {
            Op::Column { column, .. } => columns.iter().any(|(c, own)| *c == column && *own != i as u32),
            _ => false,
        })
    }
}

struct Run<'a> {
    recording: &'a Recording,
    simulated: &'a [Simulated],
    oracle: Oracle<'a>,
    schedule: Schedule,
    data: Vec<Option<Replicated>>,
}

impl Run<'_> {
    fn segment(&mut self, plate: u16, row: usize, point: &Point, draw: usize, stream: &mut Stream) {
        for s in 0..self.schedule.segments[plate as usize].len() {
            match self.schedule.segments[plate as usize][s] {
                Step::Evaluate(i) => {
                    let i = i as usize;
                    self.oracle.evaluate(plate, i..i + 1, point, row, |_, _| None);
                }
                Step::Sample(k) => {
                    let value = self.sample(k, stream);
                    match self.simulated[k].site {
                        Some(_) => self.set(plate, k, value, point, row),
                        None => self.keep(k, &value, row, draw),
                    }
                }
            }
        }
    }

    /// One value from the distribution at its parameters' values.
    fn sample(&self, k: usize, stream: &mut Stream) -> Vec<f64> {
        let simulated = &self.simulated[k];
        let mut out = vec![0.0; simulated.len * simulated.repeated];
        let values = simulated.parameters.iter().map(|&p| self.oracle.value(p));
        if simulated.repeated == 1 {
            let parameters: Vec<f64> = values.flatten().copied().collect();
            (simulated.sampler)(&parameters, stream, &mut out);
            return out;
        }
        for (e, out) in out.chunks_exact_mut(simulated.len.max(1)).enumerate() {
            let own = values.clone().map(|v| if v.len() == 1 { v[0] } else { v.get(e).copied().unwrap_or(f64::NAN) });
            let parameters: Vec<f64> = own.collect();
            (simulated.sampler)(&parameters, stream, out);
        }
        out
    }

    /// Puts a drawn site's value in place of its node, and of the scalars packed into it.
    fn set(&mut self, plate: u16, k: usize, value: Vec<f64>, point: &Point, row: usize) {
        let node = self.simulated[k].node;
        for i in own_nodes(self.recording, node) {
            let own = if i == node {
                value.clone()
            } else {
                let (start, len) = self.recording.nodes[node as usize].list;
                let list = &self.recording.lists[start as usize..(start + len) as usize];
                let at = list.iter().position(|&n| n == i).unwrap_or(0);
                vec![value[at]]
            };
            let at = i as usize;
            self.oracle.evaluate(plate, at..at + 1, point, row, |_, _| Some(own.clone()));
        }
    }

    /// Keeps a simulated observation, and what was observed in its place.
    fn keep(&mut self, k: usize, value: &[f64], row: usize, draw: usize) {
        let node = self.simulated[k].node;
        let Some(out) = self.data[k].as_mut() else { return };
        let first = match self.simulated[k].plate {
            0 => 0,
            p => self.recording.plates[p as usize - 1].start,
        };
        let row = if out.in_rows { row - first } else { 0 };
        for (e, &v) in value.iter().enumerate() {
            out.values[(e * out.num_rows + row) * out.num_draws + draw] = v;
        }
        if draw == 0 && !self.recording.nodes[node as usize].per_draw {
            let observed = self.oracle.value(node);
            for e in 0..out.len {
                let at = if observed.len() == 1 { 0 } else { e };
                out.observed[e * out.num_rows + row] = observed.get(at).copied().unwrap_or(f64::NAN);
            }
        }
    }
}

/// Values of sites as they are simulated.
struct Collected {
    out: Constrained,
    /// Node and number of elements of each site.
    nodes: Vec<(u32, usize)>,
}

impl Collected {
    fn new(target: &Target, in_rows: bool, num_rows: usize, num_draws: usize) -> Self {
        let (mut names, mut nodes) = (Vec::new(), Vec::new());
        for (site, node) in target.listed_sites(in_rows) {
            names.extend(site.element_names());
            nodes.push((node, site.num_constrained()));
        }
        let values = vec![f64::NAN; names.len() * num_rows * num_draws];
        Collected { out: Constrained { names, num_rows, num_draws, values }, nodes }
    }

    fn take(&mut self, oracle: &Oracle, row: usize, draw: usize) {
        let out = &mut self.out;
        let mut element = 0;
        for &(node, len) in &self.nodes {
            let value = oracle.value(node);
            for e in 0..len {
                let at = if value.len() == 1 { 0 } else { e };
                if let Some(&v) = value.get(at) {
                    out.values[(element * out.num_rows + row) * out.num_draws + draw] = v;
                }
                element += 1;
            }
        }
    }
}

fn copy_lane<T: Copy>(values: &[T], num_draws: usize, draw: usize, out: &mut Vec<T>) {
    out.clear();
    out.extend(values.iter().skip(draw).step_by(num_draws.max(1)));
}

impl Simulation {
    /// Data set `d`, one column for each `observe`: `[element][row]`.
    pub fn data_set(&self, d: usize) -> Vec<Vec<f64>> {
        self.data.iter().map(|r| r.draw(d)).collect()
    }
}
