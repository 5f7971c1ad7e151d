//! The methods of `connect` that are neither a line nor a curve, through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value as Json, json as value};

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
    assert_eq!(refused.status.code(), Some(2));
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

#[test]
fn a_search_that_diverges_is_a_failure_without_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, "train --arch relu:64-8-10 --seeds 0..3 --epochs 5 --out t --json --quiet");
    let how = format!("connect {ENDS} --lr 1e30 --epochs 2");
    for method in ["bezier", "polychain", "neb", "dss"] {
        let output = collado(dir, &format!("{how} --method {method} --out {method}"));
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{method}: {text}");
        // What is noted about the ends comes first.
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("note: ")).collect();
        assert!(lines[0].starts_with(&format!("error: {method} diverged: ")) && lines.len() == 2, "{text}");
        assert!(!dir.join(method).exists(), "{method}");
    }
    // auto keeps what it has.
    let output = collado(dir, &format!("{how} --target 0 --out auto --json --quiet"));
    let summary: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "the target is missed");
    assert!(above_ends(&summary).is_finite() && summary["length"].as_f64().unwrap() > 0., "{summary}");
    let attempts = summary["attempts"].as_array().unwrap();
    let diverged: Vec<_> = attempts.iter().filter(|a| a["stop"] == "diverged").collect();
    assert!(diverged.len() == 7 && diverged.iter().all(|a| a["above_ends"] == "nan"), "{summary}");
    // So does a level set: the pairs are joined by straight lines.
    let all = "t/seed-0.safetensors t/seed-1.safetensors t/seed-2.safetensors";
    let tree =
        json(dir, &format!("levelset {all} --method bezier --lr 1e30 --epochs 2 --out l --json --quiet"));
    let edges = tree["edges"].as_array().unwrap();
    assert!(
        edges.len() == 2 && edges.iter().all(|e| e["searched"] == "nan" && e["value"].is_f64()),
        "{tree}"
    );
    assert!(!dir.join("l/paths/seed-0--seed-1.safetensors").exists());
}

#[test]
fn ends_that_overflow_are_refused_and_a_length_beyond_numbers_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, &format!("train --arch linear:3-4-2?head=regress --seeds 0..2 --epochs 2 --out t {LINEAR}"));
    for seed in [0, 1] {
        let file = dir.join(format!("t/seed-{seed}.safetensors"));
        let mut end = collado_files::Checkpoint::read(&file, &collado_files::ReadOptions::default()).unwrap();
        // Each weight is a number of f32, their products are not.
        end.theta = ((end.theta * 0.).unwrap() + 1e25).unwrap();
        end.write(&file).unwrap();
    }
    for method in ["linear", "auto", "deep-linear", "bezier"] {
        let output = collado(dir, &format!("connect {ENDS} --method {method} --out {method} {LINEAR}"));
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{method}: {text}");
        assert!(
            text.contains("seed-0.safetensors: expected a finite risk in F32, found "),
            "{method}: {text}"
        );
        assert!(!dir.join(method).exists(), "{method}");
    }
}

#[test]
fn from_a_point_to_itself_the_constant_path_is_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, "train --arch relu:64-8-10 --epochs 5 --out t --json --quiet");
    for method in ["auto", "linear", "bezier", "polychain", "neb", "dss", "repair"] {
        let args = format!(
            "connect --a t/seed-0.safetensors --b t/seed-0.safetensors --method {method} --epochs 4 --out {method} --json \
             --quiet"
        );
        let found = json(dir, &args);
        assert_eq!(
            (&found["length"], &found["normalized_length"]),
            (&value!(0.), &value!("nan")),
            "{method}"
        );
        assert!(above_ends(&found) < 1e-6, "{method}: {found}");
    }
}
