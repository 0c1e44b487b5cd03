//! A model on other data than its own: the columns that it observes are replaced while it is recorded.

use std::sync::Arc;

use super::{SimulationError, Target};
use crate::model::{LogJoint, Model};
use crate::program::recording::{self, Op, Recording};

/// A model with other data in the place of the columns that it observes: made by [`Target::on_data`].
///
/// ```
/// use jensen::prelude::*;
/// use jensen::target::Target;
///
/// let y = Column::new([1.0, 2.0]);
/// let own = model(|p| {
///     let mu = p.draw("mu", normal(0.0, 10.0));
///     p.rows(2, |i| i.observe(y.at(i), normal(mu, 0.1)));
/// });
/// let other = Target::new(&own)?.on_data(&own, &[vec![7.0, 9.0]])?;
/// assert!((jensen::fit(&other)?.summary()[0].mean - 8.0).abs() < 0.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OnData<'m, M: ?Sized> {
    model: &'m M,
    /// Numbers of columns, in the order of their first use, and what they are to hold.
    columns: Vec<(u32, Arc<[f64]>)>,
}

impl Target {
    /// `model`, of which this is the recording, on other data: a list for each `observe`, in the order of the model, such as
    /// [`DataSet::data`](crate::diagnose::DataSet) of a simulation.
    ///
    /// All else that the model reads (features, group numbers, constants) stays what it is.
    ///
    /// # Errors
    /// An `observe` of anything but a [`Column`](crate::program::Column) or [`IntColumn`](crate::program::IntColumn) read at
    /// the row, and data of another length.
    pub fn on_data<'m, M: Model + ?Sized>(
        &self,
        model: &'m M,
        data: &[Vec<f64>],
    ) -> Result<OnData<'m, M>, SimulationError> {
        let observed: Vec<_> = self.simulated.iter().filter(|s| s.site.is_none()).collect();
        if observed.len() != data.len() {
            let (found, expected) = (data.len(), observed.len());
            return Err(SimulationError::Length { what: "columns of data", found, expected });
        }
        let mut columns: Vec<(u32, Vec<f64>)> = Vec::new();
        for (number, (simulated, values)) in observed.iter().zip(data).enumerate() {
            let Op::Column { column, shift } = self.recording.nodes[simulated.node as usize].op else {
                return Err(SimulationError::NotAColumn { number });
            };
            let plate = self.recording.plates[simulated.plate as usize - 1];
            if values.len() != plate.rows {
                let (found, expected) = (values.len(), plate.rows);
                return Err(SimulationError::Length { what: "observed values", found, expected });
            }
            let at = match columns.iter().position(|(known, _)| *known == column) {
                Some(at) => at,
                None => {
                    columns.push((column, self.recording.columns[column as usize].to_vec()));
                    columns.len() - 1
                }
            };
            let first = (plate.start as i64 + i64::from(shift)) as usize;
            columns[at].1[first..first + plate.rows].copy_from_slice(values);
        }
        Ok(OnData { model, columns: columns.into_iter().map(|(column, values)| (column, values.into())).collect() })
    }
}

impl<M: Model + ?Sized> Model for OnData<'_, M> {
    fn log_joint(&self, p: &LogJoint) {
        recording::with(|r| r.other_data = self.columns.iter().cloned().collect());
        self.model.log_joint(p);
        if recording::with(|r| indexes_by_what_it_observes(r)) == Some(true) {
            recording::fail("an integer column is both observed and used as an index, so that it cannot be replaced");
        }
    }
}

/// Whether an integer column that was replaced is an index too, for which it still has its own values.
fn indexes_by_what_it_observes(recording: &Recording) -> bool {
    let is_replaced = |column: u32| {
        let view = recording.integer_views.get(column as usize);
        view.is_some_and(|view| recording.replaced.iter().any(|(own, _)| Arc::ptr_eq(own, view)))
    };
    recording.nodes.iter().any(|node| matches!(node.op, Op::GatherColumn { column, .. } if is_replaced(column)))
}

#[cfg(test)]
mod tests {
    use crate::model::{Draws, RowSet};
    use crate::prelude::*;
    use crate::target::{LogDensity, Pass, Target};

    struct Counts {
        group: IntColumn,
        count: IntColumn,
        kind: IntColumn,
        x: Column,
    }

    impl Model for Counts {
        fn log_joint(&self, p: &LogJoint) {
            let rate = p.draws("rate", exponential(1.0), 2);
            let logits = p.draws("logits", normal(0.0, 1.0), 3);
            p.rows(1..3, |i| {
                i.observe(self.count.at(i), poisson(rate.at(self.group.at(i)) * self.x.at(i)));
                i.observe(self.kind.at(i), categorical_logit(logits));
            });
        }
    }

    fn counts(count: [usize; 3], kind: [usize; 3]) -> Counts {
        let [group, count, kind] = [[0, 1, 0], count, kind].map(IntColumn::new);
        Counts { group, count, kind, x: Column::new([9.0, 1.5, 0.5]) }
    }

    fn density(model: &dyn Model) -> f64 {
        let target = Target::new(model).expect("a valid model");
        let mut z = Draws::zeros(target.layout(), 0, 1);
        z.latents.copy_from_slice(&[0.3, -0.7, 0.2, 1.0, -0.4]);
        let mut pass = Pass::default();
        target.log_density(&[], &z, &RowSet::all(), &mut pass).expect("a density");
        pass.log_density[0]
    }

    #[test]
    fn a_model_on_other_data_is_the_model_built_on_them() {
        let own = counts([8, 2, 0], [0, 1, 1]);
        let target = Target::new(&own).expect("a valid model");
        // The first row is not read.
        let other = target.on_data(&own, &[vec![4.0, 7.0], vec![2.0, 0.0]]).expect("other data");
        let built = counts([8, 4, 7], [0, 2, 0]);
        assert!((density(&other) - density(&built)).abs() < 1e-12 * density(&built).abs());
        assert!((density(&other) - density(&own)).abs() > 1.0);
    }

    #[test]
    fn what_cannot_be_replaced_is_refused() {
        let own = counts([8, 2, 0], [0, 1, 1]);
        let target = Target::new(&own).expect("a valid model");
        let words = |data: &[Vec<f64>]| target.on_data(&own, data).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(words(&[vec![1.0]]).contains("1 columns of data given, the model has 2"), "{}", words(&[vec![1.0]]));
        assert!(words(&[vec![1.0; 3], vec![1.0; 2]]).contains("3 observed values given, the model has 2"));
        let fixed = model(|p| {
            let mu = p.draw("mu", normal(0.0, 1.0));
            p.observe(1.5, normal(mu, 1.0));
        });
        let error = Target::new(&fixed).expect("a valid model").on_data(&fixed, &[vec![1.0]]).err();
        assert!(error.is_some_and(|e| e.to_string().contains("observation 0 is no column")));
        let kind = IntColumn::new([0_usize, 1]);
        let itself = model(|p| {
            let rate = p.draws("rate", exponential(1.0), 2);
            p.rows(2, |i| i.observe(kind.at(i), poisson(rate.at(kind.at(i)))));
        });
        let other = Target::new(&itself).expect("a valid model");
        let other = other.on_data(&itself, &[vec![1.0, 0.0]]).expect("other data");
        assert!(Target::new(&other).is_err_and(|e| e.to_string().contains("both observed and used as an index")));
    }
}
