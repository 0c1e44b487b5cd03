//! Every bad input is answered in words with exit code 2, and leaves no file.

use super::{Folder, GOOD, Run};
use std::process::Stdio;

/// Every bad input leaves no file behind, whatever it is refused for.
#[test]
fn bad_data_are_refused_with_place_and_remedy() {
    let folder = Folder::new("bad-data");
    let cases: &[(&str, &str, &[&str])] = &[
        // file text, options, words of the message
        ("y,a\n", "", &["d.csv: zero rows below the header", "at least one row"]),
        ("", "", &["d.csv: the file is empty"]),
        ("y,a\n1,2\n", "", &["one row is too few for a regression"]),
        ("1,2\n3,4\n", "", &["d.csv, line 1: no header", "add a first line"]),
        ("y,a\n1,2\n3\n", "", &["d.csv, line 3: found 1 field where the header has 2"]),
        ("y,a,a\n1,2,3\n", "", &["duplicate column `a`", "rename"]),
        ("x,a\n1,2\n2,3\n", "", &["d.csv: no column `y`", "the columns are `x`, `a`"]),
        ("y,a\n1,2\n2,\n3,5\n", "--missing refuse", &["d.csv, line 3, column `a`", "missing"]),
        ("y,a\n1,2\n2,NA\n3,5\n", "--missing refuse", &["d.csv, line 3, column `a`", "missing"]),
        ("y,a\n1,2\n2,tall\n3,5\n", "", &["d.csv, line 3, column `a`: \"tall\" is not a number"]),
        ("y,a\n1,2\nNaN,3\n3,5\n", "--missing refuse", &["d.csv, line 3, column `y`"]),
        ("y,a\n1,2\ninf,3\n3,5\n", "", &["d.csv, line 3, column `y`", "finite"]),
        ("y,a\n1,7\n2,7\n3,7\n", "", &["d.csv: `a` is constant", "leave it out"]),
        ("y,a\n4,1\n4,2\n4,3\n", "", &["every row has the response 4", "nothing to explain"]),
        (
            "y,a,b\n1,1,2\n2,2,4\n3,4,8\n4,3,6\n",
            "",
            &["`b` is collinear: `a` and the intercept determine it", "leave one"],
        ),
        ("y,a,b\n1,1,1\n2,2,2\n3,4,4\n4,3,3\n", "", &["`b` is collinear: `a`"]),
        (
            "y,a,b\n4,1,2\n5.5,2,1\n11.5,4,5\n9,3,4\n",
            "",
            &["d.csv: `a`, `b` explain `y` in every row", "would be zero"],
        ),
        ("y,\"a\n1,2\n2,3\n", "", &["d.csv, line 1: a quotation mark is opened here", "close it, or remove it"]),
        ("y,a\n1,2\n2,\"3\n3,5\n", "", &["d.csv, line 3: a quotation mark is opened here"]),
    ];
    for (text, options, words) in cases {
        folder.file("d.csv", text);
        let run =
            folder.jensen(&format!("fit linear-regression --data d.csv --response y {options} --out results --plot"));
        run.refused(words);
        assert_eq!(folder.names(""), ["d.csv"], "{text:?}");
    }
}

/// The run of a line that might read for ever: it is killed after ten seconds, and then has no exit code.
#[cfg(unix)]
fn brief(folder: &Folder, line: &str) -> Run {
    let mut child = folder.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..500 {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let _ = child.kill();
    Run::of(child.wait_with_output().unwrap())
}

#[cfg(unix)]
#[test]
fn devices_are_refused_and_pipes_are_not() {
    let folder = Folder::new("devices");
    let lines = [
        "fit linear-regression --data /dev/zero --response y",
        "mixture /dev/zero",
        "mixture /dev/zero --batch 8",
        "vae --data /dev/zero",
        "vae --data /dev/zero --buffer 8",
    ];
    for line in lines {
        brief(&folder, line).refused(&["/dev/zero: cannot be read (it is a character device, not a file or a pipe)"]);
    }
    folder.file("d.csv", GOOD);
    let line = "mixture /dev/stdin --columns y,a,c --k 1 --restarts 1";
    let mut cat = std::process::Command::new("cat").arg(folder.path("d.csv")).stdout(Stdio::piped()).spawn().unwrap();
    let run = Run::of(folder.command(line).stdin(cat.stdout.take().unwrap()).output().unwrap());
    assert!(cat.wait().unwrap().success() && run.out.contains("6 rows"), "{run:?}");
}

#[test]
fn bad_columns_are_refused_with_a_remedy() {
    let folder = Folder::new("bad-columns");
    folder.file("d.csv", GOOD);
    let cases: &[(&str, &[&str])] = &[
        ("linear-regression --data d.csv", &["d.csv: which column is the response", "--response NAME", "`y`, `k`"]),
        ("linear-regression --data d.csv --response z", &["no column `z`"]),
        ("linear-regression --data d.csv --response Y --features a", &["no column `Y`", "did you mean `y`"]),
        ("linear-regression --data d.csv --response y --features a,d", &["no column `d`"]),
        ("linear-regression --data d.csv --response y --features a,y", &["`y` is named as the response and a feature"]),
        ("linear-regression --data d.csv --response y --features a,a", &["`a` is named as a feature twice"]),
        ("linear-regression --data d.csv --response y --features a,,c", &["an empty name"]),
        (
            "linear-regression --data d.csv --response y --features a --group g",
            &["does not use --group", "hierarchical-regression"],
        ),
        (
            "logistic-regression --data d.csv --response k --features a",
            &["line 3, column `k`: the response must be 0 or 1", "found 3"],
        ),
        (
            "poisson-regression --data d.csv --response y --features a",
            &["line 3, column `y`: the response must be a count", "found 2.5"],
        ),
        ("negative-binomial-regression --data d.csv --response y --features a", &["must be a count"]),
        (
            "hierarchical-regression --data d.csv --response y --features a",
            &["which column is the group", "--group NAME"],
        ),
        ("hierarchical-regression --data d.csv --response y --features a --group h", &["no column `h`"]),
        ("hierarchical-regression --data d.csv --response y --group nope", &["d.csv: no column `nope`"]),
        (
            "hierarchical-regression --data d.csv --response y --features a,g --group g",
            &["`g` is named as the group and a feature"],
        ),
        (
            "hierarchical-regression --data d.csv --response y --features a --group y",
            &["`y` is named as the response and the group"],
        ),
        ("gaussian-process --data d.csv --response y --features a,c", &["one feature is needed, found 2"]),
        ("autoregression --data d.csv --response y --lags 3", &["6 rows are too few", "for 3 lags", "--lags"]),
        ("autoregression --data d.csv --response g", &["line 2, column `g`: \"p\" is not a number"]),
        ("garch --data d.csv", &["which column is the series", "--response NAME"]),
        ("garch --data d.csv --response y", &["6 rows are too few"]),
        ("garch --data d.csv --response y --lags 2", &["`garch` does not use --lags"]),
        ("eight-schools --data d.csv", &["no column `effect`"]),
        ("eight-schools --data d.csv --response y", &["does not use --response", "effect and stderr"]),
        ("linear-regression --data none.csv --response y", &["none.csv: file not found"]),
        ("linear-regression --data . --response y", &[".: cannot be read"]),
    ];
    for (line, words) in cases {
        let run = folder.jensen(&format!("fit {line} --out results"));
        run.refused(words);
        assert_eq!(folder.names(""), ["d.csv"], "{line}");
    }
}

#[test]
fn bad_series_and_errors_are_refused() {
    let folder = Folder::new("bad-series");
    let constant = "r\n".to_string() + &"1.5\n".repeat(30);
    let cases: &[(&str, &str, &[&str])] = &[
        (&constant, "garch", &["column `r` is constant (every value is 1.5)"]),
        (&constant, "stochastic-volatility", &["column `r` is constant"]),
        (&constant, "autoregression", &["column `r` is constant"]),
        (
            "effect,stderr\n1,2\n3,0\n",
            "eight-schools",
            &["d.csv, line 3, column `stderr`: a standard error must be positive, found 0"],
        ),
        ("effect,stderr\n1,2\n3,-1\n", "eight-schools-centred", &["must be positive, found -1"]),
        // Finite data that leave no place where the density is finite.
        ("effect,stderr\n1e200,1e-200\n1,2\n", "eight-schools", &["eight-schools: ", "mu"]),
        (
            "school,effect,stderr\nA,1,2\nB,2,2\nA,3,2\n",
            "eight-schools",
            &["d.csv: school \"A\" twice, lines 2 and 4; give each its own name"],
        ),
        ("school,effect,stderr\nA,1,2\nA,3,2\n", "eight-schools-centred", &["school \"A\" twice, lines 2 and 3"]),
    ];
    for (text, model, words) in cases {
        folder.file("d.csv", text);
        folder.jensen(&format!("fit {model} --data d.csv --out results")).refused(words);
        assert_eq!(folder.names(""), ["d.csv"]);
    }
}

#[test]
fn bad_json_is_refused() {
    let folder = Folder::new("bad-json");
    let cases: &[(&str, &[&str])] = &[
        ("{\"y\": [1, 2], \"a\": [1, 2, 3]}", &["d.json", "`a`", "3", "2"]),
        ("{\"y\": [1, NaN], \"a\": [1, 2]}", &["d.json, line 1", "not valid JSON"]),
        ("{\"y\": [1, null, 3], \"a\": [1, 2, 5]}", &["d.json, row 2, column `y`", "missing"]),
        ("{\"y\": [], \"a\": []}", &["d.json: zero rows of data", "at least one row"]),
        ("{\"y\": 1}", &["`y` is a single value, not a list"]),
        ("[1, 2]", &["d.json"]),
        (" \n", &["d.json: the file is empty; expected {\"name\": [numbers], ...}"]),
    ];
    for (text, words) in cases {
        folder.file("d.json", text);
        folder.jensen("fit linear-regression --data d.json --response y --missing refuse --out results").refused(words);
        assert_eq!(folder.names(""), ["d.json"], "{text}");
    }
}

#[test]
fn bad_arguments_are_refused() {
    let folder = Folder::new("bad-arguments");
    let cases: &[(&str, &[&str])] = &[
        ("fit", &["MODEL"]),
        ("fit eigth-schools", &["no model `eigth-schools`", "did you mean `eight-schools`", "jensen list"]),
        ("fit weather", &["no model `weather`", "jensen list"]),
        ("fit eight-schools --family meanfield", &["meanfield", "mean-field"]),
        ("fit eight-schools --draws 0", &["'0' for '--draws <N>'"]),
        ("fit eight-schools --draws many", &["many"]),
        ("fit eight-schools --steps -5", &["-5"]),
        ("fit eight-schools --learning-rate 0", &["expected a positive number"]),
        ("fit eight-schools --learning-rate nan", &["expected a positive number"]),
        ("fit eight-schools --seed x", &["--seed"]),
        ("fit eight-schools --threads 0", &["--threads"]),
        ("fit autoregression --lags 0", &["--lags"]),
        ("fit autoregression --lags -1", &["'-1' for '--lags <N>': expected a whole number from 1 to 100"]),
        ("fit eight-schools --draws 1000000000000", &["expected a whole number from 1 to 1000000"]),
        ("fit eight-schools --threads 100000", &["expected a whole number from 1 to 1024"]),
        ("fit stochastic-volatility --draws 1000000", &["1000000 draws of", "too many to hold; ask for at most"]),
        ("sample nowhere --draws 100000000000", &["expected a whole number from 1 to 1000000"]),
        ("compare eight-schools --draws 100000000000", &["expected a whole number from 1 to 1000000"]),
        ("compare eight-schools --threads 100000", &["expected a whole number from 1 to 1024"]),
        ("vae --hidden 100000000000", &["expected a whole number from 1 to 1000000"]),
        ("vae --latent 100000000000", &["expected a whole number from 0 to 1000000"]),
        ("vae --hidden 1000000,1000000", &["weights are too large, 50,000,000 is the most", "--hidden or --latent"]),
        ("mixture --k 100000000000", &["expected a whole number from 1 to 10000"]),
        ("fit eight-schools --drwas 5", &["--draws"]),
        ("fit linear-regression --response y", &["--data"]),
        ("frobnicate", &["frobnicate"]),
        ("show nowhere", &["nowhere: is not a saved fit", "no such file or folder", "or its folder"]),
        ("sample nowhere", &["nowhere: is not a saved fit"]),
    ];
    for (line, words) in cases {
        folder.jensen(line).refused(words);
        assert!(folder.names("").is_empty(), "{line}");
    }
}
