//! Critical points, through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use self::support::{collado, json};

const LINEAR: &str = "critical --data synthetic:linear?d=4&q=3&n=60&noise=0.5 --arch linear:4-3-3 --starts 12 --descents 4 --runs 2 \
                      --per-run 3 --epochs 20 --json -q";

#[test]
fn deep_linear_networks_keep_to_the_closed_form() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let found = json(dir, &format!("{LINEAR} --out c"));
    let ended = |name: &str| found["ended"][name].as_u64().unwrap();
    let total: u64 = found["ended"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!((total, found["searches"].as_u64().unwrap()), (22, 22));
    assert!(ended("critical") >= 12, "{}", found["ended"]);
    let check = &found["deep_linear"];
    assert_eq!((&check["exceptions"], &check["off_the_list"]), (&0.into(), &0.into()), "{check}");
    assert_eq!(check["closed_form_risks"], 8);
    assert!(check["largest_gap"].as_f64().unwrap() <= 1e-9);
    assert!(check["global"].as_u64().unwrap() >= 1 && check["strict_saddles"].as_u64().unwrap() >= 1);
    let points = found["critical_points"].as_array().unwrap();
    let hits: u64 = points.iter().map(|p| p["hits"].as_u64().unwrap()).sum();
    assert_eq!(hits, ended("critical"));
    for p in points {
        let risk = p["risk"].as_f64().unwrap();
        assert!(p["gradient_norm"].as_f64().unwrap() <= 1e-10 * (1. + risk));
        let least = check["optimum"].as_f64().unwrap();
        assert_eq!(p["index"] == 0, (risk - least).abs() < 1e-8 * (1. + risk), "{p}");
    }
    let minima = &found["minima"];
    assert!((minima["lowest"].as_f64().unwrap() - check["optimum"].as_f64().unwrap()).abs() < 1e-9);
    let table = std::fs::read_to_string(dir.join("c/critical.csv")).unwrap();
    assert_eq!(table.lines().count(), 23);
    assert!(table.lines().any(|l| l.contains("run,1,20")), "{table}");
    for file in ["critical.svg", "critical.png", "summary.json"] {
        assert!(dir.join("c").join(file).exists(), "{file}");
    }
    assert!(!dir.join("c/.state").exists());
    // Again: refused, shown, or done afresh with the same result on one thread.
    let output = collado(dir, &format!("{LINEAR} --out c"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json(dir, &format!("{LINEAR} --out c --resume")), found);
    let mut again = json(dir, &format!("{LINEAR} --out c --force --threads 1"));
    ["seconds", "run"].into_iter().for_each(|name| again[name] = found[name].clone());
    assert_eq!(again, found);
}

#[test]
fn relu_networks_say_where_kinks_are() {
    let dir = tempfile::tempdir().unwrap();
    let found = json(
        dir.path(),
        "critical --data synthetic:linear?d=2&q=1&n=12&noise=0.5 --arch relu:2-3-1 --starts 20 --runs 2 --epochs 20 \
         --out c --json -q",
    );
    assert!(found["deep_linear"].is_null());
    // Descent on the gradient is stopped by kinks, and says so.
    assert!(found["ended"]["kink"].as_u64().unwrap() > 0, "{}", found["ended"]);
    assert!(found["critical_points"].as_array().unwrap().iter().all(|p| p["kink"].is_boolean()));
}

#[test]
fn refuses_what_it_cannot_do() {
    let dir = tempfile::tempdir().unwrap();
    for (args, code) in [
        ("critical --data digits --arch relu:64-100-10 --out c", 1),
        ("critical --arch relu:64-2-10 --out c --dtype f32", 2),
        ("critical --arch relu:64-2-10 --out c --starts 0 --descents 0 --runs 0", 2),
        ("critical --arch relu:64-2-10 --out c --tolerance 0", 2),
    ] {
        let output = collado(dir.path(), args);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("error: "), "{stderr}");
    }
}
