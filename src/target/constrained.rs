//! [`Constrained`]: named values of a model's sites, as its user wrote them.

use serde::{Deserialize, Serialize};

use super::{Pass, Target};
use crate::model::{Draws, Layout, RowSet, Site, SiteKind};
use crate::program::execute::{Response, run};

/// Named values of the sites in the space of the model, one number under each name and draw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Constrained {
    /// Name of each element: `mu`, `theta[0]`, `L[1,0]`.
    pub names: Vec<String>,
    /// Number of rows: one outside of rows.
    pub num_rows: usize,
    /// Number of draws.
    pub num_draws: usize,
    /// The values in the site's own support, `[element][row][draw]`.
    #[serde(with = "crate::number::list")]
    pub values: Vec<f64>,
}

impl Constrained {
    /// All rows and draws of element `k`, `[row][draw]`.
    pub fn element(&self, k: usize) -> &[f64] {
        let size = self.num_rows * self.num_draws;
        &self.values[k * size..(k + 1) * size]
    }

    /// Whether there are as many values as names, rows and draws ask for, and at least one draw.
    pub(crate) fn is_consistent(&self) -> bool {
        let size = self.num_rows.checked_mul(self.num_draws).and_then(|size| size.checked_mul(self.names.len()));
        self.num_draws > 0 && self.num_rows > 0 && size == Some(self.values.len())
    }

    /// Copies `block` to the draws from `first` on; the first block makes room for `num_draws` of them.
    pub(crate) fn place(&mut self, first: usize, num_draws: usize, block: &Constrained) {
        if self.num_draws == 0 {
            let values = vec![0.0; block.names.len() * block.num_rows * num_draws];
            *self = Constrained { names: block.names.clone(), num_rows: block.num_rows, num_draws, values };
        }
        let lanes = self.values.chunks_exact_mut(num_draws).zip(block.values.chunks_exact(block.num_draws));
        lanes.for_each(|(lane, from)| lane[first..first + block.num_draws].copy_from_slice(from));
    }

    /// All rows and draws of the element called `name`.
    pub fn named(&self, name: &str) -> Option<&[f64]> {
        self.names.iter().position(|n| n == name).map(|k| self.element(k))
    }
}

/// The real and the integer latents as they are, for a density without a model.
pub(super) fn unchanged(layout: &Layout, theta: &[f64], z: &Draws) -> Constrained {
    let mut names = layout.latent_names();
    // A density may have more latents than it has named.
    names.truncate(layout.num_latents);
    names.extend((names.len()..layout.num_latents).map(|k| format!("z[{k}]")));
    let mut values = z.latents.clone();
    for kind in [SiteKind::Integer, SiteKind::Parameter] {
        let source: Vec<f64> = match kind {
            SiteKind::Integer => z.integers.iter().map(|&k| f64::from(k)).collect(),
            _ => theta.iter().flat_map(|&t| std::iter::repeat_n(t, z.num_draws)).collect(),
        };
        for site in layout.sites_of(kind) {
            let size = site.num_constrained() * z.num_draws;
            let from = site.offset * z.num_draws;
            if let Some(block) = source.get(from..from + size) {
                names.extend(site.element_names());
                values.extend_from_slice(block);
            }
        }
    }
    Constrained { names, num_rows: 1, num_draws: z.num_draws, values }
}

/// Numbers of a parameter site that are still repeated for every draw; the weights of a network are not.
const MOST_PARAMETERS: usize = 100;

pub(super) fn is_listed(site: &Site) -> bool {
    site.kind != SiteKind::Parameter || site.num_constrained() <= MOST_PARAMETERS
}

impl Target {
    /// Constrained values of the sites that are listed by draw: `(outside of rows [element][draw], of rows
    /// [element][row][draw])`, sites in order.
    ///
    /// Learnable parameters of more than 100 numbers are not listed: they are the same in every draw.
    pub fn constrain(&self, theta: &[f64], z: &Draws, rows: &RowSet) -> (Vec<f64>, Vec<f64>) {
        let (filled, lacks) = self.filled(z, rows);
        let mut pass = Pass::default();
        let request = self.request(theta, filled.as_ref().unwrap_or(z), rows, &[], None, false, false);
        run(&self.outputs, &request, &mut pass.double, &mut pass.response);
        let Response { mut outputs, mut row_outputs, .. } = pass.response;
        if filled.is_some() {
            let size = [z.num_draws, rows.len(&self.layout) * z.num_draws];
            for (in_rows, values) in [(false, &mut outputs), (true, &mut row_outputs)] {
                let (mut from, size) = (0, size[usize::from(in_rows)]);
                for (_, node) in self.listed_sites(in_rows) {
                    let len = self.recording.nodes[node as usize].len as usize * size;
                    if lacks[usize::from(in_rows)] && self.sees_summed(node) {
                        values[from..from + len].fill(f64::NAN);
                    }
                    from += len;
                }
            }
        }
        (outputs, row_outputs)
    }

    /// The sites whose values `constrain` returns inside of rows (`in_rows`) or outside, in its order, and their nodes.
    pub(super) fn listed_sites(&self, in_rows: bool) -> impl Iterator<Item = (&Site, u32)> {
        let listed = self.listed.iter().zip(&self.outputs.outputs);
        let here = listed.filter(move |(_, node)| (self.recording.nodes[**node as usize].plate != 0) == in_rows);
        here.map(|(&site, &node)| (&self.layout.sites[site], node))
    }

    /// Values outside of rows: latents, integers, parameters and derived quantities in the order of the sites.
    pub(super) fn constrained_sites(&self, theta: &[f64], z: &Draws) -> Constrained {
        // No rows: the values outside of them do not need any.
        let none = RowSet { subset: Some(vec![]), weight: 1.0, global_terms: true };
        let outside = Draws {
            num_draws: z.num_draws,
            latents: z.latents.clone(),
            integers: z.integers.clone(),
            ..Draws::default()
        };
        let (values, _) = self.constrain(theta, &outside, &none);
        self.named(false, &values, 1, z.num_draws)
    }

    /// Values of the sites inside of rows.
    pub(super) fn constrained_row_sites(&self, theta: &[f64], z: &Draws, rows: &RowSet) -> Constrained {
        let (_, values) = self.constrain(theta, z, rows);
        self.named(true, &values, rows.len(&self.layout), z.num_draws)
    }

    /// Gives the elements their names; a value recorded once for a whole vector stands for each of its elements.
    fn named(&self, in_rows: bool, recorded: &[f64], num_rows: usize, num_draws: usize) -> Constrained {
        let mut out = Constrained { num_rows, num_draws, ..Constrained::default() };
        let (size, mut from) = (num_rows * num_draws, 0);
        for (site, node) in self.listed_sites(in_rows) {
            let len = self.recording.nodes[node as usize].len as usize;
            for (e, name) in site.element_names().into_iter().enumerate() {
                let at = from + if len == 1 { 0 } else { e } * size;
                out.names.push(name);
                out.values.extend_from_slice(&recorded[at..at + size]);
            }
            from += len * size;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::target::{HandWritten, LogDensity};

    /// Every kind of site, in an order that mixes them.
    struct Kinds;

    impl Model for Kinds {
        fn log_joint(&self, p: &LogJoint) {
            let w = p.parameter("w", &[2]);
            let s = p.draw("s", exponential(1.0));
            let k = p.integer("k", 2..5);
            let v = p.draws("v", normal(0.0, s), 3);
            let flat = p.parameter("flat", &[1]);
            p.derive("twice", v.map(|x| 2.0 * x));
            p.derive("same", flat.map(|x| x * 0.0 + s));
            p.derive("seven", Real::from(7.0));
            p.rows(2, |i| {
                let local = i.draw("local", half_normal(1.0));
                i.observe(1.5, normal(local * w.at(0) + k.to_real(), s));
            });
        }
    }

    #[test]
    fn sites_come_out_in_the_model_s_space_and_in_order() {
        let target = Target::new(&Kinds).unwrap();
        let mut z = Draws::zeros(target.layout(), 2, 2);
        z.latents.copy_from_slice(&[0.5, -1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        z.integers.copy_from_slice(&[2, 4]);
        z.row_latents.copy_from_slice(&[0.0, 1.0, 2.0, 3.0]);
        let theta = [10.0, 20.0, 30.0];
        let found = target.constrained(&theta, &z);
        let names =
            ["w[0]", "w[1]", "s", "k", "v[0]", "v[1]", "v[2]", "flat[0]", "twice[0]", "twice[1]", "twice[2]", "same"];
        assert_eq!(found.names[..12], names);
        assert_eq!(found.names[12], "seven");
        let expected = [
            ("w[1]", [20.0, 20.0]),
            ("s", [0.5f64.exp(), (-1.0f64).exp()]),
            ("k", [2.0, 4.0]),
            ("v[2]", [5.0, 6.0]),
            ("flat[0]", [30.0, 30.0]),
            ("twice[1]", [6.0, 8.0]),
            ("same", [0.5f64.exp(), (-1.0f64).exp()]),
            ("seven", [7.0, 7.0]),
        ];
        for (name, values) in expected {
            for (x, y) in found.named(name).unwrap().iter().zip(values) {
                // The slice maths is good to 1 ulp; the bound is 2.
                assert!((x - y).abs() <= 2.0 * f64::EPSILON * y.abs(), "{name}: {x} {y}");
            }
        }
        let rows = target.constrained_rows(&theta, &z, &RowSet::all());
        assert_eq!((rows.names.as_slice(), rows.num_rows), (["local".to_string()].as_slice(), 2));
        for (x, u) in rows.values.iter().zip([0.0f64, 1.0, 2.0, 3.0]) {
            assert!((x - u.exp()).abs() <= 2.0 * f64::EPSILON * x, "{x}");
        }
    }

    /// A network's worth of parameters.
    struct Wide;

    impl Model for Wide {
        fn log_joint(&self, p: &LogJoint) {
            let w = p.parameter("w", &[101]);
            let x = p.draw("x", normal(w.sum(), 1.0));
            p.derive("y", x + w.at(100));
        }
    }

    #[test]
    fn parameters_of_networks_are_not_repeated_for_every_draw() {
        let target = Target::new(&Wide).unwrap();
        let z = Draws { num_draws: 2, latents: vec![1.0, 2.0], ..Draws::default() };
        let found = target.constrained(&[0.5; 101], &z);
        assert_eq!(found.names, ["x", "y"]);
        assert_eq!(found.values, [1.0, 2.0, 1.5, 2.5]);
    }

    #[test]
    fn a_density_without_a_model_gives_its_latents() {
        let target = HandWritten::new(&["a", "b"], |_, _| 0.0);
        let z = Draws { num_draws: 2, latents: vec![1.0, 2.0, 3.0, 4.0], ..Draws::default() };
        let found = target.constrained(&[], &z);
        assert_eq!(found.names, ["a", "b"]);
        assert_eq!(found.element(1), [3.0, 4.0]);
    }
}
