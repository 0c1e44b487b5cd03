//! Errors in a file or folder of images, said with its place and a remedy.

use crate::data::{DataError, Place};

/// Images that cannot be read or used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A table that cannot be read.
    #[error(transparent)]
    Table(#[from] DataError),
    /// A file that cannot be read.
    #[error("{file}: cannot be read ({reason}); check the path and the permissions")]
    Unreadable {
        /// The path as given.
        file: String,
        /// The operating system's words.
        reason: String,
    },
    /// An IDX file of another kind.
    #[error(
        "{file}: {found}; expected an IDX file of images, whose first four bytes are 00 00 08 03 (a gzipped table has to be unpacked first)"
    )]
    Kind {
        /// The path as given.
        file: String,
        /// What it is.
        found: String,
    },
    /// An IDX file that ends early or late.
    #[error(
        "{file}: {rows} images of {height} x {width} take {expected} bytes with the header, the file has {found}; {remedy}"
    )]
    Size {
        /// The path as given.
        file: String,
        /// Images by the header.
        rows: usize,
        /// Rows of an image by the header.
        height: usize,
        /// Columns of an image by the header.
        width: usize,
        /// Bytes there should be.
        expected: u64,
        /// Bytes there are.
        found: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// A PNG that does not decode.
    #[error("{file}: not a readable PNG ({reason}); leave the file out, or save it again as PNG")]
    Png {
        /// Name of the file.
        file: String,
        /// The decoder's words.
        reason: String,
    },
    /// Images of different sizes.
    #[error(
        "{file}: {} x {} pixels where {first} has {} x {}; all images need the same size", found.0, found.1, expected.0, expected.1
    )]
    Shape {
        /// Name of the file.
        file: String,
        /// Its height and width.
        found: (usize, usize),
        /// The first file of the folder.
        first: String,
        /// Its height and width.
        expected: (usize, usize),
    },
    /// A folder without images.
    #[error("{folder}: no PNG files in the folder; give a folder whose files end in .png")]
    NoImages {
        /// Name of the folder.
        folder: String,
    },
    /// One PNG file in place of a folder.
    #[error("{file}: this is a single PNG image; give the folder that holds the images")]
    OnePng {
        /// Name of the file.
        file: String,
    },
    /// A pixel that is neither 0 nor 1.
    #[error(
        "{place}: {value} is neither 0 nor 1, as --likelihood bernoulli needs; say from where a pixel is 1 with --threshold X, or train with --likelihood gaussian"
    )]
    Pixel {
        /// Place of the cell: file, line and column.
        place: Box<Place>,
        /// What stands there.
        value: f64,
    },
    /// A pixel that is no category.
    #[error(
        "{place}: {value} is no category, and --likelihood categorical needs whole numbers from 0 to 255; number the categories from 0, or train with --likelihood gaussian"
    )]
    Category {
        /// Place of the cell: file, line and column.
        place: String,
        /// What stands there.
        value: f64,
    },
    /// A pixel that is no category of a fit.
    #[error(
        "{place}: {value} is no category of the fit, which has categories 0 to {last}; correct the cell, or train on images that have it"
    )]
    OtherCategory {
        /// Place of the cell: file, line and column.
        place: String,
        /// What stands there.
        value: f64,
        /// The last category.
        last: usize,
    },
    /// A table whose only column is that of the classes.
    #[error("{file}: no column of pixels is left beside `{label}`; give a table with a column for each pixel")]
    NoPixels {
        /// Name of the file.
        file: String,
        /// The column of classes.
        label: String,
    },
    /// A shape that the rows do not have.
    #[error("{file}: rows of {found} pixels are no images of {height} x {width}; correct --shape, or leave it out")]
    WrongShape {
        /// Name of the file.
        file: String,
        /// Pixels of a row.
        found: usize,
        /// Height asked for.
        height: usize,
        /// Width asked for.
        width: usize,
    },
    /// A file that cannot be read in blocks.
    #[error("{file}: cannot be read in blocks: {remedy}")]
    NoBlocks {
        /// Name of the file.
        file: String,
        /// Why, and what to do.
        remedy: &'static str,
    },
    /// A column of classes with too many of them.
    #[error("{file}, column `{column}`: more than {most} classes; give a column of fewer to --label, or leave it out")]
    ManyClasses {
        /// Name of the file.
        file: String,
        /// Name of the column.
        column: String,
        /// Classes there may be.
        most: usize,
    },
    /// Too few rows.
    #[error("{file}: {rows} rows; an autoencoder needs at least 2, and many more to learn from")]
    Few {
        /// Name of the file.
        file: String,
        /// Rows there are.
        rows: usize,
    },
}
