//! Damaged files: every reader answers with a data set or an error, and soon.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use collado_data::load;
use proptest::collection::vec;
use proptest::prelude::*;
use zip::CompressionMethod;

use crate::make::{c, gzip, idx, mnist, npz};

/// Far above what a small file takes, on a busy machine too.
const SOON: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
enum Damage {
    Truncate(prop::sample::Index),
    Flip(Vec<(prop::sample::Index, u8)>),
    Insert(prop::sample::Index, Vec<u8>),
    Replace(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Damage::Truncate),
        vec((any::<prop::sample::Index>(), 1_u8..), 1..8).prop_map(Damage::Flip),
        (any::<prop::sample::Index>(), vec(any::<u8>(), 1..16))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        vec(any::<u8>(), 0..512).prop_map(Damage::Replace),
    ]
}

fn apply(mut bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    match damage {
        Damage::Truncate(at) => bytes.truncate(at.index(bytes.len())),
        Damage::Flip(flips) => flips.iter().for_each(|(at, mask)| {
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
        }),
        Damage::Insert(at, new) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, new.iter().copied());
        }
        Damage::Replace(new) => bytes = new.clone(),
    }
    bytes
}

/// Reads the set; errors must be one line, and sets must be sound.
fn answers(spec: &str) {
    let start = Instant::now();
    match load(spec) {
        Ok(data) => assert!(data.train.len() == data.train.targets.len() && !data.train.is_empty()),
        Err(error) => {
            assert!(!error.to_string().is_empty() && error.hint().is_none_or(|hint| !hint.is_empty()))
        }
    }
    assert!(start.elapsed() < SOON, "{spec} took {:?}", start.elapsed());
}

fn damaged(scheme: &str, bytes: Vec<u8>, damage: &Damage) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), apply(bytes, damage)).unwrap();
    answers(&format!("{scheme}:{}", file.path().display()));
}

fn arrays() -> Vec<(&'static str, Vec<u8>)> {
    let x: Vec<f64> = (0..12).map(f64::from).collect();
    vec![
        ("x", c(&[4, 3], &x)),
        ("y", c(&[4], &[0_i32, 1, 2, 1])),
        ("x_test", c(&[2, 3], &x[..6])),
        ("y_test", c(&[2], &[1_i32, 0])),
    ]
}

fn safetensors_file() -> Vec<u8> {
    let numbers = |n: u32| (0..n).flat_map(|i| (i as f32).to_le_bytes()).collect::<Vec<u8>>();
    let (x, y) = (numbers(12), numbers(4));
    let view =
        |shape: Vec<usize>, data| safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, data);
    let tensors = [("x", view(vec![4, 3], &x).unwrap()), ("y", view(vec![4], &y).unwrap())];
    safetensors::serialize(tensors, None).unwrap()
}

fn replace_in(folder: &Path, name: &str, bytes: &[u8]) {
    let target = folder.join(name);
    fs::write(target, bytes).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn idx_files(damage in damage(), pack in any::<bool>(), inside in any::<bool>(), labels in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        mnist(folder.path(), false);
        let (name, plain) = match labels {
            true => ("train-labels-idx1-ubyte", idx(&[6], &[0, 1, 2, 0, 1, 2])),
            false => ("train-images-idx3-ubyte", idx(&[6, 2, 3], &[9; 36])),
        };
        let bytes = match (pack, inside) {
            (false, _) => apply(plain, &damage),
            (true, true) => gzip(&apply(plain, &damage)),
            (true, false) => apply(gzip(&plain), &damage),
        };
        replace_in(folder.path(), name, &bytes);
        answers(&format!("mnist:{}", folder.path().display()));
    }

    #[test]
    fn npz_files(damage in damage(), deflate in any::<bool>()) {
        let method = if deflate { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        damaged("npz", npz(method, &arrays()), &damage);
    }

    /// Damage under an intact checksum reaches the array reader.
    #[test]
    fn npy_arrays(damage in damage(), which in 0_usize..4) {
        let mut arrays = arrays();
        arrays[which].1 = apply(std::mem::take(&mut arrays[which].1), &damage);
        damaged("npz", npz(CompressionMethod::Deflated, &arrays), &Damage::Flip(Vec::new()));
    }

    #[test]
    fn npy_headers(
        text in "[(){},:' a-zA-Z0-9<>|-]{0,80}",
        descr in "[<>|][biufcOSUV][0-9]{1,3}",
        shape in vec(any::<i64>(), 0..5),
    ) {
        let shape: Vec<_> = shape.iter().map(|size| format!("{size},")).collect();
        let full = format!("{{'descr': '{descr}', 'fortran_order': True, 'shape': ({}), {text}", shape.concat());
        for header in [full, format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {text}"), text] {
            let mut arrays = arrays();
            arrays[0].1 = crate::make::raw_npy(&header, &[0; 64]);
            damaged("npz", npz(CompressionMethod::Stored, &arrays), &Damage::Flip(Vec::new()));
        }
    }

    #[test]
    fn safetensors_files(damage in damage()) {
        damaged("safetensors", safetensors_file(), &damage);
    }

    #[test]
    fn csv_files(damage in damage()) {
        damaged("csv", b"a,b,\"c\"\n1,2,0\n3.5,4e0,1\n-1,\"2\",1\n".to_vec(), &damage);
    }

    #[test]
    fn strings(spec in "(digits|mnist|csv|npz|safetensors|synthetic)?:?[a-z/?=&,0-9-]{0,24}") {
        let _ = spec.parse::<collado_data::Spec>();
    }
}
