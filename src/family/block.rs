//! A different family for each group of sites.

use super::mean_field::covers_real;
use super::scratch::Pool;
use super::{Family, FamilyError, NoiseLaw, Reparam, fill_noise};
use crate::model::{Draws, Layout, RowSet, Site, SiteKind};
use crate::streams::Streams;

/// `q(z) = prod_g q_g(z_g)` over groups of sites, each with its own family, independent of the others.
///
/// ```
/// # use jensen::{family::*, model::{Layout, Site, SiteKind}};
/// # let site = |name: &str, offset| Site { name: name.into(), kind: SiteKind::Latent, support: "real".into(),
/// #     shape: vec![], offset, num_unconstrained: 1, range: None, centring: vec![] };
/// # let layout = Layout { sites: vec![site("a", 0), site("b", 1), site("c", 2)], num_latents: 3, ..Layout::default() };
/// let q = Blockwise::new(&layout)
///     .over(&["a", "b"], |group| FullRank::new(group.num_latents))?
///     .over_rest(MeanField::new)?;
/// assert_eq!(q.name(), "full-rank Gaussian on a, b; mean-field Gaussian on c");
/// # Ok::<(), FamilyError>(())
/// ```
///
/// *Shapes*: `params` and noise are those of the groups, one after the other.
pub struct Blockwise {
    layout: Layout,
    groups: Vec<Group>,
    scratch: Pool<Scratch>,
}

struct Group {
    family: Box<dyn Reparam + Send>,
    sites: Vec<String>,
    /// Where the group's latents are among all.
    latents: Vec<usize>,
    row_latents: Vec<usize>,
    /// Index of its first parameter among all of q.
    start: usize,
}

#[derive(Default)]
struct Scratch {
    z: Draws,
    bar: Draws,
    log_q: Vec<f64>,
    noise: Vec<f64>,
}

impl Blockwise {
    /// A family for `layout` without groups yet.
    pub fn new(layout: &Layout) -> Self {
        Blockwise { layout: layout.clone(), groups: Vec::new(), scratch: Pool::default() }
    }

    /// Adds a group: the real latents of `sites`, drawn by the family that `make` gives for their layout.
    ///
    /// # Errors
    /// When a site is unknown or already in a group, or the family does not cover the group.
    pub fn over<F>(mut self, sites: &[&str], make: impl FnOnce(&Layout) -> F) -> Result<Self, FamilyError>
    where
        F: Reparam + Send + 'static,
    {
        let mut chosen = Vec::new();
        for &name in sites {
            let site = real_sites(&self.layout).find(|s| s.name == name);
            let site = site.ok_or_else(|| {
                FamilyError::unknown_site(name, "real latent", real_sites(&self.layout).map(|s| s.name.as_str()))
            })?;
            let taken = self.groups.iter().any(|g| g.sites.iter().any(|s| s == name));
            if taken || chosen.iter().any(|s: &Site| s.name == name) {
                return Err(FamilyError::Repeated { site: name.into() });
            }
            chosen.push(site.clone());
        }
        let (layout, latents, row_latents) = group_layout(&self.layout, chosen);
        let family = make(&layout);
        family.covers(&layout)?;
        if family.noise_law() != NoiseLaw::Normal {
            return Err(FamilyError::setting("noise", format!("the {} needs noise that is not normal", family.name())));
        }
        let start = self.num_params();
        let sites = sites.iter().map(|s| s.to_string()).collect();
        self.groups.push(Group { family: Box::new(family), sites, latents, row_latents, start });
        Ok(self)
    }

    /// Adds all sites that are in no group yet as one group; does nothing when there are none.
    ///
    /// # Errors
    /// When the family does not cover them.
    pub fn over_rest<F>(self, make: impl FnOnce(&Layout) -> F) -> Result<Self, FamilyError>
    where
        F: Reparam + Send + 'static,
    {
        let layout = self.layout.clone();
        let taken = |s: &&Site| self.groups.iter().any(|g| g.sites.contains(&s.name));
        let rest: Vec<&str> = real_sites(&layout).filter(|s| !taken(s)).map(|s| s.name.as_str()).collect();
        if rest.is_empty() { Ok(self) } else { self.over(&rest, make) }
    }

    /// Calls `visit(group, its parameters' range)`.
    fn each(&self, mut visit: impl FnMut(&Group, std::ops::Range<usize>)) {
        for group in &self.groups {
            visit(group, group.start..group.start + group.family.num_params());
        }
    }
}

fn real_sites(layout: &Layout) -> impl Iterator<Item = &Site> {
    layout.sites.iter().filter(|s| matches!(s.kind, SiteKind::Latent | SiteKind::RowLatent))
}

/// A layout of the chosen sites alone, with the places of their latents in the whole.
fn group_layout(whole: &Layout, mut sites: Vec<Site>) -> (Layout, Vec<usize>, Vec<usize>) {
    let (mut latents, mut row_latents) = (Vec::new(), Vec::new());
    for site in &mut sites {
        let places = if site.kind == SiteKind::RowLatent { &mut row_latents } else { &mut latents };
        let whole = site.offset..site.offset + site.num_unconstrained;
        site.offset = places.len();
        places.extend(whole);
    }
    let layout = Layout {
        sites,
        num_latents: latents.len(),
        num_row_latents: row_latents.len(),
        num_rows: whole.num_rows,
        first_row: whole.first_row,
        ..Layout::default()
    };
    (layout, latents, row_latents)
}

impl Group {
    /// Sizes `own` for this group's part of `z`.
    fn resize(&self, z: &Draws, own: &mut Draws) {
        (own.num_draws, own.num_rows) = (z.num_draws, z.num_rows);
        own.latents.resize(self.latents.len() * z.num_draws, 0.0);
        own.row_latents.resize(self.row_latents.len() * z.num_rows * z.num_draws, 0.0);
    }

    fn gather(&self, z: &Draws, own: &mut Draws) {
        self.resize(z, own);
        let (lane, block) = (z.num_draws, z.num_rows * z.num_draws);
        for (k, &at) in self.latents.iter().enumerate() {
            own.latents[k * lane..(k + 1) * lane].copy_from_slice(&z.latents[at * lane..(at + 1) * lane]);
        }
        for (k, &at) in self.row_latents.iter().enumerate() {
            own.row_latents[k * block..(k + 1) * block].copy_from_slice(&z.row_latents[at * block..(at + 1) * block]);
        }
    }

    fn scatter(&self, own: &Draws, z: &mut Draws) {
        let (lane, block) = (z.num_draws, z.num_rows * z.num_draws);
        for (k, &at) in self.latents.iter().enumerate() {
            z.latents[at * lane..(at + 1) * lane].copy_from_slice(&own.latents[k * lane..(k + 1) * lane]);
        }
        for (k, &at) in self.row_latents.iter().enumerate() {
            z.row_latents[at * block..(at + 1) * block].copy_from_slice(&own.row_latents[k * block..(k + 1) * block]);
        }
    }
}

impl Family for Blockwise {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        let taken = |s: &&Site| self.groups.iter().any(|g| g.sites.contains(&s.name));
        if let Some(site) = real_sites(layout).find(|s| !taken(s)) {
            let remedy = "give the sites left over to a family with `over_rest`";
            return Err(FamilyError::Uncovered { site: site.name.clone(), remedy });
        }
        covers_real(self.layout.num_latents, self.layout.num_row_latents, layout)
    }

    fn num_params(&self) -> usize {
        self.groups.last().map_or(0, |g| g.start + g.family.num_params())
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        self.scratch.with(|work| {
            work.noise.resize(self.num_noise(rows) * z.num_draws, 0.0);
            fill_noise(NoiseLaw::Normal, streams, z.num_draws, &mut work.noise);
            self.transform(params, rows, &work.noise, z);
        });
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        log_q.fill(0.0);
        self.scratch.with(|work| {
            work.log_q.resize(log_q.len(), 0.0);
            self.each(|group, own| {
                group.gather(z, &mut work.z);
                group.family.log_q(&params[own], rows, &work.z, &mut work.log_q);
                log_q.iter_mut().zip(&work.log_q).for_each(|(l, g)| *l += g);
            });
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        self.scratch.with(|work| {
            self.each(|group, own| {
                group.gather(z, &mut work.z);
                group.family.score(&params[own.clone()], rows, &work.z, weights, &mut grad[own]);
            });
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let mut total = Some(0.0);
        self.each(|group, own| {
            total = total.zip(group.family.entropy(&params[own], rows)).map(|(a, b)| a + b);
        });
        total
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        if self.entropy(params, rows).is_some() {
            self.each(|group, own| {
                group.family.add_entropy_gradient(&params[own.clone()], rows, weight, &mut grad[own]);
            });
        }
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        let mut params = Vec::with_capacity(self.num_params());
        for group in &self.groups {
            let own: Vec<f64> = group.latents.iter().map(|&k| centre.get(k).copied().unwrap_or(0.0)).collect();
            params.extend(group.family.init(&own, scale));
        }
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        let mut centre = vec![0.0; self.layout.num_latents];
        self.each(|group, own| {
            for (&k, c) in group.latents.iter().zip(group.family.centre(&params[own])) {
                centre[k] = c;
            }
        });
        centre
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        let (mut rescaled, mut all) = (params.to_vec(), true);
        self.each(|group, own| {
            let of = |whole: &[f64]| -> Vec<f64> { group.latents.iter().map(|&k| whole[k]).collect() };
            all &= group.latents.is_empty() || group.family.rescale(&mut rescaled[own], &of(centre), &of(scale));
        });
        if all {
            params.copy_from_slice(&rescaled);
        }
        all
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        let names = self.groups.iter().map(|g| format!("{} on {}", g.family.name(), g.sites.join(", ")));
        names.collect::<Vec<_>>().join("; ")
    }
}

impl Reparam for Blockwise {
    fn num_noise(&self, rows: &RowSet) -> usize {
        self.groups.iter().map(|g| g.family.num_noise(rows)).sum()
    }

    fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
        self.scratch.with(|work| {
            let mut rest = noise;
            self.each(|group, own| {
                let (mine, others) = rest.split_at(group.family.num_noise(rows) * z.num_draws);
                rest = others;
                group.resize(z, &mut work.z);
                group.family.transform(&params[own], rows, mine, &mut work.z);
                group.scatter(&work.z, z);
            });
        });
    }

    fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        self.scratch.with(|work| {
            let mut rest = noise;
            self.each(|group, own| {
                let (mine, others) = rest.split_at(group.family.num_noise(rows) * z.num_draws);
                rest = others;
                group.gather(z, &mut work.z);
                group.gather(z_bar, &mut work.bar);
                group.family.pullback(&params[own.clone()], rows, mine, &work.z, &work.bar, &mut grad[own]);
            });
        });
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        self.scratch.with(|work| {
            self.each(|group, own| {
                group.gather(z, &mut work.z);
                group.resize(z, &mut work.bar);
                group.family.grad_log_q(&params[own], rows, &work.z, &mut work.bar);
                group.scatter(&work.bar, grad_z);
            });
        });
    }
}

impl std::fmt::Debug for Blockwise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block").field("name", &self.name()).field("params", &self.num_params()).finish()
    }
}
