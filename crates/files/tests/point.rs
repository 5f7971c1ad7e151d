//! Points of modules of one's own, in files.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_files::{Provenance, read_point, write_point};
use collado_models::Layout;

fn layout() -> Layout {
    let shapes: [(&str, &[usize]); 4] = [
        ("first.weight", &[2, 3]),
        ("conv.weight", &[2, 1, 3, 3]),
        ("head.kernel", &[2, 5]),
        ("scale", &[4]),
    ];
    Layout::new(shapes.map(|(name, shape)| (name.to_owned(), shape.to_vec())))
}

fn point(dtype: DType) -> Tensor {
    let numbers: Vec<f64> = (0..layout().len()).map(|i| (i as f64).sin()).collect();
    Tensor::new(numbers, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

fn bits(theta: &Tensor) -> Vec<u64> {
    theta.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap().into_iter().map(f64::to_bits).collect()
}

#[test]
fn what_is_written_reads_back_to_the_bit() {
    let dir = tempfile::tempdir().unwrap();
    let provenance = Provenance { seed: Some(7), epochs: Some(3), ..Provenance::default() };
    for dtype in [DType::F32, DType::F64] {
        for name in ["p.safetensors", "p.pt", "p.pth"] {
            let path = dir.path().join(name);
            write_point(&path, &layout(), &point(dtype), &provenance).unwrap();
            let (theta, said) = read_point(&path, &layout()).unwrap();
            assert_eq!((theta.dtype(), bits(&theta)), (dtype, bits(&point(dtype))), "{name}");
            assert_eq!(said, provenance, "{name}");
        }
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.safetensors");
    write_point(&path, &layout(), &point(DType::F32), &Provenance::default()).unwrap();
    let message = |shapes: &[(&str, &[usize])]| {
        let layout = Layout::new(shapes.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())));
        let error = read_point(&path, &layout).unwrap_err().to_string();
        error.split("p.safetensors: ").nth(1).unwrap().to_owned()
    };
    assert_eq!(message(&[("first.weight", &[3, 3])]), "tensor 'first.weight': expected [3, 3], found [2, 3]");
    assert_eq!(message(&[("last.weight", &[3])]), "tensor 'last.weight': expected [3], found none");
    assert_eq!(
        message(&[("first.weight", &[2, 3])]),
        "tensor 'conv.weight': expected no such tensor, found [2, 1, 3, 3]"
    );
    let short = point(DType::F32).narrow(0, 0, 3).unwrap();
    assert!(write_point(&path, &layout(), &short, &Provenance::default()).is_err());
    let odd = dir.path().join("p.npz");
    assert!(write_point(&odd, &layout(), &point(DType::F32), &Provenance::default()).is_err());
    assert!(!odd.exists());
}
