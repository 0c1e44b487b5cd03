//! `jensen mixture` on tables as people have them: indicators, decimal commas, dates, values that repeat, large offsets.

use crate::folder::Folder;
use serde_json::Value;

/// A number between -1 and 1 for each row, of which neighbours are unlike.
fn noise(i: usize, by: usize) -> f64 {
    f64::from(((i * by) % 101) as u32) / 50.0 - 1.0
}

#[test]
fn indicators_of_one_column_are_one_column_of_words() {
    let folder = Folder::new("mixture-one-hot");
    let row = |i: usize| {
        let kind = i % 3;
        let of = |k: usize| u8::from(k == (if i.is_multiple_of(17) { (kind + 1) % 3 } else { kind }));
        format!("{:.3},{},{},{}\n", [2.0, 6.0, 10.0][kind] + noise(i, 37), of(0), of(1), of(2))
    };
    let rows: String = (0..150).map(row).collect();
    folder.file("t.csv", format!("size,colour_red,colour_blue,colour_green\n{rows}"));
    let run = folder.jensen("mixture t.csv --quiet --json --k 1..6");
    let report: Value = serde_json::from_str(&run.fitted().out).unwrap();
    assert_eq!(report["k"], 3, "{run:?}");
    let text = folder.jensen("mixture t.csv --quiet --k 1..6 --out m").out;
    assert!(text.contains("colour_red+colour_blue+colour_green (multinomial)"), "{text}");
    assert!(text.contains("exactly one is 1 in every row"), "{text}");
    // New rows are read alike, and one kind asked for is left alone.
    let run = folder.jensen("predict m t.csv");
    assert!(run.code == Some(0) && run.out.lines().count() == 151, "{run:?}");
    let text = folder.jensen("mixture t.csv --quiet --k 1..2 --kind colour_red=bernoulli").out;
    assert!(text.contains("colour_red (bernoulli)"), "{text}");
}

#[test]
fn numbers_and_dates_are_no_words_unless_asked_for() {
    let folder = Folder::new("mixture-written");
    let commas: String = (0..40).map(|i| format!("{},5;{}\n", i % 4, i % 7)).collect();
    folder.file("c.csv", format!("a;b\n{commas}"));
    let dates: String = (0..40).map(|i| format!("2024-03-0{},{}\n", 1 + i % 4, i % 7)).collect();
    folder.file("d.csv", format!("day,b\n{dates}"));
    for batch in ["", " --batch 16"] {
        let refused = folder.jensen(&format!("mixture c.csv --quiet{batch}"));
        refused.refused(&["c.csv, column `a`: ", "is a number with a decimal comma; write the column with points"]);
        folder
            .jensen(&format!("mixture d.csv --quiet{batch}"))
            .refused(&["d.csv, column `day`: \"2024-03-01\" is a date", "--kind day=categorical"]);
    }
    folder.jensen("mixture c.csv --quiet --k 1 --kind a=categorical").fitted();
}

#[test]
fn values_that_repeat_and_copies_of_rows_are_noticed() {
    let folder = Folder::new("mixture-repeated");
    let rows: String = (0..120).map(|i| format!("{},{:.3}\n", [0, 0, 0, 3, 8][i % 5], noise(i, 37))).collect();
    folder.file("t.csv", format!("visits,x\n{rows}"));
    let run = folder.jensen("mixture t.csv --quiet --k 3");
    assert!(run.fitted().out.contains("`visits` has 3 different values in 120 rows"), "{run:?}");
    assert!(run.code == Some(1) && run.out.contains("smaller spread in `visits` than the distance"), "{run:?}");
    let copied: String = (0..30).map(|i| format!("{:.3},{:.3}\n", noise(i, 37), noise(i, 53)).repeat(4)).collect();
    folder.file("c.csv", format!("a,b\n{copied}"));
    let run = folder.jensen("mixture c.csv --quiet --k 1..2");
    assert!(run.fitted().out.contains("120 rows are 30 different ones"), "{run:?}");
    // Measurements are neither.
    let plain: String = (0..100).map(|i| format!("{:.3},{:.3}\n", noise(i, 37), noise(i, 53))).collect();
    folder.file("p.csv", format!("a,b\n{plain}"));
    let run = folder.jensen("mixture p.csv --quiet --k 1..2");
    assert!(!run.fitted().out.contains("different values") && !run.out.contains("different ones"), "{run:?}");
}

#[test]
fn means_are_written_to_the_digits_that_differ() {
    let folder = Folder::new("mixture-offset");
    let rows: String = (0..100).map(|i| format!("{:.3}\n", 1e9 + [0.0, 40.0][i % 2] + noise(i, 37))).collect();
    folder.file("t.csv", format!("x\n{rows}"));
    let run = folder.jensen("mixture t.csv --quiet --k 2");
    assert!(run.fitted().out.contains("10000000") && !run.out.contains("1.00e9"), "{run:?}");
}
