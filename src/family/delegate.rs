//! Families behind references and boxes, so that a family can be chosen at run time.

use super::{ConditionalGaussian, Discrete, Family, FamilyError, Integer, NoiseLaw, Reparam, SparseGaussian};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;

macro_rules! delegate {
    ($($pointer:ty),*) => { $(
        impl<F: Family + ?Sized> Family for $pointer {
            fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
                (**self).covers(layout)
            }

            fn num_params(&self) -> usize {
                (**self).num_params()
            }

            fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
                (**self).sample(params, rows, streams, z);
            }

            fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
                (**self).log_q(params, rows, z, log_q);
            }

            fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
                (**self).score(params, rows, z, weights, grad);
            }

            fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
                (**self).entropy(params, rows)
            }

            fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
                (**self).add_entropy_gradient(params, rows, weight, grad);
            }

            fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
                (**self).init(centre, scale)
            }

            fn centre(&self, params: &[f64]) -> Vec<f64> {
                (**self).centre(params)
            }

            fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
                (**self).rescale(params, centre, scale)
            }

            fn is_gaussian(&self) -> bool {
                (**self).is_gaussian()
            }

            fn components(&self, params: &[f64]) -> Vec<(Vec<f64>, Vec<f64>)> {
                (**self).components(params)
            }

            fn sparse(&self) -> Option<&SparseGaussian> {
                (**self).sparse()
            }

            fn conditional(&self) -> Option<&ConditionalGaussian> {
                (**self).conditional()
            }

            fn reparam(&self) -> Option<&dyn Reparam> {
                (**self).reparam()
            }

            fn identified(&self, params: &[f64]) -> Vec<f64> {
                (**self).identified(params)
            }

            fn name(&self) -> String {
                (**self).name()
            }
        }

        impl<F: Reparam + ?Sized> Reparam for $pointer {
            fn num_noise(&self, rows: &RowSet) -> usize {
                (**self).num_noise(rows)
            }

            fn noise_law(&self) -> NoiseLaw {
                (**self).noise_law()
            }

            fn is_one_to_one(&self) -> bool {
                (**self).is_one_to_one()
            }

            fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
                (**self).transform(params, rows, noise, z);
            }

            fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]) {
                (**self).pullback(params, rows, noise, z, z_bar, grad);
            }

            fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
                (**self).grad_log_q(params, rows, z, grad_z);
            }
        }

        impl<F: Discrete + ?Sized> Discrete for $pointer {
            fn num_integers(&self) -> usize {
                (**self).num_integers()
            }

            fn num_row_integers(&self) -> usize {
                (**self).num_row_integers()
            }

            fn num_latents(&self, rows: &RowSet) -> usize {
                (**self).num_latents(rows)
            }

            fn integer(&self, rows: &RowSet, latent: usize) -> Integer {
                (**self).integer(rows, latent)
            }

            fn probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, out: &mut Vec<f64>) {
                (**self).probabilities(params, rows, latent, out);
            }

            fn pull_probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, p_bar: &[f64], grad: &mut [f64]) {
                (**self).pull_probabilities(params, rows, latent, p_bar, grad);
            }

            fn pull_log_probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, bar: &[f64], grad: &mut [f64]) {
                (**self).pull_log_probabilities(params, rows, latent, bar, grad);
            }

            fn all_probabilities(&self, params: &[f64], rows: &RowSet, out: &mut Vec<f64>) -> bool {
                (**self).all_probabilities(params, rows, out)
            }

            fn pull_all_log_probabilities(&self, params: &[f64], rows: &RowSet, bar: &[f64], grad: &mut [f64]) -> bool {
                (**self).pull_all_log_probabilities(params, rows, bar, grad)
            }
        }
    )* };
}
delegate!(&F, Box<F>);
