//! Priors: the default rule, and priors of the user's own in place of it.
//!
//! The defaults are weakly informative and scaled to the data, as those of rstanarm (Goodrich, Gabry, Ali and Brilleman,
//! "Prior distributions for rstanarm models"): with `s_y` the standard deviation of the response where the linear predictor
//! is in its units, and 1 elsewhere, and `s_x` that of a column,
//!
//! ```text
//! b[x] ~ normal(0, 2.5 s_y / s_x)        sd[g, x] ~ exponential(s_x / s_y)
//! intercept (where every column is at its mean) ~ normal(m, 2.5 s_y)
//! ```

use super::error::RegressionError;
use crate::data::nearest::nearest;
use jensen::dist::Distribution;
use jensen::prelude::*;
use std::fmt;

/// A distribution of a prior, by name and numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prior {
    pub family: Family,
    pub numbers: Vec<f64>,
}

macro_rules! families {
    ($($name:ident: $word:literal, $count:literal, [$($at:ident),*] => $made:expr;)*) => {
        /// The distributions that a prior can be.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Family { $($name,)* }

        impl Family {
            const ALL: &'static [(Family, &'static str, usize)] = &[$((Family::$name, $word, $count),)*];

            /// The distribution; `None` where a number is missing.
            fn made(self, numbers: &[f64]) -> Option<Box<dyn Distribution<Value = Real>>> {
                match self {
                    $(Family::$name => {
                        let [$($at),*] = *numbers else { return None };
                        Some(Box::new($made))
                    })*
                }
            }
        }
    };
}

families! {
    Normal: "normal", 2, [mean, sd] => normal(mean, sd);
    StudentT: "student_t", 3, [df, location, scale] => student_t(df, location, scale);
    Cauchy: "cauchy", 2, [location, scale] => cauchy(location, scale);
    Laplace: "laplace", 2, [location, scale] => laplace(location, scale);
    Logistic: "logistic", 2, [location, scale] => logistic(location, scale);
    HalfNormal: "half_normal", 1, [scale] => half_normal(scale);
    HalfCauchy: "half_cauchy", 1, [scale] => half_cauchy(scale);
    HalfStudentT: "half_student_t", 2, [df, scale] => half_student_t(df, scale);
    Exponential: "exponential", 1, [rate] => exponential(rate);
    Gamma: "gamma", 2, [shape, rate] => gamma(shape, rate);
    InverseGamma: "inverse_gamma", 2, [shape, scale] => inverse_gamma(shape, scale);
    LogNormal: "log_normal", 2, [mean, sd] => log_normal(mean, sd);
    Beta: "beta", 2, [a, b] => beta(a, b);
    Uniform: "uniform", 2, [low, high] => uniform(low, high);
    Lkj: "lkj", 1, [eta] => exponential(eta);
}

/// Where a parameter lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    Real,
    Positive,
    Unit,
    Correlation,
}

/// A parameter, its prior and the names that a user may call it by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameter {
    /// Its own name, as it stands in the table: `sd[g, x]`.
    pub name: String,
    /// Names of groups of parameters that it belongs to, the widest first: `sd`, `sd[g]`.
    pub classes: Vec<String>,
    pub domain: Domain,
    pub prior: Prior,
    /// About where it lies, and what is a large step of it: its coordinates are zero and one there.
    pub centre: f64,
    pub unit: f64,
}

impl Prior {
    pub fn new(family: Family, numbers: impl Into<Vec<f64>>) -> Self {
        Self { family, numbers: numbers.into() }
    }

    /// Draws the parameter `name` from it.
    pub fn draw(&self, p: &LogJoint, name: &str) -> Real {
        match self.made() {
            Some(distribution) => p.draw(name, distribution),
            // No parameter has numbers of another count: they are counted where they are read.
            None => p.real(name),
        }
    }

    /// The log density at `x`, as a term of its own.
    pub fn log_density(&self, x: Real) -> Real {
        self.made().map_or(Real::from(0.0), |distribution| distribution.log_density(x))
    }

    fn made(&self) -> Option<Box<dyn Distribution<Value = Real>>> {
        self.family.made(&self.numbers)
    }

    /// Reads `normal(0, 1)`.
    fn parse(text: &str, of: &str) -> Result<Self, RegressionError> {
        let error = |reason: String| RegressionError::Prior { text: of.to_string(), reason };
        let listed = || Family::ALL.iter().map(|(_, word, _)| *word).collect::<Vec<_>>().join(", ");
        let text = text.trim();
        let (name, rest) =
            text.split_once('(').and_then(|(name, rest)| Some((name.trim(), rest.strip_suffix(')')?))).ok_or_else(
                || error(format!("write a distribution with its numbers, as `normal(0, 1)`; there are {}", listed())),
            )?;
        let Some((family, word, count)) = Family::ALL.iter().find(|(_, word, _)| *word == name) else {
            let hint = nearest(name, Family::ALL.iter().map(|(_, word, _)| *word));
            let hint = hint.map_or(String::new(), |found| format!(", did you mean `{found}`?"));
            return Err(error(format!("no distribution `{name}`{hint}; there are {}", listed())));
        };
        let numbers: Result<Vec<f64>, _> = rest.split(',').map(|number| number.trim().parse::<f64>()).collect();
        let mut numbers = numbers.map_err(|_| error(format!("`{word}` takes {count} numbers, found \"{rest}\"")))?;
        // Half distributions begin at zero; others write that zero.
        if *family == Family::HalfStudentT && numbers.len() == 3 && numbers[1] == 0.0 {
            numbers.remove(1);
        }
        if numbers.len() != *count || numbers.iter().any(|x| !x.is_finite()) {
            return Err(error(format!("`{word}` takes {count} finite numbers, found {}", numbers.len())));
        }
        let prior = Prior::new(*family, numbers);
        let bad = prior.made().and_then(|made| {
            // A draw at parameters outside of their domains is no number.
            let mut drawn = [0.0];
            made.sample(&prior.numbers, &mut jensen::streams::Streams::new(0).draw(0), &mut drawn);
            drawn[0].is_nan().then_some(())
        });
        match bad {
            Some(()) => Err(error(format!("the numbers of `{word}` are out of range"))),
            None => Ok(prior),
        }
    }

    /// Whether a parameter in `domain` can have it.
    fn suits(&self, domain: Domain) -> Result<(), &'static str> {
        use Family::*;
        let from = |least: f64| self.numbers.first().is_some_and(|low| *low >= least);
        let is_unit = match self.family {
            Beta => true,
            Uniform => from(0.0) && self.numbers.get(1).is_some_and(|high| *high <= 1.0),
            _ => false,
        };
        let is_positive = match self.family {
            Normal | StudentT | Cauchy | Laplace | Logistic | Lkj => false,
            Uniform => from(0.0),
            _ => true,
        };
        let of_correlations = self.family == Lkj;
        match domain {
            Domain::Correlation if of_correlations => Ok(()),
            Domain::Correlation => Err("correlations have the prior `lkj(eta)`"),
            _ if of_correlations => Err("`lkj` is a prior of correlations"),
            Domain::Positive if !is_positive => {
                Err("the parameter is positive; its prior is half_normal, half_student_t, \
                half_cauchy, exponential, gamma, inverse_gamma or log_normal")
            }
            Domain::Unit if !is_unit => {
                Err("the parameter is a probability; its prior is `beta(a, b)`, or `uniform` within 0 and 1")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Prior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Family::ALL.iter().find(|(family, ..)| *family == self.family).map_or("", |(_, word, _)| word);
        let numbers: Vec<String> = self.numbers.iter().map(|x| rounded(*x)).collect();
        write!(f, "{word}({})", numbers.join(", "))
    }
}

/// Three significant digits.
fn rounded(x: f64) -> String {
    if x == 0.0 {
        return "0".to_string();
    }
    let size = x.abs().log10().floor() as i32;
    if !(-4..7).contains(&size) {
        return format!("{x:.2e}");
    }
    let text = format!("{x:.*}", (2 - size).max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// Puts priors such as `b ~ normal(0, 1)` and `sd(g) ~ exponential(1)` in the places of the defaults; what is said of one
/// parameter counts more than what is said of a group of them.
pub(super) fn replace(parameters: &mut [Parameter], priors: &[String]) -> Result<(), RegressionError> {
    let bare = |name: &str| -> String {
        name.chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| match c {
                '(' => '[',
                ')' => ']',
                c => c,
            })
            .collect()
    };
    let mut weights = vec![0; parameters.len()];
    for text in priors {
        let error = |reason: String| RegressionError::Prior { text: text.clone(), reason };
        let (name, distribution) = text
            .split_once('~')
            .ok_or_else(|| error("write `parameter ~ distribution(..)`, as `b ~ normal(0, 1)`".to_string()))?;
        let (name, prior) = (bare(name), Prior::parse(distribution, text)?);
        let mut found = false;
        for (parameter, weight) in parameters.iter_mut().zip(&mut weights) {
            let own = (bare(&parameter.name) == name).then_some(parameter.classes.len() + 1);
            let Some(of) =
                own.or_else(|| parameter.classes.iter().position(|class| bare(class) == name).map(|at| at + 1))
            else {
                continue;
            };
            found = true;
            prior.suits(parameter.domain).map_err(|reason| error(format!("{reason} (`{}`)", parameter.name)))?;
            if of >= *weight {
                (parameter.prior, *weight) = (prior.clone(), of);
            }
        }
        if !found {
            let mut known: Vec<String> =
                parameters.iter().flat_map(|p| p.classes.iter().cloned().chain([p.name.clone()])).collect();
            known.sort();
            known.dedup();
            let hint = nearest(name.as_str(), known.iter().map(String::as_str));
            let hint = hint.map_or(String::new(), |found| format!(", did you mean `{found}`?"));
            let listed = crate::data::nearest::listed(&known, 16);
            return Err(error(format!("the model has no such parameter{hint}; it has {listed}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Vec<Parameter> {
        let one = |name: &str, classes: &[&str], domain| Parameter {
            name: name.into(),
            classes: classes.iter().map(|c| c.to_string()).collect(),
            domain,
            prior: Prior::new(Family::Normal, [0.0, 2.5]),
            centre: 0.0,
            unit: 1.0,
        };
        vec![
            one("b[x]", &["b"], Domain::Real),
            one("b[log(w)]", &["b"], Domain::Real),
            one("sd[g, x]", &["sd", "sd[g]"], Domain::Positive),
            one("zero", &[], Domain::Unit),
            one("correlation[g]", &["correlation"], Domain::Correlation),
        ]
    }

    fn replaced(priors: &[&str]) -> Result<Vec<String>, String> {
        let mut all = parameters();
        let priors: Vec<String> = priors.iter().map(|p| p.to_string()).collect();
        replace(&mut all, &priors).map_err(|e| e.to_string())?;
        Ok(all.iter().map(|p| p.prior.to_string()).collect())
    }

    #[test]
    fn the_narrower_word_counts_whatever_the_order() {
        let found =
            replaced(&["b[log(w)] ~ student_t(3, 0, 1.5)", "b ~ normal(0,1)", "sd(g) ~ half_student_t(3, 0, 2)"])
                .expect("priors");
        assert_eq!(found[..3], ["normal(0, 1)", "student_t(3, 0, 1.5)", "half_student_t(3, 2)"]);
        let found =
            replaced(&["zero ~ beta(1, 9)", "correlation(g) ~ lkj(2)", "sd ~ exponential(0.001)"]).expect("priors");
        assert_eq!(found[2..], ["exponential(0.001)", "beta(1, 9)", "lkj(2)"]);
    }

    #[test]
    fn mistakes_are_answered() {
        for (prior, words) in [
            ("sigma ~ exponential(1)", "the model has no such parameter; it has `b`, `b[log(w)]`"),
            ("bb ~ normal(0, 1)", "did you mean `b`?"),
            ("b ~ gaussian(0, 1)", "no distribution `gaussian`"),
            ("b ~ nomral(0, 1)", "did you mean `normal`?"),
            ("b ~ normal(0)", "`normal` takes 2 finite numbers, found 1"),
            ("b ~ normal(0, x)", "takes 2 numbers, found \"0, x\""),
            ("b ~ normal(0, -1)", "the numbers of `normal` are out of range"),
            ("b = normal(0, 1)", "write `parameter ~ distribution(..)`"),
            ("sd ~ normal(0, 1)", "the parameter is positive"),
            ("zero ~ exponential(1)", "the parameter is a probability"),
            ("b ~ lkj(2)", "`lkj` is a prior of correlations"),
        ] {
            let text = replaced(&[prior]).expect_err(prior);
            assert!(text.contains(words) && text.starts_with("the prior"), "{prior}: {text}");
        }
    }
}
