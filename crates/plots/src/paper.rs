//! The paper: 16:9, as a projector shows it, and the sizes of letters that can be read from the last row.

/// The width and the height of a picture in px.
pub(crate) const WIDTH: f64 = 800.0;
pub(crate) const HEIGHT: f64 = 450.0;
/// The sizes of letters in px: ticks, legends and labels; the title; the line under it; the caption.
pub(crate) const SMALL: f64 = 13.0;
pub(crate) const TITLE: f64 = 20.0;
pub(crate) const SUBTITLE: f64 = 13.0;
pub(crate) const CAPTION: f64 = 14.0;
/// The distance between the paper's edge and anything drawn.
pub(crate) const MARGIN: f64 = 20.0;
/// How much wider than the embedded font one may be that stands for it where it is not installed, such as DejaVu Sans.
pub(crate) const FALLBACK: f64 = 1.08;
