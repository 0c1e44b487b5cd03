//! Probabilistic matrix factorisation: global latents beside minibatches of ratings.

use super::{noise, uniform};
use jensen::algorithm::Minibatch;
use jensen::automatic::{FamilyChoice, Fit};
use jensen::prelude::*;
use jensen::program::IntColumn;

const USERS: usize = 60;
const ITEMS: usize = 40;
const RANK: usize = 2;
const SD: f64 = 0.3;

/// `rating ~ N(user . item, SD^2)` with standard normal factors.
struct Ratings {
    user: IntColumn,
    item: IntColumn,
    rating: Column,
}

impl Model for Ratings {
    fn log_joint(&self, p: &LogJoint) {
        let factor = |name: &str, n: usize| -> Vec<Vector> {
            (0..RANK).map(|k| p.draws(&format!("{name}{k}"), normal(0.0, 1.0), n)).collect()
        };
        let (users, items) = (factor("user", USERS), factor("item", ITEMS));
        p.rows(self.rating.len(), |i| {
            let (u, v) = (self.user.at(i), self.item.at(i));
            let each: Vec<Real> = (0..RANK).map(|k| users[k].at(u) * items[k].at(v)).collect();
            i.observe(self.rating.at(i), normal(jensen::program::sum(&each), SD));
        });
    }
}

/// Four ratings of ten are seen; those that are not are predicted nearly as well as the noise allows.
#[test]
fn ratings_that_were_not_seen_are_predicted() {
    let (u, v) = (noise(1, USERS * RANK), noise(2, ITEMS * RANK));
    let truth = |i: usize, j: usize| (0..RANK).map(|k| u[i * RANK + k] * v[j * RANK + k]).sum::<f64>();
    let (e, seen) = (noise(3, USERS * ITEMS), uniform(4, USERS * ITEMS));
    let (mut users, mut items, mut ratings) = (Vec::new(), Vec::new(), Vec::new());
    for at in (0..USERS * ITEMS).filter(|&at| seen[at] < 0.4) {
        users.push((at / ITEMS) as u32);
        items.push((at % ITEMS) as u32);
        ratings.push(truth(at / ITEMS, at % ITEMS) + SD * e[at]);
    }
    let n = ratings.len();
    let model = Ratings { user: IntColumn::new(users), item: IntColumn::new(items), rating: Column::new(ratings) };
    let fitted = Fit::new(&model).family(FamilyChoice::MeanField).minibatch(Minibatch::Shuffled(n / 4)).steps(6000);
    let fitted = fitted.run().unwrap();
    let mean = |name: String| {
        let lines = fitted.summary();
        lines.iter().find(|l| l.name == name).map(|l| l.mean).unwrap()
    };
    let factor = |name: &str, n: usize| -> Vec<f64> {
        (0..n).flat_map(|i| (0..RANK).map(move |k| (i, k))).map(|(i, k)| mean(format!("{name}{k}[{i}]"))).collect()
    };
    let (users, items) = (factor("user", USERS), factor("item", ITEMS));
    let mut errors = Vec::new();
    for at in (0..USERS * ITEMS).filter(|&at| seen[at] >= 0.4) {
        let (i, j) = (at / ITEMS, at % ITEMS);
        let made: f64 = (0..RANK).map(|k| users[i * RANK + k] * items[j * RANK + k]).sum();
        errors.push((made - truth(i, j), truth(i, j)));
    }
    let root = |of: &dyn Fn(&(f64, f64)) -> f64| {
        (errors.iter().map(|e| of(e).powi(2)).sum::<f64>() / errors.len() as f64).sqrt()
    };
    let (error, spread) = (root(&|e| e.0), root(&|e| e.1));
    println!("matrix factorisation: error {error:.3} of means that spread by {spread:.3}");
    // Each factor has some 16 or 24 ratings of noise 0.3: errors of about 0.3 sqrt(2 (1 / 16 + 1 / 24)) = 0.14.
    assert!(error < 0.2 && spread > 1.0, "error {error}, spread {spread}");
}
