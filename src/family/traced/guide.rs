//! [`Guided`]: a q under construction.

use std::cell::RefCell;
use std::ops::Deref;
use std::panic::Location;
use std::rc::Rc;

use crate::dist::{Distribution, normal};
use crate::model::{Layout, SiteKind};
use crate::program::recording::{self, Op, Plate, Recording, Term};
use crate::program::{Index, Int, ProgramError, Real, RowIndex, TermKind, Vector};

use super::Guide;

/// What of a guide is being recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Noise to latents: the latents are the program's outputs.
    Transform,
    /// Latents to their log density: the latents are the program's leaves.
    Density,
    /// Means and standard deviations of normal latents, which are the program's outputs.
    Moments,
}

/// A learnable array of a guide.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameter {
    pub name: String,
    pub offset: usize,
    pub start: Vec<f64>,
}

pub(super) struct State {
    part: Part,
    layout: Layout,
    pub parameters: Vec<Parameter>,
    /// The latents drawn: (kind, place in the layout, node of the value).
    pub drawn: Vec<(SiteKind, usize, u32)>,
    /// Normal latents: (kind, place in the layout, node of the means, node of the standard deviations).
    pub normals: Vec<(SiteKind, usize, u32, u32)>,
    /// Whether some latent is not normal given the data alone.
    pub bent: bool,
    pub num_noise: usize,
    pub num_row_noise: usize,
    /// Names of the sites drawn.
    pub names: Vec<String>,
}

/// A q under construction: where its parameters are declared and its latents drawn.
///
/// ```
/// use jensen::family::{Guide, Guided};
///
/// /// q(a) q(b | a)
/// struct Chain;
///
/// impl Guide for Chain {
///     fn draw(&self, q: &Guided) {
///         let (mean, ln_sd) = (q.parameter("mean", &[2]), q.parameter("ln_sd", &[2]));
///         let a = q.normal("a", mean.at(0), ln_sd.at(0).exp());
///         q.normal("b", mean.at(1) + q.parameter("slope", &[]).at(0) * a, ln_sd.at(1).exp());
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Guided {
    state: Rc<RefCell<State>>,
    in_rows: bool,
}

/// One row of data inside [`Guided::rows`].
pub struct GuidedRow {
    guided: Guided,
    index: RowIndex,
    number: Int,
}

/// Records one part of `guide` for a model with this layout.
pub(super) fn recorded(
    guide: &(impl Guide + ?Sized),
    layout: &Layout,
    part: Part,
) -> Result<(Recording, State), ProgramError> {
    let state = State {
        part,
        layout: layout.clone(),
        parameters: Vec::new(),
        drawn: Vec::new(),
        normals: Vec::new(),
        bent: false,
        num_noise: 0,
        num_row_noise: 0,
        names: Vec::new(),
    };
    let state = Rc::new(RefCell::new(state));
    let guided = Guided { state: state.clone(), in_rows: false };
    let recording = recording::record(|| guide.draw(&guided))?;
    drop(guided);
    let state = Rc::try_unwrap(state).map(RefCell::into_inner);
    let state = state.map_err(|_| ProgramError::new("the guide was kept after it was recorded", Location::caller()))?;
    Ok((recording, state))
}

impl Guided {
    /// Learnable numbers of the given shape that start at zero, row-major; `&[]` is a single one, `.at(0)`.
    #[track_caller]
    pub fn parameter(&self, name: &str, shape: &[usize]) -> Vector {
        self.parameter_from(name, &vec![0.0; shape.iter().product()])
    }

    /// Learnable numbers that start at `start`, for instance random weights of a network.
    #[track_caller]
    pub fn parameter_from(&self, name: &str, start: &[f64]) -> Vector {
        if self.in_rows {
            recording::fail(format!("parameter \"{name}\" inside `rows`; declare it before, all rows share it"));
        }
        let mut state = self.state.borrow_mut();
        if state.parameters.iter().any(|p| p.name == name) {
            recording::fail(format!("two parameters of q are called \"{name}\"; give each its own name"));
        }
        let node = recording::with(|r| {
            let offset = r.num_parameters;
            r.num_parameters += start.len();
            let op = Op::Parameter { offset: offset as u32 };
            (offset, r.leaf(op, start.len(), false, false, true))
        });
        let (offset, node) = node.unwrap_or((0, 0));
        state.parameters.push(Parameter { name: name.into(), offset, start: start.to_vec() });
        Vector::from_lanes(Real::from_node(node), start.len())
    }

    /// Describes the latents of one row; `body` runs once and stands for every row of the model.
    #[track_caller]
    pub fn rows(&self, body: impl Fn(&GuidedRow)) {
        let location = Location::caller();
        let (start, rows) = {
            let state = self.state.borrow();
            (state.layout.first_row, state.layout.num_rows)
        };
        let entered = recording::with(|r| {
            if rows == 0 {
                r.fail("the model has no single `rows` block, so q has no rows either".into(), location);
                return None;
            }
            if r.current_plate != 0 {
                r.fail("`rows` inside `rows`".into(), location);
                return None;
            }
            if r.plates.is_empty() {
                r.plates.push(Plate { start, rows });
            }
            r.current_plate = 1;
            Some(r.leaf(Op::RowIndex, 1, true, false, false))
        });
        let Some(Some(number)) = entered else { return };
        let guided = Guided { state: self.state.clone(), in_rows: true };
        body(&GuidedRow { guided, index: RowIndex { plate: 1 }, number: Int::new(Real::from_node(number)) });
        recording::with(|r| r.current_plate = 0);
    }

    /// A latent of one number: `transform` of a standard normal number, and `log_density` of the result.
    ///
    /// The two must describe the same distribution; `jensen::testing::laws` checks it. Returns the latent.
    #[track_caller]
    pub fn latent(
        &self,
        name: &str,
        transform: impl FnOnce(Real) -> Real,
        log_density: impl FnOnce(Real) -> Real,
    ) -> Real {
        let transform = |e: Vector| Vector::from_lanes(transform(e.lanes()), 1);
        self.draw(name, 1, transform, |z| log_density(z.lanes())).lanes()
    }

    /// A latent of `n` numbers: `transform` of `n` independent standard normal numbers, and `log_density` of the result.
    #[track_caller]
    pub fn latents(
        &self,
        name: &str,
        n: usize,
        transform: impl FnOnce(Vector) -> Vector,
        log_density: impl FnOnce(Vector) -> Real,
    ) -> Vector {
        self.draw(name, n, transform, log_density)
    }

    /// A normal latent of the site `name`: both its transform `mean + sd * noise` and its log density.
    ///
    /// `mean` and `sd` are in the unconstrained space; a site of positive numbers gets a log-normal q.
    #[track_caller]
    pub fn normal(&self, name: &str, mean: impl Into<Real>, sd: impl Into<Real>) -> Real {
        let (mean, sd) = (Vector::from_lanes(mean.into(), 1), Vector::from_lanes(sd.into(), 1));
        self.normals(name, &mean, &sd).lanes()
    }

    /// A latent of independent normals with these means and standard deviations.
    #[track_caller]
    pub fn normals(&self, name: &str, mean: &Vector, sd: &Vector) -> Vector {
        let n = mean.len();
        if sd.len() != n {
            recording::fail(format!("site \"{name}\": {n} means meet {} standard deviations", sd.len()));
            return *mean;
        }
        let (mean, sd) = (mean.lanes(), sd.lanes());
        if self.state.borrow().part == Part::Moments {
            return self.moments(name, n, mean, sd);
        }
        let transform = |e: Vector| Vector::from_lanes(mean + sd * e.lanes(), n);
        self.draw(name, n, transform, |z| Vector::from_lanes(normal(mean, sd).log_density(z.lanes()), n).sum())
    }

    /// Notes means and standard deviations; the latent is a leaf, so what depends on it can be told.
    #[track_caller]
    fn moments(&self, name: &str, n: usize, mean: Real, sd: Real) -> Vector {
        let Some((kind, place)) = self.site(name, n) else {
            return Vector::from_lanes(Real::from(f64::NAN), n);
        };
        let nodes = [mean.node(), sd.node()];
        let noted = recording::with(|r| {
            let bent = nodes.iter().any(|&k| r.nodes[k as usize].per_draw);
            (bent, nodes.map(|k| r.spread(k, n as u32, r.current_plate, false)))
        });
        if let Some((bent, [mean, sd])) = noted {
            let mut state = self.state.borrow_mut();
            state.bent |= bent;
            state.normals.push((kind, place, mean, sd));
        }
        Vector::from_lanes(self.leaf(place, n), n)
    }

    #[track_caller]
    fn draw(
        &self,
        name: &str,
        n: usize,
        transform: impl FnOnce(Vector) -> Vector,
        log_density: impl FnOnce(Vector) -> Real,
    ) -> Vector {
        match self.site(name, n) {
            Some(at) => self.draw_at(name, at, n, transform, log_density),
            None => Vector::from_lanes(Real::from(f64::NAN), n),
        }
    }

    /// All latents outside of rows together, `[latent]`: `transform` of as many independent standard normal numbers, and
    /// `log_density` of the result.
    ///
    /// For a q whose parts do not come one after the other, such as a normalising flow.
    #[track_caller]
    pub fn all_latents(
        &self,
        transform: impl FnOnce(Vector) -> Vector,
        log_density: impl FnOnce(Vector) -> Real,
    ) -> Vector {
        let (n, sites) = {
            let state = self.state.borrow();
            let sites = state.layout.sites_of(SiteKind::Latent);
            (state.layout.num_latents, sites.map(|s| s.name.clone()).collect::<Vec<_>>())
        };
        let nothing = Vector::from_lanes(Real::from(f64::NAN), n);
        if self.in_rows || n == 0 {
            recording::fail("`all_latents` draws the latents outside of rows: it stands outside of `rows`, once");
            return nothing;
        }
        if let Some(twice) = sites.iter().find(|s| self.state.borrow().names.contains(s)) {
            recording::fail(format!("site \"{twice}\" is drawn twice"));
            return nothing;
        }
        self.state.borrow_mut().names.extend(sites);
        self.draw_at("all latents", (SiteKind::Latent, 0), n, transform, log_density)
    }

    #[track_caller]
    fn draw_at(
        &self,
        name: &str,
        (kind, place): (SiteKind, usize),
        n: usize,
        transform: impl FnOnce(Vector) -> Vector,
        log_density: impl FnOnce(Vector) -> Real,
    ) -> Vector {
        let part = self.state.borrow().part;
        match part {
            Part::Transform => {
                let noise = self.leaf(self.next_noise(n), n);
                let z = transform(Vector::from_lanes(noise, n));
                if z.len() != n {
                    recording::fail(format!("site \"{name}\" has {n} numbers, its transform gives {}", z.len()));
                    return Vector::from_lanes(Real::from(f64::NAN), n);
                }
                let node = z.lanes().node();
                // One value for each element and draw, also where the transform ignores its noise.
                let node = recording::with(|r| r.spread(node, n as u32, r.current_plate, true)).unwrap_or(0);
                self.state.borrow_mut().drawn.push((kind, place, node));
                Vector::from_lanes(Real::from_node(node), n)
            }
            Part::Moments => {
                self.state.borrow_mut().bent = true;
                Vector::from_lanes(self.leaf(place, n), n)
            }
            Part::Density => {
                let z = Vector::from_lanes(self.leaf(place, n), n);
                self.state.borrow_mut().drawn.push((kind, place, z.lanes().node()));
                add_term(log_density(z));
                z
            }
        }
    }

    /// The site's kind and place; `None` after noting a mistake.
    #[track_caller]
    fn site(&self, name: &str, n: usize) -> Option<(SiteKind, usize)> {
        let mut state = self.state.borrow_mut();
        let wanted = if self.in_rows { SiteKind::RowLatent } else { SiteKind::Latent };
        let Some(site) = state.layout.sites.iter().find(|s| s.name == name) else {
            let known: Vec<&str> = state.layout.sites.iter().map(|s| s.name.as_str()).collect();
            recording::fail(format!("the model has no site \"{name}\"; it has {}", known.join(", ")));
            return None;
        };
        let (kind, place, size) = (site.kind, site.offset, site.num_unconstrained);
        if kind != wanted {
            recording::fail(match kind {
                SiteKind::RowLatent => format!("site \"{name}\" is a latent of each row; draw it inside `q.rows(..)`"),
                SiteKind::Latent => {
                    format!("site \"{name}\" is not a latent of each row; draw it outside of `q.rows(..)`")
                }
                _ => format!("site \"{name}\" is not a real latent; a guide draws real latents alone"),
            });
            return None;
        }
        if size != n {
            recording::fail(format!("site \"{name}\" has {size} unconstrained numbers, {n} are drawn"));
            return None;
        }
        if state.names.iter().any(|s| s == name) {
            recording::fail(format!("site \"{name}\" is drawn twice"));
            return None;
        }
        state.names.push(name.into());
        Some((kind, place))
    }

    fn next_noise(&self, n: usize) -> usize {
        let mut state = self.state.borrow_mut();
        let count = if self.in_rows { &mut state.num_row_noise } else { &mut state.num_noise };
        *count += n;
        *count - n
    }

    fn leaf(&self, offset: usize, n: usize) -> Real {
        let offset = offset as u32;
        let op = if self.in_rows { Op::RowLatent { offset } } else { Op::Latent { offset } };
        let node = recording::with(|r| r.leaf(op, n, self.in_rows, true, true));
        node.map_or(Real::from(f64::NAN), Real::from_node)
    }
}

#[track_caller]
fn add_term(value: Real) {
    let constant = value.as_constant();
    let node = if constant.is_none() { Some(value.node()) } else { None };
    recording::with(|r| {
        let plate = r.current_plate;
        r.terms.push(Term {
            node,
            constant: constant.unwrap_or(0.0),
            kind: TermKind::Bare,
            plate,
            location: Location::caller(),
        });
    });
}

impl GuidedRow {
    /// The row's number as an integer.
    pub fn number(&self) -> Int {
        self.number
    }
}

impl Deref for GuidedRow {
    type Target = Guided;
    fn deref(&self) -> &Guided {
        &self.guided
    }
}

impl From<&GuidedRow> for RowIndex {
    fn from(row: &GuidedRow) -> RowIndex {
        row.index
    }
}

impl From<&GuidedRow> for Index {
    fn from(row: &GuidedRow) -> Index {
        Index::Row(row.index, 0)
    }
}
