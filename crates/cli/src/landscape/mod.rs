//! `collado landscape`: sections of the risk, with one file for each subcommand.

mod grid;
mod line;
mod output;
mod plane;
mod sampled;
mod trajectory;
mod vtk;
mod zoom;

use std::path::{Path, PathBuf};

use candle_core::Tensor;
use clap::{Args as ClapArgs, Subcommand};

use crate::{
    args::{Common, DataArgs, Dtype, NetworkArgs, Out},
    failure::Failure,
    task::{self, Task},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct LandscapeArgs {
    #[command(subcommand)]
    section: SectionName,
}

#[derive(Debug, Subcommand)]
enum SectionName {
    /// Draw the risk along a line: in a random direction, or from one checkpoint through another.
    #[command(
        after_help = "Examples:\n  collado landscape line checkpoints/digits-a.safetensors --out runs/line
  collado landscape line checkpoints/digits-a.safetensors --to checkpoints/digits-b.safetensors --out runs/between"
    )]
    Line(line::LineArgs),
    /// Draw the risk on a plane: of two random directions, through three checkpoints, or of a path.
    #[command(
        after_help = "Examples:\n  collado landscape plane checkpoints/digits-a.safetensors --out runs/plane
  collado landscape plane --path runs/first/path.safetensors --out runs/path-plane"
    )]
    Plane(plane::PlaneArgs),
    /// Draw the risk around a minimum at several scales.
    #[command(
        after_help = "Example:\n  collado landscape zoom checkpoints/digits-a.safetensors --out runs/zoom"
    )]
    Zoom(zoom::ZoomArgs),
    /// Draw the risk on the plane of the two principal components of a training trajectory.
    #[command(
        after_help = "Examples:\n  collado landscape trajectory --data digits --arch relu:64-32-10 --epochs 30 --out runs/trajectory
  collado landscape trajectory epoch-*.safetensors --out runs/trajectory"
    )]
    Trajectory(trajectory::TrajectoryArgs),
}

/// The flags that all sections share.
#[derive(Debug, ClapArgs)]
struct SharedArgs {
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    common: Common,
}

impl LandscapeArgs {
    pub(crate) fn common(&mut self) -> &mut Common {
        &mut self.shared().common
    }

    fn shared(&mut self) -> &mut SharedArgs {
        match &mut self.section {
            SectionName::Line(args) => &mut args.shared,
            SectionName::Plane(args) => &mut args.shared,
            SectionName::Zoom(args) => &mut args.shared,
            SectionName::Trajectory(args) => &mut args.shared,
        }
    }
}

/// Draws a section.
pub(crate) fn run(mut args: LandscapeArgs) -> Result<(), Failure> {
    // Four scales into a minimum show rounding in f32.
    args.common().dtype.get_or_insert(Dtype::F64);
    match &args.section {
        SectionName::Line(args) => line::run(args),
        SectionName::Plane(args) => plane::run(args),
        SectionName::Zoom(args) => zoom::run(args),
        SectionName::Trajectory(args) => trajectory::run(args),
    }
}

/// Reads the checkpoints of a section as a stack `[P, S]`, with their task.
fn open(shared: &SharedArgs, files: &[PathBuf]) -> Result<(Tensor, Task), Failure> {
    task::open_stack(files, &shared.network, &shared.data, &shared.common)
}

/// A file's name without folders.
fn short(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

fn at_least(name: &str, found: usize, least: usize) -> Result<(), Failure> {
    match found >= least {
        true => Ok(()),
        false => Err(Failure::usage(format!("{name}: expected at least {least}, found {found}"))),
    }
}
