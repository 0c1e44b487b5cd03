//! The log joint of a regression, written like its mathematics.

use super::build::{Group, Regression};
use super::likelihood::{About, Extra, ResponseLaw};
use super::special_term::{Drawn, SpecialTerm};
use jensen::dist::normals;
use jensen::prelude::*;

/// A linear predictor: `intercept + sum_k b_k (x_k - mean_k) + offset + sum_g sum_j effect_gj z_j`.
struct Predictor {
    intercept: Option<Real>,
    b: Option<Vector>,
    /// For each grouping the effects of its groups, one vector for each coefficient.
    effects: Vec<Vec<Vector>>,
    /// Terms of latents.
    specials: Vec<Drawn>,
}

impl Model for Regression {
    fn log_joint(&self, p: &LogJoint) {
        let predictors: Vec<Predictor> = self.classes().into_iter().map(|class| self.predictor(p, class)).collect();
        let covariates = self.specials.iter().map(SpecialTerm::covariate);
        let latents: Vec<Option<Vector>> = covariates.map(|of| of.map(|of| of.draw(p, self))).collect();
        let extra = self.extra(p, &predictors);
        let observed = &self.observed;
        p.rows(observed.y.len(), |i| {
            let eta: Vec<Real> = predictors.iter().map(|predictor| self.eta(predictor, &latents, i)).collect();
            let outcome = if self.likelihood() == ResponseLaw::Categorical {
                let logits: Vec<Real> = std::iter::once(Real::from(0.0)).chain(eta).collect();
                Box::new(categorical_logit(Vector::new(&logits)))
            } else {
                let at = |column: &Option<Column>| column.as_ref().map(|column| column.at(i));
                let about = About {
                    trials: observed.trials.as_ref().map(|n| n.at(i)),
                    low: at(&observed.low),
                    high: at(&observed.high),
                    upper: at(&observed.upper),
                    bounds: observed.bounds.as_ref().map(|[low, high]| (low.at(i), high.at(i))),
                };
                self.likelihood().outcome(self.link, eta[0], &extra, about)
            };
            match &observed.weights {
                Some(weights) => i.observe(observed.y.at(i), weighted(outcome, weights.at(i))),
                None => i.observe(observed.y.at(i), outcome),
            }
        });
    }
}

impl Regression {
    pub(super) fn drawn(&self, p: &LogJoint, parameter: &str, site: &str) -> Real {
        let Some(found) = self.parameter(parameter) else { return p.real(site) };
        found.prior.draw(&p.around(found.centre, found.unit), site)
    }

    fn predictor(&self, p: &LogJoint, class: Option<&str>) -> Predictor {
        let (columns, has_intercept) =
            (&self.columns, self.formula.terms.intercept && self.likelihood().has_intercept());
        let name = self.single("intercept", class);
        let at_means = self.single(self.intercept_site(), class);
        let intercept = has_intercept.then(|| self.drawn(p, &name, &at_means));
        let b: Vec<Real> =
            columns.names.iter().map(|x| self.coefficient(class, x)).map(|b| self.drawn(p, &b, &b)).collect();
        let b = (!b.is_empty()).then(|| Vector::new(&b));
        let specials = self.special_latents(p, class);
        if let (Some(at_means), Some(shift)) = (intercept, self.shift(b.as_ref(), &specials)) {
            p.derive(&name, at_means - shift);
        }
        let effects = self.groups.iter().map(|group| self.effects(p, class, group)).collect();
        Predictor { intercept, b, effects, specials }
    }

    /// What the intercept is called that is drawn: that of centred columns, where there are some.
    pub(super) fn intercept_site(&self) -> &'static str {
        if self.has_means() { "intercept_at_means" } else { "intercept" }
    }

    /// Whether something is taken out of columns.
    pub(super) fn has_means(&self) -> bool {
        !self.columns.names.is_empty() || self.specials.iter().any(|term| term.covariate().is_some())
    }

    /// What the linear predictor is at the means of all columns, less the intercept; nothing without columns.
    fn shift(&self, b: Option<&Vector>, specials: &[Drawn]) -> Option<Real> {
        let parts = b.map(|b| self.at_means(b)).into_iter().chain(self.special_at_means(specials));
        parts.reduce(|a, b| a + b)
    }

    /// What the coefficients make of the columns at their means.
    fn at_means(&self, b: &Vector) -> Real {
        b.dot(&Vector::constant(&self.columns.means))
    }

    /// The effects of every group on each coefficient, whose centred columns they go with: `sd_j L z` with
    /// `z ~ normal(0, 1)`, where `L L'` is the matrix of correlations, drawn one after the other given those before it:
    /// `effect_j ~ normal(sd_j sum_(k<j) L_jk z_k, sd_j L_jj)`, and `z_j` is `effect_j` less that mean, over that scale.
    ///
    /// So written, the engine can choose for each of them between the effect and `z` as coordinate. The intercept, which is
    /// last, is drawn where the columns are at their means, `sum_j effect_j mean_j` from where they are zero: there the
    /// data know it independently of the slopes.
    fn effects(&self, p: &LogJoint, class: Option<&str>, group: &Group) -> Vec<Vector> {
        let (num_groups, n) = (group.levels.len(), group.effects.len());
        let of = |kind: &str, name: &str| self.of_group(kind, class, group, name);
        let sds = group.effects.iter().map(|effect| of("sd", &effect.name));
        let sd: Vec<Real> = sds.map(|sd| self.drawn(p, &sd, &sd)).collect();
        let factor = group.correlated.then(|| self.correlations(p, class, group));
        let (mut effects, mut z): (Vec<Vector>, Vec<Vector>) = (Vec::new(), Vec::new());
        for (j, effect) in group.effects.iter().enumerate() {
            let is_shifted = j + 1 == n && group.is_shifted();
            let name = of(if is_shifted { "effect_at_means" } else { "effect" }, &effect.name);
            let scale = factor.map_or(sd[j], |factor| sd[j] * factor.at((j, j)));
            let mut parts = Vec::new();
            if let Some(factor) = factor {
                parts.extend(z.iter().enumerate().map(|(k, z)| z.map(|z| z * (sd[j] * factor.at((j, k))))));
            }
            if is_shifted {
                let slopes = effects.iter().zip(&group.effects);
                parts.extend(slopes.map(|(slope, of)| slope.map(|slope| slope * of.mean)));
            }
            let own = p.around(0.0, self.parameter(&of("sd", &effect.name)).map_or(1.0, |sd| sd.unit));
            let drawn = match parts.into_iter().reduce(|a, b| a.zip(&b, |a, b| a + b)) {
                None => {
                    let drawn = own.draws(&name, normal(0.0, scale), num_groups);
                    z.push(drawn.map(|drawn| drawn / scale));
                    drawn
                }
                Some(mean) => {
                    let drawn = own.draw(&name, normals(mean, mean.map(|_| scale)));
                    z.push(drawn.zip(&mean, |drawn, mean| (drawn - mean) / scale));
                    drawn
                }
            };
            if is_shifted {
                let slopes = effects.iter().zip(&group.effects);
                let at_zero = slopes.fold(drawn, |sum, (slope, of)| sum.zip(slope, |sum, slope| sum - slope * of.mean));
                p.derive(&of("effect", &effect.name), at_zero);
            }
            effects.push(drawn);
        }
        effects
    }

    /// The lower factor of the correlations of what varies by one group, and these in the table.
    fn correlations(&self, p: &LogJoint, class: Option<&str>, group: &Group) -> Vector {
        let of = |name: &str| self.of_group("correlation", class, group, name);
        let (n, eta) = (group.effects.len(), self.prior(&of("")).map_or(1.0, |prior| prior.numbers[0]));
        let factor = p.draw(&self.of_group("factor", class, group, ""), lkj_cholesky(n, eta));
        for (i, j) in (1..n).flat_map(|i| (0..i).map(move |j| (i, j))) {
            let correlation: Real = (0..=j).map(|k| factor.at((i, k)) * factor.at((j, k))).sum();
            p.derive(&of(&format!("{}, {}", group.effects[j].name, group.effects[i].name)), correlation);
        }
        factor
    }

    /// Scales, shapes and cutpoints.
    fn extra(&self, p: &LogJoint, predictors: &[Predictor]) -> Extra {
        let numbers = self.likelihood().parameters(1.0).iter().map(|(name, ..)| self.drawn(p, name, name)).collect();
        if !self.likelihood().is_ordinal() {
            return Extra { numbers, cutpoints: Vec::new() };
        }
        let num_cuts = self.response.categories.len() - 1;
        let shift = predictors.first().and_then(|of| self.shift(of.b.as_ref(), &of.specials));
        let site = if shift.is_some() { "cutpoints_at_means" } else { "cutpoints" };
        // Categories that are reached one after the other leave their cutpoints free.
        let cuts = match self.likelihood() {
            ResponseLaw::Ordinal => p.ordered(site, num_cuts),
            _ => p.reals(site, num_cuts),
        };
        if let Some(prior) = self.prior("cutpoints") {
            cuts.elements().into_iter().for_each(|cut| p.add(prior.log_density(cut)));
        }
        if let Some(shift) = shift {
            p.derive("cutpoints", cuts.map(|cut| cut + shift));
        }
        Extra { numbers, cutpoints: cuts.elements() }
    }

    fn eta(&self, predictor: &Predictor, latents: &[Option<Vector>], i: &Row) -> Real {
        let mut parts: Vec<Real> = predictor.intercept.into_iter().collect();
        if let (Some(b), Some(x)) = (&predictor.b, &self.columns.x) {
            parts.push(x.at(i).dot(b));
        }
        parts.extend(self.special_eta(&predictor.specials, latents, i));
        parts.extend(self.offset.as_ref().map(|offset| offset.at(i)));
        for (group, effects) in self.groups.iter().zip(&predictor.effects) {
            for (of, effect) in group.effects.iter().zip(effects) {
                let effect = effect.at(group.codes.at(i));
                parts.push(of.column.as_ref().map_or(effect, |z| effect * z.at(i)));
            }
        }
        parts.into_iter().reduce(|a, b| a + b).unwrap_or(Real::from(0.0))
    }
}
