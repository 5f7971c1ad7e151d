//! Finished parts of a study on disk, from which a study that was stopped goes on.

use std::{
    cell::Cell,
    fmt::Display,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use collado_files::to_json;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tracing::{debug_span, info};

use crate::{Result, StudyError};

/// The finished cells of a study's grid (a cell is a width, a pair of k and n, …), each in a file of a folder, so that a study
/// that was stopped goes on where it was.
///
/// A cell is stored bit by bit, with the version of the program and the settings of the study as its key. A study that is put
/// together from stored cells therefore equals one that was never stopped. Each file ends with a checksum: a file that was cut
/// off or damaged counts as missing.
#[derive(Debug, Default)]
pub struct CellCache {
    folder: Option<PathBuf>,
    seconds: Cell<f64>,
}

impl CellCache {
    /// A cache that keeps nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// A cache that keeps cells in `folder`, which is created with the first of them.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder: Some(folder), ..Self::default() }
    }

    /// The time that it had taken to compute the cells that were found in the folder, in seconds.
    pub fn seconds(&self) -> f64 {
        self.seconds.get()
    }

    /// The stored cell, or the one that `make` computes, stored.
    ///
    /// # Errors
    /// Those of `make`; [`StudyError::Cell`] when the file holds a cell of other settings or cannot be written.
    pub(crate) fn get<T: Serialize + DeserializeOwned>(
        &self,
        settings: &impl Serialize,
        name: &str,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let _span = debug_span!("cell", name).entered();
        let Some(folder) = &self.folder else { return make() };
        let file = folder.join(format!("{name}.cbor"));
        let settings = to_json(settings).map_err(|e| cell_error(&file, &e))?;
        let key = format!("{} {name} {settings}", env!("CARGO_PKG_VERSION"));
        if let Some((value, seconds)) = load(&file, &key)? {
            info!(name, seconds, "cell of an earlier run");
            self.seconds.set(self.seconds.get() + seconds);
            return Ok(value);
        }
        let start = Instant::now();
        let value = make()?;
        store(&file, &(&key, start.elapsed().as_secs_f64()), &value)?;
        Ok(value)
    }
}

/// The cell and the seconds that it took; nothing where there is no whole one.
fn load<T: DeserializeOwned>(file: &Path, key: &str) -> Result<Option<(T, f64)>> {
    let Ok(bytes) = std::fs::read(file) else { return Ok(None) };
    let Some((mut reader, sum)) = bytes.split_last_chunk() else { return Ok(None) };
    if checksum(reader) != *sum {
        return Ok(None);
    }
    let Ok((found, seconds)) = ciborium::from_reader::<(String, f64), _>(&mut reader) else {
        return Ok(None);
    };
    if found != key {
        let reason = format!("expected a cell of this study, {key}; found one of {found}");
        return Err(cell_error(file, &reason));
    }
    Ok(ciborium::from_reader(reader).ok().map(|value| (value, seconds)))
}

/// Two values, one after the other, and the checksum of both: the head can be read without knowing what follows.
fn store(file: &Path, head: &impl Serialize, value: &impl Serialize) -> Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|e| cell_error(file, &e))?;
    }
    let mut bytes = Vec::new();
    let written = ciborium::into_writer(head, &mut bytes);
    written.and_then(|()| ciborium::into_writer(value, &mut bytes)).map_err(|e| cell_error(file, &e))?;
    bytes.extend(checksum(&bytes));
    Ok(collado_files::atomically(file, |out| out.write_all(&bytes))?)
}

fn cell_error(file: &Path, reason: &dyn Display) -> StudyError {
    StudyError::Cell { file: file.display().to_string(), reason: reason.to_string() }
}

fn checksum(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The cell of `seed`, and whether it was computed.
    fn get(cells: &CellCache, seed: u64, value: &[f64]) -> Result<(Vec<f64>, bool)> {
        let mut made = false;
        let got = cells.get(&seed, "a", || {
            made = true;
            Ok(value.to_vec())
        })?;
        Ok((got, made))
    }

    proptest! {
        /// All 64 bits come back, those of numbers that are not finite as the same kind.
        #[test]
        fn cells_come_back_bit_by_bit(bits in proptest::collection::vec(any::<u64>(), 0..20)) {
            let value: Vec<f64> = bits.into_iter().map(f64::from_bits).chain([f64::NAN, -0., 0.1]).collect();
            let folder = tempfile::tempdir().unwrap();
            let cells = || CellCache::in_folder(folder.path().join("state"));
            prop_assert!(get(&cells(), 1, &value).unwrap().1);
            let (back, made) = get(&cells(), 1, &[]).unwrap();
            prop_assert!(!made && back.len() == value.len());
            for (a, b) in back.iter().zip(&value) {
                prop_assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(), "{} {}", a, b);
            }
        }
    }

    #[test]
    fn other_settings_are_refused_and_torn_files_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        let cells = CellCache::in_folder(folder.path().to_owned());
        get(&cells, 1, &[1., 2.]).unwrap();
        assert!(cells.seconds() == 0. && matches!(get(&cells, 2, &[3.]), Err(StudyError::Cell { .. })));
        let file = folder.path().join("a.cbor");
        let whole = std::fs::read(&file).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&file, &whole[..length]).unwrap();
            assert_eq!(get(&cells, 1, &[1., 2.]).unwrap(), (vec![1., 2.], true), "{length}");
        }
        // A bit that has flipped is noticed wherever it is.
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&file, &bytes).unwrap();
            assert_eq!(get(&cells, 1, &[1., 2.]).unwrap(), (vec![1., 2.], true), "{bit}");
        }
        assert!(!get(&cells, 1, &[]).unwrap().1 && cells.seconds() > 0.);
        // Without a folder nothing is kept.
        assert!((0..2).all(|_| get(&CellCache::none(), 1, &[]).unwrap().1));
    }
}
