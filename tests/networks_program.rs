//! The program on networks for images: training, evaluation, paths and points, with batch normalisation.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use candle_core::{Device, Tensor};
use collado_files::{Checkpoint, PathFile, ReadOptions};

use self::support::{collado, json};

const ARCH: &str = "resnet8:width=1/8";

fn train(dir: &Path, out: &str, more: &str) -> serde_json::Value {
    let args =
        format!("train --arch {ARCH} --data digits --batch 128 --lr 0.02 --json --quiet --out {out} {more}");
    json(dir, args.trim())
}

fn read(file: &Path) -> Checkpoint {
    Checkpoint::read(file, &ReadOptions::default()).unwrap()
}

#[test]
fn networks_are_trained_connected_and_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let summary = train(dir, "t", "--seeds 0..2 --epochs 3");
    assert!(summary["runs"][0]["risk"].as_f64().unwrap() < 2.);
    assert_eq!(summary["run"]["statistics"], "population");
    let arch = summary["run"]["arch"].as_str().unwrap();
    assert_eq!(
        arch,
        "resnet8:width=0.125,norm=bn,shortcut=conv1,bias=false,activation=relu,classes=10,input=1x8x8"
    );
    let a = read(&dir.join("t/seed-0.safetensors"));
    let buffers = a.buffers.unwrap().to_vec1::<f64>().unwrap();
    let network = a.arch.network();
    let running = network.batch_norms().next().unwrap().running.clone().unwrap();
    // 1437 rows in minibatches of 128, the last one smaller: 12 steps an epoch.
    assert_eq!(buffers[running.batches], 36.);

    let evaluated = json(dir, "eval t/seed-0.safetensors t/seed-1.safetensors --json --quiet");
    let risk = evaluated["checkpoints"][0]["risk"].as_f64().unwrap();
    assert!((risk - summary["runs"][0]["risk"].as_f64().unwrap()).abs() < 1e-6);
    let own = json(dir, "eval t/seed-0.safetensors t/seed-1.safetensors --bn interpolate --json --quiet");
    let own = own["checkpoints"][0]["risk"].as_f64().unwrap();
    assert!(own != risk);

    let line = json(dir, "connect t --method linear --points 5 --out line --json --quiet");
    let both = &line["barriers"];
    assert_eq!(both["population"], line["barrier"]);
    assert!(both["interpolate"]["max"].as_f64().unwrap() > 0.);
    assert!((both["ends_above_own"]["a"].as_f64().unwrap() - (risk - own)).abs() < 1e-5);
    let file = PathFile::read(&dir.join("line/path.safetensors")).unwrap();
    assert_eq!(file.path.buffers().unwrap().dims(), [2, buffers.len()]);

    let curve = json(
        dir,
        "connect t --method bezier --epochs 2 --points 5 --bn interpolate --out curve --json --quiet",
    );
    assert_eq!(curve["barriers"]["interpolate"], curve["barrier"]);
    let written = collado(dir, "point curve --t 0.5 --out half.safetensors");
    assert!(written.status.success());
    let note = "note: the running statistics are computed anew on";
    assert!(String::from_utf8(written.stderr).unwrap().contains(note));
    let half = read(&dir.join("half.safetensors"));
    let row = half.buffers.unwrap().to_vec1::<f64>().unwrap();
    assert_eq!(row[running.batches], 1.);
    // With the path's own statistics a point has the risk of the profile.
    assert!(collado(dir, "point curve --t 0.5 --bn interpolate --out own.safetensors").status.success());
    let own = json(dir, "eval own.safetensors --bn interpolate --json --quiet");
    let profile = std::fs::read_to_string(dir.join("curve/profile.csv")).unwrap();
    let (names, middle) = (profile.lines().next().unwrap(), profile.lines().nth(3).unwrap());
    let column = names.split(',').position(|name| name == "train_risk").unwrap();
    let risk: f64 = middle.split(',').nth(column).unwrap().parse().unwrap();
    assert!((own["checkpoints"][0]["risk"].as_f64().unwrap() - risk).abs() < 1e-5 * risk.max(1.));
    let recomputed = json(dir, "eval half.safetensors --bn garipov:1437 --json --quiet");
    let stored = json(dir, "eval half.safetensors --bn interpolate --json --quiet");
    let risks = [&recomputed, &stored].map(|s| s["checkpoints"][0]["risk"].as_f64().unwrap());
    assert!((risks[0] - risks[1]).abs() < 1e-5, "{risks:?}");
    let aligned = json(dir, "align t --method activations --out al --json --quiet");
    let sizes: Vec<usize> =
        aligned["permutations"].as_array().unwrap().iter().map(|p| p.as_array().unwrap().len()).collect();
    assert_eq!(sizes, [2, 2, 4, 4, 8, 8]);
    assert!(aligned["max_output_difference_relative"].as_f64().unwrap() < 1e-6);
    let barriers = &aligned["barrier_above_ends"];
    assert!(barriers["aligned_repaired"].is_null());
    // Statistics computed anew at every point are the rule of the risk; those of the files, averaged, are another.
    assert_eq!(barriers["aligned_reset"], barriers["aligned_line"]);
    assert_ne!(barriers["aligned_averaged"], barriers["aligned_line"]);
    // The aligned file has the running statistics of the same channels: nothing changes by either rule.
    for rule in ["population", "interpolate"] {
        let same = json(dir, &format!("eval t/seed-1.safetensors al --bn {rule} --json --quiet"));
        let risks = [0, 1].map(|i| same["checkpoints"][i]["risk"].as_f64().unwrap());
        assert!((risks[0] - risks[1]).abs() < 1e-5 * risks[0], "{rule}: {risks:?}");
    }
    let output = collado(dir, "connect t --method deep-linear --out no");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("expected a linear network"), "{text}");
}

/// The enclosure of a line between residual networks holds what `eval` and `connect` find on the same rows.
#[test]
fn paths_of_networks_for_images_are_certified() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    train(dir, "t", "--seeds 0..2 --epochs 1");
    json(dir, "connect t --method linear --points 5 --bn interpolate --out line --json --quiet");
    let certify = |more: &str| {
        let words = format!("certify line --max-subintervals 12 --json --quiet --rows 20 {more}");
        json(dir, &words)
    };
    let proof = certify("--bn interpolate");
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    assert!(number(&proof["lo"]) > 0. && number(&proof["lo"]) <= number(&proof["hi"]));
    assert_eq!((proof["rows"]["count"].as_u64(), proof["rows"]["of"].as_u64()), (Some(20), Some(1437)));
    let within = &proof["t_within"];
    assert!(number(&within[0]) <= number(&proof["t"]) && number(&proof["t"]) <= number(&within[1]));
    // Statistics over the same rows are another risk.
    let other = certify("--bn population");
    assert_eq!(other["run"]["statistics_rows"].as_u64(), Some(20));
    assert!(other["ends"]["a"] != proof["ends"]["a"]);
    for (more, reason) in
        [("--bn garipov:5", "garipov:5"), ("--bn population --memory 1KiB", "fit into the memory")]
    {
        let words = format!("certify line --rows 20 --json --quiet {more}");
        let out = collado(dir, &words);
        let message = String::from_utf8(out.stderr).unwrap();
        assert!(!out.status.success() && message.contains(reason), "{more}: {message}");
    }
}

#[test]
fn statistics_are_over_all_rows_where_files_state_more() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    train(dir, "t", "--seeds 0..2 --epochs 1");
    let x: Vec<f32> = (0..30 * 64).map(|i| (i as f32 * 1.3).sin()).collect();
    let y: Vec<u32> = (0..30).map(|i| i % 10).collect();
    let tensors = std::collections::HashMap::from([
        ("x", Tensor::from_vec(x, (30, 1, 8, 8), &Device::Cpu).unwrap()),
        ("y", Tensor::from_vec(y, 30, &Device::Cpu).unwrap()),
    ]);
    candle_core::safetensors::save(&tensors, dir.join("few.safetensors")).unwrap();
    let few = "--data safetensors:few.safetensors --json --quiet";
    for command in [
        "connect t --method linear --points 3 --out line",
        "eval t/seed-0.safetensors",
        "align t --out al",
        "spectrum t/seed-0.safetensors --dense 0 --steps 2 --check 0 --products 0 --probes 0",
    ] {
        let found = json(dir, &format!("{command} {few}"));
        assert_eq!(found["run"]["statistics_rows"], 30, "{command}");
        assert!(found["notes"].to_string().contains("all 30 training rows"), "{command}: {found}");
    }
    assert!(collado(dir, "point line --t 0.5 --out half.safetensors").status.success());
    // A flag is meant as it stands.
    let refused = collado(dir, &format!("eval t/seed-0.safetensors --bn-rows 31 {few}"));
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && text.contains("--bn-rows") && text.contains("2 to 30"), "{text}");
}

#[test]
fn training_goes_on_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    train(dir, "whole", "--epochs 2 --save-every 0");
    // The state of the first epoch is kept by a run that is stopped there.
    let args = format!(
        "train --arch {ARCH} --data digits --batch 128 --lr 0.02 --quiet --out part --epochs 2 --save-every 0"
    );
    let mut child = support::spawn(dir, &args);
    let state = dir.join("part/.state/train.safetensors");
    while !state.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(collado(dir, &format!("{args} --resume")).status.success());
    let [whole, part] = ["whole", "part"].map(|out| read(&dir.join(format!("{out}/seed-0.safetensors"))));
    assert_eq!(whole.theta.to_vec1::<f32>().unwrap(), part.theta.to_vec1::<f32>().unwrap());
    let rows = [whole, part].map(|c| c.buffers.unwrap().to_vec1::<f64>().unwrap());
    assert_eq!(rows[0], rows[1]);
}

#[test]
fn data_without_images_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let output = collado(dir.path(), "train --arch lenet --data synthetic:teacher --out t");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && text.contains("expected images"), "{text}");
}

/// Two networks of PyTorch on 1 000 images. On the test images of `values.json` activation matching by PyTorch brings the
/// barrier of the line from 2.80 to 1.24.
#[test]
fn networks_of_pytorch_are_aligned_as_well_as_there() {
    let dir = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let [pair, images] =
        [root.join("graphs/resnet8"), root.join("images/first")].map(|p| p.display().to_string());
    let args = format!(
        "align {pair}/a.safetensors {pair}/b.safetensors --arch resnet8 --data mnist:{images} --method activations \
         --out al --json --quiet"
    );
    let found = json(dir.path(), &args);
    let barrier = |name: &str| found["barrier_above_ends"][name].as_f64().unwrap();
    assert!(barrier("line") > 2. && barrier("aligned_line") < 1.24, "{found}");
}
