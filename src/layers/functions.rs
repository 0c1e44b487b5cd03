//! Layers without a state of their own: layer norm, embedding look-up, convolution.

use crate::program::{Int, Vector};

/// `gain * (x - mean(x)) / sqrt(var(x) + 1e-5) + shift`, with mean and population variance over the elements.
///
/// *Source*: Ba, Kiros and Hinton 2016, "Layer normalization", equation 4.
#[track_caller]
pub fn layer_norm(x: &Vector, gain: &Vector, shift: &Vector) -> Vector {
    let n = x.len() as f64;
    let mean = x.sum() / n;
    let centred = x.map(|x| x - mean);
    let sd = (centred.map(|x| x.square()).sum() / n + 1e-5).sqrt();
    centred.map(|x| x / sd).zip(gain, |x, gain| x * gain).zip(shift, |x, shift| x + shift)
}

/// The row number `level` of a table that is given by its columns: a vector of `columns.len()` numbers.
///
/// `level` counts from 0 to below the length of the columns: data, an integer latent, or a row's number.
#[track_caller]
pub fn embed(columns: &[Vector], level: Int) -> Vector {
    Vector::new(&columns.iter().map(|c| c.at(level)).collect::<Vec<_>>())
}

/// Size of an image with channels, `[channel][row][column]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Number of channels.
    pub channels: usize,
    /// Number of rows of pixels.
    pub height: usize,
    /// Number of columns of pixels.
    pub width: usize,
}

/// `y[o][i][j] = bias[o] + sum_c,a,b kernel[o][c][a][b] x[c][i stride + a][j stride + b]`, without padding.
///
/// `kernel` holds `bias.len() * channels * size * size` numbers. The result has `bias.len()` channels and
/// `(height - size) / stride + 1` rows. For small images: every place of the kernel is a dense layer of its own.
///
/// ```
/// use jensen::layers::{ImageShape, convolve};
/// use jensen::model::{Draws, LogJoint, Model};
/// use jensen::program::Vector;
/// use jensen::target::{LogDensity, Target};
///
/// struct Small;
/// impl Model for Small {
///     fn log_joint(&self, p: &LogJoint) {
///         let x = p.reals("x", 4);
///         let (kernel, bias) = (Vector::constant(&[1.0, -1.0, 0.0, 2.0]), Vector::constant(&[0.5]));
///         let (y, shape) = convolve(&x, ImageShape { channels: 1, height: 2, width: 2 }, &kernel, &bias, 2, 1);
///         assert_eq!((shape.height, shape.width), (1, 1));
///         p.derive("y", y);
///         p.add(-x.map(|x| x.square()).sum());
///     }
/// }
/// let found = Target::new(&Small)?.constrained(&[], &Draws::at_point(&[1.0, 2.0, 3.0, 4.0]));
/// assert_eq!(found.named("y"), Some(&[0.5 + 1.0 - 2.0 + 8.0][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn convolve(
    x: &Vector,
    shape: ImageShape,
    kernel: &Vector,
    bias: &Vector,
    size: usize,
    stride: usize,
) -> (Vector, ImageShape) {
    let ImageShape { channels, height, width } = shape;
    let places = |length: usize| (length + 1).saturating_sub(size.max(1)).div_ceil(stride.max(1));
    let out = ImageShape { channels: bias.len(), height: places(height), width: places(width) };
    let pixels = x.elements();
    let mut made = Vec::with_capacity(out.height * out.width);
    for (i, j) in (0..out.height).flat_map(|i| (0..out.width).map(move |j| (i * stride, j * stride))) {
        let inside = (0..channels).flat_map(|c| (0..size).flat_map(move |a| (0..size).map(move |b| (c, a, b))));
        let at = |(c, a, b): (usize, usize, usize)| pixels.get((c * height + i + a) * width + j + b).copied();
        let patch: Vec<_> = inside.filter_map(at).collect();
        made.push(Vector::new(&patch).dense(kernel, bias).elements());
    }
    let by_channel: Vec<_> = (0..bias.len()).flat_map(|o| made.iter().map(move |m| m[o])).collect();
    (Vector::new(&by_channel), out)
}
