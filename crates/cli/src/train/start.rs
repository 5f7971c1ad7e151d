//! The parameters of a checkpoint as the start of a training.

use std::path::Path;

use candle_core::Tensor;
use collado_files::{Checkpoint, ReadOptions};
use collado_models::ArchSpec;

use crate::{
    args::Common,
    failure::{Failure, with_flags},
    task::Task,
};

/// The network that a checkpoint states.
pub(super) fn network(file: &Path) -> Result<ArchSpec, Failure> {
    Ok(Checkpoint::read(file, &ReadOptions::default())?.arch.spec().clone())
}

/// Reads the point `[S]` that all runs start from.
pub(super) fn read(file: &Path, task: &Task, common: &Common) -> Result<Tensor, Failure> {
    let options = ReadOptions { arch: Some(task.arch.spec().clone()), ..ReadOptions::default() };
    let checkpoint = Checkpoint::read(file, &options)?;
    checkpoint.notes.iter().for_each(|note| common.note(with_flags(note)));
    common.run.file(file, checkpoint.hash.as_deref());
    if !checkpoint.arch.does_the_same(&task.arch) {
        let (expected, found) = (&task.arch, &checkpoint.arch);
        return Err(Failure::new(format!(
            "{}: expected a network {expected}, found {found}",
            file.display()
        )));
    }
    task.place(&checkpoint.theta, file)
}
