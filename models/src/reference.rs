//! Reference posteriors: moments from long runs of another sampler, and the model each belongs to.

use crate::data::{DataError, DataTable};
use crate::reference_models::{NormalChain, PlainRegression, SigmaPrior, TwoNormals};
use crate::zoo::{Autoregression, EightSchools, EightSchoolsCentred, Garch, GaussianProcess};
use jensen::model::Model;
use jensen::program::{Column, Matrix};
use serde::Deserialize;

/// What is known of one posterior.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Reference {
    /// Its name in the source.
    pub name: String,
    /// Where the numbers come from.
    pub source: String,
    /// Names of the quantities, as the model writes them.
    pub names: Vec<String>,
    /// Posterior mean of each quantity.
    pub mean: Vec<f64>,
    /// Posterior standard deviations.
    pub sd: Vec<f64>,
    /// 5 % quantiles.
    pub q05: Vec<f64>,
    /// Posterior median of each quantity.
    pub q50: Vec<f64>,
    /// 95 % quantiles.
    pub q95: Vec<f64>,
    /// Correlations, row by row.
    pub corr: Vec<Vec<f64>>,
    /// Draws behind the numbers; the Monte Carlo error of a mean is about `sd / sqrt(num_draws)`.
    pub num_draws: usize,
}

impl Reference {
    /// The place of the quantity `name`.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }
}

macro_rules! table {
    ($file:literal) => {
        DataTable::from_csv($file, include_bytes!(concat!("../data/", $file)))
    };
}

macro_rules! references {
    ($($name:literal),* $(,)?) => {
        /// The names of all reference posteriors.
        pub const NAMES: &[&str] = &[$($name),*];

        fn text(name: &str) -> Option<&'static str> {
            match name {
                $($name => Some(include_str!(concat!("../reference/", $name, ".json"))),)*
                _ => None,
            }
        }
    };
}

references! {
    "eight-schools", "eight-schools-centred", "kidscore-momhsiq", "kidscore-interaction", "nes", "logearn-height",
    "logearn-interaction", "logmesquite", "garch", "autoregression", "two-normals", "gaussian-process",
    "hidden-markov", "plain-regression",
}

/// A reference posterior could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// No such name.
    #[error("no reference posterior `{0}`")]
    Unknown(String),
    /// The data file is damaged.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The reference file is damaged.
    #[error("reference `{0}`: {1}")]
    Damaged(String, String),
}

/// The reference `name` of [`NAMES`].
///
/// # Errors
/// An unknown name or a damaged file.
pub fn load(name: &str) -> Result<Reference, ReferenceError> {
    let text = text(name).ok_or_else(|| ReferenceError::Unknown(name.to_string()))?;
    serde_json::from_str(text).map_err(|error| ReferenceError::Damaged(name.to_string(), error.to_string()))
}

/// The model that the reference `name` was computed with, on its data.
///
/// # Errors
/// As [`load`].
pub fn model(name: &str) -> Result<Box<dyn Model + Send>, ReferenceError> {
    Ok(match name {
        "eight-schools" => Box::new(eight_schools()?),
        "eight-schools-centred" => Box::new(EightSchoolsCentred(eight_schools()?)),
        "kidscore-momhsiq" => {
            let kids = table!("kidiq.csv")?;
            let [hs, iq] = [kids.real("mom_hs")?, kids.real("mom_iq")?];
            let x = rows(hs.len(), |i| vec![1.0, hs[i], iq[i]]);
            Box::new(regression(x, kids.real("kid_score")?, None, SigmaPrior::HalfCauchy(2.5))?)
        }
        "kidscore-interaction" => {
            let kids = table!("kidiq.csv")?;
            let [hs, iq] = [centred(kids.real("mom_hs")?), centred(kids.real("mom_iq")?)];
            let x = rows(hs.len(), |i| vec![1.0, hs[i], iq[i], hs[i] * iq[i]]);
            Box::new(regression(x, kids.real("kid_score")?, None, SigmaPrior::Flat)?)
        }
        "nes" => Box::new(nes()?),
        "logearn-height" => {
            let [log_earn, height, _] = earnings()?;
            let x = rows(height.len(), |i| vec![1.0, height[i]]);
            Box::new(regression(x, log_earn, None, SigmaPrior::Flat)?)
        }
        "logearn-interaction" => {
            let [log_earn, height, male] = earnings()?;
            let scale = crate::data::Standardisation::measure("height", &height);
            let z: Vec<f64> = height.iter().map(|&h| scale.apply(h)).collect();
            let x = rows(z.len(), |i| vec![1.0, z[i], male[i], z[i] * male[i]]);
            Box::new(regression(x, log_earn, None, SigmaPrior::Flat)?)
        }
        "logmesquite" => Box::new(mesquite()?),
        "garch" => Box::new(Garch { y: Column::new(table!("garch.csv")?.real("y")?), sigma1: 0.5 }),
        "autoregression" => Box::new(Autoregression { y: Column::new(table!("ark.csv")?.real("y")?), lags: 5 }),
        "two-normals" => Box::new(TwoNormals { y: Column::new(table!("gauss_mix.csv")?.real("y")?) }),
        "gaussian-process" => {
            let points = table!("gp_regr.csv")?;
            Box::new(GaussianProcess { x: points.real("x")?, y: points.real("y")? })
        }
        "hidden-markov" => Box::new(NormalChain { y: table!("hmm_example.csv")?.real("y")? }),
        "plain-regression" => {
            let table = table!("blr.csv")?;
            let x = table.matrix(&["x1", "x2", "x3", "x4", "x5"])?;
            let x = x.chunks_exact(5).map(<[f64]>::to_vec).collect();
            Box::new(regression(x, table.real("y")?, Some(10.0), SigmaPrior::HalfNormal(10.0))?)
        }
        _ => return Err(ReferenceError::Unknown(name.to_string())),
    })
}

fn eight_schools() -> Result<EightSchools, ReferenceError> {
    let schools = table!("eight_schools.csv")?;
    Ok(EightSchools { effect: Column::new(schools.real("effect")?), stderr: Column::new(schools.real("stderr")?) })
}

fn earnings() -> Result<[Vec<f64>; 3], ReferenceError> {
    let people = table!("earnings.csv")?;
    let log_earn = people.real("earn")?.into_iter().map(f64::ln).collect();
    Ok([log_earn, people.real("height")?, people.real("male")?])
}

fn nes() -> Result<PlainRegression, ReferenceError> {
    let survey = table!("nes1980.csv")?;
    let column = |name: &str| survey.real(name);
    let [ideology, race, age] = [column("real_ideo")?, column("race_adj")?, column("age_discrete")?];
    let [education, gender, income] = [column("educ1")?, column("gender")?, column("income")?];
    let is = |i: usize, level: f64| f64::from(u8::from(age[i] == level));
    let x = rows(age.len(), |i| {
        vec![1.0, ideology[i], race[i], is(i, 2.0), is(i, 3.0), is(i, 4.0), education[i], gender[i], income[i]]
    });
    regression(x, column("partyid7")?, None, SigmaPrior::Flat)
}

fn mesquite() -> Result<PlainRegression, ReferenceError> {
    let bushes = table!("mesquite.csv")?;
    let names = ["diam1", "diam2", "canopy_height", "total_height", "density"];
    let sizes = bushes.matrix(&names)?;
    let group = bushes.real("group")?;
    let x = rows(group.len(), |i| {
        let logs = sizes[i * names.len()..(i + 1) * names.len()].iter().map(|size| size.ln());
        std::iter::once(1.0).chain(logs).chain([group[i]]).collect()
    });
    regression(x, bushes.real("weight")?.into_iter().map(f64::ln).collect(), None, SigmaPrior::Flat)
}

fn rows(n: usize, row: impl Fn(usize) -> Vec<f64>) -> Vec<Vec<f64>> {
    (0..n).map(row).collect()
}

fn centred(mut values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter_mut().for_each(|value| *value -= mean);
    values
}

fn regression(
    x: Vec<Vec<f64>>,
    y: Vec<f64>,
    beta_scale: Option<f64>,
    sigma_prior: SigmaPrior,
) -> Result<PlainRegression, ReferenceError> {
    let num_columns = x.first().map_or(0, Vec::len);
    let x = Matrix::new(x.concat(), num_columns)
        .map_err(|error| ReferenceError::Damaged("regression".to_string(), error))?;
    Ok(PlainRegression { x, y: Column::new(y), beta_scale, sigma_prior })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jensen::target::{LogDensity, Target};

    #[test]
    fn every_reference_belongs_to_a_model_with_those_quantities() {
        for &name in NAMES {
            let reference = load(name).unwrap();
            let target = Target::new(&model(name).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
            let known: Vec<String> = target.layout().sites.iter().flat_map(|site| site.element_names()).collect();
            for quantity in &reference.names {
                assert!(known.contains(quantity), "{name}: no {quantity} in {known:?}");
            }
            assert!(reference.sd.iter().all(|&sd| sd > 0.0) && reference.num_draws == 10_000, "{name}");
        }
    }
}
