//! [`LogJoint`]: log p(x, z) under construction.

use std::cell::RefCell;
use std::ops::Range;
use std::panic::Location;
use std::rc::Rc;

use super::coordinates::Frame;
use super::declared::Declared;
use super::row::Row;
use super::site::{Site, SiteKind};
use super::transform::Units;
use crate::dist::{Distribution, Support, Value, density_of_data, density_of_latent};
use crate::program::recording::{self, Op, Plate};
use crate::program::{Int, Real, RowIndex, TermKind, Vector};

/// The log joint density of a model, built term by term: at the whole model, or, behind a [`Row`], at one row of it.
///
/// A function that takes `&LogJoint` serves both: `fn noise(p: &LogJoint)` may be called with the `p` of the model and with
/// the `i` of its rows.
///
/// ```
/// use jensen::prelude::*;
///
/// let weight = Column::new([61.0, 74.0, 55.0, 80.0]);
/// let height = Column::new([1.65, 1.80, 1.58, 1.86]);
/// let people = model(|p| {
///     let usual = p.draw("usual", normal(70.0, 10.0)); // a latent with its prior
///     let slope = p.positive("slope"); // a bare latent
///     p.add(exponential(0.01).log_density(slope)); // a bare term
///     let scatter = p.draw("scatter", half_normal(5.0));
///     p.derive("at 1.90 m", usual + 0.2 * slope); // a quantity to see in the output
///     p.rows(4, |i| i.observe(weight.at(i), normal(usual + slope * (height.at(i) - 1.70), scatter)));
/// });
/// let names: Vec<String> = jensen::fit(&people)?.summary().into_iter().map(|line| line.name).collect();
/// assert_eq!(names, ["usual", "slope", "scatter", "at 1.90 m"]);
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
pub struct LogJoint {
    pub(super) sites: Rc<RefCell<Declared>>,
    pub(super) in_rows: bool,
    pub(super) units: Units,
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

impl LogJoint {
    /// A latent with its prior distribution: adds `ln p(z)` to the log joint and returns `z` in its support.
    ///
    /// The support decides the transform from the unconstrained space, whose log Jacobian is added too; reports say `name`.
    #[track_caller]
    pub fn draw<D: Distribution + 'static>(&self, name: &str, distribution: D) -> D::Value {
        let support = distribution.support().interior();
        if support.is_discrete() {
            recording::fail(format!("site \"{name}\" is discrete; draw it with `draw_integer`, which gives an `Int`"));
        }
        let frame = Frame::of(&distribution);
        let (value, node) = if support.shape().is_empty() {
            let (x, node) = self.scalar_latent(name, &support, vec![], frame);
            (D::Value::from_vector(Vector::from_lanes(x, 1)), node)
        } else {
            let Some((x, node)) = self.vector_latent(name, &support, frame) else {
                return D::Value::from_vector(Vector::from_lanes(Real::from(f64::NAN), 1));
            };
            (D::Value::from_vector(x), node)
        };
        self.term(TermKind::Prior, density_of_latent(&distribution, value), 1);
        self.simulate(true, node, distribution, 1);
        self.keep_frame(frame, node);
        value
    }

    /// An integer latent with its prior; `range` bounds it where the distribution does not.
    #[track_caller]
    pub fn draw_integer<D: Distribution<Value = Real> + 'static>(&self, name: &str, distribution: D) -> Int {
        let Support::Integers(low, high) = distribution.support() else {
            recording::fail(format!("site \"{name}\" has no integer distribution; use `draw`"));
            return Int::from(0);
        };
        let high = high.and_then(|high| high.as_constant()).map_or(u32::MAX - 1, |high| high as u32);
        let k = self.integer_latent(name, low, high);
        let node = k.to_real().node();
        self.term(TermKind::Prior, density_of_latent(&distribution, k.to_real()), 1);
        self.simulate(true, node, distribution, 1);
        k
    }

    /// Data with its distribution given the latents.
    #[track_caller]
    pub fn observe<D: Distribution + 'static>(&self, x: impl Into<D::Value>, distribution: D) {
        let x = x.into();
        self.expect_visible(x.lanes());
        self.term(TermKind::Data, density_of_data(&distribution, x), 1);
        let node = x.lanes().node();
        self.simulate(false, node, distribution, 1);
    }

    /// `n` independent latents with the same prior, as a [`Vector`].
    #[track_caller]
    pub fn draws<D: Distribution<Value = Real> + 'static>(&self, name: &str, distribution: D, n: usize) -> Vector {
        self.independent(name, distribution, if n == 1 { vec![] } else { vec![n] })
    }

    /// A `rows` x `columns` matrix of independent latents with the same prior, row-major; `name[r,c]` in results.
    ///
    /// `w.at((r, c))` is an element of `w`, and `w.mat_vec(rows, &x)` the product with a vector.
    #[track_caller]
    pub fn matrix<D: Distribution<Value = Real> + 'static>(
        &self,
        name: &str,
        distribution: D,
        rows: usize,
        columns: usize,
    ) -> Vector {
        self.independent(name, distribution, vec![rows, columns])
    }

    #[track_caller]
    fn independent<D: Distribution<Value = Real> + 'static>(
        &self,
        name: &str,
        distribution: D,
        shape: Vec<usize>,
    ) -> Vector {
        let shape = self.admitted(name, shape);
        let (n, support) = (shape.iter().product(), distribution.support().interior());
        let frame = Frame::of(&distribution);
        let (lanes, node) = self.scalar_latent(name, &support, shape.clone(), frame);
        let x = Vector::from_lanes(lanes, n).shaped(&shape);
        self.term(TermKind::Prior, density_of_latent(&distribution, lanes), n);
        self.simulate(true, node, distribution, n);
        self.keep_frame(frame, node);
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
        self.term(TermKind::Data, density_of_data(&distribution, x.lanes()), n);
        self.simulate(false, x.lanes().node(), distribution, n);
    }

    /// A bare term of the log joint.
    #[track_caller]
    pub fn add(&self, term: impl Into<Real>) {
        self.term(TermKind::Bare, term.into(), 1);
    }

    /// A bare real latent: a term that holds it is added with [`LogJoint::add`].
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
        self.scalar_latent(name, &support, vec![], None).0
    }

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
        let terms = LogJoint { sites: self.sites.clone(), in_rows: true, units: Units::default() };
        body(&Row { index: RowIndex { plate }, terms, number: Int::new(Real::from_node(number)) });
        recording::with(|r| r.current_plate = 0);
    }

    /// The same log joint, whose real latents have coordinates `u` with `z = centre + unit u`, and positive ones
    /// `z = unit exp(u)`.
    ///
    /// A fit searches its start where coordinates are of the size of one. Where a latent is known to be far from there, as a
    /// mean in euros of a table of millions is, this says so; no name, draw, density or bound depends on it.
    ///
    /// ```
    /// use jensen::prelude::*;
    ///
    /// let income = Column::new([41e6, 39.5e6, 43e6, 40e6]);
    /// let fitted = jensen::fit(&model(|p| {
    ///     let mean = p.around(4e7, 1e6).draw("mean", normal(4e7, 1e7));
    ///     let sd = p.around(0.0, 1e6).draw("sd", exponential(1e-6));
    ///     p.rows(4, |i| i.observe(income.at(i), normal(mean, sd)));
    /// }))?;
    /// assert!((fitted.summary()[0].mean - 40.9e6).abs() < 1e5);
    /// # Ok::<(), jensen::algorithm::FitError>(())
    /// ```
    #[track_caller]
    pub fn around(&self, centre: f64, unit: f64) -> LogJoint {
        if !(centre.is_finite() && unit.is_finite() && unit > 0.0) {
            recording::fail(format!(
                "coordinates around {centre} in units of {unit}; both are finite, and units positive"
            ));
        }
        LogJoint { sites: self.sites.clone(), in_rows: self.in_rows, units: Units { centre, unit } }
    }

    /// `n` bare real latents.
    #[track_caller]
    pub fn reals(&self, name: &str, n: usize) -> Vector {
        self.bare(name, Support::RealVector(n))
    }

    /// `n` bare positive latents.
    #[track_caller]
    pub fn positives(&self, name: &str, n: usize) -> Vector {
        self.bare_latent();
        let shape = self.admitted(name, if n == 1 { vec![] } else { vec![n] });
        let len = shape.iter().product();
        let (lanes, _) = self.scalar_latent(name, &Support::Positive, shape, None);
        Vector::from_lanes(lanes, len)
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
        let shape = self.admitted(name, shape.to_vec());
        let len: usize = shape.iter().product();
        let node = recording::with(|r| {
            let offset = r.num_parameters as u32;
            r.num_parameters += len;
            (offset as usize, r.leaf(Op::Parameter { offset }, len, false, false, true))
        });
        let (offset, node) = node.unwrap_or((0, 0));
        let vector = Vector::from_lanes(Real::from_node(node), len).shaped(&shape);
        self.site(
            Site {
                name: name.into(),
                kind: SiteKind::Parameter,
                support: "real".into(),
                shape,
                offset,
                num_unconstrained: len,
                range: None,
                centring: Vec::new(),
            },
            None,
            node,
        );
        vector
    }

    /// Keeps a quantity computed from latents in the output, under a name of its own.
    #[track_caller]
    pub fn derive(&self, name: &str, value: impl Value) {
        let len = value.num_elements();
        let node = value.lanes().node();
        let shape = if len == 1 { vec![] } else { vec![len] };
        self.site(
            Site {
                name: name.into(),
                kind: SiteKind::Derived,
                support: "derived".into(),
                shape,
                offset: 0,
                num_unconstrained: 0,
                range: None,
                centring: Vec::new(),
            },
            None,
            node,
        );
    }

    #[track_caller]
    fn bare(&self, name: &str, support: Support) -> Vector {
        self.bare_latent();
        let latent = self.vector_latent(name, &support, None);
        latent.map_or(Vector::from_lanes(Real::from(f64::NAN), 1), |(elements, _)| elements)
    }
}
