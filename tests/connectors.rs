//! The methods of `connect` that are neither a line nor a curve, through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value as Json;

use self::support::{collado, json};

fn above_ends(summary: &Json) -> f64 {
    summary["barrier"]["above_ends"].as_f64().unwrap()
}

fn straight(summary: &Json) -> f64 {
    let attempts = summary["attempts"].as_array().unwrap();
    attempts.iter().find(|a| a["method"] == "linear").unwrap()["above_ends"].as_f64().unwrap()
}

const LINEAR: &str = "--data synthetic:linear?d=3&q=2&n=60&noise=0.3 --json --quiet";
const TEACHER: &str =
    "--data synthetic:teacher?d=2&n=100&k=4 --loss squared --kappa 1e-3 --regularizer l1-last --json --quiet";
const ENDS: &str = "--a t/seed-0.safetensors --b t/seed-1.safetensors";

#[test]
fn deep_linear_networks_have_an_explicit_path() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(
        dir,
        &format!(
            "train --arch linear:3-5-4-2?head=regress --seeds 0..2 --epochs 30 --dtype f64 --out t {LINEAR}"
        ),
    );
    let found = json(dir, &format!("connect {ENDS} --method deep-linear --dtype f64 --out p {LINEAR}"));
    let ends = found["ends"]["a"].as_f64().unwrap().max(found["ends"]["b"].as_f64().unwrap());
    assert!(above_ends(&found) <= 1e-10 * ends, "{found}");
    assert!(found["about"]["vertex_max"].as_f64().unwrap() <= ends * (1. + 1e-10), "{found}");
    assert!(dir.join("p/profile.png").exists());
    // At width q the theorem is silent.
    json(
        dir,
        &format!("train --arch linear:3-2-2?head=regress --seeds 0..2 --epochs 2 --out t --force {LINEAR}"),
    );
    let refused = collado(dir, &format!("connect {ENDS} --method deep-linear --out q {LINEAR}"));
    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text.contains("found width 2 at hidden layer 1"), "{text}");
}

#[test]
fn two_layer_networks_are_connected_with_a_bound() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, &format!("train --arch relu:2-24-1?head=regress --seeds 0..2 --epochs 200 --out t {TEACHER}"));
    let found = json(dir, &format!("connect {ENDS} --method constructive --out p {TEACHER}"));
    assert!(straight(&found) > 0.01 && above_ends(&found) < straight(&found) / 10., "{found}");
    let bound = found["about"]["vertex_max"].as_f64().unwrap();
    assert!(found["barrier"]["max"].as_f64().unwrap() <= bound * (1. + 1e-5), "{found}");
}

#[test]
fn bands_and_strings_are_lower_than_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, "train --arch relu:64-32-10 --seeds 0..2 --epochs 40 --out t --json --quiet");
    let band = json(dir, &format!("connect {ENDS} --method neb --epochs 40 --out neb --json --quiet"));
    assert!(above_ends(&band) < straight(&band) / 3., "{band}");
    assert!(band["about"]["pivots"].as_u64().unwrap() >= 5);
    let string = json(dir, &format!("connect {ENDS} --method dss --epochs 40 --out dss --json --quiet"));
    assert!(above_ends(&string) < straight(&string), "{string}");
    for field in ["level", "beads", "missed", "open_legs", "depth_limit_reached"] {
        assert!(!string["about"][field].is_null(), "{string}");
    }
}
