//! The output folder of a run: locking, the results of earlier runs, and the last steps of a run.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    args::{Common, Out},
    failure::Failure,
    files, json,
    record::{Described, RunStatus, difference, identity_of},
    state::{self, State},
};

/// The output folder of a run, locked against other runs.
pub(crate) struct Folder {
    path: PathBuf,
    /// The name of the file that is written last.
    summary: &'static str,
    /// Everything that decides about the bits of the results.
    identity: Json,
    /// Whether an earlier run is continued.
    resumed: bool,
    /// Whether this run created the folder.
    created: bool,
    /// The lock on the folder, which ends with the process.
    _lock: Option<File>,
}

impl Folder {
    /// Opens the folder. The result is `None` where `--resume` finds a finished run, whose summary is shown again.
    ///
    /// `files` are not overwritten without `--force`, nor is the summary.
    ///
    /// # Errors
    /// When the folder cannot be written, is in use, or holds the results or the state of another run.
    pub(crate) fn open(
        out: &Out,
        common: &Common,
        summary: &'static str,
        files: &[&str],
    ) -> Result<Option<Self>, Failure> {
        let folder = if out.resume {
            let mut folder = Self::lock(&out.out, common, summary)?;
            if folder.resume(common)? {
                return Ok(None);
            }
            folder
        } else {
            Self::fresh(&out.out, out.force, common, summary, files)?
        };
        if !folder.resumed {
            state::remove(&folder.path)?;
            state::begin(&folder.path, common)?;
        }
        Ok(Some(folder))
    }

    /// Opens the folder, if one is asked for, of a run that saves no state and cannot be resumed.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub(crate) fn create(
        path: Option<&Path>,
        force: bool,
        common: &Common,
        summary: &'static str,
        files: &[&str],
    ) -> Result<Option<Self>, Failure> {
        path.map(|path| Self::fresh(path, force, common, summary, files)).transpose()
    }

    fn fresh(
        path: &Path,
        force: bool,
        common: &Common,
        summary: &'static str,
        files: &[&str],
    ) -> Result<Self, Failure> {
        let all = [&[summary][..], files].concat();
        let free = || files::refuse_any(path, &all, force).and_then(|()| refuse_unfinished(path, force));
        free()?;
        let folder = Self::lock(path, common, summary)?;
        // Once more: a run that was waited for may have written its results.
        free()?;
        state::remove(&folder.path)?;
        Ok(folder)
    }

    fn lock(path: &Path, common: &Common, summary: &'static str) -> Result<Self, Failure> {
        let created = !path.exists();
        let (path, lock) = loop {
            let made = files::make(path)?;
            let lock = lock(&made)?;
            // A run that was waited for may have removed its empty folder.
            if lock.as_ref().is_none_or(|lock| is_at(lock, &made)) {
                break (made, lock);
            }
        };
        sweep(&path)?;
        Ok(Self { path, summary, identity: common.run.identity(), resumed: false, created, _lock: lock })
    }

    /// Examines the files of an earlier run, and returns whether it is finished.
    fn resume(&mut self, common: &Common) -> Result<bool, Failure> {
        let begun = state::begun(&self.path)?;
        let file = self.path.join(self.summary);
        let found = if file.exists() { Some(json::read(&file)?) } else { None };
        // A summary of the run whose state is there was written just before the state would have been removed.
        let ended =
            |begun: &Json, s: &Json| s["run"]["id"] == begun["id"] && s["run"]["status"] == "finished";
        match (begun, found) {
            (Some(begun), Some(found)) if ended(&begun, &found) => {
                self.check(&found["run"], &file)?;
                state::remove(&self.path)?;
                self.finished(common, &found);
                Ok(true)
            }
            (Some(begun), _) => {
                self.check(&begun, &state::folder(&self.path))?;
                common.run.go_on(begun["id"].as_str().unwrap_or_default());
                self.resumed = true;
                Ok(false)
            }
            (None, Some(found)) => {
                self.check(&found["run"], &file)?;
                if found["run"]["status"] != "finished" {
                    return Ok(false);
                }
                self.finished(common, &found);
                Ok(true)
            }
            (None, None) => Ok(false),
        }
    }

    /// Checks that existing results belong to this run.
    fn check(&self, there: &Json, place: &Path) -> Result<(), Failure> {
        let hint = "repeat the command line that began it, or start afresh with --force and without --resume";
        if there.is_null() {
            let message = format!("{}: does not say what was run, as older versions wrote", place.display());
            return Err(Failure::new(message).hint(hint));
        }
        match difference(&self.identity, &identity_of(there)) {
            None => Ok(()),
            Some(what) => {
                let run = "is of a run with other settings, checkpoints or data";
                Err(Failure::new(format!("{}: {run}: {what}", place.display())).hint(hint))
            }
        }
    }

    fn finished(&self, common: &Common, summary: &Json) {
        common.show(summary, || json::print(&format!("{}: finished already", self.path.display())));
    }

    /// Whether the run continues an earlier one.
    pub(crate) fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// The path of the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in the folder.
    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// A file of the state of this run.
    pub(crate) fn state(&self, name: &str) -> State {
        State::new(&self.path, name, self.identity.clone())
    }

    /// Writes the summary, last of all files, and removes the state of a run that was not interrupted.
    pub(crate) fn finish<'a, T: Serialize>(
        &self,
        common: &Common,
        result: &'a T,
        interrupted: bool,
    ) -> Result<Described<'a, T>, Failure> {
        let summary = common.run.describe(result, RunStatus::ended(interrupted));
        json::write(&self.path.join(self.summary), &summary)?;
        if !interrupted {
            state::remove(&self.path)?;
        }
        Ok(summary)
    }
}

/// Ends a run that may have no folder; one that has writes its summary there.
pub(crate) fn finish<'a, T: Serialize>(
    folder: Option<&Folder>,
    common: &Common,
    result: &'a T,
    interrupted: bool,
) -> Result<Described<'a, T>, Failure> {
    match folder {
        Some(folder) => folder.finish(common, result, interrupted),
        None => Ok(common.run.describe(result, RunStatus::ended(interrupted))),
    }
}

impl Drop for Folder {
    /// Removes an empty folder after a run that failed before anything was saved.
    fn drop(&mut self) {
        state::remove_empty(&self.path);
        if self.created {
            // Fails where there are files, which stay.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// How long a folder that is in use is waited for: a run that was killed has its lock until the system has taken back its
/// memory, half a second and more for some gigabytes.
const PATIENCE: Duration = Duration::from_secs(2);

/// Locks a folder for this process; the result is `None` where the system does not support locks.
fn lock(path: &Path) -> Result<Option<File>, Failure> {
    let Ok(folder) = File::open(path) else { return Ok(None) };
    let begun = Instant::now();
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(Some(folder)),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => sleep(Duration::from_millis(50)),
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(format!("{}: another run is writing into it", path.display()))
                    .hint("wait for its end, or give another --out"));
            }
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
}

/// Whether an open folder still is the one at `path`.
fn is_at(folder: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let place = |meta: fs::Metadata| (meta.dev(), meta.ino());
        folder.metadata().map(place).ok() == fs::metadata(path).map(place).ok()
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        path.exists()
    }
}

/// Removes the temporary files of runs that were killed.
fn sweep(path: &Path) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::new(format!("{}: {e}", path.display()));
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?;
        if file.file_name().to_string_lossy().starts_with(collado_files::TEMPORARY) {
            fs::remove_file(file.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Refuses a folder whose run was stopped.
fn refuse_unfinished(path: &Path, force: bool) -> Result<(), Failure> {
    if force || !state::folder(path).exists() {
        return Ok(());
    }
    let message = format!("{}: holds a run that was not finished", path.display());
    Err(Failure::new(message).hint("--resume goes on with it, --force starts afresh"))
}
