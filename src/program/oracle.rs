//! The oracle: a naive interpreter, one draw, one row and one operation at a time.
//!
//! Slow and plain on purpose. Tests hold the lane executor against it, and simulation from the model uses it,
//! since there a site's value replaces a node as soon as its distribution's parameters are known.

use super::TermKind;
use super::recording::{Node, Op, Recording};

/// The numbers one draw is evaluated at.
#[derive(Clone, Copy, Default)]
pub(crate) struct Point<'a> {
    pub parameters: &'a [f64],
    pub latents: &'a [f64],
    pub integers: &'a [u32],
    /// Latents of rows, `[latent][row]`.
    pub row_latents: &'a [f64],
    pub row_integers: &'a [u32],
    pub num_rows: usize,
}

/// Values of the nodes at one point; row nodes hold the row that was evaluated last.
pub(crate) struct Oracle<'a> {
    recording: &'a Recording,
    values: Vec<Vec<f64>>,
}

impl<'a> Oracle<'a> {
    pub fn new(recording: &'a Recording) -> Self {
        Oracle { recording, values: vec![Vec::new(); recording.nodes.len()] }
    }

    /// The value of a node that was evaluated or set.
    pub fn value(&self, node: u32) -> &[f64] {
        &self.values[node as usize]
    }

    /// Evaluates the nodes `from..to` of the segment `plate`; `keep` may set a node's value itself.
    pub fn evaluate(
        &mut self,
        plate: u16,
        range: std::ops::Range<usize>,
        point: &Point,
        row: usize,
        mut keep: impl FnMut(u32, &Self) -> Option<Vec<f64>>,
    ) {
        for i in range {
            let node = self.recording.nodes[i];
            if node.plate != plate {
                continue;
            }
            let value = match keep(i as u32, self) {
                Some(value) => value,
                None => self.compute(&node, point, row),
            };
            self.values[i] = value;
        }
    }

    /// The log joint's sum over terms, and each row's sum, by kind.
    #[cfg(test)]
    pub fn log_joint(&mut self, point: &Point) -> [f64; 4] {
        let all = 0..self.recording.nodes.len();
        let mut sums = [0.0; 4];
        self.evaluate(0, all.clone(), point, 0, |_, _| None);
        self.add_terms(0, &mut sums);
        for plate in 1..=self.recording.plates.len() as u16 {
            let p = self.recording.plates[plate as usize - 1];
            for row in p.start..p.start + p.rows {
                self.evaluate(plate, all.clone(), point, row, |_, _| None);
                self.add_terms(plate, &mut sums);
            }
        }
        sums
    }

    #[cfg(test)]
    fn add_terms(&self, plate: u16, sums: &mut [f64; 4]) {
        for term in self.recording.terms.iter().filter(|t| t.plate == plate) {
            let value: f64 = term.node.map_or(0.0, |n| self.values[n as usize].iter().sum());
            sums[term.kind as usize] += value + term.constant;
        }
    }

    fn compute(&self, node: &Node, point: &Point, row: usize) -> Vec<f64> {
        let len = node.len as usize;
        let arg = |k: usize| &self.values[node.args[k] as usize];
        let list = || {
            let (start, count) = (node.list.0 as usize, node.list.1 as usize);
            self.recording.lists[start..start + count].iter().map(|&n| &self.values[n as usize])
        };
        let map = |f: &dyn Fn(f64) -> f64| arg(0).iter().map(|&x| f(x)).collect();
        let position = || match node.plate {
            0 => 0,
            p => row - self.recording.plates[p as usize - 1].start,
        };
        let shifted = |shift: i32| (row as i64 + i64::from(shift)) as usize;
        match node.op {
            Op::Const(c) => vec![c],
            Op::Parameter { offset } => point.parameters[offset as usize..offset as usize + len].to_vec(),
            Op::Latent { offset } => point.latents[offset as usize..offset as usize + len].to_vec(),
            Op::Integer { offset } => {
                point.integers[offset as usize..offset as usize + len].iter().map(|&k| f64::from(k)).collect()
            }
            Op::RowLatent { offset } => {
                (0..len).map(|e| point.row_latents[(offset as usize + e) * point.num_rows + position()]).collect()
            }
            Op::RowInteger { offset } => (0..len)
                .map(|e| f64::from(point.row_integers[(offset as usize + e) * point.num_rows + position()]))
                .collect(),
            Op::Column { column, shift } => vec![self.recording.columns[column as usize][shifted(shift)]],
            Op::MatrixColumn { matrix, column } => vec![self.matrix_row(matrix, row)[column as usize]],
            Op::MatrixRow { matrix } => self.matrix_row(matrix, row).to_vec(),
            Op::RowIndex => vec![row as f64],
            Op::Data { column, from } => self.recording.columns[column as usize][from as usize..][..len].to_vec(),
            Op::Slice { from } => arg(0)[from as usize..][..len].to_vec(),
            Op::Pick { column, from } => {
                let index = &self.recording.integer_columns[column as usize][from as usize..];
                index[..len].iter().map(|&k| arg(0)[k as usize]).collect()
            }
            Op::PickRuns { column } => {
                let runs = self.recording.integer_columns[column as usize].as_chunks::<2>().0;
                let value = |e: usize| {
                    runs.iter().find(|run| e < run[1] as usize).map_or(f64::NAN, |run| arg(0)[run[0] as usize])
                };
                (0..len).map(value).collect()
            }
            Op::Unary(u) => map(&|x| u.value(x)),
            Op::AddConst(c) => map(&|x| x + c),
            Op::MulConst(c) => map(&|x| x * c),
            Op::PowConst(c) => map(&|x| x.powf(c)),
            Op::Binary(b) => arg(0).iter().zip(arg(1)).map(|(&x, &y)| b.value(x, y)).collect(),
            Op::GaussKernel => (0..len)
                .map(|e| {
                    let u = (arg(0)[e] - arg(1)[e]) * arg(2)[e];
                    -0.5 * u * u
                })
                .collect(),
            Op::Scaled => map(&|x| x * arg(1)[0]),
            Op::Shifted => map(&|x| x + arg(1)[0]),
            Op::SquaredDistance { len } => {
                let m = |e: usize| arg(1)[if arg(1).len() == 1 { 0 } else { e }];
                vec![(0..len as usize).map(|e| (arg(0)[e] - m(e)).powi(2)).sum()]
            }
            Op::Select => (0..len).map(|e| if arg(0)[e] != 0.0 { arg(1)[e] } else { arg(2)[e] }).collect(),
            Op::Spread => (0..len).map(|e| arg(0)[if arg(0).len() == 1 { 0 } else { e }]).collect(),
            Op::Gather | Op::GatherImport => {
                let k = arg(1)[0];
                vec![if k >= 0.0 { arg(0).get(k as usize).copied().unwrap_or(f64::NAN) } else { f64::NAN }]
            }
            Op::GatherColumn { column, shift } => {
                vec![arg(0)[self.recording.integer_columns[column as usize][shifted(shift)] as usize]]
            }
            Op::GatherRow { shift } => vec![arg(0)[shifted(shift)]],
            Op::DotData { matrix } => vec![self.matrix_row(matrix, row).iter().zip(arg(0)).map(|(x, w)| x * w).sum()],
            Op::Element(k) => vec![arg(0)[k as usize]],
            Op::Pack => list().map(|v| v[0]).collect(),
            Op::Sum => (0..len).map(|e| list().map(|v| v[e]).sum()).collect(),
            Op::LogSumExp => (0..len).map(|e| log_sum_exp(&list().map(|v| v[e]).collect::<Vec<_>>())).collect(),
            Op::SumElements => vec![arg(0).iter().sum()],
            Op::LogSumExpElements => vec![log_sum_exp(arg(0))],
            Op::Dot => vec![arg(0).iter().zip(arg(1)).map(|(x, y)| x * y).sum()],
            Op::MatVec { .. } | Op::Dense { .. } => {
                arg(0).chunks_exact(arg(1).len()).map(|w| w.iter().zip(arg(1)).map(|(w, x)| w * x).sum()).collect()
            }
            Op::Cholesky { n } => cholesky(n as usize, arg(0)),
            Op::SolveLower { n } => {
                let n = n as usize;
                let mut x = vec![0.0; n];
                for i in 0..n {
                    let s: f64 = (0..i).map(|k| arg(0)[i * n + k] * x[k]).sum();
                    x[i] = (arg(1)[i] - s) / arg(0)[i * n + i];
                }
                x
            }
            Op::Custom { function } => {
                let count = node.list.1 as usize;
                (0..len)
                    .map(|e| {
                        let inputs: Vec<f64> = list().map(|v| v[e]).collect();
                        self.recording.functions[function as usize](&inputs, &mut vec![0.0; count])
                    })
                    .collect()
            }
        }
    }

    fn matrix_row(&self, matrix: u32, row: usize) -> &[f64] {
        let (data, columns) = &self.recording.matrices[matrix as usize];
        &data[row * columns..(row + 1) * columns]
    }

    /// Sum of the kinds.
    #[cfg(test)]
    pub fn total(sums: [f64; 4]) -> f64 {
        sums.iter().sum()
    }
}

fn log_sum_exp(values: &[f64]) -> f64 {
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY {
        return max;
    }
    max + values.iter().map(|v| (v - max).exp()).sum::<f64>().ln()
}

fn cholesky(n: usize, a: &[f64]) -> Vec<f64> {
    let mut l = vec![0.0; n * n];
    for j in 0..n {
        for i in j..n {
            let s: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
            let rest = a[i * n + j] - s;
            l[i * n + j] = if i == j { rest.sqrt() } else { rest / l[j * n + j] };
        }
    }
    l
}

impl TermKind {
    /// All kinds, in the order of the executor's sums.
    pub const ALL: [TermKind; 4] = [TermKind::Prior, TermKind::Jacobian, TermKind::Data, TermKind::Bare];
}
