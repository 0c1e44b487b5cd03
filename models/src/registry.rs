//! The models by name: what each is, the data it needs, its own data, and how it is built.

mod entries;
mod option;
mod residual;

use crate::data::DataTable;
use crate::data::nearest::nearest;
use crate::zoo::{BuildError, Built, DataOptions, Input};
use entries::ENTRIES;
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
    pub fn build(&self, table: &DataTable, options: &DataOptions) -> Result<Built, BuildError> {
        self.check(options)?;
        let built = (self.build)(&Input { table, options, embedded: false })?;
        residual::check(self.name, table, options)?;
        Ok(built)
    }

    /// Its own data.
    ///
    /// # Errors
    /// None for the data as they are; a test reads them all.
    pub fn table(&self) -> Result<DataTable, BuildError> {
        let (name, text) = self.file;
        Ok(DataTable::from_csv(name, text.as_bytes())?)
    }

    fn check(&self, options: &DataOptions) -> Result<(), BuildError> {
        let given = [
            (DataOption::Response, options.response.is_some()),
            (DataOption::Features, options.features.is_some()),
            (DataOption::Group, options.group.is_some()),
            (DataOption::Lags, options.lags.is_some()),
            (DataOption::Supports, options.supports.is_some()),
            (DataOption::Formula, options.formula.is_some()),
            (DataOption::Likelihood, options.settings.as_ref().is_some_and(|s| s.likelihood.is_some())),
            (DataOption::Settings, options.settings.is_some()),
        ];
        match given.into_iter().find(|(option, given)| *given && !self.uses.contains(option)) {
            None => Ok(()),
            Some((option, _)) => {
                let hint = match option {
                    DataOption::Group => ", or fit `hierarchical-regression`".to_string(),
                    DataOption::Formula | DataOption::Likelihood | DataOption::Settings => {
                        ", or fit `regression`".to_string()
                    }
                    DataOption::Lags => ", or fit `autoregression`".to_string(),
                    DataOption::Supports => ", or fit `simulated-posterior`".to_string(),
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

#[cfg(test)]
#[path = "registry/tests.rs"]
mod tests;
