//! `collado certify`, and the certificate of `connect`, through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use self::support::{collado, json};

fn number(value: &Json) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn checkpoint(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name)
}

#[test]
fn a_path_is_enclosed_for_every_t() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (a, b) = (checkpoint("relu-a.safetensors"), checkpoint("relu-b.safetensors"));
    let ends = format!("--a {} --b {}", a.display(), b.display());
    let line = json(
        dir,
        &format!(
            "connect {ends} --method linear --points 201 --dtype f64 --certify always --out line --json"
        ),
    );
    let (lo, hi) = (number(&line["certified"]["lo"]), number(&line["certified"]["hi"]));
    let sampled = number(&line["barrier"]["max"]);
    assert!(lo <= hi && hi - lo <= 1e-3 * hi && sampled <= hi && sampled > 0.99 * lo, "{line}");
    let saved: Json = serde_json::from_slice(&std::fs::read(dir.join("line/summary.json")).unwrap()).unwrap();
    assert_eq!(saved["certified"]["hi"], line["certified"]["hi"]);

    // The same path as a file, more tightly; and with a budget of one piece.
    let proof =
        json(dir, "certify line/path.safetensors --data digits --tolerance 1e-5 --out proof --json --quiet");
    let (tight_lo, tight_hi) = (number(&proof["lo"]), number(&proof["hi"]));
    assert!(tight_hi - tight_lo <= 1e-5 * tight_hi && lo <= tight_hi && tight_lo <= hi, "{proof}");
    assert!(sampled <= tight_hi && proof["status"] == "tolerance" && proof["method"] == "second-order");
    for (end, sample) in [("a", &line["ends"]["a"]), ("b", &line["ends"]["b"])] {
        let (below, above) = (number(&proof["ends"][end][0]), number(&proof["ends"][end][1]));
        assert!((below..=above).contains(&number(sample)) && above - below < 1e-9, "{proof}");
    }
    for file in ["summary.json", "pieces.csv", "gap.png", "enclosure.svg"] {
        assert!(dir.join("proof").join(file).exists(), "{file}");
    }
    let rough = json(dir, "certify line/path.safetensors --max-subintervals 1 --json --quiet");
    assert!(
        rough["status"] == "budget" && number(&rough["hi"]) >= tight_lo && number(&rough["lo"]) <= tight_hi
    );

    let again = collado(dir, "certify line/path.safetensors --out proof --quiet");
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("exists already"));
    let never = json(dir, &format!("connect {ends} --method linear --certify never --out no --json"));
    assert!(never["certified"].is_null());
}

#[test]
fn what_cannot_be_certified_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let end = checkpoint("relu-a.safetensors");
    let missing = collado(dir, "certify nowhere.safetensors");
    assert_eq!(missing.status.code(), Some(1));
    let no_path = collado(dir, &format!("certify {}", end.display()));
    let text = String::from_utf8(no_path.stderr).unwrap();
    assert!(
        no_path.status.code() == Some(1) && text.starts_with("error: ") && !text.contains("panick"),
        "{text}"
    );
    let same = format!("--a {0} --b {0}", end.display());
    let path = json(dir, &format!("connect {same} --method linear --certify always --out same --json"));
    assert_eq!(path["certified"]["method"], "vertices", "{path}");
    let tolerance = collado(dir, "certify same/path.safetensors --tolerance=-1");
    assert!(
        String::from_utf8(tolerance.stderr)
            .unwrap()
            .contains("--tolerance <TOLERANCE>': expected a finite number ≥ 0")
    );
}
