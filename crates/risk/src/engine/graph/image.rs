//! Where the pixels of a tile of examples lie.

use std::ops::Range;

use super::lanes::Number;

/// The layout of a tile of images: `[channel][row][column][example]`, with a border of zeros around each channel, so
/// that convolutions read beyond the edge without asking. Features without pixels are images of 1 × 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// The width of the border.
    pub(crate) border: usize,
}

impl Image {
    /// Images without a border.
    pub(crate) fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width, border: 0 }
    }

    /// The same images with a border.
    pub(crate) fn with_border(self, border: usize) -> Self {
        Self { border, ..self }
    }

    /// Number of values of one example, without the border.
    pub(crate) fn units(&self) -> usize {
        self.channels * self.pixels()
    }

    /// Number of pixels of a channel, without the border.
    pub(crate) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Height and width, without the border.
    pub(crate) fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Distance between two rows of a channel, in numbers.
    pub(crate) fn row<T: Number>(&self) -> usize {
        (self.width + 2 * self.border) * T::LANES
    }

    /// Distance between two channels, in numbers.
    pub(crate) fn plane<T: Number>(&self) -> usize {
        (self.height + 2 * self.border) * self.row::<T>()
    }

    /// Number of numbers of a tile.
    pub(crate) fn len<T: Number>(&self) -> usize {
        self.channels * self.plane::<T>()
    }

    /// The place of a pixel of the first channel. Rows and columns of the border are negative, or at least as large as
    /// height and width.
    pub(crate) fn place<T: Number>(&self, row: isize, column: isize) -> usize {
        let border = self.border as isize;
        debug_assert!(row >= -border && row < self.height as isize + border);
        ((row + border) as usize) * self.row::<T>() + ((column + border) as usize) * T::LANES
    }

    /// The places of the pixels of a row of a channel.
    #[inline(always)]
    pub(crate) fn line<T: Number>(&self, channel: usize, row: usize) -> Range<usize> {
        let start = channel * self.plane::<T>() + self.place::<T>(row as isize, 0);
        start..start + self.width * T::LANES
    }

    /// The channels and rows, in the order in which their pixels lie.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let height = self.height;
        (0..self.channels).flat_map(move |channel| (0..height).map(move |row| (channel, row)))
    }

    /// Writes zeros into the border.
    pub(crate) fn clear_border<T: Number>(&self, tile: &mut [T]) {
        if self.border == 0 {
            return;
        }
        let (row, side) = (self.row::<T>(), self.border * T::LANES);
        for plane in tile[..self.len::<T>()].chunks_exact_mut(self.plane::<T>()) {
            plane[..self.border * row].fill(T::zero());
            plane[(self.border + self.height) * row..].fill(T::zero());
            for line in plane.chunks_exact_mut(row).skip(self.border).take(self.height) {
                line[..side].fill(T::zero());
                line[row - side..].fill(T::zero());
            }
        }
    }
}
