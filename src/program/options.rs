//! [`Options`]: how a recorded program is run.

use super::InstructionSet;

/// How a target, or a family written as a guide, is evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Threads, at most four for each core of the machine; results do not depend on their number.
    pub threads: usize,
    /// Numbers of the executor; interfaces and sums stay double.
    pub precision: Precision,
    /// Instruction set; results can differ between the two in their last bits.
    pub instructions: InstructionSet,
}

/// Numbers the executor computes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// Double precision, 64 bits.
    #[default]
    Double,
    /// 32 bits: twice the lanes, about seven digits.
    Single,
}

impl Default for Options {
    fn default() -> Self {
        Options { threads: 1, precision: Precision::Double, instructions: InstructionSet::detect() }
    }
}

impl Options {
    /// Chooses the number of threads.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Options { threads, ..self }
    }

    /// Numbers of the executor.
    #[must_use]
    pub fn precision(self, precision: Precision) -> Self {
        Options { precision, ..self }
    }

    /// The instruction set.
    #[must_use]
    pub fn instructions(self, instructions: InstructionSet) -> Self {
        Options { instructions, ..self }
    }
}
