//! Files of parameters, and the risk that they are judged by.

use std::path::{Path, PathBuf};

use candle_core::Tensor;
use collado_files::{Checkpoint, PathFile, file_hash};

use super::{
    setup::{Precision, Task},
    source::Source,
};
use crate::{
    args::{Common, DataArgs, NetworkArgs},
    failure::Failure,
};

/// Reads checkpoints of one network, with their task.
pub(crate) fn open(
    files: &[PathBuf],
    network: &NetworkArgs,
    data: &DataArgs,
    common: &Common,
    precision: Precision,
) -> Result<(Vec<Checkpoint>, Task), Failure> {
    network.take_graph(files, common)?;
    let first = network.read(&files[0], common)?;
    let mut checkpoints = vec![first];
    for file in &files[1..] {
        let like = &checkpoints[0];
        checkpoints.push(network.read_like(file, like, common)?);
    }
    let pairs: Vec<_> = files.iter().map(PathBuf::as_path).zip(&checkpoints).collect();
    let task = Task::for_files(&Source::of(&pairs, data)?, data, common, precision)?;
    // One file's own running statistics hold for whatever is around it.
    let own = match checkpoints.as_slice() {
        [one] => one.buffers.clone(),
        _ => None,
    };
    let task = task.with_buffers(own.as_ref())?;
    Ok((checkpoints, task))
}

/// Reads checkpoints of one network as a stack `[P, S]`, with their running statistics `[P, B]` if all have some, and
/// their task.
pub(crate) fn open_stack(
    files: &[PathBuf],
    network: &NetworkArgs,
    data: &DataArgs,
    common: &Common,
) -> Result<(Tensor, Option<Tensor>, Task), Failure> {
    let (checkpoints, task) = open(files, network, data, common, Precision::OfFiles)?;
    let points = checkpoints.iter().zip(files).map(|(c, file)| task.place(&c.theta, file));
    let rows: Option<Vec<&Tensor>> = checkpoints.iter().map(|c| c.buffers.as_ref()).collect();
    let rows = rows.map(|rows| Tensor::stack(&rows, 0)).transpose()?;
    Ok((Tensor::stack(&points.collect::<Result<Vec<_>, _>>()?, 0)?, rows, task))
}

/// Reads a path, with its task.
pub(crate) fn open_path(
    file: &Path,
    data: &DataArgs,
    common: &Common,
    precision: Precision,
) -> Result<(PathFile, Task), Failure> {
    let path = PathFile::read(file)?;
    common.run.file(file, Some(&file_hash(file)?));
    let task = Task::for_files(&Source::of_path(file, &path)?, data, common, precision)?;
    Ok((path, task))
}
