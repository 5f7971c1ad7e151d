//! `--engine candle`: every command that evaluates a risk says the same by the framework's own operations.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{collado, json};

const TWO: &str = "t/seed-0.safetensors t/seed-1.safetensors";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn minima(dir: &Path) {
    let how = "train --arch relu:64-8-10 --kappa 1e-4 --dtype f64 --seeds 0..2 --epochs 5 --json --quiet";
    json(dir, &format!("{how} --out t"));
}

/// The same command by both engines.
fn both(dir: &Path, args: &str, out: bool) -> [Value; 2] {
    ["fused", "candle"].map(|engine| {
        let out = if out { format!(" --out {engine} --force") } else { String::new() };
        json(dir, &format!("{args} --engine {engine} --json --quiet{out}"))
    })
}

#[track_caller]
fn assert_close(a: &Value, b: &Value, tolerance: f64) {
    let (a, b) = (number(a), number(b));
    assert!((a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1e-3), "{a} {b}");
}

#[test]
fn risks_and_gradients_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let [fused, candle] = both(dir, &format!("eval {TWO}"), false);
    for row in 0..2 {
        for name in ["risk", "train_loss", "train_error", "test_loss", "gradient_norm"] {
            let of = |result: &Value| result["checkpoints"][row][name].clone();
            assert_close(&of(&fused), &of(&candle), 1e-11);
        }
    }
}

#[test]
fn training_and_paths_are_the_same_up_to_rounding() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let how = "train --arch tanh:64-6-10 --kappa 1e-3 --dtype f64 --epochs 2 --finish 1e-6";
    let [fused, candle] = both(dir, how, true);
    assert_close(&fused["runs"][0]["risk"], &candle["runs"][0]["risk"], 1e-9);
    assert_eq!(candle["run"]["settings"]["engine"], "candle");
    for method in ["linear", "bezier --epochs 3", "neb --epochs 2"] {
        let how = format!("connect {TWO} --method {method} --points 9 --certify never");
        let [fused, candle] = both(dir, &how, true);
        for name in ["max", "above_ends", "mean"] {
            assert_close(&fused["barrier"][name], &candle["barrier"][name], 1e-7);
        }
    }
    let [fused, candle] = both(dir, &format!("levelset {TWO} --points 5"), true);
    assert_close(&fused["all_joined_at"], &candle["all_joined_at"], 1e-11);
    let [fused, candle] = both(dir, "align --a t/seed-0.safetensors --b t/seed-1.safetensors", true);
    assert_close(&fused["risk"]["aligned"], &candle["risk"]["aligned"], 1e-11);
}

#[test]
fn the_hessian_by_differences_of_candles_gradients_is_the_exact_one() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, "train --arch tanh:64-3-10 --kappa 1e-3 --dtype f64 --epochs 5 --out t --json --quiet");
    let [fused, candle] = both(dir, "spectrum t/seed-0.safetensors", false);
    let [fused, differences] = [&fused, &candle].map(|r| r["eigenvalues"].as_array().unwrap());
    let largest = number(&fused[fused.len() - 1]);
    for (a, b) in fused.iter().zip(differences) {
        assert!((number(a) - number(b)).abs() <= 1e-6 * largest, "{a} {b}");
    }
    assert!(candle["notes"][0].as_str().unwrap().contains("central differences"), "{}", candle["notes"]);
}

#[test]
fn what_has_an_arithmetic_of_its_own_refuses_the_flag() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    json(dir, &format!("connect {TWO} --method linear --out p --json --quiet"));
    for command in [
        "certify p/path.safetensors",
        "kernel t/seed-0.safetensors --out k",
        "critical --data synthetic:linear?d=4&q=3 --arch linear:4-4-3 --out c",
        "certify-minimum --k 6",
        "spectrum t/seed-0.safetensors --matrix fisher",
    ] {
        let output = collado(dir, &format!("{command} --engine candle"));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && text.starts_with("error: --engine candle: "),
            "{command}: {text}"
        );
    }
}
