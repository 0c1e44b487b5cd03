//! The sites that a model declares while its log joint is recorded.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::Location;
use std::rc::Rc;

use super::coordinates::Framed;
use super::log_joint::LogJoint;
use super::names::Names;
use super::site::{Layout, Site};
use super::transform::Units;
use crate::dist::Support;
use crate::program::ProgramError;
use crate::program::recording::{self, Recording};

/// Runs a model's `log_joint` once, its latents in the coordinates of `layout` where there is one.
pub(crate) fn recorded(
    model: &(impl super::Model + ?Sized),
    layout: Option<&Layout>,
) -> Result<(Recording, Declared), ProgramError> {
    let sites: Rc<RefCell<Declared>> = Rc::default();
    let chosen = layout.into_iter().flat_map(|layout| &layout.sites).filter(|site| !site.centring.is_empty());
    sites.borrow_mut().centring = chosen.map(|site| (site.name.clone(), site.centring.clone())).collect();
    let recording = recording::record(|| {
        model.log_joint(&LogJoint { sites: sites.clone(), in_rows: false, units: Units::default() })
    })?;
    let declared = Rc::try_unwrap(sites).map(RefCell::into_inner);
    let declared =
        declared.map_err(|_| ProgramError::new("the log joint was kept after it was recorded", Location::caller()))?;
    Ok((recording, declared))
}

/// The sites, terms and samplers that a model declares besides its arithmetic.
#[derive(Default)]
pub(crate) struct Declared {
    pub names: Names,
    pub sites: Vec<Site>,
    /// Support and constrained value of each site.
    pub values: Vec<(Option<Support>, u32)>,
    pub simulated: Vec<Simulated>,
    /// Latents that can be had in other coordinates.
    pub framed: Vec<Framed>,
    /// The centring of each element of the latents that are not centred, by their names.
    pub centring: HashMap<String, Vec<f64>>,
    pub num_bare_latents: usize,
}

/// Overwrites its last argument with one draw at the given parameter values.
type Sampler = Box<dyn Fn(&[f64], &mut dyn rand::Rng, &mut [f64]) + Send + Sync>;

/// A `draw` or `observe`, kept so that values can be simulated from it.
pub(crate) struct Simulated {
    /// The site drawn; `None` for an observation.
    pub site: Option<usize>,
    /// The constrained value's node (data for an observation).
    pub node: u32,
    pub plate: u16,
    /// Number of its log density among the terms.
    pub term: usize,
    pub parameters: Vec<u32>,
    pub len: usize,
    /// Independent values with the same distribution (`draws`), else one.
    pub repeated: usize,
    pub sampler: Sampler,
}

impl Declared {
    /// The layout of everything declared.
    pub fn layout(&self, recording: &Recording) -> Layout {
        let same = recording.plates.windows(2).all(|w| w[0].rows == w[1].rows && w[0].start == w[1].start);
        Layout {
            sites: self.sites.clone(),
            num_latents: recording.num_latents,
            num_integers: recording.num_integers,
            num_parameters: recording.num_parameters,
            num_row_latents: recording.num_row_latents,
            num_row_integers: recording.num_row_integers,
            first_row: recording.plates.first().map_or(0, |p| p.start),
            num_rows: if same { recording.plates.first().map_or(0, |p| p.rows) } else { 0 },
        }
    }
}
