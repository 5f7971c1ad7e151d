//! Operations on images, and on sequences, which are images of one row: convolutions and pooling.

use collado_models::{ConvShape, Pool, PoolKind, Weights};

use super::{
    Lower, Result,
    axes::{Axis, product},
    call::Call,
    layers::{is_batch_first, layer},
    value::Value,
};

impl Lower<'_> {
    /// The image of an example that the operation works on; one with a single axis has a sequence, an image of one row.
    fn image(&mut self, x: &Value, axes: usize) -> Result<usize> {
        match (is_batch_first(x, 1 + axes), &x.shape()[..]) {
            (true, &[channels, positions]) => self.shaped(x, &[channels, 1, positions]),
            (true, _) => self.own_shape(x),
            (false, _) if axes == 1 => Err("its input is not [batch, channels, positions]".into()),
            (false, _) => Err("its input is not [batch, channels, rows, columns]".into()),
        }
    }
}

/// The axes of a result that is an image, or a sequence: an image of one row.
fn image(lower: &Lower<'_>, node: usize, axes: usize) -> Vec<Axis> {
    let shape = lower.net.shape(node);
    let own = shape[..1].iter().chain(&shape[3 - axes..]).map(|&size| Axis::plain(size));
    std::iter::once(Axis::BATCH).chain(own).collect()
}

/// The sizes along rows and columns in an argument. That of an operation on sequences says nothing about rows: `row` is
/// their size.
fn sizes(call: &Call<'_>, name: &str, axes: usize, row: usize) -> Result<[usize; 2]> {
    let pair = call.pair(name, [row; 2])?;
    match axes {
        1 if pair[0] == pair[1] => Ok([row, pair[1]]),
        1 => Err(format!("its argument '{name}' has two sizes, expected one").into()),
        _ => Ok(pair),
    }
}

/// `conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)`
pub(super) fn conv2d(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    convolve(lower, call, 2)
}

/// `conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)`
pub(super) fn conv1d(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    convolve(lower, call, 1)
}

/// `convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)`
pub(super) fn convolution(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    if call.bool("transposed", false)? || call.pair("output_padding", [0, 0])? != [0, 0] {
        return Err("transposed convolutions are not covered".into());
    }
    let axes = lower.input(call, "weight")?.axes.len().saturating_sub(2);
    convolve(lower, call, axes.clamp(1, 2))
}

fn convolve(lower: &mut Lower<'_>, call: &Call<'_>, axes: usize) -> Result<Vec<Value>> {
    let (x, weight) = (lower.input(call, "input")?, lower.input(call, "weight")?);
    let name = lower.needed(&weight, "weight")?;
    let bias = lower.optional(call, "bias")?.map(|bias| lower.needed(&bias, "bias")).transpose()?;
    let (outputs, inputs, kernel) = match (axes, &weight.shape()[..]) {
        (1, &[outputs, inputs, positions]) => (outputs, inputs, [1, positions]),
        (2, &[outputs, inputs, rows, columns]) => (outputs, inputs, [rows, columns]),
        (1, _) => return Err("its weight is not [out, in, positions]".into()),
        _ => return Err("its weight is not [out, in, rows, columns]".into()),
    };
    let dilation = sizes(call, "dilation", axes, 1)?;
    let padding = match call.text("padding", "") {
        Ok("same") => {
            let reach = [0, 1].map(|i| dilation[i] * (kernel[i].max(1) - 1));
            let even = Some(reach).filter(|reach| reach.iter().all(|n| n % 2 == 0));
            even.ok_or("its padding 'same' needs a kernel with a middle")?.map(|n| n / 2)
        }
        Ok("" | "valid") => [0, 0],
        Ok(other) => return Err(format!("its padding '{other}' is not covered").into()),
        Err(_) => sizes(call, "padding", axes, 0)?,
    };
    let (stride, groups) = (sizes(call, "stride", axes, 1)?, call.count("groups", 1)?);
    let shape = ConvShape { outputs, kernel, stride, padding, dilation, groups };
    let node = lower.image(&x, axes)?;
    if inputs.checked_mul(groups) != Some(x.axes[1].size) {
        let found = x.axes[1].size;
        return Err(format!("its weight {:?} does not go with {found} channels", weight.shape()).into());
    }
    let weights = Weights { layer: layer(&name), weight: name, bias };
    let node = lower.net.conv_of(node, weights, shape);
    Ok(vec![Value::node(node, image(lower, node, axes))])
}

/// `max_pool2d(self, kernel_size, stride=kernel_size, padding=0, dilation=1, ceil_mode=False)`
pub(super) fn max_pool2d(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    pool(lower, call, PoolKind::Max, 2)
}

/// `max_pool1d`, with the same arguments
pub(super) fn max_pool1d(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    pool(lower, call, PoolKind::Max, 1)
}

/// `avg_pool2d(self, kernel_size, stride=kernel_size, padding=0, ceil_mode=False, count_include_pad=True,
/// divisor_override=None)`
pub(super) fn avg_pool2d(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    pool(lower, call, PoolKind::Average, 2)
}

/// `avg_pool1d(self, kernel_size, stride=kernel_size, padding=0, ceil_mode=False, count_include_pad=True)`
pub(super) fn avg_pool1d(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    pool(lower, call, PoolKind::Average, 1)
}

fn pool(lower: &mut Lower<'_>, call: &Call<'_>, kind: PoolKind, axes: usize) -> Result<Vec<Value>> {
    if kind == PoolKind::Max && call.pair("dilation", [1, 1])? != [1, 1] {
        return Err("windows with gaps (dilation) are not covered".into());
    }
    let x = lower.input(call, "self")?;
    call.pair("kernel_size", None)?;
    let kernel = sizes(call, "kernel_size", axes, 1)?;
    let stated = call.ints("stride")?.is_some_and(|list| !list.is_empty());
    let pool = Pool {
        kind,
        kernel,
        stride: if stated { sizes(call, "stride", axes, 1)? } else { kernel },
        padding: sizes(call, "padding", axes, 0)?,
        ceil: call.bool("ceil_mode", false)?,
        counts_border: call.bool("count_include_pad", true)?,
        ..Pool::global(0, [0; 2])
    };
    let node = lower.image(&x, axes)?;
    let node = lower.net.pool_of(node, pool);
    Ok(vec![Value::node(node, image(lower, node, axes))])
}

/// `adaptive_avg_pool2d(self, output_size)`
pub(super) fn adaptive_avg_pool2d(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    adaptive_average(lower, call, 2)
}

/// `adaptive_avg_pool1d(self, output_size)`
pub(super) fn adaptive_avg_pool1d(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    adaptive_average(lower, call, 1)
}

fn adaptive_average(lower: &mut Lower<'_>, call: &Call<'_>, axes: usize) -> Result<Vec<Value>> {
    let x = lower.input(call, "self")?;
    call.pair("output_size", None)?;
    let size = sizes(call, "output_size", axes, 1)?;
    let node = lower.image(&x, axes)?;
    // It may need matrices of means over rows and columns.
    let means =
        size[2 - axes..].iter().zip(&x.axes[2..]).map(|(&n, axis)| product([n, axis.size].into_iter()));
    lower.spend(means.map(|n| n.unwrap_or(usize::MAX)).fold(0, usize::saturating_add))?;
    let node = match size {
        [1, 1] => lower.net.global_average(node),
        _ => lower.net.adaptive_average(node, size),
    };
    let own = size[2 - axes..].iter().map(|&size| Axis::plain(size));
    let axes = [Axis::BATCH, x.axes[1]].into_iter().chain(own).collect();
    Ok(vec![Value::node(node, axes)])
}
