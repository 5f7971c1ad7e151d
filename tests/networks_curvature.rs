//! The program on networks for images: spectra, minima, kernels, critical points, level sets and sections, with batch
//! normalisation under both rules.
#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::HashMap, path::Path};

use collado_files::{Checkpoint, PathFile, ReadOptions};
use serde_json::Value;

use self::support::{collado, json};

const ARCH: &str = "resnet8:width=1/8";

fn train(dir: &Path, more: &str) {
    let args =
        format!("train --arch {ARCH} --data digits --batch 128 --lr 0.02 --json --quiet --out t {more}");
    json(dir, args.trim());
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn read(file: &Path) -> Checkpoint {
    Checkpoint::read(file, &ReadOptions::default()).unwrap()
}

/// Writes 24 images with values.
fn few(dir: &Path) {
    let tensor = |shape: &[usize], values: Vec<f64>| {
        candle_core::Tensor::from_vec(values, shape, &candle_core::Device::Cpu).unwrap()
    };
    let x: Vec<f64> = (0..24 * 36).map(|i| (f64::from(i) * 1.3).sin()).collect();
    let y: Vec<f64> = (0..24).map(|i| (f64::from(i) * 2.1).cos()).collect();
    let arrays = HashMap::from([("x", tensor(&[24, 1, 6, 6], x)), ("y", tensor(&[24, 1], y))]);
    candle_core::safetensors::save(&arrays, dir.join("few.safetensors")).unwrap();
}

fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name).display().to_string()
}

#[test]
fn spectra_are_those_of_the_rule_for_statistics() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    train(dir, "--seeds 0..2 --epochs 2");
    let ends = "--dense 0 --ends top --count 1 --steps 40 --check 0 --products 0 --probes 0 --json --quiet";
    let mut tops = Vec::new();
    for rule in ["population", "interpolate"] {
        let both = json(dir, &format!("spectrum t --bn {rule} {ends}"));
        for (seed, found) in both["checkpoints"].as_array().unwrap().iter().enumerate() {
            // Each file has its own running statistics.
            let one = json(dir, &format!("spectrum t/seed-{seed}.safetensors --bn {rule} {ends}"));
            assert_eq!((&one["top"], &one["gradient_norm"]), (&found["top"], &found["gradient_norm"]));
            let top = number(&one["top"][0]["value"]);
            assert!(number(&one["top"][0]["residual"]) < 1e-3 * top && top > 0., "{one}");
            tops.push(top);
        }
    }
    assert!((tops[0] - tops[2]).abs() > 1e-3 * tops[0], "{tops:?}");
    let gauss = json(dir, &format!("spectrum t/seed-0.safetensors --matrix gauss-newton {ends}"));
    assert!(number(&gauss["top"][0]["value"]) > 0.);
    let refused = collado(dir, "spectrum t/seed-0.safetensors --memory 2MiB");
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains("--memory: expected at least") && text.contains("--bn-rows"), "{text}");
    let refused = collado(dir, "spectrum t/seed-0.safetensors --bn garipov");
    assert!(!refused.status.success());
}

#[test]
fn networks_with_normalisation_are_finished() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    few(dir);
    let smooth = "train --arch resnet8:width=1/16,activation=silu --data safetensors:few.safetensors --batch 8 --lr 0.01 \
                  --epochs 20 --dtype f64 --finish 1e-5 --json --quiet";
    for rule in ["population", "interpolate"] {
        let found = json(dir, &format!("{smooth} --bn {rule} --out {rule}"));
        let run = &found["runs"][0];
        assert!(run["finish"]["reached"] == true && number(&run["finish"]["hessian_products"]) > 0., "{run}");
        // The file gives the same gradient: its running statistics are those that the risk was lowered with.
        let ends = "--dense 0 --steps 2 --check 0 --products 0 --probes 0";
        let seen = json(dir, &format!("spectrum {rule} --bn {rule} {ends} --json --quiet"));
        let norm = number(&run["finish"]["gradient_norm"]);
        assert!((number(&seen["gradient_norm"]) - norm).abs() < 1e-3 * norm, "{seen} {run}");
    }
    let refused = collado(dir, &format!("{smooth} --bn garipov --out no"));
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && text.contains("--bn population, interpolate"), "{text}");
}

#[test]
fn kernels_bound_gradients() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let images = data("images/first");
    for (network, rule) in [("lenet", ""), ("resnet8", "--bn interpolate"), ("resnet8", "--bn-rows 24")] {
        let file = data(&format!("graphs/{network}/a.safetensors"));
        let args = format!(
            "kernel {file} --arch {network} --data mnist:{images} --examples 6 --by-layer --force --out k --json \
             --quiet {rule}"
        );
        let found = json(dir, args.trim());
        let gradient = &found["gradient"];
        let [measured, layer, least] =
            ["squared", "last_layer_bound", "eigenvalue_bound"].map(|name| number(&gradient[name]));
        assert!(measured > layer && layer >= least && least >= 0., "{found}");
        let kernels = found["kernels"].as_object().unwrap();
        let trace = |name: &str| number(&kernels[name]["trace"]);
        let layers = kernels.keys().filter(|name| name.starts_with("ntk_"));
        let sum: f64 = layers.map(|name| trace(name)).sum();
        assert!((sum - trace("ntk")).abs() < 1e-9 * sum, "{sum} {}", trace("ntk"));
        assert!(found["limit"].is_null() && number(&kernels["ntk"]["lambda_min"]) > 0.);
        let notes = found["notes"].to_string();
        assert!(notes.contains("infinite-width"), "{found}");
    }
}

#[test]
fn critical_points_are_searched_for() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    few(dir);
    let found = json(
        dir,
        "critical --arch resnet8:width=1/16,activation=tanh --data safetensors:few.safetensors --starts 1 --descents 1 \
         --runs 0 --steps 2 --out c --json --quiet",
    );
    assert_eq!(found["searches"], 2);
    assert_eq!(found["run"]["statistics"], "population");
    let refused = collado(
        dir,
        "critical --arch resnet8:width=1/16 --data safetensors:few.safetensors --bn interpolate --starts 1 --out no",
    );
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && text.contains("the search for critical points"), "{text}");
}

#[test]
fn level_sets_and_sections_have_the_statistics_of_their_minima() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    train(dir, "--seeds 0..3 --epochs 2");
    for rule in ["population", "interpolate"] {
        let seen = json(dir, &format!("eval t --bn {rule} --json --quiet"));
        let own: Vec<f64> =
            seen["checkpoints"].as_array().unwrap().iter().map(|c| number(&c["risk"])).collect();
        let tree =
            json(dir, &format!("levelset t --bn {rule} --epochs 2 --points 5 --out l-{rule} --json --quiet"));
        for (minimum, risk) in tree["minima"].as_array().unwrap().iter().zip(&own) {
            assert!((number(&minimum["risk"]) - risk).abs() < 1e-6 * risk, "{tree}");
        }
        let edge = &tree["edges"].as_array().unwrap()[0];
        assert!(number(&edge["value"]) <= number(&edge["line"]), "{edge}");
        if let Some(path) = edge["path"].as_str() {
            let file = PathFile::read(&dir.join(format!("l-{rule}")).join(path)).unwrap();
            let rows = file.path.buffers().unwrap().to_vec2::<f64>().unwrap();
            let a = read(&dir.join(format!("t/{}.safetensors", edge["a"].as_str().unwrap())));
            assert_eq!((rows.len(), &rows[0]), (3, &a.buffers.unwrap().to_vec1::<f64>().unwrap()));
        }
        let aligned = json(
            dir,
            &format!(
                "levelset t --bn {rule} --align weights --method linear --points 3 --out a-{rule} --json --quiet"
            ),
        );
        for (minimum, risk) in aligned["minima"].as_array().unwrap().iter().zip(&own) {
            assert!((number(&minimum["risk"]) - risk).abs() < 1e-5 * risk, "{aligned}");
        }
        let line = format!(
            "landscape line t/seed-0.safetensors --to t/seed-1.safetensors --bn {rule} --radius 0.25 --points 7 --out \
             line-{rule} --json --quiet"
        );
        json(dir, &line);
        let table = std::fs::read_to_string(dir.join(format!("line-{rule}/grid.csv"))).unwrap();
        let risks: Vec<f64> =
            table.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
        assert!((risks[1] - own[0]).abs() < 1e-6 && (risks[5] - own[1]).abs() < 1e-6, "{risks:?} {own:?}");
        for section in [
            "plane t/seed-0.safetensors --points 3",
            "plane t/seed-0.safetensors t/seed-1.safetensors t/seed-2.safetensors --points 3",
            "zoom t/seed-0.safetensors --scales 1,0.1 --points 3",
        ] {
            // Beyond the triangle of three files variances may be combined to less than 0.
            json(dir, &format!("landscape {section} --bn {rule} --force --out s --json --quiet"));
        }
    }
    let found = json(
        dir,
        &format!(
            "landscape trajectory --arch {ARCH} --data digits --epochs 4 --batch 128 --points 3 --out r --json --quiet"
        ),
    );
    assert!(number(&found["checkpoints"]) >= 4., "{found}");
}
