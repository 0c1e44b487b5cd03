//! The first steps of each rule, worked out from the published formulas in 50-digit decimal arithmetic
//! that shares nothing with this crate.

#![allow(clippy::excessive_precision, reason = "the digits are those of the decimal arithmetic")]

use crate::optimize::*;

const GRADS: [[f64; 2]; 3] = [[2.0, -1.0], [-0.5, 4.0], [1.5, 0.25]];
const STEP_SIZE: Schedule = Schedule::InverseSqrt { initial: 0.1, delay: 1.0 };

/// Steps from (1, -2) along `grads`, each within 16 ulps of `expected`: some ten rounded operations a
/// step, over at most four steps of which none magnifies the rounding of those before.
fn walks<O: Optimizer>(rule: &O, grads: &[[f64; 2]], expected: &[[f64; 2]]) {
    assert_eq!(rule.check(), Ok(()));
    let mut params = [1.0, -2.0];
    let mut state = rule.init(&params);
    for (step, (grad, expected)) in grads.iter().zip(expected).enumerate() {
        rule.ascend(&mut state, grad, &mut params);
        for (found, expected) in params.iter().zip(expected) {
            let error = (found - expected).abs() / (f64::EPSILON * expected.abs());
            assert!(error <= 16.0, "step {step}: {found} in place of {expected}, {error} ulps");
        }
    }
}

#[test]
fn sgd() {
    walks(
        &Sgd::new(STEP_SIZE),
        &GRADS,
        &[
            [1.2, -2.1],
            [1.16464466094067262378, -1.81715728752538099024],
            [1.25124720131911648846, -1.80272353079564034613],
        ],
    );
    walks(
        &Sgd { momentum: Momentum::HeavyBall(0.9), ..Sgd::new(STEP_SIZE) },
        &GRADS,
        &[
            [1.2, -2.1],
            [1.29192388155425117817, -1.88079689783217026744],
            [1.44607640342788125730, -1.70528241599852403502],
        ],
    );
    walks(
        &Sgd { momentum: Momentum::Nesterov(0.9), ..Sgd::new(STEP_SIZE) },
        &GRADS,
        &[
            [1.38, -2.19],
            [1.42737615433949868413, -1.70987449557433423093],
            [1.65271596440420962002, -1.53747770519431197765],
        ],
    );
}

#[test]
fn adam() {
    let adam = Adam { b2: 0.99, eps: 0.001, ..Adam::new(STEP_SIZE) };
    walks(
        &adam,
        &GRADS,
        &[
            [1.09995002498750624688, -2.09990009990009990010],
            [1.13319008201167547419, -2.06042944460769602666],
            [1.17186016140740663624, -2.03327584466330312116],
        ],
    );
    walks(
        &AdamW { adam, weight_decay: 0.2 },
        &GRADS,
        &[
            [1.07995002498750624688, -2.05990009990009990010],
            [1.09791728229145053197, -1.99129805802357188014],
            [1.12390970491760346792, -1.94115092868244520963],
        ],
    );
}

#[test]
fn adagrad() {
    walks(
        &AdaGrad { eps: 0.001, ..AdaGrad::new(STEP_SIZE) },
        &GRADS,
        &[
            [1.09995002498750624688, -2.09990009990009990010],
            [1.08280848134325905329, -2.03131729961543014952],
            [1.11676347412369143912, -2.02782386255607387572],
        ],
    );
}

#[test]
fn rmsprop() {
    // the second coordinate of the second gradient is clamped
    let rmsprop = RmsProp { decay: 0.9, eps: 0.001, ..RmsProp::new(STEP_SIZE) };
    walks(
        &rmsprop,
        &GRADS,
        &[[1.0, -2.0], [0.97501249375312343828, -1.9], [1.04947158168122942696, -1.89407466560743935786]],
    );
    walks(
        &RmsProp { momentum: 0.8, ..rmsprop },
        &GRADS,
        &[[1.0, -2.0], [0.99500249875062468766, -1.98], [1.00706730271830866391, -1.96750122462250311118]],
    );
}

#[test]
fn distance_over_gradients() {
    // from the third step on the distance travelled exceeds the starting one
    let grads = [[2.0, -1.0], [3.0, 0.5], [1.5, -0.25], [2.0, 1.0]];
    walks(
        &Dog { start: 0.01, ..Dog::default() },
        &grads,
        &[
            [1.02894427190999915879, -2.01447213595499957939],
            [1.05466193238516219234, -2.01018585920913907380],
            [1.07515587340202512493, -2.01360151604528289590],
            [1.10805175741905213879, -1.99715357403676938897],
        ],
    );
    walks(
        &Dowg { start: 0.01, ..Dowg::default() },
        &grads,
        &[
            [1.02894427190999915879, -2.01447213595499957939],
            [1.05466193238516219234, -2.01018585920913907380],
            [1.08587682149888448849, -2.01538834072809278982],
            [1.14795806633976874694, -1.98434771830765066060],
        ],
    );
}
