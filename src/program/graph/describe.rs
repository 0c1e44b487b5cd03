//! A graph in words.

use std::fmt;

use super::LatentGraph;

/// The widest band, and the largest blocks, that are said to be such.
const WIDEST: usize = 10;
const LARGEST: usize = 10;

/// The share of all pairs from which a graph is dense in words.
const DENSE: f64 = 0.5;

/// `2 shared, 1,000 in blocks of 1`, `band of width 2`, `sparse, 0.30 % filled` or `dense`.
///
/// Shared latents are those of [`LatentGraph::shared`]; bands are in the order of the model.
impl fmt::Display for LatentGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.num_latents();
        let shared = self.shared();
        let rest = Rest::of(self, &shared);
        let pairs = (n * n.saturating_sub(1) / 2) as f64;
        let filled = if pairs > 0.0 { self.num_edges() as f64 / pairs } else { 0.0 };
        let words = match (rest.largest, rest.band) {
            _ if self.is_dense() || rest.count == 0 || n > 4 && rest.count <= n / 2 => return f.pad("dense"),
            (1, _) => format!("{} in blocks of 1", grouped(rest.count)),
            (size, _) if size <= LARGEST && size < rest.count && rest.smallest == size => {
                format!("{} in blocks of {size}", grouped(rest.count))
            }
            (size, _) if size <= LARGEST && size < rest.count => {
                format!("{} in blocks of up to {size}", grouped(rest.count))
            }
            (_, band) if band <= WIDEST && band + 1 < rest.count => match shared.len() {
                0 => format!("band of width {band}"),
                _ => format!("{} in a band of width {band}", grouped(rest.count)),
            },
            _ if filled > DENSE => return f.pad("dense"),
            _ => return f.pad(&format!("sparse, {} filled", percent(filled))),
        };
        match shared.len() {
            0 => f.pad(&words),
            shared => f.pad(&format!("{} shared, {words}", grouped(shared))),
        }
    }
}

/// What is left of a graph without its shared latents.
struct Rest {
    count: usize,
    /// Sizes of its smallest and largest connected parts.
    smallest: usize,
    largest: usize,
    /// The largest distance between two neighbours, in the order of the model.
    band: usize,
}

impl Rest {
    fn of(graph: &LatentGraph, shared: &[usize]) -> Rest {
        let n = graph.num_latents();
        let mut rank = vec![usize::MAX; n];
        let mut count = 0;
        for (k, rank) in rank.iter_mut().enumerate() {
            if shared.binary_search(&k).is_err() {
                *rank = count;
                count += 1;
            }
        }
        let (mut seen, mut open) = (vec![false; n], Vec::new());
        let (mut smallest, mut largest, mut band) = (usize::MAX, 0, 0);
        if graph.is_dense() {
            return Rest { count, smallest: count, largest: count, band: count };
        }
        for first in 0..n {
            if rank[first] == usize::MAX || seen[first] {
                continue;
            }
            seen[first] = true;
            open.push(first);
            let mut size = 0;
            while let Some(k) = open.pop() {
                size += 1;
                for other in graph.neighbours(k).filter(|&o| rank[o] != usize::MAX) {
                    band = band.max(rank[k].abs_diff(rank[other]));
                    if !std::mem::replace(&mut seen[other], true) {
                        open.push(other);
                    }
                }
            }
            (smallest, largest) = (smallest.min(size), largest.max(size));
        }
        Rest { count, smallest, largest, band }
    }
}

/// `12,345`
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share in per cent with two digits that count.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let decimals = if percent >= 10.0 { 0 } else { (1.0 - percent.max(1e-9).log10().floor()).clamp(1.0, 8.0) as usize };
    format!("{percent:.decimals$} %")
}
