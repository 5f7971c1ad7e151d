//! Numbers from bytes, and numbers in tensors: what the file formats share.

use std::ops::Range;

use candle_core::{CpuStorage, DType, Device, Storage, Tensor, WithDType};

use crate::{Error, Result};

/// Element types that files may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    BF16,
    F32,
    F64,
}

impl Element {
    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::BF16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// A tensor of `shape` from little-endian bytes: I64 for integers, F32 up to 32-bit floats, F64 beyond.
    ///
    /// The caller has checked that `bytes` holds exactly the elements of `shape`.
    pub(crate) fn decode(self, place: &str, bytes: &[u8], shape: &[usize]) -> Result<Tensor> {
        match self {
            Self::Bool | Self::U8 => ints(bytes, shape, |b: [u8; 1]| b[0].into()),
            Self::I8 => ints(bytes, shape, |b| i8::from_le_bytes(b).into()),
            Self::U16 => ints(bytes, shape, |b| u16::from_le_bytes(b).into()),
            Self::I16 => ints(bytes, shape, |b| i16::from_le_bytes(b).into()),
            Self::U32 => ints(bytes, shape, |b| u32::from_le_bytes(b).into()),
            Self::I32 => ints(bytes, shape, |b| i32::from_le_bytes(b).into()),
            Self::I64 => ints(bytes, shape, i64::from_le_bytes),
            Self::U64 => {
                let too_large =
                    bytes.as_chunks().0.iter().map(|&b| u64::from_le_bytes(b)).find(|&v| v >= 1 << 63);
                match too_large {
                    Some(value) => Err(Error::format(place, "integers below 2^63", value.to_string())),
                    None => ints(bytes, shape, i64::from_le_bytes),
                }
            }
            Self::F32 => from_chunks(bytes, shape, f32::from_le_bytes),
            Self::F64 => from_chunks(bytes, shape, f64::from_le_bytes),
            Self::F16 => half(bytes, shape, DType::F16),
            Self::BF16 => half(bytes, shape, DType::BF16),
        }
    }
}

fn ints<const N: usize>(bytes: &[u8], shape: &[usize], convert: impl Fn([u8; N]) -> i64) -> Result<Tensor> {
    from_chunks(bytes, shape, convert)
}

fn half(bytes: &[u8], shape: &[usize], dtype: DType) -> Result<Tensor> {
    Ok(Tensor::from_raw_buffer(bytes, dtype, shape, &Device::Cpu)?.to_dtype(DType::F32)?)
}

fn from_chunks<T: WithDType, const N: usize>(
    bytes: &[u8],
    shape: &[usize],
    convert: impl Fn([u8; N]) -> T,
) -> Result<Tensor> {
    let values: Vec<T> = bytes.as_chunks().0.iter().map(|&chunk| convert(chunk)).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// A CPU tensor `[len]`.
pub(crate) fn vector<T: WithDType>(values: Vec<T>) -> Result<Tensor> {
    let len = values.len();
    Ok(Tensor::from_vec(values, len, &Device::Cpu)?)
}

/// A CPU tensor `[rows, columns]`.
pub(crate) fn matrix<T: WithDType>(values: Vec<T>, columns: usize) -> Result<Tensor> {
    let rows = values.len() / columns.max(1);
    Ok(Tensor::from_vec(values, (rows, columns), &Device::Cpu)?)
}

/// Shows the numbers of a contiguous CPU tensor without copying them.
pub(crate) fn on_cpu<R>(tensor: &Tensor, look: impl FnOnce(&CpuStorage, Range<usize>) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(storage), Some((start, end))) => Ok(look(storage, start..end)),
        _ => Err(candle_core::Error::Msg("expected a contiguous tensor on the CPU".to_owned()).into()),
    }
}

/// Where a matrix first holds something that is not finite.
pub(crate) struct NotFinite {
    pub(crate) row: usize,
    pub(crate) column: usize,
    pub(crate) value: f64,
}

/// Looks through a contiguous CPU matrix of F32 or F64.
pub(crate) fn first_not_finite(matrix: &Tensor) -> Result<Option<NotFinite>> {
    let (_, columns) = matrix.dims2()?;
    let found = on_cpu(matrix, |storage, range| match storage {
        CpuStorage::F32(data) => find(&data[range], |value| f64::from(*value)),
        CpuStorage::F64(data) => find(&data[range], |value| *value),
        _ => None,
    })?;
    Ok(found.map(|(index, value)| NotFinite { row: index / columns, column: index % columns, value }))
}

fn find<T>(data: &[T], widen: impl Fn(&T) -> f64) -> Option<(usize, f64)> {
    data.iter().map(widen).enumerate().find(|(_, value)| !value.is_finite())
}
