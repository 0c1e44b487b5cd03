//! `jensen fit regression` and `jensen predict` of its fits: tables as they come, and an answer to every mistake.

use crate::folder::{Folder, Run};
use serde_json::Value;

/// A table with words, dates, decimal commas, answers in words and missing cells.
const TABLE: &str = "sales;day;price;shop;open;n
10,5;2024-01-01;3,5;north;yes;4
12,0;2024-01-02;3,1;south;no;5
11,2;2024-01-05;3,3;north;yes;NA
14,9;2024-01-09;2,2;east;yes;6
13,1;2024-01-11;2,9;south;no;3
9,7;2024-01-15;3,9;north;no;4
;2024-01-16;3,0;east;yes;5
15,2;2024-01-20;2,0;east;yes;7
12,8;2024-01-21;2,6;north;no;6
13,9;2024-01-25;2,4;south;yes;5
11,9;2024-02-01;3,2;east;no;4
10,1;2024-02-02;3,8;north;yes;3
";

/// Runs `fit regression` with a formula, which has spaces.
fn fit(folder: &Folder, formula: &str, options: &str) -> Run {
    let mut command = folder.command("fit regression --quiet --formula");
    command.arg(formula).args(options.split_whitespace());
    Run::of(command.output().unwrap())
}

fn lines(report: &str) -> Vec<(String, f64)> {
    let report: Value = serde_json::from_str(report).unwrap();
    let one = |line: &Value| (line["name"].as_str().unwrap().to_string(), line["mean"].as_f64().unwrap());
    report["posterior"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn a_table_as_it_comes_is_fitted_in_its_units_and_what_was_understood_is_said() {
    let folder = Folder::new("regression-table");
    folder.file("t.csv", TABLE);
    let run = fit(&folder, "sales ~ price + shop + day", "--data t.csv");
    for words in [
        "formula       sales ~ price + shop + day",
        "rows          11 of 12; 1 left out for missing cells: 1 in `sales`",
        "column        day: dates, as days since 2024-01-01",
        "column        price: numbers with decimal commas",
        "categories    shop: east, north, south, the first the reference",
        "prior         b[price] ~ normal(0, ",
        "verdict: ",
    ] {
        assert!(run.fitted().out.contains(words), "{words}: {run:?}");
    }
    for name in ["intercept ", "intercept_at_means", "b[price]", "b[shop[north]]", "b[shop[south]]", "b[day]", "sigma"]
    {
        assert!(run.out.contains(name), "{name}: {run:?}");
    }
    // Ten times the price in a tenth of the unit: the same line, and the same prior.
    let scaled = TABLE.lines().map(|line| {
        let mut cells: Vec<String> = line.split(';').map(str::to_string).collect();
        if let Ok(price) = cells[2].replace(',', ".").parse::<f64>() {
            cells[2] = format!("{:.1}", 10.0 * price).replace('.', ",");
        }
        cells.join(";")
    });
    folder.file("s.csv", scaled.collect::<Vec<_>>().join("\n"));
    let of = |file: &str| lines(&fit(&folder, "sales ~ price", &format!("--data {file} --json")).fitted().out);
    let (a, b) = (of("t.csv"), of("s.csv"));
    let slope = |lines: &[(String, f64)]| lines.iter().find(|(name, _)| name == "b[price]").unwrap().1;
    assert!((slope(&a) / slope(&b) - 10.0).abs() < 0.2, "{a:?} {b:?}");
}

/// A preset is the formula that it stands for, and predicts like it.
#[test]
fn presets_are_the_one_regression() {
    let folder = Folder::new("regression-presets");
    folder.file("t.csv", TABLE.replace(";shop;", ";shop no.;"));
    folder.file("s.csv", include_str!("../../../data/sleepstudy.csv"));
    for (preset, formula, options) in [
        (
            "linear-regression --response sales --features price,shop\u{a0}no.",
            "sales ~ price + `shop no.`",
            "--data t.csv",
        ),
        ("poisson-regression --response n --features price", "n ~ price", "--data t.csv"),
        ("negative-binomial-regression --response n --features price", "n ~ price", "--data t.csv"),
        ("logistic-regression --response open --features price --prior b~normal(0,1)", "open ~ price", "--data t.csv"),
        (
            "hierarchical-regression --response reaction --group subject",
            "reaction ~ days + (1 + days || subject)",
            "--data s.csv",
        ),
    ] {
        let mut command = folder.command("fit --quiet --json --out f");
        command.args(preset.split(' ').map(|word| word.replace('\u{a0}', " "))).args(options.split(' '));
        let found = Run::of(command.output().unwrap());
        let likelihood = match preset.split('-').next() {
            Some("linear" | "hierarchical") => "normal",
            Some("logistic") => "bernoulli --prior b~normal(0,1)",
            Some("poisson") => "poisson",
            _ => "negative-binomial",
        };
        let expected = fit(&folder, formula, &format!("{options} --json --likelihood {likelihood}"));
        assert_eq!(lines(&found.fitted().out), lines(&expected.fitted().out), "{preset}");
        let new = if options.ends_with("s.csv") { "days,subject\n3,308\n" } else { "price;shop no.\n3,5;north\n" };
        folder.file("new.csv", new);
        let run = folder.jensen("predict f new.csv");
        assert!(run.code == Some(0) && run.out.starts_with("row,expected,"), "{run:?}");
    }
    // No feature is an intercept alone, and a column is named once.
    folder.file("one.csv", "y\n1\n2\n4\n3\n");
    let run = folder.jensen("fit linear-regression --data one.csv --response y --quiet");
    assert!(run.fitted().out.contains("formula       y ~ 1"), "{run:?}");
    folder
        .jensen("fit hierarchical-regression --data s.csv --response reaction --group reaction")
        .refused(&["`reaction` is named as the response and the group"]);
}

#[test]
fn answers_in_words_trials_and_priors() {
    let folder = Folder::new("regression-answers");
    folder.file("t.csv", TABLE);
    let run = fit(&folder, "open ~ price", "--data t.csv --likelihood bernoulli --prior b~normal(0,0.1)");
    assert!(run.fitted().out.contains("`open` is 1 where it says yes, 0 where no"), "{run:?}");
    assert!(run.out.contains("prior         b[price] ~ normal(0, 0.1)"), "{run:?}");
    let run = fit(&folder, "n ~ price", "--data t.csv --likelihood poisson --missing refuse");
    run.refused(&["t.csv, line 4, column `n`: the cell is missing", "--missing drop"]);
    // A column that tells the answers apart is said; the prior holds its coefficient.
    folder.file("apart.csv", "y,x\n0,1\n0,2\n0,3\n1,4\n1,5\n1,6\n");
    let run = fit(&folder, "y ~ x", "--data apart.csv --likelihood bernoulli");
    assert!(run.fitted().out.contains("separation    `x` alone tells the answers apart"), "{run:?}");
    assert!(
        lines(&fit(&folder, "y ~ x", "--data apart.csv --likelihood bernoulli --json").out)
            .iter()
            .all(|(_, m)| m.abs() < 60.0)
    );
}

#[test]
fn every_mistake_is_answered_and_nothing_is_written() {
    let folder = Folder::new("regression-refused");
    folder.file("t.csv", TABLE);
    folder.file("d.csv", "y,x,z,g,c,k,one,u\n1,1,2,a,p,0,3,1\n2.5,2,4,b,q,1,3,2\n2,3,6,a,p,0,3,3\n4,4.5,9,c,q,3,3,4\n3,5,10,b,q,-1,3,5\n");
    folder.file("gone.csv", "y,x\n1,NA\n,2\n");
    let cases: &[(&str, &str, &[&str])] = &[
        ("y ~ w", "d.csv", &["d.csv has no column `w`", "\n  y ~ w\n      ^"]),
        ("y ~ X", "d.csv", &["did you mean `x`?"]),
        ("y ~ lgo(x)", "d.csv", &["no function `lgo`, did you mean `log`?", "\n  y ~ lgo(x)\n      ^^^^^^"]),
        ("y ~ x +", "d.csv", &["the formula ends here"]),
        ("y ~ x + z", "d.csv", &["`z` is collinear: `x` and the intercept determine it"]),
        ("y ~ x + one", "d.csv", &["`one` is constant"]),
        ("y ~ x + (1 | u)", "d.csv", &["every group of `u` has one row"]),
        ("y ~ x + (1 | one)", "d.csv", &["`one` has one group alone (\"3\")"]),
        ("one ~ x", "d.csv", &["every row has the response 3", "\n  one ~ x\n  ^^^"]),
        ("c ~ x", "d.csv", &["it holds words (p), of which there is no arithmetic"]),
        ("u ~ x + g", "d.csv", &[]),
        ("y ~ log(k)", "d.csv", &["d.csv, line 2, column `k`: `log(k)` is -inf where the cell is \"0\""]),
        ("y ~ x + offset(g)", "d.csv", &["it holds words"]),
        ("y ~ x", "gone.csv", &["gone.csv: no row is left (missing cells: 1 in `y`, 1 in `x`)"]),
        ("y ~ x", "none.csv", &["none.csv: file not found"]),
        ("y | trials(x) ~ z", "d.csv", &["choose it with --likelihood binomial"]),
        (
            "k ~ x",
            "d.csv --likelihood poisson",
            &["d.csv, line 6, column `k`: the response must be a count", "found -1"],
        ),
        (
            "k ~ x",
            "d.csv --likelihood bernoulli",
            &["d.csv, line 5, column `k`: the response must be 0 or 1", "found 3"],
        ),
        ("y ~ x", "d.csv --likelihood beta", &["d.csv, line 2, column `y`: the response must be a share"]),
        ("k ~ x", "d.csv --likelihood gamma", &["d.csv, line 2, column `k`: the response must be a positive number"]),
        ("u ~ x", "d.csv --likelihood binomial", &["of how many trials?"]),
        ("y | cens(c) ~ x", "d.csv --likelihood weibull", &["d.csv, line 2, column `c`: \"p\" is not understood"]),
        ("y | cens(k, x) ~ x", "d.csv --likelihood weibull", &["line 5, column `k`: \"3\" is not understood"]),
        ("y | cens(u, x) ~ z", "d.csv", &["line 3, column `u`: the interval from 2.5 to 2 is empty"]),
        ("y | cens(u) ~ z", "d.csv", &["line 3, column `u`: where do intervals end?"]),
        ("y | cens(one) ~ z", "d.csv", &["line 2, column `one`: \"3\" is not understood"]),
        ("y | weights(k) ~ x", "d.csv", &["line 6, column `k`: a weight is a number from 0 on, found -1"]),
        ("y | weights(w) ~ x", "d.csv", &["d.csv has no column `w`"]),
        ("y | trunc(lb=2) ~ x", "d.csv", &["line 2, column `y`: the response lies outside of trunc(2, inf)"]),
        ("y | trunc(2) ~ x", "d.csv --likelihood student-t", &["`student-t` cannot be truncated"]),
        ("y | trunc(0) + cens(u, z) ~ x", "d.csv", &["censored or truncated, and not both"]),
        ("y ~ bs(x, df=5)", "d.csv", &["df=5 needs at least 6 different values"]),
        ("y ~ C(g, average)", "d.csv", &["there is no category \"average\""]),
        ("u ~ x", "d.csv --likelihood beta-binomial", &["of how many trials?"]),
        ("y | cens(k) ~ x", "d.csv --likelihood poisson", &["`poisson` cannot be censored"]),
        ("k ~ x", "d.csv --link log --likelihood bernoulli", &["`bernoulli` does not have the link `log`"]),
        ("y ~ x", "d.csv --prior sd~exponential(1)", &["the model has no such parameter"]),
        ("y ~ x", "d.csv --prior b~normal(0,-1)", &["out of range"]),
        ("y ~ x", "d.csv --prior sigma~normal(0,1)", &["the parameter is positive"]),
        ("y ~ x", "d.csv --likelihood poison", &["poisson"]),
    ];
    for (formula, options, words) in cases {
        let run = fit(&folder, formula, &format!("--out results --data {options}"));
        if words.is_empty() {
            continue;
        }
        run.refused(words);
        assert!(!folder.names("").contains(&"results".to_string()), "{formula}");
    }
    folder
        .jensen("fit regression --data d.csv")
        .refused(&["d.csv: which column is explained by which is not said", "--formula"]);
    folder.jensen("fit garch --prior b~normal(0,1)").refused(&["does not use --prior, --link or --missing"]);
    folder
        .jensen("fit linear-regression --likelihood poisson")
        .refused(&["does not use --likelihood", "fit `regression`"]);
}

#[test]
fn new_rows_are_predicted_by_a_saved_fit_alone() {
    let folder = Folder::new("regression-predict");
    folder.file("t.csv", TABLE);
    fit(&folder, "sales ~ scale(price) + C(shop, ref=\"north\")", "--data t.csv --out f").fitted();
    std::fs::remove_file(folder.path("t.csv")).unwrap();
    folder.file("new.csv", "price;shop\n3,5;north\n2,0;east\n");
    let run = folder.jensen("predict f new.csv");
    assert!(run.code == Some(0) && run.err == "new.csv: 2 rows predicted\n", "{run:?}");
    let cells: Vec<Vec<&str>> = run.out.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(cells[0], ["row", "expected", "expected_q5", "expected_q95", "q5", "q50", "q95"]);
    let number = |i: usize, j: usize| cells[i][j].parse::<f64>().unwrap();
    // By eye from the table: north at 3.5 sold 10.5, east at 2.0 sold 15.2.
    assert!((number(1, 1) - 10.5).abs() < 0.7 && (number(2, 1) - 15.2).abs() < 0.7, "{run:?}");
    for i in [1, 2] {
        assert!(number(i, 4) < number(i, 2) && number(i, 2) < number(i, 1) && number(i, 3) < number(i, 6), "{run:?}");
    }
    let drawn = folder.jensen("predict f new.csv --draws 5 --seed 4 --out d.csv");
    assert!(drawn.code == Some(0) && drawn.out.contains("2 rows predicted"), "{drawn:?}");
    let text = folder.read("d.csv");
    assert!(text.starts_with("row,draw_1,") && text.lines().count() == 3, "{text}");
    assert_eq!(folder.jensen("predict f new.csv --draws 5 --seed 4").out, text);
    for (table, words) in [
        ("price;shop\n3,5;west\n", "line 2, column `shop`: the fit has not seen the category \"west\""),
        ("price;x\n3,5;1\n", "has no column `shop`"),
        ("price;shop\nNA;east\n", "line 2, column `price`: the cell is missing"),
        (
            "price;shop\ncheap;east\n",
            "line 2, column `price`: \"cheap\" is found where a number, with a comma before its decimals, is expected; \
             correct the cell",
        ),
    ] {
        folder.file("bad.csv", table);
        folder.jensen("predict f bad.csv --out p.csv").refused(&[words]);
        assert!(!folder.names("").contains(&"p.csv".to_string()));
    }
    folder.jensen("predict f --simulate 3").refused(&["give a table of new rows"]);
    folder.jensen("fit eight-schools --quiet --out e").fitted();
    folder.jensen("predict e new.csv").refused(&["its model is `eight-schools`"]);
}

/// Effects on the response's own scale, ratios where the link asks for them, and the share of the variance.
#[test]
fn effects_ratios_and_the_share_that_is_explained() {
    let folder = Folder::new("regression-effects");
    folder.file("t.csv", TABLE);
    let run = fit(&folder, "sales ~ price + shop", "--data t.csv --out f");
    assert!(run.fitted().out.contains("\nR^2           0.9") && !run.out.contains("ratios"), "{run:?}");
    std::fs::remove_file(folder.path("t.csv")).unwrap();
    let slope = lines(&folder.jensen("show f --json").out).into_iter().find(|(name, _)| name == "b[price]").unwrap().1;
    let run = folder.jensen("effects f price --json --out e.csv");
    let found: Value = serde_json::from_str(&run.out).unwrap();
    assert!((found[0]["mean"].as_f64().unwrap() - slope).abs() < 0.05, "{run:?}");
    assert!(folder.read("e.csv").starts_with("effect,by,category,mean,sd,q5,q95\n\"price, per unit\",,,-"), "{run:?}");
    let run = folder.jensen("effects f shop --by shop");
    assert!(run.code == Some(0) && run.out.contains("shop: south - east, shop = north"), "{run:?}");
    folder.jensen("effects f prise --out p.csv").refused(&["explains nothing by `prise`, did you mean `price`?"]);
    folder.jensen("effects f price --by day").refused(&["has no column `day`"]);
    folder.jensen("fit eight-schools --quiet --out e").fitted();
    folder.jensen("effects e mu").refused(&["its model is `eight-schools`"]);
    folder.jensen("fit hierarchical-regression --quiet --out h").fitted();
    assert!(folder.jensen("effects h days").out.contains("averaged over 180 rows"));
    folder.jensen("effects h subject").refused(&["`subject` names groups", "effect[subject, ..]"]);
    for (formula, likelihood, words) in [
        ("open ~ price", "bernoulli", "odds ratios"),
        ("n ~ price", "poisson", "rate ratios"),
        ("price ~ sales", "gamma", "ratios of means"),
    ] {
        folder.file("t.csv", TABLE);
        let run = fit(&folder, formula, &format!("--data t.csv --likelihood {likelihood}"));
        assert!(run.fitted().out.contains(&format!("\n{words}\n")) && run.out.contains("exp(b["), "{run:?}");
    }
}

#[test]
fn groups_that_are_new_are_drawn_and_said() {
    let folder = Folder::new("regression-groups");
    let run = fit(&folder, "reaction ~ days + (1 | subject)", "--data no.csv");
    run.refused(&["no.csv: file not found"]);
    let own = include_str!("../../../data/sleepstudy.csv");
    folder.file("s.csv", own);
    fit(&folder, "reaction ~ days + (1 | subject)", "--data s.csv --out f").fitted();
    folder.file("new.csv", "days,subject\n3,308\n3,new\n");
    let run = folder.jensen("predict f new.csv");
    assert!(
        run.err.contains("subject new is new to the fit and drawn from the distribution of groups (1 row)"),
        "{run:?}"
    );
    let width = |line: &str| {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        cells[3] - cells[2]
    };
    let widths: Vec<f64> = run.out.lines().skip(1).map(width).collect();
    assert!(widths[1] > 2.0 * widths[0], "{run:?}");
    // Checks and further draws find the model again.
    assert!(folder.jensen("sample f --draws 3 --quiet").out.starts_with("intercept_at_means,"));
}

/// Thirty rows with a cell missing, three levels and bounds.
fn of_latents() -> String {
    let row = |k: usize| {
        let (x, level) = (k as f64 / 10.0, ["low", "mid", "high"][k % 3]);
        let seen = if k == 4 { "NA".to_string() } else { format!("{x}") };
        let y = 1.0 + 2.0 * x + (k % 3) as f64 + if k.is_multiple_of(2) { 0.1 } else { -0.1 };
        format!("{y},{seen},{},{level},{},{}\n", k % 7, y - 1.0, y + 1.0 + (k % 5) as f64)
    };
    "y,x,z,level,low,high\n".to_string() + &(0..30).map(row).collect::<String>()
}

#[test]
fn terms_of_latents_leave_no_wrong_answer_to_what_follows() {
    let folder = Folder::new("regression-latents");
    folder.file("t.csv", of_latents());
    // The order of levels in `mo` would be that of the other term, too, and its coefficients those of other levels.
    let order = "mo(level, \"low\", \"mid\", \"high\")";
    for other in ["z:level", "(1 | level)"] {
        let run = fit(&folder, &format!("y ~ {other} + {order}"), "--data t.csv --out n");
        run.refused(&["`level` is in another term, too", "a copy of the column"]);
    }
    let twice = fit(&folder, "y ~ mo(level, \"low\", \"mid\", \"high\", \"low\")", "--data t.csv");
    twice.refused(&["\"low\" is named twice"]);
    assert!(!folder.0.join("n").exists());
    // The latent cell is drawn again where another column is changed, so that this is no effect of that column.
    fit(&folder, "y ~ mi(x) + z", "--data t.csv --out m").fitted();
    folder.jensen("effects m z").refused(&["what `mi` does not know", "read the coefficients"]);
    // Evidence with the density of a column, and without it.
    fit(&folder, "y ~ z", "--data t.csv --out p").fitted();
    let compared = folder.jensen("compare-fits m p");
    assert!(compared.out.contains("is not that of"), "{compared:?}");
    // Bounds of a new row with nothing between them.
    fit(&folder, "y | trunc(lb=low, ub=high) ~ z", "--data t.csv --out b").fitted();
    folder.file("new.csv", "z,low,high\n1,2,1\n");
    folder.jensen("predict b new.csv").refused(&["new.csv", "the bounds 2 and 1 have nothing between them"]);
}
