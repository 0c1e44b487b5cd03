//! What each `--help` says below the options: remarks, examples, exit codes.

pub(super) const GUIDE: &str = "\
Examples:
  jensen list
  jensen fit eight-schools
  jensen fit logistic-regression --data patients.csv --response ill --features age,dose
  jensen fit garch --out garch-fit --plot
  jensen show garch-fit

Results go to standard output, progress and messages to standard error.

Exit codes:
  0  done; a fit is trusted
  1  fitted, but the verdict is not to trust it, or to trust its means only
  2  error: wrong argument, bad data or failure; no result file was written or changed

`jensen COMMAND --help` explains every option and its values.";

pub(super) const LIST_GUIDE: &str = "\
Examples:
  jensen list
  jensen list --json";

pub(super) const FIT_GUIDE: &str = "\
Every model runs with no option, on real data that the program carries. Regressions take any table:
features are standardised to mean 0 and standard deviation 1 for the fit, and the report says by what.
Cells must be present, numeric and finite; an error names file, line and column.

Examples:
  jensen fit eight-schools
  jensen fit eight-schools-centred --family full-rank --seed 7
  jensen fit linear-regression --data trees.csv --response volume --features girth,height
  jensen fit hierarchical-regression --data radon.csv --response log_radon --features floor --group county
  jensen fit gaussian-process --optimizer lbfgs --draws 32 --out gp --plot
  jensen fit stochastic-volatility --quiet --json > report.json

Exit codes:
  0  fitted and trusted
  1  fitted, but the verdict is not to trust it, or to trust its means only
  2  error: nothing was fitted, no result file was written or changed";

pub(super) const SAMPLE_GUIDE: &str = "\
Examples:
  jensen fit eight-schools --out schools
  jensen sample schools --draws 4000 > draws.csv

Exit codes:
  0  done
  2  error: no such fit, or one that cannot be read; no file was written or changed";

pub(super) const SHOW_GUIDE: &str = "\
Examples:
  jensen show schools
  jensen show schools --all --plot

Exit codes, as for the fit itself:
  0  the fit is trusted
  1  the verdict is not to trust it, or to trust its means only
  2  error: no such fit, or one that cannot be read";
