//! The content hash: SHA-256 over a fixed byte form of both splits.
//!
//! Per split: a tag, number type and shape of the inputs, their little-endian bytes, then kind and shape of
//! the targets and their bytes. Lengths go before contents, so no two different sets share a byte form. Names of
//! classes are not content.

use candle_core::{CpuStorage, Tensor};
use sha2::{Digest, Sha256};

use crate::array::on_cpu;
use crate::{Result, Split, Targets};

/// The number of values that are converted to bytes at a time.
const CHUNK: usize = 4096;

/// The hash of a training split and, where there is one, a test split, as 64 hex digits.
pub(crate) fn content_hash(train: &Split, test: Option<&Split>) -> Result<String> {
    let mut state = Sha256::new();
    state.update(b"collado-data 1");
    for (tag, split) in [(b"train", Some(train)), (b"test ", test)] {
        let Some(split) = split else { continue };
        state.update(tag);
        tensor(&mut state, &split.inputs)?;
        match &split.targets {
            Targets::Values(values) => tensor(&mut state, values)?,
            Targets::Classes { labels, count, .. } => {
                state.update(b"classes");
                numbers(&mut state, &[*count, labels.len()]);
                values(&mut state, labels, |label| label.to_le_bytes());
            }
            Targets::Tokens { labels, count, positions } => {
                state.update(b"tokens ");
                numbers(&mut state, &[*count, *positions, labels.len()]);
                values(&mut state, labels, |label| label.to_le_bytes());
            }
        }
    }
    Ok(format!("{:x}", state.finalize()))
}

fn tensor(state: &mut Sha256, tensor: &Tensor) -> Result<()> {
    state.update(tensor.dtype().as_str());
    numbers(state, tensor.dims());
    on_cpu(tensor, |storage, range| match storage {
        CpuStorage::F32(data) => values(state, &data[range], |value| value.to_le_bytes()),
        CpuStorage::F64(data) => values(state, &data[range], |value| value.to_le_bytes()),
        _ => unreachable!("numbers of data are F32 or F64"),
    })
}

fn numbers(state: &mut Sha256, sizes: &[usize]) {
    state.update((sizes.len() as u64).to_le_bytes());
    sizes.iter().for_each(|&size| state.update((size as u64).to_le_bytes()));
}

fn values<T: Copy, const N: usize>(state: &mut Sha256, values: &[T], bytes: impl Fn(T) -> [u8; N]) {
    let mut buffer = Vec::with_capacity(CHUNK * N);
    for chunk in values.chunks(CHUNK) {
        buffer.clear();
        chunk.iter().for_each(|&value| buffer.extend_from_slice(&bytes(value)));
        state.update(&buffer);
    }
}
