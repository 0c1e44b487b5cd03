//! Every example prints what its header says.
#![allow(dead_code, reason = "the examples' `main` is not called")]

macro_rules! examples {
    ($($name:ident = $file:literal,)+) => {
        $(#[path = $file]
        mod $name;)+

        /// File, what its header promises, what it prints.
        type Example = (&'static str, &'static str, fn() -> Result<String, Box<dyn std::error::Error>>);

        const ALL: &[Example] = &[$(($file, include_str!($file), $name::report)),+];
    };
}

examples! {
    bound = "../../examples/01_bound.rs",
    first_fit = "../../examples/02_first_fit.rs",
    regression = "../../examples/03_regression.rs",
    hand_written = "../../examples/04_hand_written.rs",
    own_family = "../../examples/05_own_family.rs",
    own_optimizer = "../../examples/06_own_optimizer.rs",
    own_estimator = "../../examples/07_own_estimator.rs",
    discrete = "../../examples/08_discrete.rs",
    theta = "../../examples/09_theta.rs",
    recurrence = "../../examples/10_recurrence.rs",
    predict = "../../examples/11_predict.rs",
    compare_estimators = "../../examples/12_compare_estimators.rs",
    mixture = "../../examples/13_mixture.rs",
    vae = "../../examples/14_vae.rs",
    simulated_posterior = "../../examples/15_simulated_posterior.rs",
    adversarial = "../../examples/16_adversarial.rs",
    own_laboratory = "../../examples/17_own_laboratory.rs",
}

/// The block after `Output:` in the header.
fn promised(text: &str) -> String {
    let header = text.lines().take_while(|line| line.starts_with("//!"));
    let after = header.skip_while(|line| *line != "//! Output:").skip(2);
    let block = after.take_while(|line| *line != "//! ```");
    block.map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or("").to_owned() + "\n").collect()
}

#[test]
fn every_example_prints_its_header() {
    let mut wrong = String::new();
    for (file, text, report) in ALL {
        let printed = report().unwrap_or_else(|e| format!("{e}\n"));
        if printed != promised(text) {
            wrong += &format!("{file} prints\n{printed}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_example_is_listed_and_short() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    // The folder `published` is one program for a chapter of the book, not an example to read.
    let files = std::fs::read_dir(folder).expect("the examples").flatten().filter(|entry| entry.path().is_file());
    let count = files.count();
    assert_eq!(count, ALL.len());
    for (file, text, _) in ALL {
        // One is a template with a family, an estimator and a model.
        let most = if file.ends_with("17_own_laboratory.rs") { 200 } else { 80 };
        assert!(text.lines().count() < most, "{file} is long");
    }
}
