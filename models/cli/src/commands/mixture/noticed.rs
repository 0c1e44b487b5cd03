//! What is noticed of the cells of a mixture before the fit: indicators of one column, and values that repeat.

use super::columns::{Column, ColumnKind};

/// A column with fewer different values is asked after; so is a table with fewer different rows than this share.
const FEW: usize = 10;
const REPEATED: f64 = 0.5;

/// Makes one multinomial of columns of zeros and ones of which exactly one is 1 in every row, and says so.
///
/// Such columns have a name in common up to its last `_`, `.`, `=`, `:` or blank, or are all columns of zeros and ones.
pub(super) fn one_hot(columns: &mut [Column], cells: &[Vec<f64>], is_asked: impl Fn(&str) -> bool) -> Vec<String> {
    let is_free = |j: &usize| columns[*j].kind == ColumnKind::Bernoulli && !is_asked(&columns[*j].name);
    let binary: Vec<usize> = (0..columns.len()).filter(is_free).collect();
    let stem =
        |j: usize| columns[j].name.rfind(['_', '.', '=', ':', ' ']).map(|end| columns[j].name[..end].to_string());
    let mut sets: Vec<Vec<usize>> = Vec::new();
    for &j in &binary {
        match (stem(j), sets.iter_mut().find(|set| stem(j).is_some() && stem(set[0]) == stem(j))) {
            (Some(_), Some(set)) => set.push(j),
            _ => sets.push(vec![j]),
        }
    }
    let is_one = |set: &[usize]| {
        let sum = |i: usize| set.iter().map(|&j| cells[j][i]).sum::<f64>();
        (0..cells[set[0]].len()).all(|i| sum(i) == 1.0)
    };
    sets.retain(|set| set.len() > 1 && is_one(set));
    if sets.is_empty() && binary.len() > 2 && is_one(&binary) {
        sets.push(binary);
    }
    let taken = super::columns::multinomials(columns).len();
    let mut notes = Vec::new();
    for (k, set) in sets.into_iter().enumerate() {
        set.iter().for_each(|&j| columns[j].kind = ColumnKind::Multinomial { group: taken + k });
        let names: Vec<String> = set.iter().map(|&j| columns[j].name.clone()).collect();
        notes.push(format!(
            "of {} exactly one is 1 in every row: they are taken for one column of words, as a multinomial; --kind {}=bernoulli \
             takes the first for itself",
            listed(&names),
            names[0]
        ));
    }
    notes
}

/// Columns of few different values, and rows that repeat, which a Gaussian component can shrink onto.
pub(super) fn repeated(columns: &[Column], cells: &[Vec<f64>]) -> Vec<String> {
    let mut notes = Vec::new();
    let num_rows = cells.first().map_or(0, Vec::len);
    let is_measured = |j: &usize| matches!(columns[*j].kind, ColumnKind::Gaussian | ColumnKind::StudentT { .. });
    let measured: Vec<usize> = (0..columns.len()).filter(is_measured).collect();
    for &j in &measured {
        let count = different(&cells[j]).len();
        if count <= FEW && num_rows >= 5 * count {
            notes.push(format!(
                "`{}` has {count} different values in {num_rows} rows, and a component of measurements can shrink onto one of them; \
                 --kind {0}=categorical takes them for words, --kind {0}=poisson for counts",
                columns[j].name
            ));
        }
    }
    if !measured.is_empty() {
        let mut rows: Vec<Vec<u64>> =
            (0..num_rows).map(|i| cells.iter().map(|column| (column[i] + 0.0).to_bits()).collect()).collect();
        rows.sort_unstable();
        rows.dedup();
        if (rows.len() as f64) < REPEATED * num_rows as f64 {
            let different = rows.len();
            notes.push(format!(
                "{num_rows} rows are {different} different ones: where rows were copied, components are sure of more than the data say"
            ));
        }
    }
    notes
}

/// The smallest distance of different values of each column of measurements; none of the others.
pub(super) fn spacings(columns: &[Column], cells: &[Vec<f64>]) -> Vec<Option<f64>> {
    let one = |(column, cells): (&Column, &Vec<f64>)| {
        let is_measured = matches!(column.kind, ColumnKind::Gaussian | ColumnKind::StudentT { .. });
        let gaps = is_measured.then(|| different(cells));
        gaps.and_then(|all| all.windows(2).map(|pair| pair[1] - pair[0]).min_by(f64::total_cmp))
    };
    columns.iter().zip(cells).map(one).collect()
}

fn different(cells: &[f64]) -> Vec<f64> {
    let mut all: Vec<f64> = cells.iter().copied().filter(|x| !x.is_nan()).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

fn listed(names: &[String]) -> String {
    jensen_models::data::nearest::listed(names, 8)
}
