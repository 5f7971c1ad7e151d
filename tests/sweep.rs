//! `collado sweep` through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, SystemTime},
};

use serde_json::Value as Json;

use self::support::{collado, json, spawn};

/// Two widths with three networks each, and the lines between them with and without alignment: 2 + 12 tasks.
const SMALL: &str = r#"
[grid]
width = [4, 6]
[train]
arch = "relu:64-{width}-10"
seeds = "0..3"
epochs = 2
[connect]
method = "linear"
align = ["none", "weights"]
points = 5
certify = "never"
"#;

fn plan(dir: &Path, text: &str, out: &str) -> Json {
    fs::write(dir.join("sweep.toml"), text).unwrap();
    json(dir, &format!("sweep plan sweep.toml --out {out} --json"))
}

fn tasks(dir: &Path) -> Vec<Json> {
    let text = fs::read_to_string(dir.join("tasks.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// A table as rows of columns with names.
fn table(file: &Path) -> Vec<BTreeMap<String, String>> {
    let mut table = csv::Reader::from_path(file).unwrap();
    table.deserialize().map(|row| row.unwrap()).collect()
}

/// Everything but times: tables, and the parameters of networks and paths.
fn results(dir: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> =
        ["table.csv", "table.parquet", "minima.csv"].map(|name| fs::read(dir.join(name)).unwrap()).into();
    for id in names(&dir.join("done")) {
        let profile = dir.join("done").join(id).join("profile.csv");
        files.extend(fs::read(profile).ok());
    }
    files
}

#[test]
fn a_plan_is_deterministic_and_grows() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let summary = plan(dir, SMALL, "a");
    assert_eq!((summary["tasks"].as_u64(), summary["stages"][0]["networks"].as_u64()), (Some(14), Some(6)));
    plan(dir, SMALL, "b");
    assert_eq!(fs::read(dir.join("a/tasks.jsonl")).unwrap(), fs::read(dir.join("b/tasks.jsonl")).unwrap());
    // A thousand times as many passes take longer, however noisy the machine is.
    let cost = |summary: &Json| summary["stages"][0]["seconds"].as_f64().unwrap();
    let longer = plan(dir, &SMALL.replace("epochs = 2", "epochs = 2000"), "long");
    assert!(cost(&longer) > 2. * cost(&summary) && cost(&summary) > 0., "{longer} {summary}");
    assert_eq!(summary["cost"]["not_estimated"].as_u64(), Some(0));
    let proofs = plan(dir, &format!("{SMALL}[certify]\n"), "proofs");
    assert_eq!(proofs["cost"]["not_estimated"].as_u64(), Some(12));
    plan(dir, SMALL, "a");
    let all = tasks(&dir.join("a"));
    let ids: BTreeSet<_> = all.iter().map(|task| task["id"].as_str().unwrap()).collect();
    assert_eq!((all.len(), ids.len()), (14, 14));
    assert_eq!(
        all[13]["labels"],
        serde_json::json!({"width": 6, "connect.align": "weights", "seed_a": 1, "seed_b": 2})
    );
    // The same plan again changes nothing; another one needs --force, and keeps what both have.
    plan(dir, SMALL, "a");
    fs::write(dir.join("sweep.toml"), SMALL.replace("[4, 6]", "[4, 6, 8]")).unwrap();
    let refused = collado(dir, "sweep plan sweep.toml --out a");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(tasks(&dir.join("a")).len(), 14);
    json(dir, "sweep plan sweep.toml --out a --force --json");
    let more = tasks(&dir.join("a"));
    assert_eq!(more.len(), 21);
    assert!(all.iter().all(|task| more.contains(task)));
}

#[test]
fn what_is_wrong_in_a_file_is_underlined() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let text = SMALL.replace("epochs = 2", "epohcs = 2");
    fs::write(dir.join("sweep.toml"), text).unwrap();
    let output = collado(dir, "sweep plan sweep.toml --out a");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines,
        [
            "error: sweep.toml:7: unknown key 'epohcs': 'collado train' has no --epohcs",
            " 7 | epohcs = 2",
            "   | ^^^^^^",
            "hint: a similar argument exists: '--epochs'",
        ]
    );
    assert!(!dir.join("a").exists());
    // A value is checked by the command that it is for.
    fs::write(dir.join("sweep.toml"), SMALL.replace("\"weights\"]", "\"wieghts\"]")).unwrap();
    let said = String::from_utf8(collado(dir, "sweep plan sweep.toml --out a").stderr).unwrap();
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with("error: sweep.toml:10: invalid value 'wieghts' for '--align"), "{said}");
    assert_eq!(lines[1], " 10 | align = [\"none\", \"wieghts\"]");
    assert_eq!(lines[2], "    |                  ^^^^^^^^^");
    // Combinations are counted before they are made.
    let many: Vec<_> = (1..=1001).map(|n| n.to_string()).collect();
    let many = many.join(", ");
    let text = format!("[grid]\na = [{many}]\nb = [{many}]\n[train]\narch = \"relu:64-{{a}}-{{b}}-10\"\n");
    fs::write(dir.join("sweep.toml"), text).unwrap();
    let said = String::from_utf8(collado(dir, "sweep plan sweep.toml --out a").stderr).unwrap();
    assert!(said.contains("the lists have 1002001 combinations, expected at most 1000000"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() < 130), "{said}");
    fs::write(dir.join("sweep.toml"), [0xff, 0xfe]).unwrap();
    let said = String::from_utf8(collado(dir, "sweep plan sweep.toml --out a").stderr).unwrap();
    assert_eq!(said, "error: sweep.toml: is not text in UTF-8\n");
}

#[test]
fn a_run_that_is_killed_goes_on_to_the_same_tables() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for out in ["whole", "killed"] {
        plan(dir, SMALL, out);
    }
    let summary = json(dir, "sweep run whole --jobs 2 --json --quiet");
    assert_eq!((summary["done"].as_u64(), summary["failed"].as_u64()), (Some(14), Some(0)));
    for _ in 0..3 {
        let before = names(&dir.join("killed/done")).len();
        let mut child = spawn(dir, "sweep run killed --jobs 2 --quiet");
        while names(&dir.join("killed/done")).len() < before + 2 && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(2));
        }
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let kept = names(&dir.join("killed/done"));
    // As left by one that was killed just after its task was done.
    let left = dir.join("killed/claims").join(kept.first().unwrap());
    fs::write(&left, "1-1-elsewhere").unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(600);
    fs::File::options().write(true).open(&left).unwrap().set_modified(long_ago).unwrap();
    let summary = json(dir, "sweep run killed --jobs 2 --json --quiet");
    assert_eq!(summary["done"].as_u64(), Some(14));
    assert!(summary["before"].as_u64().unwrap() as usize >= kept.len(), "{summary}");
    for out in ["whole", "killed"] {
        json(dir, &format!("sweep collect {out} --json --quiet"));
        assert_eq!(names(&dir.join(out).join("done")).len(), 14);
        // A process that was killed may leave a temporary file.
        assert!(names(&dir.join(out).join("claims")).iter().all(|name| name.starts_with('.')));
    }
    assert_eq!(results(&dir.join("whole")), results(&dir.join("killed")));
    // Nothing is done twice.
    let again = json(dir, "sweep run whole --json --quiet");
    assert_eq!((again["before"].as_u64(), again["done"].as_u64()), (Some(14), Some(14)));
}

/// The processes that a process has started.
fn children(parent: u32) -> Vec<u32> {
    let parent_of = |id: u32| -> Option<u32> {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        (fields[0] != "Z").then(|| fields[1].parse().ok())?
    };
    let all = names(Path::new("/proc")).into_iter().filter_map(|name| name.parse().ok());
    all.filter(|&id| parent_of(id) == Some(parent)).collect()
}

#[test]
fn tasks_end_with_the_run_that_started_them() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    plan(dir, &SMALL.replace("epochs = 2", "epochs = 1000000"), "s");
    let mut child = spawn(dir, "sweep run s --jobs 1 --quiet");
    let mut tasks = Vec::new();
    for _ in 0..1000 {
        tasks = children(child.id());
        if !tasks.is_empty() {
            break;
        }
        sleep(Duration::from_millis(5));
    }
    assert!(!tasks.is_empty() && child.try_wait().unwrap().is_none());
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    let alive = || tasks.iter().any(|id| Path::new(&format!("/proc/{id}")).exists());
    for _ in 0..1000 {
        if !alive() {
            return;
        }
        sleep(Duration::from_millis(5));
    }
    panic!("{tasks:?} go on");
}

#[test]
fn ranks_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    plan(dir, SMALL, "s");
    let mut ranks: Vec<_> =
        (0..3).map(|rank| spawn(dir, &format!("sweep run s --rank {rank} --world 3 --quiet"))).collect();
    for rank in &mut ranks {
        assert!(rank.wait().unwrap().success());
    }
    let status = json(dir, "sweep status s --json");
    assert_eq!((status["done"].as_u64(), status["running"].as_u64()), (Some(14), Some(0)));
    assert!(names(&dir.join("s/work")).is_empty() && names(&dir.join("s/claims")).is_empty());
    // A job array says by its variables which part this is.
    plan(dir, SMALL, "array");
    for (id, count) in [("0", 4), ("3", 8)] {
        let output = Command::new(env!("CARGO_BIN_EXE_collado"))
            .current_dir(dir)
            .args(["sweep", "run", "array", "--stage", "train", "--quiet"])
            .envs([("SLURM_ARRAY_TASK_ID", id), ("SLURM_ARRAY_TASK_COUNT", "4")])
            .envs([("SLURM_ARRAY_TASK_MIN", "0"), ("SLURM_ARRAY_TASK_MAX", "3")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        // Two trainings: parts 0 and 1 have one each.
        let done = json(dir, "sweep status array --json")["done"].as_u64().unwrap();
        assert_eq!(done, 1, "{id} of {count}");
    }
}

#[test]
fn what_fails_is_listed_and_run_again() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let rows = |n: usize| (0..n).map(|i| format!("{}.5,{}\n", i % 7, i % 2)).collect::<String>();
    let text = "[train]\ndata = [\"csv:x.csv?target=y\", \"csv:z.csv?target=y\"]\narch = \"relu:1-3-2\"\n\
                seeds = \"0..2\"\nepochs = 2\n[connect]\nmethod = \"linear\"\npoints = 3\ncertify = \"never\"\n";
    fs::write(dir.join("x.csv"), format!("x,y\n{}", rows(20))).unwrap();
    plan(dir, text, "s");
    let output = collado(dir, "sweep run s --json --quiet");
    assert_eq!(output.status.code(), Some(1));
    let summary: Json = serde_json::from_slice(&output.stdout).unwrap();
    let counts = ["done", "failed", "blocked"].map(|name| summary[name].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 1]);
    let status = json(dir, "sweep status s --json");
    let failure = &status["failures"][0];
    assert!(failure["error"].as_str().unwrap().contains("z.csv"), "{failure}");
    assert_eq!((failure["stage"].as_str(), failure["code"].as_i64()), (Some("train"), Some(1)));
    let text = String::from_utf8(collado(dir, "sweep status s").stdout).unwrap();
    assert!(text.contains("failed: ") && text.contains("train.data = csv:z.csv?target=y"), "{text}");
    // It stays failed until it is asked for again.
    fs::write(dir.join("z.csv"), format!("x,y\n{}", rows(30))).unwrap();
    assert_eq!(collado(dir, "sweep run s --quiet").status.code(), Some(1));
    let summary = json(dir, "sweep run s --retry --json --quiet");
    assert_eq!((summary["done"].as_u64(), summary["before"].as_u64()), (Some(4), Some(2)));
    assert_eq!(json(dir, "sweep status s --json")["failures"], serde_json::json!([]));
}

#[test]
fn tables_hold_what_the_tasks_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    plan(dir, SMALL, "s");
    let early = collado(dir, "sweep collect s");
    assert_eq!(early.status.code(), Some(1));
    json(dir, "sweep run s --json --quiet");
    let summary = json(dir, "sweep collect s --json");
    let rows = table(&dir.join("s/table.csv"));
    assert_eq!(rows.len(), 14);
    let connected = |width: &str, align: &str| -> Vec<&BTreeMap<String, String>> {
        let is_of = |row: &&BTreeMap<String, String>| row["width"] == width && row["connect.align"] == align;
        rows.iter().filter(is_of).collect()
    };
    // Each row is the summary of its task.
    for row in &rows {
        let file = dir.join("s/done").join(&row["task"]).join("summary.json");
        let summary: Json = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let number = |name: &str| row[name].parse::<f64>().unwrap();
        if row["stage"] == "connect" {
            assert_eq!(number("barrier.above_chord"), summary["barrier"]["above_chord"].as_f64().unwrap());
            assert_eq!(number("ends.a"), summary["ends"]["a"].as_f64().unwrap());
        } else {
            let runs = summary["runs"].as_array().unwrap();
            let mean = runs.iter().map(|run| run["risk"].as_f64().unwrap()).sum::<f64>() / 3.;
            assert!((number("risk") - mean).abs() < 1e-15);
        }
    }
    // A task that aligned the same pair by hand.
    let row = connected("6", "weights")[1];
    assert_eq!((&*row["seed_a"], &*row["seed_b"]), ("0", "2"));
    json(dir, "train --arch relu:64-6-10 --seeds 0..3 --epochs 2 --out t --json --quiet");
    let ends = "t/seed-0.safetensors t/seed-2.safetensors";
    let how = "--method linear --align weights --points 5 --certify never --out c --json --quiet";
    let by_hand = json(dir, &format!("connect {ends} {how}"));
    assert_eq!(row["barrier.max"].parse::<f64>().ok(), by_hand["barrier"]["max"].as_f64());
    // Means of the three pairs, with the standard error of leaving out one network at a time: 4.3027 is Student's
    // quantile for two degrees of freedom.
    let values: Vec<f64> =
        connected("4", "none").iter().map(|row| row["barrier.above_chord"].parse().unwrap()).collect();
    let [ab, ac, bc] = values[..] else { panic!("{values:?}") };
    let mean = (ab + ac + bc) / 3.;
    let error = (2. / 3. * [ab, ac, bc].iter().map(|x| (x - mean).powi(2)).sum::<f64>()).sqrt();
    let found = summary["means"].as_array().unwrap().iter().find(|mean| {
        mean["stage"] == "connect" && mean["cell"] == serde_json::json!({"width": 4, "connect.align": "none"})
    });
    let found = found.unwrap();
    assert_eq!((found["n"].as_u64(), found["interval"].as_str()), (Some(3), Some("jackknife")));
    let number = |name: &str| found[name].as_f64().unwrap();
    assert!((number("mean") - mean).abs() < 1e-12, "{found}");
    assert!((number("hi") - mean - 4.302_653 * error).abs() < 1e-5, "{found}");
    assert!((number("lo") - mean + 4.302_653 * error).abs() < 1e-5, "{found}");
    let means = table(&dir.join("s/means.csv"));
    let same = |row: &&BTreeMap<String, String>| {
        row["figure"] == "barrier.above_chord" && row["width"] == "4" && row["connect.align"] == "none"
    };
    assert_eq!(means.iter().find(same).unwrap()["mean"].parse::<f64>().unwrap(), number("mean"));
    let minima = table(&dir.join("s/minima.csv"));
    assert_eq!(minima.len(), 6);
    assert!(minima.iter().all(|row| row["checkpoint"] == format!("seed-{}.safetensors", row["seed"])));
    assert!(
        fs::read_to_string(dir.join("s/connect.svg")).unwrap().contains("barrier.above_chord against width")
    );
    let pairs = table(&dir.join("s/pairs.csv"));
    assert_eq!(pairs.len(), 12);
    let pair = pairs.iter().find(|pair| pair["task"] == row["task"]).unwrap();
    assert_eq!((&*pair["a"], &*pair["b"]), ("seed-0", "seed-2"));
    assert_eq!(pair["train_max"], row["barrier.max"]);
    assert_eq!(pair["test_loss_max"].parse::<f64>().ok(), by_hand["test"]["loss"]["max"].as_f64());
    assert!(fs::read_to_string(dir.join("s/pairs-4.svg")).unwrap().contains("seed-2"));
    assert!(collado(dir, "report s --out s.html").status.success());
    let parquet = fs::read(dir.join("s/table.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let refused = collado(dir, "sweep collect s --y nothing");
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn runs_go_on_from_a_common_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let text = "[grid]\nk = [0, 60]\n[start]\narch = \"relu:64-6-10\"\nseeds = \"0..2\"\nmax_steps = \"{k}\"\n[train]\n\
                arch = \"relu:64-6-10\"\nseeds = \"7..9\"\nepochs = 2\n[connect]\nmethod = \"linear\"\npoints = 3\n\
                certify = \"never\"\n";
    plan(dir, text, "s");
    let summary = json(dir, "sweep run s --json --quiet");
    assert_eq!((summary["done"].as_u64(), summary["tasks"].as_u64()), (Some(10), Some(10)));
    json(dir, "sweep collect s --json --quiet");
    // The same by hand: one step of training from the network after 60 steps, for another seed.
    json(dir, "train --arch relu:64-6-10 --seeds 0..2 --max-steps 60 --out a --json --quiet");
    json(
        dir,
        "train --arch relu:64-6-10 --seeds 7..9 --epochs 2 --from a/seed-1.safetensors --out b --json --quiet",
    );
    let ends = "b/seed-7.safetensors b/seed-8.safetensors";
    let by_hand = json(
        dir,
        &format!("connect {ends} --method linear --points 3 --certify never --out c --json --quiet"),
    );
    let rows = table(&dir.join("s/table.csv"));
    let is_it = |row: &&BTreeMap<String, String>| {
        row["stage"] == "connect" && row["k"] == "60" && row["start.seed"] == "1"
    };
    let row = rows.iter().find(is_it).unwrap();
    assert_eq!(row["barrier.max"].parse::<f64>().ok(), by_hand["barrier"]["max"].as_f64());
    let refused = collado(dir, "train --arch relu:64-8-10 --from a/seed-0.safetensors --out d");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && said.contains("relu:64-6-10 by its own metadata"), "{said}");
}

#[test]
fn job_scripts_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    plan(dir, SMALL, "s");
    let shown = json(dir, "sweep submit s --slurm --chunk 5 --dry-run --json -- --partition=short");
    let commands: Vec<_> =
        shown["commands"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    assert_eq!(commands.len(), 2);
    assert!(commands[0].starts_with("sbatch --parsable --array=0 --partition=short /"), "{commands:?}");
    assert!(
        commands[1].starts_with("sbatch --parsable --array=0-2 --dependency=afterany:JOB"),
        "{commands:?}"
    );
    let script = fs::read_to_string(dir.join("s/submit/slurm-connect.sh")).unwrap();
    assert!(script.contains("--stage connect --rank \"$SLURM_ARRAY_TASK_ID\" --world 3"), "{script}");
    // What a script runs is what is there: with one element done, the others are submitted again.
    let output = Command::new("sh")
        .arg(dir.join("s/submit/slurm-connect.sh"))
        .env("SLURM_ARRAY_TASK_ID", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown = json(dir, "sweep submit s --slurm --chunk 5 --dry-run --json");
    // Its task needed a training or both, which it has done itself.
    let last = shown["commands"].as_array().unwrap().last().unwrap().as_str().unwrap();
    assert!(last.contains("--array=0,2 "), "{shown}");
    let shown = json(dir, "sweep submit s --hq --dry-run --json");
    assert!(shown["commands"][0].as_str().unwrap().starts_with("hq job submit-file /"), "{shown}");
    assert!(fs::read_to_string(dir.join("s/submit/hq.toml")).unwrap().contains("[[task]]\nid = 0\n"));
}
