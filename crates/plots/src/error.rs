//! The errors of this crate.

/// The reason why a figure could not be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A series whose columns differ in length.
    #[error("series \"{label}\": {expected} x values, but {got} values in column {column}")]
    Length {
        /// The label of the series.
        label: String,
        /// The column that differs: `y`, `lower band` or `upper band`.
        column: &'static str,
        /// The number of x values.
        expected: usize,
        /// The number of values in the column.
        got: usize,
    },
    /// A figure without panels.
    #[error("a figure needs at least one panel")]
    NoPanels,
    /// An invalid grid, with the reason.
    #[error("a map needs {0}")]
    Grid(String),
    /// A diagram without steps, or with too many.
    #[error("a diagram needs 1 to {most} steps, found {found}")]
    Steps {
        /// The largest number that can be drawn.
        most: usize,
        /// The number of steps.
        found: usize,
    },
    /// A step of a diagram that reads one that does not come before it.
    #[error("step {step} of a diagram reads a step that does not come before it")]
    Order {
        /// The number of the step.
        step: usize,
    },
    /// A size that leaves no room for the panels, or more than can be drawn.
    #[error("a figure of {width} x {height} px cannot be drawn: use 200 to 10000 px each way")]
    Size {
        /// Width in px.
        width: f64,
        /// Height in px.
        height: f64,
    },
    /// The picture could not be turned into pixels.
    #[error("the picture cannot be written as PNG: {0}")]
    Render(String),
}

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
