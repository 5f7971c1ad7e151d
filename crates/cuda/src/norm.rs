//! Batch normalisation and rectifiers by themselves, for networks whose layers are launched one after the other.

use crate::{
    Launch, Machine, Result,
    args::{Channels, Rectifier},
    launch,
};

/// Numbers of a channel that are worth a block of their own.
const PART: usize = 1024;
/// Blocks that a multiprocessor runs at once.
const BLOCKS: usize = 4;
/// Sums that are kept of each part.
const SUMS: usize = 3;

/// Batch normalisation of `f32` numbers `[examples][channels][pixels]`: each channel gets mean 0 and variance 1, then a
/// factor and a summand of its own. All sizes are at least 1.
///
/// Repetition gives the same bits. Means that are far larger than the deviation cost no digits. Addresses are multiples of
/// 4; it is faster where they are multiples of 16 and the pixels multiples of 4.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelNorm {
    /// Examples of the batch.
    pub examples: usize,
    /// Channels of an example.
    pub channels: usize,
    /// Numbers of a channel.
    pub pixels: usize,
    /// What is added to the variance.
    pub epsilon: f32,
}

/// Addresses of [`ChannelNorm::forward`].
#[derive(Debug, Clone, Copy, Default)]
pub struct NormForward {
    /// What is normalised, `[examples][channels][pixels]`.
    pub x: u64,
    /// The factors, `[channels]`; 0 for ones.
    pub weight: u64,
    /// The summands, `[channels]`; 0 for zeros.
    pub bias: u64,
    /// Becomes the outputs, `[examples][channels][pixels]`; it may be `x`.
    pub y: u64,
    /// Becomes the means, `[channels]`.
    pub mean: u64,
    /// Becomes the means of the squared deviations, `[channels]`, without epsilon.
    pub variance: u64,
    /// Memory for [`ChannelNorm::scratch`] numbers.
    pub scratch: u64,
}

/// Addresses of [`ChannelNorm::backward`].
#[derive(Debug, Clone, Copy, Default)]
pub struct NormBackward {
    /// What was normalised.
    pub x: u64,
    /// The derivatives by the outputs.
    pub dy: u64,
    /// The factors; 0 for ones.
    pub weight: u64,
    /// The means that [`ChannelNorm::forward`] found.
    pub mean: u64,
    /// The variances that it found.
    pub variance: u64,
    /// Becomes the derivatives by `x`; it may be `dy` or `x`, or 0 where they are not wanted.
    pub dx: u64,
    /// Becomes the derivatives by the factors; 0 where they are not wanted.
    pub dweight: u64,
    /// Becomes the derivatives by the summands; 0 where they are not wanted.
    pub dbias: u64,
    /// Memory for [`ChannelNorm::scratch`] numbers.
    pub scratch: u64,
}

impl ChannelNorm {
    /// Parts into which the examples are divided, so that there are blocks for all multiprocessors.
    pub fn parts(&self, machine: &dyn Machine) -> usize {
        let wanted = (BLOCKS * machine.processors()).div_ceil(self.channels);
        wanted.min(self.examples * self.pixels / PART).clamp(1, self.examples)
    }

    /// Numbers of memory that a pass needs.
    pub fn scratch(&self, machine: &dyn Machine) -> usize {
        SUMS * self.channels * self.parts(machine)
    }

    /// Normalises.
    ///
    /// # Errors
    /// When the machine lacks the kernels, and what the driver says.
    ///
    /// # Safety
    /// All addresses are of memory of this machine that is large enough, and what is written overlaps nothing else but as
    /// [`NormForward`] allows.
    pub unsafe fn forward(&self, machine: &dyn Machine, at: &NormForward) -> Result<()> {
        let &NormForward { x, weight: w, bias: b, y: out, mean, variance, scratch: sums } = at;
        let channels = Channels { x, w, b, mean, variance, sums, out, ..self.channels_on(machine) };
        // SAFETY: the caller's promise.
        unsafe { self.start(machine, &["channel_moments", "channel_normalise"], &channels) }
    }

    /// The derivatives by inputs, factors and summands.
    ///
    /// # Errors
    /// When the machine lacks the kernels, and what the driver says.
    ///
    /// # Safety
    /// All addresses are of memory of this machine that is large enough, and what is written overlaps nothing else but as
    /// [`NormBackward`] allows.
    pub unsafe fn backward(&self, machine: &dyn Machine, at: &NormBackward) -> Result<()> {
        let &NormBackward { x, dy, weight: w, mean, variance, dx: out, .. } = at;
        let (dw, db, sums) = (at.dweight, at.dbias, at.scratch);
        let channels = Channels { x, dy, w, mean, variance, sums, out, dw, db, ..self.channels_on(machine) };
        // SAFETY: the caller's promise.
        unsafe { self.start(machine, &["channel_slopes", "channel_back"], &channels) }
    }

    /// Multiplies each channel of `x` by its factor and adds its summand: `y`, which may be `x`. Means, variances and epsilon are
    /// not used.
    ///
    /// # Errors
    /// When the machine lacks the kernel, and what the driver says.
    ///
    /// # Safety
    /// All addresses are of memory of this machine that is large enough: [`NormForward::weight`] and [`NormForward::bias`] too.
    pub unsafe fn affine(&self, machine: &dyn Machine, at: &NormForward) -> Result<()> {
        let &NormForward { x, weight: w, bias: b, y: out, .. } = at;
        let channels = Channels { x, w, b, out, ..self.channels_on(machine) };
        // SAFETY: the caller's promise.
        unsafe { self.start(machine, &["channel_affine"], &channels) }
    }

    /// The sizes for the kernels.
    fn channels_on(&self, machine: &dyn Machine) -> Channels {
        let size = |size: usize| {
            assert!(size > 0, "{self:?} has sizes of at least 1");
            i32::try_from(size).expect("sizes below 2^31")
        };
        let [n, c, s] = [self.examples, self.channels, self.pixels].map(size);
        let parts = size(self.parts(machine));
        Channels { n, c, s, parts, epsilon: self.epsilon, ..Channels::default() }
    }

    /// Starts kernels with a block for each part of each channel.
    ///
    /// # Safety
    /// As for [`launch`].
    unsafe fn start(&self, machine: &dyn Machine, kernels: &[&str], channels: &Channels) -> Result<()> {
        for kernel in kernels {
            let grid = [channels.c as u32, channels.parts as u32, 1];
            // SAFETY: the caller's promise; all of these kernels take this argument.
            unsafe { launch(machine, &Launch { grid, ..Launch::new(kernel, 1) }, channels) }?;
        }
        Ok(())
    }
}

/// Rectifies `count` numbers at `x` into those at `y`, which may be `x`; NaN stays NaN.
///
/// # Errors
/// When the machine lacks the kernel, and what the driver says.
///
/// # Safety
/// There are so many numbers of this machine's memory at either address.
pub unsafe fn rectify(machine: &dyn Machine, x: u64, y: u64, count: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { rectifier(machine, "rectifier", Rectifier { x, dy: 0, out: y, count: count as i64 }) }
}

/// From the derivatives `dy` by the outputs `y` of [`rectify`] to those by its inputs, at `dx`, which may be `dy` or `y`.
///
/// # Errors
/// When the machine lacks the kernel, and what the driver says.
///
/// # Safety
/// There are so many numbers of this machine's memory at each address.
pub unsafe fn rectify_back(machine: &dyn Machine, y: u64, dy: u64, dx: u64, count: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { rectifier(machine, "rectifier_back", Rectifier { x: y, dy, out: dx, count: count as i64 }) }
}

/// Starts a kernel of rectifiers with as many blocks as it needs.
///
/// # Safety
/// As for [`launch`].
unsafe fn rectifier(machine: &dyn Machine, kernel: &str, argument: Rectifier) -> Result<()> {
    if argument.count == 0 {
        return Ok(());
    }
    let rows = machine.kernel(kernel)?.rows;
    // SAFETY: the caller's promise.
    unsafe { launch(machine, &Launch::new(kernel, (argument.count as usize).div_ceil(rows)), &argument) }
}
