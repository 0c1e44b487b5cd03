//! How many values the integers of a model have, and which gradient they get.

use super::EstimatorChoice;
use crate::model::{Layout, SiteKind};

/// Joint values up to which all of them are evaluated by default.
const FEW: f64 = 128.0;

/// Values in all, one integer of each row counted once, up to which one integer at a time is summed out by default.
const MOST_LANES: usize = 256;

/// Evaluations of a step, about, and draws of it at most.
const EVALUATIONS: usize = 256;
const DRAWS: usize = 10;
const FEWEST: usize = 2;

/// Joint values at most: beside real latents they are evaluated at once, for each draw.
const MOST_BESIDE: f64 = 65_536.0;
const MOST_ALONE: f64 = 4_194_304.0;

/// Numbers of values.
pub(super) struct Sizes {
    /// Of each integer outside of rows.
    pub outside: Vec<usize>,
    /// Of each integer of a row.
    pub in_rows: Vec<usize>,
    /// Number of rows of the model.
    pub num_rows: usize,
    /// Whether the model has integers outside of rows and nothing else.
    pub are_alone: bool,
}

impl Sizes {
    pub fn of(layout: &Layout) -> Sizes {
        let of_kind = |kind| {
            let values = |(low, high): (u32, u32)| (high - low) as usize + 1;
            layout.sites_of(kind).map(|site| site.range.map_or(usize::MAX, values)).collect()
        };
        let others = layout.num_latents + layout.num_row_latents + layout.num_row_integers + layout.num_parameters;
        Sizes {
            outside: of_kind(SiteKind::Integer),
            in_rows: of_kind(SiteKind::RowInteger),
            num_rows: layout.num_rows,
            are_alone: others == 0,
        }
    }

    /// Joint values of the integers outside of rows.
    fn joint(&self) -> f64 {
        self.outside.iter().map(|n| *n as f64).product()
    }

    /// Whether all joint values can be evaluated in every step.
    pub fn are_few(&self) -> bool {
        self.in_rows.is_empty() && self.joint() <= FEW
    }

    /// Whether all joint values can be evaluated once.
    pub fn are_enumerable(&self) -> bool {
        self.not_enumerable().is_none()
    }

    /// Why the joint values cannot be enumerated, with a remedy.
    pub fn not_enumerable(&self) -> Option<String> {
        let most = if self.are_alone { MOST_ALONE } else { MOST_BESIDE };
        if self.outside.iter().chain(&self.in_rows).any(|n| *n == usize::MAX) {
            Some(
                "an integer has no largest value, so its values cannot be enumerated; use local-expectation or the \
                 score function"
                    .into(),
            )
        } else if !self.in_rows.is_empty() {
            let in_row: f64 = self.in_rows.iter().map(|n| (*n as f64).log10()).sum();
            let (exponent, rows) = (in_row * self.num_rows as f64 + self.joint().log10(), self.num_rows);
            Some(format!(
                "the integers of rows have 10^{exponent:.1} joint values in {rows} rows, too many; use \
                     local-expectation, which sums out each"
            ))
        } else if self.joint() > most {
            let (n, exponent) = (self.outside.len(), self.joint().log10());
            Some(format!(
                "the {n} integers have 10^{exponent:.1} joint values, more than {most}; use local-expectation, \
                     which sums out one at a time"
            ))
        } else {
            None
        }
    }

    /// The number of values of an integer that has not two.
    pub fn not_binary(&self) -> Option<usize> {
        self.outside.iter().chain(&self.in_rows).copied().find(|n| *n != 2)
    }

    /// Evaluations of a draw in which each integer takes each of its values.
    pub fn num_lanes(&self) -> usize {
        self.outside.iter().chain(&self.in_rows).fold(1usize, |n, k| n.saturating_add(k - 1))
    }

    /// The gradient of the integers where none was chosen, its draws, and why.
    pub fn rule(&self) -> (EstimatorChoice, usize, String) {
        let lanes = self.num_lanes();
        if self.are_few() {
            let joint = self.joint();
            (
                EstimatorChoice::Enumerate,
                draws_of(joint as usize),
                format!("the integers have {joint} joint values, all evaluated"),
            )
        } else if lanes <= MOST_LANES {
            let why = format!("one integer at a time is summed out, in {lanes} evaluations a draw");
            // The noise of rows averages out over them, and each draw evaluates all of them in every lane.
            let draws = if self.in_rows.is_empty() { draws_of(lanes) } else { FEWEST };
            (EstimatorChoice::LocalExpectation, draws, why)
        } else {
            let why = format!("to sum out one integer at a time takes {lanes} evaluations a draw");
            (EstimatorChoice::StickingTheLanding, 32, why)
        }
    }
}

/// Draws of a step that takes `lanes` evaluations for each.
fn draws_of(lanes: usize) -> usize {
    (EVALUATIONS / lanes.max(1)).clamp(FEWEST, DRAWS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Site;

    fn layout(outside: &[u32], in_rows: &[u32]) -> Layout {
        let site = |kind, n: u32| Site {
            name: "k".into(),
            kind,
            support: String::new(),
            shape: Vec::new(),
            offset: 0,
            num_unconstrained: 0,
            range: Some((3, n + 2)),
            centring: Vec::new(),
        };
        let sites = outside.iter().map(|n| site(SiteKind::Integer, *n));
        let sites = sites.chain(in_rows.iter().map(|n| site(SiteKind::RowInteger, *n))).collect();
        let (num_integers, num_row_integers) = (outside.len(), in_rows.len());
        Layout { num_latents: 1, num_integers, num_row_integers, sites, ..Layout::default() }
    }

    #[test]
    fn the_rule_follows_the_numbers_of_values() {
        use EstimatorChoice as E;
        let twos = [2; 20];
        let cases: [(&[u32], &[u32], E); 5] = [
            (&[111], &[], E::Enumerate),
            (&twos, &[], E::LocalExpectation),
            (&[], &[3], E::LocalExpectation),
            (&[2], &[2], E::LocalExpectation),
            (&[200, 200], &[], E::StickingTheLanding),
        ];
        assert_eq!([1, 21, 111, 1000].map(draws_of), [10, 10, 2, 2]);
        for (outside, in_rows, choice) in cases {
            assert_eq!(Sizes::of(&layout(outside, in_rows)).rule().0, choice, "{outside:?} {in_rows:?}");
        }
    }

    #[test]
    fn too_many_joint_values_are_refused_with_their_number() {
        let refused = |outside: &[u32], in_rows: &[u32]| Sizes::of(&layout(outside, in_rows)).not_enumerable();
        let words = refused(&[2; 20], &[]).unwrap();
        assert!(words.contains("20 integers have 10^6.0 joint values") && words.contains("local-expectation"));
        assert!(refused(&[2; 16], &[]).is_none() && refused(&[], &[2]).unwrap().contains("rows"));
        // Integers alone are evaluated in blocks.
        let alone = Layout { num_latents: 0, ..layout(&[2; 20], &[]) };
        assert!(Sizes::of(&alone).are_enumerable());
        assert_eq!(Sizes::of(&layout(&[2, 3], &[2])).not_binary(), Some(3));
    }
}
