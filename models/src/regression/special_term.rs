//! Terms of latents in the log joint: what they add to the linear predictor.

use super::build::Regression;
use super::covariate::Covariate;
use super::prior::{Domain, Family, Parameter, Prior};
use super::special::{Shape, Special};
use jensen::prelude::*;

/// A term of latents on the rows of a fit.
#[derive(Debug, Clone)]
pub(super) struct SpecialTerm {
    /// As it is written, as in `b[mo(x)]`.
    pub name: String,
    pub part: Part,
    /// The standard deviation of what the coefficient is multiplied by.
    pub sd: f64,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    Steps { codes: IntColumn, num_steps: usize },
    Smooth { z: Matrix, num: usize },
    Covariate(Box<Covariate>),
}

/// Its latents.
pub(super) enum Drawn {
    /// The mean step, and the share of all steps up to each level.
    Steps(Real, Vector),
    Smooth(Vector),
    Covariate(Real),
}

impl SpecialTerm {
    /// The term on the rows of a fit; `z` are the columns of the other terms, centred.
    pub fn new(special: &Special, z: &[Vec<f64>]) -> Result<Self, String> {
        let sd_of = |values: &[f64]| crate::data::Standardisation::measure("", values).sd;
        let (part, sd) = match &special.shape {
            Shape::Steps { codes, num_steps } => {
                let steps: Vec<f64> = codes.iter().map(|&code| f64::from(code)).collect();
                (Part::Steps { codes: IntColumn::new(codes), num_steps: *num_steps }, sd_of(&steps))
            }
            Shape::Smooth { columns } => {
                let num_rows = columns.first().map_or(0, Vec::len);
                let by_row: Vec<f64> =
                    (0..num_rows).flat_map(|i| columns.iter().map(move |column| column[i])).collect();
                (Part::Smooth { z: Matrix::new(by_row, columns.len())?, num: columns.len() }, 1.0)
            }
            Shape::Measured { .. } | Shape::Partly { .. } => match Covariate::new(special, z) {
                Some(covariate) => {
                    let sd = covariate.sd;
                    (Part::Covariate(Box::new(covariate)), sd)
                }
                None => return Err(format!("`{}` has no rows", special.name)),
            },
        };
        Ok(SpecialTerm { name: special.name.clone(), part, sd: if sd > 0.0 { sd } else { 1.0 } })
    }

    /// The mean of what the coefficient is of, where that was taken out.
    pub fn mean(&self) -> f64 {
        if let Part::Covariate(covariate) = &self.part { covariate.mean } else { 0.0 }
    }

    /// The covariate, where it is one.
    pub fn covariate(&self) -> Option<&Covariate> {
        if let Part::Covariate(covariate) = &self.part { Some(covariate) } else { None }
    }
}

impl Regression {
    /// `steps[mo(x)]`, `bends[s(x)]`, `sd[s(x)]`.
    pub(super) fn of_special(&self, kind: &str, class: Option<&str>, name: &str) -> String {
        class.map_or(format!("{kind}[{name}]"), |class| format!("{kind}[{class}, {name}]"))
    }

    /// Draws the latents of a class; the numbers of covariates are the same for all of them.
    pub(super) fn special_latents(&self, p: &LogJoint, class: Option<&str>) -> Vec<Drawn> {
        let one = |term: &SpecialTerm| {
            let name = self.coefficient(class, &term.name);
            match &term.part {
                Part::Steps { num_steps, .. } => {
                    let steps = self.of_special("steps", class, &term.name);
                    let steps = p.draw(&steps, dirichlet(Vector::constant(&vec![1.0; *num_steps])));
                    let mut upto = vec![Real::from(0.0)];
                    steps.elements().into_iter().for_each(|step| upto.push(upto[upto.len() - 1] + step));
                    Drawn::Steps(self.drawn(p, &name, &name), Vector::new(&upto))
                }
                Part::Smooth { num, .. } => {
                    let sd = self.of_special("sd", class, &term.name);
                    let unit = self.parameter(&sd).map_or(1.0, |sd| sd.unit);
                    let scale = self.drawn(p, &sd, &sd);
                    let bends = self.of_special("bends", class, &term.name);
                    Drawn::Smooth(p.around(0.0, unit).draws(&bends, normal(0.0, scale), *num))
                }
                Part::Covariate(_) => Drawn::Covariate(self.drawn(p, &name, &name)),
            }
        };
        self.specials.iter().map(one).collect()
    }

    /// What the terms add to the linear predictor of a row.
    pub(super) fn special_eta(&self, drawn: &[Drawn], latents: &[Option<Vector>], i: &Row) -> Vec<Real> {
        let all = self.specials.iter().zip(drawn).zip(latents);
        let one =
            |((term, drawn), latents): ((&SpecialTerm, &Drawn), &Option<Vector>)| match (&term.part, drawn, latents) {
                (Part::Steps { codes, num_steps }, Drawn::Steps(slope, upto), _) => {
                    Some(*slope * *num_steps as f64 * upto.at(codes.at(i)))
                }
                (Part::Smooth { z, .. }, Drawn::Smooth(bends), _) => Some(z.at(i).dot(bends)),
                (Part::Covariate(covariate), Drawn::Covariate(slope), Some(latents)) => {
                    Some(*slope * covariate.at(latents, i))
                }
                _ => None,
            };
        all.filter_map(one).collect()
    }

    /// What slopes of covariates make of their means.
    pub(super) fn special_at_means(&self, drawn: &[Drawn]) -> Option<Real> {
        let of = |(term, drawn): (&SpecialTerm, &Drawn)| match drawn {
            Drawn::Covariate(slope) => Some(*slope * term.mean()),
            _ => None,
        };
        self.specials.iter().zip(drawn).filter_map(of).reduce(|a, b| a + b)
    }

    /// The parameters of a class's terms; `s` is the standard deviation of the linear predictor.
    pub(super) fn special_parameters(&self, class: Option<&str>, s: f64) -> Vec<Parameter> {
        let one = |term: &SpecialTerm| match &term.part {
            Part::Smooth { .. } => {
                let name = self.of_special("sd", class, &term.name);
                let prior = Prior::new(Family::Exponential, [1.0 / s]);
                Parameter { name, classes: vec!["sd".into()], domain: Domain::Positive, prior, centre: 0.0, unit: s }
            }
            _ => slope(self.coefficient(class, &term.name), "b", s / term.sd),
        };
        self.specials.iter().map(one).collect()
    }

    /// The parameters of the columns whose numbers are latents.
    pub(super) fn covariate_parameters(&self) -> Vec<Parameter> {
        let mut all = Vec::new();
        for covariate in self.specials.iter().filter_map(SpecialTerm::covariate) {
            let (mean, sd) = (covariate.mean, covariate.sd);
            let located = Prior::new(Family::Normal, [mean, super::parameters::WIDE * sd]);
            let name = covariate.named("mean", "");
            let classes = vec!["latent_mean".into()];
            all.push(Parameter { name, classes, domain: Domain::Real, prior: located, centre: mean, unit: sd });
            for (z, sd_z) in self.columns.names.iter().zip(&self.columns.sds) {
                all.push(slope(covariate.named("b", z), "latent_b", sd / sd_z));
            }
            let prior = Prior::new(Family::Exponential, [1.0 / sd]);
            let (name, classes) = (covariate.named("sd", ""), vec!["latent_sd".into()]);
            all.push(Parameter { name, classes, domain: Domain::Positive, prior, centre: 0.0, unit: sd });
        }
        all
    }
}

fn slope(name: String, class: &str, unit: f64) -> Parameter {
    let prior = Prior::new(Family::Normal, [0.0, super::parameters::WIDE * unit]);
    Parameter { name, classes: vec![class.into()], domain: Domain::Real, prior, centre: 0.0, unit }
}
