//! What is in a data set.

use std::path::Path;

use candle_core::DType;
use collado_data::{Dataset, Spec, Split, Targets};
use serde::Serialize;

use super::tensors::TensorSummary;
use crate::failure::Failure;

/// The rows and classes of a data set.
#[derive(Serialize)]
pub(super) struct DataSummary {
    pub(super) spec: String,
    pub(super) rows: usize,
    pub(super) test_rows: usize,
    pub(super) features: usize,
    pub(super) image: Option<[usize; 3]>,
    /// The classes, with their numbers of training rows, or of positions in them; none where the targets are values.
    pub(super) classes: Vec<Class>,
}

#[derive(Serialize)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) rows: usize,
}

/// The data set that an argument names, if it is not a file of tensors: a string of `--data`, or a file that can only be
/// data.
pub(super) fn spec(file: &Path) -> Option<Result<Spec, Failure>> {
    let text = file.to_str()?;
    if !file.exists() {
        let digits = text.split('?').next() == Some("digits");
        let named = digits || text.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme));
        return named.then(|| Ok(text.parse()?));
    }
    let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
    match extension {
        "csv" | "npz" => Some(Ok(format!("{extension}:{text}").parse().ok()?)),
        _ => None,
    }
}

/// Whether `--data` strings begin with this word and a colon.
fn is_scheme(word: &str) -> bool {
    let unknown = |e: &collado_data::Error| e.to_string().contains("scheme");
    match format!("{word}:x").parse::<Spec>() {
        Ok(_) => true,
        Err(error) => !unknown(&error),
    }
}

/// The arrays and the contents of a data set.
pub(super) fn summary(set: &Dataset) -> Result<(Vec<TensorSummary>, DataSummary), Failure> {
    let mut tensors = arrays("train", &set.train)?;
    if let Some(test) = &set.test {
        tensors.extend(arrays("test", test)?);
    }
    let classes = match &set.train.targets {
        Targets::Classes { labels, count: classes, .. } | Targets::Tokens { labels, count: classes, .. } => {
            let names = set.train.targets.class_names();
            let count = |k: usize| labels.iter().filter(|&&label| label as usize == k).count();
            let name = |k: usize| names.get(k).cloned().unwrap_or_else(|| k.to_string());
            (0..*classes).map(|k| Class { name: name(k), rows: count(k) }).collect()
        }
        Targets::Values(_) => Vec::new(),
    };
    let data = DataSummary {
        spec: set.spec.clone(),
        rows: set.train.len(),
        test_rows: set.test.as_ref().map_or(0, Split::len),
        features: set.features(),
        image: set.image,
        classes,
    };
    Ok((tensors, data))
}

fn arrays(split: &str, data: &Split) -> Result<Vec<TensorSummary>, Failure> {
    let array = |name: &str, tensor: &candle_core::Tensor| -> Result<TensorSummary, Failure> {
        let values = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        let dtype = tensor.dtype().as_str().to_uppercase();
        Ok(TensorSummary::of_data(format!("{split}.{name}"), tensor.dims().to_vec(), dtype, &values))
    };
    let targets = match &data.targets {
        Targets::Classes { labels, .. } | Targets::Tokens { labels, .. } => {
            let values: Vec<f64> = labels.iter().copied().map(f64::from).collect();
            let rows = vec![data.len()];
            let shape = [rows, data.targets.positions().into_iter().collect()].concat();
            TensorSummary::of_data(format!("{split}.targets"), shape, "U32".into(), &values)
        }
        Targets::Values(values) => array("targets", values)?,
    };
    Ok(vec![array("inputs", &data.inputs)?, targets])
}
