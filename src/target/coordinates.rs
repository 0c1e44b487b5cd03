//! Models recorded in other coordinates, and draws taken from one kind of coordinates to another.

use super::{Options, Pass, Target, TargetError};
use crate::model::{Draws, FrameNodes, Framed, Layout, Model, RowSet, Site, Units};
use crate::program::execute::run;
use crate::program::plan::Plan;

impl Target {
    /// Records `model` with its latents in the coordinates of `layout`, which is that of a fit: its parameters of q, its
    /// unconstrained draws and their log densities belong to these coordinates, see [`Site::centring`]. Integers that are
    /// summed out there are summed out here.
    ///
    /// ```
    /// use jensen::prelude::*;
    /// use jensen::target::{LogDensity, Options, Target};
    ///
    /// let groups = model(|p| {
    ///     let tau = p.draw("tau", half_normal(1.0));
    ///     p.draws("theta", normal(0.0, tau), 3);
    /// });
    /// let mut layout = Target::new(&groups)?.layout().clone();
    /// layout.sites[1].centring = vec![0.0, 0.5, 1.0]; // non-centred, half centred, centred
    /// let target = Target::in_coordinates(&groups, Options::default(), &layout)?;
    /// let mut z = jensen::model::Draws::zeros(&layout, 0, 1);
    /// z.latents.copy_from_slice(&[4.0f64.ln(), 1.0, 1.0, 1.0]);
    /// let theta = target.constrained(&[], &z);
    /// assert!(theta.values.iter().zip([4.0, 4.0, 2.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options), and when the model has no such latents, which is another model.
    pub fn in_coordinates(
        model: &(impl Model + ?Sized),
        options: Options,
        layout: &Layout,
    ) -> Result<Self, TargetError> {
        let target = Target::record(model, options, Some(layout))?.summing_as(layout)?;
        let has = |site: &&Site| target.layout.site(&site.name).is_some_and(|own| own.centring == site.centring);
        let mut framed = layout.sites.iter().filter(|site| !site.centring.is_empty());
        match framed.find(|site| !has(site)) {
            Some(site) => Err(TargetError::Coordinates { site: site.name.clone() }),
            None => Ok(target),
        }
    }

    /// Latents outside of rows that can be had in other coordinates.
    pub(crate) fn framed(&self) -> impl Iterator<Item = &Framed> {
        let outside = |framed: &&Framed| self.recording.nodes[framed.value as usize].plate == 0;
        self.framed.iter().filter(outside)
    }

    /// Whether the scale of a prior depends on latents.
    pub(crate) fn has_latent_scale(&self, framed: &Framed) -> bool {
        let (FrameNodes::Scaled { scale: node, .. } | FrameNodes::Factored { factor: node, .. }) = framed.nodes;
        self.recording.nodes[node as usize].per_draw
    }

    /// What the coordinates of the latents of [`framed`](Self::framed) rest on at the draws `z`.
    pub(crate) fn frames(&self, theta: &[f64], z: &Draws) -> Vec<Frames> {
        let of = |f: &Framed| match f.nodes {
            FrameNodes::Scaled { location, scale } => vec![location, scale, f.value],
            FrameNodes::Factored { location, factor, standard } => vec![location, factor, standard, f.value],
        };
        let nodes: Vec<u32> = self.framed().flat_map(of).collect();
        let plan: Plan<f64> = Plan::of_outputs(&self.recording, &nodes);
        let outside = Draws {
            num_draws: z.num_draws,
            latents: z.latents.clone(),
            integers: z.integers.clone(),
            ..Draws::default()
        };
        // No rows: these values do not need any.
        let (none, mut pass) = (RowSet { subset: Some(vec![]), weight: 1.0, global_terms: true }, Pass::default());
        run(
            &plan,
            &self.request(theta, &outside, &none, &[], None, false, false),
            &mut pass.double,
            &mut pass.response,
        );
        let (mut rest, draws) = (&pass.response.outputs[..], z.num_draws);
        let mut take = |node: u32, n: usize| {
            let len = self.recording.nodes[node as usize].len as usize;
            let (own, after) = rest.split_at(len * draws);
            rest = after;
            // One number stands for all elements.
            if len < n { own.repeat(n) } else { own.to_vec() }
        };
        let frames = self.framed().map(|f| {
            let site = &self.layout.sites[f.site];
            let n = site.num_unconstrained;
            let (location, scale, whole) = match f.nodes {
                FrameNodes::Scaled { location, scale } => (take(location, n), take(scale, n), None),
                FrameNodes::Factored { location, factor, standard } => {
                    let (location, factor) = (take(location, n), take(factor, n * n));
                    let scale = marginal_scale(&factor, n, draws);
                    (location, scale, Some(Whole { factor, standard: take(standard, n) }))
                }
            };
            let mut frames = Frames { offset: site.offset, location, scale, value: take(f.value, n), whole };
            frames.measure(f.units);
            frames
        });
        frames.collect()
    }

    /// The centred coordinates of draws in this target's own.
    pub(crate) fn centred(&self, theta: &[f64], z: &Draws) -> Draws {
        let mut out = z.clone();
        for frames in self.frames(theta, z) {
            out.latents[frames.offset * z.num_draws..][..frames.value.len()].copy_from_slice(&frames.value);
        }
        out
    }

    /// The coordinates of `layout` of draws in centred ones, which are this target's own.
    pub(crate) fn in_coordinates_of(&self, layout: &Layout, theta: &[f64], z: &Draws) -> Draws {
        let (mut out, draws) = (z.clone(), z.num_draws);
        for (framed, frames) in self.framed().zip(self.frames(theta, z)) {
            let centring = &layout.sites[framed.site].centring;
            if let Some(whole) = &frames.whole
                && !centring.is_empty()
                && centring.iter().all(|c| *c == 0.0)
            {
                out.latents[frames.offset * draws..][..whole.standard.len()].copy_from_slice(&whole.standard);
                continue;
            }
            for (e, &c) in centring.iter().enumerate() {
                let lane = e * draws..(e + 1) * draws;
                let own = frames.location[lane.clone()].iter().zip(&frames.scale[lane]);
                let lane = &mut out.latents[(frames.offset + e) * draws..][..draws];
                lane.iter_mut().zip(own).for_each(|(z, (m, s))| *z = c * m + (*z - m) * s.powf(c - 1.0));
            }
        }
        out
    }

    /// The same density without the prior of one latent.
    pub(crate) fn without_prior(&self, framed: &Framed) -> Result<Target, TargetError> {
        self.with_terms(|term| term != framed.prior).summing_as(&self.layout)
    }
}

/// The length of each row of a factor, `[element][draw]`.
fn marginal_scale(factor: &[f64], n: usize, draws: usize) -> Vec<f64> {
    let square = |i: usize, draw: usize| (0..n).map(|j| factor[(i * n + j) * draws + draw].powi(2)).sum::<f64>();
    (0..n * draws).map(|k| square(k / draws, k % draws).sqrt()).collect()
}

/// What the coordinates of a latent rest on, `[element][draw]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frames {
    /// The latent's first number among the unconstrained ones.
    pub offset: usize,
    /// Location and scale of each element.
    pub location: Vec<f64>,
    pub scale: Vec<f64>,
    pub value: Vec<f64>,
    /// Of a vector whose elements hang together.
    pub whole: Option<Whole>,
}

impl Frames {
    /// Everything in the units of the centred coordinate.
    fn measure(&mut self, units: Units) {
        if units == Units::default() {
            return;
        }
        self.location.iter_mut().chain(&mut self.value).for_each(|x| *x = (*x - units.centre) / units.unit);
        self.scale.iter_mut().for_each(|x| *x /= units.unit);
        self.whole.iter_mut().flat_map(|whole| &mut whole.factor).for_each(|x| *x /= units.unit);
    }
}

/// The factor of a vector's prior, row by row, and the vector in non-centred coordinates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Whole {
    pub factor: Vec<f64>,
    pub standard: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::target::LogDensity;

    /// Draws go from chosen coordinates to centred ones and back, where these have a centre and units, too.
    #[test]
    fn draws_move_between_coordinates_with_units() {
        let groups = model(|p| {
            let own = p.around(3.0, 200.0);
            let tau = own.draw("tau", exponential(0.02));
            own.draws("groups", normal(own.draw("mu", normal(1.0, 50.0)), tau), 3);
        });
        let centred = Target::new(&groups).unwrap();
        let mut layout = centred.layout().clone();
        layout.sites.iter_mut().filter(|s| s.name == "groups").for_each(|s| s.centring = vec![0.0, 0.5, 1.0]);
        let framed = Target::in_coordinates(&groups, Options::default(), &layout).unwrap();
        let u = Draws::at_point(&[0.3, -0.2, 0.5, -0.8, 0.1]);
        let z = framed.centred(&[], &u);
        let (found, expected) = (centred.constrained(&[], &z).values, framed.constrained(&[], &u).values);
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?} {expected:?}");
        let back = centred.in_coordinates_of(&layout, &[], &z);
        assert!(back.latents.iter().zip(&u.latents).all(|(a, b)| (a - b).abs() < 1e-12), "{back:?}");
    }
}
