//! [`LogJoint`]: log p(x, z) under construction.

use std::cell::RefCell;
use std::ops::{Deref, Range};
use std::panic::Location;
use std::rc::Rc;

use super::row::Row;
use super::site::{Layout, Site, SiteKind};
use super::transform::{constrain_scalar, constrain_vector};
use crate::dist::{Distribution, Support, Value};
use crate::program::recording::{self, Node, Op, Plate, Recording, Term};
use crate::program::{Int, ProgramError, Real, RowIndex, TermKind, Vector};

/// The log joint density of a model, built term by term.
pub struct LogJoint {
    scope: Scope,
}

impl Deref for LogJoint {
    type Target = Scope;
    fn deref(&self) -> &Scope {
        &self.scope
    }
}

/// Where terms and latents are added: the whole model, or one row of it.
#[derive(Clone)]
pub struct Scope {
    sites: Rc<RefCell<Declared>>,
    in_rows: bool,
}

/// What was declared besides arithmetic.
#[derive(Default)]
pub(crate) struct Declared {
    pub sites: Vec<Site>,
    /// Support and constrained value of each site.
    pub values: Vec<(Option<Support>, u32)>,
    pub simulated: Vec<Simulated>,
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
    pub parameters: Vec<u32>,
    pub len: usize,
    /// Independent values with the same distribution (`draws`), else one.
    pub repeated: usize,
    pub sampler: Sampler,
}

/// Rows `start..end` of the data.
pub struct RowRange(Range<usize>);

impl From<usize> for RowRange {
    fn from(n: usize) -> Self {
        RowRange(0..n)
    }
}

impl From<Range<usize>> for RowRange {
    fn from(range: Range<usize>) -> Self {
        RowRange(range)
    }
}

/// Runs a model's `log_joint` once.
pub(crate) fn recorded(model: &(impl super::Model + ?Sized)) -> Result<(Recording, Declared), ProgramError> {
    let sites: Rc<RefCell<Declared>> = Rc::default();
    let scope = Scope { sites: sites.clone(), in_rows: false };
    let recording = recording::record(|| model.log_joint(&LogJoint { scope }))?;
    let declared = Rc::try_unwrap(sites).map(RefCell::into_inner);
    let declared =
        declared.map_err(|_| ProgramError::new("the log joint was kept after it was recorded", Location::caller()))?;
    Ok((recording, declared))
}

impl LogJoint {
    /// Adds terms for every row of data: `body` runs once and describes one row.
    ///
    /// `rows(n, ..)` covers rows `0..n`; `rows(5..n, ..)` starts later, for models that look back.
    #[track_caller]
    pub fn rows(&self, rows: impl Into<RowRange>, body: impl Fn(&Row)) {
        let RowRange(range) = rows.into();
        let location = Location::caller();
        if range.end <= range.start {
            recording::fail("there are no rows: the data is empty; give at least one row");
            return;
        }
        let entered = recording::with(|r| {
            if r.current_plate != 0 {
                r.fail("`rows` inside `rows`; a row's terms cannot be repeated over other rows".into(), location);
                return None;
            }
            let plate = Plate { start: range.start, rows: range.end - range.start };
            // Two blocks over the same rows are one, so that their rows can be taken together.
            let known = r.plates.iter().position(|p| *p == plate);
            r.current_plate = known.unwrap_or(r.plates.len()) as u16 + 1;
            if known.is_none() {
                r.plates.push(plate);
            }
            let number = r.leaf(Op::RowIndex, 1, true, false, false);
            Some((r.current_plate, number))
        });
        let Some(Some((plate, number))) = entered else { return };
        let scope = Scope { sites: self.scope.sites.clone(), in_rows: true };
        body(&Row { index: RowIndex { plate }, scope, number: Int::new(Real::from_node(number)) });
        recording::with(|r| r.current_plate = 0);
    }

    /// `n` bare real latents.
    #[track_caller]
    pub fn reals(&self, name: &str, n: usize) -> Vector {
        self.bare(name, Support::RealVector(n))
    }

    /// `n` bare positive latents.
    #[track_caller]
    pub fn positives(&self, name: &str, n: usize) -> Vector {
        self.scope.bare_latent();
        let (lanes, _) = self.scope.scalar_latent(name, &Support::Positive, n);
        Vector::from_lanes(lanes, n)
    }

    /// A bare simplex: `n` positive numbers that sum to one.
    #[track_caller]
    pub fn simplex(&self, name: &str, n: usize) -> Vector {
        self.bare(name, Support::Simplex(n))
    }

    /// `n` bare increasing numbers.
    #[track_caller]
    pub fn ordered(&self, name: &str, n: usize) -> Vector {
        self.bare(name, Support::Ordered(n))
    }

    /// `n` bare increasing positive numbers.
    #[track_caller]
    pub fn positive_ordered(&self, name: &str, n: usize) -> Vector {
        self.bare(name, Support::PositiveOrdered(n))
    }

    /// A bare vector of `n` numbers with unit length.
    #[track_caller]
    pub fn unit_vector(&self, name: &str, n: usize) -> Vector {
        self.bare(name, Support::UnitVector(n))
    }

    /// A bare row-major Cholesky factor of an `n` x `n` correlation matrix.
    #[track_caller]
    pub fn cholesky_correlation(&self, name: &str, n: usize) -> Vector {
        self.bare(name, Support::CholeskyCorrelation(n))
    }

    /// A bare row-major Cholesky factor of an `n` x `n` covariance matrix.
    #[track_caller]
    pub fn cholesky_covariance(&self, name: &str, n: usize) -> Vector {
        self.bare(name, Support::CholeskyCovariance(n))
    }

    /// Learnable parameters theta of the given shape: no prior, no entropy, maximised with the bound.
    #[track_caller]
    pub fn parameter(&self, name: &str, shape: &[usize]) -> Vector {
        let len: usize = shape.iter().product();
        let node = recording::with(|r| {
            let offset = r.num_parameters as u32;
            r.num_parameters += len;
            (offset as usize, r.leaf(Op::Parameter { offset }, len, false, false, true))
        });
        let (offset, node) = node.unwrap_or((0, 0));
        self.scope.site(
            Site {
                name: name.into(),
                kind: SiteKind::Parameter,
                support: "real".into(),
                shape: shape.to_vec(),
                offset,
                num_unconstrained: len,
                range: None,
            },
            None,
            node,
        );
        Vector::from_lanes(Real::from_node(node), len)
    }

    /// Keeps a quantity computed from latents in the output, under a name of its own.
    #[track_caller]
    pub fn derive(&self, name: &str, value: impl Value) {
        let len = value.num_elements();
        let node = value.lanes().node();
        let shape = if len == 1 { vec![] } else { vec![len] };
        self.scope.site(
            Site {
                name: name.into(),
                kind: SiteKind::Derived,
                support: "derived".into(),
                shape,
                offset: 0,
                num_unconstrained: 0,
                range: None,
            },
            None,
            node,
        );
    }

    #[track_caller]
    fn bare(&self, name: &str, support: Support) -> Vector {
        self.scope.bare_latent();
        let (elements, _) = self.scope.vector_latent(name, &support);
        elements
    }
}

impl Scope {
    /// A latent with its prior distribution.
    ///
    /// The support of the distribution decides the transform from the unconstrained space; its Jacobian is added.
    #[track_caller]
    pub fn draw<D: Distribution + 'static>(&self, name: &str, distribution: D) -> D::Value {
        let support = distribution.support();
        if support.is_discrete() {
            recording::fail(format!("site \"{name}\" is discrete; draw it with `draw_integer`, which gives an `Int`"));
        }
        let (value, node) = if support.shape().is_empty() {
            let (x, node) = self.scalar_latent(name, &support, 1);
            (D::Value::from_vector(Vector::from_lanes(x, 1)), node)
        } else {
            let (x, node) = self.vector_latent(name, &support);
            (D::Value::from_vector(x), node)
        };
        self.term(TermKind::Prior, distribution.log_density(value), 1);
        self.simulate(true, node, distribution, 1);
        value
    }

    /// An integer latent with its prior; `range` bounds it where the distribution does not.
    #[track_caller]
    pub fn draw_integer<D: Distribution<Value = Real> + 'static>(&self, name: &str, distribution: D) -> Int {
        let Support::Integers(low, high) = distribution.support() else {
            recording::fail(format!("site \"{name}\" has no integer distribution; use `draw`"));
            return Int::from(0);
        };
        let k = self.integer_latent(name, low, high.unwrap_or(u32::MAX - 1));
        let node = k.to_real().node();
        self.term(TermKind::Prior, distribution.log_density(k.to_real()), 1);
        self.simulate(true, node, distribution, 1);
        k
    }

    /// Data with its distribution given the latents.
    #[track_caller]
    pub fn observe<D: Distribution + 'static>(&self, x: impl Into<D::Value>, distribution: D) {
        let x = x.into();
        self.check_data(x, &distribution.support());
        self.term(TermKind::Data, distribution.log_density(x), 1);
        let node = x.lanes().node();
        self.simulate(false, node, distribution, 1);
    }

    /// `n` independent latents with the same prior, as a [`Vector`].
    #[track_caller]
    pub fn draws<D: Distribution<Value = Real> + 'static>(&self, name: &str, distribution: D, n: usize) -> Vector {
        let support = distribution.support();
        let (lanes, node) = self.scalar_latent(name, &support, n);
        let x = Vector::from_lanes(lanes, n);
        self.term(TermKind::Prior, distribution.log_density(lanes), n);
        self.simulate(true, node, distribution, n);
        x
    }

    /// Data of several numbers, each with the distribution that `of` makes from its own element of `parameter`.
    ///
    /// `i.observe_each(&x, &logits, bernoulli_logit)` are independent pixels.
    #[track_caller]
    pub fn observe_each<D: Distribution<Value = Real> + 'static>(
        &self,
        x: &Vector,
        parameter: &Vector,
        of: impl FnOnce(Real) -> D,
    ) {
        let n = x.len();
        if n != parameter.len() {
            recording::fail(format!("{n} observed numbers meet {} numbers of their parameter", parameter.len()));
            return;
        }
        let distribution = of(parameter.lanes());
        self.check_matrix(x, &distribution.support());
        self.term(TermKind::Data, distribution.log_density(x.lanes()), n);
        self.simulate(false, x.lanes().node(), distribution, n);
    }

    /// A bare term of the log joint.
    #[track_caller]
    pub fn add(&self, term: impl Into<Real>) {
        self.term(TermKind::Bare, term.into(), 1);
    }

    /// A bare real latent: a term that holds it is added with [`Scope::add`].
    #[track_caller]
    pub fn real(&self, name: &str) -> Real {
        self.bare_scalar(name, Support::Real)
    }

    /// A bare positive latent.
    #[track_caller]
    pub fn positive(&self, name: &str) -> Real {
        self.bare_scalar(name, Support::Positive)
    }

    /// A bare latent between zero and one.
    #[track_caller]
    pub fn unit(&self, name: &str) -> Real {
        self.bare_scalar(name, Support::Unit)
    }

    /// A bare latent above `low`, which may itself depend on latents.
    #[track_caller]
    pub fn above(&self, name: &str, low: impl Into<Real>) -> Real {
        self.bare_scalar(name, Support::Above(low.into()))
    }

    /// A bare latent below `high`.
    #[track_caller]
    pub fn below(&self, name: &str, high: impl Into<Real>) -> Real {
        self.bare_scalar(name, Support::Below(high.into()))
    }

    /// A bare latent between `low` and `high`.
    #[track_caller]
    pub fn interval(&self, name: &str, low: impl Into<Real>, high: impl Into<Real>) -> Real {
        self.bare_scalar(name, Support::Interval(low.into(), high.into()))
    }

    /// A bare integer latent in `range`.
    #[track_caller]
    pub fn integer(&self, name: &str, range: Range<u32>) -> Int {
        self.bare_latent();
        if range.end <= range.start {
            recording::fail(format!("site \"{name}\" has the empty range {}..{}", range.start, range.end));
            return Int::from(0);
        }
        self.integer_latent(name, range.start, range.end - 1)
    }

    #[track_caller]
    fn bare_scalar(&self, name: &str, support: Support) -> Real {
        self.bare_latent();
        self.scalar_latent(name, &support, 1).0
    }

    fn bare_latent(&self) {
        self.sites.borrow_mut().num_bare_latents += 1;
    }

    #[track_caller]
    fn term(&self, kind: TermKind, value: Real, copies: usize) {
        let (node, constant) = match value.as_constant() {
            Some(c) => (None, c * copies as f64),
            None => (Some(value.node()), 0.0),
        };
        let location = Location::caller();
        recording::with(|r| {
            if let Some(n) = node {
                let (len, plate) = (r.nodes[n as usize].len as usize, r.nodes[n as usize].plate);
                if plate != 0 && plate != r.current_plate {
                    r.fail("a row's value is used outside of its `rows` closure".into(), location);
                }
                // A term that does not depend on its element stands for all of them.
                let node =
                    if len < copies { r.spread(n, copies as u32, plate, r.nodes[n as usize].per_draw) } else { n };
                let plate = r.current_plate;
                r.terms.push(Term { node: Some(node), constant, kind, plate });
            } else {
                let plate = r.current_plate;
                r.terms.push(Term { node, constant, kind, plate });
            }
        });
    }

    /// A latent with a scalar support, or `n` of them as lanes; returns the constrained value and its node.
    #[track_caller]
    fn scalar_latent(&self, name: &str, support: &Support, n: usize) -> (Real, u32) {
        if let Support::Interval(low, high) = support
            && let (Some(low), Some(high)) = (low.as_constant(), high.as_constant())
            && (low.is_nan() || high.is_nan() || low >= high)
        {
            recording::fail(format!("site \"{name}\" lies between {low} and {high}; give the lower bound first"));
        }
        let (u, offset) = self.unconstrained(name, n);
        let Some((x, log_jacobian)) = constrain_scalar(support, u) else {
            recording::fail(format!("site \"{name}\" has a vector support where a scalar is needed"));
            return (u, 0);
        };
        self.term(TermKind::Jacobian, log_jacobian, n);
        let node = x.node();
        let shape = if n == 1 { vec![] } else { vec![n] };
        self.latent_site(name, support, shape, offset, n, node);
        (x, node)
    }

    #[track_caller]
    fn vector_latent(&self, name: &str, support: &Support) -> (Vector, u32) {
        let n = support.num_unconstrained();
        let (u, offset) = self.unconstrained(name, n);
        let vector = if let Support::RealVector(_) = support {
            Vector::from_lanes(u, n)
        } else {
            let scalars = if n == 0 { vec![] } else { Vector::from_lanes(u, n).elements() };
            let made = constrain_vector(support, &scalars);
            self.term(TermKind::Jacobian, made.log_jacobian, 1);
            Vector::new(&made.elements)
        };
        let node = vector.lanes().node();
        self.latent_site(name, support, support.shape(), offset, n, node);
        (vector, node)
    }

    #[track_caller]
    fn latent_site(&self, name: &str, support: &Support, shape: Vec<usize>, offset: usize, n: usize, node: u32) {
        let kind = if self.in_rows { SiteKind::RowLatent } else { SiteKind::Latent };
        let site = Site {
            name: name.into(),
            kind,
            support: support.to_string(),
            shape,
            offset,
            num_unconstrained: n,
            range: None,
        };
        self.site(site, Some(support.clone()), node);
    }

    /// A latent of the model declared inside `rows` would have its prior repeated for every row.
    fn check_place(&self, r: &mut Recording, name: &str, location: &'static Location<'static>) {
        match (self.in_rows, r.current_plate != 0) {
            (false, true) => r.fail(
                format!(
                    "site \"{name}\" of the whole model is declared inside `rows`; declare it before the rows, or \
                     draw one for each row with the closure's argument: `i.draw(..)`"
                ),
                location,
            ),
            (true, false) => r.fail(format!("site \"{name}\" of a row is declared outside of its `rows`"), location),
            _ => {}
        }
    }

    #[track_caller]
    fn unconstrained(&self, name: &str, n: usize) -> (Real, usize) {
        let (in_rows, location) = (self.in_rows, Location::caller());
        let leaf = recording::with(|r| {
            self.check_place(r, name, location);
            if n == 0 {
                r.fail(format!("site \"{name}\" has no free number; give it more elements or leave it out"), location);
            }
            let count = if in_rows { &mut r.num_row_latents } else { &mut r.num_latents };
            let offset = *count;
            *count += n;
            let op =
                if in_rows { Op::RowLatent { offset: offset as u32 } } else { Op::Latent { offset: offset as u32 } };
            (r.leaf(op, n, in_rows, true, true), offset)
        });
        leaf.map_or((Real::from(f64::NAN), 0), |(node, offset)| (Real::from_node(node), offset))
    }

    #[track_caller]
    fn integer_latent(&self, name: &str, low: u32, high: u32) -> Int {
        let (in_rows, location) = (self.in_rows, Location::caller());
        let leaf = recording::with(|r| {
            self.check_place(r, name, location);
            let count = if in_rows { &mut r.num_row_integers } else { &mut r.num_integers };
            let offset = *count;
            *count += 1;
            let op =
                if in_rows { Op::RowInteger { offset: offset as u32 } } else { Op::Integer { offset: offset as u32 } };
            (r.leaf(op, 1, in_rows, true, false), offset)
        });
        let (node, offset) = leaf.unwrap_or((0, 0));
        self.site(
            Site {
                name: name.into(),
                kind: if in_rows { SiteKind::RowInteger } else { SiteKind::Integer },
                support: Support::Integers(low, Some(high)).to_string(),
                shape: vec![],
                offset,
                num_unconstrained: 0,
                range: Some((low, high)),
            },
            None,
            node,
        );
        Int::new(Real::from_node(node))
    }

    #[track_caller]
    fn site(&self, site: Site, support: Option<Support>, node: u32) {
        let mut declared = self.sites.borrow_mut();
        if declared.sites.iter().any(|s| s.name == site.name) {
            recording::fail(format!("two sites are called \"{}\"; give each its own name", site.name));
        }
        declared.sites.push(site);
        declared.values.push((support, node));
    }

    fn simulate<D: Distribution + 'static>(&self, drawn: bool, node: u32, distribution: D, repeated: usize) {
        let parameters = distribution.parameters().iter().map(|p| p.node()).collect();
        let plate = recording::with(|r| r.current_plate).unwrap_or(0);
        let len = distribution.support().num_constrained();
        let mut declared = self.sites.borrow_mut();
        let site = drawn.then(|| declared.sites.len() - 1);
        declared.simulated.push(Simulated {
            site,
            node,
            plate,
            parameters,
            len,
            repeated,
            sampler: Box::new(move |p, rng, out| distribution.sample(p, rng, out)),
        });
    }

    /// The same for a whole row of a matrix.
    #[track_caller]
    fn check_matrix(&self, x: &Vector, support: &Support) {
        let (node, columns, location) = (x.lanes().node(), x.len(), Location::caller());
        recording::with(|r| {
            let Node { op: Op::MatrixRow { matrix }, plate, .. } = r.nodes[node as usize] else { return };
            if plate == 0 || !r.is_visible(plate) {
                return;
            }
            let plate = r.plates[plate as usize - 1];
            let rows = r.matrices[matrix as usize].0.chunks_exact(columns).enumerate();
            let numbers = rows.skip(plate.start).take(plate.rows).flat_map(|(row, v)| v.iter().map(move |&v| (row, v)));
            let wrong = numbers.into_iter().find(|(_, v)| !support.contains(*v));
            if let Some((row, v)) = wrong {
                r.fail(format!("row {row} holds {v}, which is not {support}"), location);
            }
        });
    }

    /// Data outside of a distribution's support is a mistake in the data, found while recording.
    #[track_caller]
    fn check_data(&self, x: impl Value, support: &Support) {
        if x.num_elements() != 1 {
            return;
        }
        let location = Location::caller();
        if let Some(c) = x.lanes().as_constant() {
            if !support.contains(c) {
                recording::fail(format!("the observed value {c} is not {support}"));
            }
            return;
        }
        let node = x.lanes().node();
        recording::with(|r| {
            let Node { op, plate, args, .. } = r.nodes[node as usize];
            // A cell of a matrix is read on its own, or taken out of the vector of its row.
            let (op, plate) = match (op, r.nodes[args[0] as usize].op) {
                (Op::Element(column), Op::MatrixRow { matrix }) => {
                    (Op::MatrixColumn { matrix, column }, r.nodes[args[0] as usize].plate)
                }
                _ => (op, plate),
            };
            if !matches!(op, Op::Column { .. } | Op::MatrixColumn { .. }) {
                return;
            }
            if !r.is_visible(plate) {
                r.fail("a row's value is used outside of its `rows` closure".into(), location);
                return;
            }
            let Some(plate) = r.current_plate.checked_sub(1).map(|k| r.plates[k as usize]) else { return };
            let wrong = |values: &mut dyn Iterator<Item = (usize, f64)>, first: usize| {
                values.skip(first).take(plate.rows).find(|(_, v)| !support.contains(*v))
            };
            let found = match op {
                Op::Column { column, shift } => {
                    let first = (plate.start as i64 + i64::from(shift)).max(0) as usize;
                    wrong(&mut r.columns[column as usize].iter().copied().enumerate(), first)
                }
                Op::MatrixColumn { matrix, column } => {
                    let (cells, columns) = &r.matrices[matrix as usize];
                    let cells = cells.iter().skip(column as usize).step_by(*columns).copied().enumerate();
                    wrong(&mut { cells }, plate.start)
                }
                _ => None,
            };
            if let Some((row, v)) = found {
                r.fail(format!("row {row} holds {v}, which is not {support}"), location);
            }
        });
    }
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
