//! Colours: the palette of Okabe and Ito (2008), which is distinguishable with every common colour blindness.

use std::fmt;

/// The role of a series, which decides its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Training data, drawn in blue.
    #[default]
    Train,
    /// Test data, drawn in vermilion.
    Test,
    /// Something to compare with, drawn in grey.
    Reference,
    /// Something to point at, drawn in green.
    Accent,
    /// Lines and dots in the colour of the text.
    Ink,
    /// One of many groups, which take the colours of the palette in turn.
    Group(u8),
}

/// A colour, `0xrrggbb`; written as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Color(pub(crate) u32);

impl Color {
    pub(crate) fn rgb(self) -> [u8; 3] {
        let [_, red, green, blue] = self.0.to_be_bytes();
        [red, green, blue]
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:06x}", self.0)
    }
}

/// The colour of text and of the most important lines.
pub(crate) const INK: Color = Color(0x1f2328);
/// The colour of axis labels and tick labels.
pub(crate) const SOFT: Color = Color(0x4d5560);
/// The colour of subtitles and of secondary lines of annotations.
pub(crate) const FAINT: Color = Color(0x727a85);
/// The colour of axis lines.
pub(crate) const AXIS: Color = Color(0x8b929b);
/// The colour of grid lines.
pub(crate) const GRID: Color = Color(0xe1e4e8);
/// The colour of grid lines between the decades of a log axis.
pub(crate) const FINE_GRID: Color = Color(0xf5f6f7);
/// The colour of the background.
pub(crate) const PAPER: Color = Color(0xffffff);

const PALETTE: [Color; 7] = [
    Color(0x0072b2),
    Color(0xd55e00),
    Color(0x009e73),
    Color(0xcc79a7),
    Color(0xe69f00),
    Color(0x56b4e9),
    Color(0x5c4f9c),
];

impl Role {
    pub(crate) fn color(self) -> Color {
        match self {
            Self::Train => PALETTE[0],
            Self::Test => PALETTE[1],
            Self::Accent => PALETTE[2],
            Self::Reference => Color(0x858c95),
            Self::Ink => INK,
            Self::Group(index) => PALETTE[usize::from(index) % PALETTE.len()],
        }
    }
}
