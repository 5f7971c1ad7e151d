//! Reads `.npz` files: zip archives of `.npy` arrays, stored or deflated.

use std::path::Path;

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use crate::array::Number;
use crate::bytes::{io_error, unpacked_bound};
use crate::files::{Files, Stream};
use crate::named::{self, Arrays, Header, NamedOptions};
use crate::{Dataset, Error, Result, npy};

/// Reads the arrays of an `.npz` file.
pub(crate) fn load(spec: &str, path: &Path, options: &NamedOptions, files: Files<'_>) -> Result<Dataset> {
    let open = |path: &Path| {
        let file = path.display().to_string();
        let (reader, length) = files.open(path)?;
        let archive = ZipArchive::new(reader).map_err(|error| zip_error(&file, error))?;
        Ok::<_, Error>(Npz { file, length, archive })
    };
    let mut other = options.test.file().map(open).transpose()?;
    named::load(spec, &mut open(path)?, other.as_mut(), options)
}

struct Npz<'a> {
    file: String,
    length: u64,
    archive: ZipArchive<Box<dyn Stream + 'a>>,
}

/// An array's entry in the archive, positioned at its numbers.
type Entry<'a, 'b> = ZipFile<'a, Box<dyn Stream + 'b>>;

impl<'b> Npz<'b> {
    fn open(&mut self, name: &str, place: &str) -> Result<Option<(Header, Entry<'_, 'b>)>> {
        let mut entry = match self.archive.by_name(&format!("{name}.npy")) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(zip_error(place, error)),
        };
        let (declared, packed) = (entry.size(), entry.compressed_size().min(self.length));
        let header = npy::read_header(&mut entry, place, declared.min(unpacked_bound(packed)))?;
        Ok(Some((header, entry)))
    }
}

impl Arrays for Npz<'_> {
    fn file(&self) -> &str {
        &self.file
    }

    fn names(&self) -> Vec<String> {
        self.archive.file_names().map(|name| name.trim_end_matches(".npy").to_owned()).collect()
    }

    fn header(&mut self, name: &str, place: &str) -> Result<Option<Header>> {
        Ok(self.open(name, place)?.map(|(header, _)| header))
    }

    fn numbers<T: Number>(&mut self, name: &str, place: &str, _: &Header) -> Result<Vec<T>> {
        match self.open(name, place)? {
            Some((header, mut entry)) => npy::read_numbers(&mut entry, place, &header),
            None => Err(Error::format(place, "an array", "none")),
        }
    }
}

fn zip_error(place: &str, error: ZipError) -> Error {
    match error {
        ZipError::Io(source) => io_error(place, source),
        other => Error::format(place, "a zip archive of .npy arrays", other.to_string()),
    }
}
