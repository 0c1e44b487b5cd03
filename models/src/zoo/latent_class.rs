//! Two latent classes (Lazarsfeld; Goodman 1974): people of either class answer the same questions with other
//! probabilities of a yes.
//!
//! ```text
//! share ~ Beta(1, 1)    yes_first_j ~ Beta(2, 1)    yes_second_j ~ Beta(1, 2)
//! class_i ~ Bernoulli(share)    answer_ij ~ Bernoulli(yes_first_j if class_i = 1, yes_second_j else)
//! ```
//!
//! The priors name the classes: the first one says yes more often.

use super::{BuildError, Built, Input};
use jensen::prelude::*;

/// Answers of zero and one by people of two classes.
#[derive(Debug, Clone)]
pub struct LatentClass {
    /// The answers to each question.
    pub answers: Vec<Column>,
}

impl Model for LatentClass {
    fn log_joint(&self, p: &LogJoint) {
        let num_questions = self.answers.len();
        let share = p.draw("share", beta(1.0, 1.0));
        let first = p.draws("yes_first", beta(2.0, 1.0), num_questions);
        let second = p.draws("yes_second", beta(1.0, 2.0), num_questions);
        p.rows(self.answers[0].len(), |i| {
            let class = i.draw_integer("class", bernoulli(share));
            for (j, answer) in self.answers.iter().enumerate() {
                let yes = class.equal_to(1).select(first.at(j), second.at(j));
                i.observe(answer.at(i), bernoulli(yes));
            }
        });
    }
}

impl LatentClass {
    /// The model on columns of zeros and ones, a question each: `--features`, or all.
    ///
    /// # Errors
    /// Cells that are neither zero nor one, or fewer than three questions, which say nothing of classes.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let all = || input.table.given_names().map(str::to_string).collect();
        let names: Vec<String> = input.options.features.clone().unwrap_or_else(all);
        if names.len() < 3 {
            let file = input.table.file().to_string();
            return Err(BuildError::TooFewQuestions { file, found: names.len(), needed: 3 });
        }
        let answers = names.iter().map(|name| Ok(Column::new(input.yes_or_no(name)?)));
        let answers = answers.collect::<Result<Vec<_>, BuildError>>()?;
        let num_rows = input.table.num_rows();
        Ok(Built::new(LatentClass { answers }, num_rows).label("yes_first", &names).label("yes_second", &names))
    }
}
