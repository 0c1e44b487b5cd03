//! The recorder: user code runs once, and every operation on a [`Real`](super::Real) becomes a node here.
//!
//! Nodes are shared when they say the same thing, shapes are joined by explicit `Spread` nodes, and the first
//! mistake is kept with the user's file and line instead of panicking.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;

pub(crate) use super::op::{Op, is_elementwise};
use super::op::{differentiable, op_key};
use super::ranges::Ranges;
use super::{ProgramError, TermKind};

/// One recorded operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Node {
    pub op: Op,
    pub args: [u32; 3],
    /// Operands of an n-ary operation: start and length in `Recording::lists`.
    pub list: (u32, u32),
    pub len: u32,
    /// Zero for a global node, else the number of its row plate.
    pub plate: u16,
    /// Depends on the latents, so has one value for each draw.
    pub per_draw: bool,
    /// Depends on latents or parameters through differentiable operations.
    pub active: bool,
}

/// One addend of the log joint, as it was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    pub node: Option<u32>,
    pub constant: f64,
    pub kind: TermKind,
    /// The plate inside which the term was added (zero: outside of rows).
    pub plate: u16,
    /// Where it stands in the user's source.
    pub location: &'static Location<'static>,
}

/// What a vector latent is for all values of its unconstrained numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Structure {
    /// Its elements sum to one.
    Simplex,
    /// The rows of a lower triangular matrix have length one.
    CorrelationFactor,
    /// A symmetric positive-definite matrix.
    Covariance,
}

/// A row plate: `rows` rows from `start`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plate {
    pub start: usize,
    pub rows: usize,
}

/// A user's node: writes the partial derivatives and returns the value.
pub(crate) type CustomFunction = Arc<dyn Fn(&[f64], &mut [f64]) -> f64 + Send + Sync>;

/// Everything that was recorded.
#[derive(Default)]
pub(crate) struct Recording {
    pub id: u32,
    pub nodes: Vec<Node>,
    pub lists: Vec<u32>,
    pub terms: Vec<Term>,
    pub outputs: Vec<u32>,
    pub plates: Vec<Plate>,
    pub columns: Vec<Arc<[f64]>>,
    pub integer_columns: Vec<Arc<[u32]>>,
    /// The same integer columns as reals, for arithmetic.
    pub integer_views: Vec<Arc<[f64]>>,
    pub matrices: Vec<(Arc<[f64]>, usize)>,
    pub functions: Vec<CustomFunction>,
    pub current_plate: u16,
    pub num_parameters: usize,
    pub num_latents: usize,
    pub num_integers: usize,
    pub num_row_latents: usize,
    pub num_row_integers: usize,
    pub error: Option<ProgramError>,
    /// Ends of the integer latents, and of those of rows.
    pub integer_ranges: [Vec<(u32, u32)>; 2],
    /// Vector latents whose transform gives them more structure than their elements show.
    pub structures: HashMap<u32, Structure>,
    /// Ranges that were asked for so far.
    pub ranges: Ranges,
    /// Where comparisons, roundings and indices stand in the user's source.
    pub places: HashMap<u32, &'static Location<'static>>,
    /// Other data for columns, by their numbers, and the columns that have got theirs.
    pub other_data: HashMap<u32, Arc<[f64]>>,
    pub replaced: Vec<(Arc<[f64]>, u32)>,
    known: HashMap<Key, u32>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    op: (u8, u64, u64),
    args: [u32; 3],
    list: Vec<u32>,
    len: u32,
    plate: u16,
    per_draw: bool,
}

thread_local! {
    static ACTIVE: RefCell<Option<Recording>> = const { RefCell::new(None) };
    static NEXT_ID: std::cell::Cell<u32> = const { std::cell::Cell::new(1) };
}

/// Runs `body` while recording and returns what it recorded.
pub(crate) fn record(body: impl FnOnce()) -> Result<Recording, ProgramError> {
    let id = NEXT_ID.with(|next| next.replace(next.get().wrapping_add(1).max(1)));
    let outer = ACTIVE.with(|active| active.replace(Some(Recording { id, ..Recording::default() })));
    // A panic inside user code must not leave this thread recording for ever.
    let guard = Restore(outer);
    body();
    let recording = ACTIVE.with(|active| active.borrow_mut().take());
    drop(guard);
    let mut recording = recording.ok_or_else(|| ProgramError::new("the recording ended early", Location::caller()))?;
    match recording.error.take() {
        Some(error) => Err(error),
        None => Ok(recording),
    }
}

struct Restore(Option<Recording>);

impl Drop for Restore {
    fn drop(&mut self) {
        let outer = self.0.take();
        ACTIVE.with(|active| *active.borrow_mut() = outer);
    }
}

/// Gives `body` the active recording; `None` outside of one.
pub(crate) fn with<R>(body: impl FnOnce(&mut Recording) -> R) -> Option<R> {
    ACTIVE.with(|active| active.borrow_mut().as_mut().map(body))
}

/// Notes a mistake in user code (the first one is kept).
#[track_caller]
pub(crate) fn fail(message: impl Into<String>) {
    let location = Location::caller();
    with(|r| r.fail(message.into(), location));
}

impl Recording {
    /// A recording of the same data, functions, rows and numbers of latents, in which nothing is said yet.
    pub fn without_nodes(&self) -> Recording {
        Recording {
            id: self.id,
            plates: self.plates.clone(),
            columns: self.columns.clone(),
            integer_columns: self.integer_columns.clone(),
            integer_views: self.integer_views.clone(),
            matrices: self.matrices.clone(),
            functions: self.functions.clone(),
            num_parameters: self.num_parameters,
            num_latents: self.num_latents,
            num_row_latents: self.num_row_latents,
            ..Recording::default()
        }
    }

    /// The same with some of the addends of the log joint alone: those whose numbers `keeps` accepts.
    pub fn with_terms(&self, keeps: impl Fn(usize) -> bool) -> Recording {
        let kept = self.terms.iter().enumerate().filter(|(number, _)| keeps(*number));
        Recording {
            nodes: self.nodes.clone(),
            lists: self.lists.clone(),
            outputs: self.outputs.clone(),
            num_integers: self.num_integers,
            num_row_integers: self.num_row_integers,
            integer_ranges: self.integer_ranges.clone(),
            terms: kept.map(|(_, term)| *term).collect(),
            ..self.without_nodes()
        }
    }

    pub fn fail(&mut self, message: String, location: &'static Location<'static>) {
        self.error.get_or_insert_with(|| ProgramError::new(message, location));
    }

    /// The node with this content: an existing one, or a new one.
    pub fn push(&mut self, node: Node, list: &[u32]) -> u32 {
        let key = Key {
            op: op_key(node.op),
            args: node.args,
            list: list.to_vec(),
            len: node.len,
            plate: node.plate,
            per_draw: node.per_draw,
        };
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let index = self.nodes.len() as u32;
        let start = self.lists.len() as u32;
        self.lists.extend_from_slice(list);
        self.nodes.push(Node { list: (start, list.len() as u32), ..node });
        self.known.insert(key, index);
        index
    }

    pub fn leaf(&mut self, op: Op, len: usize, in_rows: bool, per_draw: bool, active: bool) -> u32 {
        let plate = if in_rows { self.current_plate } else { 0 };
        self.push(Node { op, args: [0; 3], list: (0, 0), len: len as u32, plate, per_draw, active }, &[])
    }

    pub fn constant(&mut self, value: f64) -> u32 {
        self.leaf(Op::Const(value), 1, false, false, false)
    }

    /// The shape that holds all of `args`; a mistake (rows of two plates, lengths that differ) gives `None`.
    fn joined(&mut self, args: &[u32], location: &'static Location<'static>) -> Option<(u32, u16, bool, bool)> {
        let (mut len, mut plate, mut per_draw, mut active) = (1, 0, false, false);
        for &a in args {
            let node = self.nodes[a as usize];
            if node.len != 1 && len != 1 && node.len != len {
                self.fail(
                    format!(
                        "vectors of lengths {len} and {} meet; elementwise arithmetic needs equal lengths",
                        node.len
                    ),
                    location,
                );
                return None;
            }
            if node.plate != 0 && plate != 0 && node.plate != plate {
                self.fail(
                    "a value of one `rows` block is used inside another; a row value lives only inside its own closure"
                        .into(),
                    location,
                );
                return None;
            }
            len = len.max(node.len);
            plate = plate.max(node.plate);
            per_draw |= node.per_draw;
            active |= node.active;
        }
        if plate != 0 && plate != self.current_plate {
            self.fail(
                "a row's value is used outside of its `rows` closure; only terms (`observe`, `draw`, `add`) leave it"
                    .into(),
                location,
            );
            return None;
        }
        Some((len, plate, per_draw, active))
    }

    /// An elementwise operation: operands are spread to a common shape first.
    pub fn elementwise(&mut self, op: Op, args: &[u32], location: &'static Location<'static>) -> Option<u32> {
        let (len, plate, per_draw, active) = self.joined(args, location)?;
        let mut spread = [0; 3];
        for (to, &a) in spread.iter_mut().zip(args) {
            *to = self.spread(a, len, plate, per_draw);
        }
        let active = active && differentiable(op);
        let node = self.push(Node { op, args: spread, list: (0, 0), len, plate, per_draw, active }, &[]);
        if !differentiable(op) {
            self.places.entry(node).or_insert(location);
        }
        Some(node)
    }

    pub fn spread(&mut self, a: u32, len: u32, plate: u16, per_draw: bool) -> u32 {
        let node = self.nodes[a as usize];
        if (node.len, node.plate, node.per_draw) == (len, plate, per_draw) {
            return a;
        }
        // A spread into rows is one node of the row program; a spread inside the rows another.
        if node.plate != plate && len != node.len && node.len == 1 {
            let inner = self.spread(a, 1, plate, per_draw);
            return self.spread(inner, len, plate, per_draw);
        }
        let active = node.active;
        self.push(Node { op: Op::Spread, args: [a, 0, 0], list: (0, 0), len, plate, per_draw, active }, &[])
    }

    /// An n-ary operation on scalars (or lanes of one length) of a common shape.
    pub fn nary(
        &mut self,
        op: Op,
        args: &[u32],
        len_of: impl Fn(u32) -> u32,
        location: &'static Location<'static>,
    ) -> Option<u32> {
        let (len, plate, per_draw, active) = self.joined(args, location)?;
        let spread: Vec<u32> = args.iter().map(|&a| self.spread(a, len, plate, per_draw)).collect();
        let node = Node { op, args: [0; 3], list: (0, 0), len: len_of(len), plate, per_draw, active };
        Some(self.push(node, &spread))
    }

    /// An operation whose operands keep their lengths but share rows and draws.
    pub fn structured(&mut self, op: Op, args: &[u32], len: u32, location: &'static Location<'static>) -> Option<u32> {
        let (mut plate, mut per_draw, mut active) = (0, false, false);
        for &a in args {
            let node = self.nodes[a as usize];
            if node.plate != 0 && (plate != 0 && node.plate != plate || node.plate != self.current_plate) {
                self.fail("a row's value is used outside of its `rows` closure".into(), location);
                return None;
            }
            plate = plate.max(node.plate);
            per_draw |= node.per_draw;
            active |= node.active;
        }
        let mut spread = [0; 3];
        for (to, &a) in spread.iter_mut().zip(args) {
            let own = self.nodes[a as usize].len;
            *to = self.spread(a, own, plate, per_draw);
        }
        Some(self.push(Node { op, args: spread, list: (0, 0), len, plate, per_draw, active }, &[]))
    }

    /// The scalar that is element `k` of a vector packed from scalars.
    pub fn packed(&self, vector: u32, k: usize) -> Option<u32> {
        let node = self.nodes[vector as usize];
        (node.op == Op::Pack && k < node.len as usize).then(|| self.lists[node.list.0 as usize + k])
    }

    /// Whether a value of this plate may be used here: everywhere if it is global, else only inside its own rows.
    pub fn is_visible(&self, plate: u16) -> bool {
        plate == 0 || plate == self.current_plate
    }

    pub fn column(&mut self, data: &Arc<[f64]>) -> u32 {
        if let Some((_, known)) = self.replaced.iter().find(|(own, _)| Arc::ptr_eq(own, data)) {
            return *known;
        }
        let column = intern(&mut self.columns, data, Arc::ptr_eq);
        if let Some(other) = self.other_data.remove(&column) {
            self.columns[column as usize] = other;
            self.replaced.push((data.clone(), column));
        }
        column
    }

    pub fn integer_column(&mut self, data: &Arc<[u32]>) -> u32 {
        intern(&mut self.integer_columns, data, Arc::ptr_eq)
    }

    pub fn matrix(&mut self, data: &Arc<[f64]>, columns: usize) -> u32 {
        intern(&mut self.matrices, &(data.clone(), columns), |a, b| Arc::ptr_eq(&a.0, &b.0))
    }
}

fn intern<D: Clone>(all: &mut Vec<D>, item: &D, same: impl Fn(&D, &D) -> bool) -> u32 {
    match all.iter().position(|known| same(known, item)) {
        Some(at) => at as u32,
        None => {
            all.push(item.clone());
            all.len() as u32 - 1
        }
    }
}
