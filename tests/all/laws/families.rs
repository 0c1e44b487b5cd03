//! Laws of families.

use super::cases::*;
use jensen::family::{FullRank, LowRank, MeanField, StudentTNoise};
use jensen::model::{Layout, RowSet};
use jensen::streams::Streams;
use jensen::testing::laws::{self, Case};

#[test]
fn derivatives_of_every_family() {
    for_all(|_, family, case| {
        has_its_derivatives(family, case);
    });
}

#[test]
fn densities_and_draws_of_every_family_agree() {
    for_all(|_, family, case| {
        let case = &Case { num_draws: 20_000, ..*case };
        has_the_density_of_its_draws(family, case);
    });
}

#[test]
fn every_density_integrates_to_one() {
    let layout = Layout { num_latents: 2, ..Layout::default() };
    let plane: Vec<Boxed> = vec![
        Box::new(MeanField::new(&layout)),
        Box::new(FullRank::new(2)),
        Box::new(LowRank::new(2, 1)),
        Box::new(ok(StudentTNoise::new(FullRank::new(2), 2.5))),
        Box::new(ok(StudentTNoise::new(MeanField::new(&layout), 30.0))),
    ];
    for family in plane {
        let params = somewhere(&*family, 2);
        let rows = RowSet::all();
        let case =
            Case { layout: &layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(3), num_draws: 1 };
        named(&*family, &case, laws::is_normalised(&family, &case));
    }
}
