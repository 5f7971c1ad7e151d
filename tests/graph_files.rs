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
    // A checkpoint that states its network needs neither flag.
    let images =
        format!("--data mnist:{} --epochs 1 --batch 250 --lr 0.05 --json --quiet", data("images/first"));
    let alone = json(dir, &format!("train --from t/seed-0.safetensors --out w {images}"));
    assert_eq!(risk(&alone), risk(&on));
    let text = error(dir, &format!("train --out x {images}"));
    assert!(text.contains("required arguments were not provided: --arch <ARCH>"), "{text}");
}

/// Texts whose next token follows from the last one: y = 3 x + 1 modulo 23.
fn texts(dir: &Path) {
    let rows = (0..60).map(|k: u32| {
        let mut token = k * 7 % 23;
        let mut text: Vec<String> = vec![token.to_string()];
        for _ in 0..6 {
            token = (3 * token + 1) % 23;
            text.push(token.to_string());
        }
        [&text[..6], &text[1..]].concat().join(",")
    });
    std::fs::write(dir.join("texts.csv"), rows.collect::<Vec<_>>().join("\n")).unwrap();
}

/// A language model on tokens in a table, with a class for each position.
#[test]
fn a_language_model_is_trained_connected_and_aligned() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    texts(dir);
    let net = data("graphs/exported/gpt_mask-2.15.pt2");
    let rows = "--data csv:texts.csv?header=false&target=6,7,8,9,10,11&task=tokens&test-share=0.2";
    let train =
        format!("train --net {net} {rows} --seeds 0..2 --epochs 60 --batch 8 --optimizer adam --lr 0.02");
    let trained = json(dir, &format!("{train} --out t --json --quiet"));
    for run in trained["runs"].as_array().unwrap() {
        // Guessing has log 23 = 3.1 and an error of 22/23.
        assert!(run["risk"].as_f64().unwrap() < 0.5 && run["test_error"].as_f64().unwrap() < 0.2, "{run}");
    }
    let evaluated = json(dir, "eval t/seed-0.safetensors --json --quiet");
    let (risk, stated) = (&evaluated["checkpoints"][0]["risk"], &trained["runs"][0]["risk"]);
    assert!((risk.as_f64().unwrap() - stated.as_f64().unwrap()).abs() < 1e-5, "{risk} {stated}");
    let line = json(dir, "connect t --method linear --points 5 --out line --json --quiet");
    assert!(line["barrier"]["above_ends"].as_f64().unwrap() > 0.5, "{line}");
    let aligned =
        json(dir, "align --a t/seed-0.safetensors --b t/seed-1.safetensors --out aligned --json --quiet");
    assert!(aligned["max_output_difference"].as_f64().unwrap() < 1e-3, "{aligned}");
    assert!(aligned["distance_after"].as_f64().unwrap() < aligned["distance_before"].as_f64().unwrap());
    // Masks are in what is written, under the names of the state dict.
    let tensors =
        Checkpoint::read(&dir.join("aligned/aligned.safetensors"), &ReadOptions::default()).unwrap();
    assert_eq!(tensors.arch.beside().layout().entries().len(), 2);

    for (args, expected) in [
        (
            format!("eval {net} --data csv:texts.csv?header=false&target=6&drop=7,8,9,10,11"),
            "outputs for one class an example",
        ),
        (format!("eval {net} --data csv:texts.csv?header=false&target=10,11&task=tokens"), "takes 6 inputs"),
        ("kernel t/seed-0.safetensors --out kernel".into(), "the Jacobian of the outputs"),
        ("certify line".into(), "does not cover a class for each position"),
    ] {
        let text = error(dir, &args);
        let wrong: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(wrong.len() == 1 && wrong[0].contains(expected), "{args}: {text}");
    }
    // A token that the table of the network has not.
    std::fs::write(dir.join("far.csv"), "0,1,2,3,4,40,0,0,0,0,0,0\n").unwrap();
    let text =
        error(dir, &format!("eval {net} --data csv:far.csv?header=false&target=6,7,8,9,10,11&task=tokens"));
    assert!(text.contains("tokens: expected whole numbers from 0 to 22, found 40"), "{text}");
}

/// State dicts without any statement, with --net, in the commands that look at the landscape.
#[test]
fn every_command_takes_a_graph_file() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let net = format!("--net {}", data("graphs/exported/mlp-2.15.pt2"));
    let rows = "--data synthetic:gaussians?d=12&k=5&n=60 --json --quiet";
    json(dir, &format!("train {net} --seeds 0..2 --epochs 20 --out t {rows}"));
    for seed in 0..2 {
        let tensors = candle_core::safetensors::load(
            dir.join(format!("t/seed-{seed}.safetensors")),
            &candle_core::Device::Cpu,
        );
        candle_core::safetensors::save(&tensors.unwrap(), dir.join(format!("{seed}.safetensors"))).unwrap();
    }
    let spectrum = json(dir, &format!("spectrum 0.safetensors {net} --out spectrum {rows}"));
    assert!(spectrum["top"][0]["value"].as_f64().unwrap() > 0., "{spectrum}");
    let tree =
        json(dir, &format!("levelset 0.safetensors 1.safetensors {net} --method linear --out tree {rows}"));
    assert!(dir.join("tree/tree.json").exists() && tree.is_object(), "{tree}");
    json(dir, &format!("landscape plane 0.safetensors {net} --points 5 --out plane {rows}"));
    json(
        dir,
        &format!("landscape line 0.safetensors --to 1.safetensors {net} --points 5 --out section {rows}"),
    );
    assert!(dir.join("plane/grid.npz").exists() && dir.join("section/grid.csv").exists());
    json(dir, &format!("kernel 0.safetensors {net} --examples 20 --out kernel {rows}"));
    assert!(dir.join("kernel/kernel.npz").exists());
    json(dir, &format!("align --a 0.safetensors --b 1.safetensors {net} --out aligned {rows}"));
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

/// A mixer turns its tokens and channels; REPAIR has no rule for some of the other network's functions.
#[test]
fn unusual_networks_are_aligned() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (name, inputs) in [("mixer", 3 * 12 * 12), ("activations", 8)] {
        let number = |i: usize, j: usize| format!("{:.4},", (0.7 * (i * inputs + j) as f64).sin());
        let row = |i: usize| (0..inputs).map(|j| number(i, j)).collect::<String>() + &format!("{}\n", i % 5);
        std::fs::write(dir.join("rows.csv"), (0..20).map(row).collect::<String>()).unwrap();
        let (net, rows) =
            (data(&format!("graphs/exported/{name}-2.15.pt2")), "--data csv:rows.csv?header=false");
        json(dir, &format!("train --net {net} {rows} --epochs 1 --out {name} --json --quiet"));
        for method in ["weights", "activations"] {
            let args = format!("{rows} --method {method} --out {name}-{method} --json --quiet");
            let found = json(dir, &format!("align --a {net} --b {name}/seed-0.safetensors {args}"));
            let barrier = &found["barrier_above_ends"];
            assert!(barrier["aligned_line"].is_f64() && barrier["aligned_repaired"].is_null(), "{found}");
            assert!(found["max_output_difference_relative"].as_f64().unwrap() < 1e-5, "{found}");
        }
    }
}
