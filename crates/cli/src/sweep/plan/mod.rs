//! `collado sweep plan`: from a file with settings to a list of tasks.

mod excerpt;
mod expand;
mod file;
mod flags;
mod grid;

use std::collections::HashSet;

use serde::Serialize;

use self::file::SweepFile;
use super::{
    args::PlanArgs,
    folder::{PLAN, SweepFolder, TASKS},
    stage::Stage,
    task::{self, Task},
};
use crate::{
    failure::Failure,
    files,
    json::{self, print},
    shown::counted,
};

/// What is planned.
#[derive(Serialize)]
struct Summary {
    folder: String,
    tasks: usize,
    /// Of these, how many have a result already.
    done: usize,
    stages: Vec<StageRecord>,
}

#[derive(Serialize)]
struct StageRecord {
    stage: Stage,
    tasks: usize,
    done: usize,
    /// The number of networks that are trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    networks: Option<usize>,
    /// The number of passes over the examples, summed over the networks.
    #[serde(skip_serializing_if = "Option::is_none")]
    epochs: Option<u64>,
}

/// Writes the list of tasks.
pub(super) fn run(args: &PlanArgs) -> Result<(), Failure> {
    let file = SweepFile::read(&args.file)?;
    let tasks = expand::tasks(&file)?;
    let text = task::lines(&tasks)?;
    let list = args.out.join(TASKS);
    if std::fs::read_to_string(&list).is_ok_and(|there| there != text) && !args.force {
        let message = format!("{}: is the plan of other settings", list.display());
        return Err(Failure::new(message)
            .hint("another --out, or --force, which keeps the results of tasks that are in both plans"));
    }
    let folder = SweepFolder::create(&args.out)?;
    files::bytes(&args.out.join(PLAN), file.source.text.as_bytes())?;
    files::bytes(&list, text.as_bytes())?;
    let summary = Summary::new(&tasks, &folder.done()?, &args.out.display().to_string());
    match (args.printed.json, args.printed.quiet) {
        (true, _) => print(&json::value(&summary).to_string()),
        (_, false) => summary.print(),
        _ => {}
    }
    Ok(())
}

impl Summary {
    fn new(tasks: &[Task], done: &HashSet<String>, folder: &str) -> Self {
        let record = |stage: Stage| {
            let of_stage: Vec<_> = tasks.iter().filter(|task| task.stage == stage).collect();
            let networks = of_stage.iter().map(|task| expand::networks(task)).sum();
            let epochs =
                of_stage.iter().map(|task| expand::networks(task) as u64 * expand::epochs(task)).sum();
            let is_training = stage.command() == "train";
            (!of_stage.is_empty()).then_some(StageRecord {
                stage,
                tasks: of_stage.len(),
                done: of_stage.iter().filter(|task| done.contains(&task.id)).count(),
                networks: is_training.then_some(networks),
                epochs: is_training.then_some(epochs),
            })
        };
        Self {
            folder: folder.to_owned(),
            tasks: tasks.len(),
            done: tasks.iter().filter(|task| done.contains(&task.id)).count(),
            stages: Stage::ALL.into_iter().filter_map(record).collect(),
        }
    }

    fn print(&self) {
        for StageRecord { stage, tasks, networks, epochs, .. } in &self.stages {
            let of = networks.filter(|n| n != tasks).map_or_else(String::new, |n| {
                format!(" of {} as {}", counted(n, "network"), if *tasks == 1 { "a stack" } else { "stacks" })
            });
            let epochs =
                epochs.map_or_else(String::new, |n| format!(", {} in all", counted(n as usize, "epoch")));
            print(&format!("{:<9} {}{of}{epochs}", stage.name(), stage.counted(*tasks)));
        }
        let done = match self.done {
            0 => String::new(),
            done => format!(", {done} of them done already"),
        };
        print(&format!("{}{done}; next: collado sweep run {}", counted(self.tasks, "task"), self.folder));
    }
}
