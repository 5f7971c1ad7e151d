//! Hessian-vector products of a pair of ReLU networks against PyTorch's double backward (`data/hvp.py`), vector sin(1), sin(2), …
#![allow(clippy::unwrap_used)]

use collado_risk::{Criterion, CurvatureForm, DenseCurvature, EmpiricalRisk, Examples};
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
        let curvature = DenseCurvature::new(
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
