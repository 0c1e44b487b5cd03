//! Draws by name, as they are written.

use jensen::posterior::Proposal;
use jensen::target::Constrained;
use std::collections::HashMap;

/// The draws as CSV, a line each.
///
/// # Errors
/// Those of the writer.
pub fn write_csv(draws: &Constrained, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(&draws.names)?;
    let lanes: Vec<&[f64]> = (0..draws.names.len()).map(|k| draws.element(k)).collect();
    for d in 0..draws.num_draws {
        writer.write_record(lanes.iter().map(|lane| lane[d].to_string()))?;
    }
    writer.flush()
}

/// Draws of a proposal with their densities and weights beside them.
pub fn with_densities(proposal: &Proposal) -> Constrained {
    let mut all = proposal.constrained().clone();
    let log_density = proposal.log_density();
    let densities = [
        ("log_p", proposal.log_p()),
        ("log_q", proposal.log_q()),
        ("log_proposal", &log_density[..]),
        ("log_weight", proposal.log_weights()),
    ];
    for (name, values) in densities {
        all.names.push(name.to_string());
        all.values.extend_from_slice(values);
    }
    all
}

/// Better names for the elements of sites: `beta[0]` to `beta[age]`.
#[derive(Debug, Clone, Default)]
pub struct Renaming(HashMap<String, String>);

impl Renaming {
    /// From a model's labels.
    pub fn new(labels: &[(String, Vec<String>)]) -> Self {
        let pairs = labels.iter().flat_map(|(site, names)| {
            let single = names.len() == 1;
            names.iter().enumerate().map(move |(k, name)| {
                let from = if single { site.clone() } else { format!("{site}[{k}]") };
                (from, format!("{site}[{name}]"))
            })
        });
        Self(pairs.collect())
    }

    /// The better name of `name`.
    pub fn apply(&self, name: &mut String) {
        if let Some(better) = self.0.get(name.as_str()) {
            better.clone_into(name);
        }
    }

    /// The draws under better names.
    pub fn draws(&self, mut draws: Constrained) -> Constrained {
        draws.names.iter_mut().for_each(|name| self.apply(name));
        draws
    }
}
