//! Probabilistic matrix factorisation: a rating is explained by what its user likes and what its item has.
//!
//! ```text
//! mean ~ N(centre of the ratings, 1)    sd ~ half-N(0, 1)    user_u, item_v ~ N(0, I_2)
//! rating ~ N(mean + user_u . item_v, sd^2)
//! ```
//!
//! Ratings keep their unit. Turning and mirroring all factors together changes no rating, so the axes are laid through the
//! two items with the most ratings: the first lies on the positive half of the first axis, the second above it. Turned so,
//! independent normal factors have a squared length that is exponential in the first item and a half-normal second factor in
//! the second item, all others as before: the same law of the ratings, and one mode in place of a circle of them.
//!
//! *Source*: Salakhutdinov and Mnih (2008), Probabilistic matrix factorization, with the noise's sd and a mean learnt;
//! axes through items: Geweke and Zhou (1996), Measuring the pricing error of the arbitrage pricing theory.

use super::{BuildError, Built, Input};
use jensen::prelude::*;
use jensen::program::IntColumn;

/// Ratings by factors of users and items.
#[derive(Debug, Clone)]
pub struct MatrixFactorisation {
    /// The user of each rating.
    pub user: IntColumn,
    /// The item of each rating.
    pub item: IntColumn,
    /// The observed ratings.
    pub rating: Column,
    /// Users and items.
    pub sizes: (usize, usize),
    /// The items that the axes are laid through.
    pub anchors: [usize; 2],
    /// Where the prior of the mean lies.
    pub centre: f64,
}

impl Model for MatrixFactorisation {
    fn log_joint(&self, p: &LogJoint) {
        let mean = p.draw("mean", normal(self.centre, 1.0));
        let sd = p.draw("sd", half_normal(1.0));
        let factor = |name: &str, n: usize| p.draws(name, normal(0.0, 1.0), n);
        let users = [factor("user1", self.sizes.0), factor("user2", self.sizes.0)];
        let (length, height) = (p.draw("squared_length", exponential(0.5)).sqrt(), p.draw("height", half_normal(1.0)));
        let [first, second] = self.anchors;
        let fixed = [vec![(first, length)], vec![(first, Real::from(0.0)), (second, height)]];
        let free = [factor("item1", self.sizes.1 - 1), factor("item2", self.sizes.1 - 2)];
        let items: Vec<Vector> = free.iter().zip(&fixed).map(|(free, fixed)| with(free, fixed)).collect();
        p.rows(self.rating.len(), |i| {
            let (u, v) = (self.user.at(i), self.item.at(i));
            let product: Real = users.iter().zip(&items).map(|(user, item)| user.at(u) * item.at(v)).sum();
            i.observe(self.rating.at(i), normal(mean + product, sd));
        });
    }
}

/// `free` with other elements put in at their places.
fn with(free: &Vector, fixed: &[(usize, Real)]) -> Vector {
    let (mut free, all) = (free.elements().into_iter(), free.len() + fixed.len());
    let element = |place: usize| match fixed.iter().find(|(at, _)| *at == place) {
        Some((_, value)) => Some(*value),
        None => free.next(),
    };
    Vector::new(&(0..all).map_while(element).collect::<Vec<_>>())
}

impl MatrixFactorisation {
    /// The model of the ratings `--response` by users and items, the two `--features`.
    ///
    /// # Errors
    /// No response, not two features, cells that are missing, or ratings that are not numbers or all the same.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let file = input.table.file().to_string();
        let (name, ratings) = input.series()?;
        let others = || input.table.given_names().filter(|n| *n != name).map(str::to_string).collect();
        let features: Vec<String> = input.options.features.clone().unwrap_or_else(others);
        let [user, item] = &features[..] else {
            return Err(BuildError::TwoFeatures { file, found: features.len() });
        };
        let ((user, users), (item, items)) = (input.table.categories(user)?, input.table.categories(item)?);
        if items.len() < 3 {
            return Err(BuildError::TooFewItems { file, found: items.len() });
        }
        let mut order: Vec<usize> = (0..items.len()).collect();
        let count = |k: &usize| item.iter().filter(|i| **i as usize == *k).count();
        order.sort_by_key(|k| std::cmp::Reverse(count(k)));
        let anchors = [order[0], order[1]];
        let centre = ratings.iter().sum::<f64>() / ratings.len() as f64;
        let num_rows = ratings.len();
        let model = MatrixFactorisation {
            user: IntColumn::new(user),
            item: IntColumn::new(item),
            rating: Column::new(ratings),
            sizes: (users.len(), items.len()),
            anchors,
            centre,
        };
        let without = |fixed: &[usize]| -> Vec<String> {
            let free = items.iter().enumerate().filter(|(k, _)| !fixed.contains(k));
            free.map(|(_, name)| name.clone()).collect()
        };
        let built = Built::new(model, num_rows).label("user1", users.clone()).label("user2", users);
        Ok(built.label("item1", without(&anchors[..1])).label("item2", without(&anchors)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataTable;
    use crate::zoo::DataOptions;

    fn refused(text: &str, features: Option<&[&str]>) -> String {
        let table = DataTable::from_csv("r.csv", text.as_bytes()).unwrap();
        let features = features.map(|f| f.iter().map(|n| n.to_string()).collect());
        let options = DataOptions { response: Some("rating".into()), features, ..DataOptions::default() };
        MatrixFactorisation::build(&Input { table: &table, options: &options, embedded: false })
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn columns_that_are_no_ratings_of_users_and_items_are_refused() {
        let text = "rating,user,item,when\n1,a,x,3\n2,b,x,4\n";
        assert!(refused(text, None).contains("users and items are two columns, found 3; name them with --features"));
        assert!(refused(text, Some(&["user"])).contains("found 1"));
        assert!(refused("rating,user,item\n1,a,x\n2,b,y\n", None).contains("2 items, and at least 3 are needed"));
        assert!(refused("rating,user,item\n1,a,x\n2,,x\n", None).contains("line 3, column `user`"));
        assert!(refused("rating,user,item\n1,a,x\n1,b,x\n", None).contains("column `rating` is constant"));
    }
}
