//! Written archives against an independent reader, and through the reader of data sets.

use std::io::{Cursor, Read};

use collado_data::NpzWriter;
use npyz::NpyFile;
use zip::ZipArchive;

fn entry(bytes: &[u8], name: &str) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap();
    let mut content = Vec::new();
    archive.by_name(&format!("{name}.npy")).unwrap().read_to_end(&mut content).unwrap();
    content
}

#[test]
fn npyz_reads_what_was_written() {
    let values: Vec<f64> = (0..30_000).map(|i| f64::from(i).sin() * 1e-300).collect();
    let mut npz = NpzWriter::new(Cursor::new(Vec::new()));
    npz.array("matrix", &[100, 300], &values).unwrap();
    npz.array("special", &[3], &[f64::NAN, f64::INFINITY, -0.]).unwrap();
    npz.array("single", &[], &[7.]).unwrap();
    npz.integers("rows", &[0, 5, u32::MAX]).unwrap();
    assert!(npz.array("wrong", &[2, 2], &[1.; 3]).is_err());
    assert!(npz.array("matrix", &[1], &[1.]).is_err());
    let bytes = npz.finish().unwrap().into_inner();

    let matrix = entry(&bytes, "matrix");
    let npy = NpyFile::new(&matrix[..]).unwrap();
    assert_eq!((npy.shape(), npy.order()), (&[100, 300][..], npyz::Order::C));
    assert_eq!(npy.into_vec::<f64>().unwrap(), values);
    let special = NpyFile::new(&entry(&bytes, "special")[..]).unwrap().into_vec::<f64>().unwrap();
    assert!(special[0].is_nan() && special[1] == f64::INFINITY && special[2].to_bits() == 1 << 63);
    let single = entry(&bytes, "single");
    assert_eq!(NpyFile::new(&single[..]).unwrap().shape(), &[] as &[u64]);
    assert_eq!(
        NpyFile::new(&entry(&bytes, "rows")[..]).unwrap().into_vec::<u32>().unwrap(),
        [0, 5, u32::MAX]
    );
    // Numbers begin at a multiple of 64 bytes, as NumPy writes them.
    assert_eq!((matrix.len() - 8 * 30_000) % 64, 0);
}

#[test]
fn a_written_archive_is_a_data_set() {
    let file = tempfile::Builder::new().suffix(".npz").tempfile().unwrap();
    let mut npz = NpzWriter::new(file.reopen().unwrap());
    npz.array("x", &[2, 3], &[1., 2., 3., 4., 5., 6.]).unwrap();
    npz.integers("y", &[1, 0]).unwrap();
    npz.finish().unwrap();
    let data = collado_data::load(&format!("npz:{}", file.path().display())).unwrap();
    assert_eq!((data.train.len(), data.features(), data.outputs()), (2, 3, 2));
    assert_eq!(data.train.inputs.to_vec2::<f64>().unwrap()[1], [4., 5., 6.]);
}
