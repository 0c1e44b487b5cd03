//! One regression model from a formula and a table.
//!
//! [`Formula`] reads Wilkinson's notation, [`Regression`] makes a [`Model`](jensen::model::Model) of it on the rows of a
//! [`DataTable`](crate::data::DataTable), with coefficients, intercepts and scales in the units of the data.

mod about;
mod build;
mod check;
mod covariate;
mod curves;
mod design;
mod effects;
mod encode;
mod error;
mod formula;
mod formula_error;
mod functions;
mod likelihood;
mod mathematics;
mod model;
mod moments;
mod notes;
mod parameters;
mod poly;
mod predict;
mod prior;
mod reading;
mod response;
mod seen;
mod smooth;
mod special;
mod special_predict;
mod special_term;
mod spline;
mod terms;
mod words;

pub use build::{Missing, Regression, RegressionSettings};
pub use curves::{Curve, CurvePoint};
pub use effects::ColumnEffect;
pub use error::RegressionError;
pub use formula::{Node, NodeKind, Operator};
pub use formula_error::FormulaError;
pub use likelihood::{Link, ResponseLaw};
pub use predict::{PredictedRow, Prediction};
pub use terms::{Factor, Formula, FormulaTerms, Term, Varying};
