//! [`Regression`]: from a formula and a table to a model.

use super::check;
use super::design::Design;
use super::encode::{Encoder, Frame};
use super::error::RegressionError;
use super::likelihood::{Link, ResponseLaw};
use super::parameters;
use super::prior::{Parameter, replace};
use super::response::Response;
use super::seen::Observed;
use super::special_term::{Part, SpecialTerm};
use super::terms::Formula;
use super::words::words;
use crate::data::DataTable;
use crate::data::nearest::listed;
use jensen::program::{Column, IntColumn, Matrix};
use serde::{Deserialize, Serialize};

/// A regression on the rows of a table.
///
/// ```text
/// y_i ~ likelihood(mean_i, ..)    link(mean_i) = intercept + sum_k b_k x_ik + offset_i + varying effects of row i
/// ```
///
/// Coefficients and scales are in the units of the data; the intercept is drawn where every column is at its mean.
///
/// ```
/// use jensen_models::data::DataTable;
/// use jensen_models::regression::Regression;
///
/// let table = DataTable::from_csv("plants.csv", b"growth,dose\n0,1\n2,1.5\n1,2\n3,2.5\n5,3\n4,3.5\n7,4\n6,4.5\n8,5\n")?;
/// let fitted = jensen::fit(&Regression::new("growth ~ dose", &table)?)?;
/// let slope = fitted.summary().into_iter().find(|line| line.name == "b[dose]").unwrap();
/// assert!((slope.mean - 1.9).abs() < 0.1); // the least-squares slope is 1.9
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Regression {
    pub(super) formula: Formula,
    pub(super) settings: RegressionSettings,
    pub(super) link: Link,
    /// What was learnt from the rows, for new ones.
    pub(super) encoder: Encoder,
    pub(super) response: Response,
    /// The rows of the table that are used.
    pub(super) rows: Vec<usize>,
    pub(super) columns: Centred,
    pub(super) offset: Option<Column>,
    pub(super) groups: Vec<Group>,
    /// Terms of latents.
    pub(super) specials: Vec<SpecialTerm>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) observed: Observed,
    /// What was understood of the table and the formula, in words.
    pub(super) notes: Vec<String>,
}

/// The columns of the coefficients that are the same in all rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Centred {
    pub names: Vec<String>,
    /// What was taken out of each column; zeros without an intercept.
    pub means: Vec<f64>,
    pub sds: Vec<f64>,
    /// A usual step of each: the difference of a column of two values, one standard deviation of any other.
    pub steps: Vec<f64>,
    /// None where there are no columns.
    pub x: Option<Matrix>,
}

/// Coefficients that vary by group.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub name: String,
    pub correlated: bool,
    /// What varies, the intercept last.
    pub effects: Vec<Effect>,
    pub codes: IntColumn,
    pub levels: Vec<String>,
}

/// A coefficient that varies by group.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    pub name: String,
    /// Its column less `mean`; none of the intercept, which is 1.
    pub column: Option<Column>,
    /// What was taken out of the column; zero without an intercept that varies, too.
    pub mean: f64,
    pub sd: f64,
}

/// What to do with rows that have a missing cell in a column of the formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// Leave them out, and say how many.
    #[default]
    Drop,
    /// Refuse the table.
    Refuse,
    /// Take missing numbers that stand alone as a term for latents, as `mi(x)` does; leave the other rows out.
    Impute,
}

words! { Missing: Drop = "drop", Refuse = "refuse", Impute = "impute" }

/// The choices of a regression besides its formula.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RegressionSettings {
    /// The distribution of the response; normal where none is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likelihood: Option<ResponseLaw>,
    /// The link; the usual one of the likelihood where none is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// Priors in place of the defaults, such as `b ~ normal(0, 1)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub priors: Vec<String>,
    /// What to do with missing cells.
    pub missing: Missing,
}

impl Regression {
    /// A regression with a normal response.
    ///
    /// # Errors
    /// A formula that does not read, columns that are not there, and data that make no regression.
    pub fn new(formula: &str, table: &DataTable) -> Result<Self, RegressionError> {
        Self::with(formula, table, &RegressionSettings::default())
    }

    /// A regression with chosen likelihood, link and priors.
    ///
    /// ```
    /// use jensen_models::data::DataTable;
    /// use jensen_models::regression::{Regression, RegressionSettings, ResponseLaw};
    ///
    /// let table = DataTable::from_csv("d.csv", b"hits,tries,side\n7,10,left\n3,9,right\n8,12,left\n2,8,right\n")?;
    /// let settings = RegressionSettings {
    ///     likelihood: Some(ResponseLaw::Binomial),
    ///     priors: vec!["b ~ normal(0, 1)".into()],
    ///     ..RegressionSettings::default()
    /// };
    /// let model = Regression::with("hits | trials(tries) ~ side", &table, &settings)?;
    /// let fitted = jensen::fit(&model)?;
    /// assert!(fitted.summary().iter().any(|line| line.name == "b[side[right]]" && line.mean < 0.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Regression::new`], a link that the likelihood does not have, and priors of what is not there.
    pub fn with(formula: &str, table: &DataTable, settings: &RegressionSettings) -> Result<Self, RegressionError> {
        let mut formula = Formula::parse(formula)?;
        if settings.missing == Missing::Impute {
            formula.impute(|name| check::is_partly(table, name));
        }
        let likelihood = settings.likelihood.unwrap_or(ResponseLaw::Normal);
        let link = settings.link.unwrap_or(likelihood.links()[0]);
        if !likelihood.links().contains(&link) {
            let known: Vec<String> = likelihood.links().iter().map(Link::to_string).collect();
            let words = format!("`{likelihood}` does not have the link `{link}`; it has {}", listed(&known, 8));
            return Err(RegressionError::Choice(words));
        }
        let mut encoder = Encoder::new(&formula.text);
        let (rows, left_out) = check::present(&formula, table, settings.missing)?;
        let frame = Frame { table, rows: &rows };
        let response = Response::new(&formula, likelihood, &mut encoder, frame)?;
        let design = Design::new(&formula, &mut encoder, frame)?;
        check::design(&formula, &design, table)?;
        check::explained(likelihood, link, &formula, &response, &design, table)?;
        let intercept = formula.terms.intercept;
        let columns = centred(&design, intercept)?;
        let specials = special_terms(&design, &columns)?;
        let groups = design.groups.iter().map(group).collect::<Vec<_>>();
        check::groups(likelihood, &groups, &design, table)?;
        let mut regression = Regression {
            observed: Observed::new(&response),
            offset: design.offset.clone().map(Column::new),
            settings: RegressionSettings { likelihood: Some(likelihood), link: Some(link), ..settings.clone() },
            link,
            encoder,
            response,
            columns,
            groups,
            specials,
            parameters: Vec::new(),
            notes: Vec::new(),
            formula,
            rows,
        };
        regression.parameters = parameters::of(&regression)?;
        replace(&mut regression.parameters, &settings.priors)?;
        regression.notes = regression.understood(&design, &left_out, table);
        regression.encoder.learnt = true;
        Ok(regression)
    }

    /// The distribution of the response.
    pub fn likelihood(&self) -> ResponseLaw {
        self.settings.likelihood.unwrap_or(ResponseLaw::Normal)
    }

    /// What the exponential of a coefficient is, in words, where it is something: odds ratios with a logit link, say.
    pub fn ratios(&self) -> Option<&'static str> {
        self.likelihood().ratios(self.link)
    }

    /// The formula as it was written, on one line.
    pub fn formula_text(&self) -> String {
        self.formula.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The number of rows that are used.
    pub fn num_rows(&self) -> usize {
        self.rows.len()
    }

    /// What was understood of table and formula, in words: rows, columns, categories, and the priors.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Names for the elements of sites, which are otherwise numbered: a site, and a name for each element.
    pub fn labels(&self) -> Vec<(String, Vec<String>)> {
        let mut labels = Vec::new();
        for class in self.classes() {
            for group in &self.groups {
                let sites = group.effects.iter().map(|effect| self.of_group("effect", class, group, &effect.name));
                labels.extend(sites.map(|site| (site, group.levels.clone())));
            }
            for term in &self.specials {
                if let Part::Steps { num_steps, .. } = term.part {
                    let steps = (1..=num_steps).map(|k| k.to_string()).collect();
                    labels.push((self.of_special("steps", class, &term.name), steps));
                }
            }
        }
        for covariate in self.specials.iter().filter_map(SpecialTerm::covariate) {
            let rows = covariate.rows.iter().map(|&i| format!("row {}", self.rows[i] + 1)).collect();
            labels.push((covariate.site(), rows));
        }
        labels
    }

    /// Names with which those of quantities begin that are of the computation alone.
    pub fn internal(&self) -> Vec<String> {
        let correlated = || self.groups.iter().filter(|group| group.correlated);
        let of = |class: Option<&str>| {
            let factors = correlated().map(|group| self.of_group("factor", class, group, ""));
            let shifted = self.groups.iter().filter(|group| group.is_shifted());
            let at_means =
                shifted.map(|group| self.of_group("effect_at_means", class, group, super::design::INTERCEPT));
            factors.chain(at_means).collect::<Vec<_>>()
        };
        self.classes().into_iter().flat_map(of).collect()
    }
}

impl Group {
    /// Whether the intercept that varies is drawn where the columns that vary are at their means.
    pub(super) fn is_shifted(&self) -> bool {
        self.effects.len() > 1 && self.effects.last().is_some_and(|effect| effect.column.is_none())
    }
}

fn centred(design: &Design, intercept: bool) -> Result<Centred, RegressionError> {
    let columns = &design.columns;
    let (mut means, mut sds, mut steps, mut values) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, column) in columns.names.iter().zip(&columns.values) {
        let scale = crate::data::Standardisation::measure(name, column);
        let size = (column.iter().map(|x| x * x).sum::<f64>() / column.len() as f64).sqrt();
        means.push(if intercept { scale.mean } else { 0.0 });
        sds.push(if intercept { scale.sd } else { size });
        let (low, high) = column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
        steps.push(if column.iter().all(|x| *x == low || *x == high) { high - low } else { scale.sd });
        let mean = *means.last().unwrap_or(&0.0);
        values.push(column.iter().map(|x| x - mean).collect::<Vec<f64>>());
    }
    let num_rows = values.first().map_or(0, Vec::len);
    let by_row: Vec<f64> = (0..num_rows).flat_map(|i| values.iter().map(move |column| column[i])).collect();
    let x = (!values.is_empty()).then(|| Matrix::new(by_row, values.len())).transpose();
    let x = x.map_err(RegressionError::Choice)?;
    Ok(Centred { names: columns.names.clone(), means, sds, steps, x })
}

/// Terms of latents, with the other columns less their means.
fn special_terms(design: &Design, columns: &Centred) -> Result<Vec<SpecialTerm>, RegressionError> {
    let less = |(column, mean): (&Vec<f64>, &f64)| column.iter().map(|x| x - mean).collect::<Vec<f64>>();
    let z: Vec<Vec<f64>> = design.columns.values.iter().zip(&columns.means).map(less).collect();
    let made = design.specials.iter().map(|special| SpecialTerm::new(special, &z));
    made.collect::<Result<_, _>>().map_err(RegressionError::Choice)
}

fn group(of: &super::design::Grouped) -> Group {
    let has_intercept = of.columns.names.last().is_some_and(|name| name == super::design::INTERCEPT);
    let effects = of.columns.names.iter().zip(&of.columns.values).enumerate().map(|(k, (name, column))| {
        if has_intercept && k + 1 == of.columns.names.len() {
            return Effect { name: name.clone(), column: None, mean: 0.0, sd: 1.0 };
        }
        let size = (column.iter().map(|x| x * x).sum::<f64>() / column.len() as f64).sqrt();
        let crate::data::Standardisation { mean, sd, .. } = crate::data::Standardisation::measure(name, column);
        let mean = if has_intercept { mean } else { 0.0 };
        let column = Column::new(column.iter().map(|x| x - mean).collect::<Vec<_>>());
        Effect { name: name.clone(), column: Some(column), mean, sd: if sd > 0.0 { sd } else { size } }
    });
    Group {
        name: of.name.clone(),
        correlated: of.correlated,
        effects: effects.collect(),
        codes: IntColumn::new(&of.codes),
        levels: of.levels.clone(),
    }
}
