//! The program as a user meets it: through the binary.
#![allow(clippy::unwrap_used)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn checkpoint(name: &str) -> String {
    root().join("checkpoints").join(name).display().to_string()
}

fn collado(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_collado"));
    command.args(args).env_remove("RUST_BACKTRACE").output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

fn failure(args: &[&str], code: i32) -> String {
    let output = collado(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    // What was inferred is said before.
    let first = text.lines().find(|line| !line.starts_with("note: ")).unwrap_or_default();
    assert!(first.starts_with("error: ") && !text.contains("panicked"), "{text}");
    text
}

#[test]
fn the_shipped_pair_is_connected() {
    let out = tempfile::tempdir().unwrap();
    let dir = out.path().join("first");
    let (a, b, dir_text) =
        (checkpoint("digits-a.safetensors"), checkpoint("digits-b.safetensors"), dir.display().to_string());
    let args = ["connect", "--a", &a, "--b", &b, "--method", "bezier", "--out", &dir_text, "--json"];
    let output = collado(&args);
    assert!(output.status.success(), "{output:?}");
    let summary = json(&output);
    assert!(summary["barrier"]["above_ends"].as_f64().unwrap() <= 0.05, "{summary}");
    let line = summary["attempts"].as_array().unwrap().iter().find(|a| a["method"] == "linear").unwrap();
    assert!(line["above_ends"].as_f64().unwrap() > 0.2, "{summary}");
    assert!(summary["normalized_length"].as_f64().unwrap() >= 1.);
    for file in ["path.safetensors", "profile.csv", "profile.svg", "profile.png", "summary.json"] {
        assert!(dir.join(file).exists(), "{file}");
    }
    // Its middle is a checkpoint whose risk is the profile's.
    let middle = out.path().join("middle.safetensors").display().to_string();
    let path = dir.join("path.safetensors").display().to_string();
    assert!(collado(&["point", &path, "--t", "0.5", "--out", &middle]).status.success());
    let risk = json(&collado(&["eval", &middle, "--json"]))["checkpoints"][0]["risk"].as_f64().unwrap();
    let table = std::fs::read_to_string(dir.join("profile.csv")).unwrap();
    let row: Vec<f64> = table.lines().nth(31).unwrap().split(',').map(|x| x.parse().unwrap()).collect();
    assert_eq!(row[0], 0.5);
    assert!((row[2] - risk).abs() <= 1e-5 * risk, "{} {risk}", row[2]);
    // A second run does not overwrite the first.
    let text = failure(&args, 1);
    assert!(text.contains("exists already") && text.contains("hint: "), "{text}");
}

#[test]
fn a_run_is_the_same_bits_for_any_number_of_threads() {
    let out = tempfile::tempdir().unwrap();
    let train = |name: &str, threads: &str| {
        let dir = out.path().join(name);
        let text = dir.display().to_string();
        let args = [
            "train",
            "--arch",
            "relu:64-300-10",
            "--seeds",
            "3..5",
            "--epochs",
            "2",
            "--batch",
            "256",
            "--out",
            &text,
            "--threads",
            threads,
            "--json",
        ];
        let output = collado(&args);
        assert!(output.status.success(), "{output:?}");
        let tensors = std::fs::read(dir.join("seed-4.safetensors")).unwrap();
        // The header holds the command line; the parameters follow it.
        let header = u64::from_le_bytes(tensors[..8].try_into().unwrap()) as usize;
        tensors[8 + header..].to_vec()
    };
    assert!(train("one", "1") == train("two", "2"));
}

#[test]
fn bad_input_gets_one_clear_line() {
    let out = tempfile::tempdir().unwrap();
    let dir = out.path().join("x").display().to_string();
    let (a, b) = (checkpoint("digits-a.safetensors"), checkpoint("digits-b.safetensors"));
    let wide = out.path().join("wide").display().to_string();
    let trained = collado(&["train", "--arch", "relu:64-8-10", "--epochs", "1", "--out", &wide, "-q"]);
    assert!(trained.status.success(), "{trained:?}");
    let other = format!("{wide}/seed-0.safetensors");
    let text = failure(&["connect", "--a", &a, "--b", &other, "--out", &dir], 1);
    assert!(text.contains(":64-64-64-10") && text.contains("relu:64-8-10"), "{text}");
    assert!(!Path::new(&dir).exists());
    let text = failure(&["connect", "--a", &a, "--b", "nowhere.safetensors", "--out", &dir], 1);
    assert!(text.contains("nowhere.safetensors"), "{text}");
    let text = failure(&["train", "--arch", "relu:63-10", "--out", &dir], 1);
    assert!(text.contains("takes 63 inputs, the data have 64"), "{text}");
    // What the command line cannot mean: one line too, and a hint.
    for (args, said) in [
        (
            &["connect", "--a", &a, "--b", &b, "--out", &dir, "--method", "teleport"][..],
            "possible values: auto",
        ),
        (&["train", "--arch", "relu:64", "--out", &dir], "error: --arch: architecture 'relu:64': expected"),
        (
            &["train", "--arch", "relu:64-10", "--data", "foo", "--out", &dir],
            "error: --data foo: scheme: expected",
        ),
        (
            &["train", "--arch", "relu:64-10", "--epochs", "a", "--out", &dir],
            "invalid value 'a' for '--epochs",
        ),
        (&["train", "--arch", "relu:64-10"], "were not provided: --out <OUT>"),
        (&["connect", "--bb", &b], "hint: a similar argument exists: '--b'"),
    ] {
        let text = failure(args, 2);
        assert!(text.contains(said) && text.lines().count() == 2 && text.contains("\nhint: "), "{text}");
    }
    let text = failure(&["eval", &a, "--device", "cuda"], 2);
    assert!(text.contains("build with --features cuda"), "{text}");
}

#[test]
fn an_absolute_target_that_is_missed_is_exit_1_with_the_path_saved() {
    let out = tempfile::tempdir().unwrap();
    let dir = out.path().join("line");
    let (a, b, text) =
        (checkpoint("digits-a.safetensors"), checkpoint("digits-b.safetensors"), dir.display().to_string());
    let args =
        ["connect", "--a", &a, "--b", &b, "--method", "linear", "--target", "0.1", "--out", &text, "--json"];
    let output = collado(&args);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json(&output)["method"], "linear");
    assert!(dir.join("path.safetensors").exists());
}

/// The parameters of a checkpoint, without its header, which holds the command line.
fn parameters(file: &Path) -> Vec<u8> {
    let bytes = std::fs::read(file).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + header..].to_vec()
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    let out = tempfile::tempdir().unwrap();
    let args = |name: &str, more: &[&str]| {
        let dir = out.path().join(name).display().to_string();
        let mut args: Vec<String> = ["train", "--arch", "relu:64-32-10", "--seeds", "0..3", "--epochs", "60"]
            .into_iter()
            .chain(["--optimizer", "adam", "--schedule", "cosine", "--out", &dir, "-q"])
            .chain(more.iter().copied())
            .map(str::to_owned)
            .collect();
        args.push("--save-every=0".into());
        args
    };
    let run = |args: &[String]| collado(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(run(&args("whole", &[])).status.success());
    assert!(!out.path().join("whole/.state").exists());
    // --resume starts afresh where nothing is saved.
    let begin = args("killed", &["--resume"]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_collado")).args(&begin).spawn().unwrap();
    let state = out.path().join("killed/.state/train.safetensors");
    while !state.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(state.exists() && !out.path().join("killed/summary.json").exists());
    // Another seed or setting is not this run.
    let other = args("killed", &["--resume", "--lr", "0.1"]);
    let text = failure(&other.iter().map(String::as_str).collect::<Vec<_>>(), 1);
    assert!(text.contains("other settings"), "{text}");
    assert!(run(&begin).status.success());
    for seed in 0..3 {
        let file = format!("seed-{seed}.safetensors");
        let (a, b) = (out.path().join("whole").join(&file), out.path().join("killed").join(&file));
        assert!(parameters(&a) == parameters(&b), "{file}");
    }
    let history = |name: &str| std::fs::read(out.path().join(name).join("history.csv")).unwrap();
    assert!(history("whole") == history("killed"));
    assert!(!state.exists());
    // Finished: nothing to do; and without --resume nothing is overwritten.
    let before = std::fs::metadata(out.path().join("killed/seed-0.safetensors")).unwrap().modified().unwrap();
    assert!(run(&begin).status.success());
    let after = std::fs::metadata(out.path().join("killed/seed-0.safetensors")).unwrap().modified().unwrap();
    assert_eq!(before, after);
}

#[cfg(unix)]
#[test]
fn an_output_that_cannot_be_written_is_named_and_a_closed_pipe_is_no_error() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let dir = file.join("inside").display().to_string();
    let (a, b) = (checkpoint("digits-a.safetensors"), checkpoint("digits-b.safetensors"));
    let text = failure(&["connect", "--a", &a, "--b", &b, "--method", "linear", "--out", &dir], 1);
    assert!(text.contains(&dir), "{text}");
    let text = failure(&["train", "--arch", "relu:64-8-10", "--out", &dir], 1);
    assert!(text.contains(&dir), "{text}");
    for args in [&["eval", &a][..], &["completions", "bash"], &["study", "--list"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_collado"))
            .args(args)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert!(child.wait().unwrap().success(), "{args:?}");
    }
}

#[test]
fn hostile_files_are_refused_with_one_line() {
    let out = tempfile::tempdir().unwrap();
    let good = std::fs::read(checkpoint("digits-a.safetensors")).unwrap();
    let header = u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let text = String::from_utf8(good[8..8 + header].to_vec()).unwrap();
    let with_header =
        |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), &good[8 + header..]].concat();
    let mut not_a_number = good.clone();
    let last = not_a_number.len() - 4;
    not_a_number[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let cases = [
        ("truncated", good[..good.len() - 100].to_vec()),
        ("header longer than the file", [&u64::MAX.to_le_bytes()[..], &good[8..]].concat()),
        ("overflowing shape", with_header(&text.replace("[64,64]", "[4294967296,4294967297]"))),
        ("missing tensor", with_header(&text.replace("2.weight", "7.weight"))),
        ("not a number", not_a_number),
        ("empty", Vec::new()),
    ];
    for (name, bytes) in cases {
        let file = out.path().join("bad.safetensors");
        std::fs::write(&file, bytes).unwrap();
        let text = failure(&["eval", file.to_str().unwrap()], 1);
        assert!(text.contains("bad.safetensors") && text.lines().count() <= 2, "{name}: {text}");
    }
}

#[test]
fn numbers_beyond_f32_are_named_and_computed_with_in_f64() {
    let out = tempfile::tempdir().unwrap();
    let dir = out.path().join("run").display().to_string();
    let train = ["train", "--arch", "relu:64-8-10", "--epochs", "1", "--dtype", "f64", "--out", &dir, "-q"];
    assert!(collado(&train).status.success());
    let file = format!("{dir}/seed-0.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 8;
    bytes[last..].copy_from_slice(&1e50f64.to_le_bytes());
    std::fs::write(&file, bytes).unwrap();
    let text = failure(&["eval", &file, "--dtype", "f32"], 1);
    let said = "seed-0.safetensors: tensor '2.bias': expected numbers of the type f32, found 1e50";
    assert!(text.contains(said) && text.contains("hint: --dtype f64"), "{text}");
    let risk = json(&collado(&["eval", &file, "--json"]))["checkpoints"][0]["risk"].clone();
    assert!(risk.as_f64().unwrap() > 1e49, "{risk}");

    let csv = out.path().join("far.csv");
    std::fs::write(&csv, "x,y\n1,2.5\n3,4\n1e60,5\n6,7\n8,9\n").unwrap();
    let data = format!("csv:{}?target=y", csv.display());
    let text = failure(&["train", "--arch", "linear:1-1", "--data", &data, "--out", &dir, "--force"], 1);
    assert!(text.contains("far.csv") && text.contains("found 1e60"), "{text}");
    // Kernels and proofs are f64 anyway, and take the data as they are.
    let ends =
        [0, 1].map(|seed| out.path().join(format!("far/seed-{seed}.safetensors")).display().to_string());
    let [far, path] = ["far", "path"].map(|name| out.path().join(name).display().to_string());
    let data = ["--data", &data, "--dtype", "f64", "-q"];
    let train = ["train", "--arch", "linear:1-1", "--seeds", "0..2", "--max-steps", "0", "--out", &far];
    assert!(collado(&[&train[..], &data].concat()).status.success());
    let connect = ["connect", "--method", "linear", "--a", &ends[0], "--b", &ends[1], "--out", &path];
    assert!(collado(&[&connect[..], &data].concat()).status.success());
    let file = format!("{path}/path.safetensors");
    let proof = json(&collado(&["certify", &file, data[0], data[1], "--json", "-q"]));
    assert!(proof["lo"].as_f64().unwrap() > 1e100, "{proof}");
}
