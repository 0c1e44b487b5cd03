//! [`Figure`]: a titled grid of panels, as SVG and as PNG.

use super::panel::Panel;
use super::raster::{self, PlotError};
use super::scene::{Anchor, Rect, Scene, palette};
use super::svg;

/// A titled grid of panels.
///
/// ```
/// # use jensen_cli::cli::plot::{Figure, scatter};
/// let panel = scatter("mu", "tau", &[0.0, 1.0, 2.0], &[1.0, 0.5, 2.0]);
/// let figure = Figure::new("eight-schools", vec![panel]);
/// assert!(figure.svg().starts_with("<svg"));
/// assert!(figure.png()?.starts_with(b"\x89PNG"));
/// # Ok::<(), jensen_cli::cli::plot::PlotError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Figure {
    title: String,
    note: String,
    panels: Vec<Panel>,
    columns: usize,
    panel_size: (f64, f64),
}

impl Figure {
    /// One large panel, or a grid of small ones, four to a row.
    pub fn new(title: &str, panels: Vec<Panel>) -> Self {
        let (columns, panel_size) = match panels.len() {
            0 | 1 => (1, (760.0, 420.0)),
            2 => (2, (420.0, 300.0)),
            n => (
                if n <= 4 {
                    2
                } else if n <= 9 {
                    3
                } else {
                    4
                },
                (300.0, 210.0),
            ),
        };
        Self { title: title.to_string(), note: String::new(), panels, columns, panel_size }
    }

    /// Lays the panels out in so many columns, each panel of this width and height.
    pub fn grid(mut self, columns: usize, panel_size: (f64, f64)) -> Self {
        (self.columns, self.panel_size) = (columns.max(1), panel_size);
        self
    }

    /// Sets a line of small grey text below the title.
    pub fn note(mut self, note: &str) -> Self {
        self.note = note.to_string();
        self
    }

    /// Its panels as figures of their own, no wider than a phone can show, without its title and note.
    pub fn apart(&self) -> Vec<Figure> {
        const WIDEST: f64 = 420.0;
        let (width, height) = self.panel_size;
        let share = (WIDEST / width).min(1.0);
        let one = |panel: &Panel| Figure::new("", vec![panel.clone()]).grid(1, (share * width, share * height));
        self.panels.iter().map(one).collect()
    }

    /// The line of small text below its title.
    pub fn note_text(&self) -> &str {
        &self.note
    }

    /// The figure as an SVG document.
    pub fn svg(&self) -> String {
        svg::write(&self.scene())
    }

    /// The figure as a PNG image with two pixels to each SVG unit.
    ///
    /// # Errors
    /// [`PlotError`] when the figure is too large for an image.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        raster::write(&self.scene(), 2.0)
    }

    pub(super) fn scene(&self) -> Scene {
        const MARGIN: f64 = 14.0;
        let (width, height) = self.panel_size;
        let head = match (self.title.is_empty(), self.note.is_empty()) {
            (true, true) => 0.0,
            (_, true) => 34.0,
            _ => 52.0,
        };
        let rows = self.panels.len().div_ceil(self.columns).max(1);
        let size = (self.columns as f64 * width + 2.0 * MARGIN, head + rows as f64 * height + 2.0 * MARGIN);
        let mut scene = Scene::new(size.0, size.1, &self.title);
        scene.text((MARGIN + 4.0, MARGIN + 16.0), &self.title, 17.0, Anchor::Start, palette::TEXT);
        scene.text((MARGIN + 4.0, MARGIN + 36.0), &self.note, 12.0, Anchor::Start, palette::FAINT);
        for (i, panel) in self.panels.iter().enumerate() {
            let (row, column) = (i / self.columns, i % self.columns);
            let left = MARGIN + column as f64 * width;
            let top = MARGIN + head + row as f64 * height;
            panel.draw(Rect { left, top, width, height }, &mut scene);
        }
        scene
    }
}
