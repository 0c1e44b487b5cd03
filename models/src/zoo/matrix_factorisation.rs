//! Probabilistic matrix factorisation: a rating is explained by what its user likes and what its item has.
//!
//! ```text
//! mean ~ N(centre of the ratings, 1)    sd ~ half-N(0, 1)    user_u, item_v ~ N(0, I_2)
//! rating ~ N(mean + user_u . item_v, sd^2)
//! ```
//!
//! Ratings keep their unit. The factors may be turned and mirrored together without a change of any rating, so that single
//! ones mean nothing; products and `sd` do.
//!
//! *Source*: Salakhutdinov and Mnih (2008), Probabilistic matrix factorization, with the noise's sd and a mean learnt.

use super::{BuildError, Built, Input};
use jensen::prelude::*;
use jensen::program::IntColumn;

/// Factors of a user and of an item.
const RANK: usize = 2;

/// Ratings by factors of users and items.
#[derive(Debug, Clone)]
pub struct MatrixFactorisation {
    /// The user of each rating.
    pub user: IntColumn,
    /// The item of each rating.
    pub item: IntColumn,
    /// The ratings.
    pub rating: Column,
    /// Users and items.
    pub sizes: (usize, usize),
    /// Where the prior of the mean lies.
    pub centre: f64,
}

impl Model for MatrixFactorisation {
    fn log_joint(&self, p: &LogJoint) {
        let mean = p.draw("mean", normal(self.centre, 1.0));
        let sd = p.draw("sd", half_normal(1.0));
        let factors = |name: &str, n: usize| -> Vec<Vector> {
            (1..=RANK).map(|k| p.draws(&format!("{name}{k}"), normal(0.0, 1.0), n)).collect()
        };
        let (users, items) = (factors("user", self.sizes.0), factors("item", self.sizes.1));
        p.rows(self.rating.len(), |i| {
            let (u, v) = (self.user.at(i), self.item.at(i));
            let product: Real = users.iter().zip(&items).map(|(user, item)| user.at(u) * item.at(v)).sum();
            i.observe(self.rating.at(i), normal(mean + product, sd));
        });
    }
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
        let centre = ratings.iter().sum::<f64>() / ratings.len() as f64;
        let num_rows = ratings.len();
        let model = MatrixFactorisation {
            user: IntColumn::new(user),
            item: IntColumn::new(item),
            rating: Column::new(ratings),
            sizes: (users.len(), items.len()),
            centre,
        };
        let mut built = Built::new(model, num_rows);
        for k in 1..=RANK {
            built = built.label(&format!("user{k}"), users.clone()).label(&format!("item{k}"), items.clone());
        }
        Ok(built)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Table;
    use crate::zoo::DataOptions;

    fn refused(text: &str, features: Option<&[&str]>) -> String {
        let table = Table::from_csv("r.csv", text.as_bytes()).unwrap();
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
        assert!(refused("rating,user,item\n1,a,x\n2,,x\n", None).contains("line 3, column `user`"));
        assert!(refused("rating,user,item\n1,a,x\n1,b,x\n", None).contains("column `rating` is constant"));
    }
}
