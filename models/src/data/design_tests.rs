use super::*;

fn table(text: &str) -> DataTable {
    DataTable::from_csv("d.csv", text.as_bytes()).unwrap()
}

fn error(text: &str, spec: DesignSpec) -> String {
    DesignMatrix::new(&table(text), &spec).unwrap_err().to_string()
}

fn real(response: &str) -> DesignSpec {
    DesignSpec::new(response)
}

#[test]
fn features_are_standardised_and_row_major() {
    let table = table("x,y,z,g\n1,5,0,b\n2,7,0,a\n3,6,3,b\n");
    let design = DesignMatrix::new(&table, &real("y").features(&["z", "x"])).unwrap();
    assert_eq!((design.num_rows, design.num_features()), (3, 2));
    assert_eq!(design.response, [-1.0, 1.0, 0.0]);
    assert_eq!((design.response_scale.mean, design.response_scale.sd), (6.0, 1.0));
    let s = 3.0_f64.sqrt(); // z has mean 1 and variance 3
    for (found, expected) in design.features.iter().zip([-1.0 / s, -1.0, -1.0 / s, 0.0, 2.0 / s, 1.0]) {
        assert!((found - expected).abs() < 4.0 * f64::EPSILON, "{found} {expected}");
    }
}

#[test]
fn without_a_list_every_other_named_column_is_a_feature() {
    let table = table(",x,y,z\n1,1,5,0\n2,2,7,0\n3,4,6,3\n4,4,6,2\n");
    let design = DesignMatrix::new(&table, &real("y")).unwrap();
    assert_eq!(design.scales.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["x", "z"]);
}

#[test]
fn degenerate_features_are_named() {
    let text = "y,a,b,c,d,e\n1,1,0,5,2,1\n2,3,1,5,6,5\n4,4,1,5,8,6\n3,6,0,5,12,6\n9,1,7,5,2,15\n";
    for (features, words) in [
        (&["a", "c"][..], "d.csv: feature `c` is constant (every value is 5); leave it out"),
        (&["a", "b", "d"], "feature `d` is collinear with `a` (d = 2 a + constant); leave one of them out"),
        (&["a", "b", "e"], "feature `e` is collinear with `a`, `b` (e = 1 a + 2 b + constant)"),
        (&["b", "a", "nope"], "no column `nope`; the columns are"),
        (&["a", "y"], "column `y` is named as the response and a feature; name it once"),
        (&["a", "a"], "column `a` is named as a feature twice"),
        (&[], "no features"),
    ] {
        let text = error(text, real("y").features(features));
        assert!(text.contains(words), "{text}");
    }
    let text = error("y,a,copy\n1,1,1\n2,3,3\n3,7,7\n5,1,1\n", real("y"));
    assert_eq!(text, "d.csv: feature `copy` repeats feature `a`; leave one of them out");
}

#[test]
fn collinear_features_pass_where_the_prior_decides() {
    let text = "y,a,b\n1,1,2\n2,3,6\n3,7,14\n";
    assert!(DesignMatrix::new(&table(text), &real("y").allow_collinear()).is_ok());
}

#[test]
fn too_few_rows_and_no_features_are_named() {
    assert!(error("y,a,b\n1,2,4\n2,3,3\n", real("y")).contains("d.csv: 2 features and an intercept from 2 rows"));
    assert!(error("y,a\n1,2\n", real("y")).contains("d.csv: one row is too few"));
    assert!(error("y\n1\n2\n", real("y")).contains("no features, the response is the only column"));
    let grouped = "y,a,g\n1,2,k\n2,3,k\n3,5,k\n";
    let text = error(grouped, real("y"));
    assert!(text.contains("d.csv, line 2, column `g`: \"k\" is not a number"), "{text}");
}

#[test]
fn a_response_without_residuals_is_refused() {
    let check = |text: &str, spec: DesignSpec| {
        let design = DesignMatrix::new(&table(text), &spec).unwrap();
        design.check_residuals("d.csv").map_err(|e| e.to_string())
    };
    // y = 3 + 2 a - b, and what a spreadsheet rounds to six digits is no function of them.
    let exact = "y,a,b\n0,1,5\n6,2,1\n11,4,0\n15,7,2\n";
    let words = "d.csv: `y` is a linear function of `a`, `b` in every row (y = 2 a - 1 b + constant): the residual \
                 scale would be zero; leave out the features that it was made from, or choose another --response";
    assert_eq!(check(exact, real("y")), Err(words.to_string()));
    assert_eq!(check(&exact.replace("15,", "15.00001,"), real("y")), Ok(()));
    // Three rows and three coefficients: any response is such a function.
    assert_eq!(check("y,a,b\n0,1,5\n6,2,1\n11,4,0\n", real("y")), Ok(()));
    // Where features repeat each other, those that do not explain it.
    let repeated = "y,a,c,b\n0,1,2,5\n6,2,4,1\n11,4,8,0\n15,7,14,2\n20,9,18,1\n";
    let found = check(repeated, real("y").allow_collinear()).unwrap_err();
    assert!(found.contains("of `a`, `b` in every row (y = 2 a - 1 b + constant)"), "{found}");
    assert_eq!(check(&repeated.replace("\n20,", "\n21,"), real("y").allow_collinear()), Ok(()));
}
