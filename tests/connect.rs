//! Where the paths of `collado connect` end: at B itself, or at a copy of B, which is then said everywhere.
#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, path::Path};

use collado_files::{Checkpoint, PathFile, ReadOptions};
use serde_json::Value;
use support::json;

const PAIR: &str = "--a t/seed-0.safetensors --b t/seed-1.safetensors";
const COPY: &str = "--a t/seed-0.safetensors --b copy/aligned.safetensors";

/// Two minima, and a copy of the first with other numbers for its neurons: the first, aligned to the second.
fn minima(dir: &Path) {
    json(dir, "train --arch relu:64-16-16-10 --seeds 0..2 --epochs 40 --out t --json --quiet");
    json(dir, "align --a t/seed-1.safetensors --b t/seed-0.safetensors --out copy --json --quiet");
}

/// The last vertex of a path and the parameters of a checkpoint.
fn last_vertex_and(dir: &Path, path: &str, checkpoint: &str) -> [Vec<f32>; 2] {
    let path = PathFile::read(&dir.join(path)).unwrap().path;
    let last = path.vertices().get(path.vertices().dims()[0] - 1).unwrap();
    let end = Checkpoint::read(&dir.join(checkpoint), &ReadOptions::default()).unwrap().theta;
    [last, end].map(|point| point.to_vec1().unwrap())
}

fn distance([a, b]: &[Vec<f32>; 2]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
}

fn text(dir: &Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap()
}

#[test]
fn auto_reaches_b_itself_and_shows_what_aligned_lines_are() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let found = json(dir, &format!("connect {PAIR} --target 20% --out p --json --quiet"));
    assert_eq!((&found["end"], &found["align"]), (&"b".into(), &Value::Null), "{found}");
    assert_eq!(found["distance_of_end_from_b"], 0.);
    let [last, b] = last_vertex_and(dir, "p/path.safetensors", "t/seed-1.safetensors");
    assert!(last == b);
    let attempts = found["attempts"].as_array().unwrap();
    for attempt in attempts {
        let aligned = attempt["method"].as_str().unwrap().contains("aligned");
        assert_eq!(attempt["end"], if aligned { "b-up-to-symmetry" } else { "b" }, "{attempt}");
    }
    assert!(attempts.iter().filter(|a| a["end"] == "b-up-to-symmetry").count() == 2, "{found}");
    let picture = text(dir, "p/profile.svg");
    assert!(picture.contains("straight line to B,") && picture.contains("from A to B along"), "{picture}");
    assert_eq!(PathFile::read(&dir.join("p/path.safetensors")).unwrap().provenance["end"], "b");
}

#[test]
fn all_attempts_have_their_profiles_in_one_table() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let found = json(dir, &format!("connect {PAIR} --target 20% --points 13 --out p --json --quiet"));
    let table = text(dir, "p/attempts.csv");
    let mut lines = table.lines();
    let header = "attempt,t,train_risk,train_loss,train_error,test_loss,test_error,arc_length,end";
    assert_eq!(lines.next(), Some(header));
    let rows: Vec<Vec<String>> = csv_rows(lines);
    for attempt in found["attempts"].as_array().unwrap() {
        let own: Vec<_> = rows.iter().filter(|row| row[0] == attempt["method"].as_str().unwrap()).collect();
        assert_eq!(own.len() as u64, attempt["points"].as_u64().unwrap(), "{attempt}");
        let risks: Vec<f64> = own.iter().map(|row| row[2].parse().unwrap()).collect();
        let top = risks.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let above = top - risks[0].max(risks[risks.len() - 1]);
        assert_eq!(above, attempt["above_ends"].as_f64().unwrap());
        assert!(own.iter().all(|row| row[8] == attempt["end"].as_str().unwrap()));
    }
    // The chosen path's rows are those of its own table, which has the columns in another order.
    let chosen = rows.iter().filter(|row| row[0] == found["method"].as_str().unwrap());
    for (row, line) in chosen.zip(text(dir, "p/profile.csv").lines().skip(1)) {
        let profile: Vec<&str> = line.split(',').collect();
        assert_eq!([&row[1], &row[7], &row[2], &row[6]], [profile[0], profile[1], profile[2], profile[6]]);
    }
}

/// The cells of lines whose first cell may be quoted, as the names with commas are.
fn csv_rows<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        let (name, rest) = match line.strip_prefix('"') {
            Some(line) => line.split_once("\",").unwrap(),
            None => line.split_once(',').unwrap(),
        };
        std::iter::once(name).chain(rest.split(',')).map(str::to_owned).collect()
    };
    lines.map(cells).collect()
}

#[test]
fn where_nothing_reaches_b_the_end_is_called_a_copy_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    // Curves that are not trained are straight lines, whose barrier to B is high.
    let stiff = "--epochs 1 --lr 1e-9 --points 13";
    let found = json(dir, &format!("connect {COPY} {stiff} --out p --json --quiet"));
    assert_eq!(found["method"], "linear, aligned by activations", "{found}");
    assert_eq!(found["end"], "b-up-to-symmetry");
    let ends = last_vertex_and(dir, "p/path.safetensors", "copy/aligned.safetensors");
    let apart = distance(&ends);
    assert!(apart > 1., "{apart}");
    assert!((found["distance_of_end_from_b"].as_f64().unwrap() - apart).abs() <= 1e-5 * apart, "{found}");
    // The copy is A: the aligned line does not move.
    assert!(
        found["length"].as_f64().unwrap() < 1e-3 && found["attempts"][0]["above_ends"].as_f64() > Some(0.1)
    );
    let picture = text(dir, "p/profile.svg");
    assert!(
        picture.contains("from A to B′ along the path") && !picture.contains("straight line"),
        "{picture}"
    );
    assert_eq!(
        PathFile::read(&dir.join("p/path.safetensors")).unwrap().provenance["end"],
        "b-up-to-symmetry"
    );
    let shown = support::collado(dir, &format!("connect {COPY} {stiff} --out q"));
    let shown = String::from_utf8(shown.stdout).unwrap();
    for line in ["risk at A, B′ ", "B′                   B permuted and rescaled onto A by activations"] {
        assert!(shown.lines().any(|l| l.starts_with(line)), "{shown}");
    }
    assert!(shown.lines().next().unwrap().contains("to B "), "{shown}");
}

#[test]
fn a_method_says_the_end_that_its_flag_asks_for() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let how = "--method bezier --epochs 20 --points 13 --json --quiet";
    for (flag, end) in [("", "b"), ("--align none ", "b"), ("--align weights ", "b-up-to-symmetry")] {
        let found = json(dir, &format!("connect {PAIR} {flag}{how} --force --out p"));
        assert_eq!(found["end"], end);
        assert!(found["attempts"].as_array().unwrap().iter().all(|attempt| attempt["end"] == end), "{found}");
        let moved = distance(&last_vertex_and(dir, "p/path.safetensors", "t/seed-1.safetensors"));
        assert_eq!(moved > 0., end != "b");
        // The dashed line leads to the same end as the path.
        let label = if end == "b" { "straight line to B," } else { "straight line to B′," };
        assert!(text(dir, "p/profile.svg").contains(label), "{end}");
    }
}
