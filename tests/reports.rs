//! Files that people have, through the program: what is right for each, what is said about it, and what is refused.
#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, path::Path, process::Output};

use collado_files::{Checkpoint, ReadOptions};
use support::{collado, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().parent().unwrap()
}

/// A folder with the files of the reports.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in fs::read_dir(root().join("tests/data/reports")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
    }
    for name in ["a", "b"] {
        let file = root().join(format!("tests/data/relu-{name}.safetensors"));
        fs::copy(file, dir.path().join(format!("digits-{name}.safetensors"))).unwrap();
    }
    dir
}

fn risk(dir: &Path, args: &str) -> f64 {
    let found = json(dir, &format!("eval {args} --dtype f64 --json"));
    found["checkpoints"][0]["risk"].as_f64().unwrap_or_else(|| panic!("{found}"))
}

fn close(found: f64, right: f64) {
    assert!((found - right).abs() <= 1e-8 * right.abs(), "{found} is not {right}");
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Values by PyTorch and NumPy in f64.
#[test]
fn risks_are_those_of_pytorch() {
    let dir = folder();
    for name in ["under-net.pth", "beside-a-numpy-scalar.pt", "lightning.ckpt", "before-1.6.pt"] {
        close(risk(dir.path(), &format!("{name} --data digits")), 0.00073162324);
    }
    close(risk(dir.path(), "expanded-bias.pt --data digits"), 0.000748792054709);
    close(risk(dir.path(), "tied.safetensors --data digits"), 4.774628360526358);
    close(risk(dir.path(), "defined-backwards.pt --data digits --layers input,hidden,output"), 0.00073162324);
    assert!(risk(dir.path(), "square-flax.safetensors --data npz:square.npz") < 1e-11);
    assert!(risk(dir.path(), "relu-modulelist.safetensors --data npz:relu.npz") < 1e-25);
    let tanh = "tanh-sequential.safetensors --data npz:tanh.npz";
    assert!(risk(dir.path(), &format!("{tanh} --arch tanh:8-16-8-2")) < 1e-29);
    assert!(risk(dir.path(), tanh) > 800.);
}

#[test]
fn what_is_guessed_is_said() {
    let dir = folder();
    for (args, notes) in [
        (
            "tanh-sequential.safetensors --data npz:tanh.npz",
            &["activation guessed: relu", "--arch tanh:8-16-8-2"][..],
        ),
        ("relu-modulelist.safetensors --data npz:relu.npz", &["activation guessed: relu", "ModuleList"]),
        ("square-flax.safetensors --data npz:square.npz", &["'kernel' are taken as [in, out]"]),
    ] {
        let output = collado(dir.path(), &format!("eval {args}"));
        let said = said(&output);
        assert!(output.status.success() && said.starts_with("note: "), "{output:?}");
        assert!(notes.iter().all(|note| said.contains(note)), "{said}");
    }
    let told = "eval tanh-sequential.safetensors --data npz:tanh.npz --arch tanh:8-16-8-2";
    assert!(said(&collado(dir.path(), told)).contains("loss guessed: squared"));
    let output = collado(dir.path(), &format!("{told} --loss squared"));
    assert!(!said(&output).contains("guessed"), "{output:?}");
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let dir = folder();
    let output = collado(dir.path(), "eval defined-backwards.pt --data digits");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        said(&output),
        "error: defined-backwards.pt: neither names nor shapes say in which order its layers are used; \
         hidden,input,output and input,hidden,output fit\n\
         hint: give the names of all layers in the order of use: --layers a,b,c\n"
    );
    let output = collado(dir.path(), "eval lightning.ckpt --data digits --key optimizer_states");
    assert!(said(&output).starts_with(
        "error: lightning.ckpt: holds no dictionary of tensors under 'optimizer_states': state_dict\nhint: "
    ));
}

/// Paths and what is cut out of them go back under the names of A.
#[test]
fn points_of_a_path_have_the_names_of_a() {
    let dir = folder();
    let names = |file: &str| {
        let bytes = fs::read(dir.path().join(file)).unwrap();
        let size = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + size]).unwrap();
        header.as_object().unwrap().keys().filter(|k| *k != "__metadata__").cloned().collect::<Vec<_>>()
    };
    let run = |args: &str| {
        let output = collado(dir.path(), args);
        assert!(output.status.success(), "{output:?}");
    };
    let ends = "--a defined-backwards.pt --b digits-b.safetensors --layers input,hidden,output";
    run(&format!("connect {ends} --data digits --method linear --certify never --out path -q"));
    run(&format!("align {ends} --out aligned -q"));
    run("point path/path.safetensors --t 0 --out a.safetensors");
    run("point path/path.safetensors --t 0 --out a.pt");
    let mut expected =
        ["input", "hidden", "output"].map(|l| ["weight", "bias"].map(|t| format!("{l}.{t}"))).concat();
    expected.sort();
    for file in ["path/path.safetensors", "aligned/aligned.safetensors", "a.safetensors"] {
        let mut found = names(file);
        found.sort();
        assert_eq!(found, expected, "{file}");
    }
    for file in ["a.safetensors", "a.pt"] {
        close(risk(dir.path(), &format!("{file} --data digits")), 0.00073162324);
        let read = Checkpoint::read(&dir.path().join(file), &ReadOptions::default()).unwrap();
        assert_eq!(read.provenance.extra["t"], 0.);
    }
    assert!(fs::read(dir.path().join("a.pt")).unwrap().starts_with(b"PK\x03\x04"));
    let output = collado(dir.path(), "point path/path.safetensors --t 0 --out a.onnx");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!dir.path().join("a.onnx").exists());
}
