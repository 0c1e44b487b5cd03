//! Sparse symmetric positive-definite matrices: order, pattern of the Cholesky factor, and what is done with both.
//!
//! The order is the `amd` crate's. The rest is here, on slices, since no crate of its size solves for blocks of draws,
//! factors again in place without setting memory aside, and gives selected elements of the inverse on the same pattern.
//! *Source*: T. A. Davis 2006, "Direct Methods for Sparse Linear Systems", chapters 4 and 7.

mod inverse;
mod numeric;
#[cfg(test)]
mod tests;

pub(crate) use numeric::Columns;

/// Marks the end of a list.
const NONE: u32 = u32::MAX;

/// Numbers that a factor may have: 512 MiB of them.
pub(crate) const MOST_NUMBERS: usize = 1 << 26;

/// A matrix that is not positive definite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotPositive;

/// The pattern of a symmetric matrix `A` and of the factor `L` in `P A P' = L L'`, with a permutation `P` that fills little.
///
/// Numbers of a matrix, and of its factor, are kept by columns of the lower triangle in the new order, the diagonal
/// first and rows ascending; those that are zero in `A` but not in `L` included.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SparsePattern {
    /// The old number of each new one, and the new number of each old one.
    pub order: Vec<u32>,
    pub place: Vec<u32>,
    pub start: Vec<usize>,
    pub rows: Vec<u32>,
    /// Whether a number is of the matrix itself.
    pub is_own: Vec<bool>,
}

impl SparsePattern {
    /// The pattern of the `n` by `n` matrix with a diagonal and these neighbours of each row; the number that the factor
    /// would have, where that is more than [`MOST_NUMBERS`].
    pub fn new<I: Iterator<Item = usize>>(n: usize, neighbours: impl Fn(usize) -> I) -> Result<Self, usize> {
        let order = order_of(n, &neighbours);
        let mut place = vec![0u32; n];
        order.iter().enumerate().for_each(|(new, &old)| place[old as usize] = new as u32);
        let mut out = SparsePattern { order, place, start: vec![0], rows: Vec::new(), is_own: Vec::new() };
        // The columns whose first row below the diagonal is this one: the children in the elimination tree.
        let (mut first_child, mut sibling) = (vec![NONE; n], vec![NONE; n]);
        let mut marked = vec![NONE; n];
        for j in 0..n {
            let first = out.rows.len();
            out.rows.push(j as u32);
            marked[j] = j as u32;
            let own = neighbours(out.order[j] as usize).map(|old| out.place[old]).filter(|&i| i as usize > j);
            for i in own {
                marked[i as usize] = j as u32;
                out.rows.push(i);
            }
            let num_own = out.rows.len();
            let mut child = first_child[j];
            while child != NONE {
                for t in out.start[child as usize] + 1..out.start[child as usize + 1] {
                    let i = out.rows[t];
                    if marked[i as usize] != j as u32 {
                        marked[i as usize] = j as u32;
                        out.rows.push(i);
                    }
                }
                child = sibling[child as usize];
            }
            let mut own: Vec<u32> = out.rows[first..num_own].to_vec();
            own.sort_unstable();
            out.rows[first..].sort_unstable();
            out.is_own.extend(out.rows[first..].iter().map(|i| own.binary_search(i).is_ok()));
            out.start.push(out.rows.len());
            if let Some(&parent) = out.rows.get(first + 1) {
                sibling[j] = first_child[parent as usize];
                first_child[parent as usize] = j as u32;
            }
            if out.rows.len() > MOST_NUMBERS {
                return Err(out.rows.len());
            }
        }
        Ok(out)
    }

    /// Number of rows.
    pub fn size(&self) -> usize {
        self.order.len()
    }

    /// Numbers of the factor.
    pub fn num_numbers(&self) -> usize {
        self.rows.len()
    }

    /// The place of each diagonal number, in the new order.
    pub fn diagonal(&self) -> &[usize] {
        &self.start[..self.size()]
    }

    /// Where the number of a row and a column lies, both in the old order; `None` outside of the factor's pattern.
    pub fn slot(&self, a: usize, b: usize) -> Option<usize> {
        let (a, b) = (self.place[a], self.place[b]);
        let (i, j) = (a.max(b), a.min(b) as usize);
        let column = self.start[j]..self.start[j + 1];
        self.rows[column.clone()].binary_search(&i).ok().map(|t| column.start + t)
    }

    /// The numbers of each column: `(row, slot)`, the diagonal first.
    #[inline(always)]
    pub fn column(&self, j: usize) -> std::ops::Range<usize> {
        self.start[j]..self.start[j + 1]
    }
}

/// Approximate minimum degree.
fn order_of<I: Iterator<Item = usize>>(n: usize, neighbours: &impl Fn(usize) -> I) -> Vec<u32> {
    let (mut start, mut rows) = (vec![0i64], Vec::new());
    for k in 0..n {
        let first = rows.len();
        rows.push(k as i64);
        rows.extend(neighbours(k).map(|i| i as i64));
        rows[first..].sort_unstable();
        start.push(rows.len() as i64);
    }
    match amd::order(n as i64, &start, &rows, &amd::Control::default()) {
        Ok((order, _, _)) => order.into_iter().map(|k| k as u32).collect(),
        // Columns are sorted and without repeats, so that this is not reached; any order is right.
        Err(_) => (0..n as u32).collect(),
    }
}
