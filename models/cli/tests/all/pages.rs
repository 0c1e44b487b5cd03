//! `--report`: pages that hold all they need, for fits of every kind.

use crate::folder::Folder;

/// Names and cells that a page must not take for its own text.
fn table() -> String {
    let mut text = String::from("y,x,a<b>,g\n");
    for i in 0..60 {
        let x = f64::from(i) / 6.0;
        let noise = f64::from((i * 37) % 11) - 5.0;
        text += &format!("{},{x},{},{}\n", 2.0 * x + noise, (i * 7) % 5, ["<i>", "north & west", "s"][i as usize % 3]);
    }
    text
}

/// The page stands alone, every figure of it is a whole drawing, and it has these sections.
fn assert_page(page: &str, sections: &[&str]) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</body></html>\n"));
    assert!(page.contains("name=\"viewport\""), "a phone would show the page as on a desk");
    for outside in ["<script", "<link", "src=\"", "url(http", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let mut rest = page;
    let mut names = Vec::new();
    while let Some(start) = rest.find("<svg") {
        let end = start + rest[start..].find("</svg>").expect("a whole drawing") + 6;
        let drawing = roxmltree::Document::parse(&rest[start..end]).expect("a well-formed drawing");
        let width: f64 = drawing.root_element().attribute("width").unwrap().parse().unwrap();
        assert!(width < 700.0, "{width}");
        names.extend(drawing.descendants().filter_map(|node| node.attribute("id").map(str::to_string)));
        rest = &rest[end..];
    }
    let num_names = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), num_names, "clips of two drawings have one name");
    let mut at = 0;
    for section in sections {
        let heading = page[at..].find(&format!(">{section}</h"));
        at += heading.unwrap_or_else(|| panic!("no section `{section}` after the one before"));
    }
}

#[test]
fn a_regression_has_data_model_priors_table_plots_checks_and_verdict() {
    let folder = Folder::new("page-regression");
    folder.file("t.csv", table());
    let run = folder
        .command("fit regression --data t.csv --out fit --report fit.html --quiet --formula")
        .arg("y ~ x + `a<b>` + (1 | g)")
        .output()
        .unwrap();
    assert!(matches!(run.status.code(), Some(0 | 1)), "{run:?}");
    let page = folder.read("fit.html");
    let sections = [
        "Data",
        "Model",
        "Priors",
        "Posterior",
        "Plots",
        "Coefficients",
        "Fitted curves",
        "What varies",
        "Posterior of single quantities",
        "Checks",
        "Data that the fitted model expects",
        "Evidence and verdict",
        "Run it again",
    ];
    assert_page(&page, &sections);
    for words in [
        "y ~ normal(mu, sigma)",
        "mu = intercept + b[x] x + b[a&lt;b&gt;] a&lt;b&gt; + effect[g, intercept]",
        "effect[g, intercept] ~ normal(0, sd[g, intercept]) for each of 3 groups `g`",
        "sigma ~ exponential(",
        "jensen fit regression --data t.csv --out fit --report fit.html --quiet --formula 'y ~ x + `a&lt;b&gt;` + (1 | g)'",
        "north &amp; west",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("<i>") && !page.contains("<b>"), "a cell became a tag");
    let run = folder.jensen("show fit --report again.html");
    run.fitted();
    let again = folder.read("again.html");
    assert_page(&again, &sections);
    assert!(again.contains("jensen fit regression --data t.csv --formula 'y ~"), "{again}");
}

#[test]
fn other_models_mixtures_and_autoencoders_have_pages() {
    let folder = Folder::new("page-others");
    folder.jensen("fit eight-schools --quiet --report e.html").fitted();
    assert_page(
        &folder.read("e.html"),
        &["Data", "Model", "Posterior", "Plots", "What varies", "Checks", "Run it again"],
    );
    folder.jensen("mixture --quiet --k 1..3 --report m.html").fitted();
    assert_page(&folder.read("m.html"), &["Model", "Report", "Plots", "Run it again"]);
    folder.jensen("vae --quiet --epochs 2 --latent 2 --hidden 8 --score-draws 10 --report v.html").fitted();
    assert_page(&folder.read("v.html"), &["Model", "Report", "Latents", "Training", "Run it again"]);
    assert!(folder.read("v.html").contains("data:image/png;base64,"));
}

#[test]
fn a_page_never_replaces_what_is_read() {
    let folder = Folder::new("page-spared");
    folder.file("t.csv", table());
    let run = folder.jensen("fit linear-regression --data t.csv --response y --features x --report t.csv");
    run.refused(&["the result would replace this file"]);
    assert_eq!(folder.read("t.csv"), table());
    folder.jensen("fit eight-schools --report no/such/folder/e.html").refused(&["no/such/folder"]);
    folder.jensen("mixture --out m --quiet").fitted();
    folder.jensen("show m --report m.html").refused(&["drawn by the command that made it"]);
}
