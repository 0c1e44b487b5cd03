//! Models with mistakes: recording them ends in words that say what and where, never in a panic or a wrong answer.

use std::sync::Mutex;

use jensen::prelude::*;
use jensen::program::MatrixRow;
use jensen::target::{LogDensity, Target};

struct Of<F>(F);

impl<F: Fn(&LogJoint) + Sync> Model for Of<F> {
    fn log_joint(&self, p: &LogJoint) {
        (self.0)(p);
    }
}

/// The mistake found in a model.
fn mistake(log_joint: impl Fn(&LogJoint) + Sync) -> String {
    Target::new(&Of(log_joint)).expect_err("the model has a mistake").to_string()
}

/// A value taken out of the closure it belongs to.
struct Kept<T>(Mutex<Option<T>>);

impl<T: Copy> Kept<T> {
    fn new() -> Self {
        Kept(Mutex::new(None))
    }
    fn put(&self, value: T) {
        *self.0.lock().unwrap() = Some(value);
    }
    fn value(&self) -> T {
        self.0.lock().unwrap().unwrap()
    }
}

fn y() -> Column {
    Column::new([1.0, 2.0, 3.0, 2.5])
}

#[test]
fn a_prior_is_not_repeated_for_every_row() {
    let y = y();
    let found = mistake(|p| {
        p.rows(4, |i| {
            let mu = p.draw("mu", normal(0.0, 1.0));
            i.observe(y.at(i), normal(mu, 1.0));
        });
    });
    assert!(found.contains("\"mu\"") && found.contains("before the rows"), "{found}");
    let found = mistake(|p| p.rows(4, |i| i.add(p.integer("k", 0..3).to_real())));
    assert!(found.contains("\"k\"") && found.contains("before the rows"), "{found}");
    let found = mistake(|p| p.rows(4, |i| i.add(p.draws("v", normal(0.0, 1.0), 4).at(i))));
    assert!(found.contains("\"v\"") && found.contains("before the rows"), "{found}");
}

#[test]
fn data_of_a_row_stays_in_its_rows() {
    let y = y();
    let k = IntColumn::new([0, 1, 2, 1]);
    let x = Matrix::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 2).unwrap();
    let outside = "outside of its `rows` closure";

    let found = mistake(|p| {
        let kept = Kept::new();
        let mu = p.draw("mu", normal(0.0, 1.0));
        p.rows(4, |i| kept.put(y.at(i)));
        p.observe(kept.value(), normal(mu, 1.0));
    });
    assert!(found.contains(outside), "{found}");

    for rows in [0..0, 1..9] {
        let found = mistake(|p| {
            let kept = Kept::new();
            let v = p.draws("v", normal(0.0, 1.0), 3);
            p.rows(4, |i| kept.put(k.at(i)));
            if rows.is_empty() {
                p.add(v.at(kept.value()))
            } else {
                p.rows(rows.clone(), |i| i.add(v.at(kept.value())))
            }
        });
        assert!(found.contains(outside), "{found}");
    }

    let uses: [fn(MatrixRow, &Vector) -> Real; 3] =
        [|row, v| row.dot(v), |row, v| row.at(1) * v.at(0), |row, v| row.to_vector().dot(v)];
    for (n, of_row) in [(0, uses[0]), (0, uses[1]), (0, uses[2]), (900, uses[0]), (900, uses[1]), (900, uses[2])] {
        let found = mistake(|p| {
            let kept = Kept::new();
            let v = p.draws("v", normal(0.0, 1.0), 2);
            p.rows(4, |i| kept.put(x.at(i)));
            match n {
                0 => p.add(of_row(kept.value(), &v)),
                n => p.rows(n, |i| i.add(of_row(kept.value(), &v))),
            }
        });
        assert!(found.contains(outside), "{found}");
    }
}

#[test]
fn latents_of_rows_need_the_same_rows_everywhere() {
    let y = y();
    let found = mistake(|p| {
        p.rows(4, |i| {
            let z = i.draw("z", normal(0.0, 1.0));
            i.observe(y.at(i), normal(z, 1.0));
        });
        p.rows(2, |i| i.observe(y.at(i), normal(0.0, 2.0)));
    });
    assert!(found.contains("the same rows in every block"), "{found}");
}

#[test]
fn sites_without_a_free_number_are_named() {
    let sites: [fn(&LogJoint); 6] = [
        |p| _ = p.draws("s", normal(0.0, 1.0), 0),
        |p| _ = p.simplex("s", 0),
        |p| _ = p.simplex("s", 1),
        |p| _ = p.ordered("s", 0),
        |p| _ = p.unit_vector("s", 0),
        |p| _ = p.cholesky_correlation("s", 1),
    ];
    for site in sites {
        let found = mistake(|p| {
            p.draw("mu", normal(0.0, 1.0));
            site(p);
        });
        assert!(found.contains("\"s\" has no free number"), "{found}");
    }
}

#[test]
fn indices_and_bounds_that_cannot_be_are_refused() {
    let found = mistake(|p| {
        let v = p.draws("v", normal(0.0, 1.0), 3);
        p.add(v.at(Int::from(-1)));
    });
    assert!(found.contains("element -1"), "{found}");
    let found = mistake(|p| p.add(p.interval("x", 2.0, 1.0)));
    assert!(found.contains("\"x\" lies between 2 and 1"), "{found}");
}

#[test]
fn elements_by_row_and_column_are_those_of_a_matrix() {
    let found = mistake(|p| p.add(p.draws("v", normal(0.0, 1.0), 6).at((1, 0))));
    assert!(found.contains("element (1, 0) of a vector of 6 elements"), "{found}");
    for outside in [(0, 2), (3, 0)] {
        let found = mistake(|p| p.add(p.matrix("w", normal(0.0, 1.0), 3, 2).at(outside)));
        assert!(found.contains("of a matrix of 3 rows and 2 columns"), "{found}");
    }
}

#[test]
fn integers_that_are_no_counts_are_placed() {
    let columns = [
        (IntColumn::new([1_i64, -3, -1]), "row 1 of an integer column is -3"),
        (IntColumn::new(vec![0_usize, 1, 1 << 33]), "row 2 of an integer column is 8589934592"),
    ];
    for (column, expected) in columns {
        let found = mistake(|p| {
            let rate = p.draw("rate", gamma(2.0, 1.0));
            p.rows(3, |i| i.observe(column.at(i), poisson(rate)));
        });
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn the_second_of_two_sites_with_one_name_is_where_the_model_says() {
    let line = line!() + 3;
    let found = mistake(|p| {
        p.draw("mu", normal(0.0, 1.0));
        p.draw("mu", normal(0.0, 1.0));
    });
    // The second `draw`, in this file.
    assert!(found.contains("two sites") && found.contains(&format!("bad_models.rs:{line}")), "{found}");
}

#[test]
fn data_that_are_not_numbers_are_placed() {
    let (x, y) = (Column::new([1.0, f64::NAN, 3.0]), Column::new([1.0, 2.0, 3.0]));
    let table = Matrix::new(vec![1.0, 2.0, 3.0, f64::NAN, 5.0, 6.0], 2).unwrap();
    let found = mistake(|p| {
        let b = p.draw("b", normal(0.0, 1.0));
        p.rows(3, |i| i.observe(y.at(i), normal(b * x.at(i), 1.0)));
    });
    assert!(found.contains("row 1 of column 1"), "{found}");
    let found = mistake(|p| {
        let w = p.draws("w", normal(0.0, 1.0), 2);
        p.rows(3, |i| i.observe(y.at(i), normal(table.at(i).dot(&w), 1.0)));
    });
    assert!(found.contains("row 1, column 1 of matrix 0"), "{found}");
    // Rows that are not read do no harm.
    let skips = Of(|p: &LogJoint| {
        let b = p.draw("b", normal(0.0, 1.0));
        p.rows(2..3, |i| i.observe(y.at(i), normal(b * x.at(i), 1.0)));
    });
    assert!(Target::new(&skips).is_ok());
}

#[test]
fn sites_larger_than_any_machine_are_refused_by_name() {
    let too_many: [fn(&LogJoint); 9] = [
        |p| p.add(p.draws("v", normal(0.0, 1.0), usize::MAX).sum()),
        |p| p.add(p.matrix("v", normal(0.0, 1.0), 1 << 40, 1 << 40).sum()),
        |p| p.add(p.parameter("v", &[1 << 40, 1 << 40]).sum()),
        |p| p.add(p.positives("v", 1 << 40).sum()),
        |p| p.add(p.reals("v", usize::MAX).sum()),
        |p| p.add(p.simplex("v", 1 << 30).sum()),
        |p| p.add(p.ordered("v", usize::MAX).elements()[0]),
        |p| p.add(p.cholesky_covariance("v", usize::MAX).sum()),
        |p| p.add(p.draw("v", lkj_cholesky(1 << 33, 2.0)).sum()),
    ];
    for model in too_many {
        let found = mistake(model);
        assert!(found.contains("\"v\"") && found.contains("at most") && found.contains("bad_models.rs"), "{found}");
    }
}

#[test]
fn an_element_and_a_site_of_one_name_are_told_apart() {
    let found = mistake(|p| {
        let v = p.draws("x", normal(0.0, 1.0), 3);
        p.add(p.real("x[0]") * v.at(0));
    });
    assert!(found.contains("element of \"x\""), "{found}");
    let found = mistake(|p| {
        let first = p.draw("x[0]", normal(0.0, 1.0));
        p.add(p.draws("x", normal(first, 1.0), 3).at(0));
    });
    assert!(found.contains("\"x[..]\""), "{found}");
    let apart = Target::new(&Of(|p: &LogJoint| {
        let first = p.draw("x[0]", normal(0.0, 1.0));
        p.draws("y", normal(first, 1.0), 3);
    }));
    assert_eq!(apart.expect("two names").layout().num_latents, 4);
}
