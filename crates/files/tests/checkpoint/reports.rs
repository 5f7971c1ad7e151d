//! Files of the kinds that people have, each with what is right for it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use collado_files::{Checkpoint, Error, ReadOptions};
use safetensors::SafeTensors;
use serde_json::json;

use crate::support::{Raw, file, options, safetensors, values};

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

fn report(name: &str) -> PathBuf {
    root("tests/data/reports").join(name)
}

fn digits_a() -> Vec<f64> {
    values(&Checkpoint::read(&root("tests/data/relu-a.safetensors"), &ReadOptions::default()).unwrap().theta)
}

/// Reads digits-a under other names.
fn renamed(rename: impl Fn(&str) -> String, options: &ReadOptions) -> Result<Checkpoint, Error> {
    let (_dir, path) = file("c.safetensors");
    let bytes = fs::read(root("tests/data/relu-a.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensors: Vec<_> = tensors.tensors().into_iter().map(|(name, t)| (rename(&name), t)).collect();
    let mut raw: Vec<Raw> =
        tensors.iter().map(|(name, t)| (name.as_str(), "F32", t.shape(), t.data().to_vec())).collect();
    // The format of safetensors sorts names.
    raw.sort_by_key(|tensor| tensor.0);
    safetensors(&path, &raw, json!({}));
    Checkpoint::read(&path, options)
}

fn layers<'a>(names: [&'a str; 3]) -> impl Fn(&str) -> String + 'a {
    move |name| {
        ["0", "2", "4"].iter().zip(names).fold(name.to_owned(), |name, (number, layer)| {
            match name.strip_prefix(&format!("{number}.")) {
                Some(leaf) => format!("{layer}.{leaf}"),
                None => name,
            }
        })
    }
}

/// State dicts of PyTorch: nested, beside other objects, of Lightning, before 1.6.
#[test]
fn state_dicts_of_digits_a() {
    for name in [
        "under-net.pth",
        "under-weights.pt",
        "beside-a-namespace.pt",
        "beside-a-numpy-scalar.pt",
        "lightning.ckpt",
        "before-1.6.pt",
    ] {
        let read = Checkpoint::read(&report(name), &ReadOptions::default()).unwrap();
        assert_eq!(read.arch.to_string(), "relu:64-64-64-10", "{name}");
        assert_eq!(values(&read.theta), digits_a(), "{name}");
        let [note] = read.notes.as_slice() else { panic!("{:?}", read.notes) };
        assert!(
            note.contains("activation guessed: relu") && note.contains("`arch` tanh:64-64-64-10"),
            "{note}"
        );
        let told = Checkpoint::read(&report(name), &options(Some("relu:64-64-64-10"))).unwrap();
        assert_eq!((values(&told.theta), told.notes.len()), (digits_a(), 0), "{name}");
    }
}

#[test]
fn prefixes_common_to_all_names_are_harmless() {
    for prefix in
        ["", "module.", "model.", "net.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "a.b.c."]
    {
        let read = renamed(|name| format!("{prefix}{name}"), &ReadOptions::default()).unwrap();
        assert_eq!(read.arch.to_string(), "relu:64-64-64-10");
        assert_eq!(values(&read.theta), digits_a());
    }
}

/// What the order of names or of definition must not decide.
#[test]
fn layers_whose_order_is_not_known_are_refused() {
    let by_role = |options: &ReadOptions| renamed(layers(["input", "hidden", "output"]), options);
    let backwards = |options: &ReadOptions| Checkpoint::read(&report("defined-backwards.pt"), options);
    type Read<'a> = &'a dyn Fn(&ReadOptions) -> Result<Checkpoint, Error>;
    let reads: [Read<'_>; 2] = [&by_role, &backwards];
    for read in reads {
        for arch in [None, Some("relu:64-64-64-10")] {
            let error = read(&options(arch)).unwrap_err();
            let expected = "neither names nor shapes say in which order its layers are used; \
                            hidden,input,output and input,hidden,output fit";
            assert!(error.to_string().ends_with(expected), "{error}");
            assert!(error.hint().unwrap().contains("`layers`"));
            let given = |names: &str| {
                let layers = Some(names.split(',').map(Into::into).collect());
                read(&ReadOptions { layers, ..options(arch) })
            };
            assert_eq!(values(&given("input,hidden,output").unwrap().theta), digits_a());
            assert_ne!(values(&given("hidden,input,output").unwrap().theta), digits_a());
            for (names, reason) in [
                ("input,output,hidden", "its shapes do not allow the order input,output,hidden"),
                ("input,hidden", "has a layer 'output' too"),
                ("input,hidden,head", "has no layer 'head'"),
                ("input,input,output", "layer 'input' is given twice"),
            ] {
                let error = given(names).unwrap_err().to_string();
                let fits = "hidden,input,output and input,hidden,output fit";
                assert!(error.contains(reason) && error.ends_with(fits), "{error}");
            }
        }
    }
}

/// Numbers order layers of one kind, in digits or words, and shapes the rest.
#[test]
fn layers_whose_order_is_known_are_taken() {
    for (names, noted) in [
        (["layers.0", "layers.1", "head"], true),
        (["one", "two", "three"], true),
        (["first", "second", "third"], true),
        (["fc1", "fc2", "out"], true),
        (["fc1", "fc2", "fc3"], false),
        (["layers.8", "layers.9", "layers.10"], false),
        (["dense", "dense_1", "dense_2"], true),
        (["block.0.lin1", "block.0.lin2", "zz"], true),
    ] {
        let read = renamed(layers(names), &ReadOptions::default()).unwrap();
        assert_eq!(values(&read.theta), digits_a(), "{names:?}");
        let note = format!("layers taken in the order {}", names.join(","));
        assert_eq!(read.notes.iter().any(|n| n.contains(&note)), noted, "{:?}", read.notes);
    }
}

#[test]
fn an_expanded_bias_has_one_number() {
    let read = values(&Checkpoint::read(&report("expanded-bias.pt"), &ReadOptions::default()).unwrap().theta);
    let (bias, rest) = (read[read.len() - 10..].to_vec(), read.len() - 10);
    assert!(bias.iter().all(|b| *b == bias[0]));
    assert_eq!(read[..rest], digits_a()[..rest]);
}

#[test]
fn a_weight_used_twice_is_read_twice() {
    let read = values(&Checkpoint::read(&report("tied.safetensors"), &ReadOptions::default()).unwrap().theta);
    let (weight, stride) = (64 * 64, 64 * 64 + 64);
    assert_eq!(read[..weight], digits_a()[..weight]);
    assert_eq!(read[stride..stride + weight], read[..weight]);
}
