//! Data as people have them, through the binary: the files in `data/reports` came from public reports.
#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, path::Path};

use self::support::{collado, json};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn report(scheme: &str, file: &str) -> String {
    format!("{scheme}:{}", root().join("tests/data/reports").join(file).display())
}

/// Risks by PyTorch in f64.
#[test]
fn digits_are_judged_as_by_pytorch() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = root().join("tests/data/relu-a.safetensors");
    for (file, risk) in [
        ("digits-without-nines.npz", 0.059_672_413_579_551_58),
        ("keras-names.npz", 0.083_664_272_272_412_31),
    ] {
        let args = format!("eval {} --data {} --dtype f64 --json", checkpoint.display(), report("npz", file));
        let found = json(dir.path(), &args)["checkpoints"][0]["risk"].as_f64().unwrap();
        assert!((found - risk).abs() < 1e-12 * risk, "{file}: {found} {risk}");
    }
}

#[test]
fn what_was_inferred_is_said_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        ("iris-numeric-header.csv?target=4", "the first line is taken as a header: it counts 0, 1, 2"),
        ("iris-index-column.csv?drop=unnamed", "the first line is taken as a header"),
        ("iris-index-column.csv", "an index? drop=unnamed leaves it out"),
        ("iris-text-labels.csv", "0 = Iris-setosa, 1 = Iris-versicolor, 2 = Iris-virginica"),
        ("iris-float-labels.csv", "labels written as floats are taken as classes"),
        ("wine-labels-from-1.csv?target=class", "labels run from 1 to 3: taken as classes 0 to 2"),
    ];
    for (file, note) in cases {
        let inputs =
            if file.starts_with("wine") { 13 } else { 4 + usize::from(file == "iris-index-column.csv") };
        let data = report("csv", file);
        let args =
            format!("train --data {data} --arch linear:{inputs}-3 --max-steps 0 --out run --force --json");
        let output = collado(dir.path(), &args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("note: ") && said.contains(note), "{file}: {said}");
        let summary = fs::read_to_string(dir.path().join("run/summary.json")).unwrap();
        assert!(summary.contains(note), "{file}: {summary}");
        assert_eq!(summary.contains("\"Iris-setosa\""), file.contains("text"), "{file}: {summary}");
    }
}

#[test]
fn a_gap_in_the_first_line_is_an_error_of_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let args = format!(
        "train --data {} --arch linear:4-3 --out run",
        report("csv", "iris-no-header-question-mark.csv")
    );
    let output = collado(dir.path(), &args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("question-mark.csv: line 1, column '0': expected a finite number, found '?'"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(1), "{said}");
}

/// Words are numbered as they are sorted, so a table that lacks some numbers the others otherwise.
#[test]
fn labels_that_may_be_other_classes_of_the_network_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let table = fs::read_to_string(root().join("tests/data/reports/iris-text-labels.csv")).unwrap();
    let some: Vec<&str> = table.lines().filter(|line| !line.contains("setosa")).collect();
    fs::write(dir.path().join("some.csv"), some.join("\n")).unwrap();
    let data = report("csv", "iris-text-labels.csv");
    json(dir.path(), &format!("train --data {data} --arch linear:4-3 --epochs 2 --out run --json -q"));
    let output = collado(dir.path(), "eval run/seed-0.safetensors --data csv:some.csv");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("expected labels of all 3 classes") && said.contains("2 ('Iris-versicolor' to"),
        "{said}"
    );
    // Numbers that begin at 1 are the same, until it is said.
    fs::write(dir.path().join("ones.csv"), "a,b,c,d,y\n1,2,3,4,1\n1,1,3,4,2\n").unwrap();
    let eval = |options: &str| {
        collado(dir.path(), &format!("eval run/seed-0.safetensors --data csv:ones.csv{options} --json"))
    };
    assert!(String::from_utf8_lossy(&eval("").stderr).contains("hint: labels in numbers: labels-from=0"));
    assert!(eval("?labels-from=0").status.success() && eval("?labels-from=1").status.success());
    assert_ne!(eval("?labels-from=0").stdout, eval("?labels-from=1").stdout);
}

/// Two classes of one output under squared loss part at ½: the input itself is right on every row.
#[test]
fn one_output_under_squared_loss_is_read_at_one_half() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("half.csv"), "x,y\n0.1,0\n0.4,0\n0.6,1\n0.9,1\n").unwrap();
    let data = "--data csv:half.csv --loss squared";
    json(dir.path(), &format!("train {data} --arch linear:1-1 --batch 0 --epochs 2000 --out run --json -q"));
    let found = json(dir.path(), &format!("eval run/seed-0.safetensors {data} --json"));
    let row = &found["checkpoints"][0];
    assert!(row["risk"].as_f64().unwrap() < 0.2 && row["train_error"].as_f64() == Some(0.), "{found}");
}
