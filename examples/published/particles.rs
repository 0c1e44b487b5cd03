//! Rainforth et al. 2018 and Tucker et al. 2019: signal and noise of q's gradient as the bound gets tighter.

use jensen::estimate::{DoublyReparameterized, MultiSamplePathwise};
use jensen::family::MeanField;
use jensen::objective::ImportanceWeighted;
use jensen::target::HandWritten;

use super::figure::Figure;
use super::measure::{At, moments};

const DIMENSION: usize = 10;
const PARTICLES: [usize; 5] = [1, 4, 16, 64, 256];
/// Few gradients of many particles, many of few: the work is the same.
const DRAWS: usize = 1_000_000;

pub fn run(folder: &str) -> super::Done {
    let names: Vec<String> = (0..DIMENSION).map(|k| format!("z{k}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let target = HandWritten::new(&names, |z: &[f64], grad: &mut [f64]| {
        grad.iter_mut().zip(z).for_each(|(g, z)| *g = -z);
        -0.5 * z.iter().map(|z| z * z).sum::<f64>()
    });
    let family = MeanField::of_dimension(DIMENSION);
    // Means a little off and standard deviations a little large, so that the weights are bounded.
    let off = |k: usize| 0.1 + 0.02 * k as f64;
    let params: Vec<f64> = (0..DIMENSION).map(off).chain((0..DIMENSION).map(off)).collect();
    let (mut plain, mut double) = (Vec::new(), Vec::new());
    for particles in PARTICLES {
        let at = At { params: &params, num_draws: particles, repeats: (DRAWS / particles).clamp(4000, 200_000) };
        let (both, objective) = ((&target, &family), ImportanceWeighted);
        let found = moments(&MultiSamplePathwise { objective, particles }, both, at)?;
        plain.push((particles as f64, found.signal_to_noise()));
        let found = moments(&DoublyReparameterized { objective, particles }, both, at)?;
        double.push((particles as f64, found.signal_to_noise()));
    }
    let figure = Figure {
        title: "Importance-weighted bound: signal to noise of the gradient of q",
        x: "particles K",
        y: "|mean| / sd",
        log_x: true,
        lines: vec![("pathwise (IWAE)".into(), plain), ("doubly reparameterised".into(), double)],
    };
    Ok(figure.publish(folder, "particles.svg")?)
}
