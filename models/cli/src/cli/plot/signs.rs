//! Signs that tell series apart without colour.

use super::scene::Point;

/// The signs as letters, for legends outside of drawings; again from the first after the last.
pub const SIGNS: [&str; 8] = ["●", "■", "▲", "◆", "▼", "✚", "✖", "★"];

/// The outline of sign `number` around a point; none for the first, which is a disc.
pub(super) fn outline(number: usize, (x, y): Point, radius: f64) -> Option<Vec<Point>> {
    let polar = |k: usize, of: usize, turn: f64, size: f64| -> Point {
        let angle = std::f64::consts::TAU * (k as f64 / of as f64 + turn);
        (x + size * angle.cos(), y + size * angle.sin())
    };
    // Corners at equal angles, the first at `turn`; sizes give all signs about the area of the disc.
    let regular = |corners: usize, turn: f64, size: f64| (0..corners).map(|k| polar(k, corners, turn, size)).collect();
    let cross = |turn: f64| {
        let arm = |k: usize| {
            let ends = [(-0.16, 1.3), (0.16, 1.3), (0.25, 0.25)];
            let (sin, cos) = (std::f64::consts::TAU * (k as f64 / 4.0 + turn)).sin_cos();
            ends.map(|(a, b)| (x + radius * (a * cos - b * sin), y + radius * (a * sin + b * cos)))
        };
        // The third corner of each arm is the inner one before the next, so arms go round in order.
        (0..4).rev().flat_map(arm).collect()
    };
    match number % SIGNS.len() {
        0 => None,
        1 => Some(regular(4, 0.125, 1.25 * radius)),
        2 => Some(regular(3, -0.25, 1.4 * radius)),
        3 => Some(regular(4, 0.0, 1.3 * radius)),
        4 => Some(regular(3, 0.25, 1.4 * radius)),
        5 => Some(cross(0.0)),
        6 => Some(cross(0.125)),
        _ => Some((0..10).map(|k| polar(k, 10, -0.25, if k % 2 == 0 { 1.5 } else { 0.65 } * radius)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The area within a closed outline, by the shoelace formula.
    fn area(corners: &[Point]) -> f64 {
        let next = corners.iter().cycle().skip(1);
        0.5 * corners.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f64>().abs()
    }

    #[test]
    fn signs_differ_and_are_of_one_size() {
        let all: Vec<Vec<Point>> = (1..8).filter_map(|k| outline(k, (3.0, 4.0), 2.0)).collect();
        assert_eq!((all.len(), outline(8, (0.0, 0.0), 1.0)), (7, None));
        for (k, corners) in all.iter().enumerate() {
            // A disc of radius 2 has 12.6.
            assert!((4.0..14.0).contains(&area(corners)), "{k}: {}", area(corners));
            let centre = corners.iter().fold((0.0, 0.0), |c, p| (c.0 + p.0, c.1 + p.1));
            let n = corners.len() as f64;
            assert!((centre.0 / n - 3.0).abs() < 0.5 && (centre.1 / n - 4.0).abs() < 0.5, "{k}: {centre:?}");
            assert!(all[..k].iter().all(|other| other != corners), "{k}");
        }
    }
}
