use std::{collections::BTreeMap, io::Write, path::Path};

use candle_core::{DType, Tensor};
use serde_json::{Map, json};

use super::{atomic::atomically, fault::file_error, tensors::dtype_name};
use crate::{Error, Layout, Result};

/// Writes the tensors of `layout` at the points `[V, S]`, each as `[lead, ...shape]`, where `lead` is `[]` or `[V]`.
///
/// The same arguments give the same bytes.
pub(super) fn write(
    path: &Path,
    layout: &Layout,
    lead: &[usize],
    points: &Tensor,
    metadata: &BTreeMap<&str, String>,
) -> Result<()> {
    let (data, width) = little_endian(points)?;
    let dtype = dtype_name(points.dtype());
    let mut header = Map::from_iter([("__metadata__".to_owned(), json!(metadata))]);
    let mut end = 0;
    for entry in layout.entries() {
        let start = end;
        end += points.dim(0)? * entry.len() * width;
        let shape = [lead, &entry.shape].concat();
        let info = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] });
        header.insert(entry.name.clone(), info);
    }
    let mut header = serde_json::to_vec(&header).map_err(|e| file_error(path, e.to_string()))?;
    // Readers that map the file into memory want the data on a multiple of 8.
    header.resize(header.len().next_multiple_of(8), b' ');
    atomically(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        for entry in layout.entries() {
            let range = entry.offset * width..(entry.offset + entry.len()) * width;
            data.chunks_exact(layout.len() * width)
                .try_for_each(|row| file.write_all(&row[range.clone()]))?;
        }
        Ok(())
    })
}

fn little_endian(values: &Tensor) -> Result<(Vec<u8>, usize)> {
    let flat = values.flatten_all()?;
    match values.dtype() {
        DType::F32 => Ok((flat.to_vec1::<f32>()?.iter().flat_map(|v| v.to_le_bytes()).collect(), 4)),
        DType::F64 => Ok((flat.to_vec1::<f64>()?.iter().flat_map(|v| v.to_le_bytes()).collect(), 8)),
        other => Err(Error::Unsupported { what: "a checkpoint", found: other.as_str().into() }),
    }
}
