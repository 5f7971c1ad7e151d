//! CIFAR-10 and CIFAR-100 in their original formats: records of bytes ("binary version"), or pickles of NumPy arrays
//! ("Python version"), which are read and never executed.
//!
//! A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009). None of the files are shipped.

use std::io::Read;
use std::path::{Path, PathBuf};

use candle_core::Tensor;

use crate::array::matrix;
use crate::bytes::io_error;
use crate::files::Files;
use crate::images::{CIFAR10, CIFAR100, Constants, Normalize, normalized};
use crate::options::Options;
use crate::pickle::{self, Value};
use crate::targets::Targets;
use crate::{Dataset, Error, Result, Split};

/// Bytes of an image: red, green and blue, 32 rows of 32 each.
const PIXELS: usize = 3 * 32 * 32;
/// The largest pixel.
const WHITE: f32 = 255.0;
/// More rows than this are not in any version of the files.
const LARGEST: usize = 1 << 20;

/// Which of the two data sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ten,
    Hundred,
}

impl Kind {
    fn constants(self) -> Constants {
        if self == Self::Ten { CIFAR10 } else { CIFAR100 }
    }

    fn classes(self) -> usize {
        if self == Self::Ten { 10 } else { 100 }
    }

    /// The folders inside of the archives as they are distributed, and the file names of both splits in each.
    fn versions(self) -> [(&'static str, &'static [&'static str], &'static str, bool); 2] {
        match self {
            Self::Ten => [
                (
                    "cifar-10-batches-bin",
                    &[
                        "data_batch_1.bin",
                        "data_batch_2.bin",
                        "data_batch_3.bin",
                        "data_batch_4.bin",
                        "data_batch_5.bin",
                    ],
                    "test_batch.bin",
                    true,
                ),
                (
                    "cifar-10-batches-py",
                    &["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"],
                    "test_batch",
                    false,
                ),
            ],
            Self::Hundred => [
                ("cifar-100-binary", &["train.bin"], "test.bin", true),
                ("cifar-100-python", &["train"], "test", false),
            ],
        }
    }

    /// Bytes of a label in a record; the last of them is the class.
    fn label_bytes(self) -> usize {
        if self == Self::Ten { 1 } else { 2 }
    }
}

/// The folder and the options of a string.
#[derive(Debug, Clone)]
pub(crate) struct Cifar {
    kind: Kind,
    folder: PathBuf,
    normalize: Option<Normalize>,
}

/// Pixels and labels of some images.
#[derive(Default)]
struct Rows {
    pixels: Vec<f32>,
    labels: Vec<u32>,
}

impl Cifar {
    /// Reads the option `normalize`.
    pub(crate) fn parse(kind: Kind, folder: PathBuf, options: &Options) -> Result<Self> {
        let normalize = Normalize::parse(options, Some(kind.constants()))?;
        options.finish()?;
        Ok(Self { kind, folder, normalize })
    }

    /// Reads both splits: inputs F32 `[N, 3072]`, pixels/255, divided in f32.
    pub(crate) fn load(&self, spec: &str, files: Files<'_>) -> Result<Dataset> {
        let found = self.kind.versions().into_iter().find_map(|(inner, train, test, binary)| {
            let folders = [self.folder.clone(), self.folder.join(inner)];
            let folder = folders.into_iter().find(|folder| files.exist(&folder.join(test)))?;
            Some((folder, train, test, binary))
        });
        let Some((folder, train, test, binary)) = found else {
            let names = self.kind.versions().map(|(_, train, test, _)| format!("{}, …, {test}", train[0]));
            let expected = format!("the files {}", names.join(" or "));
            return Err(Error::format(self.folder.display().to_string(), expected, "none of them"));
        };
        let read = |names: &[&str]| -> Result<Split> {
            let mut rows = Rows::default();
            for name in names {
                let path = folder.join(name);
                match binary {
                    true => self.records(&path, files, &mut rows)?,
                    false => self.pickled(&path, files, &mut rows)?,
                }
            }
            let place = folder.join(names[0]).display().to_string();
            let inputs: Tensor = normalized(self.normalize.as_ref(), matrix(rows.pixels, PIXELS)?, 3)?;
            let (labels, count) = (rows.labels, self.kind.classes());
            Split::at(&place, &place, inputs, Targets::Classes { labels, count, names: Vec::new() })
        };
        let (train, test) = (read(train)?, read(&[test])?);
        Ok(Dataset::new(spec, train, Some(test))?.with_image(Some([3, 32, 32])))
    }

    fn bytes(path: &Path, files: Files<'_>) -> Result<Vec<u8>> {
        let place = path.display().to_string();
        let (mut reader, length) = files.open(path)?;
        if length > (LARGEST * (PIXELS + 2)) as u64 {
            return Err(Error::format(place, format!("at most {LARGEST} images"), format!("{length} bytes")));
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|source| io_error(&place, source))?;
        Ok(bytes)
    }

    fn records(&self, path: &Path, files: Files<'_>, rows: &mut Rows) -> Result<()> {
        let (bytes, head) = (Self::bytes(path, files)?, self.kind.label_bytes());
        let size = head + PIXELS;
        if bytes.is_empty() || !bytes.len().is_multiple_of(size) {
            let expected = format!("records of {size} bytes");
            return Err(Error::format(
                path.display().to_string(),
                expected,
                format!("{} bytes", bytes.len()),
            ));
        }
        for record in bytes.chunks_exact(size) {
            rows.labels.push(record[head - 1].into());
            rows.pixels.extend(record[head..].iter().map(|&pixel| f32::from(pixel) / WHITE));
        }
        Ok(())
    }

    fn pickled(&self, path: &Path, files: Files<'_>, rows: &mut Rows) -> Result<()> {
        let place = path.display().to_string();
        let fail = |expected: &str, found: &str| Error::format(place.as_str(), expected, found);
        let bytes = Self::bytes(path, files)?;
        let content = pickle::read(&bytes).map_err(|reason| fail("a pickle of CIFAR's", &reason))?;
        let name = if self.kind == Kind::Ten { "labels" } else { "fine_labels" };
        let (Some(data), Some(labels)) = (content.entry("data"), content.entry(name)) else {
            return Err(fail(&format!("a dictionary with 'data' and '{name}'"), "another object"));
        };
        let (Value::Bytes(pixels), Value::List(labels)) = (data, labels) else {
            return Err(fail("an array of bytes and a list of labels", "other objects"));
        };
        if pixels.len() != labels.len() * PIXELS {
            let expected = format!("{PIXELS} bytes for each of {} labels", labels.len());
            return Err(fail(&expected, &format!("{} bytes", pixels.len())));
        }
        for label in labels.iter() {
            let Value::Int(label) = label else {
                return Err(fail("labels in whole numbers", "another object"));
            };
            rows.labels.push(u32::try_from(*label).map_err(|_| fail("labels from 0", &label.to_string()))?);
        }
        rows.pixels.extend(pixels.iter().map(|&pixel| f32::from(pixel) / WHITE));
        Ok(())
    }
}
