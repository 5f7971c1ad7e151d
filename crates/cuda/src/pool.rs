//! Pooling: the largest pixels of windows.

use crate::{Launch, Machine, Result, args::Largest, launch};

/// Windows on maps of `f32` numbers. Each contains a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Height and width of a map.
    pub size: [usize; 2],
    /// Rows and columns of windows.
    pub windows: [usize; 2],
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// The steps from one window to the next, down and to the right.
    pub stride: [usize; 2],
    /// The border above and on the left, which windows may reach into.
    pub padding: [usize; 2],
}

impl Windows {
    /// The pixel with the largest number of each window, at the addresses of `maps` maps and of as many `u32` numbers as there are
    /// windows: of several the first, and NaN before all numbers.
    ///
    /// # Errors
    /// When the machine lacks the kernel, and what the driver says.
    ///
    /// # Safety
    /// There are so many numbers of this machine's memory at either address.
    pub unsafe fn largest(&self, machine: &dyn Machine, x: u64, pixel: u64, maps: usize) -> Result<()> {
        let count = maps * self.windows[0] * self.windows[1];
        if count == 0 {
            return Ok(());
        }
        let whole = |pair: [usize; 2]| pair.map(|n| i32::try_from(n).expect("sizes below 2^31"));
        let [[height, width], [rows, columns]] = [self.size, self.windows].map(whole);
        let [[high, wide], [down, right], [above, left]] =
            [self.kernel, self.stride, self.padding].map(whole);
        let count = count as i64;
        let argument =
            Largest { x, pixel, count, height, width, rows, columns, high, wide, down, right, above, left };
        let blocks = (count as usize).div_ceil(256).min(32 * machine.processors());
        // SAFETY: the caller's promise.
        unsafe { launch(machine, &Launch::new("largest_pixels", blocks), &argument) }
    }
}
