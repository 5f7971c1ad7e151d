//! Conversion of bytes to numbers and of numbers to tensors, which all file formats share.

use std::cell::Cell;
use std::io::Read;
use std::ops::Range;

use candle_core::{CpuStorage, DType, Device, Storage, Tensor, WithDType};

use crate::bytes::numbers;
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

    /// Whether the numbers are integers.
    pub(crate) fn is_integer(self) -> bool {
        !matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }

    /// The number type of inputs of this type: F32 from floats of up to 32 bits, F64 from the others.
    pub(crate) fn input_type(self) -> DType {
        if matches!(self, Self::F16 | Self::BF16 | Self::F32) { DType::F32 } else { DType::F64 }
    }

    /// Reads `count` numbers from a stream.
    pub(crate) fn read<T: Number>(
        self,
        reader: &mut impl Read,
        place: &str,
        count: usize,
        big_endian: bool,
    ) -> Result<Vec<T>> {
        let mut source = Source { reader, place, count, big_endian };
        match self {
            Self::Bool | Self::U8 => source.read(|b: [u8; 1]| T::integer(b[0].into())),
            Self::I8 => source.read(|b| T::integer(i8::from_le_bytes(b).into())),
            Self::U16 => source.read(|b| T::integer(u16::from_le_bytes(b).into())),
            Self::I16 => source.read(|b| T::integer(i16::from_le_bytes(b).into())),
            Self::U32 => source.read(|b| T::integer(u32::from_le_bytes(b).into())),
            Self::I32 => source.read(|b| T::integer(i32::from_le_bytes(b).into())),
            Self::I64 => source.read(|b| T::integer(i64::from_le_bytes(b))),
            Self::U64 => source.unsigned(),
            Self::F16 => source.read(|b| T::float(half(u16::from_le_bytes(b)))),
            Self::BF16 => {
                source.read(|b| T::float(f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16).into()))
            }
            Self::F32 => source.read(|b| T::float(f32::from_le_bytes(b).into())),
            Self::F64 => source.read(|b| T::float(f64::from_le_bytes(b))),
        }
    }
}

/// A type that numbers of files are converted to.
pub(crate) trait Number: WithDType {
    fn integer(value: i64) -> Self;
    fn float(value: f64) -> Self;
}

impl Number for f32 {
    fn integer(value: i64) -> Self {
        value as Self
    }

    fn float(value: f64) -> Self {
        value as Self
    }
}

impl Number for f64 {
    fn integer(value: i64) -> Self {
        value as Self
    }

    fn float(value: f64) -> Self {
        value
    }
}

impl Number for i64 {
    fn integer(value: i64) -> Self {
        value
    }

    fn float(value: f64) -> Self {
        value as Self
    }
}

/// A stream that numbers are read from, with its place for error messages.
struct Source<'a, R> {
    reader: &'a mut R,
    place: &'a str,
    count: usize,
    big_endian: bool,
}

impl<R: Read> Source<'_, R> {
    fn read<T, const N: usize>(&mut self, convert: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        let big_endian = self.big_endian;
        numbers(self.reader, self.place, self.count, |mut bytes| {
            if big_endian {
                bytes.reverse();
            }
            convert(bytes)
        })
    }

    /// Integers of 64 bits without a sign, if they fit those with one.
    fn unsigned<T: Number>(&mut self) -> Result<Vec<T>> {
        let too_large = Cell::new(None);
        let values = self.read(|bytes| {
            let value = u64::from_le_bytes(bytes);
            let signed = i64::try_from(value).inspect_err(|_| too_large.set(Some(value)));
            T::integer(signed.unwrap_or_default())
        })?;
        match too_large.get() {
            Some(value) => Err(Error::format(self.place, "integers below 2^63", value.to_string())),
            None => Ok(values),
        }
    }
}

/// Converts a 16-bit number of IEEE 754, with 5 bits of exponent and 10 of fraction.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.);
    let size = match exponent {
        0 => fraction * 2_f64.powi(-14),
        31 if fraction == 0. => f64::INFINITY,
        31 => f64::NAN,
        _ => (1. + fraction) * 2_f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
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

/// The first place of a matrix that holds a value that is not finite.
pub(crate) struct NotFinite {
    pub(crate) row: usize,
    pub(crate) column: usize,
    pub(crate) value: f64,
}

/// Searches a contiguous CPU matrix of F32 or F64 for a value that is not finite.
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
