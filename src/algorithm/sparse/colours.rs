//! Colours of latents, so that one difference of gradients serves all latents of a colour.

use crate::program::LatentGraph;

/// A star colouring of a graph: neighbours differ, and no path of four latents has two colours only. Every number of a
/// symmetric matrix with the graph's pattern can then be read from its products with the sums of each colour's unit vectors.
///
/// *Source*: Powell and Toint 1979, whose rule is used here; Gebremedhin, Manne and Pothen 2005 for its name and others.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::algorithm) struct Colours {
    pub of: Vec<u32>,
    pub count: usize,
}

impl Colours {
    /// The best of three orders: latents with many neighbours first, and the model's order from either end.
    pub fn new(graph: &LatentGraph) -> Self {
        let n = graph.num_latents();
        if graph.is_dense() {
            return Colours { of: (0..n as u32).collect(), count: n };
        }
        let natural: Vec<usize> = (0..n).collect();
        let reversed: Vec<usize> = (0..n).rev().collect();
        let mut by_degree = natural.clone();
        by_degree.sort_by_key(|&k| std::cmp::Reverse(graph.degree(k)));
        let orders = [by_degree, natural, reversed];
        let found = orders.iter().map(|order| Self::in_order(graph, order));
        found.min_by_key(|c| c.count).unwrap_or(Colours { of: Vec::new(), count: 0 })
    }

    /// The smallest colour that is allowed, latent by latent: `v` may not have the colour of a neighbour `w`, nor, while `w`
    /// has none, that of a neighbour of `w`, nor one below `w`'s own that a neighbour of `w` has.
    fn in_order(graph: &LatentGraph, order: &[usize]) -> Self {
        const NONE: u32 = u32::MAX;
        let n = graph.num_latents();
        let mut of = vec![NONE; n];
        // The colours among the neighbours of each latent, 64 to a word.
        let mut seen: Vec<Vec<u64>> = vec![Vec::new(); n];
        let (mut forbidden, mut count) = (Vec::<u64>::new(), 0);
        for &v in order {
            forbidden.clear();
            for w in graph.neighbours(v) {
                let own = of[w];
                for (k, &word) in seen[w].iter().enumerate() {
                    let below = match own {
                        NONE => u64::MAX,
                        own if (own as usize) / 64 > k => u64::MAX,
                        own if (own as usize) / 64 == k => (1 << (own % 64)) - 1,
                        _ => 0,
                    };
                    set(&mut forbidden, k, word & below);
                }
                if own != NONE {
                    set(&mut forbidden, own as usize / 64, 1 << (own % 64));
                }
            }
            let colour = forbidden
                .iter()
                .enumerate()
                .find(|(_, word)| **word != u64::MAX)
                .map_or(64 * forbidden.len(), |(k, word)| 64 * k + word.trailing_ones() as usize);
            of[v] = colour as u32;
            count = count.max(colour + 1);
            for w in graph.neighbours(v) {
                set(&mut seen[w], colour / 64, 1 << (colour % 64));
            }
        }
        Colours { of, count }
    }

    /// For each colour, the numbers that are read from its product: `(row, column)`, where `column` is the only one of its
    /// colour that `row` is joined with, or is itself.
    pub fn plan(&self, graph: &LatentGraph) -> Vec<Vec<(u32, u32)>> {
        let n = graph.num_latents();
        let mut out = vec![Vec::new(); self.count];
        let mut times = vec![0u32; self.count];
        for row in 0..n {
            let joined = || graph.neighbours(row).chain([row]);
            joined().for_each(|k| times[self.of[k] as usize] += 1);
            for k in joined() {
                let colour = self.of[k] as usize;
                if times[colour] == 1 {
                    out[colour].push((row as u32, k as u32));
                }
            }
            joined().for_each(|k| times[self.of[k] as usize] = 0);
        }
        out
    }
}

/// `words[k] |= bits`, with room for it.
fn set(words: &mut Vec<u64>, k: usize, bits: u64) {
    if bits != 0 && words.len() <= k {
        words.resize(k + 1, 0);
    }
    if let Some(word) = words.get_mut(k) {
        *word |= bits;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graphs() -> Vec<(LatentGraph, usize)> {
        let of = |n: u32, edge: &dyn Fn(u32, u32) -> bool| {
            let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (j, i))).filter(|&(j, i)| edge(j, i));
            LatentGraph::from_edges(n as usize, &pairs.collect::<Vec<_>>())
        };
        vec![
            (of(200, &|i, _| i < 3), 4),
            (of(100, &|i, j| j - i == 1), 3),
            (of(103, &|i, j| i < 3 || j - i == 1), 6),
            // Persons by items, and three for all.
            (of(33, &|i, j| i < 3 || (i < 23 && j >= 23)), 14),
            (of(100, &|i, j| j - i == 10 || (j - i == 1 && j % 10 != 0)), 8),
            (of(40, &|i, j| (i * 7 + j * 13) % 11 == 0 || i == 20 || j == 20), 40),
            (of(5, &|_, _| true), 5),
            (of(5, &|_, _| false), 1),
        ]
    }

    #[test]
    fn every_number_can_be_read_and_colours_are_few() {
        for (graph, most) in graphs() {
            let colours = Colours::new(&graph);
            assert!(colours.count <= most, "{graph}: {} colours", colours.count);
            let n = graph.num_latents();
            let mut read = vec![false; n * n];
            for (colour, plan) in colours.plan(&graph).into_iter().enumerate() {
                for (row, column) in plan {
                    let (i, j) = (row as usize, column as usize);
                    assert_eq!(colours.of[j] as usize, colour);
                    // The product's number is that of this column alone.
                    let others = (0..n).filter(|&k| k != j && colours.of[k] as usize == colour);
                    assert!(others.into_iter().all(|k| k != i && !graph.has_edge(i, k)), "{graph}: {i} {j}");
                    (read[i * n + j], read[j * n + i]) = (true, true);
                }
            }
            for i in 0..n {
                assert!(read[i * n + i], "{graph}: {i}");
                assert!(graph.neighbours(i).all(|j| read[i * n + j]), "{graph}: {i}");
            }
        }
    }
}
