//! Normalising flows: a normal number for each latent, carried through bijections one after the other.

use super::layers::{Autoregressive, Coupling, Planar, Scale};
use super::spline::Spline;
use super::{Guide, Guided, TracedFamily};
use crate::dist::{Distribution, normal};
use crate::family::FamilyError;
use crate::model::Layout;
use crate::program::{Real, Vector, sum};
use crate::streams::Streams;

/// A differentiable one-to-one map of as many numbers as there are latents, with its inverse.
///
/// The parameters are declared before, with [`Guided::parameter_from`]; [`Guided::flow`] makes a q of such maps.
pub trait Bijection {
    /// The image of `x` under the map, `y(x)`.
    fn forward(&self, x: &[Real]) -> Vec<Real>;

    /// `x(y)` and `ln |det dy/dx|` there.
    fn backward(&self, y: &[Real]) -> (Vec<Real>, Real);
}

impl Guided {
    /// All latents outside of rows as standard normal numbers carried through `layers`, the first one first.
    #[track_caller]
    pub fn flow(&self, layers: &[Box<dyn Bijection>]) -> Vector {
        let transform = |e: Vector| Vector::new(&layers.iter().fold(e.elements(), |x, layer| layer.forward(&x)));
        let log_density = |z: Vector| {
            let (mut x, mut log_jacobian) = (z.elements(), Real::from(0.0));
            for layer in layers.iter().rev() {
                let (back, own) = layer.backward(&x);
                (x, log_jacobian) = (back, log_jacobian + own);
            }
            let base: Vec<Real> = x.iter().map(|&x| normal(0.0, 1.0).log_density(x)).collect();
            sum(&base) - log_jacobian
        };
        self.all_latents(transform, log_density)
    }
}

/// A normalising flow over all latents outside of rows: layers of one kind, then a shift and scale of each latent.
///
/// It starts as independent normals around [`around`](Self::around), each layer at the identity. Every layer can be run
/// backwards, so `log q` is known at any point and every estimator for reparameterised families works; there is no
/// closed-form entropy. A flow is a [`Guide`]: one of your own is a [`Bijection`] and a call of [`Guided::flow`].
///
/// ```
/// # use jensen::{family::*, model::Layout};
/// # let layout = Layout { num_latents: 2, ..Layout::default() };
/// let q = Flow::real_nvp(4, 8).around(&[0.5, -1.0], 0.3).family(&layout)?;
/// assert_eq!(q.name(), "RealNVP flow, 4 layers");
/// # Ok::<(), FamilyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Flow {
    kind: Kind,
    layers: usize,
    centre: Vec<f64>,
    sd: f64,
    seed: u64,
    num_latents: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Planar,
    RealNvp { hidden: usize },
    Autoregressive { hidden: usize },
    Spline { hidden: usize, bins: usize },
}

impl Flow {
    /// `layers` planar layers `y = x + u tanh(w'x + b)`, invertible by a constraint on `u`; the inverse is the root of
    /// one equation, found by Newton's method. `2 n + 1` parameters a layer.
    ///
    /// *Source*: Rezende and Mohamed 2015, equation 10 and appendix A.1; departure: `w'u` is bent by
    /// `softplus(w'u + ln(e - 1)) - 1`, which leaves `u = 0` where it is, so that the layer starts at the identity.
    pub fn planar(layers: usize) -> Flow {
        Flow::of(Kind::Planar, layers)
    }

    /// `layers` coupling layers `y_i = x_i e^(s_i) + t_i` for every second latent, where `s` (within -3 and 3) and `t` are
    /// functions of the others by a network with one layer of `hidden` tanh units; the halves take turns.
    ///
    /// *Source*: Dinh, Sohl-Dickstein and Bengio 2017, equations 4 to 8; without batch normalisation.
    pub fn real_nvp(layers: usize, hidden: usize) -> Flow {
        Flow::of(Kind::RealNvp { hidden }, layers)
    }

    /// `layers` autoregressive layers `y_i = x_i e^(s_i) + t_i`, where `s_i` (within -3 and 3) and `t_i` are functions of
    /// `x_0 .. x_(i-1)` by a masked network with one layer of `hidden` tanh units for each latent but the last; the order
    /// of the latents is reversed from layer to layer.
    ///
    /// *Source*: Kingma et al. 2016, "Improved variational inference with inverse autoregressive flow", equation 10, with
    /// the masks of Germain et al. 2015. `log q` of a given point runs through the latents one after the other.
    pub fn inverse_autoregressive(layers: usize, hidden: usize) -> Flow {
        Flow::of(Kind::Autoregressive { hidden }, layers)
    }

    /// `layers` coupling layers as those of [`real_nvp`](Self::real_nvp), with a monotone rational-quadratic spline of
    /// `bins` pieces on (-5, 5), the identity beyond, in place of a scale and shift.
    ///
    /// *Source*: Durkan, Bekasov, Murray and Papamakarios 2019, "Neural spline flows", section 3.1; departure: the logits
    /// of widths and heights stay within -3 and 3.
    pub fn neural_spline(layers: usize, hidden: usize, bins: usize) -> Flow {
        Flow::of(Kind::Spline { hidden, bins }, layers)
    }

    fn of(kind: Kind, layers: usize) -> Flow {
        Flow { kind, layers, centre: Vec::new(), sd: 1.0, seed: 0, num_latents: 0 }
    }

    /// Where q starts: means (zero where there are too few) and the standard deviation of every latent.
    #[must_use]
    pub fn around(mut self, centre: &[f64], sd: f64) -> Flow {
        (self.centre, self.sd) = (centre.to_vec(), sd);
        self
    }

    /// The seed of the weights' starting values.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Flow {
        self.seed = seed;
        self
    }

    /// The flow over the latents of `layout`.
    ///
    /// # Errors
    /// For latents of rows or integers, a RealNVP of fewer than two latents, and sizes or a spread that make no sense.
    pub fn family(mut self, layout: &Layout) -> Result<TracedFamily, FamilyError> {
        self.num_latents = layout.num_latents;
        let wrong = |what: String| Err(FamilyError::setting("flow", format!("a {what}")));
        if layout.num_latents == 0 {
            return wrong("flow over no latents: the model has none outside of rows".into());
        }
        if !(self.sd > 0.0 && self.sd.is_finite()) || self.centre.iter().any(|c| !c.is_finite()) {
            return wrong(format!(
                "flow around {:?} with standard deviation {}; give finite numbers",
                self.centre, self.sd
            ));
        }
        match self.kind {
            Kind::RealNvp { .. } if layout.num_latents < 2 => {
                return wrong(
                    "RealNVP over one latent: half of the latents move the other half; use a planar flow".into(),
                );
            }
            Kind::RealNvp { hidden: 0 } | Kind::Autoregressive { hidden: 0 } | Kind::Spline { hidden: 0, .. } => {
                return wrong("flow whose network has no hidden unit; give it one or more".into());
            }
            Kind::Spline { bins, .. } if !(2..=100).contains(&bins) => {
                return wrong(format!("spline of {bins} bins; give it 2 to 100"));
            }
            _ => {}
        }
        let name = match self.kind {
            Kind::Planar => "planar",
            Kind::RealNvp { .. } => "RealNVP",
            Kind::Autoregressive { .. } => "inverse autoregressive",
            Kind::Spline { .. } => "neural spline",
        };
        let name = format!("{name} flow, {} layers", self.layers);
        Ok(TracedFamily::new(&self, layout)?.named(&name).one_to_one())
    }
}

impl Guide for Flow {
    fn draw(&self, q: &Guided) {
        let n = self.num_latents;
        let mut layers: Vec<Box<dyn Bijection>> = Vec::new();
        for l in 0..self.layers {
            let start = Start { q, layer: l, streams: Streams::new(self.seed).at_step(l as u64) };
            layers.push(match self.kind {
                Kind::Planar => Box::new(Planar::new(&start, n)),
                Kind::RealNvp { hidden } => Box::new(Coupling::new(&start, n, hidden)),
                Kind::Spline { hidden, bins } => Box::new(Spline::new(&start, n, hidden, bins)),
                Kind::Autoregressive { hidden } => Box::new(Autoregressive::new(&start, n, hidden)),
            });
        }
        let mut centre = self.centre.clone();
        centre.resize(n, 0.0);
        let shift = q.parameter_from("shift", &centre);
        let ln_scale = q.parameter_from("ln scale", &vec![self.sd.ln(); n]);
        layers.push(Box::new(Scale { shift, ln_scale }));
        q.flow(&layers);
    }
}

/// Where the parameters of one layer are declared.
pub(super) struct Start<'a> {
    q: &'a Guided,
    pub layer: usize,
    streams: Streams,
}

impl Start<'_> {
    /// Parameters that start at zero.
    pub fn zeros(&self, name: &str, len: usize) -> Vector {
        self.q.parameter(&format!("{name} of layer {}", self.layer), &[len])
    }

    /// Parameters that start as normal numbers with this standard deviation; `purpose` tells the arrays apart.
    pub fn normals(&self, name: &str, purpose: u32, len: usize, sd: f64) -> Vector {
        let mut start = vec![0.0; len];
        self.streams.purpose(purpose).fill_normal(1, &mut start);
        start.iter_mut().for_each(|s| *s *= sd);
        self.q.parameter_from(&format!("{name} of layer {}", self.layer), &start)
    }
}
