//! The tensors of a file as they are, whatever network they belong to, and the network if there is one.

use std::path::Path;

use collado_models::Arch;
use serde::Serialize;
use serde_json::Value;

use crate::{
    ReadOptions, Result,
    atomic::file_hash,
    fault::file_error,
    format,
    graph::numbers,
    outline::Outline,
    path_file::{PATH, PROVENANCE, vertices},
    resolve::resolve,
    tensors::{Named, TensorFile, dtype_name},
};

/// What is in a file of tensors: a checkpoint, a path or a graph file. Unlike a [`Checkpoint`](crate::Checkpoint) it can
/// have numbers that are not finite, or tensors of no network.
#[derive(Debug)]
pub struct Listing {
    /// The tensors in the order of the file.
    pub tensors: Vec<TensorInfo>,
    /// The kind of the path as JSON, if the file is one.
    pub path: Option<Value>,
    /// Whether it is a graph file, which states its network itself.
    pub graph: bool,
    /// The number of points; 1 unless the file is a path.
    pub points: usize,
    /// The origin of the file, if it states one.
    pub provenance: Option<Value>,
    /// The network, or the reason why none was found.
    pub network: Result<Arch>,
    /// Sentences that tell what was guessed or left out.
    pub notes: Vec<String>,
    /// SHA-256 of the file.
    pub hash: String,
}

/// A tensor in a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorInfo {
    /// Its name in the file.
    pub name: String,
    /// Its shape in the file; that of a path begins with the number of vertices.
    pub shape: Vec<usize>,
    /// The type of its numbers as in safetensors, for example `F32`.
    pub dtype: String,
    /// The least of its finite numbers.
    pub min: Option<f64>,
    /// The largest of its finite numbers.
    pub max: Option<f64>,
    /// The number of NaN.
    pub nan: usize,
    /// The number of infinities.
    pub infinite: usize,
    /// What the network uses it for.
    pub role: Role,
    /// The network's own name for it, if the network uses it.
    pub entry: Option<String>,
}

/// What a network uses a tensor for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It is a parameter.
    Parameter,
    /// It is one of the running statistics.
    Buffer,
    /// It is neither, or there is no network.
    Other,
}

impl Listing {
    /// Reads a file of tensors in any format. A network is looked for as for a [`Checkpoint`](crate::Checkpoint), but a
    /// file in which there is none can be listed too.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn read(path: &Path, options: &ReadOptions) -> Result<Self> {
        let file = format::read(path, options)?;
        let kind: Option<Value> = json(&file, PATH)?;
        let points = kind.as_ref().map(|_| vertices(&file)).transpose()?;
        let mut tensors: Vec<_> = file.tensors.iter().map(info).collect::<Result<_>>()?;
        let mut notes = file.notes.iter().map(|text| format!("{}: {text}", path.display())).collect();
        let network = network(&file, points, options, (&mut tensors, &mut notes));
        let provenance = json(&file, PROVENANCE)?;
        let points = points.unwrap_or(1);
        let graph = file.network.is_some();
        Ok(Self { tensors, path: kind, graph, points, provenance, network, notes, hash: file_hash(path)? })
    }
}

/// The JSON of a metadata key, if the file has it.
fn json(file: &TensorFile, key: &str) -> Result<Option<Value>> {
    let parsed = file.metadata.get(key).map(|text| serde_json::from_str(text));
    parsed.transpose().map_err(|e| file_error(&file.path, format!("metadata '{key}': {e}")))
}

/// Finds the network, and notes what it uses each tensor for.
fn network(
    file: &TensorFile,
    points: Option<usize>,
    options: &ReadOptions,
    (tensors, notes): (&mut [TensorInfo], &mut Vec<String>),
) -> Result<Arch> {
    let outline = Outline::of(file, points, options)?;
    let found = resolve(&outline, options)?;
    let network = found.arch.network();
    let parameters = network.layout().entries().iter().zip(found.order.iter().map(|&i| Some(i)));
    let parameters = parameters.map(|place| (Role::Parameter, place));
    let buffers = network.buffers().entries().iter().zip(found.buffers.iter().copied());
    for (role, (entry, place)) in parameters.chain(buffers.map(|place| (Role::Buffer, place))) {
        if let Some(i) = place {
            (tensors[i].role, tensors[i].entry) = (role, Some(entry.name.clone()));
        }
    }
    notes.extend(found.notes);
    Ok(found.arch)
}

fn info(named: &Named) -> Result<TensorInfo> {
    let Named { name, shape, dtype, .. } = named;
    let numbers = numbers(named)?;
    let finite = || numbers.iter().copied().filter(|x| x.is_finite());
    let nan = numbers.iter().filter(|x| x.is_nan()).count();
    Ok(TensorInfo {
        name: name.clone(),
        shape: shape.clone(),
        dtype: dtype_name(*dtype),
        min: finite().reduce(f64::min),
        max: finite().reduce(f64::max),
        nan,
        infinite: numbers.len() - nan - finite().count(),
        role: Role::Other,
        entry: None,
    })
}
