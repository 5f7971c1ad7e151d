//! `.safetensors`: a JSON header with names, types and offsets, then the numbers.

use std::path::Path;

use candle_core::Tensor;
use safetensors::{Dtype, SafeTensorError, SafeTensors};

use crate::array::Element;
use crate::bytes::{open, read_to_end};
use crate::named::{self, Arrays};
use crate::{Dataset, Error, Result};

/// Reads the arrays `x`, `y` and optional `x_test`, `y_test` of a `.safetensors` file.
pub(crate) fn load(spec: &str, path: &Path) -> Result<Dataset> {
    let file = path.display().to_string();
    let (mut reader, length) = open(path)?;
    let bytes = read_to_end(&mut reader, &file, length)?;
    // The library checks header length, offsets and sizes against the buffer.
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|error| Error::format(file.as_str(), "a safetensors file", error.to_string()))?;
    named::load(spec, &mut Named { file, tensors })
}

struct Named<'a> {
    file: String,
    tensors: SafeTensors<'a>,
}

impl Arrays for Named<'_> {
    fn file(&self) -> &str {
        &self.file
    }

    fn names(&self) -> Vec<String> {
        self.tensors.names().into_iter().map(str::to_owned).collect()
    }

    fn array(&mut self, name: &str, place: &str) -> Result<Option<Tensor>> {
        let view = match self.tensors.tensor(name) {
            Ok(view) => view,
            Err(SafeTensorError::TensorNotFound(_)) => return Ok(None),
            Err(error) => return Err(Error::format(place, "a tensor", error.to_string())),
        };
        if view.shape().contains(&0) {
            return Err(Error::format(place, "no dimension of size 0", format!("shape {:?}", view.shape())));
        }
        element(place, view.dtype())?.decode(place, view.data(), view.shape()).map(Some)
    }
}

fn element(place: &str, dtype: Dtype) -> Result<Element> {
    Ok(match dtype {
        Dtype::BOOL => Element::Bool,
        Dtype::U8 => Element::U8,
        Dtype::I8 => Element::I8,
        Dtype::U16 => Element::U16,
        Dtype::I16 => Element::I16,
        Dtype::U32 => Element::U32,
        Dtype::I32 => Element::I32,
        Dtype::U64 => Element::U64,
        Dtype::I64 => Element::I64,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::BF16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        other => {
            return Err(Error::format(
                place,
                "numbers (BOOL, I8-I64, U8-U64, BF16, F16-F64)",
                format!("{other:?}"),
            ));
        }
    })
}
