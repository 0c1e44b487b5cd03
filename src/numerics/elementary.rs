//! Functions of one number and the constants of the normal density.

/// `ln sqrt(2 pi)`
pub const LN_SQRT_2_PI: f64 = 0.918_938_533_204_672_7;

/// `ln (2 pi)`
pub const LN_2_PI: f64 = 1.837_877_066_409_345_5;

/// `1 / (1 + e^-x)`, to the last digits in both tails.
pub fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

/// `ln (1 + e^x)`, without overflow.
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
