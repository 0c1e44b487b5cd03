//! Importance-weighted log p(x) of rows with latents of their own.

use super::statistics::log_mean_exp;
