//! One job array for each stage, which waits for the one before.

use std::{collections::HashSet, process::Command};

use super::{
    Summary,
    chunk::{Array, absolute, arrays, ranges, shell},
};
use crate::{
    failure::Failure,
    files,
    sweep::{args::SubmitArgs, folder::SweepFolder, task::Task},
};

/// Slurm's own default of the length of an array.
const LONGEST: usize = 1001;

/// Writes a script for each stage, and submits it.
pub(super) fn submit(
    args: &SubmitArgs,
    folder: &SweepFolder,
    tasks: &[Task],
    done: &HashSet<String>,
) -> Result<Summary, Failure> {
    let place = absolute(folder.path())?;
    let scripts = files::make(&place.join("submit"))?;
    files::make(&place.join("logs"))?;
    let mut summary = Summary { scripts: vec![], commands: vec![], jobs: vec![] };
    for array in arrays(tasks, done, args.chunk.unwrap_or(1), longest()) {
        let script = scripts.join(format!("slurm-{}.sh", array.stage.name()));
        files::bytes(&script, text(folder, &array)?.as_bytes())?;
        let mut words = vec!["sbatch".to_owned(), "--parsable".into()];
        words.push(format!("--array={}", ranges(&array.left)));
        // All elements of the stage before have to end, but not all well: what failed blocks only what waits for it.
        if let Some(before) = summary.jobs.last() {
            words.push(format!("--dependency=afterany:{before}"));
        } else if args.dry_run && !summary.commands.is_empty() {
            words.push("--dependency=afterany:JOB".into());
        }
        words.extend(args.flags.iter().cloned());
        words.push(script.display().to_string());
        summary.commands.push(shell(&words));
        summary.scripts.push(script.display().to_string());
        if !args.dry_run {
            summary.jobs.push(call(&words)?);
        }
    }
    Ok(summary)
}

/// The script of one stage.
fn text(folder: &SweepFolder, array: &Array) -> Result<String, Failure> {
    let here = std::env::current_dir().map_err(Failure::new)?.display().to_string();
    let program = std::env::current_exe().map_err(Failure::new)?.display().to_string();
    let place = absolute(folder.path())?;
    let (stage, world) = (array.stage.name(), array.world);
    let logs = place.join("logs").join(format!("{stage}-%A_%a.txt"));
    let words = [program, "sweep".into(), "run".into(), place.display().to_string()];
    Ok(format!(
        "#!/bin/sh\n\
        #SBATCH --job-name=collado-{stage}\n\
        #SBATCH --output={}\n\
        # Element i of {world} runs the tasks i, i + {world}, i + 2·{world}, ... of this stage. Paths are relative to:\n\
        cd {} || exit 1\n\
        exec {} --stage {stage} --rank \"$SLURM_ARRAY_TASK_ID\" --world {world} --retry --quiet\n",
        logs.display(),
        shell(&[here]),
        shell(&words)
    ))
}

/// The longest array that this Slurm takes.
fn longest() -> usize {
    let answer = Command::new("scontrol").args(["show", "config"]).output();
    let text = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("MaxArraySize"));
    let number = line.and_then(|line| line.trim_start_matches([' ', '=']).trim().parse().ok());
    number.unwrap_or(LONGEST).max(1)
}

/// Submits, and returns the number of the job.
fn call(words: &[String]) -> Result<String, Failure> {
    let output = Command::new(&words[0])
        .args(&words[1..])
        .output()
        .map_err(|e| Failure::new(format!("{}: {e}", words[0])).hint("--dry-run only writes the scripts"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::new(format!("{}: {said}", words[0])));
    }
    // With --parsable: the number, and the cluster behind a semicolon.
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim().split(';').next().unwrap_or_default().to_owned())
}
