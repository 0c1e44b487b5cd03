//! The arguments of `jensen`, with the help that stands in for a manual.

use super::bounded::{MOST, MOST_STEPS, MOST_THREADS, column_name, lags, positive, small, support, up_to, whole};
use super::choices::{Design, Estimator, Family, Integers, Optimizer, Place, compared_estimator, estimator, named};
use super::guide::{
    CHECK_GUIDE, COMPARE_FITS_GUIDE, COMPARE_GUIDE, COMPLETIONS_GUIDE, EFFECTS_GUIDE, FIT_GUIDE, GUIDE, LIST_GUIDE,
    MAN_GUIDE, MIXTURE_GUIDE, PREDICT_GUIDE, SAMPLE_GUIDE, SHOW_GUIDE, VAE_GUIDE,
};
use super::manual_args::{CompletionsArgs, ManArgs};
use super::mixture_args::{MixtureArgs, PredictArgs};
use super::saved_args::{CheckArgs, CompareFitsArgs, EffectsArgs, SampleArgs, ShowArgs};
use super::vae_args::VaeArgs;
use clap::{Args, Parser, Subcommand};
use jensen_models::regression::{Link, Missing, ResponseLaw};
use jensen_models::zoo::NamedSupport;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The whole command line.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "jensen",
    bin_name = "jensen",
    version,
    about = "Variational inference from one command: data in, a posterior and a verdict on it out.",
    after_help = GUIDE,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of the program.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// List the models and the data each uses when none is given
    #[command(after_help = LIST_GUIDE)]
    List(ListArgs),
    /// Fit a model: posterior table, bound and verdict
    #[command(after_help = FIT_GUIDE)]
    Fit(Box<FitArgs>),
    /// Compare gradient estimators on a model: bias, noise, cost, and which to use
    #[command(after_help = COMPARE_GUIDE)]
    Compare(Box<CompareArgs>),
    /// Group the rows of a table: components, labels, and how many there are
    #[command(after_help = MIXTURE_GUIDE)]
    Mixture(Box<MixtureArgs>),
    /// New rows under a saved regression, or labelled by a saved mixture, as CSV
    #[command(after_help = PREDICT_GUIDE)]
    Predict(PredictArgs),
    /// Train a variational autoencoder on images: bound, codes, pictures
    #[command(after_help = VAE_GUIDE)]
    Vae(Box<VaeArgs>),
    /// Draws that agree with the table of a saved fit, as CSV
    #[command(after_help = SAMPLE_GUIDE)]
    Sample(SampleArgs),
    /// Print the report of a saved fit again
    #[command(after_help = SHOW_GUIDE)]
    Show(ShowArgs),
    /// What a column of a saved regression does to the response: average effects, contrasts of levels
    #[command(after_help = EFFECTS_GUIDE)]
    Effects(EffectsArgs),
    /// Hold a saved fit against its data, its prior and simulated data, and say what to do
    #[command(after_help = CHECK_GUIDE)]
    Check(CheckArgs),
    /// Compare saved fits of the same rows: predictions, evidence, weights
    #[command(after_help = COMPARE_FITS_GUIDE)]
    CompareFits(CompareFitsArgs),
    /// Completions of this command line for a shell, on standard output
    #[command(after_help = COMPLETIONS_GUIDE)]
    Completions(CompletionsArgs),
    /// The manual page of the program or of one of its commands, on standard output
    #[command(after_help = MAN_GUIDE)]
    Man(ManArgs),
}

/// Arguments of `jensen list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `jensen fit`.
#[derive(Debug, Clone, Args)]
pub struct FitArgs {
    /// The model's name; `jensen list` shows them all
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Where the data come from.
    #[command(flatten, next_help_heading = "Data")]
    pub data: DataArgs,
    /// How the bound is maximised.
    #[command(flatten, next_help_heading = "Method")]
    pub method: MethodArgs,
    /// What is printed and written.
    #[command(flatten, next_help_heading = "Output")]
    pub output: OutputArgs,
}

/// The data of a fit.
#[derive(Debug, Clone, Default, Args)]
pub struct DataArgs {
    /// CSV or JSON file to fit instead of the model's own data; `-` is standard input
    ///
    /// Gzipped files are unpacked. CSV: a header line, then one line per row; comma, semicolon or tab. JSON: {"y": [1, 2], ...} or
    /// [{"y": 1, ...}, ...].
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Column to explain, for regressions
    #[arg(long, value_name = "NAME", requires = "data")]
    pub response: Option<String>,
    /// Columns that explain it, separated by commas [default: all others]
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', requires = "data", value_parser = column_name)]
    pub features: Option<Vec<String>>,
    /// Column that names each row's group, for hierarchical models
    #[arg(long, value_name = "NAME", requires = "data")]
    pub group: Option<String>,
    /// Number of earlier values that explain a value, for autoregressions [default: 2]
    #[arg(long, value_name = "N", value_parser = lags, allow_negative_numbers = true)]
    pub lags: Option<u16>,
    /// Bounds of a simulator's parameters, separated by commas: NAME=positive, NAME=unit, NAME=LOW..HIGH
    #[arg(long, value_name = "NAME=BOUNDS", value_delimiter = ',', requires = "data", value_parser = support)]
    pub supports: Option<Vec<NamedSupport>>,
    /// What the model `regression` explains by what: "y ~ x * z + offset(log(t)) + (1 + x | group)"
    ///
    /// `a:b` a product, `a*b` both and their product, `0 +` no intercept, `C(x)` categories (`C(x, sum)`), `log(x)`, `I(x^2)`,
    /// `poly(x, 2)`, `bs(x, df=6)`, `s(x)`, `mo(x)`, `me(x, se)`, `mi(x)`, `center(x)`; `y | trials(n)`, `y | cens(c)`, `y | weights(w)`, `y | trunc(lb=0)`;
    /// `(1 | a/b)` groups within groups, `||` without correlation.
    #[arg(long, value_name = "FORMULA", requires = "data")]
    pub formula: Option<String>,
    /// Distribution of the response of a regression [default: normal]
    #[arg(long, value_name = "NAME", value_parser = named::<ResponseLaw>(ResponseLaw::ALL))]
    pub likelihood: Option<ResponseLaw>,
    /// Link of its mean to the linear predictor [default: the usual one of the likelihood]
    #[arg(long, value_name = "NAME", value_parser = named::<Link>(Link::ALL))]
    pub link: Option<Link>,
    /// Prior of a regression's parameters in place of the default: "b ~ normal(0, 1)", "sd(group) ~ half_student_t(3, 2)"
    #[arg(long = "prior", value_name = "PRIOR")]
    pub priors: Vec<String>,
    /// Rows of a regression with a missing cell: left out, refused, or missing numbers taken for latents [default: drop]
    #[arg(long, value_name = "HOW", value_parser = named::<Missing>(Missing::ALL))]
    pub missing: Option<Missing>,
}

/// The method of a fit.
#[derive(Debug, Clone, Args)]
pub struct MethodArgs {
    /// Variational family q
    #[arg(long, value_name = "FAMILY", value_enum, default_value_t)]
    pub family: Family,
    /// Integer latents: summed out of the model, or in q
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub integers: Integers,
    /// Estimator of the bound's gradient
    #[arg(long, value_name = "ESTIMATOR", value_parser = estimator(), default_value = "rule")]
    pub estimator: Estimator,
    /// How the noise of a step's draws is spread
    #[arg(long, value_name = "DESIGN", value_enum, default_value_t)]
    pub design: Design,
    /// Optimiser of the bound
    #[arg(long, value_name = "OPTIMIZER", value_enum, default_value_t)]
    pub optimizer: Optimizer,
    /// Draws of q for each gradient [default: chosen for the method]
    #[arg(long, value_name = "N", value_parser = up_to::<MOST>, allow_negative_numbers = true)]
    pub draws: Option<NonZeroUsize>,
    /// Most steps to take; the fit stops earlier once it has settled [default: chosen for the method]
    #[arg(long, value_name = "N", value_parser = up_to::<MOST_STEPS>, allow_negative_numbers = true)]
    pub steps: Option<NonZeroUsize>,
    /// Step size of the optimiser, a positive number [default: chosen for the method]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// Independent runs, of which the best bound is kept [default: 2; with integers of rows alone up to 6, until the two best agree]
    #[arg(long, value_name = "N", value_parser = up_to::<1000>, allow_negative_numbers = true)]
    pub restarts: Option<NonZeroUsize>,
    /// Seed of all randomness: same seed, same result, for any number of threads
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads to use [default: one per core]
    #[arg(long, value_name = "N", value_parser = up_to::<MOST_THREADS>, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,
}

/// The output of a fit.
#[derive(Debug, Clone, Default, Args)]
pub struct OutputArgs {
    /// Folder for the saved fit, its draws, summary and trace; all files appear together or not at all
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Also draw the trace of the bound and the marginals as SVG and PNG [without --out: into ./jensen-MODEL]
    #[arg(long)]
    pub plot: bool,
    /// Write the fit with plots and checks as one page for a browser
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// No progress and no messages on standard error, errors apart
    #[arg(long, short)]
    pub quiet: bool,
    /// Print every row of the posterior table, however long
    #[arg(long)]
    pub all: bool,
    /// Print the report as JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `jensen compare`.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// The model's name; `jensen list` shows them all
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Where the data come from.
    #[command(flatten, next_help_heading = "Data")]
    pub data: DataArgs,
    /// What is compared.
    #[command(flatten, next_help_heading = "Comparison")]
    pub study: StudyArgs,
    /// What is printed and written.
    #[command(flatten, next_help_heading = "Output")]
    pub output: CompareOutputArgs,
}

/// What `jensen compare` compares.
#[derive(Debug, Clone, Args)]
pub struct StudyArgs {
    /// Gradient estimators, separated by commas [default: all of the ELBO that the model allows]
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', value_parser = compared_estimator())]
    pub estimators: Option<Vec<Estimator>>,
    /// Variational family q
    #[arg(long, value_name = "FAMILY", value_enum, default_value_t)]
    pub family: Family,
    /// Ways to spread the noise of the draws, separated by commas: each estimator in each that it allows
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_enum, default_value = "independent")]
    pub design: Vec<Design>,
    /// Numbers of draws of a gradient, separated by commas [default: 1,10,100, or 1,10 for integers of many values]
    #[arg(long, value_name = "N,N,N", value_delimiter = ',', value_parser = up_to::<MOST>, allow_negative_numbers = true)]
    pub draws: Option<Vec<NonZeroUsize>>,
    /// Points where gradients are taken, separated by commas
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', value_enum, default_value = "init,middle,optimum")]
    pub at: Vec<Place>,
    /// Gradients of each kind, at least 2, and 30 for errors: more find smaller biases and take longer
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = small::<2, MOST>, allow_negative_numbers = true)]
    pub repeats: u32,
    /// Density evaluations of the short fit by each estimator and number of draws; 0 for none
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = whole, allow_negative_numbers = true)]
    pub budget: u64,
    /// Seed of all randomness: same seed, same figures, wall times apart
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads to use: the times are those of this many
    #[arg(long, value_name = "N", default_value = "1", value_parser = up_to::<MOST_THREADS>, allow_negative_numbers = true)]
    pub threads: NonZeroUsize,
}

/// The output of a comparison.
#[derive(Debug, Clone, Default, Args)]
pub struct CompareOutputArgs {
    /// Folder for compare.html (tables and plots, for a browser), compare.csv, compare.json and repeats.csv
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// No progress and no messages on standard error, errors apart
    #[arg(long, short)]
    pub quiet: bool,
    /// Print the whole comparison as JSON instead of tables
    #[arg(long)]
    pub json: bool,
}

impl FitArgs {
    /// The folder for results: `--out`, or `jensen-MODEL` where only `--plot` was given, or none.
    pub fn folder(&self) -> Option<PathBuf> {
        let fallback = self.output.plot.then(|| PathBuf::from(format!("jensen-{}", self.model)));
        self.output.out.clone().or(fallback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn fit(args: &str) -> Result<FitArgs, String> {
        let words = ["jensen", "fit"].into_iter().chain(args.split_whitespace());
        match Cli::try_parse_from(words) {
            Ok(Cli { command: Command::Fit(args) }) => Ok(*args),
            Ok(_) => Err("another command".to_string()),
            Err(error) => {
                assert_eq!(error.exit_code(), 2);
                Err(error.to_string())
            }
        }
    }

    fn help(command: &str) -> String {
        let error = Cli::try_parse_from(["jensen", command, "--help"]).unwrap_err();
        assert_eq!(error.exit_code(), 0);
        error.to_string()
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_fit_needs_no_option() {
        let args = fit("eight-schools").unwrap();
        assert_eq!(args.model, "eight-schools");
        assert_eq!((args.method.family, args.method.estimator), (Family::Auto, Estimator::Rule));
        assert_eq!((args.method.optimizer, args.method.seed), (Optimizer::Auto, 0));
        assert!(args.method.draws.is_none() && args.data.data.is_none() && args.folder().is_none());
    }

    #[test]
    fn every_option_is_read() {
        let args = fit("linear-regression --data d.csv --response y --features a,b --features c --group g \
             --family low-rank --estimator score-loo --optimizer newton-cg --draws 8 --steps 500 \
             --learning-rate 1e-2 --seed 7 --threads 2 --out results --plot --quiet --all --json")
        .unwrap();
        assert_eq!(args.data.data, Some(PathBuf::from("d.csv")));
        assert_eq!((args.data.response.as_deref(), args.data.group.as_deref()), (Some("y"), Some("g")));
        assert_eq!(args.data.features.unwrap(), ["a", "b", "c"]);
        assert_eq!((args.method.family, args.method.estimator), (Family::LowRank, Estimator::ScoreLoo));
        assert_eq!((args.method.optimizer, args.method.learning_rate), (Optimizer::NewtonCg, Some(0.01)));
        let numbers = [args.method.draws, args.method.steps, args.method.threads].map(|n| n.map(NonZeroUsize::get));
        assert_eq!(numbers, [Some(8), Some(500), Some(2)]);
        assert_eq!((args.method.seed, args.output.out.as_deref()), (7, Some("results".as_ref())));
        assert!(args.output.plot && args.output.quiet && args.output.all && args.output.json);
    }

    #[test]
    fn plots_alone_make_a_folder_of_their_own() {
        assert_eq!(fit("garch --plot").unwrap().folder(), Some(PathBuf::from("jensen-garch")));
        assert_eq!(fit("garch --plot --out x").unwrap().folder(), Some(PathBuf::from("x")));
    }

    #[test]
    fn wrong_values_are_refused_in_words() {
        for (args, words) in [
            ("", "MODEL"),
            ("m --family meanfield", "'mean-field'"),
            ("m --estimator x", "[possible values: rule, pathwise, pathwise-mc-entropy"),
            ("m --draws 0", "'0' for '--draws <N>'"),
            ("m --draws 1000001", "expected a whole number from 1 to 1000000"),
            ("m --threads 1025", "expected a whole number from 1 to 1024"),
            ("m --lags -1", "'-1' for '--lags <N>': expected a whole number from 1 to 100"),
            ("m --steps -5", "'-5' for '--steps <N>': expected a whole number from 1 to 1000000000"),
            ("m --seed 1.5", "'1.5' for '--seed <N>': expected a whole number of at least 0"),
            ("m --seed -1", "'-1' for '--seed <N>': expected a whole number of at least 0"),
            ("m --learning-rate -1", "expected a positive number such as 0.01"),
            ("m --learning-rate nan", "expected a positive number"),
            ("m --data d.csv --response y --features a,,b", "an empty name; separate the columns by single commas"),
            ("m --response y", "--data <FILE>"),
            ("m --features a", "--data <FILE>"),
            ("m --drwas 5", "'--draws'"),
        ] {
            let text = fit(args).unwrap_err();
            assert!(text.contains(words), "{args}: {text}");
        }
    }

    #[test]
    fn the_help_names_values_examples_and_exit_codes() {
        let text = help("fit");
        let values = ["mean-field:", "student-t:", "sticking-the-landing:", "natural-gradient:", "newton-cg:"];
        for words in values.into_iter().chain(["Data:", "Method:", "Output:", "Examples:", "Exit codes:"]) {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
        for command in ["list", "compare", "mixture", "predict", "vae", "sample", "show", "check", "compare-fits"] {
            assert!(help(command).contains("Examples:"), "{command}");
        }
    }

    #[test]
    fn a_comparison_is_read() {
        let words = "jensen compare garch --estimators pathwise,score-loo --draws 2,8 --at optimum --repeats 20";
        let Ok(Cli { command: Command::Compare(args) }) = Cli::try_parse_from(words.split(' ')) else { panic!() };
        assert_eq!(args.study.estimators, Some(vec![Estimator::Pathwise, Estimator::ScoreLoo]));
        assert_eq!(args.study.draws.iter().flatten().map(|n| n.get()).collect::<Vec<_>>(), [2, 8]);
        assert_eq!((args.study.at, args.study.repeats, args.study.budget), (vec![Place::Optimum], 20, 20_000));
        let Ok(Cli { command: Command::Compare(args) }) = Cli::try_parse_from(["jensen", "compare", "m"]) else {
            panic!()
        };
        assert_eq!((args.study.estimators, args.study.draws, args.study.at.len()), (None, None, 3));
        let text = help("compare");
        for words in ["score-loo:", "optimum:", "Comparison:", "Columns:"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn the_other_commands_are_read() {
        let cli = Cli::try_parse_from(["jensen", "sample", "x", "--draws", "5", "--out", "d.csv"]).unwrap();
        let Command::Sample(args) = cli.command else { panic!("sample") };
        assert_eq!((args.draws.get(), args.out), (5, Some(PathBuf::from("d.csv"))));
        let cli = Cli::try_parse_from(["jensen", "show", "x", "--all", "--plot", "--json"]).unwrap();
        let Command::Show(args) = cli.command else { panic!("show") };
        assert!(args.all && args.plot && args.json);
        let cli = Cli::try_parse_from(["jensen", "list", "--json"]).unwrap();
        assert!(matches!(cli.command, Command::List(ListArgs { json: true })));
    }
}
