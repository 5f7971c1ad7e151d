//! Operations without a layer, in tensors `[n, ..]`. Axes of operations do not count the batch axis.
//!
//! candle's fused softmax has no gradient; here it is put together from operations that have one.

use candle_core::{D, DType, Device, Tensor};

use crate::{Embedding, Error, Rearrange, Reduce, ReduceKind, Result, Softmax, Source};

/// Numbers that do not depend on the input, `[1, ..]`: a parameter, or constants in the type and on the device of `like`.
pub(super) fn source(op: &Source, parameter: Option<Tensor>, like: &Tensor) -> Result<Tensor> {
    let shape = [&[1], op.shape()].concat();
    Ok(match (op, parameter) {
        (_, Some(parameter)) => parameter.reshape(shape)?,
        (Source::Constant { values, .. }, _) => Tensor::from_slice(values, shape, &Device::Cpu)?
            .to_dtype(like.dtype())?
            .to_device(like.device())?,
        (Source::Parameter { .. }, None) => unreachable!("the parameter is given"),
    })
}

/// Several values, one after the other along an axis.
pub(super) fn concat(axis: usize, parts: &[Vec<Tensor>]) -> Result<Vec<Tensor>> {
    let tiles = parts.iter().map(Vec::len).max().unwrap_or(0);
    let tile = |i: usize| {
        let parts: Vec<&Tensor> = parts.iter().map(|part| &part[i.min(part.len() - 1)]).collect();
        let n = parts.iter().map(|x| x.dims()[0]).max().unwrap_or(0);
        let repeated = parts.into_iter().map(|x| match x.dims()[0] == n {
            true => Ok(x.clone()),
            false => x.broadcast_as([&[n], &x.dims()[1..]].concat())?.contiguous(),
        });
        Ok(Tensor::cat(&repeated.collect::<candle_core::Result<Vec<_>>>()?, axis + 1)?)
    };
    (0..tiles).map(tile).collect()
}

/// The products of matrices on the last two axes.
pub(super) fn matmul(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let (k, n) = (y.dim(D::Minus2)?, y.dim(D::Minus1)?);
    if y.elem_count() == k * n {
        // One matrix for all: a single product.
        let shape = [&x.dims()[..x.rank() - 1], &[n]].concat();
        let y = y.reshape((k, n))?;
        return Ok(x.reshape(((), k))?.matmul(&y)?.reshape(shape)?);
    }
    Ok(x.contiguous()?.broadcast_matmul(&y.contiguous()?)?)
}

/// Numbers at other places.
pub(super) fn rearrange(op: &Rearrange, x: &Tensor) -> Result<Tensor> {
    Ok(match op {
        Rearrange::Permute { axes } => {
            let axes: Vec<usize> = std::iter::once(0).chain(axes.iter().map(|axis| axis + 1)).collect();
            x.permute(axes)?.contiguous()?
        }
        Rearrange::Slice(op) if op.step == 1 => {
            x.narrow(op.axis + 1, op.start, op.stop - op.start)?.contiguous()?
        }
        Rearrange::Slice(op) => {
            let positions: Vec<u32> = op.positions().map(|at| at as u32).collect();
            let count = positions.len();
            x.contiguous()?.index_select(&Tensor::from_vec(positions, count, x.device())?, op.axis + 1)?
        }
        Rearrange::Expand { shape } => x.broadcast_as([&[x.dims()[0]], &shape[..]].concat())?,
    })
}

/// The sum or the mean over axes.
pub(super) fn reduce(op: &Reduce, x: &Tensor) -> Result<Tensor> {
    let axes: Vec<usize> = op.axes.iter().map(|axis| axis + 1).collect();
    let count: usize = axes.iter().map(|&axis| x.dims()[axis]).product();
    let sum = x.sum(axes)?;
    Ok(match op.kind {
        ReduceKind::Sum => sum,
        ReduceKind::Mean => (sum / count as f64)?,
    })
}

/// The softmax along an axis. It does not depend on the largest number, which is only there against overflow.
pub(super) fn softmax(op: &Softmax, x: &Tensor) -> Result<Tensor> {
    let axis = op.axis + 1;
    let centred = x.broadcast_sub(&x.max_keepdim(axis)?.detach())?;
    let exponentials = centred.exp()?;
    let sum = exponentials.sum_keepdim(axis)?;
    Ok(match op.log {
        false => exponentials.broadcast_div(&sum)?,
        true => centred.broadcast_sub(&sum.log()?)?,
    })
}

/// The rows of a table that the numbers of `x` count.
pub(super) fn embedding(op: &Embedding, table: &Tensor, x: &Tensor) -> Result<Tensor> {
    let tokens = x.detach().flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    let row = |&token: &f64| match token.fract() == 0. && (0. ..op.rows as f64).contains(&token) {
        true => Ok(token as u32),
        false => {
            let expected = format!("whole numbers from 0 to {}", op.rows - 1);
            Err(Error::mismatch(format!("embedding '{}': tokens", op.name), expected, token))
        }
    };
    let rows = tokens.iter().map(row).collect::<Result<Vec<u32>>>()?;
    let count = rows.len();
    let table = table.reshape((op.rows, op.features))?;
    let rows = table.index_select(&Tensor::from_vec(rows, count, table.device())?, 0)?;
    Ok(rows.reshape([x.dims(), &[op.features]].concat())?)
}
