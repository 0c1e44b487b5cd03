//! [`Program`]: one recorded part of a guide, with what it takes to run it.

use crate::model::RowSet;
use crate::program::execute::{Request, Response, Rows, Workspace, run};
use crate::program::plan::Plan;
use crate::program::recording::Recording;
use crate::program::{Precision, Workers};

/// A recorded program of the chosen precision.
pub(super) struct Program {
    double: Plan<f64>,
    single: Option<Plan<f32>>,
}

/// Buffers of one program, and its last answer.
#[derive(Default)]
pub(super) struct Work {
    double: Workspace<f64>,
    single: Workspace<f32>,
    pub response: Response,
}

/// The threads that a program is run on.
pub(super) struct Runner(pub Workers);

impl Program {
    /// The program of `outputs`, or of the recording's terms.
    pub fn new(recording: &Recording, outputs: Option<&[u32]>, precision: Precision) -> Program {
        let single = precision == Precision::Single;
        match outputs {
            Some(outputs) => Program {
                double: Plan::of_outputs(recording, outputs),
                single: single.then(|| Plan::of_outputs(recording, outputs)),
            },
            None => Program { double: Plan::new(recording), single: single.then(|| Plan::new(recording)) },
        }
    }

    /// Runs the program and overwrites `work.response`.
    pub fn run(&self, request: &Request, work: &mut Work) {
        match &self.single {
            Some(plan) => run(plan, request, &mut work.single, &mut work.response),
            None => run(&self.double, request, &mut work.double, &mut work.response),
        }
    }
}

impl Runner {
    /// A pass without a gradient.
    pub fn request<'a>(
        &'a self,
        params: &'a [f64],
        rows: &'a RowSet,
        num_draws: usize,
        latents: &'a [f64],
        row_latents: &'a [f64],
    ) -> Request<'a> {
        Request {
            num_draws,
            parameters: params,
            latents,
            integers: &[],
            row_latents,
            row_integers: &[],
            rows: rows.subset.as_ref().map_or(Rows::All, |rows| Rows::Subset(rows)),
            row_weight: rows.weight,
            global_terms: rows.global_terms,
            kind_weights: [1.0; 4],
            draw_weights: None,
            output_seeds: None,
            gradient: false,
            row_terms: false,
            repeats_last: false,
            instructions: self.0.options().instructions,
            helpers: self.0.helpers(),
        }
    }
}
