//! The content of a file of parameters, and its writing as safetensors.

use std::{collections::BTreeMap, io::Write, path::Path, sync::LazyLock};

use candle_core::{DType, Tensor};
use serde_json::{Map, json};

use crate::{Error, Result};
use crate::{
    atomic::atomically,
    fault::file_error,
    names::{NAMES, NamedTensor, Names, Part},
    tensors::dtype_name,
};
use collado_models::{FixedTensors, Layout, Network};

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
    /// The buffers `[V, B]`, row by row.
    buffers: Vec<f64>,
    /// The numbers of the fixed tensors.
    fixed: &'a [f64],
}

/// The parameters that a file is to have, other names of them, and what a checkpoint has beside them.
pub(crate) struct Tensors<'a> {
    layout: &'a Layout,
    ties: &'a [(String, String)],
    beside: Option<&'a FixedTensors>,
}

impl<'a> From<&'a Network> for Tensors<'a> {
    fn from(network: &'a Network) -> Self {
        Self { layout: network.layout(), ties: network.ties(), beside: Some(network.arch().beside()) }
    }
}

impl<'a> From<&'a Layout> for Tensors<'a> {
    fn from(layout: &'a Layout) -> Self {
        Self { layout, ties: &[], beside: None }
    }
}

impl<'a> Contents<'a> {
    /// Checks the parts and joins them.
    ///
    /// # Errors
    /// When the numbers are not F32 or F64, or the names belong to another network.
    pub(crate) fn new(
        network: impl Into<Tensors<'a>>,
        names: &'a Names,
        lead: &'a [usize],
        points: &Tensor,
        buffers: Option<(&'a Layout, &Tensor)>,
        mut metadata: BTreeMap<&'static str, String>,
    ) -> Result<Self> {
        let Tensors { layout, ties, beside } = network.into();
        static NONE: LazyLock<Layout> = LazyLock::new(Layout::default);
        let (data, width) = little_endian(points)?;
        let statistics = buffers.map_or(&*NONE, |(layout, _)| layout);
        if !names.is_plain(layout, statistics) {
            metadata.insert(NAMES, names.to_json());
        }
        let mut places = names.places(layout, statistics)?;
        places.extend(names.tied(layout, ties));
        // A path has them in its metadata alone.
        let beside = beside.filter(|_| lead.is_empty());
        places.extend(beside.into_iter().flat_map(|fixed| names.fixed(layout, fixed)));
        let fixed = beside.map_or(&[][..], FixedTensors::values);
        let (dtype, count) = (points.dtype(), points.dim(0)?);
        let buffers = match buffers {
            None => Vec::new(),
            Some((layout, rows)) => {
                let (expected, found) = ([count, layout.len()], rows.dims());
                if found != expected {
                    let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
                    return Err(Error::mismatch("running statistics", expected, found));
                }
                rows.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?
            }
        };
        Ok(Self {
            places,
            dtype,
            metadata,
            lead,
            points: count,
            len: layout.len(),
            data,
            width,
            buffers,
            fixed,
        })
    }

    /// The number type of a tensor in the file.
    pub(crate) fn dtype(&self, place: &NamedTensor<'_>) -> DType {
        match place.part {
            Part::Count | Part::Fixed { whole: true } => DType::I64,
            _ => self.dtype,
        }
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
        match place.part {
            Part::Parameters => {}
            Part::Fixed { .. } => return self.numbers(place, self.fixed),
            Part::Statistics | Part::Count => return self.numbers(place, &self.buffers),
        }
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

    /// The bytes of a tensor among numbers that are no parameters, row by row.
    fn numbers(&self, place: &NamedTensor<'_>, all: &[f64]) -> Vec<u8> {
        let range = place.entry.offset..place.entry.offset + place.entry.len();
        let rows = all.chunks_exact(all.len() / self.points);
        let numbers = rows.flat_map(|row| row[range.clone()].iter().copied());
        match self.dtype(place) {
            DType::I64 => numbers.flat_map(|x| (x.round() as i64).to_le_bytes()).collect(),
            DType::F32 => numbers.flat_map(|x| (x as f32).to_le_bytes()).collect(),
            _ => numbers.flat_map(f64::to_le_bytes).collect(),
        }
    }

    /// Writes a file of safetensors. The same contents give the same bytes.
    pub(crate) fn write_safetensors(&self, path: &Path) -> Result<()> {
        let mut metadata = self.metadata.clone();
        metadata.insert("format", "pt".into());
        let mut header = Map::from_iter([("__metadata__".to_owned(), json!(metadata))]);
        let mut end = 0;
        for place in &self.places {
            let start = end;
            let dtype = self.dtype(place);
            end += self.count(place) * dtype.size_in_bytes();
            let info = json!({ "dtype": dtype_name(dtype), "shape": self.shape(place), "data_offsets": [start, end] });
            header.insert(place.name.to_string(), info);
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

/// The running statistics `[V, B]` of a network with their places.
///
/// # Errors
/// When the network has some, and there are none.
pub(crate) fn with_layout<'a>(
    network: &'a Network,
    rows: Option<&'a Tensor>,
) -> Result<Option<(&'a Layout, &'a Tensor)>> {
    let layout = network.buffers();
    match rows {
        _ if layout.is_empty() => Ok(None),
        Some(rows) => Ok(Some((layout, rows))),
        None => Err(Error::mismatch("running statistics", layout.len(), "none")),
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
