//! Files are believed, results are never another run's, and nothing is lost or written where it should not be.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    thread::sleep,
    time::Duration,
};

use serde_json::Value as Json;

use self::support::{collado, json, spawn};

const DATA: &str = "synthetic:gaussians?d=4&k=3&n=60&sep=2";

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Fails with that exit code, and says `part`.
fn refused(dir: &Path, args: &str, code: i32, part: &str) {
    let output = collado(dir, args);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(code), "{args}: {said}");
    assert!(said.starts_with("error: ") || said.contains("\nerror: "), "{args}: {said}");
    assert!(said.contains(part) && output.stdout.is_empty(), "{args}: {said}");
}

fn wait_for(file: &Path) {
    for _ in 0..2000 {
        if file.exists() {
            return;
        }
        sleep(Duration::from_millis(5));
    }
    panic!("{} was not written", file.display());
}

/// Two minima of a small network, trained with a regulariser under squared loss, in f64.
fn minima(dir: &Path) {
    let how =
        "--arch tanh:4-5-3?head=regress --loss squared --kappa 1e-3 --epochs 60 --seeds 0..2 --dtype f64";
    json(dir, &format!("train --data {DATA} {how} --out t --json --quiet"));
}

fn risk(evaluated: &Json, i: usize) -> f64 {
    evaluated["checkpoints"][i]["risk"].as_f64().unwrap()
}

#[test]
fn a_file_is_believed_and_what_overrides_it_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let (a, b) = ("t/seed-0.safetensors", "t/seed-1.safetensors");
    let trained: Json = serde_json::from_slice(&fs::read(dir.join("t/summary.json")).unwrap()).unwrap();
    let own = json(dir, &format!("eval {a} {b} --json"));
    for i in 0..2 {
        let expected = trained["runs"][i]["risk"].as_f64().unwrap();
        assert!((risk(&own, i) / expected - 1.).abs() < 1e-12, "{own}");
    }
    assert_eq!(own["notes"], serde_json::json!([]));
    // A flag that says otherwise is taken, and said.
    let other = collado(dir, &format!("eval {a} --json --kappa 0 --loss cross-entropy"));
    let other_json: Json = serde_json::from_slice(&other.stdout).unwrap();
    let notes = other_json["notes"].as_array().unwrap();
    assert!(
        notes.len() == 2 && notes[1].as_str().unwrap().contains("--kappa 0 overrides 0.001"),
        "{notes:?}"
    );
    assert_eq!(text(&other).matches("note: ").count(), 2);
    assert!((risk(&other_json, 0) - risk(&own, 0)).abs() > 1e-3);
    let digits = collado(dir, &format!("eval {a} --data synthetic:gaussians?d=4&k=3&n=30&sep=2"));
    assert!(text(&digits).contains("overrides synthetic:gaussians?d=4&k=3&n=60&sep=2"), "{}", text(&digits));
    // The path states it too: profile, certificate, points and sections agree.
    let found = json(dir, &format!("connect {a} {b} --method bezier --epochs 20 --out c --json --quiet"));
    let highest = found["barrier"]["max"].as_f64().unwrap();
    for place in ["c/path.safetensors", "c"] {
        let proof = json(dir, &format!("certify {place} --json --quiet"));
        let (lo, hi) = (proof["lo"].as_f64().unwrap(), proof["hi"].as_f64().unwrap());
        assert!(lo <= hi && highest <= hi && lo <= highest * 1.01, "{proof} {highest}");
        assert!(proof["ends"]["a"][0].as_f64().unwrap() <= risk(&own, 0));
        assert!(risk(&own, 0) <= proof["ends"]["a"][1].as_f64().unwrap());
    }
    assert!(collado(dir, "point c --t 0.5 --out middle.safetensors").status.success());
    let middle = risk(&json(dir, "eval middle.safetensors --json"), 0);
    let table = fs::read_to_string(dir.join("c/profile.csv")).unwrap();
    let row: Vec<f64> = table.lines().nth(31).unwrap().split(',').map(|x| x.parse().unwrap()).collect();
    assert!(row[0] == 0.5 && (row[2] / middle - 1.).abs() < 1e-12, "{row:?} {middle}");
    let spectrum = json(dir, &format!("spectrum {a} --json --quiet"));
    assert_eq!((&spectrum["run"]["kappa"], &spectrum["run"]["loss"]), (&1e-3.into(), &"squared".into()));
}

#[test]
fn data_that_changed_or_are_not_stated_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let rows = |shift: f64| -> String {
        (0..20).map(|i| format!("{},{}\n", i, f64::from(i) * 0.1 + shift)).fold("x,y\n".into(), |a, b| a + &b)
    };
    fs::write(dir.join("d.csv"), rows(0.5)).unwrap();
    json(dir, "train --data csv:d.csv?target=y --arch tanh:1-3-1 --epochs 2 --out d --json --quiet");
    json(dir, "eval d/seed-0.safetensors --json");
    fs::write(dir.join("d.csv"), rows(0.75)).unwrap();
    let args = "eval d/seed-0.safetensors";
    refused(dir, args, 1, "d/seed-0.safetensors states the data csv:d.csv?target=y of content");
    refused(dir, args, 1, "hint: --data names the data");
    let taken = collado(dir, &format!("{args} --data csv:d.csv?target=y --json"));
    assert!(taken.status.success() && text(&taken).contains("whose content was another"), "{}", text(&taken));
    fs::remove_file(dir.join("d.csv")).unwrap();
    refused(dir, args, 1, "states the data csv:d.csv?target=y, which cannot be read");
    // A file of somebody else's says nothing: nothing is guessed for it.
    let bytes = fs::read(dir.join("d/seed-0.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let plain = safetensors::serialize(file.tensors(), None).unwrap();
    fs::write(dir.join("plain.safetensors"), plain).unwrap();
    refused(dir, "eval plain.safetensors --arch tanh:1-3-1", 2, "--data: the files do not state");
    // Two files that state different things.
    minima(dir);
    json(
        dir,
        &format!(
            "train --data {DATA} --arch tanh:4-5-3?head=regress --kappa 2e-3 --epochs 1 --out u --json -q"
        ),
    );
    let two = "eval t/seed-0.safetensors u/seed-0.safetensors";
    refused(dir, two, 1, "kappa: expected one for all files; t/seed-0.safetensors states 0.001");
    json(dir, &format!("{two} --kappa 0 --json"));
}

/// A small run of every command with an output folder.
const RUNS: [&str; 10] = [
    "train --data synthetic:gaussians?d=4&k=3&n=60&sep=2 --arch tanh:4-3-3 --epochs 2",
    "connect t/seed-0.safetensors t/seed-1.safetensors --method polychain --epochs 2 --points 5",
    "align t/seed-0.safetensors t/seed-1.safetensors",
    "levelset t --epochs 2 --points 5",
    "kernel t/seed-0.safetensors",
    "critical --data synthetic:gaussians?d=4&k=3&n=60&sep=2 --arch tanh:4-2-3 --starts 2 --descents 0 --runs 0",
    "landscape line t/seed-0.safetensors --points 5",
    "landscape plane t/seed-0.safetensors --points 4",
    "landscape zoom t/seed-0.safetensors --points 4",
    "study convexity",
];

#[test]
fn resume_shows_no_other_runs_result() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    for (i, run) in RUNS.iter().enumerate() {
        let args = format!("{run} --out r{i} --json --quiet");
        let first = json(dir, &args);
        assert_eq!(first["run"]["status"], "finished", "{run}");
        assert!(!dir.join(format!("r{i}/.state")).exists(), "{run}");
        assert_eq!(json(dir, &format!("{args} --resume")), first, "{run}");
        refused(
            dir,
            &format!("{args} --resume --seed 7"),
            1,
            "other settings, checkpoints or data: seed 7 here, 0 there",
        );
        if run.starts_with("train") {
            refused(
                dir,
                &format!("{args} --resume --epochs 3").replace("--epochs 2 ", ""),
                1,
                "epochs \"3\" here",
            );
        }
        if run.contains("t/seed-0") {
            let other = args.replace("t/seed-0.safetensors", "r0/seed-0.safetensors");
            let output = collado(dir, &format!("{other} --resume"));
            assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{run}: {}", text(&output));
        }
        // Without --resume what is there is not written over.
        refused(dir, &args, 1, "exists already");
        // Killed between summary and removal of the state: finished, and the state goes.
        let state = dir.join(format!("r{i}/.state"));
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("run.json"), first["run"].to_string()).unwrap();
        assert_eq!(json(dir, &format!("{args} --resume")), first, "{run}");
        assert!(!state.exists(), "{run}");
    }
}

#[test]
fn every_summary_says_what_was_run() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    json(dir, "connect t --method linear --points 3 --out c --json --quiet");
    let more = [
        "eval t",
        "certify c",
        "spectrum t/seed-0.safetensors",
        "certify-minimum t/seed-0.safetensors",
        "certify-minimum --dims 1 --per-dim 2",
        "landscape trajectory --data synthetic:gaussians?d=4&k=3&n=60&sep=2 --arch tanh:4-3-3 --epochs 3 --points 4 --out tr",
    ];
    let runs = RUNS.iter().enumerate().map(|(i, run)| format!("{run} --out r{i}"));
    for args in runs.chain(more.map(str::to_owned)) {
        let output = collado(dir, &format!("{args} --json --quiet"));
        let summary: Json =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{args}: {e}: {output:?}"));
        let run = &summary["run"];
        assert!(args.starts_with(run["command"].as_str().unwrap()), "{run}");
        assert!(summary["notes"].is_array() && run["words"].as_array().unwrap().len() > 2, "{summary}");
        assert!(run["time"].as_str().unwrap().ends_with('Z') && run["version"].is_string(), "{run}");
        assert_eq!(
            (&run["status"], &run["seed"], &run["device"]),
            (&"finished".into(), &0.into(), &"cpu".into())
        );
        if !args.starts_with("study") && !args.contains("--dims") {
            assert!(run["data"]["hash"].as_str().unwrap().len() == 64 && run["dtype"].is_string(), "{run}");
        }
        for file in run["files"].as_array().unwrap() {
            assert_eq!(file["hash"].as_str().unwrap().len(), 64, "{run}");
        }
        let reads = args.split(' ').any(|word| ["t", "c"].contains(&word) || word.starts_with("t/"));
        assert_eq!(run["files"].as_array().unwrap().is_empty(), !reads, "{args}: {run}");
    }
}

#[test]
fn a_forced_run_that_is_killed_is_gone_on_with_and_not_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let args = format!("train --data {DATA} --arch tanh:4-3-3 --save-every 0 --out t --json --quiet");
    let first = json(dir, &format!("{args} --epochs 2"));
    let long = format!("{args} --epochs 3000");
    let mut child = spawn(dir, &format!("{long} --force"));
    wait_for(&dir.join("t/.state/train.safetensors"));
    // No second run writes into the same folder meanwhile. The first one must not end while the second waits for it.
    Command::new("kill").args(["-STOP", &child.id().to_string()]).status().unwrap();
    refused(dir, &format!("{long} --force"), 1, "another run is writing into it");
    child.kill().unwrap();
    child.wait().unwrap();
    fs::write(dir.join("t/.collado-left"), "x").unwrap();
    refused(dir, &format!("{args} --epochs 2"), 1, "exists already");
    refused(dir, &format!("{args} --epochs 2 --resume"), 1, "other settings");
    let resumed = json(dir, &format!("{long} --resume"));
    assert!(resumed["run"]["id"] != first["run"]["id"] && resumed["runs"][0]["steps"] == 3000, "{resumed}");
    assert!(!dir.join("t/.collado-left").exists());
    // What was stopped and not finished is not thrown away without a word.
    let mut child = spawn(dir, &format!("{long} --force").replace("--out t", "--out s"));
    wait_for(&dir.join("s/.state/train.safetensors"));
    child.kill().unwrap();
    child.wait().unwrap();
    refused(dir, &long.replace("--out t", "--out s"), 1, "hint: --resume goes on with it");
}

#[test]
fn a_lock_that_goes_in_a_moment_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("t")).unwrap();
    // As the system holds it for a run that was just killed, until its memory is free.
    let lock = fs::File::open(dir.path().join("t")).unwrap();
    lock.lock().unwrap();
    let freed = std::thread::spawn(move || {
        sleep(Duration::from_millis(400));
        drop(lock);
    });
    json(dir.path(), &format!("train --data {DATA} --arch tanh:4-3-3 --epochs 1 --out t --json --quiet"));
    freed.join().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    let args = format!("train --data {DATA} --arch tanh:4-3-3 --epochs 1 --out file");
    refused(dir.path(), &args, 1, "file: is a file, expected a folder");
}

/// What a run leaves that another one waited for: results, which are not written over, or no folder at all.
#[test]
fn a_run_that_was_waited_for_keeps_its_results() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.safetensors");
    json(dir.path(), &format!("train --data {DATA} --arch tanh:4-3-3 --epochs 1 --out t --json --quiet"));
    fs::copy(dir.path().join("t/seed-0.safetensors"), &file).unwrap();
    let folder = dir.path().join("s");
    let after = |then: fn(&Path)| {
        fs::create_dir(&folder).unwrap();
        let lock = fs::File::open(&folder).unwrap();
        lock.lock().unwrap();
        let place = folder.clone();
        std::thread::spawn(move || {
            sleep(Duration::from_millis(700));
            then(&place);
            drop(lock);
        })
    };
    let args = "spectrum a.safetensors --out s --json --quiet";
    let gone = after(|place| fs::remove_dir(place).unwrap());
    json(dir.path(), args);
    gone.join().unwrap();
    assert!(folder.join("summary.json").exists());
    fs::remove_dir_all(&folder).unwrap();
    let written = after(|place| fs::write(place.join("summary.json"), "{}").unwrap());
    refused(dir.path(), args, 1, "exists already");
    written.join().unwrap();
    assert_eq!(fs::read_to_string(folder.join("summary.json")).unwrap(), "{}");
}

#[test]
fn proofs_are_about_the_numbers_in_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let exact = json(dir, "eval t --json");
    let tree = json(dir, "levelset t --method linear --certify --points 5 --out l --json --quiet");
    for minimum in tree["minima"].as_array().unwrap() {
        let i = usize::from(minimum["name"] == "seed-1");
        let (lo, hi) =
            (minimum["certified"]["lo"].as_f64().unwrap(), minimum["certified"]["hi"].as_f64().unwrap());
        assert!(lo <= risk(&exact, i) && risk(&exact, i) <= hi, "{minimum} {exact}");
    }
    let proof = &json(dir, "connect t --method linear --certify always --out c --json --quiet")["certified"];
    for (i, end) in ["a", "b"].into_iter().enumerate() {
        let (lo, hi) = (proof["ends"][end][0].as_f64().unwrap(), proof["ends"][end][1].as_f64().unwrap());
        assert!(lo <= risk(&exact, i) && risk(&exact, i) <= hi, "{proof} {exact}");
    }
    let part = "a proof is about the numbers of the files, which are F64";
    refused(dir, "levelset t --certify --dtype f32 --out x", 2, part);
    refused(dir, "connect t --certify always --dtype f32 --out x", 2, part);
    let auto = json(dir, "connect t --method linear --dtype f32 --out y --json --quiet");
    assert!(auto["certified"].is_null() && auto["notes"].to_string().contains("nothing is proved"), "{auto}");
    // The data are those of the file, too: nothing is rounded before it is proved.
    refused(dir, "certify c --dtype f32", 2, "proofs are computed in f64");
    refused(dir, "certify-minimum t/seed-0.safetensors --dtype f32", 2, "proofs are computed in f64");
    let rounded = json(dir, "train --arch tanh:64-3-10 --seeds 0..2 --epochs 1 --out f --json --quiet");
    assert_eq!(rounded["run"]["dtype"], "F32");
    let how = "connect f --method linear --points 3 --certify always --json --quiet";
    let [a, b] = ["--out f32 --dtype f32", "--out any"].map(|more| json(dir, &format!("{how} {more}")));
    assert_eq!(a["certified"]["ends"], b["certified"]["ends"]);
    assert!(!dir.join("x").exists());
}

#[test]
fn ends_and_folders_stand_for_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let how = "--method linear --points 3 --certify never --json --quiet";
    let named =
        json(dir, &format!("connect --a t/seed-0.safetensors --b t/seed-1.safetensors {how} --out a"));
    for (i, ends) in
        ["t", "t/seed-0.safetensors t/seed-1.safetensors", "t/seed-1.safetensors --a t/seed-0.safetensors"]
            .into_iter()
            .enumerate()
    {
        let found = json(dir, &format!("connect {ends} {how} --out b{i}"));
        assert_eq!((&found["ends"], &found["length"]), (&named["ends"], &named["length"]), "{ends}");
    }
    refused(dir, "connect t/seed-0.safetensors --out x", 2, "expected two ends, found 1");
    refused(dir, "connect t t/seed-0.safetensors --out x", 2, "expected two ends, found 3");
    refused(dir, "spectrum a", 1, "expected checkpoints in the folder, found none");
    refused(dir, "kernel t --out x", 2, "expected one checkpoint, found 2");
    // A method that cannot be meant leaves nothing.
    refused(dir, "connect t --method deep-linear --out x", 2, "deep-linear: expected a linear network");
    refused(
        dir,
        "connect t --method constructive --out x",
        2,
        "constructive: expected a two-layer ReLU network",
    );
    assert!(!dir.join("x").exists());
}

#[cfg(unix)]
#[test]
fn names_are_any_bytes_and_reach_no_terminal_raw() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join(OsStr::from_bytes(b"run-\xff\xfe"));
    let run = |args: &[&OsStr]| {
        Command::new(env!("CARGO_BIN_EXE_collado")).current_dir(dir.path()).args(args).output().unwrap()
    };
    let words = |text: &'static str| text.split(' ').map(OsStr::new).collect::<Vec<_>>();
    let train = words(
        "train --data synthetic:gaussians?d=4&k=3&n=60&sep=2 --arch tanh:4-3-3 --epochs 1 --seeds 0..2 --out",
    );
    let output = run(&[&train[..], &[odd.as_os_str()]].concat());
    assert!(output.status.success(), "{output:?}");
    let [a, b] = [0, 1].map(|i| odd.join(format!("seed-{i}.safetensors")));
    let path = odd.join("c");
    let connect = words("connect --method linear --points 3 --out");
    let output = run(&[&connect[..], &[path.as_os_str(), a.as_os_str(), b.as_os_str()]].concat());
    assert!(output.status.success(), "{output:?}");
    let middle = odd.join("m.safetensors");
    let output = run(&[&words("point --t 0.5 --out")[..], &[middle.as_os_str(), path.as_os_str()]].concat());
    assert!(output.status.success() && middle.exists(), "{output:?}");
    let output = run(&[OsStr::new("eval"), OsStr::from_bytes(b"a\x1b[31m\r\x07.safetensors")]);
    assert!(output.status.code() == Some(1) && text(&output).contains("a\\u{1b}[31m\\r\\u{7}.safetensors"));
    assert!(output.stderr.iter().all(|&byte| byte >= b' ' || byte == b'\n'), "{}", text(&output));
    // Nor by the table of results.
    let coloured = odd.join(OsStr::from_bytes(b"a\x1b[31m.safetensors"));
    fs::copy(&a, &coloured).unwrap();
    let output = run(&[OsStr::new("eval"), coloured.as_os_str()]);
    assert!(output.status.success() && !output.stdout.contains(&0x1b), "{output:?}");
    // A point does not replace the path it is taken from.
    let file = path.join("path.safetensors");
    let output =
        run(&[&words("point --t 0.5 --force --out")[..], &[file.as_os_str(), path.as_os_str()]].concat());
    assert!(output.status.code() == Some(2) && text(&output).contains("is the path itself"), "{output:?}");
}

#[test]
fn what_is_aligned_states_what_it_was_judged_by() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    minima(dir);
    let bytes = fs::read(dir.join("t/seed-1.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    fs::write(dir.join("plain.safetensors"), safetensors::serialize(file.tensors(), None).unwrap()).unwrap();
    json(dir, "align t/seed-0.safetensors plain.safetensors --arch tanh:4-5-3 --out q --json --quiet");
    let [aligned, own] =
        ["q/aligned.safetensors", "t/seed-1.safetensors"].map(|f| json(dir, &format!("eval {f} --json")));
    assert!((risk(&aligned, 0) / risk(&own, 0) - 1.).abs() < 1e-2, "{aligned} {own}");
    assert_eq!(
        (&aligned["run"]["data"], &aligned["run"]["kappa"]),
        (&own["run"]["data"], &own["run"]["kappa"])
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_printed_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    minima(dir.path());
    for args in
        ["eval t", "eval t --json", "study --list", "completions bash", "--help", "train --help", "--version"]
    {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_collado"));
        let output = command.current_dir(dir.path()).args(args.split(' ')).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args}");
        assert!(text(&output).starts_with("error: standard output: cannot be written"), "{}", text(&output));
    }
    // Notes that nobody can read lose no result.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_collado"));
    let args = "connect t --method linear --points 3 --kappa 0.5 --out noted --json";
    let output = command.current_dir(dir.path()).args(args.split(' ')).stderr(full).output().unwrap();
    assert!(output.status.success() && dir.path().join("noted/path.safetensors").exists(), "{output:?}");
}
