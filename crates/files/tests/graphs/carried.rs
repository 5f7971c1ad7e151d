//! Networks from graph files in checkpoints and paths: they need the graph file no more.

use candle_core::{DType, Device, Tensor};
use collado_files::{Checkpoint, GraphFile, Listing, PathFile, Provenance, ReadOptions};
use collado_models::Arch;
use serde_json::json;

use crate::support::{archives, difference, exported, outputs, read, values};

fn options(arch: &Arch) -> ReadOptions {
    ReadOptions { arch: Some(arch.spec().clone()), ..ReadOptions::default() }
}

/// The metadata of a safetensors file.
fn metadata(path: &std::path::Path) -> serde_json::Value {
    let bytes = std::fs::read(path).unwrap();
    let size = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    serde_json::from_slice::<serde_json::Value>(&bytes[8..8 + size]).unwrap()["__metadata__"].clone()
}

#[test]
fn checkpoints_and_paths_carry_their_network() {
    let dir = tempfile::tempdir().unwrap();
    for (name, path) in archives().into_iter().filter(|(_, path)| path.to_string_lossy().contains("-2.15")) {
        let a = read(&path);
        for end in ["safetensors", "pt"] {
            let file = dir.path().join(format!("{name}.{end}"));
            a.write(&file).unwrap();
            let again = Checkpoint::read(&file, &ReadOptions::default()).unwrap();
            assert_eq!(again.arch, a.arch, "{name}");
            assert_eq!(difference(&again.theta, &a.theta), 0., "{name}");
            let x = &values(&name)["inputs"];
            let [new, old] = [&again, &a].map(|c| outputs(c, x, DType::F64).0);
            assert_eq!(difference(&new, &old), 0., "{name}");
        }
        let vertices = Tensor::stack(&[&a.theta, &a.theta], 0).unwrap();
        let line = collado_risk::Path::new(collado_risk::PathKind::Bezier, vertices).unwrap();
        let line = match &a.buffers {
            Some(row) => line.with_buffers(Tensor::stack(&[row, row], 0).unwrap()).unwrap(),
            None => line,
        };
        let file = dir.path().join(format!("{name}-path.safetensors"));
        PathFile::new(a.arch.clone(), line, json!({})).write(&file).unwrap();
        assert_eq!(PathFile::read(&file).unwrap().arch, a.arch, "{name}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.safetensors");
    read(&exported("vit_mha-2.15.pt2")).write(&file).unwrap();
    let network: serde_json::Value =
        serde_json::from_str(metadata(&file)["collado.network"].as_str().unwrap()).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let size = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + size]).unwrap();
        let mut changed = network.clone();
        change(&mut changed);
        header["__metadata__"]["collado.network"] = changed.to_string().into();
        let header = header.to_string();
        let all = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &bytes[8 + size..]].concat();
        match Checkpoint::from_bytes(&all, &ReadOptions::default()) {
            Ok(_) => String::new(),
            Err(e) => e.to_string(),
        }
    };
    assert_eq!(with(&|_| {}), "");
    let operation = |network: &mut serde_json::Value, op: &str| -> usize {
        network["operations"].as_array().unwrap().iter().position(|step| step["op"] == op).unwrap()
    };
    for (change, expected) in [
        (&|n: &mut serde_json::Value| n["format"] = json!(2)) as &dyn Fn(&mut serde_json::Value),
        &|n: &mut serde_json::Value| n["operations"][3]["reads"] = json!([99]),
        &|n: &mut serde_json::Value| n["operations"][0]["op"] = json!("transpose"),
        &|n: &mut serde_json::Value| n["parameters"][0][1] = json!([1u64 << 40, 1u64 << 40]),
        &|n: &mut serde_json::Value| n["input"] = json!([0]),
        &|n: &mut serde_json::Value| {
            let at = operation(n, "permute");
            n["operations"][at]["axes"] = json!([0, 0]);
        },
        &|n: &mut serde_json::Value| {
            let at = operation(n, "softmax");
            n["operations"][at]["axis"] = json!(7);
        },
        &|n: &mut serde_json::Value| {
            let at = operation(n, "dense");
            n["operations"][at]["weight"] = json!("nothing");
        },
    ]
    .into_iter()
    .zip([
        "expected version 1, found 2",
        "operation 4: reads one that comes after it",
        "unknown variant `transpose`",
        "has a shape of 1 to",
        "has a shape of 1 to",
        "operation ",
        "operation ",
        "has no parameter 'nothing'",
    ]) {
        let text = with(change);
        assert!(
            text.contains("metadata 'collado.network': ") && text.contains(expected),
            "{expected}: {text}"
        );
    }
}

#[test]
fn state_dicts_are_found_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let graph = GraphFile::read(&exported("vgg11_bn-2.15.pt2")).unwrap();
    let a = read(&exported("vgg11_bn-2.15.pt2"));
    let file = dir.path().join("plain.safetensors");
    a.write(&file).unwrap();
    let tensors = candle_core::safetensors::load(&file, &Device::Cpu).unwrap();
    let save = |rename: &dyn Fn(&str) -> Option<String>| {
        let renamed = tensors.iter().filter_map(|(name, tensor)| Some((rename(name)?, tensor.clone())));
        let place = dir.path().join("foreign.safetensors");
        candle_core::safetensors::save(&renamed.collect(), &place).unwrap();
        Checkpoint::read(&place, &options(&graph.arch))
    };
    for prefix in ["", "module.", "_orig_mod.module."] {
        let read = save(&|name| Some(format!("{prefix}{name}"))).unwrap();
        assert_eq!(difference(&read.theta, &a.theta), 0.);
        assert_eq!(difference(read.buffers.as_ref().unwrap(), a.buffers.as_ref().unwrap()), 0.);
        // They are written again under the names of the file.
        let again = dir.path().join("again.safetensors");
        read.write(&again).unwrap();
        let names = candle_core::safetensors::load(&again, &Device::Cpu).unwrap();
        assert!(tensors.keys().all(|name| names.contains_key(&format!("{prefix}{name}"))));
        assert_eq!(Checkpoint::read(&again, &ReadOptions::default()).unwrap().arch, a.arch);
    }
    let entries = a.arch.layout();
    let (first, last) = (&entries.entries()[0].name, &entries.entries()[1].name);
    let text = save(&|name| (name != first && name != last).then(|| format!("module.{name}")))
        .unwrap_err()
        .to_string();
    assert!(text.contains(&format!("lacks '{first}'")) && text.contains("and 1 others"), "{text}");
    let text =
        save(&|name| Some(if name == first { "other.weight".into() } else { name.to_owned() })).unwrap_err();
    let text = text.to_string();
    assert!(text.contains(&format!("lacks '{first}'")) && text.contains("has 'other.weight'"), "{text}");
    // Without their statistics they are read as well; old files lack the numbers of batches only.
    assert!(
        save(&|name| (!name.contains("running") && !name.contains("tracked")).then(|| name.to_owned()))
            .is_ok()
    );
    assert!(save(&|name| (!name.contains("tracked")).then(|| name.to_owned())).is_ok());
    let text =
        save(&|name| (!name.contains("running_mean")).then(|| name.to_owned())).unwrap_err().to_string();
    assert!(text.contains("running_mean"), "{text}");
}

/// A tensor with two names is one tensor: both names are written, and must agree when they are read.
#[test]
fn tied_tensors_are_written_under_both_names() {
    let dir = tempfile::tempdir().unwrap();
    let a = read(&exported("gpt-2.15.pt2"));
    let network = a.arch.network();
    let (alias, name) = network.ties().first().unwrap().clone();
    assert!(network.layout().get(&name).is_some() && network.layout().get(&alias).is_none());
    let file = dir.path().join("a.safetensors");
    Checkpoint::new(a.arch.clone(), a.theta.clone(), Provenance::default()).write(&file).unwrap();
    let mut tensors = candle_core::safetensors::load(&file, &Device::Cpu).unwrap();
    assert_eq!(difference(&tensors[&alias], &tensors[&name]), 0.);
    let only = tensors.remove(&name).unwrap();
    let save = |tensors: &std::collections::HashMap<String, Tensor>| {
        let place = dir.path().join("b.safetensors");
        candle_core::safetensors::save(tensors, &place).unwrap();
        Checkpoint::read(&place, &options(&a.arch))
    };
    assert_eq!(difference(&save(&tensors).unwrap().theta, &a.theta), 0.);
    tensors.insert(name.clone(), (only + 1.).unwrap());
    let text = save(&tensors).unwrap_err().to_string();
    assert!(text.contains("as the network has one tensor for both"), "{text}");
}

/// A file with a matrix that the network has not, and with another of the same numbers.
#[test]
fn a_matrix_left_over_with_the_numbers_of_another_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tied.safetensors");
    let matrix = Tensor::arange(0f32, 6., &Device::Cpu).unwrap().reshape((2, 3)).unwrap();
    let other = (&matrix + 1.).unwrap();
    let arch = read(&exported("mlp-2.15.pt2")).arch;
    let said = |u: &Tensor| {
        let tensors = [("w".to_owned(), matrix.clone()), ("u".to_owned(), u.clone())];
        candle_core::safetensors::save(&tensors.into_iter().collect(), &file).unwrap();
        Checkpoint::read(&file, &options(&arch)).unwrap_err().to_string()
    };
    let tied = said(&matrix);
    assert!(tied.contains("(its numbers are those of '") && tied.contains("ONNX has lost that"), "{tied}");
    assert!(!said(&other).contains("ONNX"));
}

/// Masks of a state dict are fixed numbers of the network, and are written all the same: PyTorch asks for all names.
#[test]
fn masks_are_written_back() {
    let dir = tempfile::tempdir().unwrap();
    let archive = read(&exported("gpt_mask-2.15.pt2"));
    let listed = Listing::read(&exported("gpt_mask-2.15.pt2"), &ReadOptions::default()).unwrap();
    let own: Vec<&str> = listed.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    let names = archive.arch.beside().layout().entries().iter().map(|entry| entry.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["h.0.attn.bias", "h.1.attn.bias"]);
    let triangle: Vec<f64> = (0..36).map(|i| f64::from(u8::from(i % 6 <= i / 6))).collect();
    for end in ["safetensors", "pt"] {
        let file = dir.path().join(format!("a.{end}"));
        archive.write(&file).unwrap();
        let again = Checkpoint::read(&file, &ReadOptions::default()).unwrap();
        assert!(again.notes.is_empty(), "{:?}", again.notes);
        let second = dir.path().join("b.safetensors");
        again.write(&second).unwrap();
        let tensors = candle_core::safetensors::load(&second, &Device::Cpu).unwrap();
        let mut found: Vec<&str> = tensors.keys().map(String::as_str).collect();
        let mut expected = own.clone();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        let mask = tensors["h.1.attn.bias"].to_dtype(DType::F64).unwrap();
        assert_eq!(
            (mask.dims(), mask.flatten_all().unwrap().to_vec1::<f64>().unwrap()),
            (&[1, 1, 6, 6][..], triangle.clone())
        );
    }
    // Other numbers than those of the network are not used, which a note tells.
    let mut tensors = candle_core::safetensors::load(dir.path().join("b.safetensors"), &Device::Cpu).unwrap();
    let ones = Tensor::ones((1, 1, 6, 6), DType::F32, &Device::Cpu).unwrap();
    tensors.insert("h.0.attn.bias".into(), ones);
    let file = dir.path().join("c.safetensors");
    candle_core::safetensors::save(&tensors, &file).unwrap();
    let other = Checkpoint::read(&file, &options(&archive.arch)).unwrap();
    assert!(
        other.notes.iter().any(|note| note.contains("'h.0.attn.bias' is not read from here")),
        "{:?}",
        other.notes
    );
}

#[test]
fn a_network_is_not_taken_for_another() {
    let [a, b] =
        ["vgg11-2.15.pt2", "vgg11_bn-2.15.pt2"].map(|name| GraphFile::read(&exported(name)).unwrap());
    let text = Checkpoint::read(&exported("vgg11-2.15.pt2"), &options(&b.arch)).unwrap_err().to_string();
    assert!(text.ends_with("is net:vgg11-2.15 by its own graph, not net:vgg11_bn-2.15"), "{text}");
    assert!(!a.arch.does_the_same(&b.arch));
    assert!(
        GraphFile::is_one(&exported("vgg11-2.15.pt2")) && !GraphFile::is_one(&exported("vgg11.safetensors"))
    );
    let text = GraphFile::read(&exported("vgg11.safetensors")).unwrap_err().to_string();
    assert!(
        text.contains("torch.export.save(torch.export.export(net.eval()") || text.contains("tensor"),
        "{text}"
    );
}
