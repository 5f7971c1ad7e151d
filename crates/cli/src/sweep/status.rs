//! `collado sweep status`: how far a sweep is.

use serde::Serialize;

use super::{
    args::StatusArgs,
    claim,
    folder::{ENDED, Ended, SweepFolder},
    stage::Stage,
    task::Task,
};
use crate::{
    failure::Failure,
    json::{self, print},
    shown::counted,
};

/// How far a sweep is.
#[derive(Serialize)]
struct Summary {
    tasks: usize,
    done: usize,
    running: usize,
    failed: usize,
    /// The seconds that what is left would take one process, by the mean of what is done of each stage.
    seconds_left: Option<f64>,
    stages: Vec<StageRecord>,
    failures: Vec<FailureRecord>,
}

#[derive(Serialize)]
struct StageRecord {
    stage: Stage,
    tasks: usize,
    done: usize,
    running: usize,
    failed: usize,
    /// The mean of those that are done.
    seconds_each: Option<f64>,
}

#[derive(Serialize)]
struct FailureRecord {
    id: String,
    stage: Stage,
    labels: String,
    code: Option<i32>,
    error: Option<String>,
    hint: Option<String>,
}

/// Shows how far a sweep is.
pub(super) fn run(args: &StatusArgs) -> Result<(), Failure> {
    let (folder, tasks) = SweepFolder::open(&args.folder)?;
    let summary = Summary::new(&folder, &tasks)?;
    args.printed.show(&summary, || summary.print());
    Ok(())
}

impl Summary {
    fn new(folder: &SweepFolder, tasks: &[Task]) -> Result<Self, Failure> {
        let (done, failed, claims) = (folder.done()?, folder.failed()?, folder.join("claims"));
        let is_failed = |task: &Task| !done.contains(&task.id) && failed.contains_key(&task.id);
        let is_running = |task: &Task| !done.contains(&task.id) && claim::is_claimed(&claims, &task.id);
        let mut stages = Vec::new();
        for stage in Stage::ALL {
            let of_stage: Vec<&Task> = tasks.iter().filter(|task| task.stage == stage).collect();
            let times: Vec<f64> = of_stage
                .iter()
                .filter(|task| done.contains(&task.id))
                .filter_map(|task| ended(folder, &task.id).map(|ended| ended.seconds))
                .collect();
            if of_stage.is_empty() {
                continue;
            }
            stages.push(StageRecord {
                stage,
                tasks: of_stage.len(),
                done: of_stage.iter().filter(|task| done.contains(&task.id)).count(),
                running: of_stage.iter().filter(|task| is_running(task)).count(),
                failed: of_stage.iter().filter(|task| is_failed(task)).count(),
                seconds_each: (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64),
            });
        }
        let left = |s: &StageRecord| match s.tasks - s.done {
            0 => Some(0.),
            left => s.seconds_each.map(|each| left as f64 * each),
        };
        let failures = tasks.iter().filter(|task| is_failed(task)).map(|task| {
            let Ended { code, error, hint, .. } = failed[&task.id].clone();
            let labels = task.labels.text();
            FailureRecord { id: task.id.clone(), stage: task.stage, labels, code, error, hint }
        });
        let sum = |f: fn(&StageRecord) -> usize| stages.iter().map(f).sum();
        Ok(Self {
            tasks: tasks.len(),
            done: sum(|s| s.done),
            running: sum(|s| s.running),
            failed: sum(|s| s.failed),
            seconds_left: stages.iter().map(left).sum(),
            failures: failures.collect(),
            stages,
        })
    }

    fn print(&self) {
        for s in &self.stages {
            let each = s.seconds_each.map_or_else(String::new, |each| format!(", {each:.2} s each"));
            let more = [(s.running, "running"), (s.failed, "failed")];
            let more = more.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {n} {what}"));
            let more: String = more.collect();
            print(&format!("{:<9} {} of {} done{more}{each}", s.stage.name(), s.done, s.tasks));
        }
        for failure in &self.failures {
            let error = failure.error.as_deref().unwrap_or("no message");
            print(&format!("failed: {} ({}; {}): {error}", failure.id, failure.stage.name(), failure.labels));
        }
        let left = match self.seconds_left {
            Some(seconds) if self.done < self.tasks => format!(", about {seconds:.0} s of work left"),
            _ => String::new(),
        };
        print(&format!("{} of {} done{left}", self.done, counted(self.tasks, "task")));
    }
}

/// How a finished task ended.
pub(super) fn ended(folder: &SweepFolder, id: &str) -> Option<Ended> {
    serde_json::from_value(json::read(&folder.result(id).join(ENDED)).ok()?).ok()
}
