//! `collado sweep plan`: from a file with settings to a list of tasks.

mod cost;
mod excerpt;
mod expand;
mod file;
mod flags;
mod grid;
mod minima;

use std::collections::HashSet;

use serde::Serialize;

use self::file::SweepFile;
use super::{
    args::PlanArgs,
    folder::{PLAN, SweepFolder, TASKS},
    stage::Stage,
    task::{self, Task},
};
use crate::{failure::Failure, files, json::print, shown::counted};

/// What is planned.
#[derive(Serialize)]
struct Summary {
    folder: String,
    tasks: usize,
    /// Of these, how many have a result already.
    done: usize,
    stages: Vec<StageRecord>,
    /// The seconds that what is left would take one core, and how that was estimated; nothing where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<CostRecord>,
}

#[derive(Serialize)]
struct CostRecord {
    seconds: f64,
    cores: usize,
    /// The tasks that are not in it.
    not_estimated: usize,
    how: &'static str,
}

/// How the cost is estimated.
const HOW: &str = "steps of each network timed on one core of this machine, and multiplied; alignments timed once; 0.1 s a task for its start, pictures and files";

#[derive(Serialize)]
struct StageRecord {
    stage: Stage,
    tasks: usize,
    done: usize,
    /// The number of networks that are trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    networks: Option<usize>,
    /// The seconds that those that are not done would take one core, as far as they are estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
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
    let seconds = (!args.no_estimate).then(|| cost::seconds(&tasks));
    let summary = Summary::new(&tasks, &folder.done()?, seconds.as_deref(), &args.out.display().to_string());
    args.printed.show(&summary, || summary.print());
    Ok(())
}

impl Summary {
    fn new(tasks: &[Task], done: &HashSet<String>, costs: Option<&[Option<f64>]>, folder: &str) -> Self {
        let left = |stage: Option<Stage>| -> Vec<Option<f64>> {
            let all = tasks.iter().zip(costs.unwrap_or_default());
            let open =
                all.filter(|(task, _)| stage.is_none_or(|s| s == task.stage) && !done.contains(&task.id));
            open.map(|(_, cost)| *cost).collect()
        };
        let record = |stage: Stage| {
            let of_stage: Vec<_> = tasks.iter().filter(|task| task.stage == stage).collect();
            let networks = of_stage.iter().map(|task| minima::networks(task)).sum();
            let epochs =
                of_stage.iter().map(|task| minima::networks(task) as u64 * minima::epochs(task)).sum();
            let is_training = stage.command() == "train";
            (!of_stage.is_empty()).then_some(StageRecord {
                stage,
                tasks: of_stage.len(),
                done: of_stage.iter().filter(|task| done.contains(&task.id)).count(),
                networks: is_training.then_some(networks),
                seconds: Some(left(Some(stage)).iter().flatten().sum()).filter(|s| *s > 0.),
                epochs: is_training.then_some(epochs),
            })
        };
        Self {
            folder: folder.to_owned(),
            tasks: tasks.len(),
            done: tasks.iter().filter(|task| done.contains(&task.id)).count(),
            stages: Stage::ALL.into_iter().filter_map(record).collect(),
            cost: costs.map(|_| CostRecord {
                seconds: left(None).iter().flatten().sum(),
                cores: std::thread::available_parallelism().map_or(1, usize::from),
                not_estimated: left(None).iter().filter(|cost| cost.is_none()).count(),
                how: HOW,
            }),
        }
    }

    fn print(&self) {
        for StageRecord { stage, tasks, networks, epochs, seconds, .. } in &self.stages {
            let of = networks.filter(|n| n != tasks).map_or_else(String::new, |n| {
                format!(" of {} as {}", counted(n, "network"), if *tasks == 1 { "a stack" } else { "stacks" })
            });
            let epochs =
                epochs.map_or_else(String::new, |n| format!(", {} in all", counted(n as usize, "epoch")));
            let time = seconds.map_or_else(String::new, |s| format!(", about {}", duration(s)));
            print(&format!("{:<9} {}{of}{epochs}{time}", stage.name(), stage.counted(*tasks)));
        }
        let done = match self.done {
            0 => String::new(),
            done => format!(", {done} of them done already"),
        };
        if let Some(CostRecord { seconds, cores, not_estimated, how }) = &self.cost
            && *seconds > 0.
        {
            let more = match not_estimated {
                0 => String::new(),
                n => format!(", and {} that are not estimated", counted(*n, "task")),
            };
            let each = duration(seconds / *cores as f64);
            print(&format!(
                "left: about {} for one core, {each} for {cores}{more} ({how})",
                duration(*seconds)
            ));
        }
        print(&format!("{}{done}; next: collado sweep run {}", counted(self.tasks, "task"), self.folder));
    }
}

/// A time for people, in two digits.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 10. => format!("{s:.1} s"),
        s if s < 120. => format!("{s:.0} s"),
        s if s < 7200. => format!("{:.0} min", s / 60.),
        s => format!("{:.1} h", s / 3600.),
    }
}
