//! `collado levelset`, `connect --align` and `connect --method auto` through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use collado_files::{Checkpoint, PathFile};
use collado_models::Symmetry;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use self::support::{collado, json};

/// Trains four digits networks, and writes a copy of the first with shuffled and rescaled neurons.
fn minima(dir: &Path) {
    json(dir, "train --arch relu:64-16-16-10 --seeds 0..4 --epochs 25 --out t --json --quiet");
    let mut network =
        Checkpoint::read(&dir.join("t/seed-0.safetensors"), &collado_files::ReadOptions::default()).unwrap();
    let turned = |by: usize| (0..16).map(|i| (7 * i + by) % 16).collect::<Vec<_>>();
    let scales = |at: f64| (0..16).map(|i| at + f64::from(i) / 8.).collect::<Vec<_>>();
    let symmetry =
        Symmetry::new(&network.arch, vec![turned(3), turned(5)], vec![scales(0.5), scales(0.8)]).unwrap();
    network.theta = symmetry.apply(&network.theta).unwrap();
    network.write(&dir.join("copy.safetensors")).unwrap();
}

const ALL: &str = "t/seed-0.safetensors t/seed-1.safetensors t/seed-2.safetensors t/seed-3.safetensors";

#[test]
fn minima_join_in_a_tree() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let how = "--method bezier --epochs 60 --points 13 --levels 0.5 --json --quiet";
    let tree = json(dir, &format!("levelset {ALL} copy.safetensors {how} --out l"));
    // The copy is left out.
    assert_eq!(tree["copies"][0]["name"], "copy");
    assert_eq!(tree["copies"][0]["same_as"], "seed-0");
    assert_eq!((tree["minima"].as_array().unwrap().len(), tree["pairs"].as_u64()), (4, Some(6)));
    let edges = tree["edges"].as_array().unwrap();
    assert_eq!((edges.len(), tree["nodes"].as_array().unwrap().len()), (3, 7));
    let number = |v: &Json| v.as_f64().unwrap();
    // Paths are lower than lines, and no lower than their ends.
    let risk = |name: &Json| {
        number(&tree["minima"].as_array().unwrap().iter().find(|m| m["name"] == *name).unwrap()["risk"])
    };
    for edge in edges {
        assert!(number(&edge["value"]) < number(&edge["line"]), "{edge}");
        assert!(number(&edge["value"]) >= risk(&edge["a"]).max(risk(&edge["b"])), "{edge}");
        let path = PathFile::read(&dir.join("l").join(edge["path"].as_str().unwrap())).unwrap();
        assert_eq!(path.path.vertices().dims()[0], 3);
    }
    assert!(number(&tree["all_joined_at"]) < number(&tree["all_joined_by_lines_at"]));
    let levels = tree["levels"].as_array().unwrap();
    assert!(levels.windows(2).all(|w| number(&w[0]["level"]) < number(&w[1]["level"])), "{tree}");
    assert_eq!(levels.iter().find(|l| number(&l["level"]) == 0.5).unwrap()["count"], 1);
    let newick = fs::read_to_string(dir.join("l/tree.nwk")).unwrap();
    assert!(newick.contains("seed-3:") && newick.trim_end().ends_with(");"), "{newick}");
    assert!(fs::read_to_string(dir.join("l/tree.svg")).unwrap().contains("seed-2"));
    assert!(fs::read(dir.join("l/tree.png")).unwrap().len() > 5000 && !dir.join("l/.state").exists());
    pairs_are_listed(dir, &tree);
    // A finished run is shown again; a half-finished one goes on from what it knows.
    assert_eq!(json(dir, &format!("levelset {ALL} copy.safetensors {how} --out l --resume")), tree);
    let refused = collado(dir, &format!("levelset {ALL} {how} --out l"));
    assert_eq!(refused.status.code(), Some(1));
}

/// `pairs.csv` has every pair with its values, by names of files, and a picture.
fn pairs_are_listed(dir: &Path, tree: &Json) {
    let mut table = csv::Reader::from_path(dir.join("l/pairs.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = table.deserialize().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 6);
    let number = |row: &BTreeMap<String, String>, name: &str| row[name].parse::<f64>().unwrap();
    for edge in tree["edges"].as_array().unwrap() {
        let row = rows.iter().find(|row| edge["a"] == *row["a"] && edge["b"] == *row["b"]).unwrap();
        assert_eq!(row["in_tree"], "true");
        assert_eq!(Some(number(row, "line_train_risk")), edge["line"].as_f64());
        assert_eq!(Some(number(row, "searched_train_risk")), edge["searched"].as_f64());
        assert_eq!(Some(row["path"].as_str()), edge["path"].as_str());
        assert_eq!(row["path"], format!("paths/{}--{}.safetensors", row["a"], row["b"]));
        assert!(number(row, "searched_test_loss") > 0. && number(row, "searched_test_error") < 1.);
    }
    assert_eq!(rows.iter().filter(|row| row["in_tree"] == "true").count(), 3);
    // The test values of a line are those of its profile.
    let (a, b) = (&rows[0]["a"], &rows[0]["b"]);
    let line =
        format!("connect t/{a}.safetensors t/{b}.safetensors --method linear --points 13 --certify never");
    let line = json(dir, &format!("{line} --out line --json --quiet"));
    let (loss, error) = (&line["test"]["loss"]["max"], &line["test"]["error"]["max"]);
    assert!((number(&rows[0], "line_test_loss") / loss.as_f64().unwrap() - 1.).abs() < 1e-5, "{line}");
    assert!((number(&rows[0], "line_test_error") - error.as_f64().unwrap()).abs() < 1e-9, "{line}");
    assert!(fs::read_to_string(dir.join("l/pairs.svg")).unwrap().contains("seed-3"));
    // Each minimum appears at its own risk.
    let appear: Vec<&str> = tree["levels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|level| level["appear"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()))
        .collect();
    assert_eq!(appear.len(), 4, "{appear:?}");
}

/// The state of the search in `l`, with what it is the state of: metadata of a safetensors file without tensors.
fn saved(dir: &Path) -> Option<Json> {
    let bytes = fs::read(dir.join("l/.state/edges.safetensors")).ok()?;
    let header: Json = serde_json::from_slice(&bytes[8..]).ok()?;
    serde_json::from_str(header["__metadata__"]["collado.state"].as_str()?).ok()
}

/// Replaces it, with the checksum that goes with it.
fn save(dir: &Path, state: &Json) {
    let (identity, state) = (&state["identity"], &state["state"]);
    let sum = format!("{:x}", Sha256::digest(format!("{identity}\n{state}")));
    let state = serde_json::json!({"identity": identity, "state": state, "checksum": sum});
    let header = serde_json::json!({"__metadata__": {"collado.state": state.to_string()}}).to_string();
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    fs::write(dir.join("l/.state/edges.safetensors"), bytes).unwrap();
}

/// Interrupts a search into `l` as soon as its saved state is `ready`; that state, and the exit code.
fn stopped(dir: &Path, how: &str, ready: &dyn Fn(&Json) -> bool) -> (Json, Option<i32>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_collado"))
        .current_dir(dir)
        .args(how.split(' '))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..3000 {
        if saved(dir).is_some_and(|saved| ready(&saved["state"])) {
            Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
            let code = child.wait().unwrap().code();
            return (saved(dir).unwrap(), code);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    panic!("nothing was saved: {:?}", child.wait());
}

#[test]
fn a_search_goes_on_from_what_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let how = format!("levelset {ALL} --epochs 500 --points 5 --target 0 --json --quiet --out l");
    let (mut known, code) = stopped(dir, &how, &|state| state["searched"].as_array().unwrap().len() == 1);
    assert_eq!(code, Some(130));
    assert!(!dir.join("l/tree.json").exists());
    // A search with other settings is another search.
    let other = collado(dir, &how.replace("--epochs 500", "--epochs 5 --resume"));
    let text = String::from_utf8(other.stderr).unwrap();
    assert!(other.status.code() == Some(1) && text.contains("other settings"), "{text}");
    // Values that only the saved state holds show that it is read.
    known["state"]["lines"] = serde_json::json!([7., 7., 7., 7., 7., 7.]);
    known["state"]["searched"] =
        serde_json::json!([[0, 1, 6.], [0, 2, 5.], [0, 3, 4.], [1, 2, 3.], [1, 3, 2.5], [2, 3, 2.]]);
    save(dir, &known);
    let tree = json(dir, &format!("{how} --resume"));
    let values: Vec<_> =
        tree["edges"].as_array().unwrap().iter().map(|e| e["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [2., 2.5, 4.]);
    let one = collado(dir, "levelset t/seed-0.safetensors --out o");
    assert_eq!(one.status.code(), Some(2));
}

#[test]
fn edges_are_proved_where_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let how = format!("levelset {ALL} --method bezier --epochs 60 --points 13 --json --quiet");
    let tree = json(dir, &format!("{how} --certify --tolerance 1e-2 --out l"));
    let number = |v: &Json| v.as_f64().unwrap();
    let list = |name: &str| tree[name].as_array().unwrap().clone();
    assert_eq!(tree["status"], "proved");
    let minima = list("minima");
    let mut upper = Vec::new();
    for (i, minimum) in minima.iter().enumerate() {
        let (lo, hi) = (number(&minimum["certified"]["lo"]), number(&minimum["certified"]["hi"]));
        assert!(hi - lo < 1e-9 && (lo - 1e-6..hi + 1e-6).contains(&number(&minimum["risk"])), "{minimum}");
        assert_eq!(tree["nodes"][i]["height"], minimum["certified"]["hi"]);
        upper.push((minimum["name"].clone(), hi));
    }
    assert_eq!(list("edges").len(), 3);
    for (i, edge) in list("edges").iter().enumerate() {
        let (lo, hi) = (number(&edge["certified"]["lo"]), number(&edge["certified"]["hi"]));
        let sampled = number(&edge["searched"]).min(number(&edge["line"]));
        // Samples are taken in f32.
        assert!(lo <= hi && hi - lo <= 1e-2 * hi && sampled <= hi * (1. + 1e-5), "{edge}");
        assert_eq!(edge["value"], edge["certified"]["hi"]);
        assert_eq!(tree["nodes"][minima.len() + i]["height"], edge["value"]);
        let ends = upper.iter().filter(|(name, _)| *name == edge["a"] || *name == edge["b"]);
        assert!(ends.count() == 2);
        // The path that is kept is the one that is proved.
        let path = format!("certify l/{} --tolerance 1e-2 --json --quiet", edge["path"].as_str().unwrap());
        assert_eq!(json(dir, &path)["hi"], edge["certified"]["hi"]);
    }
    // Without proofs the same minima join no higher, up to the gap and rounding.
    let sampled = json(dir, &format!("{how} --out s"));
    assert!(sampled["edges"][0]["certified"].is_null() && sampled["status"] == "sampled");
    assert!(number(&sampled["all_joined_at"]) <= number(&tree["all_joined_at"]) * (1. + 1e-5));
    // Lines have no file of their own otherwise, and tolerances no use.
    let lines =
        json(dir, &format!("{how} --certify --method linear --out n").replace("--method bezier ", ""));
    assert_eq!((&lines["status"], &lines["searched"]), (&"proved".into(), &0.into()));
    for edge in lines["edges"].as_array().unwrap() {
        assert!(edge["path"].as_str().unwrap().ends_with("-line.safetensors"), "{edge}");
        assert!(number(&edge["value"]) >= number(&edge["line"]) * (1. - 1e-5), "{edge}");
    }
    assert_eq!(collado(dir, &format!("{how} --tolerance 1e-2 --out x")).status.code(), Some(2));
}

#[test]
fn an_interrupted_auto_gives_its_pair_up() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let slow = "--method auto --target 0 --epochs 60 --lr 1e-5 --points 5";
    let how = format!("levelset {ALL} {slow} --json --quiet --out l");
    let (known, code) = stopped(dir, &how, &|state| state["searched"].as_array().unwrap().len() == 1);
    assert_eq!((code, known["state"]["searched"].as_array().unwrap().len()), (Some(130), 1));
}

#[test]
fn proofs_are_saved_and_not_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let how = format!("levelset {ALL} --method linear --certify --tolerance 1e-6 --json --quiet --out l");
    let (mut known, code) = stopped(dir, &how, &|state| state["proved"].as_array().unwrap().len() == 1);
    assert_eq!((code, known["state"]["searched"].as_array().unwrap().len()), (Some(130), 0));
    // An enclosure that only the saved state holds shows that it is read.
    known["state"]["proved"][0][3] = 0.1.into();
    // Below the ends of its path it cannot be a bound, nor is it taken when its checksum is another.
    for (high, sums) in [(1e-9, true), (0.125, false)] {
        known["state"]["proved"][0][4] = high.into();
        save(dir, &known);
        if !sums {
            let file = dir.join("l/.state/edges.safetensors");
            let mut bytes = fs::read(&file).unwrap();
            let place = bytes.windows(5).position(|w| w == b"0.125").unwrap();
            bytes[place + 2] = b'2';
            fs::write(&file, bytes).unwrap();
        }
        let refused = collado(dir, &format!("{how} --resume"));
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(1) && text.contains("damaged state"), "{text}");
    }
    save(dir, &known);
    let tree = json(dir, &format!("{how} --resume"));
    assert_eq!(tree["edges"][0]["certified"], serde_json::json!({"lo": 0.1, "hi": 0.125}));
    assert_eq!((&tree["edges"][0]["value"], &tree["status"]), (&0.125.into(), &"proved".into()));
}

#[test]
fn auto_joins_each_pair_by_what_suffices() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let tree =
        json(dir, &format!("levelset {ALL} --method auto --target 20% --points 13 --json --quiet --out l"));
    assert_eq!(tree["method"], "auto");
    for edge in tree["edges"].as_array().unwrap() {
        // Paths end in the minima themselves, not in copies of them that are aligned.
        let path = PathFile::read(&dir.join("l").join(edge["path"].as_str().unwrap())).unwrap();
        for (row, name) in [(0, &edge["a"]), (path.path.vertices().dims()[0] - 1, &edge["b"])] {
            let file = dir.join(format!("t/{}.safetensors", name.as_str().unwrap()));
            let theta = Checkpoint::read(&file, &collado_files::ReadOptions::default())
                .unwrap()
                .theta
                .to_vec1::<f32>()
                .unwrap();
            assert_eq!(path.path.vertices().get(row).unwrap().to_vec1::<f32>().unwrap(), theta);
        }
    }
    let risks = tree["minima"].as_array().unwrap().iter().map(|m| m["risk"].as_f64().unwrap());
    let highest = risks.fold(0., f64::max);
    assert!(tree["all_joined_at"].as_f64().unwrap() <= 1.2 * highest, "{tree}");
    assert_eq!(tree["searched"], 3);
}

#[test]
fn connect_moves_b_where_it_is_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let ends = "--a t/seed-0.safetensors --b copy.safetensors --json --quiet";
    let plain = json(dir, &format!("connect {ends} --method linear --out plain"));
    assert!(plain["barrier"]["above_ends"].as_f64().unwrap() > 0.1 && plain["align"].is_null(), "{plain}");
    for by in ["weights", "activations"] {
        let moved = json(dir, &format!("connect {ends} --method linear --align {by} --out {by}"));
        assert!(moved["barrier"]["above_ends"].as_f64().unwrap() < 1e-5, "{moved}");
        assert_eq!(moved["align"]["by"], by);
        assert_eq!(moved["end"], "b-up-to-symmetry");
        let path = PathFile::read(&dir.join(by).join("path.safetensors")).unwrap();
        assert_eq!(path.provenance["permutations"], moved["align"]["permutations"]);
        assert_eq!(path.provenance["align"], by);
    }
    let other = "--a t/seed-0.safetensors --b t/seed-1.safetensors --json --quiet";
    let auto = json(dir, &format!("connect {other} --target 20% --out other"));
    let ends = auto["ends"]["a"].as_f64().unwrap().max(auto["ends"]["b"].as_f64().unwrap());
    assert!(auto["barrier"]["above_ends"].as_f64().unwrap() <= 0.2 * ends, "{auto}");
    let repaired = json(dir, &format!("connect {other} --align activations --method repair --out r"));
    let line = repaired["attempts"][0]["above_ends"].as_f64().unwrap();
    assert!(repaired["barrier"]["above_ends"].as_f64().unwrap() < line, "{repaired}");
    // What cannot be met is tried to the end, and ends with 1 and the best path.
    let missed = collado(dir, &format!("connect {other} --target 0 --epochs 1 --lr 1e-9 --out missed"));
    assert_eq!(missed.status.code(), Some(1));
    let summary: Json = serde_json::from_slice(&missed.stdout).unwrap();
    let tried: Vec<_> = summary["attempts"].as_array().unwrap().iter().map(|a| a["method"].clone()).collect();
    let expected = [
        "linear",
        "bezier, 2 bends",
        "bezier, 4 bends",
        "bezier, 6 bends",
        "neb",
        "linear, aligned by activations",
        "linear, aligned by weights",
    ];
    assert_eq!(tried[..7], expected);
    // The curves go to the copy of B whose straight line is lower.
    let tried = tried[7..].iter().map(|name| name.as_str().unwrap());
    for (name, start) in tried.zip(["bezier, 2 bends, aligned by ", "bezier, 4 bends, ", "bezier, 6 bends, "])
    {
        assert!(name.starts_with(start), "{name}");
    }
    // Where nothing meets the target, the answer is the lowest path to B itself.
    assert_eq!(summary["end"], "b");
    assert!(dir.join("missed/path.safetensors").exists());
}

#[test]
fn auto_uses_the_theorem_of_deep_linear_networks() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let data = "--data synthetic:linear?d=3&q=2&n=60&noise=0.3 --dtype f64 --json --quiet";
    json(dir, &format!("train --arch linear:3-5-4-2?head=regress --seeds 0..2 --epochs 5 --out t {data}"));
    let auto = json(
        dir,
        &format!("connect --a t/seed-0.safetensors --b t/seed-1.safetensors --target 1e-6% --out p {data}"),
    );
    assert_eq!(auto["method"], "deep-linear", "{auto}");
}

/// Rounds of parts, as a cluster would run them: how many there are, and in which order they end, changes nothing.
#[test]
fn parts_of_rounds_make_one_tree() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let how = format!("levelset {ALL} --method bezier --epochs 30 --points 9 --json --quiet");
    let in_parts = |name: &str, parts: usize, backwards: bool| {
        let mut known = String::new();
        for round in 0..3 {
            let mut order: Vec<usize> = (0..parts).collect();
            if backwards {
                order.reverse();
            }
            let mut found = String::new();
            for part in order {
                let out = format!("{name}-{round}-{part}");
                let summary = json(dir, &format!("{how}{known} --part {part}/{parts} --out {out}"));
                assert_eq!(summary["round"], if round == 0 { "lines" } else { "searches" });
                found += &format!(" --known {out}");
            }
            known += &found;
        }
        json(dir, &format!("{how}{known} --out {name}"))
    };
    let (two, five) = (in_parts("two", 2, false), in_parts("five", 5, true));
    for field in ["edges", "nodes", "levels", "searched", "pairs", "all_joined_at"] {
        assert_eq!(two[field], five[field], "{field}");
    }
    // All that was worth a search was searched in the rounds: the last command took what it found.
    let one = json(dir, &format!("{how} --out one"));
    assert_eq!(two["all_joined_by_lines_at"], one["all_joined_by_lines_at"]);
    let joined = |tree: &Json| tree["all_joined_at"].as_f64().unwrap();
    assert!(joined(&two) <= 1.05 * joined(&one) + 1e-6, "{} {}", joined(&two), joined(&one));
    for edge in two["edges"].as_array().unwrap() {
        if let Some(path) = edge["path"].as_str() {
            assert!(dir.join("two").join(path).exists(), "{edge}");
        }
    }
    // Parts of other minima, or of other points, are refused.
    let other = format!("{how} --known two-0-0 --out x").replace("--points 9", "--points 7");
    assert_eq!(collado(dir, &other).status.code(), Some(1));
    assert_eq!(collado(dir, &format!("{how} --part 2/2 --out x")).status.code(), Some(2));
}
