//! A saved state resumes bit for bit, and coordinates are treated alike.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::optimize::*;

/// A made-up but fixed gradient: a quadratic with a wobble.
fn grad(step: u32, params: &[f64], grad: &mut [f64]) {
    for ((g, x), i) in grad.iter_mut().zip(params).zip(1_u32..) {
        *g = f64::from(i) - x + (f64::from(step * i) * 0.7).sin();
    }
}

fn walk<O: Optimizer>(rule: &O, state: &mut O::State, params: &mut [f64], steps: std::ops::Range<u32>) {
    let mut buffer = vec![0.0; params.len()];
    for step in steps {
        grad(step, params, &mut buffer);
        rule.ascend(state, &buffer, params);
    }
}

fn reload<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).expect("finite numbers serialise");
    serde_json::from_str(&text).expect("what was written is read")
}

/// Every rule by name, and the shapes that no name reaches.
fn rules() -> Vec<AnyOptimizer> {
    let named = AnyOptimizer::NAMES.map(|name| name.parse().expect(name));
    let schedule = Schedule::cosine(0.1, 0.01, 60).with_warm_up(5);
    let momentum = Sgd { momentum: Momentum::Nesterov(0.9), ..Sgd::new(schedule.clone()) };
    let others = [
        AnyOptimizer::Sgd(momentum),
        AnyOptimizer::RmsProp(RmsProp { momentum: 0.9, ..RmsProp::new(schedule.clone()) }),
        AnyOptimizer::AdamW(AdamW::new(schedule, 0.1)),
    ];
    named.into_iter().chain(others).collect()
}

#[test]
fn a_resumed_run_equals_an_uninterrupted_one_bit_for_bit() {
    for inner in rules() {
        let rule = Clipped { inner, clip: Clip::Norm(2.0) };
        let start = [0.1, -0.2, 0.3, 1e-7, 5.0];
        let (mut params, mut state) = (start, rule.init(&start));
        walk(&rule, &mut state, &mut params, 0..80);

        let (mut again, mut half) = (start, rule.init(&start));
        walk(&rule, &mut half, &mut again, 0..37);
        let (rule, mut half, mut again) = (reload(&rule), reload(&half), reload(&again));
        walk(&rule, &mut half, &mut again, 37..80);
        assert_eq!(params.map(f64::to_bits), again.map(f64::to_bits), "{rule:?}");
        assert!(params.iter().zip(&start).all(|(x, start)| x != start), "{rule:?} stood still");
    }
}

#[test]
fn a_resumed_average_equals_an_uninterrupted_one_bit_for_bit() {
    for average in [Average::Last, Average::Tail, Average::default(), Average::Exponential { decay: 0.9 }] {
        let mut straight = average.init(&[0.0]);
        let mut resumed = straight.clone();
        for step in 0..40 {
            let iterate = [f64::from(step * step).sqrt() / 7.0];
            average.update(&mut straight, &iterate);
            average.update(&mut resumed, &iterate);
            resumed = reload(&resumed);
        }
        assert_eq!(straight, resumed, "{:?}", reload(&average));
    }
}

#[test]
fn equal_coordinates_stay_equal_at_every_position() {
    // 11 coordinates reach both the vectorised part of a loop and its remainder
    for rule in rules() {
        let (mut params, mut state) = ([0.5; 11], rule.init(&[0.5; 11]));
        for step in 0..20_u32 {
            rule.ascend(&mut state, &[1.0 - params[0] + f64::from(step).cos(); 11], &mut params);
        }
        assert!(params.iter().all(|x| x.to_bits() == params[0].to_bits()), "{rule:?}: {params:?}");
    }
}

#[test]
fn the_scale_of_the_objective_does_not_matter_to_distance_over_gradients() {
    // a power of two changes no rounding
    for name in ["dog", "dowg"] {
        let rule: AnyOptimizer = name.parse().expect(name);
        let end = [1.0, 1024.0].map(|scale| {
            let (mut params, mut state) = ([0.0; 3], rule.init(&[0.0; 3]));
            for step in 0..50 {
                let mut g = [0.0; 3];
                grad(step, &params, &mut g);
                rule.ascend(&mut state, &g.map(|g| scale * g), &mut params);
            }
            params.map(f64::to_bits)
        });
        assert_eq!(end[0], end[1], "{name}");
    }
}

#[test]
fn a_gradient_of_zeros_moves_nothing() {
    for rule in AnyOptimizer::NAMES.map(|name| name.parse::<AnyOptimizer>().expect(name)) {
        let (mut params, mut state) = ([1.0, -1.0], rule.init(&[1.0, -1.0]));
        for _ in 0..3 {
            rule.ascend(&mut state, &[0.0, 0.0], &mut params);
        }
        assert_eq!(params, [1.0, -1.0], "{rule:?}");
    }
}

#[test]
fn settings_changed_between_save_and_resume_still_move_every_coordinate() {
    let plain = (Sgd::new(0.1), RmsProp::new(0.1));
    let heavy =
        (Sgd { momentum: Momentum::HeavyBall(0.9), ..plain.0.clone() }, RmsProp { momentum: 0.9, ..plain.1.clone() });
    let (mut sgd, mut rmsprop) = (plain.0.init(&[0.0; 2]), plain.1.init(&[0.0; 2]));
    let (mut a, mut b) = ([0.0; 2], [0.0; 2]);
    plain.1.ascend(&mut rmsprop, &[1.0, 1.0], &mut b);
    heavy.0.ascend(&mut sgd, &[1.0, 1.0], &mut a);
    heavy.1.ascend(&mut rmsprop, &[1.0, 1.0], &mut b);
    assert!(a.iter().chain(&b).all(|x| *x > 0.0), "{a:?} {b:?}");

    let mut state = Average::Last.init(&[0.0]);
    (1..7).for_each(|_| Average::Last.update(&mut state, &[5.0]));
    (7..20).for_each(|_| Average::Tail.update(&mut state, &[5.0]));
    let mut answer = [0.0];
    Average::Tail.write(&state, &mut answer);
    assert_eq!(answer, [5.0]);
}

#[test]
#[should_panic(expected = "grad and params differ in length")]
fn a_gradient_of_another_length_is_not_cut_short_in_silence() {
    let (mut params, mut state) = ([0.0; 3], Sgd::default().init(&[0.0; 3]));
    Sgd::default().ascend(&mut state, &[1.0, 1.0], &mut params);
}
