//! ONNX models: those whose tensors are PyTorch's are networks as exported programs are, others are refused.

use std::{path::PathBuf, time::Instant};

use candle_core::{DType, Device, Tensor};
use collado_files::{Checkpoint, GraphFile, Listing, ReadOptions};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    model::{constant, field, model, node, weight},
    support::{difference, exported, outputs, read},
};

fn resnet8(name: &str) -> PathBuf {
    exported("../resnet8").join(name)
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

/// The outputs of a model for x = (1, 2, 3, 4, 5, 6) and its double, or why it is refused.
fn run(bytes: &[u8]) -> Result<Vec<Vec<f64>>, String> {
    let checkpoint = Checkpoint::from_bytes(bytes, &ReadOptions::default()).map_err(|e| {
        let text = e.to_string();
        assert!(!text.contains('\n') && text.len() < 500, "{text}");
        text
    })?;
    let width = checkpoint.arch.inputs();
    let x: Vec<f64> = (1..=2).flat_map(|k| (1..=width).map(move |i| (k * i) as f64)).collect();
    let x = Tensor::from_vec(x, (2, width), &Device::Cpu).unwrap();
    let (y, _) = outputs(&checkpoint, &x, DType::F64);
    Ok(y.detach().flatten_from(1).unwrap().to_vec2().unwrap())
}

/// The transposed weight and the product with it, as exporters write a layer on several axes.
fn layer() -> Vec<Vec<u8>> {
    vec![
        weight("w", &[2, 3], &[1., 0., -1., 0.5, 2., 0.]),
        node("Transpose", &["w"], "wt", &[("perm", &[1, 0])]),
        node("MatMul", &["x", "wt"], "h", &[]),
    ]
}

/// W x = (x1 − x3, x1/2 + 2 x2).
#[test]
fn a_layer_has_one_bias() {
    let with = |more: Vec<Vec<u8>>| run(&model(3, &[layer(), more].concat()));
    let b = || weight("b", &[2], &[10., 20.]);
    let once = with(vec![b(), node("Add", &["h", "b"], "y", &[])]).unwrap();
    assert_eq!(once, [[8., 24.5], [6., 29.]]);
    // What is added after a bias is added, and is no other bias.
    let c = || weight("c", &[2], &[100., 300.]);
    let twice = vec![b(), c(), node("Add", &["h", "b"], "s", &[]), node("Add", &["c", "s"], "y", &[])];
    assert_eq!(with(twice).unwrap(), [[108., 324.5], [106., 329.]]);
    // One number for all outputs is none, nor is one for another number of outputs.
    let one = vec![weight("b", &[1], &[7.]), node("Add", &["h", "b"], "y", &[])];
    assert_eq!(with(one).unwrap(), [[5., 11.5], [3., 16.]]);
    let three = with(vec![weight("b", &[3], &[7.; 3]), node("Add", &["h", "b"], "y", &[])]).unwrap_err();
    assert!(
        three.contains("operation aten.add.Tensor, node 'y'") && three.contains("do not go together"),
        "{three}"
    );
}

/// Shapes that nodes compute from the size of the batch, with one size that follows from the others.
#[test]
fn shapes_are_computed() {
    let parts = |split: &[i64], joined: i64| {
        vec![
            weight("w", &[1, 6], &[1., 10., 100., 1000., 1e4, 1e5]),
            node("Shape", &["x"], "sizes", &[]),
            constant("first", &[0]),
            constant("split", split),
            constant("joined", &[joined]),
            node("Gather", &["sizes", "first"], "batch", &[]),
            // Axes without a batch of their own: −1 stands for twice the batch.
            node("Reshape", &["x", "split"], "cut", &[]),
            node("Concat", &["batch", "joined"], "whole", &[("axis", &[0])]),
            node("Reshape", &["cut", "whole"], "again", &[]),
            node("Transpose", &["w"], "wt", &[("perm", &[1, 0])]),
            node("MatMul", &["again", "wt"], "y", &[]),
        ]
    };
    let expected = [[654_321.], [1_308_642.]];
    assert_eq!(run(&model(6, &parts(&[-1, 3], 6))).unwrap(), expected);
    assert_eq!(run(&model(6, &parts(&[-1, 3, 2], -1))).unwrap(), expected);
    assert_eq!(run(&model(6, &parts(&[-1, 2, 3], 6))).unwrap(), expected);
    // A size of 0 is that of the input, where there is one.
    assert_eq!(run(&model(6, &parts(&[0, -1, 2], 6))).unwrap(), expected);
    for (split, joined) in [(&[-1, 5][..], 6), (&[-1, 3], 5), (&[-1, -1], 6), (&[-1, 2, 0], 6)] {
        let text = run(&model(6, &parts(split, joined))).unwrap_err();
        assert!(text.contains("view.default") || text.contains("Reshape"), "{text}");
    }
}

/// What does not depend on the examples is computed when the file is read: no more of it than memory holds.
#[test]
fn folded_values_are_bounded_together() {
    let mut parts = layer();
    parts.push(constant("size", &[1 << 20]));
    parts.extend((0..40).map(|k| node("ConstantOfShape", &["size"], &format!("c{k}"), &[])));
    parts.push(node("Relu", &["h"], "y", &[]));
    let begin = Instant::now();
    let text = run(&model(3, &parts)).unwrap_err();
    assert!(
        text.contains("operator ConstantOfShape, node 'c15'") && text.contains("more than 16777216"),
        "{text}"
    );
    assert!(begin.elapsed().as_secs() < 5);
}

/// A million nodes, tensors or attributes in a few bytes each take no more memory than a large network.
#[test]
fn a_million_of_anything_is_too_many() {
    let begin = Instant::now();
    let nodes = field(1, &[]).repeat(1_000_000);
    let text = run(&model(3, &[nodes])).unwrap_err();
    assert!(text.ends_with("has 1000000 nodes and 0 functions, expected at most 20000 and none"), "{text}");
    let tensors = field(5, &[]).repeat(1_000_000);
    let text = run(&model(3, &[tensors])).unwrap_err();
    assert!(text.ends_with("describes 1000002 tensors, expected at most 80000"), "{text}");
    let attributes = field(1, &field(5, &[]).repeat(1_000_000));
    assert!(run(&model(3, &[attributes])).unwrap_err().ends_with("is a damaged ONNX model"));
    assert!(begin.elapsed().as_secs() < 5);
}
