//! Hessian-vector products of a pair of ReLU networks against PyTorch's double backward (`data/hvp.py`), vector sin(1), sin(2), …
#![allow(clippy::unwrap_used)]

use collado_risk::{Criterion, CurvatureForm, EmpiricalRisk, ExactCurvature, Examples, Statistics};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use collado_data::{Targets, digits};
use collado_files::Checkpoint;
use collado_landscape::{Curvature, LinearOperator};

#[test]
fn products_are_those_of_double_backward() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("tests/data/hvp.csv")).unwrap();
    let data = digits().unwrap();
    let inputs = data.train.inputs.to_dtype(DType::F64).unwrap();
    let Targets::Classes { labels, .. } = &data.train.targets else { panic!("digits have classes") };
    let labels = Tensor::from_slice(labels, labels.len(), &Device::Cpu).unwrap();
    for name in ["a", "b"] {
        let file = root.join(format!("../../tests/data/relu-{name}.safetensors"));
        let checkpoint = Checkpoint::read(&file, &collado_files::ReadOptions::default()).unwrap();
        let curvature = ExactCurvature::new(
            &EmpiricalRisk::new(
                &checkpoint.arch,
                Examples::new(&inputs, &labels).unwrap(),
                Criterion::default(),
            )
            .unwrap()
            .with_memory(1 << 28),
        )
        .unwrap();
        let hessian = Curvature::new(&curvature, CurvatureForm::Hessian, &checkpoint.theta).unwrap();
        let v: Vec<f64> = (1..=hessian.size()).map(|i| (i as f64).sin()).collect();
        let mut product = vec![0.; v.len()];
        hessian.apply(&v, &mut product).unwrap();
        let norm = product.iter().map(|x| x * x).sum::<f64>().sqrt();
        for row in table.lines().filter(|row| row.starts_with(name)) {
            let parts: Vec<&str> = row.split(',').collect();
            let expected: f64 = parts[2].parse().unwrap();
            let (found, size) = match parts[1] {
                "norm" => (norm, norm),
                "vHv" => (v.iter().zip(&product).map(|(v, p)| v * p).sum(), norm),
                index => (product[index.parse::<usize>().unwrap()], norm),
            };
            assert!((found - expected).abs() <= 1e-12 * size, "{row}: {found}");
        }
    }
}

/// Two networks for images, one with batch normalisation under three rules for its statistics (`data/hvp-images.py`):
/// products and the norm of each of their tensors, to 1e-9 of the largest.
#[test]
fn products_of_networks_for_images_are_those_of_double_backward() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("tests/data/hvp-images.csv")).unwrap();
    let data = root.join("../../tests/data");
    let images = collado_data::load(&format!("mnist:{}", data.join("images/first").display())).unwrap();
    let first = |split: &collado_data::Split, count: u32| {
        let split = split.select(&(0..count).collect::<Vec<_>>()).unwrap();
        let inputs = split.inputs.to_dtype(DType::F64).unwrap().reshape((count as usize, 1, 28, 28)).unwrap();
        Examples::of(&inputs, &split.targets).unwrap()
    };
    for case in ["lenet", "interpolate", "population", "reference"] {
        let name = if case == "lenet" { "lenet" } else { "resnet8" };
        let arch = Some(name.parse().unwrap());
        let options = collado_files::ReadOptions { arch, ..Default::default() };
        let file = data.join(format!("graphs/{name}/a.safetensors"));
        let checkpoint = Checkpoint::read(&file, &options).unwrap();
        let train = first(&images.train, if case == "reference" { 40 } else { 48 });
        let mut risk = EmpiricalRisk::new(&checkpoint.arch, train, Criterion::default()).unwrap();
        if case == "interpolate" {
            risk = risk.with_statistics(Statistics::Interpolate);
            risk = risk.with_buffers(checkpoint.buffers.as_ref().unwrap()).unwrap();
        }
        if case == "reference" {
            risk = risk.on(first(images.test.as_ref().unwrap(), 24)).unwrap();
        }
        let curvature = ExactCurvature::new(&risk).unwrap();
        let hessian = Curvature::new(&curvature, CurvatureForm::Hessian, &checkpoint.theta).unwrap();
        let v: Vec<f64> = (1..=hessian.size()).map(|i| (i as f64).sin()).collect();
        let mut product = vec![0.; v.len()];
        hessian.apply(&v, &mut product).unwrap();
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let layout = checkpoint.arch.layout();
        let mut rows = 0;
        for row in table.lines().filter(|row| row.split(',').next() == Some(case)) {
            let parts: Vec<&str> = row.split(',').collect();
            let expected: f64 = parts[2].parse().unwrap();
            let found = match (parts[1], parts[1].parse::<usize>()) {
                ("norm", _) => norm(&product),
                ("vHv", _) => v.iter().zip(&product).map(|(v, p)| v * p).sum(),
                (_, Ok(index)) => product[index],
                (tensor, Err(_)) => {
                    // The names of the file lack the numbers of blocks.
                    let mut entries = layout.entries().iter();
                    let is_named = |name: &str| {
                        name == tensor
                            || (1..=3).any(|k| {
                                name.replace(&format!("layer{k}.0."), &format!("layer{k}.")) == tensor
                            })
                    };
                    let entry = entries.find(|entry| is_named(&entry.name)).unwrap();
                    norm(&product[entry.offset..][..entry.len()])
                }
            };
            assert!((found - expected).abs() <= 1e-9 * norm(&product).max(1.), "{row}: {found}");
            rows += 1;
        }
        assert!(rows > 20, "{case}: {rows}");
    }
}
