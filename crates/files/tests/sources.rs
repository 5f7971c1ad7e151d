//! State dicts of other people's released code: every tensor is found by its name there, and the outputs are those that
//! the same code computes. `fixtures/make_sources.py` made the names and the outputs.
#![allow(clippy::unwrap_used)]

use std::{collections::HashMap, path::Path};

use candle_core::{DType, Device, Tensor};
use collado_files::{Checkpoint, ReadOptions};
use collado_models::{PointTensors, TensorMoments};
use serde::Deserialize;

/// What the script writes of a source.
#[derive(Deserialize)]
struct Made {
    arch: String,
    outputs: Vec<f64>,
    /// Names and shapes, in the order of the state dict.
    tensors: Vec<(String, Vec<usize>)>,
}

const SOURCES: &str = include_str!("fixtures/sources.json");

fn sources() -> HashMap<String, Made> {
    serde_json::from_str(SOURCES).unwrap()
}

/// The numbers of tensor `k`, as in the script.
fn numbers(name: &str, shape: &[usize], k: usize) -> Tensor {
    if name.ends_with("num_batches_tracked") {
        return Tensor::new(7_i64, &Device::Cpu).unwrap();
    }
    let (scale, base) = match shape {
        _ if name.ends_with("running_var") => (0.25, 1.),
        [_] => (0.1, if name.ends_with("weight") { 1. } else { 0. }),
        _ => ((4. / shape[1..].iter().product::<usize>() as f64).sqrt(), 0.),
    };
    let count = shape.iter().product::<usize>();
    let value = |j: usize| (base + scale * (0.37 * j as f64 + k as f64 + 1.).sin()) as f32;
    Tensor::from_vec((0..count).map(value).collect(), shape, &Device::Cpu).unwrap()
}

/// A file with the state dict of a source.
fn write(file: &Path, tensors: &[(String, Vec<usize>)]) {
    let tensors = tensors.iter().enumerate().map(|(k, (name, shape))| (name, numbers(name, shape, k)));
    candle_core::safetensors::save(&tensors.collect::<HashMap<_, _>>(), file).unwrap();
}

fn outputs(checkpoint: &Checkpoint) -> Vec<f64> {
    let network = checkpoint.arch.network();
    let theta = checkpoint.theta.to_dtype(DType::F64).unwrap();
    let moments = checkpoint.buffers.as_ref().map_or(TensorMoments::Batch, TensorMoments::Given);
    let x: Vec<f64> = (0..3 * 32 * 32).map(|i| (0.1 * f64::from(i)).sin()).collect();
    let x = Tensor::from_vec(x, (1, 3, 32, 32), &Device::Cpu).unwrap();
    let y = network.run(&mut PointTensors::new(&theta, moments), vec![x]).unwrap();
    y[0].flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn networks_of_released_code_are_read_and_written_under_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources();
    assert_eq!(sources.len(), 7);
    for (source, made) in &sources {
        let [file, copy] = ["made", "copy"].map(|name| folder.path().join(format!("{name}.safetensors")));
        write(&file, &made.tensors);
        let options = ReadOptions { arch: Some(made.arch.parse().unwrap()), ..ReadOptions::default() };
        let checkpoint = Checkpoint::read(&file, &options).unwrap();
        let largest = made.outputs.iter().fold(0., |m: f64, x| m.max(x.abs()));
        // REPAIR's layer normalisation divides by the deviation itself, PyTorch's by the root of the variance + 1e-5.
        let bound = if source.contains("layer") { 3e-3 } else { 1e-6 };
        for (found, expected) in outputs(&checkpoint).into_iter().zip(&made.outputs) {
            assert!((found - expected).abs() < bound * largest, "{source}: {found} and {expected}");
        }
        checkpoint.write(&copy).unwrap();
        let again = candle_core::safetensors::load(&copy, &Device::Cpu).unwrap();
        assert_eq!(made.tensors.len(), again.len(), "{source}");
        assert!(made.tensors.iter().all(|(name, _)| again.contains_key(name)), "{source}");
    }
}

/// "ResNet-20" is three networks: the names say which kind of shortcut it has.
#[test]
fn kinds_of_shortcuts_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made.safetensors");
    for (source, shortcut) in
        [("REPAIR, batch normalisation", "conv3"), ("open_lth", "conv1"), ("pytorch_resnet_cifar10", "pad")]
    {
        let made = &sources()[source];
        write(&file, &made.tensors);
        let options = ReadOptions { arch: Some(made.arch.parse().unwrap()), ..ReadOptions::default() };
        let arch = Checkpoint::read(&file, &options).unwrap().arch.to_string();
        assert!(arch.contains(&format!("shortcut={shortcut}")), "{source}: {arch}");
    }
}
