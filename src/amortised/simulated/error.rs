//! [`PairsError`]: simulations that cannot be learnt from.

/// Data or parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PairsPart {
    /// The data that were simulated.
    Data,
    /// The parameters that they were simulated from.
    Parameters,
}

/// Simulations that cannot be learnt from, or an observation that is not like them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PairsError {
    /// Not as many rows of data as of parameters.
    #[error("{data} rows of data and {parameters} of parameters; give a row of each for every simulation")]
    Rows {
        /// Rows of data.
        data: usize,
        /// Rows of parameters.
        parameters: usize,
    },
    /// Too few simulations to train, to stop and to judge by.
    #[error("{found} simulations are too few; give at least {needed}")]
    Few {
        /// Number of simulations given.
        found: usize,
        /// Smallest number of simulations that can be worked with.
        needed: usize,
    },
    /// A column that says nothing.
    #[error("column {column} of the {part} is {value} in every simulation and says nothing; take it out")]
    Constant {
        /// The part it is a column of.
        part: PairsPart,
        /// The column, from 0.
        column: usize,
        /// The one value that all of its rows have.
        value: f64,
    },
    /// A number that is not finite.
    #[error("row {row}, column {column} of the {part} is {value}; leave the simulation out, or correct the number")]
    NotFinite {
        /// The part it stands in.
        part: PairsPart,
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// The number that is not finite.
        value: f64,
    },
    /// A parameter outside of the support that it is said to have.
    #[error(
        "row {row}, column {column} of the parameters is {value}, which is not {support}; correct the number, or give the \
         parameter another support"
    )]
    Outside {
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// The number.
        value: f64,
        /// The support, in words.
        support: String,
    },
    /// Supports that parameters of simulations cannot have.
    #[error(
        "{reason}; give one for each column of the parameters: real, positive, above, below, unit or an interval of numbers"
    )]
    Supports {
        /// What is wrong with them.
        reason: String,
    },
    /// An observation of another length than the simulated data, or with a number that is not finite.
    #[error(
        "observed row {row} has {found} finite numbers, the simulated data have {expected} columns; give a number for each"
    )]
    Observed {
        /// The row's number.
        row: usize,
        /// Finite numbers in it.
        found: usize,
        /// Columns of the simulated data.
        expected: usize,
    },
}

impl std::fmt::Display for PairsPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PairsPart::Data => "data",
            PairsPart::Parameters => "parameters",
        })
    }
}
