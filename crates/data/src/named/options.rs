//! The options that may follow the file of named arrays, or the folder of MNIST's files.

use crate::Result;
use crate::labels::{LabelsFrom, Task};
use crate::options::Options;

/// The options `task` and `labels-from` of an `npz:`, `safetensors:` or `mnist:` string.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedOptions {
    task: Task,
    pub(crate) labels_from: LabelsFrom,
}

impl NamedOptions {
    /// Reads both options.
    pub(crate) fn parse(options: &Options) -> Result<Self> {
        let (task, labels_from) = (Task::parse(options)?, LabelsFrom::parse(options)?);
        options.finish()?;
        Ok(Self { task, labels_from })
    }

    pub(crate) fn classes(self) -> bool {
        self.task == Task::Classes
    }

    pub(crate) fn regress(self) -> bool {
        self.task == Task::Regress
    }
}
