//! Gradient estimators: exact gradients and variances, published comparisons, freedom from bias.

mod avoiding;
mod continuous;
mod counts;
mod discrete;
mod exact_kl;
mod factored;
mod integers;
mod measure_valued;
mod mixed;
mod moments;
mod multi_sample;
mod rejections;
mod relaxations;
mod scales;
mod score;
mod steps;
mod truncated;
mod twenty;

pub use twenty::Twenty;
