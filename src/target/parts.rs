//! Parts of a recorded log joint: some of its terms alone.

use std::sync::OnceLock;

use super::Target;
use crate::dist::Support;
use crate::model::{Draws, Layout, RowSet, SiteKind};
use crate::program::TermKind;
use crate::program::oracle::{Oracle, Point};
use crate::program::plan::Plan;
use crate::program::recording::Recording;

/// A latent that has a prior of its own, by `draw` and its kin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrawnSite {
    /// Name of the site.
    pub name: String,
    /// What its prior rests on.
    pub prior: PriorOf,
}

/// What the prior of a latent rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PriorOf {
    /// Numbers, data and learnable parameters alone.
    Itself,
    /// Other latents: it is a level of a hierarchy.
    OtherLatents,
    /// Anything: the latent is one of each row.
    Rows,
}

impl Target {
    /// The latents with a prior of their own, in the order of the model; bare latents and terms (`add`) are not among them.
    pub fn drawn_sites(&self) -> Vec<DrawnSite> {
        let drawn = self.simulated.iter().filter_map(|simulated| {
            let site = &self.layout.sites[simulated.site?];
            let varies = |&node: &u32| self.recording.nodes[node as usize].per_draw;
            let prior = match site.kind {
                SiteKind::RowLatent | SiteKind::RowInteger | SiteKind::SummedRowInteger => PriorOf::Rows,
                _ if simulated.parameters.iter().any(varies) => PriorOf::OtherLatents,
                _ => PriorOf::Itself,
            };
            Some(DrawnSite { name: site.name.clone(), prior })
        });
        drawn.collect()
    }

    /// Whether the log joint has bare terms (`add`), of which nobody can say whether they are prior or data.
    pub fn has_bare_terms(&self) -> bool {
        self.recording.terms.iter().any(|term| term.kind == TermKind::Bare)
    }

    /// Whether anything is observed.
    pub fn has_data(&self) -> bool {
        self.recording.terms.iter().any(|term| term.kind == TermKind::Data)
    }

    /// The first term that is NaN or plus infinity at the first draw, else the first that is minus infinity, with its row and
    /// its place in the user's source. Nothing is said of models with integers.
    pub(super) fn first_not_finite(&self, theta: &[f64], z: &Draws) -> Option<String> {
        self.check(theta, z, &RowSet::all()).ok()?;
        if self.recording.num_integers + self.recording.num_row_integers > 0 {
            return None;
        }
        let first = |lanes: &[f64]| lanes.iter().step_by(z.num_draws).copied().collect::<Vec<f64>>();
        let (latents, row_latents) = (first(&z.latents), first(&z.row_latents));
        let point = Point {
            parameters: theta,
            latents: &latents,
            row_latents: &row_latents,
            num_rows: self.layout.num_rows,
            ..Point::default()
        };
        let (mut oracle, mut impossible) = (Oracle::new(&self.recording), None);
        let plates = std::iter::once((0, 0)).chain(
            self.recording
                .plates
                .iter()
                .enumerate()
                .flat_map(|(p, plate)| (plate.start..plate.start + plate.rows).map(move |row| (p as u16 + 1, row))),
        );
        for (plate, row) in plates {
            oracle.evaluate(plate, 0..self.recording.nodes.len(), &point, row, |_, _| None);
            for term in
                self.recording.terms.iter().filter(|term| term.plate == plate && term.kind != TermKind::Jacobian)
            {
                let value = term.constant + term.node.map_or(0.0, |node| oracle.value(node).iter().sum());
                let place = || {
                    let of_row = if plate == 0 { String::new() } else { format!(" in row {row}") };
                    let (file, line) = (term.location.file(), term.location.line());
                    format!("the term at {file}:{line} is {value}{of_row}")
                };
                if value.is_nan() || value == f64::INFINITY {
                    return Some(place());
                }
                if value == f64::NEG_INFINITY {
                    impossible.get_or_insert_with(place);
                }
            }
        }
        impossible
    }

    /// The log priors of these sites and nothing else, no Jacobian either.
    pub(crate) fn priors_of(&self, sites: &[String]) -> Target {
        let chosen = self.simulated.iter().filter_map(|simulated| {
            let site = &self.layout.sites[simulated.site?];
            sites.contains(&site.name).then_some(simulated.term)
        });
        let terms: Vec<usize> = chosen.collect();
        self.with_terms(|term| terms.contains(&term))
    }

    /// The same density with some of its terms alone: those whose numbers `keeps` accepts.
    pub(super) fn with_terms(&self, keeps: impl Fn(usize) -> bool) -> Target {
        let recording = self.recording.with_terms(keeps);
        self.of_program(recording, self.layout.clone(), self.supports.clone())
    }

    /// A target of a program made from this one's, in double precision and on the same threads: for densities alone, it
    /// simulates and lists nothing.
    pub(super) fn of_program(&self, recording: Recording, layout: Layout, supports: Vec<Option<Support>>) -> Target {
        Target {
            double: Plan::new(&recording),
            single: None,
            joined_double: Plan::joined(&recording),
            joined_single: None,
            outputs: Plan::of_outputs(&recording, &[]),
            listed: Vec::new(),
            supports,
            simulated: Vec::new(),
            framed: Vec::new(),
            separates_data: self.separates_data,
            recording,
            summation: None,
            factors: OnceLock::new(),
            graph: OnceLock::new(),
            relaxed: OnceLock::new(),
            layout,
            workers: self.workers.in_double(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DrawnSite, PriorOf};
    use crate::model::{Draws, RowSet};
    use crate::prelude::*;
    use crate::target::{LogDensity, Pass, Target};

    fn levels() -> Target {
        let y = Column::new([1.0, 2.0]);
        Target::new(&model(|p| {
            let mu = p.draw("mu", normal(0.0, 2.0));
            let tau = p.draw("tau", exponential(1.0));
            let theta = p.draws("theta", normal(mu, tau), 2);
            let loose = p.real("loose");
            p.rows(2, |i| {
                let z = i.draw("z", normal(theta.at(0), 1.0));
                i.observe(y.at(i), normal(z + loose, 1.0));
            });
        }))
        .expect("a valid model")
    }

    #[test]
    fn priors_are_told_apart_by_what_they_rest_on() {
        let named = |name: &str, prior| DrawnSite { name: name.into(), prior };
        let expected = [
            named("mu", PriorOf::Itself),
            named("tau", PriorOf::Itself),
            named("theta", PriorOf::OtherLatents),
            named("z", PriorOf::Rows),
        ];
        assert_eq!(levels().drawn_sites(), expected);
        assert!(levels().has_data() && !levels().has_bare_terms());
    }

    #[test]
    fn the_term_that_is_not_finite_is_found_with_its_row() {
        let y = Column::new([1.0, 2.0, -3.0]);
        let line = line!() + 3;
        let target = Target::new(&model(|p| {
            let s = p.draw("s", exponential(1.0));
            p.rows(3, |i| i.observe(y.at(i), normal(0.0, (s + y.at(i)).sqrt())));
        }))
        .expect("a valid model");
        let mut z = Draws::zeros(target.layout(), 0, 2);
        // s = 1 and s = 5: the root of a negative number in row 2, and none.
        z.latents.copy_from_slice(&[0.0, 5f64.ln()]);
        let words = target.not_finite_at(&[], &z).expect("a term");
        assert_eq!(words, format!("the term at {}:{line} is NaN in row 2", file!()));
        z.latents.swap(0, 1);
        assert_eq!(target.not_finite_at(&[], &z), None);
    }

    #[test]
    fn the_priors_of_some_sites_are_their_log_densities_alone() {
        let target = levels();
        let mut z = Draws::zeros(target.layout(), 2, 1);
        // mu = 1, tau = e^0.5, theta = (0.3, -0.2), loose = 4
        z.latents.copy_from_slice(&[1.0, 0.5, 0.3, -0.2, 4.0]);
        let ln_sqrt_tau = 0.5 * std::f64::consts::TAU.ln();
        let mu = -0.5 * 0.25 - 2f64.ln() - ln_sqrt_tau;
        let tau = 0.5f64.exp();
        let theta: f64 = [0.3, -0.2].iter().map(|t| -0.5 * ((t - 1.0) / tau).powi(2) - 0.5 - ln_sqrt_tau).sum();
        for (sites, expected) in [(&["mu", "tau"][..], mu - tau), (&["theta"], theta), (&[], 0.0)] {
            let sites: Vec<String> = sites.iter().map(|s| s.to_string()).collect();
            let mut pass = Pass::default();
            target.priors_of(&sites).log_density(&[], &z, &RowSet::all(), &mut pass).expect("a density");
            assert!((pass.log_density[0] - expected).abs() < 1e-13, "{sites:?}: {}", pass.log_density[0]);
        }
    }
}
