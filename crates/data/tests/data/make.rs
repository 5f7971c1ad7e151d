//! Files for the tests.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use npyz::WriterBuilder;
use zip::write::SimpleFileOptions;

/// The message of the error that a string must give.
pub fn error(spec: &str) -> String {
    let error = collado_data::load(spec).expect_err(spec);
    let text = error.to_string();
    assert!(!text.contains('\n'), "more than one line: {text}");
    text
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn idx(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|size| file.extend(size.to_be_bytes()));
    file.extend(bytes);
    file
}

/// Six training and two test images of 2×3 pixels.
pub fn mnist(folder: &Path, pack: bool) {
    let pixels: Vec<u8> = (0..36).map(|i| i * 7).collect();
    let files = [
        ("train-images-idx3-ubyte", idx(&[6, 2, 3], &pixels)),
        ("train-labels-idx1-ubyte", idx(&[6], &[0, 1, 2, 0, 1, 2])),
        ("t10k-images-idx3-ubyte", idx(&[2, 2, 3], &pixels[..12])),
        ("t10k-labels-idx1-ubyte", idx(&[2], &[3, 0])),
    ];
    for (name, bytes) in files {
        let (name, bytes) =
            if pack { (format!("{name}.gz"), gzip(&bytes)) } else { (name.to_owned(), bytes) };
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// An `.npy` array written by `npyz`.
pub fn npy<T: npyz::Serialize + npyz::AutoSerialize + Copy>(
    shape: &[u64],
    order: npyz::Order,
    values: &[T],
) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let options = npyz::WriteOptions::new().default_dtype().shape(shape).order(order).writer(&mut bytes);
    let mut writer = options.begin_nd().unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes.into_inner()
}

pub fn c<T: npyz::Serialize + npyz::AutoSerialize + Copy>(shape: &[u64], values: &[T]) -> Vec<u8> {
    npy(shape, npyz::Order::C, values)
}

/// An `.npy` array with a header of one's own.
pub fn raw_npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

pub fn npz(method: zip::CompressionMethod, arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(format!("{name}.npy"), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Writes `bytes` and returns the string that names the file.
pub fn file(folder: &Path, scheme: &str, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    format!("{scheme}:{}", path.display())
}

pub fn stored(folder: &Path, arrays: &[(&str, Vec<u8>)]) -> String {
    file(folder, "npz", "data.npz", &npz(zip::CompressionMethod::Stored, arrays))
}

pub fn labels(targets: &collado_data::Targets) -> (&[u32], usize) {
    match targets {
        collado_data::Targets::Classes { labels, count, .. } => (labels, *count),
        other => panic!("expected classes, found {other:?}"),
    }
}

pub fn values(targets: &collado_data::Targets) -> Vec<Vec<f64>> {
    match targets {
        collado_data::Targets::Values(values) => values.to_vec2().unwrap(),
        other => panic!("expected values, found {other:?}"),
    }
}
