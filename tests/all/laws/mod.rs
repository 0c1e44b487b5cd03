//! The laws of `jensen::testing` over every family and every estimator, and that a planted fault breaks each of them.

mod bell;
mod cases;
mod conditional;
mod discrete;
mod estimators;
mod families;
mod faults;
mod further_families;
mod sparse;
mod states;
