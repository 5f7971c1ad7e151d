//! `collado sweep submit`: hands the tasks that are left to Slurm or HyperQueue.

mod chunk;
mod hq;
mod slurm;

use serde::Serialize;

use super::{args::SubmitArgs, folder::SweepFolder};
use crate::{failure::Failure, json::print};

/// What was submitted.
#[derive(Serialize)]
struct Summary {
    /// The files that were written.
    scripts: Vec<String>,
    /// The commands that submit them.
    commands: Vec<String>,
    /// The numbers of the jobs; none with --dry-run.
    jobs: Vec<String>,
}

/// Writes job scripts, and submits them.
pub(super) fn run(args: &SubmitArgs) -> Result<(), Failure> {
    let (folder, tasks) = SweepFolder::open(&args.folder)?;
    let done = folder.done()?;
    if tasks.iter().all(|task| done.contains(&task.id)) {
        print("nothing is left to do");
        return Ok(());
    }
    let summary = match args.slurm {
        true => slurm::submit(args, &folder, &tasks, &done)?,
        false => hq::submit(args, &folder, &tasks, &done)?,
    };
    args.printed.show(&summary, || summary.print());
    Ok(())
}

impl Summary {
    fn print(&self) {
        self.commands.iter().for_each(|command| print(command));
        for job in &self.jobs {
            print(&format!("submitted as job {job}"));
        }
    }
}
