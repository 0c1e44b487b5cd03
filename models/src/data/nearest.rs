//! "Did you mean": the known name nearest to a mistyped one.

/// Returns the name in `known` nearest to `name`, or `None` when nothing is close.
///
/// A difference of case alone counts as near; otherwise at most a third of the letters (and at least one) may differ.
///
/// ```
/// # use jensen_models::data::nearest::nearest;
/// assert_eq!(nearest("incmoe", ["age", "income"]), Some("income"));
/// assert_eq!(nearest("zzz", ["age", "income"]), None);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(name);
    let limit = (wanted.len() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (edit_distance(&wanted, &folded(candidate)), candidate))
        .filter(|&(distance, _)| distance <= limit && distance < wanted.len().max(1))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Joins `names` for a message, each in back quotes, naming at most `limit` of them.
pub fn listed(names: &[String], limit: usize) -> String {
    let mut text = names.iter().take(limit).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > limit {
        text += &format!(", ... ({} in all)", names.len());
    }
    text
}

/// Lower case, with `-`, `_` and spaces taken for the same letter.
fn folded(name: &str) -> Vec<char> {
    name.chars()
        .flat_map(char::to_lowercase)
        .map(|letter| if letter == '_' || letter == ' ' { '-' } else { letter })
        .collect()
}

/// The number of insertions, deletions, substitutions and swaps of neighbours that turn `from` into `to`.
fn edit_distance(from: &[char], to: &[char]) -> usize {
    let mut before = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, &a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &b) in to.iter().enumerate() {
            let mut cost = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a == to[j - 1] && from[i - 1] == b {
                cost = cost.min(before_at(&before, j) + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

fn before_at(before: &[usize], j: usize) -> usize {
    before.get(j - 1).copied().unwrap_or(usize::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: &str, b: &str) -> usize {
        edit_distance(&folded(a), &folded(b))
    }

    #[test]
    fn known_distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("recieve", "receive"), 1);
        assert_eq!(distance("Eight_Schools", "eight-schools"), 0);
    }

    #[test]
    fn the_nearest_wins_and_far_names_are_not_offered() {
        let known = ["height", "weight", "age"];
        assert_eq!(nearest("weigth", known), Some("weight"));
        assert_eq!(nearest("AGE", known), Some("age"));
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..5).map(|i| format!("x{i}")).collect();
        assert_eq!(listed(&names, 2), "`x0`, `x1`, ... (5 in all)");
        assert_eq!(listed(&names[..2], 2), "`x0`, `x1`");
    }
}
