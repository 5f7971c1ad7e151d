//! Proofs of the edges of a merge tree, and the files of their paths.

use std::path::PathBuf;

use collado_dynamics::{EdgeKind, Enclosure, Error};
use collado_files::PathFile;
use collado_risk::Path;

use super::{args::LevelsetArgs, enclose::enclose, minima::Minima};
use crate::{json, progress, task::Task};

/// The folder of the paths between minima.
pub(super) struct Paths<'a> {
    pub(super) args: &'a LevelsetArgs,
    pub(super) task: &'a Task,
    pub(super) minima: &'a Minima,
    pub(super) folder: PathBuf,
}

impl Paths<'_> {
    /// The file of a path.
    fn file(&self, pair: (usize, usize), way: EdgeKind) -> PathBuf {
        self.folder.join(self.minima.path(pair, way))
    }

    /// Writes a path, and returns it with the running statistics of its vertices, if the network has some.
    pub(super) fn write(
        &self,
        (i, j): (usize, usize),
        way: EdgeKind,
        path: Path,
    ) -> collado_dynamics::Result<Path> {
        let names = &self.minima.names;
        let mut provenance = self.task.provenance();
        for (name, value) in [("a", names[i].as_str()), ("b", &names[j]), ("align", self.args.align.name())] {
            provenance.extra.insert(name.into(), value.into());
        }
        let row = |i: usize| self.minima.buffers.as_ref().map(|rows| rows.get(i)).transpose();
        let path = self.task.with_running_statistics(path, &[row(i)?, row(j)?]);
        let path = path.map_err(|e| Error::Method(e.to_string()))?;
        let file = PathFile::new(self.task.arch.clone(), path.clone(), json::value(&provenance));
        let file = file.named(self.minima.tensors[i].clone());
        file.write(&self.file((i, j), way)).map_err(|e| Error::Method(e.to_string()))?;
        Ok(path)
    }

    /// Encloses the largest risk on a path. The path is read from its file, so that the proof can be repeated from
    /// there. The result is `None` when interrupted.
    pub(super) fn prove(
        &self,
        pair: (usize, usize),
        way: EdgeKind,
    ) -> collado_dynamics::Result<Option<Enclosure>> {
        if progress::interrupted() {
            return Ok(None);
        }
        if way == EdgeKind::Line {
            let (a, b) = (self.minima.stack.get(pair.0)?, self.minima.stack.get(pair.1)?);
            self.write(pair, way, Path::segment(&a, &b)?)?;
        }
        let file = PathFile::read(&self.file(pair, way)).map_err(|e| Error::Method(e.to_string()))?;
        enclose(self.args, self.task, &file.path).map_err(|f| Error::Method(f.to_string()))
    }
}
