//! Conversion of named tensors to the columns of a stack.

use candle_core::{DType, Device, Tensor};
use collado_models::Layout;

use crate::{
    Result,
    fault::tensor_error,
    outline::Outline,
    tensors::{Named, TensorFile, dtype_name},
};

/// The stack `[V, S]` of a file whose tensor `order[i]` is entry `i` of `layout` at V points.
///
/// Numbers of 16 bits become F32. All must be finite and of one dtype.
pub(crate) fn stack(outline: &Outline, layout: &Layout, order: &[usize], points: usize) -> Result<Tensor> {
    let file = outline.file;
    let mut parts: Vec<Tensor> = Vec::with_capacity(order.len());
    for (entry, &i) in layout.entries().iter().zip(order) {
        let named = &file.tensors[i];
        let part = Tensor::from_raw_buffer(&named.bytes, named.dtype, &[points, entry.len()], &Device::Cpu)?;
        let part = match named.dtype {
            DType::F64 => part,
            _ => part.to_dtype(DType::F32)?,
        };
        check_finite(file, named, &part)?;
        if let Some(first) = parts.first().filter(|first| first.dtype() != part.dtype()) {
            let first_name = &file.tensors[order[0]].name;
            let expected = format!("{} as in '{first_name}'", dtype_name(first.dtype()));
            return Err(tensor_error(&file.path, &named.name, expected, dtype_name(part.dtype())));
        }
        parts.push(match entry.shape.as_slice() {
            &[outputs, inputs] if outline.is_kernel(i) => {
                part.reshape((points, inputs, outputs))?.transpose(1, 2)?.reshape((points, entry.len()))?
            }
            _ => part,
        });
    }
    Ok(Tensor::cat(&parts, 1)?)
}

/// The buffers `[V, B]` of a file in F64, whose tensor `order[i]` is entry `i` of `layout` at V points; `None` where the
/// file has none of them. A missing number of batches is 0.
pub(crate) fn buffers(
    outline: &Outline,
    layout: &Layout,
    order: &[Option<usize>],
    points: usize,
) -> Result<Option<Tensor>> {
    if order.iter().all(Option::is_none) {
        return Ok(None);
    }
    let mut parts: Vec<Tensor> = Vec::with_capacity(order.len());
    for (entry, place) in layout.entries().iter().zip(order) {
        let shape = [points, entry.len()];
        let Some(i) = *place else {
            parts.push(Tensor::zeros(&shape[..], DType::F64, &Device::Cpu)?);
            continue;
        };
        let named = &outline.file.tensors[i];
        let part = Tensor::from_raw_buffer(&named.bytes, named.dtype, &shape, &Device::Cpu)?;
        let part = part.to_dtype(DType::F64)?;
        check_finite(outline.file, named, &part)?;
        parts.push(part);
    }
    Ok(Some(Tensor::cat(&parts, 1)?))
}

fn check_finite(file: &TensorFile, named: &Named, values: &Tensor) -> Result<()> {
    let values = values.flatten_all()?;
    let odd = match values.dtype() {
        DType::F64 => first_odd(values.to_vec1::<f64>()?),
        _ => first_odd(values.to_vec1::<f32>()?.into_iter().map(f64::from)),
    };
    let Some((flat, value)) = odd else { return Ok(()) };
    let mut rest = flat;
    let mut index: Vec<usize> = named.shape.iter().rev().map(|&n| (rest % n, rest /= n).0).collect();
    index.reverse();
    Err(tensor_error(&file.path, &named.name, "finite numbers", format!("{value} at {index:?}")))
}

fn first_odd(values: impl IntoIterator<Item = f64>) -> Option<(usize, f64)> {
    values.into_iter().enumerate().find(|(_, v)| !v.is_finite())
}
