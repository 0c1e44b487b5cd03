//! Which columns are used, and what `--kind` says of each.

use super::error::ClusterError;
use crate::cli::mixture_args::{ColumnChoice, MixtureModelArgs};
use jensen_models::data::DataTable;
use jensen_models::data::written::{day, with_point};

/// What words really are, where all of them are numbers with a decimal comma or dates.
pub(super) fn not_words<'a>(words: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
    let mut any = words.clone().peekable();
    any.peek()?;
    if words.clone().all(|word| day(word).is_some()) {
        return Some("a date; write dates as numbers of days");
    }
    let has_comma = words.clone().any(|word| word.contains(','));
    let are_numbers = has_comma && words.clone().all(|word| with_point(word).is_some());
    are_numbers.then_some("a number with a decimal comma; write the column with points")
}

/// A column to use, and the kind that was chosen for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Name of the column.
    pub name: String,
    /// The kind that was asked for.
    pub choice: ColumnChoice,
    /// Of multinomial columns: the number of those that share a total, from 0.
    pub group: usize,
}

/// The columns to use, in order; a table's header is enough.
///
/// # Errors
/// No such column, one named twice or left out, and a multinomial of one column.
pub fn asked(table: &DataTable, model: &MixtureModelArgs) -> Result<Vec<Asked>, ClusterError> {
    let names = match &model.columns {
        Some(names) => names.iter().map(|n| n.trim().to_string()).collect(),
        None => table.given_names().map(str::to_string).collect::<Vec<_>>(),
    };
    if let Some(twice) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        return Err(ClusterError::Options(format!("--columns names `{}` twice; name each column once", twice.1)));
    }
    let spoken: Vec<Option<Vec<String>>> =
        model.kind.iter().map(|kind| kind.column.as_deref().map(|text| joined(table, text))).collect();
    for column in spoken.iter().flatten().flatten() {
        table.words(column)?;
        if !names.contains(column) {
            let text =
                format!("--kind speaks of column `{column}`, which --columns leaves out; name it in both or none");
            return Err(ClusterError::Options(text));
        }
    }
    // The last word on a column, else the last on all.
    let word = |name: &String| {
        let own = spoken.iter().rposition(|columns| columns.as_ref().is_some_and(|c| c.contains(name)));
        own.or_else(|| spoken.iter().rposition(Option::is_none))
    };
    let mut groups = Vec::new();
    let one = |name: String| {
        let at = word(&name);
        let choice = at.map_or(ColumnChoice::Auto, |at| model.kind[at].kind);
        let mut group = 0;
        if choice == ColumnChoice::Multinomial {
            group = groups.iter().position(|g| *g == at).unwrap_or(groups.len());
            groups.resize(groups.len().max(group + 1), at);
        }
        Asked { name, choice, group }
    };
    let asked: Vec<Asked> = names.into_iter().map(one).collect();
    check_groups(&asked)?;
    Ok(asked)
}

/// One column, or several joined by `+` where no column has that name.
fn joined(table: &DataTable, text: &str) -> Vec<String> {
    if table.names().any(|name| name == text) {
        vec![text.to_string()]
    } else {
        text.split('+').map(|name| name.trim().to_string()).collect()
    }
}

/// A multinomial needs two columns.
fn check_groups(asked: &[Asked]) -> Result<(), ClusterError> {
    let is_multinomial = |a: &&Asked| a.choice == ColumnChoice::Multinomial;
    let alone = asked.iter().filter(is_multinomial).find(|a| {
        let others = asked.iter().filter(is_multinomial).filter(|b| b.group == a.group);
        others.count() == 1
    });
    match alone {
        None => Ok(()),
        Some(Asked { name, .. }) if asked.len() == 1 => Err(ClusterError::Options(format!(
            "column `{name}` is the only one of the fit, and a multinomial is of two or more whose counts share a total; \
             choose poisson for a single count, as in --kind {name}=poisson"
        ))),
        Some(Asked { name, .. }) => Err(ClusterError::Options(format!(
            "column `{name}` is a multinomial of its own, and the counts of one share a total; join its columns as in \
             --kind {name}+other=multinomial, or choose poisson for a single count"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::mixture_args::KindChoice;

    fn model(kinds: &[&str]) -> MixtureModelArgs {
        use crate::cli::mixture_args::MixtureArgs;
        use clap::{Args, FromArgMatches};
        let command = MixtureArgs::augment_args(clap::Command::new("mixture"));
        let matches = command.get_matches_from(["mixture"]);
        let mut model = MixtureArgs::from_arg_matches(&matches).expect("defaults").model;
        model.kind.extend(kinds.iter().map(|k| k.parse::<KindChoice>().expect("a kind")));
        model
    }

    #[test]
    fn joined_columns_share_a_group_and_a_name_with_a_plus_is_a_name() {
        let table = DataTable::from_csv("t.csv", b"a,b,c,d,a+b,e\n1,2,3,4,5,6\n").expect("a table");
        let found = asked(&table, &model(&["multinomial", "a+b=gamma", "c+d=multinomial"])).expect("kinds");
        let seen: Vec<_> = found.iter().map(|a| (a.name.as_str(), a.choice, a.group)).collect();
        let (all, gamma) = (ColumnChoice::Multinomial, ColumnChoice::Gamma);
        let right = [("a", all, 0), ("b", all, 0), ("c", all, 1), ("d", all, 1), ("a+b", gamma, 0), ("e", all, 0)];
        assert_eq!(seen, right);
        let table = DataTable::from_csv("t.csv", b"a,b,c\n1,2,3\n").expect("a table");
        let found = asked(&table, &model(&["a+b=poisson"])).expect("kinds");
        let choices: Vec<_> = found.iter().map(|a| a.choice).collect();
        assert_eq!(choices, [ColumnChoice::Poisson, ColumnChoice::Poisson, ColumnChoice::Auto]);
        let error = |kinds: &[&str]| asked(&table, &model(kinds)).expect_err("a bad kind").to_string();
        assert!(error(&["a=multinomial"]).contains("--kind a+other=multinomial"));
        let alone = DataTable::from_csv("t.csv", b"a\n1\n2\n").expect("a table");
        let text = asked(&alone, &model(&["multinomial"])).expect_err("a single column").to_string();
        assert!(text.contains("`a` is the only one") && text.contains("--kind a=poisson"), "{text}");
        assert!(error(&["a+x=multinomial"]).contains("no column `x`"));
    }
}
