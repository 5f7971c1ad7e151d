//! One job of HyperQueue, whose tasks are chunks that wait for those with their inputs.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt::Write,
    process::Command,
};

use super::{
    Summary,
    chunk::{Array, absolute, arrays, shell},
};
use crate::{
    failure::Failure,
    files,
    sweep::{args::SubmitArgs, folder::SweepFolder, task::Task},
};

/// Writes a job definition file, and submits it.
pub(super) fn submit(
    args: &SubmitArgs,
    folder: &SweepFolder,
    tasks: &[Task],
    done: &HashSet<String>,
) -> Result<Summary, Failure> {
    let place = absolute(folder.path())?;
    let file = files::make(&place.join("submit"))?.join("hq.toml");
    files::make(&place.join("logs"))?;
    let arrays = arrays(tasks, done, args.chunk.unwrap_or(1), usize::MAX);
    files::bytes(&file, text(folder, tasks, done, &arrays)?.as_bytes())?;
    let file = file.display().to_string();
    let mut words: Vec<String> = ["hq", "job", "submit-file"].map(str::to_owned).into();
    words.extend(args.flags.iter().cloned());
    words.push(file.clone());
    let mut summary = Summary { scripts: vec![file], commands: vec![shell(&words)], jobs: vec![] };
    if !args.dry_run {
        let output = Command::new(&words[0]).args(&words[1..]).output().map_err(|e| {
            Failure::new(format!("{}: {e}", words[0])).hint("--dry-run only writes the job definition file")
        })?;
        let [said, wrong] =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).trim().to_owned());
        if !output.status.success() {
            return Err(Failure::new(format!("hq: {wrong}")));
        }
        summary.jobs.extend(said.rsplit([' ', '=']).next().map(str::to_owned));
    }
    Ok(summary)
}

/// The job definition file.
fn text(
    folder: &SweepFolder,
    tasks: &[Task],
    done: &HashSet<String>,
    arrays: &[Array],
) -> Result<String, Failure> {
    let here = std::env::current_dir().map_err(Failure::new)?.display().to_string();
    let program = std::env::current_exe().map_err(Failure::new)?.display().to_string();
    let place = absolute(folder.path())?.display().to_string();
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let log = quoted(&format!("{place}/logs/hq-%{{TASK_ID}}.txt"));
    let mut file = "name = \"collado\"\n".to_owned();
    // The element that runs each task.
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut number = 0;
    for array in arrays {
        let of_stage: Vec<&Task> = tasks.iter().filter(|task| task.stage == array.stage).collect();
        for rank in &array.left {
            let chunk = of_stage.iter().skip(*rank).step_by(array.world);
            let mut after = BTreeSet::new();
            for task in chunk.filter(|task| !done.contains(&task.id)) {
                numbers.insert(&task.id, number);
                after.extend(task.after.iter().filter_map(|id| numbers.get(id.as_str())));
            }
            let stage = array.stage.name();
            let words = ["sweep", "run", &place, "--stage", stage, "--rank", &rank.to_string(), "--world"];
            let mut words: Vec<String> = words.map(str::to_owned).into();
            words.extend([array.world.to_string(), "--retry".into(), "--quiet".into()]);
            words.insert(0, program.clone());
            // What failed is listed by `sweep status`; it must not cancel all tasks behind it.
            let line = format!("{} || true", shell(&words));
            let command = ["sh", "-c", &line].map(quoted).join(", ");
            let deps: Vec<_> = after.iter().map(usize::to_string).collect();
            let _ = write!(
                file,
                "\n[[task]]\nid = {number}\ndeps = [{}]\ncommand = [{command}]\ncwd = {}\nstdout = \"none\"\nstderr = {log}\n",
                deps.join(", "),
                quoted(&here)
            );
            number += 1;
        }
    }
    Ok(file)
}
