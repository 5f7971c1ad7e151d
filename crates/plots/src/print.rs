//! Pictures for papers: SVG and PDF as wide as a column or a page of text, without a title, with letters of 8 points.

use crate::canvas::Picture;
use crate::{pdf, svg};

/// The width of a column of a paper with two of them, in inches.
pub const COLUMN: f64 = 3.25;
/// The width of the text of such a paper, in inches.
pub const TEXT: f64 = 6.75;

/// A picture for a paper.
#[derive(Clone, Debug)]
pub struct Print {
    /// The SVG document, whose width is in inches.
    pub svg: String,
    /// The PDF page of the same size.
    pub pdf: Vec<u8>,
}

/// Number of px in an inch, at which 13 px are 8 points.
pub(crate) const INCH: f64 = 72.0 * 13.0 / 8.0;

impl Print {
    /// The picture scaled to `width` inches.
    pub(crate) fn of(picture: &Picture, width: f64) -> Self {
        Self { svg: svg::in_inches(picture, width), pdf: pdf::write(picture, 72.0 * width / picture.size.0) }
    }
}
