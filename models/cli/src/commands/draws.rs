//! Draws by name, as they are written and read again.

use jensen::posterior::Proposal;
use jensen::target::Constrained;

/// Draws by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NamedDraws {
    /// The quantities.
    pub names: Vec<String>,
    /// The draws of each, all equally long.
    pub values: Vec<Vec<f64>>,
}

impl NamedDraws {
    /// The draws as CSV, a line each.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_csv(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(&self.names)?;
        for draw in 0..self.values.first().map_or(0, Vec::len) {
            writer.write_record(self.values.iter().map(|values| values[draw].to_string()))?;
        }
        writer.flush()
    }

    /// Reads what [`NamedDraws::write_csv`] wrote.
    ///
    /// # Errors
    /// Text that is not such a table, in words.
    pub fn read_csv(text: &[u8]) -> Result<Self, String> {
        let mut reader = csv::Reader::from_reader(text);
        let names: Vec<String> = reader.headers().map_err(|e| e.to_string())?.iter().map(str::to_string).collect();
        let mut values = vec![Vec::new(); names.len()];
        for record in reader.records() {
            for (column, cell) in values.iter_mut().zip(&record.map_err(|e| e.to_string())?) {
                column.push(cell.parse().map_err(|_| format!("`{cell}` is not a number"))?);
            }
        }
        Ok(Self { names, values })
    }
}

impl From<&Constrained> for NamedDraws {
    fn from(draws: &Constrained) -> Self {
        let values = (0..draws.names.len()).map(|k| draws.element(k).to_vec()).collect();
        NamedDraws { names: draws.names.clone(), values }
    }
}

impl From<&Proposal> for NamedDraws {
    fn from(proposal: &Proposal) -> Self {
        let mut all = NamedDraws::from(proposal.constrained());
        let densities =
            [("log_p", proposal.log_p()), ("log_q", proposal.log_q()), ("log_weight", proposal.log_weights())];
        for (name, values) in densities {
            all.names.push(name.to_string());
            all.values.push(values.to_vec());
        }
        all
    }
}
