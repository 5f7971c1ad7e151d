//! `connect --method star` and `levelset --method star` through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, path::Path};

use collado_files::{Checkpoint, PathFile, ReadOptions};
use serde_json::Value as Json;

use self::support::{collado, json};

const DATA: &str = "--data synthetic:linear?d=3&q=2&n=60&noise=0.3 --dtype f64 --json --quiet";

fn number(value: &Json) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn theta(file: &Path) -> Vec<f64> {
    let checkpoint = Checkpoint::read(file, &ReadOptions::default()).unwrap();
    checkpoint.theta.to_dtype(candle_core::DType::F64).unwrap().to_vec1().unwrap()
}

fn row(path: &PathFile, i: usize) -> Vec<f64> {
    path.path.vertices().get(i).unwrap().to_dtype(candle_core::DType::F64).unwrap().to_vec1().unwrap()
}

#[test]
fn deep_linear_networks_have_an_explicit_centre() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // q(r(L−1)+1) = 2(3·2+1) = 14.
    json(dir, &format!("train --arch linear:3-14-14-2?head=regress --seeds 0..3 --epochs 5 --out t {DATA}"));
    let ends = "--a t/seed-0.safetensors --b t/seed-1.safetensors --b t/seed-2.safetensors";
    let star = json(dir, &format!("connect --method star {ends} --certify always --out s {DATA}"));
    let linear = &star["center"]["linear"];
    assert_eq!((linear["threshold"].as_u64(), linear["width"].as_u64()), (Some(14), Some(14)));
    assert!(number(&linear["residual"]) < 1e-9 && number(&linear["condition"]) > 1., "{star}");
    let highest = ["a", "b1", "b2"].map(|name| number(&star["ends"][name])).into_iter().fold(0., f64::max);
    assert!(number(&star["barrier"]["above_ends"]).abs() < 1e-9 * highest, "{star}");
    // The centre is the optimum: no risk of an end is lower.
    assert!(number(&star["center"]["risk"]) <= number(&star["ends"]["a"]) * (1. + 1e-9));
    let segments = star["segments"].as_array().unwrap();
    assert_eq!(segments.len(), 3);
    for (i, segment) in segments.iter().enumerate() {
        assert_eq!(segment["end"], format!("seed-{i}"));
        assert!(number(&segment["above_ends"]) < 1e-9, "{segment}");
        let (lo, hi) = (number(&segment["certified"]["lo"]), number(&segment["certified"]["hi"]));
        assert!(lo <= hi && number(&segment["max"]) <= hi * (1. + 1e-9), "{segment}");
        let file = format!("path-{}.safetensors", i + 1);
        assert_eq!(segment["path"], file);
        let path = PathFile::read(&dir.join("s").join(&file)).unwrap();
        assert_eq!(row(&path, 0), theta(&dir.join(format!("t/seed-{i}.safetensors"))));
        assert_eq!(row(&path, 1), theta(&dir.join("s/center.safetensors")));
        // A proof of the file is the one that stands there.
        let again = json(dir, &format!("certify s/{file} --json --quiet"));
        assert_eq!(again["hi"], segment["certified"]["hi"]);
    }
    let hi = segments.iter().map(|s| number(&s["certified"]["hi"])).fold(0., f64::max);
    assert_eq!(number(&star["certified"]["hi"]), hi);
    assert!(fs::read_to_string(dir.join("s/star.svg")).unwrap().contains("seed-2"));
    assert_eq!(fs::read_to_string(dir.join("s/segments.csv")).unwrap().lines().count(), 1 + 3 * 61);
    // The folder has one checkpoint: the paths are none.
    let eval = json(dir, &format!("eval s {DATA}"));
    assert_eq!(eval["checkpoints"].as_array().unwrap().len(), 1);
    // Four ends need 18 neurons.
    json(dir, &format!("train --arch linear:3-14-14-2?head=regress --seeds 3..4 --epochs 5 --out u {DATA}"));
    let refused =
        collado(dir, &format!("connect --method star {ends} --b u/seed-3.safetensors --out n {DATA}"));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("= 18 for 4 ends") && said.contains("found 14, of which 4 are missing"), "{said}");
    // Other methods join two ends.
    let refused = collado(dir, &format!("connect --method linear {ends} --out n {DATA}"));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && said.contains("expected two ends, found 3"), "{said}");
    assert!(!dir.join("n").exists());
}

#[test]
fn two_ends_are_joined_by_a_path_of_three_vertices() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, "train --arch relu:64-24-10 --seeds 0..2 --epochs 30 --out t --json --quiet");
    let ends = "t/seed-0.safetensors t/seed-1.safetensors --json --quiet";
    let how = "--epochs 60 --points 21 --certify never";
    let star = json(dir, &format!("connect --method star {ends} {how} --report --out s"));
    assert_eq!((&star["center"]["kind"], &star["method"]), (&"learned".into(), &"star".into()));
    let line = json(dir, &format!("connect --method linear {ends} --points 21 --certify never --out l"));
    let height = |summary: &Json| number(&summary["barrier"]["above_ends"]);
    assert!(height(&star) < 0.3 * height(&line), "{star} {line}");
    let path = PathFile::read(&dir.join("s/path.safetensors")).unwrap();
    assert_eq!(path.path.vertices().dims()[0], 3);
    for (i, file) in
        ["t/seed-0.safetensors", "s/center.safetensors", "t/seed-1.safetensors"].iter().enumerate()
    {
        assert_eq!(row(&path, i), theta(&dir.join(file)));
    }
    assert_eq!(fs::read_to_string(dir.join("s/profile.csv")).unwrap().lines().count(), 22);
    assert!(number(&star["test"]["loss"]["max"]) > 0. && star["test"]["error"]["a"].is_number(), "{star}");
    assert!(dir.join("s/report.html").exists());
    let missed =
        format!("connect --method star {ends} --points 5 --certify never --target 0 --epochs 1 --out m");
    assert_eq!(collado(dir, &missed).status.code(), Some(1));
    assert!(dir.join("m/path.safetensors").exists());
    // A single end is no star.
    let one = collado(dir, "connect --method star t/seed-0.safetensors --out o");
    assert_eq!(one.status.code(), Some(2));
}

#[test]
fn a_centre_joins_all_minima_of_a_tree() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // q(r(L−1)+1) = 2(4·1+1) = 10.
    json(dir, &format!("train --arch linear:3-10-2?head=regress --seeds 0..4 --epochs 5 --out t {DATA}"));
    let tree =
        json(dir, &format!("levelset t --method star --points 13 --target 0 --certify --out l {DATA}"));
    assert_eq!((&tree["method"], &tree["status"]), (&"star".into(), &"proved".into()));
    let minima = tree["minima"].as_array().unwrap();
    let risk = |name: &Json| number(&minima.iter().find(|m| m["name"] == *name).unwrap()["risk"]);
    for edge in tree["edges"].as_array().unwrap() {
        let higher = risk(&edge["a"]).max(risk(&edge["b"]));
        assert!(number(&edge["value"]) <= higher * (1. + 2e-3), "{edge}");
        let path = PathFile::read(&dir.join("l").join(edge["path"].as_str().unwrap())).unwrap();
        if path.path.vertices().dims()[0] == 3 {
            assert_eq!(row(&path, 1), theta(&dir.join("l/center.safetensors")));
        }
    }
    assert_eq!(tree["star"]["segments"].as_array().unwrap().len(), 4);
    assert_eq!(tree["star"]["center"]["linear"]["threshold"].as_u64(), Some(10));
    assert!(tree["star"]["segments"][3]["certified"]["hi"].is_number());
    assert!(dir.join("l/star.png").exists() && dir.join("l/path-4.safetensors").exists());
    let even = collado(dir, &format!("levelset t --method star --points 12 --out e {DATA}"));
    assert_eq!(even.status.code(), Some(2));
}
