//! The program on networks from graph files, which PyTorch exported.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use collado_files::{Checkpoint, PathFile, ReadOptions};

use self::support::{collado, json};

fn data(name: &str) -> String {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    root.join(name).display().to_string()
}

/// What a command that fails writes.
fn error(dir: &Path, args: &str) -> String {
    let output = collado(dir, args);
    assert!(!output.status.success(), "{args}");
    String::from_utf8(output.stderr).unwrap()
}

/// A residual network with batch normalisation: its graph, its state dicts, and the same network by its `--arch`.
#[test]
fn a_network_of_pytorch_is_evaluated_connected_and_needs_no_graph_then() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (net, a, b) = (
        data("graphs/resnet8/net-2.15.pt2"),
        data("graphs/resnet8/a.safetensors"),
        data("graphs/resnet8/b.safetensors"),
    );
    let images = format!("--data mnist:{} --json --quiet", data("images/first"));
    let risks = |args: &str| -> Vec<f64> {
        let summary = json(dir, &format!("eval {args} {images}"));
        summary["checkpoints"].as_array().unwrap().iter().map(|row| row["risk"].as_f64().unwrap()).collect()
    };
    let by_arch = risks(&format!("{a} {b} --arch resnet8"));
    let by_net = risks(&format!("{a} {b} --net {net}"));
    let archive = risks(&format!("{net} {b}"));
    for risks in [&by_net, &archive] {
        assert!(risks.iter().zip(&by_arch).all(|(x, y)| (x - y).abs() < 1e-5 * y), "{risks:?} {by_arch:?}");
    }

    let line = json(
        dir,
        &format!("connect --a {a} --b {b} --net {net} --method linear --points 5 --out line {images}"),
    );
    assert!(line["barrier"]["above_ends"].as_f64().unwrap() > 0.5, "{line}");
    let from_archive =
        json(dir, &format!("connect --a {net} --b {b} --method linear --points 5 --out same {images}"));
    assert_eq!(line["barrier"], from_archive["barrier"]);
    // The path and its points say what network they are of.
    let path = PathFile::read(&dir.join("line/path.safetensors")).unwrap();
    assert_eq!(path.arch.to_string(), "net:net-2.15");
    assert!(collado(dir, "point line --t 0 --out start.safetensors").status.success());
    assert!((risks("start.safetensors")[0] - by_arch[0]).abs() < 1e-5 * by_arch[0]);

    let wrong = data("graphs/lenet/a.safetensors");
    let text = error(dir, &format!("eval {wrong} --net {net} {images}"));
    assert!(text.contains("is no state dict of net:net-2.15: lacks 'bn1.weight'"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_network_of_pytorch_is_trained_and_trained_on() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let net = data("graphs/resnet8/net-2.15.pt2");
    let args = format!(
        "train --net {net} --data mnist:{} --epochs 1 --batch 250 --lr 0.05 --json --quiet",
        data("images/first")
    );
    let first = json(dir, &format!("{args} --seeds 0..2 --out t"));
    let risk = |summary: &serde_json::Value| summary["runs"][0]["risk"].as_f64().unwrap();
    let read = |name: &str| Checkpoint::read(&dir.join(name), &ReadOptions::default()).unwrap();
    let trained = read("t/seed-0.safetensors");
    assert_eq!(trained.arch.to_string(), "net:net-2.15");
    assert!(trained.buffers.is_some());
    let on = json(dir, &format!("{args} --from t/seed-0.safetensors --out u"));
    assert!(risk(&on) < risk(&first), "{on} {first}");
    let text = error(dir, &format!("{args} --from {} --out v", data("graphs/lenet/a.safetensors")));
    assert!(text.contains("is no state dict of net:net-2.15"), "{text}");
    let text = error(dir, &format!("{args} --arch lenet --out v"));
    assert!(text.contains("--net"), "{text}");
}

/// A chain of dense layers in a graph file is what the fast engine and the proofs know.
#[test]
fn a_chain_in_a_graph_file_is_certified() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let net = data("graphs/exported/mlp-2.15.pt2");
    let data = "--data synthetic:gaussians?d=12&k=5&n=60 --json --quiet";
    json(dir, &format!("train --net {net} --seeds 0..2 --epochs 20 --dtype f64 --out t {data}"));
    json(dir, "connect t --method linear --points 5 --certify always --out line --json --quiet");
    let certified = json(dir, "certify line --json --quiet");
    assert!(certified["hi"].as_f64().unwrap() >= certified["lo"].as_f64().unwrap());
}

#[test]
fn what_is_no_graph_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let a = data("graphs/resnet8/a.safetensors");
    let text = error(dir.path(), &format!("eval {a} --net {a} --data digits"));
    assert!(text.contains("is no graph file; PyTorch writes one by torch.export.save("), "{text}");
    let text = error(dir.path(), &format!("eval {a} --data digits"));
    assert!(text.contains("--net names its graph file"), "{text}");
}
