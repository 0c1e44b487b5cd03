//! Files: saved fits, tables of draws, and formats other tools read.
//!
//! Every file is written under a temporary name and then renamed, so that there is never half of one; what is no file (a
//! device, a pipe) is written to.

mod arviz;
mod csv;
mod envelope;
mod file;
mod fingerprint;
mod folder;
mod place;
mod saved;

pub use arviz::{Groups, write_arviz};
pub use csv::{write_csv, write_proposal_csv};
pub use envelope::{FIT_FILE, FitBody, SavedFit, VERSION, save_fit};
pub use file::{FileError, write_whole};
pub use fingerprint::Fingerprint;
pub use folder::OutDir;

use crate::model::{Site, SiteKind};
use crate::posterior::Posterior;

/// A site as other tools see it: its name, its shape, and the first of its elements among the draws.
struct Variable {
    name: String,
    shape: Vec<usize>,
    first: usize,
    len: usize,
}

/// The sites outside of rows in their order, and what has no site one number at a time.
fn variables(posterior: &Posterior) -> Vec<Variable> {
    let names = posterior.names();
    let mut out: Vec<Variable> = Vec::new();
    let mut at = 0;
    while at < names.len() {
        let starts = |s: &&Site| {
            let inside = matches!(s.kind, SiteKind::RowLatent | SiteKind::RowInteger | SiteKind::SummedRowInteger);
            let fits = (1..=names.len() - at).contains(&s.num_constrained());
            let rest = names[at].strip_prefix(&s.name).filter(|_| !inside && fits);
            rest.is_some_and(|rest| if s.shape.is_empty() { rest.is_empty() } else { rest.starts_with("[0") })
        };
        let site = posterior.layout().sites.iter().find(starts);
        let (name, shape) = site.map_or((names[at].clone(), vec![]), |s| (s.name.clone(), s.shape.clone()));
        let len = shape.iter().product();
        out.push(Variable { name, shape, first: at, len });
        at += len;
    }
    out
}
