//! `collado landscape`: sections of the risk, with one file for each subcommand.

mod basins;
mod grid;
mod line;
mod output;
mod plane;
mod sampled;
mod shared;
mod trajectory;
mod vtk;
mod zoom;

use clap::{Args as ClapArgs, Subcommand};

use self::shared::SharedArgs;
use crate::{
    args::{Common, Dtype},
    failure::Failure,
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
    #[command(after_help = "Examples:\n  collado landscape zoom --out runs/zoom
  collado landscape zoom checkpoints/digits-a.safetensors --out runs/zoom-digits")]
    Zoom(zoom::ZoomArgs),
    /// Draw the risk on the plane of the two principal components of a training trajectory.
    #[command(
        after_help = "Examples:\n  collado landscape trajectory --data digits --arch relu:64-32-10 --epochs 30 --out runs/trajectory
  collado landscape trajectory epoch-*.safetensors --out runs/trajectory"
    )]
    Trajectory(trajectory::TrajectoryArgs),
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
