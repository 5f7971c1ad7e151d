//! The tensors of an exported program: pickled as a state dict, or as bytes that a list describes.

use std::{collections::HashMap, io::Cursor, rc::Rc};

use candle_core::DType;

use crate::{
    Result,
    archive::Archive,
    fault::{file_error, tensor_error},
    graph::{
        archive::MAX_PROGRAM,
        json,
        schema::{Meta, WeightsConfig},
    },
    tensors::{Input, Named, Source, check_total},
    torch::{
        self,
        strided::{MAX_RANK, View},
    },
};

/// Reads a dictionary of tensors that lies in the archive as an archive of its own.
pub(super) fn pickled(archive: &mut Archive<'_, impl Source>, name: &str) -> Result<Vec<Named>> {
    let bytes = archive.entry(name, u64::MAX)?;
    let len = bytes.len() as u64;
    if !bytes.starts_with(b"PK\x03\x04") {
        let reason = format!("entry '{}' is no archive of PyTorch", name.escape_debug());
        return Err(file_error(archive.path, reason));
    }
    torch::read_dictionary(Archive::open(Input { path: archive.path, reader: Cursor::new(bytes), len })?)
}

/// Reads the tensors that `list` describes from entries of `folder`.
pub(super) fn listed(archive: &mut Archive<'_, impl Source>, list: &str, folder: &str) -> Result<Vec<Named>> {
    let path = archive.path;
    let text = archive.entry(list, MAX_PROGRAM)?;
    let WeightsConfig { config } = serde_json::from_slice(&json::quoted(&text))
        .map_err(|e| file_error(path, format!("entry '{}' is damaged: {e}", list.escape_debug())))?;
    let mut config: Vec<_> = config.into_iter().collect();
    config.sort_by(|a, b| a.0.cmp(&b.0));
    let mut entries: HashMap<String, Rc<Vec<u8>>> = HashMap::new();
    // Tensors that are the same part of an entry are tied.
    let mut parts: HashMap<String, Rc<Vec<u8>>> = HashMap::new();
    let (mut tensors, mut total) = (Vec::new(), 0_u64);
    for (name, weight) in config {
        if weight.use_pickle {
            return Err(tensor_error(path, &name, "numbers", "a pickled object, which is not executed"));
        }
        if weight.path_name.contains(['/', '\\']) || weight.path_name.contains("..") {
            let found = format!("'{}'", weight.path_name.escape_debug());
            return Err(tensor_error(path, &name, "the name of an entry of the archive", found));
        }
        let Some((dtype, view)) = dtype(weight.tensor_meta.dtype).zip(view(&weight.tensor_meta)) else {
            let expected = "a shape, strides and a type of floating-point or whole numbers";
            return Err(tensor_error(path, &name, expected, format!("{:?}", weight.tensor_meta)));
        };
        let key = format!("{} {dtype:?} {view:?}", weight.path_name);
        let bytes = match entries.get(&weight.path_name) {
            Some(bytes) => Rc::clone(bytes),
            None => {
                let bytes = Rc::new(archive.entry(&format!("{folder}{}", weight.path_name), u64::MAX)?);
                entries.insert(weight.path_name, Rc::clone(&bytes));
                bytes
            }
        };
        let width = dtype.size_in_bytes();
        let count = view.count(path, &name, bytes.len() / width)?;
        // Tied and expanded tensors share numbers.
        total = total.saturating_add(count as u64);
        check_total(path, total, archive.len)?;
        let part = || Rc::new(view.gather(&bytes, width, count));
        let bytes = Rc::clone(parts.entry(key).or_insert_with(part));
        tensors.push(Named { name, shape: view.shape, dtype, bytes });
    }
    Ok(tensors)
}

/// The elements of the entry that form the tensor.
fn view(meta: &Meta) -> Option<View> {
    let sizes =
        |list: &[crate::graph::schema::Size]| list.iter().map(|n| n.fixed()).collect::<Option<Vec<_>>>();
    let (shape, strides) = (sizes(&meta.sizes)?, sizes(&meta.strides)?);
    let offset = meta.storage_offset.map_or(Some(0), |offset| offset.fixed())?;
    (shape.len() <= MAX_RANK && shape.len() == strides.len()).then_some(View { offset, shape, strides })
}

/// The type that PyTorch's schema numbers so.
fn dtype(number: u32) -> Option<DType> {
    match number {
        1 | 12 => Some(DType::U8),
        3 => Some(DType::I16),
        4 => Some(DType::I32),
        5 => Some(DType::I64),
        6 => Some(DType::F16),
        7 => Some(DType::F32),
        8 => Some(DType::F64),
        13 => Some(DType::BF16),
        _ => None,
    }
}
