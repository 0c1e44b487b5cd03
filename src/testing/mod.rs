//! Laws that families, targets and estimators obey: run them over your own.

pub mod laws;
