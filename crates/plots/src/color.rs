//! Colours: the palette of Okabe and Ito (2008), which is distinguishable with every common colour blindness.

use std::fmt;

use crate::colormap;

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
    /// One of many groups, no two of which have the same colour.
    Group(u8),
    /// A place on a scale from dark to bright, 0 to 255, for series in an order such as widths.
    Level(u8),
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

impl Color {
    /// The colour mixed with white, of which there is the share `white`.
    pub(crate) fn paler(self, white: f64) -> Self {
        let mix = |channel: u8| (f64::from(channel) * (1.0 - white) + 255.0 * white).round() as u8;
        let [red, green, blue] = self.rgb().map(mix);
        Self(u32::from_be_bytes([0, red, green, blue]))
    }

    /// The colour with all channels multiplied by `factor`, at most 1.
    fn darker(self, factor: f64) -> Self {
        let [red, green, blue] = self.rgb().map(|channel| (f64::from(channel) * factor).round() as u8);
        Self(u32::from_be_bytes([0, red, green, blue]))
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

/// The palette, then colours far from it for more groups than it has.
const PALETTE: [Color; 11] = [
    Color(0x0072b2),
    Color(0xd55e00),
    Color(0x009e73),
    Color(0xcc79a7),
    Color(0xe69f00),
    Color(0x56b4e9),
    Color(0x5c4f9c),
    Color(0x882255),
    Color(0x999933),
    Color(0x7b4b2a),
    Color(0xf0e442),
];

impl Role {
    /// The place of series number `index` of `count` on the scale of ordered series.
    #[must_use]
    pub fn level(index: usize, count: usize) -> Self {
        let last = count.saturating_sub(1).max(1);
        Self::Level((255 * index.min(last) / last) as u8)
    }

    pub(crate) fn color(self) -> Color {
        match self {
            Self::Train => PALETTE[0],
            Self::Test => PALETTE[1],
            Self::Accent => PALETTE[2],
            Self::Reference => Color(0x858c95),
            Self::Ink => INK,
            Self::Group(index) => {
                let (round, index) = (usize::from(index) / PALETTE.len(), usize::from(index) % PALETTE.len());
                PALETTE[index].darker(0.78_f64.powi(round as i32))
            }
            // The brightest part of the scale is too close to white.
            Self::Level(level) => colormap::color(0.88 * f64::from(level) / 255.0, 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_groups_have_the_same_colour() {
        let mut seen: Vec<u32> = (0..33).map(|index| Role::Group(index).color().0).collect();
        seen.extend((0..9).map(|index| Role::level(index, 9).color().0));
        seen.sort_unstable();
        assert!(seen.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
