//! Proofs as files: what `certify --proof` writes, `check` confirms; what was changed is refused.
#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, path::Path};

use serde_json::Value;
use sha2::{Digest, Sha256};
use support::{collado, json};

fn made(dir: &Path) {
    json(dir, "train --arch tanh:64-6-10 --kappa 1e-3 --epochs 4 --seeds 0..2 --out minima --json");
    let ends = "--a minima/seed-0.safetensors --b minima/seed-1.safetensors";
    json(dir, &format!("connect {ends} --method bezier --epochs 3 --certify never --out path --json"));
    json(dir, "certify path --tolerance 1e-2 --proof a.proof --json");
}

/// Writes lines with the footer that belongs to them.
fn signed(file: &Path, lines: &[String]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let footer =
        serde_json::json!({"pieces": lines.len() - 1, "sha256": format!("{:x}", Sha256::digest(&text))});
    fs::write(file, format!("{text}{footer}\n")).unwrap();
}

#[test]
fn a_proof_is_confirmed_and_a_changed_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    made(dir);
    let found = json(dir, "check a.proof path --json");
    assert_eq!((&found["holds"], &found["holding"]), (&Value::Bool(true), &found["pieces"]));
    assert!(found["found"][1].as_f64().unwrap() <= found["claim"][1].as_f64().unwrap());
    let lines: Vec<String> =
        fs::read_to_string(dir.join("a.proof")).unwrap().lines().map(str::to_owned).collect();
    let body = &lines[..lines.len() - 1];

    let refused = |file: &str, args: &str| {
        let output = collado(dir, &format!("check {file} {args}"));
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    // A bound that is lowered by 1e-9, without and with a footer that hides it where the new bound is false.
    let mut low = lines.clone();
    let mut piece: Value = serde_json::from_str(&lines[3]).unwrap();
    piece["hi"] = (piece["hi"].as_f64().unwrap() - 1e-9).into();
    low[3] = piece.to_string();
    fs::write(dir.join("low.proof"), low.join("\n") + "\n").unwrap();
    assert!(refused("low.proof", "path").contains("was changed or cut"));
    let risk = json(dir, "eval minima/seed-0.safetensors --json")["checkpoints"][0]["risk"].as_f64().unwrap();
    piece["hi"] = (0.5 * risk).into();
    let mut false_bound = body.to_vec();
    false_bound[3] = piece.to_string();
    signed(&dir.join("false.proof"), &false_bound);
    assert!(refused("false.proof", "path").contains("piece 3: its bound"));

    let mut gap = body.to_vec();
    gap.remove(4);
    signed(&dir.join("gap.proof"), &gap);
    assert!(refused("gap.proof", "path").contains("piece 4: expected to begin"));
    let mut other: Value = serde_json::from_str(&lines[0]).unwrap();
    other["kappa"] = 5e-4.into();
    let mut kappa = body.to_vec();
    kappa[0] = other.to_string();
    signed(&dir.join("kappa.proof"), &kappa);
    assert!(refused("kappa.proof", "path").contains("kappa"));
    assert!(refused("a.proof", "path --kappa 5e-4").contains("kappa"));
    fs::write(dir.join("cut.proof"), lines[..4].join("\n")).unwrap();
    assert!(refused("cut.proof", "path").contains("line 4"));
    fs::write(dir.join("none.proof"), "{}\n{}\n{}\n").unwrap();
    assert!(refused("none.proof", "path").contains("is not a proof"));

    // Another path, other data.
    json(
        dir,
        "connect --a minima/seed-0.safetensors --b minima/seed-1.safetensors --method linear --certify never --out line --json",
    );
    assert!(refused("a.proof", "line").contains("the proof is about SHA-256"));
    let blobs = "--data synthetic:gaussians?n=40&d=64&k=10";
    assert!(refused("a.proof", &format!("path {blobs}")).contains("SHA-256"));
}

#[test]
fn an_existing_proof_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    let output = collado(folder.path(), "certify path --proof a.proof");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("exists already"));
    json(folder.path(), "certify path --tolerance 1e-1 --proof a.proof --force --json");
}
