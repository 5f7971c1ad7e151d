use std::{cmp::Ordering, collections::BTreeMap, path::Path};

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ReadOptions,
    fault::file_error,
    names::Names,
    outline::Outline,
    resolve::{ARCH, resolve},
    tensors::{self, TensorFile},
    write::Contents,
};
use crate::{Arch, Error, Result};

/// Metadata key of the kind of a path.
pub(super) const PATH: &str = "collado.path";
/// Metadata key of where a file comes from.
pub(super) const PROVENANCE: &str = "collado.provenance";

/// How the points between the vertices of a path are made: the JSON of `collado.path`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PathKind {
    /// Linear between the knots.
    Polychain {
        /// The t of each vertex, strictly increasing from 0 to 1.
        knots: Vec<f64>,
    },
    /// $\sum_i\binom{V-1}{i}t^i(1-t)^{V-1-i}\,\theta_i$.
    Bezier,
    /// The straight line with the statistics of its pre-activations restored (REPAIR, Jordan et al. 2023) at the knots,
    /// linear between them: read like a polygonal chain, every point is an ordinary network.
    Repair {
        /// The t of each vertex, strictly increasing from 0 to 1.
        knots: Vec<f64>,
    },
}

/// A path between two networks, as a file holds it.
#[derive(Debug, Clone)]
pub struct PathFile {
    /// The network.
    pub arch: Arch,
    /// How vertices become a path.
    pub kind: PathKind,
    /// Points `[V, S]` on the CPU, V ≥ 2; the first and the last are the ends.
    pub vertices: Tensor,
    /// Both ends' names and hashes, method, permutations: any JSON object.
    pub provenance: Value,
    /// What the file calls its tensors; they are written under the same names.
    pub names: Names,
}

impl PathFile {
    /// A path that was not read from a file.
    pub fn new(arch: Arch, kind: PathKind, vertices: Tensor, provenance: Value) -> Self {
        Self { arch, kind, vertices, provenance, names: Names::default() }
    }

    /// The same under the names of another file's tensors.
    #[must_use]
    pub fn named(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// Reads a path.
    ///
    /// # Errors
    /// When the file is no path, or a tensor is not one of its architecture at every vertex.
    pub fn read(path: &Path) -> Result<Self> {
        Self::of(&tensors::read(path, &ReadOptions::default())?)
    }

    /// Reads what would be the content of such a file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::of(&tensors::read_bytes(bytes, &ReadOptions::default())?)
    }

    fn of(file: &TensorFile) -> Result<Self> {
        let path = &file.path;
        let fault = |key: &str, e: String| file_error(path, format!("metadata '{key}': {e}"));
        let kind = file
            .metadata
            .get(PATH)
            .ok_or_else(|| file_error(path, format!("has no metadata '{PATH}': it is not a path")))?;
        let kind: PathKind = serde_json::from_str(kind).map_err(|e| fault(PATH, e.to_string()))?;
        if !file.metadata.contains_key(ARCH) {
            return Err(file_error(path, format!("has no metadata '{ARCH}'")));
        }
        let points = match &kind {
            PathKind::Polychain { knots } | PathKind::Repair { knots } => knots.len(),
            PathKind::Bezier => file.tensors.first().and_then(|t| t.shape.first().copied()).unwrap_or(0),
        };
        kind.check(points).map_err(|e| fault(PATH, e))?;
        let provenance = match file.metadata.get(PROVENANCE) {
            Some(text) => serde_json::from_str(text).map_err(|e| fault(PROVENANCE, e.to_string()))?,
            None => Value::Object(Default::default()),
        };
        let outline = Outline::new(file, Some(points))?;
        let found = resolve(&outline, &ReadOptions::default())?;
        let vertices = tensors::stack(&outline, &found.arch.layout(), &found.order, points)?;
        let names = Names::new(&outline, &found.order);
        Ok(Self { arch: found.arch, kind, vertices, provenance, names })
    }

    /// Writes the path. A run that is killed leaves the old file or the new one.
    ///
    /// # Errors
    /// When the file cannot be written, or the vertices or the knots are not those of a path.
    pub fn write(&self, path: &Path) -> Result<()> {
        let layout = self.arch.layout();
        let points = match self.vertices.dims() {
            &[points, size] if size == layout.len() => points,
            other => {
                let expected = format!("[V, {}]", layout.len());
                return Err(Error::mismatch("vertices", expected, format!("{other:?}")));
            }
        };
        self.kind.check(points).map_err(|e| file_error(path, e))?;
        let kind = serde_json::to_string(&self.kind).map_err(|e| file_error(path, e.to_string()))?;
        let provenance = self.provenance.to_string();
        let metadata =
            BTreeMap::from([(ARCH, self.arch.to_string()), (PATH, kind), (PROVENANCE, provenance)]);
        Contents::new(&layout, &self.names, &[points], &self.vertices, metadata)?.write_safetensors(path)
    }
}

impl PathKind {
    /// Whether this can be a path of so many vertices; if not, why.
    fn check(&self, points: usize) -> std::result::Result<(), String> {
        if points < 2 {
            return Err(format!("expected at least 2 vertices, found {points}"));
        }
        let (Self::Polychain { knots } | Self::Repair { knots }) = self else { return Ok(()) };
        if knots.len() != points {
            return Err(format!("expected a knot for each of {points} vertices, found {}", knots.len()));
        }
        if let Some((i, pair)) =
            knots.windows(2).enumerate().find(|(_, k)| k[0].partial_cmp(&k[1]) != Some(Ordering::Less))
        {
            return Err(format!(
                "expected strictly increasing knots, found {} after {} at place {}",
                pair[1],
                pair[0],
                i + 1
            ));
        }
        match (knots[0], knots[points - 1]) {
            (0., 1.) => Ok(()),
            (first, last) => Err(format!("expected knots from 0 to 1, found {first} to {last}")),
        }
    }
}
