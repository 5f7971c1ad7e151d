//! `.npz`: a zip archive of `.npy` arrays, stored or deflated.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use candle_core::Tensor;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::bytes::{io_error, open, unpacked_bound};
use crate::named::{self, Arrays};
use crate::{Dataset, Error, Result, npy};

/// Reads the arrays `x`, `y` and optional `x_test`, `y_test` of an `.npz` file.
pub(crate) fn load(spec: &str, path: &Path) -> Result<Dataset> {
    let file = path.display().to_string();
    let (reader, length) = open(path)?;
    let archive = ZipArchive::new(BufReader::new(reader)).map_err(|error| zip_error(&file, error))?;
    named::load(spec, &mut Npz { file, length, archive })
}

struct Npz {
    file: String,
    length: u64,
    archive: ZipArchive<BufReader<File>>,
}

impl Arrays for Npz {
    fn file(&self) -> &str {
        &self.file
    }

    fn names(&self) -> Vec<String> {
        self.archive.file_names().map(|name| name.trim_end_matches(".npy").to_owned()).collect()
    }

    fn array(&mut self, name: &str, place: &str) -> Result<Option<Tensor>> {
        let mut entry = match self.archive.by_name(&format!("{name}.npy")) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(zip_error(place, error)),
        };
        let (declared, packed) = (entry.size(), entry.compressed_size().min(self.length));
        let room = declared.min(unpacked_bound(packed));
        npy::read(&mut entry, place, room).map(Some)
    }
}

fn zip_error(place: &str, error: ZipError) -> Error {
    match error {
        ZipError::Io(source) => io_error(place, source),
        other => Error::format(place, "a zip archive of .npy arrays", other.to_string()),
    }
}
