//! Writes `.npz` files, one array after another, so that only one has to be in memory.

use std::{
    io::{self, Seek, Write},
    mem::ManuallyDrop,
};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Writes named arrays as an `.npz` file, stored without compression, for `numpy.load`.
///
/// ```
/// let mut npz = collado_data::NpzWriter::new(std::io::Cursor::new(Vec::new()));
/// npz.array("risk", &[2, 2], &[1., 2., 3., 4.])?;
/// let bytes = npz.finish()?.into_inner();
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct NpzWriter<W: Write + Seek> {
    /// It is never dropped after writing has failed: its destructor would try again and print the failure on stderr.
    archive: ManuallyDrop<ZipWriter<W>>,
}

impl<W: Write + Seek> NpzWriter<W> {
    /// Begins an archive.
    pub fn new(file: W) -> Self {
        Self { archive: ManuallyDrop::new(ZipWriter::new(file)) }
    }

    /// Adds an array of 64-bit floats, row-major.
    ///
    /// # Errors
    /// When the file cannot be written, the name is taken, or there are more or fewer values than the shape says.
    pub fn array(&mut self, name: &str, shape: &[usize], values: &[f64]) -> io::Result<()> {
        self.numbers(name, "<f8", shape, values.len(), values.iter().map(|x| x.to_le_bytes()))
    }

    /// Adds a column of integers.
    ///
    /// # Errors
    /// When the file cannot be written, or the name is taken.
    pub fn integers(&mut self, name: &str, values: &[u32]) -> io::Result<()> {
        self.numbers(name, "<u4", &[values.len()], values.len(), values.iter().map(|x| x.to_le_bytes()))
    }

    /// Writes what is left of the archive and gives the file back.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(self) -> io::Result<W> {
        Ok(ManuallyDrop::into_inner(self.archive).finish()?)
    }

    fn numbers<const N: usize>(
        &mut self,
        name: &str,
        kind: &str,
        shape: &[usize],
        count: usize,
        values: impl Iterator<Item = [u8; N]>,
    ) -> io::Result<()> {
        if shape.iter().product::<usize>() != count {
            let reason = format!("array '{name}': expected the shape {shape:?}, found {count} values");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let header = header(kind, shape);
        let large = header.len() + N * count >= u32::MAX as usize;
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
        self.archive.start_file(format!("{name}.npy"), options)?;
        self.archive.write_all(&header)?;
        let mut block = Vec::with_capacity(1 << 16);
        for value in values {
            block.extend_from_slice(&value);
            if block.len() >= 1 << 16 {
                self.archive.write_all(&block)?;
                block.clear();
            }
        }
        self.archive.write_all(&block)?;
        self.archive.flush()
    }
}

/// A version 1.0 header, padded so that the numbers begin at a multiple of 64.
fn header(kind: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let padding = (64 - (10 + text.len() + 1) % 64) % 64;
    text.push_str(&" ".repeat(padding));
    text.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&(text.len() as u16).to_le_bytes());
    header.extend_from_slice(text.as_bytes());
    header
}
