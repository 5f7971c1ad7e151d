//! `collado certify-minimum` from the outside.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn collado(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_collado")).arg("certify-minimum").args(args).output().unwrap()
}

fn object(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn spurious_and_global_minimum_are_proved() {
    let out = tempfile::tempdir().unwrap();
    let dir = out.path().join("k8").display().to_string();
    let output = collado(&["--k", "8", "--json", "--out", &dir]);
    assert!(output.status.success(), "{output:?}");
    let o = object(&output);
    assert_eq!(
        (o["proved"].as_bool(), o["all_dims"].as_bool(), o["n"].as_u64()),
        (Some(true), Some(true), Some(8))
    );
    let (lo, hi) = (o["F"][0].as_f64().unwrap(), o["F"][1].as_f64().unwrap());
    assert!(0.0214 < lo && lo <= hi && hi < 0.0216 && hi - lo <= 1e-8);
    assert!(o["lambda_min_lower"].as_f64().unwrap() > 0. && o["radius"].as_f64().unwrap() > 0.);
    assert_eq!(o["global"]["proved"], true);
    // The point is a network like any other.
    let arch = ["eval", o["point"].as_str().unwrap(), "--data", "synthetic:linear?n=20&d=8&q=1", "--json"];
    let output = Command::new(env!("CARGO_BIN_EXE_collado")).args(arch).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn what_is_not_there_is_not_proved() {
    let output = collado(&["--k", "4", "--max-runs", "128", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(object(&output)["proved"], false);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: not proved: no spurious minimum"));
    assert_eq!(collado(&["--dims", "2"]).status.code(), Some(2));
    assert_eq!(collado(&["--dims", "2", "--per-dim", "3", "--ratio", "3"]).status.code(), Some(1));
}

#[test]
fn minima_of_the_neuron_are_counted() {
    let output = collado(&["--dims", "3", "--per-dim", "3", "--json"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        (object(&output)["minima"].as_f64(), object(&output)["boxes"].as_array().unwrap().len()),
        (Some(27.), 3)
    );
}

#[test]
fn the_minimum_of_a_small_network_is_proved() {
    let out = tempfile::tempdir().unwrap();
    let dir = |name: &str| out.path().join(name).display().to_string();
    let data = ["--data", "synthetic:teacher?d=2&n=40&k=2", "--kappa", "0.01", "--loss", "squared"];
    let train = Command::new(env!("CARGO_BIN_EXE_collado"))
        .args(["train", "--arch", "tanh:2-3-1", "--optimizer", "lbfgs", "--batch", "0", "--epochs", "300"])
        .args(["--dtype", "f64", "--quiet", "--out", &dir("t")])
        .args(data)
        .output()
        .unwrap();
    assert!(train.status.success(), "{train:?}");
    let checkpoint = dir("t/seed-0.safetensors");
    let output =
        collado(&[[checkpoint.as_str(), "--json", "--out", &dir("proof")].as_slice(), &data].concat());
    assert!(output.status.success(), "{output:?}");
    let o = object(&output);
    assert!(
        o["proved"] == true && o["lambda_min_lower"].as_f64().unwrap() > 0. && o["parameters"] == 13,
        "{o}"
    );
    assert!(o["F"][1].as_f64().unwrap() - o["F"][0].as_f64().unwrap() <= 1e-8);
    // Without κ this network's minimum is not where training with κ ended: nothing is proved, and the reason is given.
    let other = collado(&[checkpoint.as_str(), "--json", "--data", data[1], "--loss", "squared"]);
    let o = object(&other);
    assert_eq!(o["proved"].as_bool(), Some(other.status.success()));
    assert!(o["proved"] == true || o["reason"].is_string());
}
