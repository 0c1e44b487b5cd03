//! The text of each `--help` below the options: remarks, examples, exit codes.

pub(super) const GUIDE: &str = "\
Examples:
  jensen list
  jensen fit eight-schools
  jensen fit logistic-regression --data patients.csv --response ill --features age,dose
  jensen fit garch --out garch-fit --plot
  jensen show garch-fit
  jensen check garch-fit --report checks.html
  jensen compare eight-schools --out schools
  jensen mixture customers.csv --k 1..8 --out groups --plot
  jensen vae --out digits

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
Every model runs with no option, on real data that the program carries.
`regression` takes a formula and any table: words, dates, decimal commas, missing cells, which leave out their rows.
Coefficients are in the units of the data. Likelihoods: normal, student-t, log-normal, gamma, inverse-gaussian,
weibull, exponential, beta, bernoulli, binomial, beta-binomial, poisson, negative-binomial, zero-inflated-poisson,
zero-inflated-negative-binomial, hurdle-poisson, hurdle-negative-binomial, ordinal, sequential-ordinal,
categorical. Priors, where --prior does not say others, with s_y and s_x the standard deviations of the
response (1 where the link is not its unit) and of a column: b[x] ~ normal(0, 2.5 s_y / s_x), the intercept at
the means of the columns ~ normal(m, 2.5 s_y), sd[group, x] ~ exponential(s_x / s_y), sigma ~ exponential(1 / s_y),
nu and shape ~ gamma(2, 0.1), precision ~ gamma(2, 0.01), zero ~ beta(1, 1), correlations ~ lkj(1).
`linear-regression`, `logistic-regression`, `poisson-regression`, `negative-binomial-regression` and
`hierarchical-regression` are the same with --response and --features in the place of a formula. Other models
standardise features, and the report says by what; their cells must be present, numeric and finite.
An error names file, line and column.
Ctrl-C ends the fit and keeps its report and files, with exit code 1; a second one ends the program.
Where the fit is trusted, the table, draws.csv and the marginals are of the posterior: draws of q and around
it are weighted, and resampled by their weights. proposal_draws.csv has these, with log_p, log_q,
log_proposal (of the law they were drawn from) and log_weight.

Examples:
  jensen fit eight-schools
  jensen fit eight-schools-centred --family full-rank --seed 7
  jensen fit regression --data trees.csv --formula \"log(volume) ~ log(girth) + species\" --out trees
  jensen fit regression --data visits.csv --formula \"visits ~ age + (1 | ward)\" --likelihood poisson
  jensen fit regression --data visits.csv --formula \"cost ~ s(age) + weight\" --missing impute --report cost.html
  jensen fit linear-regression --data trees.csv --response volume --features girth,height
  jensen fit hierarchical-regression --data radon.csv --response log_radon --features floor --group county
  jensen fit gaussian-process --optimizer lbfgs --draws 32 --out gp --plot
  jensen fit stochastic-volatility --quiet --json > report.json
  jensen fit simulated-posterior --data simulations.csv --out posterior

Exit codes:
  0  fitted and trusted
  1  fitted, but the verdict is not to trust it, or to trust its means only
  2  error: nothing was fitted, no result file was written or changed";

pub(super) const COMPARE_GUIDE: &str = "\
A fit follows gradients that are estimated from random draws. This command takes many gradients with each
estimator at the points of a fit and says how noisy each is, what it costs, whether it is biased, and
which one to use. Every model runs with no option. --out writes a page with plots for a browser.

Columns:
  bias (se)      distance of the mean gradient from a long reference run, the largest over the parameters,
                 in standard errors; BIASED where chance is no explanation, and a second run agreed
  length off, %  how much longer the mean gradient is than the reference, with its standard error
  variance       noise of one gradient, summed over the parameters, and its 90 % interval
  signal/noise   length of the true gradient over the noise: below 1, steps are mostly noise
  evals          evaluations of the model for one gradient
  var x evals    noise for the work, the same on every machine: lower is better
  time*          wall time of one gradient, the median, as measured here: nothing is decided by it
  var x time*    noise for the time (microseconds)
  bound          what short fits reached with equal work: higher is better
Of those that passed, the last table has the noise for the work over that of the best, with its error; what
may be less than twice as much is not distinguishable, and has up to four times the gradients.

Ctrl-C ends the comparison and keeps what is finished.

Examples:
  jensen compare eight-schools
  jensen compare eight-schools --estimators pathwise,sticking-the-landing --draws 1,8 --out schools
  jensen compare linear-regression --data trees.csv --response volume --features girth,height
  jensen compare logistic-regression --family mean-field --at optimum --repeats 2000

Exit codes:
  0  compared, and an estimator is recommended
  1  compared, but no estimator can be recommended, or it was interrupted
  2  error: nothing was compared, no result file was written or changed";

pub(super) const SAMPLE_GUIDE: &str = "\
The draws agree with the table of the report. Where the fit is trusted, both are of the posterior: draws
of q, the approximation that was fitted, and around it are resampled by importance weights. Elsewhere they
are of q.

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

pub(super) const EFFECTS_GUIDE: &str = "\
Averages over the rows of the fit of the expected response, on its own scale (counts, probabilities, euros), with
intervals. Of a column of numbers: the change for a unit more, at the margin. Of words, and of a column of 0 and 1: the
expected response if every row were of one level, and the differences from the first. Everything else of a row, its
group among it, stays as it is.

Examples:
  jensen fit regression --data visits.csv --formula \"ill ~ age + sex\" --likelihood bernoulli --out ill
  jensen effects ill age
  jensen effects ill age --by sex
  jensen effects ill sex --out sex.csv

Exit codes:
  0  done
  2  error: no such fit, or a column that it does not explain by; no file was written or changed";

pub(super) const CHECK_GUIDE: &str = "\
What is checked, each as far as the model allows it; what it does not allow is said, and the rest goes on:
  data that the prior expects, and data that the fitted model expects: are those at hand among them?
  rows left out one by one: how well is each predicted by the others, and are there rows that decide by themselves?
  fits of data simulated from the model: is the truth found as often as it should be?
  sensitivity: does the posterior move if the prior counts more, or the data?
Ctrl-C ends the fits of simulated data and keeps the rest.

Examples:
  jensen fit linear-regression --data trees.csv --response volume --features girth,height --out trees
  jensen check trees
  jensen check trees --report trees.html --simulations 200
  jensen check schools --priors mu,tau

Exit codes:
  0  nothing is wrong, though there may be things worth knowing
  1  something is wrong, or the fit is not trusted; the findings say what to do
  2  error: no such fit, or one that cannot be checked";

pub(super) const COMPARE_FITS_GUIDE: &str = "\
The fits must be of the same rows in the same order and units; other rows are refused.

Columns:
  elpd           log density of each row given all others, summed (higher is better), and its standard error
  difference     to the best, paired by row: differences below 4, or below two standard errors, say little
  weight         in the mixture of all fits that predicts best (stacking)
  rows in doubt  rows with a large k-hat, whose share of elpd cannot be relied on
  log evidence   of the whole model with its prior, with its Monte Carlo error

Examples:
  jensen fit linear-regression --data trees.csv --response volume --features girth --out one
  jensen fit linear-regression --data trees.csv --response volume --features girth,height --out both
  jensen compare-fits one both

Exit codes:
  0  compared
  1  compared, but rows are in doubt or a fit is not trusted; the remarks say which
  2  error: no such fit, or fits of other rows";

pub(super) const MIXTURE_GUIDE: &str = "\
Every row is taken to come from one of K components; what they look like, how large they are and which row belongs
to which is found from the table. Without a file: 272 eruptions of Old Faithful, their length and the wait for the
next in minutes.
Missing cells are marginalised. A column without a name in the header is left out, and said. A constant column and a copy of a column are refused; a column that is a sum of
others is fitted with a regularisation that the report states.

The report:
  bound       lower bound of the log evidence, every constant included: compare it over K, kinds and covariances of
              the same columns of the same rows
  agreement   adjusted Rand index of the labels of two fits: 1 where they agree, 0 where only by chance
  effective   exp of the entropy of the weights: components counted by size
  mean, sd    of a row of the component; for words, the probability of each; for a multinomial, the share of each column
  held-out    mean log density, in nats a row, of the rows that --held-out leaves out of the fit

Examples:
  jensen mixture
  jensen mixture customers.csv --k 1..8 --out groups --plot
  jensen mixture customers.csv --dirichlet-process --columns age,income,visits --kind visits=poisson
  jensen mixture baskets.csv --kind food+drink+rest=multinomial,minutes=exponential --k 1..6 --held-out 0.2
  jensen mixture sensors.csv --k 5 --covariance diagonal --kind student-t --restarts 20
  jensen mixture large.csv --k 10 --batch 4096 --quiet --json > report.json
  jensen predict groups new_customers.csv --out labels.csv

Exit codes:
  0  fitted, and the restarts agree
  1  fitted, but the restarts disagree or the fit had not arrived; the report says why and what to do
  2  error: wrong argument, bad data or failure; no result file was written or changed";

pub(super) const PREDICT_GUIDE: &str = "\
Of a regression: a line for each row with the mean of the response and its 5 % and 95 % quantiles (expected,
expected_q5, expected_q95), and those of a response that may be seen there (q5, q50, q95); of categories the
probability of each. Groups that the fit has not seen are drawn from the distribution of groups.

Of a mixture: row (from 1), label (the most probable component, from 1, the largest first), the probability
of each component, the entropy of these in nats, and the log density of the row. The mean log density is a held-out
score where the rows are new: compare it between fits of the same columns.
Cells may be missing where the fit allows it. A category that the fit has not seen is an error.

Examples:
  jensen fit regression --data trees.csv --formula \"volume ~ girth\" --out trees
  jensen predict trees new_trees.csv > expected.csv
  jensen mixture customers.csv --k 1..8 --out groups
  jensen predict groups new_customers.csv > labels.csv
  jensen predict groups/fit.json new_customers.csv --out labels.csv

Exit codes:
  0  done
  2  error: no such fit, or rows that do not fit it; no file was written or changed";

pub(super) const VAE_GUIDE: &str = "\
A network maps each image to a Gaussian over a few latents, another maps latents to an image; both are trained together
by maximising a lower bound of log p(image). Without --data: 1,797 binary digits of 8 x 8 pixels.
With --condition it is p(image given a class), with --classes the code has a class, with --clusters its prior is a
mixture, with --text rows are windows of text.
Pictures in --out: reconstructions, samples, interpolations, traversals of single latents, the latents of the test
images, and the bound by epoch.

The report:
  bound           of an image in nats, its data term and its KL; standard errors over images
  log p(x)        importance-weighted, a tighter lower bound of log p(image)
  active units    latents whose mean varies between images by more than 0.01 in variance
  information     the part of the KL that is about the image; the rest is the gap between codes and their prior

Where the bound or a gradient is not finite, training goes back to the last good state with half the step size, says so,
and gives up after three times in a row with that state saved. Ctrl-C keeps what is done.

Examples:
  jensen vae --out digits
  jensen vae --latent 2 --beta 4 --anneal linear --epochs 200 --out digits
  jensen vae --out digits --resume --epochs 400
  jensen vae --data train-images-idx3-ubyte.gz --hidden 400,200 --latent 20 --out mnist
  jensen vae --data faces --likelihood gaussian --out faces-fit
  jensen vae --estimator iwae --importance 10
  jensen vae --condition digit --out given && jensen vae sample given --given 7 --out sevens.png
  jensen vae --classes 10 --latent 4
  jensen vae --clusters 10 --epochs 200
  jensen vae --text book.txt --window 20 --latent 4 --out book
  jensen vae encode digits > codes.csv
  jensen vae sample digits --draws 100 --out samples.png

Exit codes:
  0  trained, and most latents are in use
  1  trained, but the latents have collapsed onto their prior, or it was interrupted
  2  error: wrong argument, bad data or failure; of result files, fit.json alone may have been written";

pub(super) const VAE_CODES_GUIDE: &str = "\
Examples:
  jensen vae --out digits
  jensen vae encode digits --out codes.csv
  jensen vae decode digits codes.csv --out pictures.png
  jensen vae sample digits --draws 100 --out samples.png
  jensen vae interpolate digits 1 7 --steps 12 --out way.svg

Exit codes:
  0  done
  2  error: no such fit, or data that do not fit it; no file was written or changed";

pub(super) const COMPLETIONS_GUIDE: &str = "\
Examples:
  jensen completions bash > ~/.local/share/bash-completion/completions/jensen
  jensen completions zsh > ~/.zfunc/_jensen
  jensen completions fish > ~/.config/fish/completions/jensen.fish

Exit codes:
  0  done
  2  error: no such shell";

pub(super) const MAN_GUIDE: &str = "\
Examples:
  jensen man | man -l -
  jensen man fit > jensen-fit.1

Exit codes:
  0  done
  2  error: no such command";
