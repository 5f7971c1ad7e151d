//! Colours: the palette of Okabe and Ito (2008), distinguishable with every common colour blindness.

use std::fmt;

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

/// Text and what must be seen first.
pub(crate) const INK: Color = Color(0x1f2328);
/// Axis labels, tick labels.
pub(crate) const SOFT: Color = Color(0x4d5560);
/// Subtitle, secondary lines of annotations.
pub(crate) const FAINT: Color = Color(0x727a85);
/// The axis itself.
pub(crate) const AXIS: Color = Color(0x8b929b);
/// The grid.
pub(crate) const GRID: Color = Color(0xe1e4e8);
/// Between the decades of a log axis.
pub(crate) const FINE_GRID: Color = Color(0xf5f6f7);
/// The paper.
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
