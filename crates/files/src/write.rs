//! The content of a file of parameters, and its writing as safetensors.

use std::{collections::BTreeMap, io::Write, path::Path};

use candle_core::{DType, Tensor};
use serde_json::{Map, json};

use crate::Result;
use crate::{
    atomic::atomically,
    fault::file_error,
    names::{NAMES, NamedTensor, Names},
    tensors::dtype_name,
};
use collado_models::Layout;

/// The content of a file of parameters: the tensors of a layout at the points `[V, S]`.
pub(crate) struct Contents<'a> {
    pub(crate) places: Vec<NamedTensor<'a>>,
    pub(crate) dtype: DType,
    pub(crate) metadata: BTreeMap<&'static str, String>,
    /// The leading axes of each tensor: `[]` for one point, `[V]` for several.
    lead: &'a [usize],
    points: usize,
    /// The number of parameters of a point.
    len: usize,
    data: Vec<u8>,
    width: usize,
}

impl<'a> Contents<'a> {
    /// Checks the parts and joins them.
    ///
    /// # Errors
    /// When the numbers are not F32 or F64, or the names belong to another network.
    pub(crate) fn new(
        layout: &'a Layout,
        names: &'a Names,
        lead: &'a [usize],
        points: &Tensor,
        mut metadata: BTreeMap<&'static str, String>,
    ) -> Result<Self> {
        let (data, width) = little_endian(points)?;
        if !names.is_plain(layout) {
            metadata.insert(NAMES, names.to_json());
        }
        let places = names.places(layout)?;
        let (dtype, count) = (points.dtype(), points.dim(0)?);
        Ok(Self { places, dtype, metadata, lead, points: count, len: layout.len(), data, width })
    }

    /// Shape of a tensor in the file.
    pub(crate) fn shape(&self, place: &NamedTensor<'_>) -> Vec<usize> {
        let mut shape = place.entry.shape.clone();
        if place.transposed {
            shape.reverse();
        }
        [self.lead, &shape].concat()
    }

    /// Numbers in a tensor.
    pub(crate) fn count(&self, place: &NamedTensor<'_>) -> usize {
        self.points * place.entry.len()
    }

    /// The bytes of a tensor, little-endian, last index fastest.
    pub(crate) fn bytes(&self, place: &NamedTensor<'_>) -> Vec<u8> {
        let (entry, width) = (place.entry, self.width);
        let range = entry.offset * width..(entry.offset + entry.len()) * width;
        let rows = self.data.chunks_exact(self.len * width).map(|row| &row[range.clone()]);
        match entry.shape.as_slice() {
            &[outputs, inputs] if place.transposed => {
                let number = |row: &'_ [u8], i: usize, o: usize| {
                    let at = (o * inputs + i) * width;
                    row[at..at + width].to_vec()
                };
                rows.flat_map(|row| {
                    (0..inputs).flat_map(move |i| (0..outputs).flat_map(move |o| number(row, i, o)))
                })
                .collect()
            }
            _ => rows.flatten().copied().collect(),
        }
    }

    /// Writes a file of safetensors. The same contents give the same bytes.
    pub(crate) fn write_safetensors(&self, path: &Path) -> Result<()> {
        let mut metadata = self.metadata.clone();
        metadata.insert("format", "pt".into());
        let dtype = dtype_name(self.dtype);
        let mut header = Map::from_iter([("__metadata__".to_owned(), json!(metadata))]);
        let mut end = 0;
        for place in &self.places {
            let start = end;
            end += self.count(place) * self.width;
            let info = json!({ "dtype": dtype, "shape": self.shape(place), "data_offsets": [start, end] });
            header.insert(place.name.to_owned(), info);
        }
        let mut header = serde_json::to_vec(&header).map_err(|e| file_error(path, e.to_string()))?;
        // Readers that map the file into memory want the data on a multiple of 8.
        header.resize(header.len().next_multiple_of(8), b' ');
        atomically(path, |file| {
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(&header)?;
            self.places.iter().try_for_each(|place| file.write_all(&self.bytes(place)))
        })
    }
}

fn little_endian(values: &Tensor) -> Result<(Vec<u8>, usize)> {
    let flat = values.flatten_all()?;
    match values.dtype() {
        DType::F32 => Ok((flat.to_vec1::<f32>()?.iter().flat_map(|v| v.to_le_bytes()).collect(), 4)),
        DType::F64 => Ok((flat.to_vec1::<f64>()?.iter().flat_map(|v| v.to_le_bytes()).collect(), 8)),
        other => {
            Err(collado_models::Error::Unsupported { what: "a checkpoint", found: other.as_str().into() }
                .into())
        }
    }
}
