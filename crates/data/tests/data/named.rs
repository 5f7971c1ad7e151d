//! `.npz` and `.safetensors`: the same arrays in both.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use collado_data::load;
use npyz::Order;
use zip::CompressionMethod;

use crate::make::{c, error, file, labels, npy, npz, raw_npy, stored, values};

fn safetensors(folder: &Path, tensors: &[(&str, Tensor)]) -> String {
    let path = folder.join("data.safetensors");
    let tensors: HashMap<_, _> = tensors.iter().map(|(name, tensor)| (*name, tensor.clone())).collect();
    candle_core::safetensors::save(&tensors, &path).unwrap();
    format!("safetensors:{}", path.display())
}

#[test]
fn both_formats_and_both_packings_give_the_same_set() {
    let folder = tempfile::tempdir().unwrap();
    let x: Vec<f32> = (0..24).map(|i| i as f32 / 4.0).collect();
    let arrays = [
        ("x", c(&[4, 2, 3], &x)),
        ("y", c(&[4], &[0_i64, 1, 2, 1])),
        ("x_test", c(&[2, 6], &x[..12])),
        ("y_test", c(&[2], &[3_u8, 0])),
    ];
    let plain = load(&stored(folder.path(), &arrays)).unwrap();
    let deflated = file(folder.path(), "npz", "other.npz", &npz(CompressionMethod::Deflated, &arrays));
    let tensor = |values: &[f32], shape: &[usize]| Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
    let tensors = [
        ("x", tensor(&x, &[4, 6])),
        ("y", Tensor::new(&[0_u32, 1, 2, 1], &Device::Cpu).unwrap()),
        ("x_test", tensor(&x[..12], &[2, 2, 3])),
        ("y_test", Tensor::new(&[3_i64, 0], &Device::Cpu).unwrap()),
    ];
    assert_eq!(plain.hash, load(&deflated).unwrap().hash);
    assert_eq!(plain.hash, load(&safetensors(folder.path(), &tensors)).unwrap().hash);
    assert_eq!((plain.train.len(), plain.features(), plain.outputs()), (4, 6, 4));
    assert_eq!(labels(&plain.train.targets), (&[0, 1, 2, 1][..], 4));
    assert_eq!(plain.train.inputs.dtype(), DType::F32);
    assert_eq!(plain.train.inputs.to_vec2::<f32>().unwrap().concat(), x);
}

#[test]
fn fortran_order_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    // x[i][j][k] = 100 i + 10 j + k, first index fastest in the file.
    let at = |i: usize, j: usize, k: usize| (100 * i + 10 * j + k) as f64;
    let fortran: Vec<f64> = (0..24).map(|m| at(m % 2, m / 2 % 3, m / 6)).collect();
    let rows: Vec<f64> = (0..24).map(|m| at(m / 12, m / 4 % 3, m % 4)).collect();
    let y = npy(&[2, 2], Order::Fortran, &[1.0_f32, 2.0, 3.0, 4.0]);
    let data =
        load(&stored(folder.path(), &[("x", npy(&[2, 3, 4], Order::Fortran, &fortran)), ("y", y)])).unwrap();
    assert_eq!(data.train.inputs.to_vec2::<f64>().unwrap().concat(), rows);
    assert_eq!(values(&data.train.targets), [[1.0, 3.0], [2.0, 4.0]]);
}

#[test]
fn number_types_become_f32_or_f64() {
    let folder = tempfile::tempdir().unwrap();
    let y = || ("y", c(&[2], &[0.5_f64, 1.5]));
    let read = |x: Vec<u8>| load(&stored(folder.path(), &[("x", x), y()])).unwrap().train.inputs;
    assert_eq!(read(c(&[2, 1], &[200_u8, 3])).to_vec2::<f64>().unwrap(), [[200.0], [3.0]]);
    assert_eq!(read(c(&[2], &[-7_i16, 3])).to_vec2::<f64>().unwrap(), [[-7.0], [3.0]]);
    assert_eq!(read(c(&[2], &[1.5_f32, 3.0])).to_vec2::<f32>().unwrap(), [[1.5], [3.0]]);
    assert_eq!(read(c(&[2], &[true, false])).to_vec2::<f64>().unwrap(), [[1.0], [0.0]]);
    let big = raw_npy("{'descr': '>f8', 'fortran_order': False, 'shape': (2, 1), }", &{
        [1.5_f64.to_be_bytes(), (-2.0_f64).to_be_bytes()].concat()
    });
    assert_eq!(read(big).to_vec2::<f64>().unwrap(), [[1.5], [-2.0]]);
    let half = raw_npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2L,), }", &[0, 0x3e, 0, 0xc0]);
    assert_eq!(read(half).to_vec2::<f32>().unwrap(), [[1.5], [-2.0]]);
    let half = Tensor::new(&[[1.5_f32], [-2.0]], &Device::Cpu).unwrap();
    let y = Tensor::new(&[0_i64, 1], &Device::Cpu).unwrap();
    for dtype in [DType::F16, DType::BF16] {
        let x = half.to_dtype(dtype).unwrap();
        let data = load(&safetensors(folder.path(), &[("x", x), ("y", y.clone())])).unwrap();
        assert_eq!(data.train.inputs.to_vec2::<f32>().unwrap(), [[1.5], [-2.0]]);
    }
}

#[test]
fn wrong_arrays_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let x = || ("x", c(&[2, 1], &[1.0, 2.0]));
    let y = || ("y", c(&[2], &[0_i64, 1]));
    let data = [0; 16];
    let header = |descr: &str, shape: &str| {
        ("x", raw_npy(&format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"), &data))
    };
    let deep = "(".repeat(60_000);
    let cases = [
        (vec![x(), ("y", c(&[3], &[0_i64, 1, 0]))], "array 'y': expected 2 rows like 'x', found 3"),
        (
            vec![x(), ("y", c(&[2], &[0_i64, -1]))],
            "array 'y': row 1: expected a class label from 0 to 65535, found -1",
        ),
        (vec![x(), ("y", c(&[2], &[0_u64, u64::MAX]))], "array 'y': expected integers below 2^63"),
        (
            vec![x(), ("y", c(&[2, 2], &[0_i64, 1, 1, 0]))],
            "array 'y': expected integer class labels [N] or [N, 1] (task=tokens takes one for each position), found shape [2, 2]",
        ),
        (vec![x(), ("y", c(&[2, 1, 1], &[0.0, 1.0]))], "array 'y': expected real targets [N] or [N, q]"),
        (
            vec![("x", c(&[2, 2], &[0.0, 1.0, f32::NAN, 0.0])), y()],
            "array 'x': row 1, column 0: expected a finite",
        ),
        (
            vec![x(), ("y", c(&[2], &[0.0, f64::INFINITY]))],
            "array 'y': row 1, column 0: expected a finite number, found inf",
        ),
        (vec![x()], "expected an array 'y', found x"),
        (vec![y()], "expected an array 'x', found y"),
        (vec![("z", c(&[1], &[0.0]))], "expected an array 'x', found z"),
        (vec![x(), y(), ("x_test", c(&[1, 1], &[0.0]))], "expected an array 'y_test', found x, x_test, y"),
        (
            vec![x(), y(), ("x_test", c(&[1, 2], &[0.0, 1.0])), ("y_test", c(&[1], &[0_i64]))],
            "test split: expected 1 f64 inputs and 1 integer targets as in the training split, found 2 f64",
        ),
        (vec![("x", c::<f64>(&[0, 3], &[])), y()], "array 'x': expected no dimension of size 0"),
        (vec![("x", c(&[], &[1.0])), y()], "array 'x': expected a shape [N, …]"),
        (vec![header("'|O'", "(2,)"), y()], "found Python objects"),
        (vec![header("[('a', '<f8')]", "(2,)"), y()], "found a structured type"),
        (vec![header("'<c16'", "(1,)"), y()], "found '<c16'"),
        (vec![header("'<f8'", "(-2,)"), y()], "expected a shape of sizes that are not negative, found -2"),
        (vec![header("'<f8'", "(99999999999, 99999999999)"), y()], "expected an array that fits the memory"),
        (vec![header("'<f8'", "(3,)"), y()], "expected 24 bytes, found at most 16"),
        (vec![header("'<f4'", "(2,)"), y()], "expected 8 bytes, found more"),
        (vec![header("'<f8'", "(2"), y()], "expected a shape of sizes"),
        (vec![header("'<f8'", &deep), y()], "expected a shape of sizes"),
        (
            vec![("x", b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec()), y()],
            "expected a header of at most 65536 bytes",
        ),
        (vec![("x", b"\x93NUMPY\x01\x00\xff\xff{}".to_vec()), y()], "expected 65535 bytes, found 2"),
        (vec![("x", b"\x93NUMPY\x09\x00\x00\x00".to_vec()), y()], "expected npy version 1, 2 or 3, found 9"),
        (
            vec![("x", raw_npy("{'shape': (1,), 'descr': '<f8'}", &data)), y()],
            "npy header with 'fortran_order'",
        ),
        (vec![("x", b"GIF89a......".to_vec()), y()], "expected an .npy array"),
    ];
    for (arrays, expected) in cases {
        let text = error(&stored(folder.path(), &arrays));
        assert!(text.contains(expected) && text.contains("data.npz"), "expected '{expected}' in: {text}");
        assert!(text.len() < 400, "too long: {text}");
    }
}

#[test]
fn bombs_are_bounded_by_what_they_declare() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = raw_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }", &[0; 8]);
    bytes.extend(vec![0; 1 << 24]);
    let arrays = [("x", bytes), ("y", c(&[1], &[0_i64]))];
    let spec = file(folder.path(), "npz", "bomb.npz", &npz(CompressionMethod::Deflated, &arrays));
    assert!(error(&spec).contains("array 'x': expected 8 bytes, found more"));
}

#[test]
fn broken_containers_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for scheme in ["npz", "safetensors"] {
        for bytes in
            [&b""[..], b"x", b"PK\x03\x04", &[255; 64], b"\x08\0\0\0\0\0\0\0{\"x\":1}", &[b'['; 4096]]
        {
            let text = error(&file(folder.path(), scheme, "broken", bytes));
            assert!(text.contains("broken: expected a "), "{text}");
        }
    }
}
