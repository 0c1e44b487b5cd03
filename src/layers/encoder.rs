//! [`Encoder`]: networks from a row's data to a normal q of its latents; [`Amortised`]: q(z | x) by one.

use crate::family::{Guide, Guided};
use crate::program::{Matrix, Vector};
use std::fmt::Debug;
use std::sync::Arc;

/// From what is read of a row to the location and the log standard deviation of its latents.
pub type Encode = Box<dyn Fn(&Vector) -> (Vector, Vector)>;

/// A network from a row's data to `N(location(x), exp(ln_sd(x))^2)`, one of each for every latent.
///
/// [`Perceptron`](super::Perceptron) is one; another is a function that declares its weights and says how they are used:
///
/// ```
/// use jensen::family::Guided;
/// use jensen::layers::{Encode, Encoder};
///
/// /// location = a sum(x), ln sd = b, the same for all latents
/// #[derive(Debug)]
/// struct Sum;
///
/// impl Encoder for Sum {
///     fn declare(&self, q: &Guided, num_latents: usize) -> Encode {
///         let (a, b) = (q.parameter("a", &[num_latents]), q.parameter("b", &[num_latents]));
///         Box::new(move |x| (a.map(|a| a * x.sum()), b))
///     }
/// }
/// ```
pub trait Encoder: Debug + Send + Sync {
    /// Declares the weights in `q`, with their start, and returns what they do with a row.
    fn declare(&self, q: &Guided, num_latents: usize) -> Encode;
}

/// `q(z_i | x_i) = N(location(x_i), exp(ln_sd(x_i))^2)` by an [`Encoder`]: a [`Guide`] for a site of `num_latents` real
/// numbers in each row.
#[derive(Clone, Debug)]
pub struct Amortised {
    data: Matrix,
    site: String,
    num_latents: usize,
    encoder: Arc<dyn Encoder>,
}

impl Amortised {
    /// A q for the site of this name that reads `data`'s rows.
    pub fn new(data: Matrix, site: &str, num_latents: usize, encoder: impl Encoder + 'static) -> Amortised {
        Amortised::shared(data, site, num_latents, Arc::new(encoder))
    }

    pub(super) fn shared(data: Matrix, site: &str, num_latents: usize, encoder: Arc<dyn Encoder>) -> Amortised {
        Amortised { data, site: site.into(), num_latents, encoder }
    }
}

impl Guide for Amortised {
    fn draw(&self, q: &Guided) {
        let encode = self.encoder.declare(q, self.num_latents);
        q.rows(|i| {
            let (location, ln_sd) = encode(&self.data.at(i).to_vector());
            i.normals(&self.site, &location, &ln_sd.map(|s| s.exp()));
        });
    }
}
