//! The factor's numbers, and products and solves with it for blocks of draws.

use super::{NONE, NotPositive, SparsePattern};

/// Scratch memory of a factorisation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    work: Vec<f64>,
    next: Vec<usize>,
    head: Vec<u32>,
    link: Vec<u32>,
}

impl SparsePattern {
    /// Overwrites the numbers of a matrix with those of its factor, column by column from the left.
    ///
    /// # Errors
    /// A matrix that is not positive definite; its numbers are then lost.
    pub fn factor(&self, numbers: &mut [f64], columns: &mut Columns) -> Result<(), NotPositive> {
        let n = self.size();
        let Columns { work, next, head, link } = columns;
        work.resize(n, 0.0);
        next.resize(n, 0);
        link.resize(n, NONE);
        head.clear();
        head.resize(n, NONE);
        for j in 0..n {
            let own = self.column(j);
            for t in own.clone() {
                work[self.rows[t] as usize] = numbers[t];
            }
            let mut k = std::mem::replace(&mut head[j], NONE);
            while k != NONE {
                let column = k as usize;
                let (from, end) = (next[column], self.start[column + 1]);
                let l = numbers[from];
                for (&i, &x) in self.rows[from..end].iter().zip(&numbers[from..end]) {
                    work[i as usize] -= x * l;
                }
                k = link[column];
                self.wait(column, from + 1, next, head, link);
            }
            let pivot = work[j];
            if !(pivot > 0.0 && pivot.is_finite()) {
                return Err(NotPositive);
            }
            let root = pivot.sqrt();
            numbers[own.start] = root;
            for t in own.start + 1..own.end {
                numbers[t] = work[self.rows[t] as usize] / root;
            }
            self.wait(j, own.start + 1, next, head, link);
        }
        Ok(())
    }

    /// Puts a column on the list of the row that its number at `from` stands in.
    fn wait(&self, column: usize, from: usize, next: &mut [usize], head: &mut [u32], link: &mut [u32]) {
        next[column] = from;
        if from < self.start[column + 1] {
            let row = self.rows[from] as usize;
            link[column] = head[row];
            head[row] = column as u32;
        }
    }

    /// The numbers of `L L'`.
    pub fn square(&self, factor: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.num_numbers()];
        for k in 0..self.size() {
            let column = self.column(k);
            for t in column.clone() {
                let j = self.rows[t] as usize;
                // The rows below in this column are rows of column j, too.
                let mut to = self.start[j];
                for s in t..column.end {
                    while self.rows[to] != self.rows[s] {
                        to += 1;
                    }
                    out[to] += factor[t] * factor[s];
                }
            }
        }
        out
    }

    /// `2 ln |L|` of a factor.
    pub fn ln_det(&self, factor: &[f64]) -> f64 {
        2.0 * self.diagonal().iter().map(|&t| factor[t].ln()).sum::<f64>()
    }

    /// `x <- L^-1 x`; `x` is `[latent][draw]` in the new order, as in all that follows.
    pub fn solve(&self, factor: &[f64], draws: usize, x: &mut [f64]) {
        for j in 0..self.size() {
            let own = self.column(j);
            let (before, after) = x.split_at_mut((j + 1) * draws);
            let this = &mut before[j * draws..];
            let inverse = 1.0 / factor[own.start];
            this.iter_mut().for_each(|x| *x *= inverse);
            for (&i, l) in self.rows[own.clone()].iter().zip(&factor[own.clone()]).skip(1) {
                let at = (i as usize - j - 1) * draws;
                after[at..at + draws].iter_mut().zip(&*this).for_each(|(y, x)| *y -= l * x);
            }
        }
    }

    /// `x <- L^-T x`
    pub fn solve_transposed(&self, factor: &[f64], draws: usize, x: &mut [f64]) {
        for j in (0..self.size()).rev() {
            let own = self.column(j);
            let (before, after) = x.split_at_mut((j + 1) * draws);
            let this = &mut before[j * draws..];
            for (&i, l) in self.rows[own.clone()].iter().zip(&factor[own.clone()]).skip(1) {
                let at = (i as usize - j - 1) * draws;
                this.iter_mut().zip(&after[at..at + draws]).for_each(|(x, y)| *x -= l * y);
            }
            let inverse = 1.0 / factor[own.start];
            this.iter_mut().for_each(|x| *x *= inverse);
        }
    }

    /// `x <- L x`
    pub fn multiply(&self, factor: &[f64], draws: usize, x: &mut [f64]) {
        for j in (0..self.size()).rev() {
            let own = self.column(j);
            let (before, after) = x.split_at_mut((j + 1) * draws);
            let this = &mut before[j * draws..];
            for (&i, l) in self.rows[own.clone()].iter().zip(&factor[own.clone()]).skip(1) {
                let at = (i as usize - j - 1) * draws;
                after[at..at + draws].iter_mut().zip(&*this).for_each(|(y, x)| *y += l * x);
            }
            let diagonal = factor[own.start];
            this.iter_mut().for_each(|x| *x *= diagonal);
        }
    }

    /// `x <- L' x`
    pub fn multiply_transposed(&self, factor: &[f64], draws: usize, x: &mut [f64]) {
        for j in 0..self.size() {
            let own = self.column(j);
            let (before, after) = x.split_at_mut((j + 1) * draws);
            let this = &mut before[j * draws..];
            let diagonal = factor[own.start];
            this.iter_mut().for_each(|x| *x *= diagonal);
            for (&i, l) in self.rows[own.clone()].iter().zip(&factor[own.clone()]).skip(1) {
                let at = (i as usize - j - 1) * draws;
                this.iter_mut().zip(&after[at..at + draws]).for_each(|(x, y)| *x += l * y);
            }
        }
    }
}
