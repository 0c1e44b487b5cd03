//! Every kind of component with data for it.

use jensen::mixture::*;
use jensen::streams::Streams;

pub fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n];
    Streams::new(seed).fill_normal(1, &mut out);
    out
}

/// Two columns, three clusters.
pub fn clusters(n: usize) -> Vec<Vec<f64>> {
    let z = noise(3, 2 * n);
    let centre = |i: usize| [[-2.0, 0.0], [2.0, 1.0], [0.0, 3.0]][i % 3];
    vec![
        (0..n).map(|i| centre(i)[0] + z[2 * i]).collect(),
        (0..n).map(|i| centre(i)[1] + 0.7 * z[2 * i + 1] + 0.4 * z[2 * i]).collect(),
    ]
}

pub fn counts(n: usize) -> Vec<Vec<f64>> {
    let z = noise(5, 2 * n);
    (0..2).map(|j| (0..n).map(|i| (3.0 * z[2 * i + j].abs() + 8.0 * (i % 2) as f64).floor()).collect()).collect()
}

pub fn positive(n: usize) -> Vec<Vec<f64>> {
    counts(n).iter().map(|c| c.iter().map(|x| 0.3 + x * x).collect()).collect()
}

pub fn flags(n: usize) -> Vec<Vec<f64>> {
    let z = noise(7, 2 * n);
    (0..2).map(|j| (0..n).map(|i| f64::from(u8::from(z[2 * i + j] > (i % 2) as f64 - 0.5))).collect()).collect()
}

pub fn table(columns: &[Vec<f64>]) -> Table {
    Table::with_block_rows(columns, 32).expect("a table")
}

pub fn wishart() -> NormalWishart {
    NormalWishart::new(vec![0.2, -0.1], 0.7, 3.5, vec![2.0, 0.3, 0.3, 1.5]).expect("a prior")
}

pub fn diagonal() -> DiagonalGaussian {
    DiagonalGaussian::new(vec![0.2, -0.1], 0.7, 1.3, vec![0.8, 1.1]).expect("a prior")
}

/// Each kind with data for it.
pub fn kinds(n: usize) -> Vec<(&'static str, Kind, Vec<Vec<f64>>)> {
    let mut levels = counts(n);
    levels.truncate(1);
    levels[0].iter_mut().for_each(|x| *x = x.min(5.0));
    let mixed = [clusters(n), counts(n), flags(n)].concat();
    let product = MixedColumns::new(
        6,
        [
            (FullGaussian::new(wishart()).into(), vec![1, 0]),
            (PoissonColumns::new(2, 2.0, 0.3).expect("a prior").into(), vec![2, 3]),
            (BernoulliColumns::new(2, 1.0, 1.0).expect("a prior").into(), vec![5, 4]),
        ],
    );
    let learned: Kind = HierarchicalGaussian::new(wishart()).expect("a prior").into();
    let tied = (TiedGaussian::new(wishart()).into(), vec![1, 0]);
    let coupled = MixedColumns::new(4, [tied, (learned.clone(), vec![2, 3])]);
    vec![
        ("full", FullGaussian::new(wishart()).into(), clusters(n)),
        ("tied", TiedGaussian::new(wishart()).into(), clusters(n)),
        ("hierarchical", learned.clone(), clusters(n)),
        ("coupled", coupled.expect("a product").into(), [clusters(n), clusters(n)].concat()),
        ("diagonal", diagonal().into(), clusters(n)),
        ("spherical", SphericalGaussian::new(vec![0.2, -0.1], 0.7, 1.3, 0.9).expect("a prior").into(), clusters(n)),
        ("student-t", FullStudentT::new(wishart(), 4.0).expect("a prior").into(), clusters(n)),
        ("bernoulli", BernoulliColumns::new(2, 0.7, 1.2).expect("a prior").into(), flags(n)),
        ("categorical", CategoricalColumn::new(7, 0.6).expect("a prior").into(), levels),
        ("multinomial", MultinomialColumns::new(2, 0.8).expect("a prior").into(), counts(n)),
        ("poisson", PoissonColumns::new(2, 2.0, 0.3).expect("a prior").into(), counts(n)),
        ("gamma", GammaColumns::new(2, 1.7, 2.0, 0.5).expect("a prior").into(), positive(n)),
        ("product", product.expect("a product").into(), mixed),
    ]
}

pub fn weight_kinds() -> [Weights; 3] {
    [Weights::dirichlet(0.4), Weights::dirichlet_process(1.5), Weights::pitman_yor(0.8, 0.3)]
}
