//! "Did you mean": the known name nearest to a mistyped one.

use strsim::osa_distance;

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
    let length = wanted.chars().count();
    let limit = (length / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (osa_distance(&wanted, &folded(candidate)), candidate))
        .filter(|&(distance, _)| distance <= limit && distance < length.max(1))
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
fn folded(name: &str) -> String {
    name.to_lowercase().replace(['_', ' '], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: &str, b: &str) -> usize {
        osa_distance(&folded(a), &folded(b))
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
