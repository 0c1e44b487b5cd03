//! [`Units`]: the place and width of the data, in which networks work.

use serde::{Deserialize, Serialize};

/// The units in which both networks of a Gaussian autoencoder work: `x = centre + scale * w`, one scale for all columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Units {
    /// The mean of each column.
    #[serde(with = "crate::number::list")]
    pub centre: Vec<f64>,
    /// The standard deviation about the means, of all columns together.
    #[serde(with = "crate::number")]
    pub scale: f64,
}

impl Units {
    /// Those of rows of `num_columns` numbers each, one after the other; a scale of one where nothing varies.
    pub fn of(rows: &[f64], num_columns: usize) -> Units {
        let n = (rows.len() / num_columns.max(1)).max(1) as f64;
        let mut centre = vec![0.0; num_columns];
        for row in rows.chunks_exact(num_columns.max(1)) {
            centre.iter_mut().zip(row).for_each(|(c, x)| *c += x / n);
        }
        let squares = rows.chunks_exact(num_columns.max(1)).flatten().zip(centre.iter().cycle());
        let variance = squares.map(|(x, c)| (x - c).powi(2)).sum::<f64>() / rows.len().max(1) as f64;
        let scale = if variance > 0.0 && variance.is_finite() { variance.sqrt() } else { 1.0 };
        Units { centre, scale }
    }
}
