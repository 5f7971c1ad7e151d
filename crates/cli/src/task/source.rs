//! The statements of files of parameters, taken together.

use std::path::Path;

use candle_core::DType;
use collado_files::{Checkpoint, PathFile};
use collado_models::Arch;

use crate::{args::DataArgs, failure::Failure, stated::Stated};

/// The joint statements of files of parameters.
pub(crate) struct Source<'a> {
    pub(crate) arch: &'a Arch,
    pub(crate) stated: Stated,
    /// The widest number type of the files.
    pub(crate) dtype: DType,
}

impl<'a> Source<'a> {
    /// The source of one checkpoint, or of several of one architecture.
    pub(crate) fn of(files: &[(&Path, &'a Checkpoint)], args: &DataArgs) -> Result<Self, Failure> {
        let (file, first) = files[0];
        let mut source = Self {
            arch: &first.arch,
            stated: Stated::by(file, &first.provenance)?,
            dtype: first.theta.dtype(),
        };
        for (file, checkpoint) in &files[1..] {
            source.stated.join(Stated::by(file, &checkpoint.provenance)?, args)?;
            if checkpoint.theta.dtype() == DType::F64 {
                source.dtype = DType::F64;
            }
        }
        Ok(source)
    }

    /// The source of a path file.
    pub(crate) fn of_path(file: &Path, path: &'a PathFile) -> Result<Self, Failure> {
        let provenance = serde_json::from_value(path.provenance.clone())
            .map_err(|e| Failure::new(format!("{}: metadata 'collado.provenance': {e}", file.display())))?;
        let (arch, dtype) = (&path.arch, path.path.vertices().dtype());
        Ok(Self { arch, stated: Stated::by(file, &provenance)?, dtype })
    }
}
