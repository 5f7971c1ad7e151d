//! `collado align` through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use collado_files::Checkpoint;
use collado_models::Symmetry;
use serde_json::Value as Json;

use self::support::{collado, json};

/// Trains one digits network and writes a copy of it with shuffled and rescaled neurons.
fn planted(dir: &Path) -> Symmetry {
    json(dir, "train --arch relu:64-24-20-10 --epochs 20 --out t --json --quiet");
    let mut network =
        Checkpoint::read(&dir.join("t/seed-0.safetensors"), &collado_files::ReadOptions::default()).unwrap();
    let turned = |n: usize, by: usize| (0..n).map(|i| (7 * i + by) % n).collect::<Vec<_>>();
    let scales = |n: usize| (0..n).map(|i| 0.5 + i as f64 / 8.).collect::<Vec<_>>();
    let symmetry =
        Symmetry::new(&network.arch, vec![turned(24, 3), turned(20, 5)], vec![scales(24), scales(20)])
            .unwrap();
    network.theta = symmetry.apply(&network.theta).unwrap();
    network.write(&dir.join("copy.safetensors")).unwrap();
    symmetry
}

#[test]
fn a_planted_symmetry_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let symmetry = planted(dir);
    let ends = "--a t/seed-0.safetensors --b copy.safetensors --json --quiet";
    for (out, how) in [("w", ""), ("d", " --data digits"), ("c", " --data digits --method activations")] {
        let found = json(dir, &format!("align {ends} --out {out}{how}"));
        let permutations: Vec<Vec<usize>> = serde_json::from_value(found["permutations"].clone()).unwrap();
        let ambiguous: Vec<Vec<usize>> = serde_json::from_value(found["ambiguous"].clone()).unwrap();
        for ((found, planted), ambiguous) in
            permutations.iter().zip(symmetry.inverse().permutations()).zip(&ambiguous)
        {
            assert!(ambiguous.len() < found.len() / 2);
            assert!((0..found.len()).all(|i| found[i] == planted[i] || ambiguous.contains(&i)), "{found:?}");
        }
        let number = |name: &str| found[name].as_f64().unwrap();
        assert!(number("distance_before") > 1. && number("distance_after") < 1e-3, "{found}");
        assert!(number("max_output_difference_relative") <= 1e-6 && number("seconds") >= 0.);
        let written: Json =
            serde_json::from_slice(&std::fs::read(dir.join(out).join("summary.json")).unwrap()).unwrap();
        assert_eq!(written, found);
        if out != "w" {
            let (b, after) =
                (found["risk"]["b"].as_f64().unwrap(), found["risk"]["aligned"].as_f64().unwrap());
            assert!((b - after).abs() <= 1e-5 * b, "{found}");
            assert!(found["barrier_above_ends"]["line"].as_f64().unwrap() > 0.01, "{found}");
            assert!(found["barrier_above_ends"]["aligned_line"].as_f64().unwrap().abs() < 1e-5, "{found}");
        }
        let aligned = Checkpoint::read(
            &dir.join(out).join("aligned.safetensors"),
            &collado_files::ReadOptions::default(),
        )
        .unwrap();
        assert_eq!(aligned.provenance.extra["aligned"]["file"], "copy.safetensors");
    }
}

#[test]
fn what_cannot_be_aligned_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, "train --arch relu:64-6-10 --epochs 1 --out t --json --quiet");
    json(dir, "train --arch relu:64-7-10 --epochs 1 --out u --json --quiet");
    let refused = |args: &str, code: i32, text: &str| {
        let output = collado(dir, args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains("error: ") && error.contains(text), "{error}");
    };
    let same = "align --a t/seed-0.safetensors --b t/seed-0.safetensors --out o";
    refused(
        "align --a t/seed-0.safetensors --b u/seed-0.safetensors --out o",
        1,
        "expected a network relu:64-6-10",
    );
    // A file of somebody else's states no data.
    let bytes = std::fs::read(dir.join("t/seed-0.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    std::fs::write(dir.join("plain.safetensors"), safetensors::serialize(file.tensors(), None).unwrap())
        .unwrap();
    for flag in ["--method activations", "--kappa 0.1"] {
        refused(&format!("align plain.safetensors plain.safetensors --out o {flag}"), 2, "need --data");
    }
    json(dir, &format!("{same} --json"));
    refused(same, 1, "exists already");
}
