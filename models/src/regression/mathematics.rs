//! A regression as mathematics, line by line.

use super::build::{Group, Regression};
use super::likelihood::{Link, ResponseLaw};
use super::special_term::Part;

/// Coefficients that are written out; of more the first and the last.
const MOST: usize = 6;

impl Regression {
    /// The model as mathematics, a line for each of its parts; priors are among [`notes`](Self::notes).
    ///
    /// ```
    /// use jensen_models::data::DataTable;
    /// use jensen_models::regression::Regression;
    ///
    /// let table = DataTable::from_csv("d.csv", b"y,x\n1,2\n2,3\n4,4\n3,6\n")?;
    /// let lines = Regression::new("y ~ x", &table)?.mathematics();
    /// assert_eq!(lines, ["y ~ normal(mu, sigma)", "mu = intercept + b[x] x"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mathematics(&self) -> Vec<String> {
        let name = &self.response.name;
        let seen = match (self.formula.is_truncated(), self.response.limits.is_any()) {
            (true, _) => ", of which rows between the bounds of `trunc` alone are seen".to_string(),
            (_, true) => ", known only up to its limit where it is censored".to_string(),
            _ => String::new(),
        };
        let mut lines = vec![format!("{name} ~ {}{seen}", self.likelihood().written())];
        for class in self.classes() {
            let left = match (self.likelihood(), class) {
                (ResponseLaw::Categorical, Some(class)) => format!("eta[{class}]"),
                (law, _) if law.is_of_eta() => "eta".to_string(),
                _ => self.link.written().to_string(),
            };
            lines.push(format!("{left} = {}", self.predictor_written(class)));
            for group in &self.groups {
                lines.extend(self.group_written(class, group));
            }
        }
        for term in &self.specials {
            let name = &term.name;
            match &term.part {
                Part::Smooth { .. } => lines.push(format!("bends[{name}]_k ~ normal(0, sd[{name}])")),
                Part::Steps { .. } => lines.push(format!("steps[{name}] ~ dirichlet(1, .., 1)")),
                Part::Covariate(of) => {
                    let others = if self.columns.names.is_empty() { "" } else { " + the other columns by latent_b" };
                    let (x, mean, sd) = (&of.variable, of.named("mean", ""), of.named("sd", ""));
                    lines.push(format!("{x} ~ normal({mean}{others}, {sd}), at latents where it is not known"));
                }
            }
        }
        lines
    }

    fn predictor_written(&self, class: Option<&str>) -> String {
        let mut parts = Vec::new();
        if self.formula.terms.intercept && self.likelihood().has_intercept() {
            parts.push(self.single("intercept", class));
        }
        let names = &self.columns.names;
        let term = |name: &String| format!("{} {name}", self.coefficient(class, name));
        match names.len() {
            n if n > MOST => {
                parts.extend(names.iter().take(MOST - 1).map(term));
                parts.push(format!(".. ({n} columns)"));
                parts.push(term(&names[n - 1]));
            }
            _ => parts.extend(names.iter().map(term)),
        }
        for term in &self.specials {
            let name = &term.name;
            parts.push(match &term.part {
                Part::Smooth { .. } => {
                    format!("sum_k {}_k (columns of {name})_k", self.of_special("bends", class, name))
                }
                Part::Steps { num_steps, .. } => {
                    let steps = self.of_special("steps", class, name);
                    format!("{} {num_steps} sum_(k <= level) {steps}_k", self.coefficient(class, name))
                }
                Part::Covariate(of) => format!("{} {}", self.coefficient(class, name), of.variable),
            });
        }
        parts.extend(self.formula.offsets.iter().map(|node| node.written(&self.formula.text)));
        for group in &self.groups {
            for effect in &group.effects {
                let own = self.of_group("effect", class, group, &effect.name);
                parts.push(if effect.column.is_some() { format!("{own} {}", effect.name) } else { own });
            }
        }
        if parts.is_empty() { "0".to_string() } else { parts.join(" + ") }
    }

    fn group_written(&self, class: Option<&str>, group: &Group) -> Vec<String> {
        let of = |kind: &str, name: &str| self.of_group(kind, class, group, name);
        let each = format!("for each of {} groups `{}`", group.levels.len(), group.name);
        if group.correlated {
            let names: Vec<String> = group.effects.iter().map(|effect| of("effect", &effect.name)).collect();
            let scales = format!("{}, {}", of("sd", ".."), of("correlation", ".."));
            return vec![format!("({}) ~ normal(0, covariance of {scales}) {each}", names.join(", "))];
        }
        let one = |name: &str| format!("{} ~ normal(0, {}) {each}", of("effect", name), of("sd", name));
        group.effects.iter().map(|effect| one(&effect.name)).collect()
    }
}

impl ResponseLaw {
    /// The distribution with its parameters.
    fn written(self) -> &'static str {
        match self {
            ResponseLaw::Normal => "normal(mu, sigma)",
            ResponseLaw::StudentT => "student_t(nu, mu, sigma)",
            ResponseLaw::LogNormal => "log_normal(eta, sigma)",
            ResponseLaw::Gamma => "gamma(shape, shape / mu)",
            ResponseLaw::Weibull => "weibull(shape, mu)",
            ResponseLaw::Exponential => "exponential(1 / mu)",
            ResponseLaw::Beta => "beta(mu precision, (1 - mu) precision)",
            ResponseLaw::Bernoulli => "bernoulli(mu)",
            ResponseLaw::Binomial => "binomial(trials, mu)",
            ResponseLaw::BetaBinomial => "beta_binomial(trials, mu precision, (1 - mu) precision)",
            ResponseLaw::Poisson => "poisson(mu)",
            ResponseLaw::NegativeBinomial => "negative_binomial(mu, shape)",
            ResponseLaw::ZeroInflatedPoisson => "0 with probability zero, otherwise poisson(mu)",
            ResponseLaw::ZeroInflatedNegativeBinomial => {
                "0 with probability zero, otherwise negative_binomial(mu, shape)"
            }
            ResponseLaw::HurdlePoisson => "0 with probability zero, otherwise poisson(mu) above 0",
            ResponseLaw::HurdleNegativeBinomial => {
                "0 with probability zero, otherwise negative_binomial(mu, shape) above 0"
            }
            ResponseLaw::InverseGaussian => "inverse_gaussian(mu, shape)",
            ResponseLaw::SequentialOrdinal => "ordered categories: P(y = k | y >= k) = sigmoid(cutpoint_k - eta)",
            ResponseLaw::Ordinal => "ordered categories: P(y <= k) = sigmoid(cutpoint_k - eta)",
            ResponseLaw::Categorical => "categories: P(y = k) in proportion to exp(eta[k]), with eta of the first 0",
        }
    }

    /// Whether its distribution is written by the linear predictor itself.
    fn is_of_eta(self) -> bool {
        self == ResponseLaw::LogNormal || self.is_ordinal()
    }
}

impl Link {
    fn written(self) -> &'static str {
        match self {
            Link::Identity => "mu",
            Link::Log => "log(mu)",
            Link::Logit => "logit(mu)",
            Link::Probit => "probit(mu)",
            Link::Cloglog => "log(-log(1 - mu))",
        }
    }
}
