//! The models by name: what each is, the data it needs, its own data, and how it is built.

mod option;
mod residual;

use crate::data::Table;
use crate::data::nearest::nearest;
use crate::zoo::*;
use option::DataOption;

/// One model of the zoo.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// The columns it needs.
    pub needs: &'static str,
    /// What its own data are.
    pub data: &'static str,
    /// Name and text of its own data.
    file: (&'static str, &'static str),
    /// The parts of its own data's columns.
    parts: Parts,
    /// Which of the data options it uses.
    uses: &'static [DataOption],
    build: fn(&Input) -> Result<Built, BuildError>,
}

/// Response, features (empty: all others) and group of a model's own data.
type Parts = (Option<&'static str>, &'static [&'static str], Option<&'static str>);

/// No such model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no model `{name}`{}; `jensen list` shows them all", nearest.map(|n| format!(", did you mean `{n}`?")).unwrap_or_default())]
pub struct UnknownModel {
    name: String,
    nearest: Option<&'static str>,
}

/// Every model, in the order of `jensen list`.
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// The model called `name`; `_` counts as `-`, and case does not count.
///
/// # Errors
/// When there is none, with the nearest name.
pub fn find(name: &str) -> Result<&'static Entry, UnknownModel> {
    let folded = name.to_lowercase().replace('_', "-");
    let found = ENTRIES.iter().find(|entry| entry.name == folded);
    found.ok_or_else(|| UnknownModel {
        name: name.to_string(),
        nearest: nearest(&folded, ENTRIES.iter().map(|entry| entry.name)),
    })
}

impl Entry {
    /// The model on its own data.
    ///
    /// # Errors
    /// Options that do not fit its data.
    pub fn build_embedded(&self, options: &DataOptions) -> Result<Built, BuildError> {
        self.check(options)?;
        let table = self.table()?;
        let (response, features, group) = self.parts;
        let mut options = options.clone();
        if options.response.is_none() {
            options.response = response.map(str::to_string);
            let named = || features.iter().map(|name| name.to_string()).collect();
            options.features = options.features.or_else(|| (!features.is_empty()).then(named));
        }
        options.group = options.group.or(group.map(str::to_string));
        (self.build)(&Input { table: &table, options: &options, embedded: true })
    }

    /// The model on the user's data.
    ///
    /// # Errors
    /// Options the model does not use, and everything the data can have wrong.
    pub fn build(&self, table: &Table, options: &DataOptions) -> Result<Built, BuildError> {
        self.check(options)?;
        let built = (self.build)(&Input { table, options, embedded: false })?;
        residual::check(self.name, table, options)?;
        Ok(built)
    }

    /// Its own data.
    ///
    /// # Errors
    /// None for the data as they are; a test reads them all.
    pub fn table(&self) -> Result<Table, BuildError> {
        let (name, text) = self.file;
        Ok(Table::from_csv(name, text.as_bytes())?)
    }

    fn check(&self, options: &DataOptions) -> Result<(), BuildError> {
        let given = [
            (DataOption::Response, options.response.is_some()),
            (DataOption::Features, options.features.is_some()),
            (DataOption::Group, options.group.is_some()),
            (DataOption::Lags, options.lags.is_some()),
        ];
        match given.into_iter().find(|(option, given)| *given && !self.uses.contains(option)) {
            None => Ok(()),
            Some((option, _)) => {
                let hint = match option {
                    DataOption::Group => ", or fit `hierarchical-regression`".to_string(),
                    DataOption::Lags => ", or fit `autoregression`".to_string(),
                    _ => format!("; it needs {}", self.needs),
                };
                Err(BuildError::UnusedOption { model: self.name, option: option.flag(), hint })
            }
        }
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}

macro_rules! own_data {
    ($file:literal) => {
        ($file, include_str!(concat!("../data/", $file)))
    };
}

const REGRESSION: &[DataOption] = &[DataOption::Response, DataOption::Features];
const SERIES: &[DataOption] = &[DataOption::Response];

static ENTRIES: [Entry; 25] = [
    Entry {
        name: "eight-schools",
        about: "effects of eight experiments, partly pooled; non-centred",
        needs: "columns effect and stderr (and school, for names)",
        data: "coaching in 8 schools (Rubin 1981)",
        file: own_data!("eight_schools.csv"),
        parts: (None, &[], None),
        uses: &[],
        build: EightSchools::build,
    },
    Entry {
        name: "eight-schools-centred",
        about: "the same posterior in coordinates that no Gaussian fits",
        needs: "columns effect and stderr (and school, for names)",
        data: "coaching in 8 schools (Rubin 1981)",
        file: own_data!("eight_schools.csv"),
        parts: (None, &[], None),
        uses: &[],
        build: EightSchoolsCentred::build,
    },
    Entry {
        name: "linear-regression",
        about: "a real response on features",
        needs: "--response, and --features or all other columns",
        data: "test scores of 434 children by their mothers' school and IQ",
        file: own_data!("kidiq.csv"),
        parts: (Some("kid_score"), &[], None),
        uses: REGRESSION,
        build: LinearRegression::build,
    },
    Entry {
        name: "logistic-regression",
        about: "a response of 0 and 1 on features",
        needs: "--response of 0 and 1, and --features or all other columns",
        data: "569 breast tumours, benign or not, by 30 measurements",
        file: own_data!("breast_cancer.csv"),
        parts: (Some("benign"), &[], None),
        uses: REGRESSION,
        build: LogisticRegression::build,
    },
    Entry {
        name: "poisson-regression",
        about: "counts on features",
        needs: "--response of counts, and --features or all other columns",
        data: "insects on 72 plots by spray (Beall 1942)",
        file: own_data!("insect_sprays.csv"),
        parts: (Some("count"), &[], None),
        uses: REGRESSION,
        build: PoissonRegression::build,
    },
    Entry {
        name: "negative-binomial-regression",
        about: "counts on features, more spread than Poisson",
        needs: "--response of counts, and --features or all other columns",
        data: "days of absence of 146 pupils (Quine 1975)",
        file: own_data!("quine.csv"),
        parts: (Some("days"), &[], None),
        uses: REGRESSION,
        build: NegativeBinomialRegression::build,
    },
    Entry {
        name: "hierarchical-regression",
        about: "intercept and slopes that vary by group",
        needs: "--response, --group, and --features or all other columns",
        data: "reaction times of 18 people over 10 days without sleep (Belenky 2003)",
        file: own_data!("sleepstudy.csv"),
        parts: (Some("reaction"), &["days"], Some("subject")),
        uses: &[DataOption::Response, DataOption::Features, DataOption::Group],
        build: HierarchicalRegression::build,
    },
    Entry {
        name: "gaussian-process",
        about: "an unknown smooth function of one feature",
        needs: "--response and one of --features",
        data: "11 points of a curve (simulated)",
        file: own_data!("gp_regr.csv"),
        parts: (Some("y"), &["x"], None),
        uses: REGRESSION,
        build: GaussianProcess::build,
    },
    Entry {
        name: "stochastic-volatility",
        about: "returns whose log variance wanders",
        needs: "--response, a series of returns",
        data: "daily returns of crude oil, July to December 2008, percent",
        file: own_data!("wti_2008.csv"),
        parts: (Some("return"), &[], None),
        uses: SERIES,
        build: StochasticVolatility::build,
    },
    Entry {
        name: "autoregression",
        about: "a series on its own past",
        needs: "--response, a series; --lags",
        data: "level of Lake Huron, 1875 to 1972",
        file: own_data!("lake_huron.csv"),
        parts: (Some("level"), &[], None),
        uses: &[DataOption::Response, DataOption::Lags],
        build: Autoregression::build,
    },
    Entry {
        name: "garch",
        about: "returns whose variance feeds on itself",
        needs: "--response, a series of returns",
        data: "daily returns of crude oil, 2000 to 2004, percent",
        file: own_data!("wti_2000_2004.csv"),
        parts: (Some("return"), &[], None),
        uses: SERIES,
        build: Garch::build,
    },
    Entry {
        name: "horseshoe",
        about: "a real response on features, most of which do not matter",
        needs: "--response, and --features or all other columns",
        data: "progress of diabetes in 442 patients by 10 measurements (Efron 2004)",
        file: own_data!("diabetes.csv"),
        parts: (Some("progression"), &[], None),
        uses: REGRESSION,
        build: Horseshoe::build,
    },
    Entry {
        name: "spike-and-slab",
        about: "a real response on features, each of which is in or out",
        needs: "--response, and --features or all other columns",
        data: "progress of diabetes in 442 patients by 10 measurements (Efron 2004)",
        file: own_data!("diabetes.csv"),
        parts: (Some("progression"), &[], None),
        uses: REGRESSION,
        build: SpikeAndSlab::build,
    },
    Entry {
        name: "coal-mining",
        about: "counts whose rate changed once",
        needs: "--response, a series of counts (and column year, for its beginning)",
        data: "disasters in British coal mines in each year, 1851 to 1962 (Jarrett 1979)",
        file: own_data!("coal_mining.csv"),
        parts: (Some("disasters"), &[], None),
        uses: SERIES,
        build: CoalMining::build,
    },
    Entry {
        name: "gaussian-mixture",
        about: "rows from one of two Gaussians, which one summed out",
        needs: "--features or all columns; `jensen mixture` fits more kinds, faster",
        data: "272 eruptions of Old Faithful",
        file: own_data!("faithful.csv"),
        parts: (None, &[], None),
        uses: &[DataOption::Features],
        build: GaussianMixture::build,
    },
    Entry {
        name: "gaussian-mixture-assigned",
        about: "the same with a latent for the component of each row",
        needs: "--features or all columns",
        data: "272 eruptions of Old Faithful",
        file: own_data!("faithful.csv"),
        parts: (None, &[], None),
        uses: &[DataOption::Features],
        build: GaussianMixture::build_assigned,
    },
    Entry {
        name: "regression-mixture",
        about: "a real response on features in one of two ways",
        needs: "--response, and --features or all other columns",
        data: "petals by sepals of 150 irises, their species not told (Anderson 1935)",
        file: own_data!("iris.csv"),
        parts: (Some("petal_length"), &["sepal_length"], None),
        uses: REGRESSION,
        build: RegressionMixture::build,
    },
    Entry {
        name: "hidden-markov",
        about: "counts whose rate goes back and forth between two",
        needs: "--response, a series of counts",
        data: "coal-mining disasters by year, 1851 to 1962 (Jarrett 1979)",
        file: own_data!("coal_mining.csv"),
        parts: (Some("disasters"), &[], None),
        uses: SERIES,
        build: HiddenMarkov::build,
    },
    Entry {
        name: "latent-class",
        about: "people of two classes by their answers of 0 and 1",
        needs: "--features or all columns, at least 3 of 0 and 1",
        data: "216 people in 4 conflicts of roles (Stouffer and Toby 1951)",
        file: own_data!("stouffer_toby.csv"),
        parts: (None, &[], None),
        uses: &[DataOption::Features],
        build: LatentClass::build,
    },
    Entry {
        name: "bernoulli-latents",
        about: "causes that are there or not, seen through sums of their effects",
        needs: "columns x and offset, and one for each cause",
        data: "10 observations of 20 causes (simulated)",
        file: own_data!("bernoulli_latents.csv"),
        parts: (None, &[], None),
        uses: &[],
        build: BernoulliLatents::build,
    },
    Entry {
        name: "sigmoid-belief-network",
        about: "hidden causes of 0 and 1, 6 in each row, that light its pixels",
        needs: "--features or all columns, at least 3 of 0 and 1",
        data: "100 handwritten digits of 8 x 8 black and white pixels (Alpaydin and Kaynak 1998)",
        file: own_data!("pixels.csv"),
        parts: (None, &[], None),
        uses: &[DataOption::Features],
        build: SigmoidBeliefNetwork::build,
    },
    Entry {
        name: "matrix-factorisation",
        about: "ratings by two factors of each user and item",
        needs: "--response and two --features, users and items",
        data: "308 ratings of 20 items by 30 users (simulated)",
        file: own_data!("ratings.csv"),
        parts: (Some("rating"), &["user", "item"], None),
        uses: &[DataOption::Response, DataOption::Features],
        build: MatrixFactorisation::build,
    },
    Entry {
        name: "linear-state-space",
        about: "a hidden autoregression seen through noise",
        needs: "--response, or the only column",
        data: "annual level of Lake Huron, 98 years (Brockwell and Davis 1991)",
        file: own_data!("lake_huron.csv"),
        parts: (Some("level"), &[], None),
        uses: &[DataOption::Response],
        build: LinearStateSpace::build,
    },
    Entry {
        name: "deep-state-space",
        about: "sequences of a hidden state that moves by a network; q is a network, too",
        needs: "--features of numbers, a column a step, or all columns",
        data: "300 simulated sequences of 6 steps",
        file: own_data!("sequences.csv"),
        parts: (None, &[], None),
        uses: &[DataOption::Features],
        build: DeepStateSpace::build,
    },
    Entry {
        name: "topics",
        about: "latent Dirichlet allocation, documents as mixtures of topics; q is a network",
        needs: "--features of counts, a column a word, or all columns",
        data: "300 simulated documents of 50 words, of 20 that belong to 4 topics",
        file: own_data!("documents.csv"),
        parts: (None, &[], None),
        uses: &[DataOption::Features],
        build: Topics::build,
    },
];

#[cfg(test)]
#[path = "registry/tests.rs"]
mod tests;
