//! The words for a constant or a row of data outside of its set: what was found, and what to try.

use super::condition::About;
use super::judge::Broken;

/// Elements of a vector that a message shows.
const MOST_SHOWN: usize = 9;

impl Broken {
    pub fn of_parameter(&self, name: &str) -> String {
        let row = self.row.map_or(String::new(), |row| format!("row {row}: "));
        if self.numbers.is_empty() {
            return format!("{name} is never {}, whatever the latents are; {}", self.support, self.remedy());
        }
        format!("{row}{name} is {}, which is not {}; {}", self.shown(), self.wanted(), self.remedy())
    }

    pub fn of_data(&self) -> String {
        format!("{}, which is not {}; {}", self.found(), self.wanted(), self.remedy())
    }

    /// Of data on an edge that belongs to the support, but not to what `density` allows.
    pub fn of_edge(&self, density: &str) -> String {
        format!(
            "{}, where {density} is zero or infinite; give such rows terms of their own, or leave them out",
            self.found()
        )
    }

    fn found(&self) -> String {
        match self.row {
            _ if self.numbers.is_empty() => "an observed value".into(),
            Some(row) => format!("row {row} holds {}", self.shown()),
            None => format!("the observed value is {}", self.shown()),
        }
    }

    fn shown(&self) -> String {
        match &self.numbers[..] {
            [x] => format!("{x}"),
            many if many.len() <= MOST_SHOWN => format!("{many:?}"),
            many => match self.element {
                Some(k) if self.about == About::Elements => format!("{} as element {k} of {}", many[k], many.len()),
                _ => format!("{} numbers", many.len()),
            },
        }
    }

    /// The set, and how the value differs from it.
    fn wanted(&self) -> String {
        let reason = self.reason();
        if reason.is_empty() { self.support.to_string() } else { format!("{}: {reason}", self.support) }
    }

    fn reason(&self) -> String {
        let n = self.numbers.len().isqrt();
        let at = |i: usize, j: usize| self.numbers.get(i * n + j).copied().unwrap_or(f64::NAN);
        let element = |k: usize| self.numbers.get(k).copied().unwrap_or(f64::NAN);
        match self.about {
            About::Elements => String::new(),
            About::Total => format!("the sum is {}", self.numbers.iter().sum::<f64>()),
            About::Gap(k) => format!("element {k} is {}, element {} is {}", element(k), k + 1, element(k + 1)),
            About::AboveDiagonal(i, j) => format!("element ({i}, {j}), above the diagonal, is {}", at(i, j)),
            About::Diagonal(i) => format!("element ({i}, {i}), on the diagonal, is {}", at(i, i)),
            About::Symmetry(i, j) => {
                format!("element ({i}, {j}) is {}, element ({j}, {i}) is {}", at(i, j), at(j, i))
            }
            About::Length(row) => format!("row {row} has not length one"),
            About::Definite => "it is not positive definite".into(),
        }
    }

    fn remedy(&self) -> &'static str {
        match self.about {
            About::Elements if self.row.is_some() => "correct the data, or leave such rows out",
            About::Elements => "check the arguments' order and sign",
            About::Total if self.support.is_discrete() => "give the sum that the counts have",
            About::Total => "divide the numbers by their sum",
            About::Gap(_) => "sort them",
            About::AboveDiagonal(..) | About::Diagonal(_) | About::Length(_) => {
                "give the lower triangular factor, row by row"
            }
            About::Symmetry(..) | About::Definite => "check the matrix; a small number added to its diagonal may help",
        }
    }
}
