//! The laws of `jensen::testing` over every family and every estimator, and that a planted fault breaks each of them.

mod bell;
mod cases;
mod estimators;
mod families;
mod faults;
