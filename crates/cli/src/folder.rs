//! The output folder of a run: locking, the results of earlier runs, and the last steps of a run.

use std::{
    collections::HashMap,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use candle_core::Tensor;
use serde_json::Value as Json;

use crate::{
    args::{Common, Out},
    failure::Failure,
    json,
    record::{difference, identity_of},
    state,
};

/// The output folder of a run, locked against other runs.
pub(crate) struct Folder {
    path: PathBuf,
    /// The name of the file that is written last.
    summary: &'static str,
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
        let path = out.out.clone();
        if !out.resume {
            refuse_any(&path, &[&[summary][..], files].concat(), out.force)?;
            refuse_unfinished(&path, out.force)?;
        }
        let created = !path.exists();
        make(&path)?;
        let lock = lock(&path)?;
        let mut folder = Self { path, summary, resumed: false, created, _lock: lock };
        sweep(&folder.path)?;
        if out.resume && folder.resume(common)? {
            return Ok(None);
        }
        if !folder.resumed {
            state::remove(&folder.path)?;
            state::begin(&folder.path, common)?;
        }
        Ok(Some(folder))
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
                check(common, &found["run"], &file)?;
                state::remove(&self.path)?;
                self.finished(common, &found);
                Ok(true)
            }
            (Some(begun), _) => {
                check(common, &begun, &state::folder(&self.path))?;
                common.run.go_on(begun["id"].as_str().unwrap_or_default());
                self.resumed = true;
                Ok(false)
            }
            (None, Some(found)) => {
                check(common, &found["run"], &file)?;
                if found["run"]["status"] != "finished" {
                    return Ok(false);
                }
                self.finished(common, &found);
                Ok(true)
            }
            (None, None) => Ok(false),
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

    /// Writes the summary, last of all files, and removes the state of a run that was not interrupted.
    pub(crate) fn finish(
        &self,
        common: &Common,
        summary: &mut Json,
        interrupted: bool,
    ) -> Result<(), Failure> {
        common.run.describe(summary, if interrupted { "interrupted" } else { "finished" });
        json::write(&self.path.join(self.summary), summary)?;
        if interrupted { Ok(()) } else { state::remove(&self.path) }
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

/// Checks that existing results belong to this run.
fn check(common: &Common, there: &Json, place: &Path) -> Result<(), Failure> {
    let hint = "repeat the command line that began it, or start afresh with --force and without --resume";
    if there.is_null() {
        let message = format!("{}: does not say what was run, as older versions wrote", place.display());
        return Err(Failure::new(message).hint(hint));
    }
    match difference(&common.run.identity(), &identity_of(there)) {
        None => Ok(()),
        Some(what) => {
            let message =
                format!("{}: is of a run with other settings, checkpoints or data: {what}", place.display());
            Err(Failure::new(message).hint(hint))
        }
    }
}

/// Locks a folder for this process; the result is `None` where the system does not support locks.
fn lock(path: &Path) -> Result<Option<File>, Failure> {
    let Ok(folder) = File::open(path) else { return Ok(None) };
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::new(format!("{}: another run is writing into it", path.display()))
                .hint("wait for its end, or give another --out"))
        }
        Err(TryLockError::Error(_)) => Ok(None),
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

/// Creates a folder, if it does not exist.
pub(crate) fn make(folder: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir_all(folder)
        .map_err(|e| Failure::new(format!("{}: cannot be created: {e}", folder.display())))?;
    Ok(folder.to_owned())
}

/// Removes a folder with its content, if it exists.
pub(crate) fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(format!("{}: cannot be removed: {e}", folder.display())))
        }
        _ => Ok(()),
    }
}

/// Refuses to overwrite any of `files` in a folder, unless forced.
pub(crate) fn refuse_any(folder: &Path, files: &[&str], force: bool) -> Result<(), Failure> {
    files.iter().try_for_each(|file| refuse_existing(&folder.join(file), force))
}

/// Refuses to overwrite a file, unless forced.
pub(crate) fn refuse_existing(file: &Path, force: bool) -> Result<(), Failure> {
    if force || !file.exists() {
        return Ok(());
    }
    let message = format!("{}: exists already", file.display());
    Err(Failure::new(message).hint("give another --out, or --force to overwrite"))
}

/// Writes a picture as SVG and PNG.
pub(crate) fn picture(folder: &Path, name: &str, figure: &collado_plots::Figure) -> Result<(), Failure> {
    let (svg, png) = (figure.to_svg()?, figure.to_png()?);
    bytes(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
    bytes(&folder.join(format!("{name}.png")), &png)
}

/// Writes named tensors with metadata as a safetensors file.
pub(crate) fn tensors(
    file: &Path,
    tensors: HashMap<String, Tensor>,
    metadata: impl IntoIterator<Item = (String, String)>,
) -> collado_files::Result<()> {
    use std::io::Write;
    let metadata = Some(metadata.into_iter().collect());
    let bytes = safetensors::serialize(tensors, metadata).map_err(candle_core::Error::from)?;
    collado_files::atomically(file, |f| f.write_all(&bytes))
}

/// Writes the bytes of a file.
pub(crate) fn bytes(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    Ok(collado_files::atomically(file, |f| f.write_all(bytes))?)
}
