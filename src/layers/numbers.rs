//! [`Numbers`]: a trained network evaluated on plain numbers, without a program.

use super::LayerError;
use crate::model::Layout;

/// The parameters of a network by the names of their sites.
#[derive(Clone, Copy)]
pub(crate) struct Numbers<'a> {
    layout: &'a Layout,
    theta: &'a [f64],
}

/// `weights x + bias` of a layer, `[output][input]` and `[output]`.
#[derive(Clone, Copy)]
pub(crate) struct Dense<'a> {
    weights: &'a [f64],
    bias: &'a [f64],
}

impl<'a> Numbers<'a> {
    /// Those of `theta`, which `layout` lays out.
    pub fn new(layout: &'a Layout, theta: &'a [f64]) -> Result<Self, LayerError> {
        let remedy = "give the theta of a fit of this model";
        LayerError::unless_equal("theta", theta.len(), layout.num_parameters, remedy)?;
        Ok(Numbers { layout, theta })
    }

    /// The numbers of one site, of which there must be `len`.
    pub fn part(&self, site: &str, len: usize) -> Result<&'a [f64], LayerError> {
        let found = self.layout.site(site).and_then(|s| self.theta.get(s.offset..s.offset + s.num_unconstrained));
        found.filter(|part| part.len() == len).ok_or_else(|| LayerError::Layout { site: site.to_string() })
    }

    /// The layer of these sites, from `inputs` numbers to `outputs`.
    pub fn dense(&self, weights: &str, bias: &str, inputs: usize, outputs: usize) -> Result<Dense<'a>, LayerError> {
        Ok(Dense { weights: self.part(weights, inputs * outputs)?, bias: self.part(bias, outputs)? })
    }

    /// The layers of a [`Perceptron`](super::Perceptron) that was declared as `name`.
    pub fn perceptron(&self, name: &str, sizes: &[usize]) -> Result<Vec<Dense<'a>>, LayerError> {
        let layer = |(k, ends): (usize, &[usize])| {
            self.dense(&format!("{name}.weights{k}"), &format!("{name}.bias{k}"), ends[0], ends[1])
        };
        sizes.windows(2).enumerate().map(layer).collect()
    }
}

impl Dense<'_> {
    /// What the layer makes of `x`, as long as its inputs.
    pub fn apply(&self, x: &[f64]) -> Vec<f64> {
        let row = |(output, bias): (usize, &f64)| {
            let weights = &self.weights[output * x.len()..(output + 1) * x.len()];
            bias + weights.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()
        };
        self.bias.iter().enumerate().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::{LayerError, Likelihood, Text, Vae};
    use crate::program::Matrix;
    use crate::target::{LogDensity, Target};

    fn said<T: std::fmt::Debug>(found: Result<T, LayerError>) -> String {
        found.unwrap_err().to_string()
    }

    #[test]
    fn numbers_of_wrong_lengths_are_refused() {
        let of = |values: &[f64], columns| Matrix::new(values, columns).unwrap();
        let text = Text::new(of(&[0.0, 1.0, 2.0, 1.0], 4), 3, 2, 5, &[]).unwrap();
        let of_text = Target::new(&text).unwrap();
        let weights = text.theta(of_text.layout());
        let write = |z: &[f64], uniforms: Option<&[f64]>| text.write(of_text.layout(), &weights, z, uniforms);
        assert_eq!(write(&[0.0; 2], Some(&[0.5; 4])).unwrap().len(), 4);
        assert!(said(write(&[0.0; 3], None)).starts_with("z holds 3 numbers, the network takes 2"));
        assert!(said(write(&[0.0; 2], Some(&[0.5; 3]))).starts_with("uniforms holds 3 numbers, the network takes 4"));
        let found = said(text.write(of_text.layout(), &weights[1..], &[0.0; 2], None));
        assert!(found.starts_with(&format!("theta holds {} numbers", weights.len() - 1)), "{found}");

        let vae = Vae::new(of(&[0.0, 1.0], 2), 2, &[3], Likelihood::Bernoulli).clusters(2);
        let of_vae = Target::new(&vae).unwrap();
        let theta = vae.theta(of_vae.layout());
        let found = said(text.write(of_vae.layout(), &theta, &[0.0; 2], None));
        assert!(found.starts_with("the layout has no parameter `start.weights0`"), "{found}");
        assert!(said(vae.cluster_probabilities(of_vae.layout(), &theta, &[0.0])).starts_with("z holds 1 numbers"));
        assert_eq!(vae.prior_clusters(of_vae.layout(), &theta).unwrap().len(), 2);
    }
}
