use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use candle_core::{DType, Device, Tensor, Var};
use collado_files::{Checkpoint, ReadOptions};
use collado_models::{PointTensors, TensorMoments};

/// A file of the networks that PyTorch exported.
pub fn exported(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/graphs/exported").join(name)
}

/// The archives and ONNX models of the networks, each with the name of its network.
pub fn archives() -> Vec<(String, PathBuf)> {
    let files = std::fs::read_dir(exported("")).unwrap().map(|entry| entry.unwrap().path());
    let mut archives: Vec<(String, PathBuf)> = files
        .filter(|path| path.extension().is_some_and(|end| end == "pt2" || end == "onnx"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().split('-').next().unwrap().to_owned();
            (name, path)
        })
        .collect();
    archives.sort();
    archives
}

/// What PyTorch computed.
pub fn values(network: &str) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(exported(&format!("{network}.safetensors")), &Device::Cpu).unwrap()
}

pub fn read(path: &Path) -> Checkpoint {
    Checkpoint::read(path, &ReadOptions::default()).unwrap()
}

/// The outputs of a checkpoint's network `[N, outputs]` in a number type, and the point that they depend on.
pub fn outputs(checkpoint: &Checkpoint, x: &Tensor, dtype: DType) -> (Tensor, Var) {
    let theta = Var::from_tensor(&checkpoint.theta.to_dtype(dtype).unwrap()).unwrap();
    let row = checkpoint.buffers.as_ref().map(|row| row.to_dtype(dtype).unwrap());
    let moments = row.as_ref().map_or(TensorMoments::Batch, TensorMoments::Given);
    let network = checkpoint.arch.network();
    let x = x.to_dtype(dtype).unwrap();
    let out = network.run(&mut PointTensors::new(&theta, moments), vec![x]).unwrap().remove(0);
    (out, theta)
}

/// The largest difference, as a share of the largest number.
pub fn difference(a: &Tensor, b: &Tensor) -> f64 {
    let numbers = |t: &Tensor| -> Vec<f64> {
        t.detach().flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
    };
    let (a, b) = (numbers(a), numbers(b));
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(0_f64, |m, x| m.max(x.abs()));
    a.iter().zip(&b).fold(0_f64, |m, (x, y)| m.max((x - y).abs())) / largest.max(f64::MIN_POSITIVE)
}
