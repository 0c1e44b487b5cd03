//! [`pick`]: a uniform number made a choice.

/// The place that `uniform`, from 0 to 1, falls on where the stretch is shared out in proportion to `weights`, which are
/// not negative; that of the largest weight where rounding, or weights that are all zero, leave none.
///
/// ```
/// # use jensen::streams::pick;
/// let places = [0.0, 0.2, 0.3, 0.8, 1.0].map(|u| pick(&[1.0, 0.0, 3.0], u));
/// assert_eq!(places, [0, 0, 2, 2, 2]);
/// ```
pub fn pick(weights: &[f64], uniform: f64) -> usize {
    let mut left = uniform * weights.iter().sum::<f64>();
    let found = weights.iter().position(|w| {
        left -= w;
        left < 0.0
    });
    found.unwrap_or_else(|| {
        let larger = |best: usize, (k, w): (usize, &f64)| if *w > weights[best] { k } else { best };
        weights.iter().enumerate().fold(0, larger)
    })
}
