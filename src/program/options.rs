//! [`Options`]: how a recorded program is run.

use std::sync::Arc;

use super::InstructionSet;

/// How a target, or a family written as a guide, is evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
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
pub enum Precision {
    /// 64 bits.
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
    /// Helpers of the calling thread: none for one thread, and no more than a few for each core; or the system's reason.
    pub(crate) fn pool(self) -> Result<Option<Arc<rayon::ThreadPool>>, String> {
        match self.threads {
            0 | 1 => Ok(None),
            threads => {
                // Results do not depend on the number, and a million sleeping threads bring a machine down.
                let threads = threads.min(4 * std::thread::available_parallelism().map_or(1, |cores| cores.get()));
                let built = rayon::ThreadPoolBuilder::new().num_threads(threads.max(2) - 1).build();
                built.map(|pool| Some(Arc::new(pool))).map_err(|e| e.to_string())
            }
        }
    }
}
