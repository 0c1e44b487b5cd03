//! Recurrences: a state carried from step to step.

use super::LogJoint;
use crate::program::{Real, Vector};

impl LogJoint {
    /// The states of a recurrence: `state_t = step(state_(t-1), t)` for `t` in `0..num_steps`, from `init`.
    ///
    /// Returns all states as a [`Vector`], which `rows` can then read at each row, so that only the recurrence
    /// itself runs one step after the other. Data is read with `column.values()[t]`.
    #[track_caller]
    pub fn scan(&self, num_steps: usize, init: impl Into<Real>, mut step: impl FnMut(Real, usize) -> Real) -> Vector {
        let mut state = init.into();
        let states: Vec<Real> = (0..num_steps)
            .map(|t| {
                state = step(state, t);
                state
            })
            .collect();
        Vector::new(&states)
    }

    /// A recurrence of several numbers; returns one vector of states for each of them.
    #[track_caller]
    pub fn scan_many<const N: usize>(
        &self,
        num_steps: usize,
        init: [Real; N],
        mut step: impl FnMut([Real; N], usize) -> [Real; N],
    ) -> [Vector; N] {
        let mut state = init;
        let mut states: [Vec<Real>; N] = std::array::from_fn(|_| Vec::with_capacity(num_steps));
        for t in 0..num_steps {
            state = step(state, t);
            for (all, &s) in states.iter_mut().zip(&state) {
                all.push(s);
            }
        }
        states.map(|s| Vector::new(&s))
    }
}
