//! `collado kernel`: tangent kernels of a checkpoint, their spectra and bounds.

mod archive;
mod args;
mod bounds;
mod input;
mod picture;
mod report;

pub(crate) use self::args::KernelArgs;
use self::{bounds::Bounds, input::KernelInput};
use crate::{
    args::Dtype,
    failure::Failure,
    files,
    folder::Folder,
    place, progress,
    task::{self, Precision},
};

/// Computes kernels of a checkpoint, writes and analyses them.
pub(crate) fn run(args: &KernelArgs) -> Result<(), Failure> {
    args.data.without_candle("kernels are computed from slopes, without an engine")?;
    if args.common.dtype == Some(Dtype::F32) {
        return Err(Failure::usage("--dtype f32: kernels are computed in f64"));
    }
    args.common.on_cpu("kernels are computed")?;
    let file = place::checkpoint(&args.checkpoint)?;
    let (checkpoints, task) =
        task::open(&[file], &args.network, &args.data, &args.common, Precision::OfData)?;
    let input = KernelInput::new(args, &task, &checkpoints[0])?;
    let folder = Folder::open(&args.out, &args.common, "summary.json", &["kernel.npz", "bounds.csv"])?;
    let Some(folder) = folder else { return Ok(()) };
    progress::catch_interrupt();
    let mut outcome = None;
    let written = collado_files::atomically(&archive::file(args), |file| {
        let result = archive::kernels(args, &input, file);
        let failed = result.is_err();
        outcome = Some(result);
        if failed { Err(std::io::Error::other("left unfinished")) } else { Ok(()) }
    });
    let report = outcome.transpose()?;
    written?;
    let report = report.ok_or_else(|| Failure::new("kernel.npz was not written"))?;
    let arch = input.tangent.arch();
    Bounds::write(&report.bounds, &folder.join("bounds.csv"))?;
    files::picture(folder.path(), "spectrum", &picture::spectrum(arch, &report.kernels))?;
    files::picture(folder.path(), "bounds", &picture::bounds(arch, &report.bounds))?;
    let summary = report.summary(args, &input);
    let described = folder.finish(&args.common, &summary, false)?;
    args.common.show(&described, || report.print(folder.path()));
    Ok(())
}
