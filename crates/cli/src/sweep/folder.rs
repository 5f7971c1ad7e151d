//! The folder of a sweep: what lies where, and how a result gets there.
//!
//! `tasks.jsonl` lists the tasks, `done/ID` is the result of a task, `failed/ID.json` says why there is none, `claims/ID`
//! who is at it, and `work/` holds what is not finished.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::task::{self, Task};
use crate::{failure::Failure, files, json};

/// The list of tasks.
pub(super) const TASKS: &str = "tasks.jsonl";
/// The file that was planned.
pub(super) const PLAN: &str = "sweep.toml";
/// The file in a result that says how its task ended.
pub(super) const ENDED: &str = "task.json";

/// The folder of a sweep.
#[derive(Debug, Clone)]
pub(super) struct SweepFolder(PathBuf);

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) id: String,
    /// The exit code of the command; nothing where a signal ended it.
    pub(super) code: Option<i32>,
    /// Its line of error, which it may have beside a result: a path that misses its target is one.
    pub(super) error: Option<String>,
    pub(super) hint: Option<String>,
    pub(super) seconds: f64,
    pub(super) host: String,
    pub(super) time: String,
    pub(super) version: String,
}

impl SweepFolder {
    /// Makes the folder.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let folder = Self(files::make(path)?);
        folder.make()?;
        Ok(folder)
    }

    /// Opens a folder, and reads its tasks.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Task>), Failure> {
        let tasks = task::read(&path.join(TASKS))?;
        let folder = Self(path.to_owned());
        folder.make()?;
        Ok((folder, tasks))
    }

    fn make(&self) -> Result<(), Failure> {
        ["done", "failed", "claims", "work"]
            .iter()
            .try_for_each(|name| files::make(&self.join(name)).map(|_| ()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// The folder of all results.
    pub(super) fn results(&self) -> PathBuf {
        self.join("done")
    }

    /// The result of a task.
    pub(super) fn result(&self, id: &str) -> PathBuf {
        self.results().join(id)
    }

    /// The tasks that have a result. The folder is listed anew, as another machine's rename shows there first.
    pub(super) fn done(&self) -> Result<HashSet<String>, Failure> {
        Ok(names(&self.results())?.into_iter().collect())
    }

    /// The tasks that have failed.
    pub(super) fn failed(&self) -> Result<HashMap<String, Ended>, Failure> {
        let folder = self.join("failed");
        let mut failed = HashMap::new();
        for name in names(&folder)? {
            let Some(id) = name.strip_suffix(".json") else { continue };
            // Someone may have removed it in order to run the task again.
            if let Ok(ended) = json::read(&folder.join(&name))
                && let Ok(ended) = serde_json::from_value(ended)
            {
                failed.insert(id.to_owned(), ended);
            }
        }
        Ok(failed)
    }

    /// Notes that a task has failed.
    pub(super) fn fail(&self, ended: &Ended) -> Result<(), Failure> {
        json::write(&self.failure(&ended.id), ended)
    }

    /// Forgets that a task has failed.
    pub(super) fn forgive(&self, id: &str) -> Result<(), Failure> {
        let file = self.failure(id);
        match fs::remove_file(&file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(Failure::new(format!("{}: {e}", file.display())))
            }
            _ => Ok(()),
        }
    }

    fn failure(&self, id: &str) -> PathBuf {
        self.join("failed").join(format!("{id}.json"))
    }

    /// Moves a finished result to its place by one rename. Where another process was faster, its result stays, which
    /// has the same content.
    pub(super) fn finish(&self, from: &Path, id: &str) -> Result<(), Failure> {
        let place = self.result(id);
        match fs::rename(from, &place) {
            Ok(()) => Ok(()),
            Err(_) if place.is_dir() => files::remove(from),
            Err(e) => Err(Failure::new(format!("{}: {e}", place.display()))),
        }
    }
}

/// The names in a folder, without those of temporary files.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let failed = |e: io::Error| Failure::new(format!("{}: {e}", folder.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_result_stays() {
        let root = tempfile::tempdir().unwrap();
        let folder = SweepFolder::create(root.path()).unwrap();
        for text in ["first", "second"] {
            let work = folder.join("work").join(text);
            fs::create_dir(&work).unwrap();
            fs::write(work.join("x"), text).unwrap();
            folder.finish(&work, "t").unwrap();
            assert!(!work.exists());
        }
        assert_eq!(fs::read_to_string(folder.result("t").join("x")).unwrap(), "first");
        assert_eq!(folder.done().unwrap(), HashSet::from(["t".to_owned()]));
    }

    #[test]
    fn failures_are_noted_and_forgiven() {
        let root = tempfile::tempdir().unwrap();
        let folder = SweepFolder::create(root.path()).unwrap();
        let ended = Ended {
            id: "t".into(),
            code: Some(1),
            error: Some("no".into()),
            hint: None,
            seconds: 0.5,
            host: "h".into(),
            time: "now".into(),
            version: "1".into(),
        };
        folder.fail(&ended).unwrap();
        assert_eq!(folder.failed().unwrap(), HashMap::from([("t".into(), ended)]));
        folder.forgive("t").unwrap();
        folder.forgive("t").unwrap();
        assert!(folder.failed().unwrap().is_empty());
    }
}
