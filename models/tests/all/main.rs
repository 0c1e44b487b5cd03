//! Fits of the zoo against what is known.

mod integers;
mod regression;
mod regression_calibration;
mod regression_curves;
mod regression_effects;
mod regression_kinds;
mod regression_latent_terms;
mod regression_predictions;
