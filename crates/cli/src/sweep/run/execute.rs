//! Runs one task as a process of its own, so that whatever ends it ends nothing else.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant, SystemTime},
};

use crate::{
    failure::Failure,
    files, json, parent,
    progress::interrupted,
    sweep::{
        claim::{Owner, is_claimed},
        folder::{ENDED, Ended, SweepFolder, names},
        stage::Stage,
        task::Task,
    },
};

/// How a task ended.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    Done,
    Failed(Ended),
    Interrupted,
}

/// The part of the machine that a task gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) threads: usize,
    /// Bytes of scratch memory.
    pub(super) memory: usize,
}

/// Runs a task that is claimed.
pub(super) fn execute(
    folder: &SweepFolder,
    task: &Task,
    owner: &Owner,
    share: Share,
) -> Result<Outcome, Failure> {
    let work = Work::new(folder, task, owner)?;
    let begin = Instant::now();
    let Some(status) = wait(work.start(folder, task, share)?)? else { return Ok(Outcome::Interrupted) };
    let (error, hint) = work.said();
    let ended = Ended {
        id: task.id.clone(),
        code: status.code(),
        error: error.or_else(|| (!status.success()).then(|| format!("ended by {status}"))),
        hint,
        seconds: begin.elapsed().as_secs_f64(),
        host: owner.host().to_owned(),
        time: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if status.code() == Some(130) {
        return Ok(Outcome::Interrupted);
    }
    if !is_finished(&work.out, task.stage) {
        folder.fail(&ended)?;
        return Ok(Outcome::Failed(ended));
    }
    json::write(&work.out.join(ENDED), &ended)?;
    folder.finish(&work.out, &task.id)?;
    // From a time when it failed.
    folder.forgive(&task.id)?;
    Ok(Outcome::Done)
}

/// Whether a command came to its end: some end with an error and a result, as a path that misses its target.
fn is_finished(out: &Path, stage: Stage) -> bool {
    json::read(&out.join(stage.summary())).is_ok_and(|summary| summary["run"]["status"] == "finished")
}

/// Waits for the end of a process; nothing where someone asked to stop meanwhile, which ends the process.
fn wait(mut child: Child) -> Result<Option<ExitStatus>, Failure> {
    let failed = |e: std::io::Error| Failure::new(format!("a task: {e}"));
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(Some(status));
        }
        if interrupted() {
            child.kill().and_then(|()| child.wait()).map_err(failed)?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (2 * pause).min(Duration::from_millis(50));
    }
}

/// The files of a task that is not finished; they are removed in the end.
struct Work {
    out: PathBuf,
    log: PathBuf,
}

impl Work {
    fn new(folder: &SweepFolder, task: &Task, owner: &Owner) -> Result<Self, Failure> {
        let name = format!("{}-{}", task.id, owner.text());
        let work = folder.join("work");
        let work = Self { out: work.join(&name), log: work.join(name + ".log") };
        files::remove(&work.out)?;
        Ok(work)
    }

    fn start(&self, folder: &SweepFolder, task: &Task, share: Share) -> Result<Child, Failure> {
        let program = std::env::current_exe().map_err(Failure::new)?;
        let log =
            File::create(&self.log).map_err(|e| Failure::new(format!("{}: {e}", self.log.display())))?;
        let mut command = Command::new(&program);
        command.args(task.arguments(&folder.results(), &self.out)).arg("--quiet");
        let has = |flag: &str| task.words.iter().any(|word| word.split('=').next() == Some(flag));
        if !has("--threads") {
            command.args(["--threads", &share.threads.to_string()]);
        }
        if !has("--memory") {
            command.args(["--memory", &format!("{}B", share.memory)]);
        }
        // This process never writes into the pipe: it closes with it, however it ends, and the task ends with that.
        command.stdin(Stdio::piped()).env(parent::VARIABLE, "1");
        command.stdout(Stdio::null()).stderr(log);
        command.spawn().map_err(|e| Failure::new(format!("{}: {e}", program.display())))
    }

    /// The last error and the hint with it that the command printed.
    fn said(&self) -> (Option<String>, Option<String>) {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let last =
            |kind: &str| text.lines().rev().find_map(|line| line.strip_prefix(kind)).map(str::to_owned);
        (last("error: "), last("hint: "))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What stays is removed by a later run.
        let _ = files::remove(&self.out);
        let _ = fs::remove_file(&self.log);
    }
}

/// Removes what dead processes left in `work/`, and their claims of what they had just finished.
pub(super) fn sweep(folder: &SweepFolder) -> Result<(), Failure> {
    let claims = folder.join("claims");
    for id in names(&claims)?.iter().filter(|id| folder.result(id).is_dir()) {
        if !is_claimed(&claims, id) {
            drop(fs::remove_file(claims.join(id)));
        }
    }
    let work = folder.join("work");
    for name in names(&work)? {
        let owner = name.trim_end_matches(".log").split_once('-').and_then(|(_, owner)| Owner::parse(owner));
        let path = work.join(&name);
        if owner.is_some_and(|owner| owner.lives() == Some(false)) {
            match path.is_dir() {
                true => files::remove(&path)?,
                false => drop(fs::remove_file(&path)),
            }
        }
    }
    Ok(())
}
