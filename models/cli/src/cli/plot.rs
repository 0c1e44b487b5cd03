//! Figures that come out alike as SVG and PNG: traces, marginals, scatter plots.

mod axis;
mod charts;
mod compared;
mod figure;
mod font;
mod mark;
mod observed;
mod panel;
mod raster;
mod scene;
mod signs;
mod spans;
mod svg;
mod tiles;

pub use charts::{Trace, marginal, marginals, scatter, trace};
pub use compared::{Ends, by_name, curves, series, series_colour};
pub use figure::Figure;
pub use mark::Mark;
pub use observed::{even_counts, observed_among};
pub use panel::Panel;
pub use raster::PlotError;
pub use scene::Colour;
pub use signs::SIGNS;
pub use spans::{Banded, Span, banded, even_quantiles, forest, forest_height, overlaid};
pub use tiles::Tiles;

#[cfg(test)]
#[path = "plot/tests.rs"]
mod tests;
