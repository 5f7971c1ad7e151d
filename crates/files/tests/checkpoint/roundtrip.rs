use std::fs;

use candle_core::{DType, Device, Tensor};
use collado_files::{Checkpoint, Provenance, ReadOptions, file_hash};
use collado_models::{Activation, Arch, Head};
use safetensors::SafeTensors;
use serde_json::json;

use crate::support::{checkpoint, f32s, file, message, options, safetensors, spec, values};

fn archs() -> Vec<Arch> {
    vec![
        spec("relu:3-4-2").with_ends(0, 0),
        Arch::dense(Activation::Tanh, &[3, 4, 4, 4, 4, 4, 4, 2], false).unwrap(),
        spec("linear:5-1-3").with_ends(0, 0),
        Arch::dense(Activation::Linear, &[5, 3], true).unwrap(),
        Arch::two_layer(3, 5, 2).unwrap(),
        spec("two-layer:5?bias=true&head=regress").resolve(7, 1).unwrap(),
        Arch::example_1_20(),
    ]
}

#[test]
fn every_arch_reads_back() {
    let (_dir, path) = file("c.safetensors");
    for arch in archs() {
        for dtype in [DType::F32, DType::F64] {
            let written = checkpoint(arch.clone(), dtype);
            written.write(&path).unwrap();
            let read = Checkpoint::read(&path, &ReadOptions::default()).unwrap();
            assert_eq!((&read.arch, read.theta.dtype()), (&arch, dtype));
            assert_eq!(read.theta.dims(), [arch.layout().len()]);
            assert_eq!(values(&read.theta), values(&written.theta));
            assert_eq!(read.hash, Some(file_hash(&path).unwrap()));
            assert_eq!(
                Checkpoint::read(
                    &path,
                    &ReadOptions { arch: Some(arch.spec().clone()), ..Default::default() }
                )
                .unwrap()
                .arch,
                arch
            );
        }
    }
}

/// However a network was called, what is read of it is equal.
#[test]
fn what_goes_without_saying_makes_no_difference() {
    let (_dir, path) = file("c.safetensors");
    let plain = spec("relu:3-2").with_ends(0, 0);
    checkpoint(spec("relu:3-2?bias=true").with_ends(0, 0), DType::F32).write(&path).unwrap();
    assert_eq!(Checkpoint::read(&path, &ReadOptions::default()).unwrap().arch, plain);
    safetensors(&path, &[f32s("a.weight", &[2, 3]), f32s("a.bias", &[2])], json!({}));
    assert_eq!(Checkpoint::read(&path, &options(Some("relu:3-2?bias=true"))).unwrap().arch, plain);
}

#[test]
fn bits_and_bytes_stay() {
    let (_dir, path) = file("c.safetensors");
    let arch = Arch::dense(Activation::Relu, &[1, 2], true).unwrap();
    let odd = [f64::MIN_POSITIVE / 3., -0., 1. / 3., f64::MAX];
    let theta = Tensor::from_slice(&odd, 4, &Device::Cpu).unwrap();
    let written = Checkpoint { theta, ..checkpoint(arch, DType::F64) };
    written.write(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let read = Checkpoint::read(&path, &ReadOptions::default()).unwrap();
    let bits = |v: Vec<f64>| v.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(values(&read.theta)), bits(odd.to_vec()));
    read.write(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

/// Python's `safetensors.torch.load_file` rests on the crate that reads the file here.
#[test]
fn other_readers_see_a_state_dict() {
    let (_dir, path) = file("c.safetensors");
    checkpoint(Arch::dense(Activation::Relu, &[3, 4, 2], true).unwrap(), DType::F32).write(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let (size, meta) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(size % 8, 0);
    let strings = meta.metadata().as_ref().unwrap();
    assert_eq!(strings["format"], "pt");
    assert_eq!(strings["collado.arch"], "relu:3-4-2");
    assert_eq!(strings["collado.provenance"], "{}");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let shapes: Vec<_> =
        ["0.weight", "0.bias", "2.weight", "2.bias"].map(|n| file.tensor(n).unwrap().shape().to_vec()).into();
    assert_eq!(shapes, [vec![4, 3], vec![4], vec![2, 4], vec![2]]);
    assert_eq!(file.len(), 4);
    // The bias of the first layer follows its 12 weights on the ramp from -1 in steps of 1/8.
    assert_eq!(file.tensor("0.bias").unwrap().data()[..8], [0.5_f32, 0.625].map(f32::to_le_bytes).concat());
}

#[test]
fn provenance_is_kept() {
    let (_dir, path) = file("c.safetensors");
    let mut written = checkpoint(Arch::two_layer(3, 5, 2).unwrap(), DType::F32);
    written.provenance = Provenance {
        version: Some("0.1.0".into()),
        command: vec!["collado".into(), "train".into(), "--out".into(), "a b".into()],
        seed: Some(u64::MAX),
        data: Some("digits".into()),
        data_hash: Some("abc".into()),
        loss: Some("squared".into()),
        kappa: Some(0.1 + 0.2),
        regularizer: Some("l2".into()),
        statistics: Some("population".into()),
        statistics_rows: Some(2000),
        epochs: Some(7),
        risk: Some(f64::INFINITY),
        extra: serde_json::Map::from_iter([("note".into(), json!({"a": [1, null]}))]),
    };
    written.write(&path).unwrap();
    assert_eq!(Checkpoint::read(&path, &ReadOptions::default()).unwrap().provenance, written.provenance);

    for (number, word) in [(f64::NAN, "\"nan\""), (f64::NEG_INFINITY, "\"-inf\""), (0.5, "0.5")] {
        let json = serde_json::to_string(&Provenance { risk: Some(number), ..Default::default() }).unwrap();
        assert_eq!(json, format!("{{\"risk\":{word}}}"));
        let read = serde_json::from_str::<Provenance>(&json).unwrap().risk.unwrap();
        assert!(read == number || read.is_nan() && number.is_nan());
    }
}

#[test]
fn a_wrong_provenance_is_refused() {
    let (_dir, path) = file("c.safetensors");
    for (provenance, reason) in [
        ("{\"risk\":\"big\"}", "expected a number, \"nan\", \"inf\" or \"-inf\", found \"big\""),
        ("{", "EOF while parsing an object at line 1 column 1"),
    ] {
        let tensors = [f32s("0.weight", &[2, 3])];
        safetensors(&path, &tensors, json!({"collado.provenance": provenance}));
        let expected = format!("c.safetensors: metadata 'collado.provenance': {reason}");
        let found = message(&path, Checkpoint::read(&path, &ReadOptions::default()));
        assert!(found.starts_with(&expected), "{found}");
    }
}

#[test]
fn what_is_no_point_is_not_written() {
    let (_dir, path) = file("c.safetensors");
    let arch = Arch::dense(Activation::Relu, &[3, 2], true).unwrap();
    let bad = |shape: &[usize], dtype| {
        let theta = Tensor::zeros(shape, dtype, &Device::Cpu).unwrap();
        message(&path, Checkpoint { theta, ..checkpoint(arch.clone(), DType::F32) }.write(&path))
    };
    assert_eq!(bad(&[7], DType::F32), "point: expected [8], found [7]");
    assert_eq!(bad(&[8, 1], DType::F32), "point: expected [8], found [8, 1]");
    assert_eq!(bad(&[8], DType::U8), "a checkpoint is not available for u8");
    assert!(!path.exists());
}

#[test]
fn what_arch_adds_about_the_head_counts() {
    let (_dir, path) = file("c.safetensors");
    checkpoint(spec("relu:3-2").with_ends(0, 0), DType::F32).write(&path).unwrap();
    let read = |arch: &str| Checkpoint::read(&path, &options(Some(arch)));
    assert_eq!(read("relu:3-2?head=regress").unwrap().arch.spec().head(), Some(Head::Regress));
    assert_eq!(
        message(&path, read("tanh:3-2")),
        "c.safetensors: is relu:3-2 by its own metadata, `arch` says tanh:3-2"
    );
    checkpoint(spec("relu:3-2?head=classify").with_ends(0, 0), DType::F32).write(&path).unwrap();
    let read = |arch: &str| Checkpoint::read(&path, &options(Some(arch)));
    assert_eq!(read("relu:3-2").unwrap().arch.spec().head(), Some(Head::Classify));
    assert_eq!(
        message(&path, read("relu:3-2?head=regress")),
        "c.safetensors: is relu:3-2?head=classify by its own metadata, `arch` says relu:3-2?head=regress"
    );
}
