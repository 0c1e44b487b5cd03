//! [`TracedFamily`]: two recorded programs as a family.

use super::Guide;
use super::guide::{Parameter, Part, recorded};
use super::moments::Moments;
use super::program::{Program, Runner, Work};
use crate::family::scratch::Pool;
use crate::family::{
    Family, FamilyError, INTEGERS, IndependentNormals, NoiseLaw, NormalMoments, Reparam, fill_noise, refuse_sites,
};
use crate::model::{Draws, Layout, RowSet, SiteKind};
use crate::program::execute::{Request, Response};
use crate::program::{Options, Workers};
use crate::streams::Streams;

/// A [`Guide`] made into a family: its transform and its log density are two recorded programs, and pullback, score
/// and the gradient of log q are their reverse sweeps.
///
/// *Shapes*: `params` is the guide's parameters in the order of their declaration, whatever the number of rows.
/// Where every latent is drawn with [`Guided::normal`](super::Guided::normal) or `normals` and depends on the data
/// alone, one program of means and standard deviations takes the place of both, and the entropy has a closed form;
/// otherwise it has none. A fit starts where the guide's parameters start, wherever the centre is asked for.
pub struct TracedFamily {
    layout: Layout,
    transform: Program,
    density: Program,
    moments: Option<Moments>,
    num_params: usize,
    runner: Runner,
    parameters: Vec<Parameter>,
    num_noise: usize,
    num_row_noise: usize,
    name: String,
    is_one_to_one: bool,
    scratch: Pool<Scratch>,
}

#[derive(Default)]
struct Scratch {
    transform: Work,
    density: Work,
    noise: Vec<f64>,
}

impl TracedFamily {
    /// Records `guide` for the latents of `layout`.
    ///
    /// # Errors
    /// When the guide has a mistake (the message names file and line), leaves a latent out, or does two different
    /// things when it is recorded for its transform and for its density.
    pub fn new(guide: &(impl Guide + ?Sized), layout: &Layout) -> Result<Self, FamilyError> {
        TracedFamily::with_options(guide, layout, Options::default())
    }

    /// Records `guide` to be run with these threads, numbers and instructions; where a target runs by turns with the
    /// family, [`with_workers`](TracedFamily::with_workers) shares its threads.
    ///
    /// # Errors
    /// Those of [`TracedFamily::new`], and when threads cannot be started.
    pub fn with_options(guide: &(impl Guide + ?Sized), layout: &Layout, options: Options) -> Result<Self, FamilyError> {
        let workers = Workers::new(options).map_err(|reason| {
            FamilyError::setting(
                "threads",
                format!("{} threads could not be started: {reason}; ask for fewer", options.threads),
            )
        })?;
        TracedFamily::with_workers(guide, layout, &workers)
    }

    /// Records `guide` to be run by these threads: `target.workers()` are those of a target.
    ///
    /// # Errors
    /// Those of [`TracedFamily::new`].
    pub fn with_workers(
        guide: &(impl Guide + ?Sized),
        layout: &Layout,
        workers: &Workers,
    ) -> Result<Self, FamilyError> {
        refuse_sites(layout, &[SiteKind::Integer, SiteKind::RowInteger], INTEGERS)?;
        let (mut transform, state) = recorded(guide, layout, Part::Transform)?;
        let (mut density, again) = recorded(guide, layout, Part::Density)?;
        let places = |drawn: &[(SiteKind, usize, u32)]| drawn.iter().map(|d| (d.0, d.1)).collect::<Vec<_>>();
        if state.parameters != again.parameters || places(&state.drawn) != places(&again.drawn) {
            return Err(FamilyError::setting(
                "guide",
                "the guide did two different things when it was recorded twice; it must depend on nothing that \
                 changes, such as a counter or random numbers",
            ));
        }
        for site in layout.sites.iter().filter(|s| matches!(s.kind, SiteKind::Latent | SiteKind::RowLatent)) {
            if site.num_unconstrained > 0 && !state.names.contains(&site.name) {
                let remedy = "draw it in the guide with `q.normal(..)` or `q.latent(..)`";
                return Err(FamilyError::Uncovered { site: site.name.clone(), remedy });
            }
        }
        // The outputs in the order of the layout are the draws as they lie in `Draws`.
        let mut drawn = state.drawn;
        drawn.sort_by_key(|d| (d.0 == SiteKind::RowLatent, d.1));
        let outputs: Vec<u32> = drawn.iter().map(|d| d.2).collect();
        (transform.num_latents, transform.num_row_latents) = (state.num_noise, state.num_row_noise);
        (density.num_latents, density.num_row_latents) = (layout.num_latents, layout.num_row_latents);
        let (mut moments, normals) = recorded(guide, layout, Part::Moments)?;
        let precision = workers.options().precision;
        Ok(TracedFamily {
            num_params: transform.num_parameters,
            transform: Program::new(&transform, Some(&outputs), precision),
            density: Program::new(&density, None, precision),
            moments: Moments::of(&mut moments, &normals, layout, precision),
            runner: Runner(workers.clone()),
            layout: layout.clone(),
            parameters: state.parameters,
            num_noise: state.num_noise,
            num_row_noise: state.num_row_noise,
            name: "traced family".into(),
            is_one_to_one: false,
            scratch: Pool::default(),
        })
    }

    /// Gives the family a name for reports.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// The same, its transform known to be one-to-one.
    pub(super) fn one_to_one(mut self) -> Self {
        self.is_one_to_one = true;
        self
    }

    /// The values of the guide's parameter called `name`.
    pub fn parameter<'a>(&self, name: &str, params: &'a [f64]) -> Option<&'a [f64]> {
        let found = self.parameters.iter().find(|p| p.name == name)?;
        params.get(found.offset..found.offset + found.start.len())
    }

    /// Runs the density program.
    fn evaluate(
        &self,
        params: &[f64],
        rows: &RowSet,
        z: &Draws,
        weights: Option<&[f64]>,
        gradient: bool,
        read: impl FnOnce(&Response),
    ) {
        let request = Request {
            draw_weights: weights,
            gradient,
            ..self.runner.request(params, rows, z.num_draws, &z.latents, &z.row_latents)
        };
        self.scratch.with(|work| {
            self.density.run(&request, &mut work.density);
            read(&work.density.response);
        });
    }

    fn size(&self, rows: &RowSet) -> usize {
        let rows = rows.len(&self.layout);
        self.moments.as_ref().map_or(self.num_noise + self.num_row_noise * rows, |m| m.num_noise(rows))
    }
}

impl Family for TracedFamily {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        if *layout == self.layout {
            Ok(())
        } else {
            Err(FamilyError::setting("layout", "the guide was recorded for another model"))
        }
    }

    fn num_params(&self) -> usize {
        self.num_params
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let mut noise = self.scratch.with(|work| std::mem::take(&mut work.noise));
        noise.resize(self.size(rows) * z.num_draws, 0.0);
        fill_noise(NoiseLaw::Normal, streams, z.num_draws, &mut noise);
        self.transform(params, rows, &noise, z);
        self.scratch.with(|work| work.noise = noise);
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        if let Some(moments) = &self.moments {
            return moments.log_q(&self.runner, params, rows, z, log_q);
        }
        let draws = z.num_draws;
        self.evaluate(params, rows, z, None, false, |response| {
            log_q.fill(0.0);
            let kinds = response.global_terms.chunks_exact(draws).zip(response.row_sums.chunks_exact(draws));
            for (global, sums) in kinds {
                for ((out, g), s) in log_q.iter_mut().zip(global).zip(sums) {
                    *out += g + rows.weight * s;
                }
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        if let Some(moments) = &self.moments {
            return moments.score(&self.runner, params, rows, z, weights, grad);
        }
        self.evaluate(params, rows, z, Some(weights), true, |response| {
            grad.iter_mut().zip(&response.parameters).for_each(|(g, p)| *g += p);
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        self.moments.as_ref().map(|moments| moments.entropy(&self.runner, params, rows))
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, scale: f64, grad: &mut [f64]) {
        if let Some(moments) = &self.moments {
            moments.add_entropy_gradient(&self.runner, params, rows, scale, grad);
        }
    }

    fn init(&self, _: &[f64], _: f64) -> Vec<f64> {
        self.parameters.iter().flat_map(|p| p.start.iter().copied()).collect()
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        // No rows: the latents outside of them cannot depend on a row.
        let rows = RowSet { subset: Some(Vec::new()), ..RowSet::all() };
        let mut z = Draws::zeros(&self.layout, 0, 1);
        self.transform(params, &rows, &vec![0.0; self.size(&rows)], &mut z);
        z.latents
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl Reparam for TracedFamily {
    fn num_noise(&self, rows: &RowSet) -> usize {
        self.size(rows)
    }

    fn is_one_to_one(&self) -> bool {
        self.is_one_to_one
    }

    fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
        if let Some(moments) = &self.moments {
            return moments.transform(&self.runner, params, rows, noise, z);
        }
        let (global, of_rows) = noise.split_at(self.num_noise * z.num_draws);
        let request = self.runner.request(params, rows, z.num_draws, global, of_rows);
        self.scratch.with(|work| {
            self.transform.run(&request, &mut work.transform);
            z.latents.copy_from_slice(&work.transform.response.outputs);
            z.row_latents.copy_from_slice(&work.transform.response.row_outputs);
        });
    }

    fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], _: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        if let Some(moments) = &self.moments {
            return moments.pullback(&self.runner, params, rows, noise, z_bar, grad);
        }
        let (global, of_rows) = noise.split_at(self.num_noise * z_bar.num_draws);
        let request = Request {
            gradient: true,
            output_seeds: Some((&z_bar.latents, &z_bar.row_latents)),
            ..self.runner.request(params, rows, z_bar.num_draws, global, of_rows)
        };
        self.scratch.with(|work| {
            self.transform.run(&request, &mut work.transform);
            grad.iter_mut().zip(&work.transform.response.parameters).for_each(|(g, p)| *g += p);
        });
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        if let Some(moments) = &self.moments {
            return moments.grad_log_q(&self.runner, params, rows, z, grad_z);
        }
        self.evaluate(params, rows, z, None, true, |response| {
            grad_z.latents.copy_from_slice(&response.latents);
            grad_z.row_latents.copy_from_slice(&response.row_latents);
        });
    }
}

impl IndependentNormals for TracedFamily {
    fn normals(&self, params: &[f64], rows: &RowSet, out: &mut NormalMoments) -> bool {
        if let Some(moments) = &self.moments {
            moments.read(&self.runner, params, rows, out);
        }
        self.moments.is_some()
    }

    fn pull_normals(&self, params: &[f64], rows: &RowSet, bar: &NormalMoments, grad: &mut [f64]) {
        if let Some(moments) = &self.moments {
            moments.pull_bar(&self.runner, params, rows, bar, grad);
        }
    }
}

impl std::fmt::Debug for TracedFamily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TracedFamily").field("name", &self.name).field("params", &self.num_params()).finish()
    }
}
