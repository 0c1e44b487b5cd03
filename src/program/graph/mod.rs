//! [`LatentGraph`]: which unconstrained latents of a model meet in a term that is no sum of functions of each.

mod describe;
mod interactions;
mod sets;

pub(crate) use interactions::graph_of;

/// The graph of a log density's second derivatives: an edge joins two latents whose mixed second derivative may be other
/// than zero.
///
/// Latents are numbered as in [`Draws`](crate::model::Draws): those outside of rows, then those of rows, `[latent][row]`.
/// A missing edge is a promise, an edge is none: where the program does not tell, there is one.
///
/// ```
/// use jensen::prelude::*;
/// use jensen::target::Target;
///
/// let y = Column::new([0.3, -0.2, 1.1, 0.8]);
/// let target = Target::new(&model(|p| {
///     let mu = p.draw("mu", normal(0.0, 5.0));
///     let tau = p.draw("tau", half_normal(2.0));
///     let theta = p.draws("theta", normal(mu, tau), 4);
///     p.rows(4, |i| i.observe(y.at(i), normal(theta.at(i), 1.0)));
/// }))?;
/// assert_eq!(target.graph().to_string(), "2 shared, 4 in blocks of 1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatentGraph {
    num_latents: usize,
    /// Where the neighbours of each latent begin; nothing where every two latents are joined.
    neighbours: Option<Neighbours>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Neighbours {
    start: Vec<usize>,
    /// Of each latent in ascending order, without itself.
    all: Vec<u32>,
}

impl LatentGraph {
    /// The graph in which every two of `num_latents` latents are joined.
    pub fn dense(num_latents: usize) -> Self {
        LatentGraph { num_latents, neighbours: None }
    }

    /// The graph of these edges; pairs of a latent with itself, or with one that does not exist, are left out.
    pub fn from_edges(num_latents: usize, edges: &[(u32, u32)]) -> Self {
        let fits = |&&(a, b): &&(u32, u32)| a != b && (a.max(b) as usize) < num_latents;
        let mut both: Vec<(u32, u32)> = edges.iter().filter(fits).flat_map(|&(a, b)| [(a, b), (b, a)]).collect();
        both.sort_unstable();
        both.dedup();
        let start = (0..=num_latents).map(|k| both.partition_point(|e| (e.0 as usize) < k)).collect();
        Self::of_neighbours(num_latents, start, both.into_iter().map(|e| e.1).collect())
    }

    fn of_neighbours(num_latents: usize, start: Vec<usize>, all: Vec<u32>) -> Self {
        let is_dense = num_latents > 0 && all.len() == num_latents * (num_latents - 1);
        LatentGraph { num_latents, neighbours: (!is_dense).then_some(Neighbours { start, all }) }
    }

    /// Number of unconstrained latents, those of all rows included.
    pub fn num_latents(&self) -> usize {
        self.num_latents
    }

    /// Whether every two latents are joined.
    pub fn is_dense(&self) -> bool {
        self.neighbours.is_none()
    }

    /// Number of edges.
    pub fn num_edges(&self) -> usize {
        self.neighbours.as_ref().map_or(self.num_latents * self.num_latents.saturating_sub(1), |n| n.all.len()) / 2
    }

    /// The latents that `latent` is joined with, in ascending order.
    pub fn neighbours(&self, latent: usize) -> impl Iterator<Item = usize> {
        let (listed, others) = match &self.neighbours {
            Some(n) => (&n.all[n.start[latent]..n.start[latent + 1]], 0),
            None => (&[][..], self.num_latents),
        };
        listed.iter().map(|&k| k as usize).chain((0..others).filter(move |&k| k != latent))
    }

    /// Number of latents that `latent` is joined with.
    pub fn degree(&self, latent: usize) -> usize {
        let all = self.num_latents.saturating_sub(1);
        self.neighbours.as_ref().map_or(all, |n| n.start[latent + 1] - n.start[latent])
    }

    /// Whether two latents are joined.
    pub fn has_edge(&self, a: usize, b: usize) -> bool {
        let listed = |n: &Neighbours| n.all[n.start[a]..n.start[a + 1]].binary_search(&(b as u32)).is_ok();
        a != b && self.neighbours.as_ref().is_none_or(listed)
    }

    /// Latents that are joined with at least half of the others: scales, means and coefficients that all data share.
    pub fn shared(&self) -> Vec<usize> {
        let most = self.num_latents.saturating_sub(1);
        (0..self.num_latents).filter(|&k| most > 1 && 2 * self.degree(k) >= most).collect()
    }
}
