//! The parameters of a regression, their names and default priors.

use super::build::{Group, Regression};
use super::error::RegressionError;
use super::likelihood::{Link, ResponseLaw};
use super::prior::{Domain, Family, Parameter, Prior};

/// How wide a coefficient of a column of unit scale is: 2.5 units of the response, as in rstanarm.
pub(super) const WIDE: f64 = 2.5;

/// Every parameter with a prior, in the order of the table.
pub(super) fn of(regression: &Regression) -> Result<Vec<Parameter>, RegressionError> {
    let likelihood = regression.likelihood();
    let (centre, s) = location_and_scale(regression);
    let in_units = |name: String, classes: Vec<String>, domain, prior, centre: f64, unit: f64| {
        // Of a column or response of extreme numbers the ratio may be none.
        let unit = if unit.is_normal() { unit } else { 1.0 };
        Parameter { name, classes, domain, prior, centre, unit }
    };
    let one = |name: String, classes, domain, prior| in_units(name, classes, domain, prior, 0.0, 1.0);
    let normal = |mean: f64, sd: f64| Prior::new(Family::Normal, [mean, sd]);
    let mut all = Vec::new();
    for class in regression.classes() {
        if regression.formula.terms.intercept && likelihood.has_intercept() {
            let classes = if class.is_some() { vec!["intercept".to_string()] } else { Vec::new() };
            let (name, prior) = (regression.single("intercept", class), normal(centre, WIDE * s));
            all.push(in_units(name, classes, Domain::Real, prior, centre, s));
        }
        for (name, sd) in regression.columns.names.iter().zip(&regression.columns.sds) {
            let name = regression.coefficient(class, name);
            all.push(in_units(name, vec!["b".to_string()], Domain::Real, normal(0.0, WIDE * s / sd), 0.0, s / sd));
        }
        all.extend(regression.special_parameters(class, s));
        for group in &regression.groups {
            let of_group = |kind: &str| vec![kind.to_string(), format!("{kind}[{}]", group.name)];
            for effect in &group.effects {
                let name = regression.of_group("sd", class, group, &effect.name);
                let (prior, unit) = (Prior::new(Family::Exponential, [effect.sd / s]), s / effect.sd);
                all.push(in_units(name, of_group("sd"), Domain::Positive, prior, 0.0, unit));
            }
            if group.correlated {
                let name = regression.of_group("correlation", class, group, "");
                let classes = vec!["correlation".to_string(), format!("correlation[{}]", group.name)];
                all.push(one(name, classes, Domain::Correlation, Prior::new(Family::Lkj, [1.0])));
            }
        }
    }
    all.extend(regression.covariate_parameters());
    for (name, domain, prior) in likelihood.parameters(s) {
        let unit = if name == "sigma" { s } else { 1.0 };
        all.push(in_units(name.to_string(), Vec::new(), domain, prior, 0.0, unit));
    }
    if likelihood.is_ordinal() {
        let wide = Prior::new(Family::StudentT, [3.0, 0.0, WIDE]);
        all.push(one("cutpoints".to_string(), Vec::new(), Domain::Real, wide));
    }
    Ok(all)
}

/// Centre and standard deviation of the linear predictor, as far as the response says them.
fn location_and_scale(regression: &Regression) -> (f64, f64) {
    let offset = |i: usize| regression.offset.as_ref().map_or(0.0, |offset| offset.values()[i]);
    let y = &regression.response.values;
    let rest = |of: fn(f64) -> f64| -> Vec<f64> { y.iter().enumerate().map(|(i, &y)| of(y) - offset(i)).collect() };
    let of = |values: Vec<f64>| {
        let scale = crate::data::Standardisation::measure("", &values);
        let size = (values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64).sqrt();
        // Without an intercept the coefficients make the response's size, not only its spread.
        let spread = if regression.formula.terms.intercept { scale.sd } else { size };
        (scale.mean, if spread > 0.0 { spread } else { 1.0 })
    };
    match (regression.likelihood(), regression.link) {
        (ResponseLaw::Normal | ResponseLaw::StudentT, Link::Identity) => of(rest(|y| y)),
        (ResponseLaw::LogNormal, _) => of(rest(f64::ln)),
        (_, Link::Log) => {
            let total: f64 = y.iter().sum();
            let exposure: f64 = (0..y.len()).map(|i| offset(i).exp()).sum();
            // One event where there was none: the centre of a wide prior.
            (total.max(1.0).ln() - exposure.ln(), 1.0)
        }
        _ => (0.0, 1.0),
    }
}

impl Regression {
    /// The categories that have a linear predictor of their own: all but the first; elsewhere there is one predictor.
    pub(super) fn classes(&self) -> Vec<Option<&str>> {
        match self.likelihood() {
            ResponseLaw::Categorical => self.response.categories.iter().skip(1).map(|c| Some(c.as_str())).collect(),
            _ => vec![None],
        }
    }

    /// `intercept`, or `intercept[class]`.
    pub(super) fn single(&self, name: &str, class: Option<&str>) -> String {
        class.map_or(name.to_string(), |class| format!("{name}[{class}]"))
    }

    /// `b[x]`, or `b[class, x]`.
    pub(super) fn coefficient(&self, class: Option<&str>, name: &str) -> String {
        class.map_or(format!("b[{name}]"), |class| format!("b[{class}, {name}]"))
    }

    /// `sd[g, x]`, or `sd[class, g, x]`.
    pub(super) fn of_group(&self, kind: &str, class: Option<&str>, group: &Group, name: &str) -> String {
        let parts = class.into_iter().chain([group.name.as_str()]).chain((!name.is_empty()).then_some(name));
        format!("{kind}[{}]", parts.collect::<Vec<_>>().join(", "))
    }

    /// A parameter by its name.
    pub(super) fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Its prior.
    pub(super) fn prior(&self, name: &str) -> Option<&Prior> {
        self.parameter(name).map(|parameter| &parameter.prior)
    }
}
