//! Convolutions as matrix products with a known bound of their rounding errors.

use collado_models::Conv2d;

use crate::matrix::product_into;

/// Numbers of a strip of pixels that are gathered at once: their columns stay in the cache.
const STRIP: usize = 2048;

/// `out` `[rows, pixels of the result, width]`, the convolution of `x` `[in, pixels, width]` with `weights`
/// `[rows, fan in]`: one or more weights `[out, fan in]`, one below the other. Each of the `width` numbers at a pixel is
/// mapped by itself.
///
/// Every entry is off by at most $\gamma_k\sum|w||x|$ with the fan-in k, as a product of matrices is.
pub(crate) fn convolve(out: &mut [f64], weights: &[f64], x: &[f64], conv: &Conv2d, width: usize) {
    let Conv2d { inputs, outputs, kernel, groups, .. } = *conv;
    let [height, wide] = conv.output_size();
    let (fan_in, per) = (inputs / groups * kernel[0] * kernel[1], outputs / groups);
    let rows = weights.len() / fan_in;
    let row = height * wide * width;
    // With one group all weights are one matrix.
    let (blocks, block) = if groups == 1 { (1, rows) } else { (rows / outputs, per) };
    let strip = (STRIP / (wide * width)).clamp(1, height);
    let mut columns = vec![0.; fan_in * strip * wide * width];
    for group in 0..groups {
        for top in (0..height).step_by(strip) {
            let strip = top..(top + strip).min(height);
            let count = strip.len() * wide * width;
            gather(&mut columns[..fan_in * count], x, conv, (group, strip), width);
            for k in 0..blocks {
                let first = k * outputs + group * per;
                let out = &mut out[first * row + top * wide * width..];
                let weights = &weights[first * fan_in..][..block * fan_in];
                product_into((out, row), weights, &columns, (block, fan_in, count));
            }
        }
    }
}

/// Writes for each channel of a group and each element of the kernel the numbers that it meets in the pixels of some
/// rows of the result.
fn gather(
    columns: &mut [f64],
    x: &[f64],
    conv: &Conv2d,
    (group, strip): (usize, std::ops::Range<usize>),
    width: usize,
) {
    let Conv2d { inputs, groups, size: [height, wide], kernel, stride, padding, dilation, .. } = *conv;
    let across = conv.output_size()[1];
    let channels = inputs / groups;
    let mut lines = columns.chunks_exact_mut(across * width);
    let inside = |i: usize, at: usize, length: usize| at.checked_sub(padding[i]).filter(|&at| at < length);
    for channel in group * channels..(group + 1) * channels {
        for (i, j) in (0..kernel[0]).flat_map(|i| (0..kernel[1]).map(move |j| (i, j))) {
            for y in strip.clone() {
                let line = lines.next().expect("a line for each row of the result");
                let Some(y) = inside(0, y * stride[0] + i * dilation[0], height) else {
                    line.fill(0.);
                    continue;
                };
                let from = &x[(channel * height + y) * wide * width..][..wide * width];
                for (column, line) in line.chunks_exact_mut(width).enumerate() {
                    match inside(1, column * stride[1] + j * dilation[1], wide) {
                        Some(at) => line.copy_from_slice(&from[at * width..][..width]),
                        None => line.fill(0.),
                    }
                }
            }
        }
    }
}
