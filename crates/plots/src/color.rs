//! Colours: the palette of Okabe and Ito (2008), distinguishable with every common colour blindness.

/// What a series stands for; it decides the colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Training data: blue.
    #[default]
    Train,
    /// Held-out data: vermilion.
    Test,
    /// Something to compare with: grey.
    Reference,
    /// Something to point at: green.
    Accent,
    /// Lines and dots in the colour of the text.
    Ink,
    /// One of many groups: the palette in turn.
    Group(u8),
}

/// Text and what must be seen first.
pub(crate) const INK: &str = "#1f2328";
/// Axis labels, tick labels.
pub(crate) const SOFT: &str = "#4d5560";
/// Subtitle, secondary lines of annotations.
pub(crate) const FAINT: &str = "#727a85";
/// The axis itself.
pub(crate) const AXIS: &str = "#8b929b";
/// The grid.
pub(crate) const GRID: &str = "#e1e4e8";
/// Between the decades of a log axis.
pub(crate) const FINE_GRID: &str = "#f5f6f7";
/// The paper.
pub(crate) const PAPER: &str = "#ffffff";

const PALETTE: [&str; 7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5c4f9c"];

impl Role {
    /// The colour as `#rrggbb`.
    pub(crate) fn hex(self) -> &'static str {
        match self {
            Self::Train => PALETTE[0],
            Self::Test => PALETTE[1],
            Self::Accent => PALETTE[2],
            Self::Reference => "#858c95",
            Self::Ink => INK,
            Self::Group(index) => PALETTE[usize::from(index) % PALETTE.len()],
        }
    }
}
