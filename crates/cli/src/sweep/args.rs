//! The flags of `collado sweep`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::stage::Stage;
use crate::{
    json,
    numbers::{some, whole},
};

/// The flags that say what is printed.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub(super) struct Printed {
    /// Print the result as one JSON object on stdout.
    #[arg(long)]
    pub(super) json: bool,
    /// Show no progress and no summary.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
}

impl Printed {
    /// Shows a result: as JSON, or by `text`, which prints it for people.
    pub(super) fn show(self, summary: &impl Serialize, text: impl FnOnce()) {
        json::show((self.json, self.quiet), summary, text);
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PlanArgs {
    /// The file with the settings, in TOML.
    pub(super) file: PathBuf,
    /// Folder for the tasks and their results, which is created.
    #[arg(long)]
    pub(super) out: PathBuf,
    /// Replace the plan of another file in this folder; results of tasks that are in both plans are kept.
    #[arg(long)]
    pub(super) force: bool,
    /// Do not estimate what the tasks cost, for which data are read and some steps of each network are timed.
    #[arg(long)]
    pub(super) no_estimate: bool,
    #[command(flatten)]
    pub(super) printed: Printed,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// The folder of `collado sweep plan`.
    pub(super) folder: PathBuf,
    /// Number of tasks at a time [default: as many as there are cores; 1 with --rank]. The cores are shared among them.
    #[arg(long, value_parser = some::<usize>())]
    pub(super) jobs: Option<usize>,
    /// Run again what has failed.
    #[arg(long)]
    pub(super) retry: bool,
    /// Run the tasks of one stage only, and what they wait for.
    #[arg(long)]
    pub(super) stage: Option<Stage>,
    /// Which part of the tasks to run, from 0 [default: that of the job array, the HyperQueue task or the MPI process that this is,
    /// by OMPI_COMM_WORLD_RANK, PMI_RANK, HQ_TASK_ID or SLURM_ARRAY_TASK_ID].
    #[arg(long, value_parser = whole::<usize>(0..=u64::MAX))]
    pub(super) rank: Option<usize>,
    /// Number of parts [default: by OMPI_COMM_WORLD_SIZE, PMI_SIZE or SLURM_ARRAY_TASK_COUNT].
    #[arg(long, value_parser = some::<usize>())]
    pub(super) world: Option<usize>,
    #[command(flatten)]
    pub(super) printed: Printed,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct StatusArgs {
    /// The folder of `collado sweep plan`.
    pub(super) folder: PathBuf,
    #[command(flatten)]
    pub(super) printed: Printed,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CollectArgs {
    /// The folder of `collado sweep plan`.
    pub(super) folder: PathBuf,
    /// Folder for tables and pictures [default: that of the sweep].
    #[arg(long)]
    pub(super) out: Option<PathBuf>,
    /// Column for the x axis of the pictures [default: the first one that varies, of those in numbers if there are some].
    #[arg(long)]
    pub(super) x: Option<String>,
    /// Figure for the y axis of the pictures [default: barrier.above_chord of paths, risk of minima, ...].
    #[arg(long)]
    pub(super) y: Option<String>,
    #[command(flatten)]
    pub(super) printed: Printed,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SubmitArgs {
    /// The folder of `collado sweep plan`.
    pub(super) folder: PathBuf,
    /// Submit one job array for each stage to Slurm.
    #[arg(long, required_unless_present = "hq", conflicts_with = "hq")]
    pub(super) slurm: bool,
    /// Submit one job to HyperQueue.
    #[arg(long)]
    pub(super) hq: bool,
    /// Number of tasks that one element of an array runs, one after the other [default: 1, more where the array would be longer
    /// than Slurm permits].
    #[arg(long, value_parser = some::<usize>())]
    pub(super) chunk: Option<usize>,
    /// Write and show the scripts, and submit nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Flags for sbatch, or for hq job submit-file.
    #[arg(last = true)]
    pub(super) flags: Vec<String>,
    #[command(flatten)]
    pub(super) printed: Printed,
}
