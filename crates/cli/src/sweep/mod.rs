//! `collado sweep`: many trainings, connections and analyses from one file, on one machine or a cluster.
//!
//! `plan` turns the file into tasks, each a command of this program, named by the hash of its content. `run` starts
//! them as processes of their own and moves each result into place by one rename, so that any number of machines can
//! share the folder without locks. `collect` makes tables of the results.

mod args;
mod claim;
mod collect;
mod folder;
mod plan;
mod rank;
mod run;
mod stage;
mod status;
mod submit;
mod task;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum SweepCommand {
    /// Turn a file with settings into a list of tasks.
    #[command(
        after_help = "Example:\n  collado sweep plan examples/sweeps/digits-quick.toml --out runs/quick\n\nThe file has the tables [grid], [start], [train], [connect], [align], [levelset], [spectrum] and [certify]; docs/scale.md\nexplains them."
    )]
    Plan(args::PlanArgs),
    /// Run the tasks that have no result yet.
    #[command(
        after_help = "Examples:\n  collado sweep run runs/quick\n  collado sweep run runs/quick --jobs 8 --retry\n  parallel collado sweep run runs/quick --rank {} --world 4 ::: 0 1 2 3"
    )]
    Run(args::RunArgs),
    /// Say how many tasks are done, and which have failed.
    #[command(after_help = "Example:\n  collado sweep status runs/quick")]
    Status(args::StatusArgs),
    /// Write tables, means with intervals and pictures of the results.
    #[command(
        after_help = "Examples:\n  collado sweep collect runs/quick\n  collado sweep collect runs/quick --x width --y barrier.above_ends"
    )]
    Collect(args::CollectArgs),
    /// Hand the tasks that are left to Slurm or HyperQueue.
    #[command(
        after_help = "Examples:\n  collado sweep submit runs/law --slurm --dry-run\n  collado sweep submit runs/law --slurm --chunk 8 -- --partition=short --time=1:00:00\n  collado sweep submit runs/law --hq"
    )]
    Submit(args::SubmitArgs),
}

impl SweepCommand {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Plan(args) => plan::run(&args),
            Self::Run(args) => run::run(&args),
            Self::Status(args) => status::run(&args),
            Self::Collect(args) => collect::run(&args),
            Self::Submit(args) => submit::run(&args),
        }
    }
}
