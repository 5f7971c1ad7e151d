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

/// Writes lines with the footer that belongs to them, in which their number but for the header is called `counted`.
fn signed(file: &Path, counted: &str, lines: &[String]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let footer =
        serde_json::json!({counted: lines.len() - 1, "sha256": format!("{:x}", Sha256::digest(&text))});
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
    signed(&dir.join("false.proof"), "pieces", &false_bound);
    assert!(refused("false.proof", "path").contains("piece 3: its bound"));

    let mut gap = body.to_vec();
    gap.remove(4);
    signed(&dir.join("gap.proof"), "pieces", &gap);
    assert!(refused("gap.proof", "path").contains("piece 4: expected to begin"));
    let mut other: Value = serde_json::from_str(&lines[0]).unwrap();
    other["kappa"] = 5e-4.into();
    let mut kappa = body.to_vec();
    kappa[0] = other.to_string();
    signed(&dir.join("kappa.proof"), "pieces", &kappa);
    assert!(refused("kappa.proof", "path").contains("kappa"));
    assert!(refused("a.proof", "path --kappa 5e-4").contains("kappa"));
    fs::write(dir.join("cut.proof"), lines[..4].join("\n")).unwrap();
    assert!(refused("cut.proof", "path").contains("was changed or cut"));
    fs::write(dir.join("none.proof"), "{}\n{}\n{}\n").unwrap();
    assert!(refused("none.proof", "path").contains("is not a proof"));
    assert!(refused("minima/seed-0.safetensors", "path").contains("is not a proof"));
    #[cfg(unix)]
    assert!(refused("/dev/zero", "path").contains("is not a regular file"));

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

/// The proof of a minimum holds for its checkpoint alone, and not after a change.
#[test]
fn proofs_of_minima_are_confirmed_and_changed_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let data = "--data synthetic:teacher?d=2&n=40&k=2";
    let training = "--optimizer lbfgs --batch 0 --epochs 300 --dtype f64 --kappa 0.01 --loss squared";
    for seed in [0, 1] {
        json(dir, &format!("train --arch tanh:2-3-1 {training} {data} --seed {seed} --out t{seed} --json"));
    }
    let minimum = json(dir, "certify-minimum t0/seed-0.safetensors --proof a.proof --json");
    let found = json(dir, "check a.proof t0/seed-0.safetensors --json");
    assert_eq!((&found["holds"], &found["parameters"]), (&Value::Bool(true), &13.into()));
    let least = |of: &Value| of["lambda_min_lower"].as_f64().unwrap();
    assert!((least(&found) / least(&minimum) - 1.).abs() < 0.05, "{found} {minimum}");

    let refused = |args: &str| {
        let output = collado(dir, &format!("check {args}"));
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused("a.proof t1/seed-1.safetensors").contains("the proof is about SHA-256"));
    assert!(refused("a.proof t0/seed-0.safetensors --kappa 0.02").contains("kappa"));
    let other = "--data synthetic:teacher?d=2&n=41&k=2";
    assert!(refused(&format!("a.proof t0/seed-0.safetensors {other}")).contains("SHA-256"));
    let lines: Vec<String> =
        fs::read_to_string(dir.join("a.proof")).unwrap().lines().map(str::to_owned).collect();
    let mut moved = lines[..lines.len() - 1].to_vec();
    let mut point: Vec<f64> = serde_json::from_str(&lines[1]).unwrap();
    point[0] += 1e-4;
    moved[1] = serde_json::to_string(&point).unwrap();
    signed(&dir.join("moved.proof"), "lines", &moved);
    assert!(refused("moved.proof t0/seed-0.safetensors").contains("Krawczyk's operator reaches"));
    let mut changed = lines.clone();
    changed[1].clone_from(&moved[1]);
    fs::write(dir.join("changed.proof"), changed.join("\n") + "\n").unwrap();
    assert!(refused("changed.proof t0/seed-0.safetensors").contains("was changed or cut"));
    let none = collado(dir, "check a.proof");
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8(none.stderr).unwrap().contains("expected the checkpoint"));

    json(dir, "certify-minimum --k 7 --proof seven.proof --json");
    let found = json(dir, "check seven.proof --json");
    assert!(found["holds"] == true && found["outside_lower"].as_f64().unwrap() > 0.18, "{found}");
    assert_eq!(collado(dir, "check seven.proof t0/seed-0.safetensors").status.code(), Some(2));
}

/// The proof of the minima of one neuron is about its boxes, its lengths and its number of coordinates.
#[test]
fn the_proof_of_all_minima_of_a_neuron_is_confirmed_and_changed_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let proved = json(dir, "certify-minimum --dims 4 --per-dim 3 --proof a.proof --json");
    let found = json(dir, "check a.proof --json");
    assert_eq!(
        (&found["holds"], &found["minima"], &found["holding"]),
        (&Value::Bool(true), &"3^4".into(), &3.into())
    );
    // F where all coordinates are in one box, by its definition.
    let risk = |b: &Value| {
        let w = b[0].as_f64().unwrap();
        [1., 10., 100.].map(|x: f64| (1. / (1. + (-x * w).exp()) - 0.75).powi(2)).iter().sum::<f64>() / 3.
    };
    let mut risks: Vec<f64> = proved["boxes"].as_array().unwrap().iter().map(risk).collect();
    risks.sort_by(f64::total_cmp);
    for (end, right) in [(0, risks[0]), (1, risks[2])] {
        for summary in [&proved, &found] {
            assert!((summary["F"][end].as_f64().unwrap() - right).abs() < 1e-10, "{summary} {right}");
        }
    }
    assert_eq!(collado(dir, "certify-minimum --dims 4 --per-dim 3 --proof a.proof").status.code(), Some(1));
    assert_eq!(collado(dir, "check a.proof a.proof").status.code(), Some(2));
    // Nothing is written where fewer minima are proved.
    assert_eq!(
        collado(dir, "certify-minimum --dims 4 --per-dim 3 --ratio 5 --proof none.proof").status.code(),
        Some(1)
    );
    assert!(!dir.join("none.proof").exists());

    let lines: Vec<Value> = fs::read_to_string(dir.join("a.proof"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let refused = |change: &dyn Fn(&mut Vec<Value>), words: &str| {
        let mut changed = lines.clone();
        change(&mut changed);
        let text: Vec<String> = changed.iter().map(Value::to_string).collect();
        fs::write(dir.join("b.proof"), text.join("\n") + "\n").unwrap();
        let message = || {
            let output = collado(dir, "check b.proof");
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            String::from_utf8(output.stderr).unwrap()
        };
        let unsigned = message();
        assert!(unsigned.contains("was changed or cut"), "{unsigned}");
        // With a footer that hides the change.
        signed(&dir.join("b.proof"), "lines", &text[..text.len() - 1]);
        let found = message();
        assert!(found.contains(words), "{words}: {found}");
    };
    let add = |value: &mut Value, off: f64| *value = (value.as_f64().unwrap() + off).into();
    let times = |value: &mut Value, by: f64| *value = (value.as_f64().unwrap() * by).into();
    refused(&|l| times(&mut l[2]["radius"], 1e-12), "minimum 2: Krawczyk");
    refused(&|l| times(&mut l[2]["radius"], 3e4), "minimum 2: ");
    refused(&|l| times(&mut l[3]["at"], 1. + 1e-4), "minimum 3: Krawczyk");
    refused(&|l| times(&mut l[1]["inverse"], -1.), "minimum 1: Krawczyk");
    refused(&|l| times(&mut l[1]["curvature"], 1.001), "minimum 1: a second derivative");
    refused(&|l| add(&mut l[1]["F"][1], -1e-9), "minimum 1: F in");
    refused(&|l| add(&mut l[2]["F"][0], 1e-9), "minimum 2: F in");
    refused(&|l| add(&mut l[0]["claim"]["F"][1], -1e-9), "the claim about all minima");
    refused(&|l| add(&mut l[0]["claim"]["F"][0], 1e-9), "the claim about all minima");
    refused(&|l| l[0]["claim"]["minima"] = "4^4".into(), "minima");
    refused(&|l| l[0]["claim"]["minima"] = "3^5".into(), "minima");
    refused(&|l| l[0]["neuron"]["dims"] = 5.into(), "minima");
    refused(&|l| l[0]["neuron"]["ratio"] = 10.01.into(), "Krawczyk");
    refused(&|l| drop(l.remove(2)), "minima of a coordinate");
    refused(&|l| l.insert(2, l[2].clone()), "minima of a coordinate");
    refused(&|l| l[3] = l[2].clone(), "minimum 3: its box begins at");
    // One box twice, as the fourth of four.
    let four = |l: &mut Vec<Value>| {
        l.insert(2, l[2].clone());
        (l[0]["neuron"]["per_dim"], l[0]["claim"]["minima"]) = (4.into(), "4^4".into());
    };
    refused(&four, "minimum 1: ");
    refused(&|l| l[0]["neuron"]["seed"] = 1.into(), "unknown field");
}

/// Networks with convolutions and normalisation, under both rules for statistics, on some of the rows.
#[test]
fn proofs_of_networks_for_images_are_about_their_rows_and_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    json(dir, "train --arch resnet8:width=0.25 --max-steps 20 --seeds 0..2 --out minima --json");
    let ends = "--a minima/seed-0.safetensors --b minima/seed-1.safetensors";
    json(dir, &format!("connect {ends} --method linear --certify never --out path --json"));
    for rule in ["population", "interpolate"] {
        let proved = json(
            dir,
            &format!("certify path --bn {rule} --rows 6 --max-subintervals 8 --proof {rule}.proof --json"),
        );
        let found = json(dir, &format!("check {rule}.proof path --bn {rule} --json"));
        assert_eq!((&found["holds"], &found["holding"]), (&Value::Bool(true), &8.into()), "{found}");
        assert!(found["found"][0].as_f64().unwrap() > 0.99 * proved["lo"].as_f64().unwrap());
        let output = collado(dir, &format!("check {rule}.proof path --bn train:0"));
        assert!(String::from_utf8(output.stderr).unwrap().contains("statistics: the proof is about"));
    }
    let lines = fs::read_to_string(dir.join("interpolate.proof")).unwrap();
    let mut lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    lines.pop();
    let mut header: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(header["subset"]["of"], 1437);
    header["rows"] = 5.into();
    lines[0] = header.to_string();
    signed(&dir.join("other.proof"), "pieces", &lines);
    let output = collado(dir, "check other.proof path --bn interpolate");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("SHA-256 of the rows"));
}
