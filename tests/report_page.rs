//! The page that `collado report` writes: it holds the numbers of the runs unchanged, and nothing outside of itself.
#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, path::Path};

use serde_json::Value;
use support::{collado, json};

/// The results that stand in a page as JSON.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn trained(folder: &Path) {
    json(folder, "train --arch tanh:64-8-10 --kappa 1e-3 --epochs 4 --seeds 0..3 --out minima --json");
}

#[test]
fn a_page_holds_the_numbers_of_its_runs() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    trained(dir);
    let ends = "--a minima/seed-0.safetensors --b minima/seed-1.safetensors";
    let connected = json(
        dir,
        &format!(
            "connect {ends} --method bezier --epochs 3 --points 9 --certify always --report --out path --json"
        ),
    );
    json(dir, "landscape plane --path path --points 9 --out plane --json");
    json(dir, "levelset minima --method linear --out levels --json");
    let made = collado(dir, "report path plane levels minima --out page.html");
    assert!(made.status.success(), "{made:?}");

    let page = fs::read_to_string(dir.join("page.html")).unwrap();
    assert!(page.len() < 3_000_000, "{}", page.len());
    let data = data(&page);
    let commands: Vec<_> = (0..4).map(|i| data["runs"][i]["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["connect", "landscape plane", "levelset", "train"]);
    assert_eq!(data["runs"][0]["summary"], connected);
    // The heat map of the pairs, which the page does not draw itself.
    let pictures = data["runs"][2]["pictures"].as_array().unwrap();
    assert!(pictures.iter().any(|picture| picture["name"] == "pairs"), "{pictures:?}");
    let tables = &data["runs"][0]["tables"];
    let risks = tables["profile"]["train_risk"].as_array().unwrap();
    assert_eq!(risks.len(), 9);
    let highest = risks.iter().map(|x| x.as_f64().unwrap()).fold(0., f64::max);
    assert!((highest / connected["barrier"]["max"].as_f64().unwrap() - 1.).abs() < 1e-7);
    // The largest bound on a piece is the certified one.
    let bounds = tables["pieces"]["risk_hi"].as_array().unwrap();
    let largest = bounds.iter().map(|x| x.as_f64().unwrap()).fold(0., f64::max);
    assert!((largest / connected["certified"]["hi"].as_f64().unwrap() - 1.).abs() < 1e-7);
    assert_eq!(data["runs"][1]["tables"]["grid"]["risk"].as_array().unwrap().len() % 9, 0);

    let own = fs::read_to_string(dir.join("path/report.html")).unwrap();
    assert!(own.contains("default-src 'none'") && own.contains("<title>path: connect</title>"));
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    assert!(collado(folder.path(), "report minima").status.success());
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    for outside in ["<link", "src=\"http", "@import", "url(http"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Three elements begin and three end: nothing in the data or the library ends one early.
    assert_eq!((page.matches("<script").count(), page.matches("</script>").count()), (3, 3));
}

#[test]
fn what_is_no_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let said = |args: &str| {
        let output = collado(dir, args);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(!dir.join("report.html").exists());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said("report nowhere").contains("nowhere: there is no such folder"));
    fs::create_dir(dir.join("empty")).unwrap();
    assert!(said("report empty").contains("empty: no run has written here"));
    fs::create_dir(dir.join("cut")).unwrap();
    fs::write(dir.join("cut/summary.json"), "{\"run\": {").unwrap();
    assert!(said("report cut").contains("summary.json"));
    fs::write(dir.join("cut/summary.json"), "{}").unwrap();
    assert!(said("report cut").contains("does not say which command"));
    trained(dir);
    fs::write(dir.join("kept.html"), "mine").unwrap();
    assert!(said("report minima --out kept.html").contains("exists already"));
    assert_eq!(fs::read_to_string(dir.join("kept.html")).unwrap(), "mine");
}

#[test]
fn names_and_data_cannot_become_markup() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("<script>x");
    fs::create_dir(&dir).unwrap();
    let summary =
        serde_json::json!({"run": {"command": "eval"}, "notes": ["</script><script>alert(1)</script>"]});
    fs::write(dir.join("summary.json"), summary.to_string()).unwrap();
    assert!(collado(folder.path(), "report <script>x").status.success());
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(!page.contains("alert(1)</script>") && page.contains("<title>&lt;script&gt;x: eval</title>"));
    assert_eq!(data(&page)["runs"][0]["summary"], summary);
}
