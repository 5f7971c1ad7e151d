//! The common part of all sections.

use std::path::{Path, PathBuf};

use candle_core::Tensor;
use clap::Args as ClapArgs;
use collado_landscape::Section;
use serde::Serialize;

use crate::{
    args::{Common, DataArgs, NetworkArgs, Out},
    failure::Failure,
    task::{self, Task},
};

/// The flags that all sections share.
#[derive(Debug, ClapArgs)]
pub(super) struct SharedArgs {
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    #[command(flatten)]
    pub(super) data: DataArgs,
    #[command(flatten)]
    pub(super) out: Out,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Reads the checkpoints of a section as a stack `[P, S]`, with their running statistics `[P, B]` if all have some, and
/// their task.
pub(super) fn open(
    shared: &SharedArgs,
    files: &[PathBuf],
) -> Result<(Tensor, Option<Tensor>, Task), Failure> {
    task::open_stack(files, &shared.network, &shared.data, &shared.common)
}

/// The section with the running statistics of its vertices, where they are known.
pub(super) fn with_buffers(section: Section, rows: Option<&Tensor>) -> Section {
    match rows {
        Some(rows) => section.with_buffers(rows),
        None => section,
    }
}

/// A file's name without folders.
pub(super) fn short(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// A file's name without folders and ending, as a label.
pub(super) fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

pub(super) fn at_least(name: &str, found: usize, least: usize) -> Result<(), Failure> {
    match found >= least {
        true => Ok(()),
        false => Err(Failure::usage(format!("{name}: expected at least {least}, found {found}"))),
    }
}

/// The lowest and the highest of some risks, those left out that are not finite.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Range {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Range {
    /// The range, and how many are not finite.
    pub(super) fn of(risks: &[f64]) -> (Self, usize) {
        let finite = || risks.iter().copied().filter(|r| r.is_finite());
        let (min, max) = (finite().fold(f64::NAN, f64::min), finite().fold(f64::NAN, f64::max));
        (Self { min, max }, risks.len() - finite().count())
    }
}
