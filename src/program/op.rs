//! [`Op`]: the operations a program is made of.

use super::ops::{Binary, Unary};

/// What a node computes; operands are node numbers in `Node::args` or, for n-ary operations, in `Recording::lists`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Op {
    /// A constant that some operation needs as an operand.
    Const(f64),
    /// Learnable parameters theta, `len` values from `offset`.
    Parameter { offset: u32 },
    /// Unconstrained real latents, `len` values from `offset`.
    Latent { offset: u32 },
    /// Integer latents, `len` values from `offset`.
    Integer { offset: u32 },
    /// Unconstrained real latents of each row.
    RowLatent { offset: u32 },
    /// Integer latents of each row.
    RowInteger { offset: u32 },
    /// A data column, read at row + shift.
    Column { column: u32, shift: i32 },
    /// One column of a data matrix.
    MatrixColumn { matrix: u32, column: u32 },
    /// A whole row of a data matrix as a vector.
    MatrixRow { matrix: u32 },
    /// The row number.
    RowIndex,
    /// A part of a data column as a vector, from row `from` on.
    Data { column: u32, from: u32 },
    /// Elementwise function of one argument.
    Unary(Unary),
    /// Elementwise function of two arguments of the same shape.
    Binary(Binary),
    /// `x + c`.
    AddConst(f64),
    /// `x * c`.
    MulConst(f64),
    /// `x ^ c`.
    PowConst(f64),
    /// `-((x - m) * w)^2 / 2`.
    GaussKernel,
    /// `if mask { a } else { b }`.
    Select,
    /// A vector times one number (`scalars.rs`).
    Scaled,
    /// A vector plus one number.
    Shifted,
    /// Sum of `(x - m)^2` over `len` elements, where `m` may be one number; keeps the differences.
    SquaredDistance { len: u32 },
    /// The same value in more lanes: rows, draws or elements.
    Spread,
    /// Element of a vector at an index that is itself a node.
    Gather,
    /// Element of a global vector at an index that is a node of the rows.
    GatherImport,
    /// Element of a global vector at an integer data column.
    GatherColumn { column: u32, shift: i32 },
    /// Element of a global vector at the row number plus a shift.
    GatherRow { shift: i32 },
    /// Dot product of a data matrix row with a global vector.
    DotData { matrix: u32 },
    /// A fixed element of a vector.
    Element(u32),
    /// Neighbouring elements of a vector, from `from` on.
    Slice { from: u32 },
    /// Elements of a vector at the integers of a data column, from row `from` on.
    Pick { column: u32, from: u32 },
    /// The same where equal integers follow one another: the column holds pairs of an integer and its run's end.
    PickRuns { column: u32 },
    /// Scalars side by side as a vector (n-ary).
    Pack,
    /// Sum of scalars (n-ary).
    Sum,
    /// `ln sum exp` of scalars (n-ary); keeps its softmax for the reverse sweep.
    LogSumExp,
    /// Sum over a vector's elements.
    SumElements,
    /// `ln sum exp` over a vector's elements; keeps its softmax.
    LogSumExpElements,
    /// Sum over elements of the product of two vectors.
    Dot,
    /// Matrix (`rows` x `len / rows`, row-major) times vector.
    MatVec { rows: u32 },
    /// Global weight matrix (row-major, `rows` x inputs) times a vector of each row.
    Dense { rows: u32 },
    /// Lower Cholesky factor (row-major n x n) of a symmetric positive-definite matrix.
    Cholesky { n: u32 },
    /// `L^-1 b` for a lower triangular row-major n x n matrix.
    SolveLower { n: u32 },
    /// A user's function of scalars with its own partial derivatives (n-ary).
    Custom { function: u32 },
}

/// Whether each lane of the result is a function of the same lane of the operands, which are no list.
pub(crate) fn is_elementwise(op: Op) -> bool {
    matches!(
        op,
        Op::Unary(_)
            | Op::Binary(_)
            | Op::AddConst(_)
            | Op::MulConst(_)
            | Op::PowConst(_)
            | Op::GaussKernel
            | Op::Select
    )
}

pub(super) fn differentiable(op: Op) -> bool {
    !matches!(
        op,
        Op::Binary(Binary::Less | Binary::LessEqual | Binary::Equal | Binary::And)
            | Op::Unary(Unary::Floor | Unary::Not | Unary::RequirePositive | Unary::RequireNonNegative)
    )
}

/// A hashable name of an operation with its payload.
pub(super) fn op_key(op: Op) -> (u8, u64, u64) {
    match op {
        Op::Const(c) => (0, c.to_bits(), 0),
        Op::Parameter { offset } => (1, offset as u64, 0),
        Op::Latent { offset } => (2, offset as u64, 0),
        Op::Integer { offset } => (3, offset as u64, 0),
        Op::RowLatent { offset } => (4, offset as u64, 0),
        Op::RowInteger { offset } => (5, offset as u64, 0),
        Op::Column { column, shift } => (6, column as u64, shift as u64),
        Op::MatrixColumn { matrix, column } => (7, matrix as u64, column as u64),
        Op::MatrixRow { matrix } => (8, matrix as u64, 0),
        Op::RowIndex => (9, 0, 0),
        Op::Unary(u) => (10, u as u64, 0),
        Op::Binary(b) => (11, b as u64, 0),
        Op::AddConst(c) => (12, c.to_bits(), 0),
        Op::MulConst(c) => (13, c.to_bits(), 0),
        Op::PowConst(c) => (14, c.to_bits(), 0),
        Op::GaussKernel => (15, 0, 0),
        Op::Select => (16, 0, 0),
        Op::Spread => (17, 0, 0),
        Op::Gather => (18, 0, 0),
        Op::GatherColumn { column, shift } => (19, column as u64, shift as u64),
        Op::GatherRow { shift } => (20, shift as u64, 0),
        Op::DotData { matrix } => (21, matrix as u64, 0),
        Op::Element(k) => (22, k as u64, 0),
        Op::Pack => (23, 0, 0),
        Op::Sum => (24, 0, 0),
        Op::LogSumExp => (25, 0, 0),
        Op::SumElements => (26, 0, 0),
        Op::LogSumExpElements => (27, 0, 0),
        Op::Dot => (28, 0, 0),
        Op::MatVec { rows } => (29, rows as u64, 0),
        Op::Cholesky { n } => (30, n as u64, 0),
        Op::SolveLower { n } => (31, n as u64, 0),
        Op::Custom { function } => (32, function as u64, 0),
        Op::Dense { rows } => (33, rows as u64, 0),
        Op::GatherImport => (34, 0, 0),
        Op::Data { column, from } => (35, column as u64, from as u64),
        Op::Slice { from } => (36, from as u64, 0),
        Op::Pick { column, from } => (37, column as u64, from as u64),
        Op::PickRuns { column } => (41, column as u64, 0),
        Op::Scaled => (38, 0, 0),
        Op::Shifted => (39, 0, 0),
        Op::SquaredDistance { len } => (40, len as u64, 0),
    }
}
