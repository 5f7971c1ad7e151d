//! `collado train --finish` through the binary: minima that are minima, and what is said where there is none.
#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, path::Path, process::Output};

use collado_files::{Checkpoint, ReadOptions};
use serde_json::Value;
use support::{collado, json, spawn};

const SMOOTH: &str = "--arch tanh:64-8-10 --kappa 1e-3 --epochs 30 --finish 1e-6";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The parameters of a checkpoint, without its header, which holds the command line.
fn parameters(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + header..].to_vec()
}

#[test]
fn a_finished_network_is_a_minimum_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let plain = json(dir, "train --arch tanh:64-8-10 --kappa 1e-3 --epochs 30 --out p --json --quiet");
    let found = json(dir, &format!("train {SMOOTH} --seeds 0..2 --out t --json --quiet"));
    for (seed, run) in found["runs"].as_array().unwrap().iter().enumerate() {
        let (risk, norm) = (number(&run["risk"]), number(&run["finish"]["gradient_norm"]));
        assert!(run["finish"]["reached"] == true && norm <= 1e-6 * (1. + risk), "{run}");
        assert!(number(&run["finish"]["steps"]) > 0.);
        // The file states it, and the numbers in it are those that were judged.
        let file = format!("t/seed-{seed}.safetensors");
        let stated = Checkpoint::read(&dir.join(&file), &ReadOptions::default()).unwrap().provenance;
        assert_eq!(stated.extra["finish"], run["finish"]);
        assert_eq!(stated.epochs, Some(30));
        for engine in ["fused", "candle"] {
            let seen = json(dir, &format!("eval {file} --engine {engine} --dtype f64 --json"));
            let seen = &seen["checkpoints"][0];
            assert!((number(&seen["gradient_norm"]) - norm).abs() <= 1e-3 * norm, "{seen} {norm}");
            assert!((number(&seen["risk"]) - risk).abs() <= 1e-12 * risk, "{seen} {risk}");
        }
        // All 610 eigenvalues of the Hessian are positive.
        let spectrum = json(dir, &format!("spectrum {file} --json --quiet"));
        assert_eq!(
            (&spectrum["index"], &spectrum["index_status"]),
            (&0.into(), &"exact".into()),
            "{spectrum}"
        );
        assert!(spectrum["eigenvalues"].as_array().unwrap().iter().all(|l| number(l) > 0.));
    }
    let before = json(dir, "eval p/seed-0.safetensors --json");
    assert!(number(&before["checkpoints"][0]["gradient_norm"]) > 1e-4, "{before}");
    assert!(number(&plain["runs"][0]["risk"]) > number(&found["runs"][0]["risk"]));
    let text =
        String::from_utf8(collado(dir, "eval t/seed-0.safetensors p/seed-0.safetensors").stdout).unwrap();
    assert!(text.lines().next().unwrap().contains("‖∇F‖"), "{text}");
}

#[test]
fn the_history_goes_on_through_finishing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let found = json(dir, &format!("train {SMOOTH} --out t --json --quiet"));
    let steps = found["runs"][0]["finish"]["steps"].as_u64().unwrap();
    let history = fs::read_to_string(dir.join("t/history.csv")).unwrap();
    let rows: Vec<Vec<&str>> = history.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let (trained, finished): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row[7] == "train");
    // Epoch 0 is the start.
    assert_eq!((trained.len(), finished.len() as u64), (31, steps));
    assert!(trained.iter().all(|row| row[8] == "nan"));
    let risks: Vec<f64> = finished.iter().map(|row| row[2].parse().unwrap()).collect();
    assert!(risks.windows(2).all(|pair| pair[1] <= pair[0] + 1e-15), "{risks:?}");
    assert_eq!(finished[0][1], "31");
}

#[test]
fn finishing_that_was_killed_goes_on_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let how = |out: &str| format!("train {SMOOTH} --seeds 0..2 --save-every 0 --quiet --out {out}");
    assert!(collado(dir, &how("whole")).status.success());
    let begin = format!("{} --resume", how("killed"));
    let mut child = spawn(dir, &begin);
    let state = dir.join("killed/.state/train.safetensors");
    let begun = || {
        let bytes = fs::read(&state).unwrap_or_default();
        bytes.windows(14).any(|window| window == b"finish.1.theta")
    };
    while !begun() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(state.exists() && !dir.join("killed/summary.json").exists());
    assert!(collado(dir, &begin).status.success());
    for name in ["seed-0.safetensors", "seed-1.safetensors"] {
        let [whole, killed] = ["whole", "killed"].map(|run| parameters(&dir.join(run).join(name)));
        assert!(whole == killed, "{name}");
    }
    let [whole, killed] = ["whole", "killed"].map(|run| fs::read(dir.join(run).join("history.csv")).unwrap());
    assert!(whole == killed && !state.exists());
}

#[test]
fn where_no_gradient_vanishes_it_is_an_error_with_the_point_saved() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // Minima of ReLU networks with a penalty lie on kinks.
    let how = "train --arch relu:64-8-10 --kappa 1e-3 --epochs 20 --finish 1e-9 --max-seconds 4 --out t";
    let output = collado(dir, how);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("error: seed 0: expected a gradient norm of at most") && text.contains("hint: "),
        "{text}"
    );
    assert!(dir.join("t/seed-0.safetensors").exists() && dir.join("t/summary.json").exists());
    let text = stderr(&collado(dir, "train --arch relu:64-8-10 --finish 0 --out u"));
    assert!(text.contains("--finish"), "{text}");
}

#[test]
fn ends_that_are_no_minima_or_worse_than_a_constant_are_noted() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, &format!("train {SMOOTH} --seeds 0..2 --out t --json --quiet"));
    json(dir, "train --arch tanh:64-8-10 --kappa 1e-3 --seeds 0..2 --max-steps 0 --out s --json --quiet");
    let notes = |ends: &str, out: &str| {
        let found = json(dir, &format!("connect {ends} --method linear --out {out} --json --quiet"));
        found["notes"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(notes("t/seed-0.safetensors t/seed-1.safetensors", "x"), Vec::<String>::new());
    let notes = notes("t/seed-0.safetensors s/seed-1.safetensors", "y");
    assert!(notes.iter().all(|note| note.starts_with("s/seed-1.safetensors")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains(" is no minimum: ")), "{notes:?}");
    let asked = "are the data prepared as in training? is the architecture right?";
    assert!(notes.iter().any(|note| note.contains(asked)), "{notes:?}");
}

#[test]
fn the_shipped_minima_are_minima() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checkpoints");
    let found = json(&folder, "eval digits-a.safetensors digits-b.safetensors --json");
    for (name, row) in ["digits-a", "digits-b"].iter().zip(found["checkpoints"].as_array().unwrap()) {
        assert!(number(&row["gradient_norm"]) <= 1e-6 * (1. + number(&row["risk"])), "{row}");
        let file = folder.join(format!("{name}.safetensors"));
        assert!(fs::metadata(&file).unwrap().len() < 40_000);
        let stated = Checkpoint::read(&file, &ReadOptions::default()).unwrap().provenance;
        assert!(stated.kappa > Some(0.) && stated.extra["finish"]["reached"] == true);
    }
}
