//! `collado kernel` from the outside.
#![allow(clippy::unwrap_used)]

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn collado(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_collado")).args(args).output().unwrap()
}

fn checkpoint() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("tests/data/relu-a.safetensors").display().to_string()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn kernels_of_a_checkpoint_are_written() {
    let out = tempfile::tempdir().unwrap();
    let dir = out.path().join("kernel").display().to_string();
    let file = checkpoint();
    let args = ["kernel", &file, "--examples", "120", "--by-layer", "--out", &dir, "--json"];
    let output = collado(&args);
    assert!(output.status.success(), "{output:?}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kernels = summary["kernels"].as_object().unwrap();
    for name in ["last_layer", "ntk", "nngp", "ntk_limit", "last_layer_limit", "ntk_0", "ntk_2", "ntk_4"] {
        let kernel = &kernels[name];
        let (min, max, trace) =
            (number(&kernel["lambda_min"]), number(&kernel["lambda_max"]), number(&kernel["trace"]));
        assert!(-number(&kernel["rounding"]) <= min && min < max && max < trace, "{name}: {kernel}");
    }
    // The layers' kernels add up to the whole: so do their traces.
    let trace = |name: &str| number(&kernels[name]["trace"]);
    let layers: f64 =
        kernels.keys().filter(|k| k.starts_with("ntk_") && *k != "ntk_limit").map(|k| trace(k)).sum();
    assert!((layers / trace("ntk") - 1.).abs() < 1e-12, "{layers} {}", trace("ntk"));
    let gradient = &summary["gradient"];
    let squared = number(&gradient["squared"]);
    assert!(number(&gradient["eigenvalue_bound"]) <= number(&gradient["last_layer_bound"]) && squared > 0.);
    assert!(number(&gradient["last_layer_bound"]) <= squared * (1. + 1e-9));
    let files = ["kernel.npz", "summary.json", "bounds.csv", "spectrum.svg", "spectrum.png", "bounds.svg"];
    files.iter().for_each(|file| assert!(Path::new(&dir).join(file).exists(), "{file}"));
    let output = collado(&args);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("exists already"));
}

/// All eigenvalues, and both ends by Lanczos, of one kernel; several outputs as rows of their own.
#[test]
fn spectra_do_not_depend_on_the_way() {
    let out = tempfile::tempdir().unwrap();
    let file = checkpoint();
    let of = |name: &str, more: &[&str]| -> Value {
        let dir = out.path().join(name).display().to_string();
        let args = ["kernel", &file, "--examples", "40", "--outputs", "each", "--out", &dir, "--json"];
        let output = collado(&[&args, more].concat());
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let (dense, lanczos) = (of("dense", &[]), of("lanczos", &["--dense", "0"]));
    let kernel = |summary: &Value| summary["kernels"]["ntk"].clone();
    let (dense, lanczos) = (kernel(&dense), kernel(&lanczos));
    assert_eq!((dense["method"].as_str(), lanczos["method"].as_str()), (Some("dense"), Some("lanczos")));
    for end in ["lambda_min", "lambda_max"] {
        let residual = format!("{end}_residual");
        let room = number(&dense[&residual]) + number(&lanczos[&residual]);
        assert!((number(&dense[end]) - number(&lanczos[end])).abs() <= room, "{end}: {dense} {lanczos}");
    }
    assert_eq!(collado(&["kernel", &file, "--dtype", "f32", "--out", "x"]).status.code(), Some(2));
}
