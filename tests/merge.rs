//! `collado merge` through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use collado_files::{Checkpoint, ReadOptions};
use collado_models::Symmetry;
use serde_json::Value as Json;

use self::support::{collado, json};

fn number(value: &Json) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn read(file: &Path) -> Checkpoint {
    Checkpoint::read(file, &ReadOptions::default()).unwrap()
}

/// A network, and two copies with shuffled neurons.
fn copies(dir: &Path) {
    json(dir, "train --arch relu:64-16-16-10 --seeds 0..1 --epochs 20 --out t --json --quiet");
    let network = read(&dir.join("t/seed-0.safetensors"));
    for (name, by) in [("x", 3), ("y", 9)] {
        let turned = |by: usize| (0..16).map(|i| (7 * i + by) % 16).collect::<Vec<_>>();
        let ones = vec![vec![1.; 16]; 2];
        let symmetry = Symmetry::new(&network.arch, vec![turned(by), turned(by + 1)], ones).unwrap();
        let mut copy = network.clone();
        copy.theta = symmetry.apply(&network.theta).unwrap();
        copy.write(&dir.join(format!("{name}.safetensors"))).unwrap();
    }
}

#[test]
fn copies_of_one_network_average_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    copies(dir);
    let all = "t/seed-0.safetensors x.safetensors y.safetensors --json --quiet";
    let merged = json(dir, &format!("merge {all} --out m.safetensors"));
    let same = |a: &Json, b: &Json| (number(a) - number(b)).abs() < 1e-5;
    for figure in ["train_risk", "test_loss", "test_error"] {
        assert!(same(&merged["merged"][figure], &merged["best"][figure]), "{figure}: {merged}");
    }
    assert!(number(&merged["lines"]["max_above_ends"]) < 1e-5, "{merged}");
    assert!(number(&merged["without_alignment"]["test_error"]) > number(&merged["best"]["test_error"]) + 0.1);
    assert_eq!(merged["networks"].as_array().unwrap().len(), 3);
    // The file is what was judged.
    let eval = json(dir, "eval m.safetensors --json --quiet");
    assert!(same(&eval["checkpoints"][0]["risk"], &merged["merged"]["train_risk"]));
    let provenance = read(&dir.join("m.safetensors")).provenance;
    assert_eq!(provenance.extra["merged"].as_array().unwrap().len(), 3);
    // REPAIR of copies has nothing to restore.
    let repaired = json(dir, &format!("merge {all} --repair --out r.safetensors"));
    assert!(same(&repaired["merged"]["train_risk"], &merged["best"]["train_risk"]), "{repaired}");
    // As they are, the average is bad, and that is said.
    let plain = json(dir, &format!("merge {all} --align none --out p.safetensors"));
    assert_eq!(plain["is_worse"], true);
    let note = plain["notes"].to_string();
    assert!(
        note.contains("the average is worse than ") && note.contains(" by itself: test error "),
        "{note}"
    );
    assert!(number(&plain["merged"]["train_risk"]) == number(&plain["without_alignment"]["train_risk"]));
}

#[test]
fn greedy_and_learned_shares_are_never_above_the_best_network() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, "train --arch relu:64-24-10 --seeds 0..4 --epochs 8 --out t --json --quiet");
    let plain = json(dir, "merge t --out m.safetensors --json --quiet");
    let greedy = json(dir, "merge t --greedy --out g.safetensors --json --quiet");
    let learned = json(dir, "merge t --weights learned --out l.safetensors --json --quiet");
    let risk = |summary: &Json| number(&summary["merged"]["train_risk"]);
    let best = number(&greedy["best"]["train_risk"]);
    assert!(risk(&greedy) <= best * (1. + 1e-6), "{greedy}");
    assert!(risk(&learned) <= risk(&plain) * (1. + 1e-6), "{learned}");
    for summary in [&plain, &greedy, &learned] {
        let shares: Vec<f64> =
            summary["networks"].as_array().unwrap().iter().map(|n| number(&n["share"])).collect();
        assert!(
            (shares.iter().sum::<f64>() - 1.).abs() < 1e-9 && shares.iter().all(|s| *s >= 0.),
            "{shares:?}"
        );
        assert_eq!(summary["lines"]["pairs"].as_array().unwrap().len(), 6);
    }
    assert_eq!(plain["networks"][1]["share"], 0.25);
    let again = collado(dir, "merge t --out m.safetensors");
    assert_eq!(again.status.code(), Some(1));
    for wrong in [
        "merge t/seed-0.safetensors --out x.safetensors",
        "merge t --out x.txt",
        "merge t --out t/seed-0.safetensors --force",
    ] {
        assert_eq!(collado(dir, wrong).status.code(), Some(2), "{wrong}");
    }
}
