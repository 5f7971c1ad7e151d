//! Spectra of checkpoints, through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value as Json;

use self::support::{collado, json};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data");

fn numbers(list: &Json) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn pairs(list: &Json) -> Vec<(f64, f64)> {
    let pair = |p: &Json| (p["value"].as_f64().unwrap(), p["residual"].as_f64().unwrap());
    list.as_array().unwrap().iter().map(pair).collect()
}

#[test]
fn both_ways_agree_within_their_errors() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, "train --arch tanh:64-8-10 --epochs 5 --dtype f64 --out t --json -q");
    let all = json(dir, "spectrum t/seed-0.safetensors --out d --json -q");
    let some =
        json(dir, "spectrum t/seed-0.safetensors --dense 0 --count 3 --tolerance 1e-9 --out l --json -q");
    let values = numbers(&all["eigenvalues"]);
    assert_eq!(values.len(), 64 * 8 + 8 + 80 + 10);
    assert_eq!((&all["index_status"], &some["index_status"]), (&"exact".into(), &"bound".into()));
    assert!(some["eigenvalues"].is_null() && some["zero_modes"].is_null());
    let top = values.iter().rev().copied();
    for ((found, residual), truth) in pairs(&some["top"]).into_iter().zip(top) {
        assert!((found - truth).abs() <= residual + 1e-12, "{found} {truth} {residual}");
        assert!(residual <= 1e-9 * values[values.len() - 1]);
    }
    for ((found, residual), truth) in pairs(&some["bottom"]).into_iter().zip(&values) {
        assert!((found - truth).abs() <= residual + 1e-12, "{found} {truth} {residual}");
    }
    let index = all["index"].as_u64().unwrap();
    assert!(index > 0 && some["index"].as_u64().unwrap() <= index);
    // Pixels that are 0 in all images: their 8 weights do nothing.
    assert!(all["zero_modes"].as_u64().unwrap() >= 8, "{}", all["zero_modes"]);
    let (exact, sampled) = (all["trace"]["value"].as_f64().unwrap(), &some["trace"]);
    let (value, stderr) = (sampled["value"].as_f64().unwrap(), sampled["stderr"].as_f64().unwrap());
    assert!((exact - value).abs() <= 4. * stderr, "{exact} {value} {stderr}");
    assert_eq!(all["trace"]["stderr"], 0.0);
    assert!(all["gradient_norm"].as_f64().unwrap() > 0.);
    for folder in ["d", "l"] {
        assert!(
            dir.join(folder).join("spectrum.png").exists() && dir.join(folder).join("spectrum.csv").exists()
        );
    }
    let positive = json(dir, "spectrum t/seed-0.safetensors --matrix gauss-newton --json -q");
    assert_eq!(positive["index"], 0);
}

fn assert_values(list: &Json, truth: &[f64], tolerance: f64) {
    let found = pairs(list);
    assert_eq!(found.len(), truth.len(), "{list}");
    // The default tolerance, times the largest eigenvalue of both files.
    let size = 57.1e-6;
    for ((value, residual), truth) in found.iter().zip(truth) {
        assert!((value - truth).abs() <= tolerance && *residual <= size, "{value} {truth} {residual}");
    }
    for (i, pair) in list.as_array().unwrap().iter().enumerate() {
        assert_eq!(pair["rank"], i + 1);
        let enclosure = numbers(&pair["enclosure"]);
        let slack = 1e-7 * truth[i].abs() + 1e-12;
        assert!(enclosure[0] <= truth[i] + slack && truth[i] - slack <= enclosure[1], "{pair} {}", truth[i]);
    }
}

/// H = (2/N) XᵀX ⊗ I₁₀ of 20 examples: every eigenvalue stands there ten times.
#[test]
fn repeated_eigenvalues_are_listed_as_often_as_they_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let args = format!(
        "spectrum {DATA}/few.safetensors --data npz:{DATA}/few.npz --loss squared --products 0 --probes 0 --json -q"
    );
    let both = json(dir.path(), &args);
    assert_values(&both["top"], &[57.012_613_1; 5], 1e-6);
    assert_values(&both["bottom"], &[0.; 5], 1e-6);
    assert_eq!((&both["rank_check"]["method"], &both["trace"]), (&"random-start".into(), &Json::Null));
    assert!(both["rank_check"]["failure_probability"].as_f64().unwrap() <= 1e-4);
    for end in ["top", "bottom"] {
        assert!(both[end].as_array().unwrap().iter().all(|p| p["rank_status"] == "checked"), "{}", both[end]);
    }
    let top = json(dir.path(), &format!("{args} --ends top --count 12"));
    let twelve = pairs(&top["top"]);
    let (ten, two) = twelve.split_at(10);
    assert!(ten.iter().all(|p| (p.0 - 57.012_613_1).abs() < 1e-6), "{ten:?}");
    assert!(two.iter().all(|p| (p.0 - two[0].0).abs() < 1e-6 && p.0 < 57.), "{two:?}");
    assert_eq!(top["bottom"], Json::Array(vec![]));
}

/// A dead hidden layer: ten output biases have curvature 2, all other parameters none.
#[test]
fn a_collapsed_network_has_two_eigenvalues() {
    let dir = tempfile::tempdir().unwrap();
    let args = format!(
        "spectrum {DATA}/collapsed.safetensors --data digits --loss squared --products 0 --probes 0 --json -q"
    );
    let both = json(dir.path(), &args);
    assert_eq!(both["parameters"], 4810);
    assert_values(&both["top"], &[2.; 5], 1e-9);
    assert_values(&both["bottom"], &[0.; 5], 1e-9);
    let more = json(dir.path(), &format!("{args} --count 12 --memory 8MiB"));
    assert_values(&more["top"], &[[2.; 10].as_slice(), &[0.; 2]].concat(), 1e-9);
    assert_values(&more["bottom"], &[0.; 12], 1e-9);
    assert_eq!(more["index"], 0);
}

#[test]
fn count_ends_and_tables_hold_for_all_eigenvalues_too() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, "train --arch tanh:64-3-10 --epochs 1 --seeds 0..2 --dtype f64 --out t --json -q");
    let args = "spectrum t --count 9 --out s --json -q";
    let all = json(dir, args);
    let each = all["checkpoints"].as_array().unwrap();
    assert_eq!(each.len(), 2);
    for (i, found) in each.iter().enumerate() {
        assert!(found["checkpoint"].as_str().unwrap().ends_with(&format!("seed-{i}.safetensors")));
        let values = numbers(&found["eigenvalues"]);
        let top: Vec<f64> = pairs(&found["top"]).iter().map(|p| p.0).collect();
        assert_eq!(top, values.iter().rev().take(9).copied().collect::<Vec<_>>());
        let table = std::fs::read_to_string(dir.join(format!("s/seed-{i}/eigenvalues.csv"))).unwrap();
        let rows: Vec<Vec<&str>> = table.lines().map(|l| l.split(',').collect()).collect();
        assert_eq!(rows[0], ["rank", "end", "value", "residual", "status", "lower", "upper"]);
        assert_eq!((rows.len(), rows[1][1], rows[18][1], rows[18][4]), (19, "top", "bottom", "exact"));
        assert_eq!(rows[9][2].parse::<f64>().unwrap(), top[8]);
    }
    assert!(dir.join("s/summary.json").exists());
    let again = collado(dir, args);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let one = json(dir, "spectrum t/seed-0.safetensors --ends bottom --count 9999 --json -q");
    assert_eq!(one["bottom"].as_array().unwrap().len(), one["parameters"].as_u64().unwrap() as usize);
    assert_eq!(one["top"], Json::Array(vec![]));
}

#[test]
fn memory_is_kept_to_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, "train --arch relu:64-20-10 --epochs 1 --dtype f64 --out t --json -q");
    let args = "spectrum t/seed-0.safetensors --products 9 --probes 2 --json -q";
    let (free, tight) = (json(dir, args), json(dir, &format!("{args} --memory 1MiB")));
    assert!(tight["eigenvalues"].is_null() && !free["eigenvalues"].is_null());
    for ((a, residual), (b, _)) in pairs(&tight["top"]).into_iter().zip(pairs(&free["top"])) {
        assert!((a - b).abs() <= residual + 1e-9, "{a} {b} {residual}");
    }
    let refused = collado(dir, &format!("{args} --memory 64KiB"));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(message.starts_with("error: --memory: expected at least 408KiB, found 64KiB"), "{message}");
    for (flag, value) in [("--count", "0"), ("--tolerance", "nan"), ("--products", "3"), ("--ends", "left")] {
        let output = collado(dir, &format!("{args} {flag} {value}").replace("--products 9 ", ""));
        assert_eq!(output.status.code(), Some(2), "{flag}: {output:?}");
    }
}
