//! Pooling: each pixel of the result is the largest number or the mean of a window of the input.

use std::{fmt, ops::Range};

/// A pooling operation on `[channels, height, width]`, channel by channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// The function of a window.
    pub kind: PoolKind,
    /// Number of channels.
    pub channels: usize,
    /// Height and width of the input.
    pub size: [usize; 2],
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// The steps from one window to the next, down and to the right.
    pub stride: [usize; 2],
    /// The width of the border around the input, above and below, left and right. It is never the largest.
    pub padding: [usize; 2],
    /// Whether windows that reach beyond the border count, if they begin before it.
    pub ceil: bool,
    /// Whether the border counts as zeros in a mean, as it does in PyTorch unless `count_include_pad` is false.
    pub counts_border: bool,
}

/// The function of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest number. Where several are the largest, the derivative belongs to the first of them.
    Max,
    /// The mean.
    Average,
}

impl Pool {
    /// The mean over all pixels of each channel.
    pub fn global(channels: usize, size: [usize; 2]) -> Self {
        Self {
            kind: PoolKind::Average,
            channels,
            size,
            kernel: size,
            stride: [1, 1],
            padding: [0, 0],
            ceil: false,
            counts_border: true,
        }
    }

    /// Height and width of the result.
    pub fn output_size(&self) -> [usize; 2] {
        let Self { size, kernel, stride, padding, ceil, .. } = *self;
        [0, 1].map(|i| {
            let room = size[i] + 2 * padding[i] - kernel[i];
            match ceil {
                false => room / stride[i] + 1,
                // The last window begins inside the input or its first border.
                true => (room.div_ceil(stride[i]) + 1).min((size[i] + padding[i]).div_ceil(stride[i])),
            }
        })
    }

    /// Whether there is one window that covers the whole input.
    pub fn is_global(&self) -> bool {
        self.kernel == self.size && self.padding == [0, 0]
    }

    /// The rows and the columns of the window at row and column `at` of the result, without the border.
    #[inline]
    pub fn window(&self, at: [usize; 2]) -> [Range<usize>; 2] {
        [0, 1].map(|i| {
            let (start, border) = (at[i] * self.stride[i], self.padding[i]);
            let end = (start + self.kernel[i]).min(self.size[i] + border);
            start.saturating_sub(border)..end - border.min(end)
        })
    }

    /// The number of pixels that a mean over the window at row and column `at` of the result divides by.
    #[inline]
    pub fn divisor(&self, at: [usize; 2]) -> usize {
        let window = self.window(at);
        let counted = |i: usize| match self.counts_border {
            // What reaches beyond the border counts nowhere.
            true => self.kernel[i].min(self.size[i] + 2 * self.padding[i] - at[i] * self.stride[i]),
            false => window[i].len(),
        };
        counted(0) * counted(1)
    }

    /// The pixels (row-major) of the window that gives pixel `i` of the result, without the border, in their order.
    pub fn pixels(&self, i: usize) -> impl Iterator<Item = usize> + use<> {
        let wide = self.output_size()[1];
        let [rows, columns] = self.window([i / wide, i % wide]);
        let width = self.size[1];
        rows.flat_map(move |y| columns.clone().map(move |x| y * width + x))
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            PoolKind::Max => "max",
            PoolKind::Average => "average",
        };
        write!(f, "{kind} pooling over {}x{}", self.kernel[0], self.kernel[1])
    }
}
