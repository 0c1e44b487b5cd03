//! A conditional Gaussian from a joint one: many latents given a few shared ones.

mod design;
mod inside;
mod nodes;
mod start;

pub(crate) use self::inside::{Inside, Integral};
pub(crate) use self::nodes::Nodes;
pub use self::start::ConditionalStart;

use nalgebra::{DMatrix, SymmetricEigen};

use self::design::Design;
use self::inside::Local;
use super::FitError;
use crate::family::ConditionalGaussian;
use crate::streams::Streams;
use crate::target::Differentiable;

/// Purpose of the noise.
const NOISE: u32 = 24;

/// Rounds at most: most fits take two to six.
const ROUNDS: usize = 20;

/// Rounds after which steps go half of the way: where the width of one shared latent depends on another, whole ones can swing from
/// one side of the optimum to the other. In a stochastic volatility they did so for forty rounds, and half ones ended after two to
/// four.
const WHOLE_STEPS: usize = 3;

/// Length of a step of the shared latents, in their standard deviations, at most.
const LONGEST: f64 = 2.0;

/// Curvatures in units of the last ones are kept within these.
const CURVATURES: [f64; 2] = [0.1, 10.0];

/// A step so short, of the shared latents' means, and a change so small of their variances, on the log scale, is the last.
const SHORT: f64 = 0.15;
const SMALL: f64 = 0.2;

/// Steps of the shared latents from which the best Gaussian of the others is looked for again at the centre.
const FAR: f64 = 1.0;

/// Nats that a step of Newton's method for the others gains at least; below that it has arrived.
const SETTLED: f64 = 1e-4;

/// Finds a [`ConditionalGaussian`] near the joint Gaussian of the same model.
///
/// With `g` the few shared latents and `l` the others, a round takes places `u` around the centre of `q(g) = N(m, C C')`, at
/// `sqrt 3` on the axes and between each two, and at each of them the mode and the curvature of `l` by Newton's method:
///
/// ```text
/// mu(u) = mode(m + C u) + a        a: from the mode at the centre to the mean of the best Gaussian there
/// P(u)  = H(m + C u) + B           B: the same of the precisions
/// F(u)  = ln p(x, m + C u)         l integrated out by draws of q(l | g), block by block
/// m <- m + C S grad F,  C C' <- C S C',  S = (-d2 F)^-1
/// ```
///
/// with polynomials of the second degree read from the places for `mu`, `P` and `F`. The eigenvalues of `-d2 F` are kept
/// between 0.1 and 10, and a step is no longer than two standard deviations. The rounds end when a step is shorter than 0.15
/// and changes no variance by a fifth.
///
/// `F` is not the bound of `q(l | g)` but the density itself, by quadrature where blocks have one latent or two and by drawn
/// noise elsewhere, the same at all places: the bound is short by a share that changes with `g`, which adds up over many blocks.
///
/// *Source*: nested Laplace approximations (Rue, Martino and Chopin 2009), with the best Gaussian in the place of Laplace's
/// and importance weights for what is left; the rules for steps were chosen on hierarchies of 1,000 and 10,000 groups, local
/// levels, crossed effects and varying slopes by a prototype, and not changed since.
#[derive(Debug)]
pub struct ConditionalFit<'a, T: Differentiable + ?Sized> {
    /// The density that q approximates.
    pub target: &'a T,
    /// The family whose parameters are looked for.
    pub family: &'a ConditionalGaussian,
    /// Where the rounds begin.
    pub start: ConditionalStart,
    /// The source of the noise.
    pub streams: Streams,
}

/// What a [`ConditionalFit`] came to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConditionalFound {
    /// Parameters of the family; nothing where the rounds did not end.
    pub params: Option<Vec<f64>>,
    /// Rounds that were made.
    pub rounds: usize,
    /// Why there are no parameters, in words.
    pub words: String,
    /// Density evaluations, one for each draw, with a gradient or without.
    pub evaluations: u64,
}

/// A Gaussian of the shared latents.
struct Place {
    mean: Vec<f64>,
    /// By rows, square.
    factor: DMatrix<f64>,
}

impl<T: Differentiable + ?Sized> ConditionalFit<'_, T> {
    /// Makes the rounds.
    ///
    /// # Errors
    /// A density that can never be evaluated.
    pub fn run(&self) -> Result<ConditionalFound, FitError> {
        let mut inside = Inside::new(self.target, self.family);
        let mut rounds = 0;
        let found = self.rounds(&mut inside, &mut rounds);
        let evaluations = inside.evaluations();
        let (params, words) = match found? {
            Ok(params) => (Some(params), String::new()),
            Err(words) => (None, words.to_string()),
        };
        Ok(ConditionalFound { params, rounds, words, evaluations })
    }

    fn rounds(
        &self,
        inside: &mut Inside<'_, T>,
        rounds: &mut usize,
    ) -> Result<Result<Vec<f64>, &'static str>, FitError> {
        let design = Design::new(self.family.shared().len());
        let nodes = Nodes::new(&inside.blocks, self.streams.purpose(NOISE));
        let Some((mut at, mut best)) = self.begin(inside) else {
            return Ok(Err("the joint Gaussian has no precision of the latents that are not shared"));
        };
        let (mut mode, mut correction, mut is_far): (_, Option<Local>, _) = (best.clone(), None, true);
        while *rounds < ROUNDS {
            *rounds += 1;
            match inside.settled(&at.mean, mode, &Nodes::centre(), SETTLED)? {
                Some(found) => mode = found,
                None => {
                    return Ok(Err("the latents that are not shared have no mode at the centre of the shared ones"));
                }
            }
            if is_far {
                match inside.settled(&at.mean, best.clone(), &nodes, SETTLED)? {
                    Some(found) => best = found,
                    None => return Ok(Err("there is no best Gaussian of the latents that are not shared")),
                }
                correction = Some(Local {
                    mean: difference(&best.mean, &mode.mean),
                    precision: difference(&best.precision, &mode.precision),
                    factor: Vec::new(),
                });
            }
            let Some(correction) = &correction else { return Ok(Err("no correction")) };
            let Some(coefficients) = self.maps(inside, &design, &at, &mode, correction)? else {
                at.factor *= 0.5;
                is_far = false;
                continue;
            };
            let params = self.family.params_from(&at.mean, &by_rows(&at.factor), &coefficients);
            let mut values = Vec::new();
            for u in &design.places {
                values.push(inside.integral(&params, u, &nodes)?.log_density);
            }
            if !values.iter().all(|v| v.is_finite()) {
                at.factor *= 0.5;
                is_far = false;
                continue;
            }
            let step = Step::of(&design, &values, if *rounds > WHOLE_STEPS { 0.5 } else { 1.0 });
            let old = at;
            let factor = &old.factor * &step.factor;
            let moved = &old.factor * &step.mean;
            at = Place { mean: old.mean.iter().zip(moved.iter()).map(|(m, s)| m + s).collect(), factor };
            if step.length < SHORT && step.change < SMALL {
                let by = |v: &[f64]| {
                    let v = nalgebra::DVector::from_column_slice(v);
                    (&step.factor * v + &step.mean).as_slice().to_vec()
                };
                let coefficients = design.in_terms_of(&coefficients, by);
                return Ok(Ok(self.family.params_from(&at.mean, &by_rows(&at.factor), &coefficients)));
            }
            is_far = step.mean.norm() > FAR;
            best.mean = means_at(&coefficients, &step.mean, self.family);
            mode.mean = difference(&best.mean, &correction.mean);
        }
        Ok(Err("the shared latents did not come to rest"))
    }

    /// The law of the shared latents in the joint Gaussian, and the others given the mean of these.
    fn begin(&self, inside: &mut Inside<'_, T>) -> Option<(Place, Local)> {
        let ConditionalStart { shared_mean, shared_covariance, means, precision } = &self.start;
        let factor = shared_covariance.clone().cholesky()?.l();
        let at = Place { mean: shared_mean.clone(), factor };
        Some((at, inside.gaussian(means.clone(), precision.clone())?))
    }

    /// The coefficients of the polynomials through the Gaussians that modes and curvatures at all places give; nothing where
    /// there is a place without.
    fn maps(
        &self,
        inside: &mut Inside<'_, T>,
        design: &Design,
        at: &Place,
        mode: &Local,
        correction: &Local,
    ) -> Result<Option<Vec<Vec<f64>>>, FitError> {
        let mut modes: Vec<Local> = vec![mode.clone()];
        for (place, u) in design.places.iter().enumerate().skip(1) {
            let mut start = modes[0].clone();
            if let Some(other) = modes.get(design.mirror[place]) {
                // On the other side as far off.
                let mirrored = start.mean.iter().zip(&other.mean).map(|(c, m)| 2.0 * c - m);
                start.mean = mirrored.collect();
            }
            let by = &at.factor * nalgebra::DVector::from_column_slice(u);
            let shared: Vec<f64> = at.mean.iter().zip(by.iter()).map(|(m, b)| m + b).collect();
            match inside.settled(&shared, start, &Nodes::centre(), SETTLED)? {
                Some(mode) => modes.push(mode),
                None => return Ok(None),
            }
        }
        let mut values = Vec::new();
        for mode in &modes {
            match self.numbers(inside, mode, correction) {
                Some(numbers) => values.push(numbers),
                None => return Ok(None),
            }
        }
        Ok(Some(design.read_all(&values)))
    }

    /// Means, in the order of latents, and numbers of the factor at one place: `ln L_jj`, and `L_ij / L_jj`.
    fn numbers(&self, inside: &mut Inside<'_, T>, mode: &Local, correction: &Local) -> Option<Vec<f64>> {
        let pattern = self.family.pattern();
        let mut share = 1.0;
        let local = loop {
            let add = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + share * b).collect();
            let precision: Vec<f64> = add(&mode.precision, &correction.precision);
            let mean = mode.mean.iter().zip(&correction.mean).map(|(a, b)| a + b).collect();
            if let Some(local) = inside.gaussian(mean, precision) {
                break local;
            }
            if share == 0.0 {
                return None;
            }
            share = if share > 0.2 { 0.5 * share } else { 0.0 };
        };
        let mut out: Vec<f64> = pattern.place.iter().map(|&new| local.mean[new as usize]).collect();
        for j in 0..pattern.size() {
            let own = pattern.column(j);
            let diagonal = local.factor[own.start];
            out.push(diagonal.ln());
            out.extend(local.factor[own.start + 1..own.end].iter().map(|l| l / diagonal));
        }
        Some(out)
    }
}

/// Means of the others at a place, in the new order.
fn means_at(coefficients: &[Vec<f64>], u: &nalgebra::DVector<f64>, family: &ConditionalGaussian) -> Vec<f64> {
    let mut mean = vec![0.0; family.locals().0.len()];
    for (c, b) in coefficients.iter().zip(Design::basis(u.as_slice())) {
        mean.iter_mut().zip(c).for_each(|(m, c)| *m += b * c);
    }
    family.pattern().order.iter().map(|&own| mean[own as usize]).collect()
}

/// A Newton step of the shared latents, whitened.
struct Step {
    mean: nalgebra::DVector<f64>,
    /// The lower triangular factor of the new covariance in units of the old one.
    factor: DMatrix<f64>,
    /// `sqrt(step' gradient)`
    length: f64,
    /// The largest change of a variance on the log scale.
    change: f64,
}

impl Step {
    /// The step to the maximum, or a `part` of the way there: variances change by that power.
    fn of(design: &Design, values: &[f64], part: f64) -> Step {
        let (k, coefficients) = (design.num_shared(), design.read(values));
        let gradient = nalgebra::DVector::from_column_slice(&coefficients[1..=k]);
        let pair = |a: usize, b: usize| coefficients[1 + k + b * (b + 1) / 2 + a];
        let curvature = DMatrix::from_fn(k, k, |i, j| {
            let c = pair(i.min(j), i.max(j));
            if i == j { -2.0 * c } else { -c }
        });
        let eigen = SymmetricEigen::new(curvature);
        let kept = eigen.eigenvalues.map(|w| if w.is_nan() { 1.0 } else { w.clamp(CURVATURES[0], CURVATURES[1]) });
        let change = kept.iter().fold(0.0f64, |most, w| most.max(w.ln().abs()));
        let inverse =
            &eigen.eigenvectors * DMatrix::from_diagonal(&kept.map(|w| w.powf(-part))) * eigen.eigenvectors.transpose();
        let mut mean = &inverse * &gradient;
        let length = mean.dot(&gradient).max(0.0).sqrt();
        mean *= part;
        if mean.norm() > LONGEST {
            mean *= LONGEST / mean.norm();
        }
        let factor = inverse.clone().cholesky().map_or_else(|| DMatrix::identity(k, k), |c| c.l());
        Step { mean, factor, length, change }
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn by_rows(m: &DMatrix<f64>) -> Vec<f64> {
    m.transpose().as_slice().to_vec()
}
