//! Spectra of checkpoints, through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value as Json;

use self::support::json;

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
