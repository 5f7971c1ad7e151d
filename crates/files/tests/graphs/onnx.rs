//! ONNX models: those whose tensors are PyTorch's are networks as exported programs are, others are refused.

use std::{path::PathBuf, time::Instant};

use candle_core::{DType, Device, Tensor};
use collado_files::{Checkpoint, GraphFile, Listing, ReadOptions};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::support::{difference, exported, outputs, read, values};

fn resnet8(name: &str) -> PathBuf {
    exported("../resnet8").join(name)
}

#[test]
fn outputs_are_those_of_pytorch() {
    for name in ["mixer", "vgg11_bn", "densenet"] {
        let checkpoint = read(&exported(&format!("{name}.onnx")));
        let expected = values(name);
        let (logits, _) = outputs(&checkpoint, &expected["inputs"], DType::F64);
        let found = difference(&logits, &expected["logits_f64"]);
        assert!(found < 1e-9, "{name}: {found}");
    }
}

/// Layers with their names, normalisations and groups are what the exported program has.
#[test]
fn networks_are_those_of_exported_programs() {
    let noise = Tensor::rand(-1., 1., (3, 1, 28, 28), &Device::Cpu).unwrap();
    let program = read(&resnet8("net-2.15.pt2"));
    for name in ["net-raw.onnx", "net-torchscript.onnx"] {
        let model = read(&resnet8(name));
        assert_eq!(model.arch.network().batch_norms().count(), 9, "{name}");
        assert_eq!(model.arch.layout().entries().len(), program.arch.layout().entries().len());
        let own = outputs(&model, &noise, DType::F64).0;
        assert!(difference(&own, &outputs(&program, &noise, DType::F64).0) < 1e-12, "{name}");
        let groups = |c: &Checkpoint| c.arch.network().groups().unwrap().groups().to_vec();
        let sizes = |c: &Checkpoint| groups(c).iter().map(|group| group.size).collect::<Vec<_>>();
        assert_eq!(sizes(&model), sizes(&program));
        // The weights of any state dict of the network go with it.
        let arch = Some(GraphFile::read(&resnet8(name)).unwrap().arch.spec().clone());
        let options = ReadOptions { arch, ..ReadOptions::default() };
        let other = Checkpoint::read(&resnet8("b.safetensors"), &options).unwrap();
        assert_ne!(other.theta.to_vec1::<f32>().unwrap(), model.theta.to_vec1::<f32>().unwrap());
        assert!(GraphFile::is_one(&resnet8(name)) && Listing::read(&resnet8(name), &options).unwrap().graph);
    }
}

#[test]
fn folded_normalisation_under_an_old_name_is_refused() {
    let error =
        Checkpoint::read(&resnet8("net-default.onnx"), &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("'conv1.weight' is not the tensor of that name"), "{error}");
    assert!(error.contains("torch.export.save(") && !error.contains('\n'), "{error}");
}

#[test]
fn damaged_models_are_refused_in_one_line() {
    let sound = std::fs::read(exported("mixer.onnx")).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut refused = 0;
    for _ in 0..1500 {
        let mut bytes = sound.clone();
        for _ in 0..rng.random_range(1..=3) {
            let at = rng.random_range(3..bytes.len());
            match rng.random_range(0..4) {
                0 => bytes[at] ^= 1 << rng.random_range(0..8),
                1 => bytes.truncate(at.max(4)),
                2 => drop(bytes.drain(at..(at + 4).min(bytes.len()))),
                _ => bytes.splice(at..at, [0xff; 9]).for_each(drop),
            }
            if bytes.len() < 8 {
                break;
            }
        }
        let start = Instant::now();
        if let Err(error) = Checkpoint::from_bytes(&bytes, &ReadOptions::default()) {
            let text = error.to_string();
            assert!(!text.contains('\n') && text.len() < 2000, "{text}");
            refused += 1;
        }
        assert!(start.elapsed().as_secs() < 2);
    }
    assert!(refused > 300, "{refused}");
}
