//! Pictures of collado: the risk along a path and the curves of a training, as SVG and PNG.
//!
//! A [`Figure`] holds [`Panel`]s over one x axis, on a paper of 16:9 with a caption; a panel holds [`Series`], rules, shades
//! and [`Point`]s. [`profile_figure`] and [`history_figure`] are ready-made compositions.
//!
//! Three promises: a value that is not finite is never dropped silently (it leaves a gap, a cross at
//! the panel's edge and a count in the legend); the same input gives the same bytes; the text of
//! the SVG is text, and the PNG is the same picture with the embedded font Inter.
//!
//! ```
//! use collado_plots::{Figure, Panel, Series};
//! let figure = Figure::new("A parabola").x_label("x").panel(
//!     Panel::new("y").series(Series::line("x squared", &[0.0, 1.0, 2.0], &[0.0, 1.0, 4.0])),
//! );
//! assert!(figure.to_svg()?.contains("A parabola"));
//! # Ok::<(), collado_plots::Error>(())
//! ```

mod axis;
mod canvas;
mod color;
mod colormap;
mod curves;
mod diagram;
mod error;
mod figure;
mod frame;
mod header;
mod history;
mod labels;
mod layout;
mod map;
mod marks;
mod merge_tree;
mod number;
mod page;
mod panel;
mod paper;
mod pdf;
mod png;
mod point;
mod print;
mod profile;
mod series;
mod svg;
mod text;
mod ticks;
mod words;

pub use axis::Scale;
pub use color::Role;
pub use diagram::{Diagram, Step};
pub use error::{Error, Result};
pub use figure::Figure;
pub use history::{History, Run, history_figure};
pub use map::{Field, Map, MapFigure, Mark, MatrixFigure, SurfaceFigure, ZoomFigure};
pub use merge_tree::{TreeNode, merge_tree_figure};
pub use panel::Panel;
pub use point::Point;
pub use print::{COLUMN, Print, TEXT};
pub use profile::{Profile, Reference, profile_figure};
pub use series::Series;
