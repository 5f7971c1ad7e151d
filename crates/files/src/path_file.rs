//! Path files: a path between two networks.

use std::{collections::BTreeMap, path::Path as FilePath};

use collado_models::Arch;
use collado_risk::{Path, PathKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result};
use crate::{
    ReadOptions,
    described::{self, NETWORK},
    fault::file_error,
    format,
    names::Names,
    outline::Outline,
    resolve::{ARCH, resolve},
    stack::{buffers, stack},
    tensors::TensorFile,
    write::{Contents, with_layout},
};

/// The metadata key of the kind of a path.
pub(crate) const PATH: &str = "collado.path";
/// The metadata key of the origin of a file.
pub(crate) const PROVENANCE: &str = "collado.provenance";

/// The kind of a path, as the JSON of `collado.path` has it.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Kind {
    Polychain {
        knots: Vec<f64>,
    },
    Bezier,
    /// A polygonal chain that REPAIR made (Jordan et al. 2023). Its geometry is that of any polygonal chain.
    Repair {
        knots: Vec<f64>,
    },
}

/// A path between two networks, as a path file holds it.
#[derive(Debug, Clone)]
pub struct PathFile {
    /// The network.
    pub arch: Arch,
    /// The path, on the CPU.
    pub path: Path,
    /// The origin of the path as a JSON object: names and hashes of both ends, method, permutations.
    pub provenance: Value,
    /// The names of the tensors in the file; they are written under the same names.
    pub names: Names,
}

impl PathFile {
    /// A path that was not read from a file.
    pub fn new(arch: Arch, path: Path, provenance: Value) -> Self {
        Self { arch, path, provenance, names: Names::default() }
    }

    /// The same path, to be written under the names of another file's tensors.
    #[must_use]
    pub fn named(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// Reads a path file.
    ///
    /// # Errors
    /// When the file is not a path, or its tensors do not fit the architecture at every vertex.
    pub fn read(path: &FilePath) -> Result<Self> {
        Self::of(&format::read(path, &ReadOptions::default())?)
    }

    /// Reads a path from the content of such a file.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::of(&format::read_bytes(bytes, &ReadOptions::default())?)
    }

    fn of(file: &TensorFile) -> Result<Self> {
        let path = &file.path;
        let fault = |key: &str, e: String| file_error(path, format!("metadata '{key}': {e}"));
        let (kind, points) = kind_of(file)?;
        kind.check(points).map_err(|e| fault(PATH, e))?;
        let provenance = match file.metadata.get(PROVENANCE) {
            Some(text) => serde_json::from_str(text).map_err(|e| fault(PROVENANCE, e.to_string()))?,
            None => Value::Object(Default::default()),
        };
        let outline = Outline::of(file, Some(points), &ReadOptions::default())?;
        let found = resolve(&outline, &ReadOptions::default())?;
        let network = found.arch.network();
        let vertices = stack(&outline, network.layout(), &found.order, points)?;
        let names = found.names(&outline);
        let path = Path::new(kind, vertices)?;
        let path = match buffers(&outline, network.buffers(), &found.buffers, points)? {
            Some(rows) => path.with_buffers(rows)?,
            None => path,
        };
        Ok(Self { arch: found.arch, path, provenance, names })
    }

    /// Writes the path. A run that is killed leaves the old file or the new one.
    ///
    /// # Errors
    /// When the file cannot be written, or the vertices or the knots are not those of a path.
    pub fn write(&self, path: &FilePath) -> Result<()> {
        let network = self.arch.network();
        let layout = network.layout();
        let (points, size) = self.path.vertices().dims2()?;
        if size != layout.len() {
            let expected = format!("[V, {}]", layout.len());
            return Err(Error::mismatch("vertices", expected, format!("[{points}, {size}]")));
        }
        let kind = serde_json::to_string(&self.kind()).map_err(|e| file_error(path, e.to_string()))?;
        let provenance = self.provenance.to_string();
        let mut metadata =
            BTreeMap::from([(ARCH, self.arch.to_string()), (PATH, kind), (PROVENANCE, provenance)]);
        if self.arch.spec().is_listed() {
            metadata.insert(NETWORK, described::to_text(&network));
        }
        let buffers = with_layout(&network, self.path.buffers())?;
        Contents::new(&network, &self.names, &[points], self.path.vertices(), buffers, metadata)?
            .write_safetensors(path)
    }

    fn kind(&self) -> Kind {
        match self.path.kind() {
            PathKind::Bezier => Kind::Bezier,
            PathKind::Polychain { knots } => {
                let knots = knots.clone();
                match self.provenance["method"] == "repair" {
                    true => Kind::Repair { knots },
                    false => Kind::Polychain { knots },
                }
            }
        }
    }
}

/// The number of vertices of the path in a file.
///
/// # Errors
/// When the file is not a path.
pub(crate) fn vertices(file: &TensorFile) -> Result<usize> {
    Ok(kind_of(file)?.1)
}

/// The kind of the path in a file, and the number of its vertices, which are not yet compared.
fn kind_of(file: &TensorFile) -> Result<(PathKind, usize)> {
    let path = &file.path;
    let fault = |key: &str, e: String| file_error(path, format!("metadata '{key}': {e}"));
    let kind = file
        .metadata
        .get(PATH)
        .ok_or_else(|| file_error(path, format!("has no metadata '{PATH}': it is not a path")))?;
    let kind: Kind = serde_json::from_str(kind).map_err(|e| fault(PATH, e.to_string()))?;
    if !file.metadata.contains_key(ARCH) {
        return Err(file_error(path, format!("has no metadata '{ARCH}'")));
    }
    Ok(match kind {
        Kind::Polychain { knots } | Kind::Repair { knots } => {
            let points = knots.len();
            (PathKind::Polychain { knots }, points)
        }
        Kind::Bezier => {
            let first = file.tensors.first().and_then(|t| t.shape.first().copied());
            (PathKind::Bezier, first.unwrap_or(0))
        }
    })
}
