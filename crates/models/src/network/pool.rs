//! Pooling: each pixel of the result is the largest number or the mean of a window of the input.

use std::fmt;

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
    /// The step from one window to the next.
    pub stride: usize,
    /// The width of the border around the input. It is never the largest, but counts as zeros in a mean, as in PyTorch.
    pub padding: usize,
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
        Self { kind: PoolKind::Average, channels, size, kernel: size, stride: 1, padding: 0 }
    }

    /// Height and width of the result.
    pub fn output_size(&self) -> [usize; 2] {
        let Self { size, kernel, stride, padding, .. } = *self;
        [0, 1].map(|axis| (size[axis] + 2 * padding - kernel[axis]) / stride + 1)
    }

    /// Whether there is one window that covers the whole input.
    pub fn is_global(&self) -> bool {
        self.kernel == self.size && self.padding == 0
    }

    /// The pixels (row-major) of the window that gives pixel `i` of the result, without the border, in their order.
    pub fn window(&self, i: usize) -> impl Iterator<Item = usize> + use<> {
        let Self { size: [height, width], kernel: [rows, columns], stride, padding, .. } = *self;
        let wide = self.output_size()[1];
        let (top, left) = (i / wide * stride, i % wide * stride);
        let inside = move |at: usize, length: usize| at.checked_sub(padding).filter(|&at| at < length);
        (top..top + rows).filter_map(move |y| inside(y, height)).flat_map(move |y| {
            (left..left + columns).filter_map(move |x| inside(x, width)).map(move |x| y * width + x)
        })
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
