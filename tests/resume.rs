//! Commands that are stopped and go on.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    path::Path,
    process::{Child, Command},
    thread::sleep,
    time::Duration,
};

use collado_files::PathFile;
use serde_json::Value as Json;

use self::support::{collado, json, spawn};

/// Waits for a file, and ends the program by the signal; its exit code.
fn stop(child: &mut Child, file: &Path, signal: &str) -> Option<i32> {
    for _ in 0..6000 {
        if file.exists() {
            Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
            return child.wait().unwrap().code();
        }
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    panic!("{} was not written", file.display());
}

fn vertices(dir: &Path) -> Vec<Vec<f32>> {
    PathFile::read(&dir.join("path.safetensors")).unwrap().path.vertices().to_vec2().unwrap()
}

#[test]
fn finished_attempts_are_not_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    json(dir, "train --arch relu:64-16-10 --seeds 0..2 --epochs 10 --out t --json --quiet");
    // A target that cannot be met: everything is tried.
    let how = "connect --a t/seed-0.safetensors --b t/seed-1.safetensors --target 0 --epochs 40 --lr 1e-5 --json --quiet";
    assert_eq!(collado(dir, &format!("{how} --out whole")).status.code(), Some(1));
    let whole = vertices(&dir.join("whole"));
    assert!(!dir.join("whole/.state").exists());
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let out = dir.join(signal);
        let kept = out.join(".state/bezier--2-bends.safetensors");
        let args = format!("{how} --out {signal}").replace("--out -", "--out ./-");
        assert_eq!(stop(&mut spawn(dir, &args), &kept, signal), code);
        // Other settings are another search.
        let other = collado(dir, &args.replace("--epochs 40", "--epochs 41 --resume"));
        let text = String::from_utf8(other.stderr).unwrap();
        assert!(other.status.code() == Some(1) && text.contains("other settings"), "{text}");
        let bytes = std::fs::read(&kept).unwrap();
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let first: Json =
            serde_json::from_str(&header.metadata().as_ref().unwrap()["collado.state"]).unwrap();
        let resumed = collado(dir, &format!("{args} --resume"));
        assert_eq!(resumed.status.code(), Some(1));
        let summary: Json = serde_json::from_slice(&resumed.stdout).unwrap();
        let attempts = summary["attempts"].as_array().unwrap();
        // The seconds are those of the first run: the attempt was not made again.
        let bezier = attempts.iter().find(|a| a["method"] == "bezier, 2 bends").unwrap();
        assert_eq!(bezier["seconds"], first["state"]["seconds"]);
        assert!(attempts.iter().any(|a| a["method"] == "neb"), "{summary}");
        assert_eq!(vertices(&out), whole);
        assert!(!out.join(".state").exists());
        // What is finished is shown again.
        assert_eq!(json(dir, &format!("{args} --resume")), summary);
    }
}

#[test]
fn a_search_for_critical_points_goes_on_to_the_same_result() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let how = "critical --data synthetic:linear?d=4&q=3&n=60&noise=0.5 --arch tanh:4-6-3 --starts 100 --descents 0 --runs 0 \
               --steps 40 --json --quiet";
    let mut whole = json(dir, &format!("{how} --out whole"));
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let args = format!("{how} --out ./{signal}");
        let saved = dir.join(signal).join(".state/ends.safetensors");
        assert_eq!(stop(&mut spawn(dir, &args), &saved, signal), code);
        assert!(!dir.join(signal).join("summary.json").exists());
        let other = collado(dir, &args.replace("--steps 40", "--steps 41 --resume"));
        let text = String::from_utf8(other.stderr).unwrap();
        assert!(other.status.code() == Some(1) && text.contains("other settings"), "{text}");
        let resumed = json(dir, &format!("{args} --resume"));
        ["seconds", "run"].into_iter().for_each(|name| whole[name] = resumed[name].clone());
        assert_eq!(resumed, whole);
        assert!(!saved.exists());
    }
}

#[test]
fn a_state_that_is_damaged_is_refused_and_replaced_by_force() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let how = "critical --data synthetic:linear?d=4&q=3&n=60&noise=0.5 --arch tanh:4-6-3 --starts 60 --descents 0 --runs 0 \
               --steps 40 --json --quiet --out c";
    let file = dir.join("c/.state/ends.safetensors");
    stop(&mut spawn(dir, how), &file, "-KILL");
    let whole = std::fs::read(&file).unwrap();
    let flipped = (0..8).map(|i| {
        let mut bytes = whole.clone();
        let place = (i * whole.len() / 8 + 97 * i) % whole.len();
        bytes[place] ^= 1 << i;
        bytes
    });
    let cut = [b"".to_vec(), b"\x02\0\0\0\0\0\0\0{}".to_vec(), u64::MAX.to_le_bytes().to_vec()];
    for bytes in cut.into_iter().chain(flipped) {
        std::fs::write(&file, bytes).unwrap();
        let refused = collado(dir, &format!("{how} --resume"));
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(
            refused.status.code() == Some(1) && text.contains("ends.safetensors: damaged state"),
            "{text}"
        );
        assert!(text.contains("hint: --force"), "{text}");
    }
    json(dir, &format!("{how} --force"));
    assert!(!file.exists());
}

#[test]
fn every_optimiser_goes_on_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (optimizer, epochs, signal) in
        [("nadam", 30, "-INT"), ("adadelta", 30, "-KILL"), ("lbfgs", 200, "-INT"), ("rmsprop", 30, "-KILL")]
    {
        let how =
            format!("train --arch relu:64-16-10 --optimizer {optimizer} --epochs {epochs} --json --quiet");
        let whole = json(dir, &format!("{how} --out whole-{optimizer}"));
        let args = format!("{how} --save-every 0 --out {optimizer}");
        let code =
            stop(&mut spawn(dir, &args), &dir.join(optimizer).join(".state/train.safetensors"), signal);
        assert_eq!(code, (signal == "-INT").then_some(130), "{optimizer}");
        let resumed = json(dir, &format!("{args} --resume"));
        assert_eq!(resumed["runs"], whole["runs"], "{optimizer}");
        let theta = |folder: &str| {
            let file = dir.join(folder).join("seed-0.safetensors");
            collado_files::Checkpoint::read(&file, &collado_files::ReadOptions::default())
                .unwrap()
                .theta
                .to_vec1::<f32>()
                .unwrap()
        };
        assert_eq!(theta(optimizer), theta(&format!("whole-{optimizer}")), "{optimizer}");
        assert!(!dir.join(optimizer).join(".state").exists());
    }
}
