//! `collado point`: writes a point of a path as a checkpoint.

use std::path::{Path as FilePath, PathBuf};

use candle_core::Tensor;
use clap::Args as ClapArgs;
use collado_files::{Checkpoint, PathFile, Provenance};
use collado_risk::{Path, Statistics};

use crate::{
    args::{Common, DataArgs},
    failure::Failure,
    files, json,
    numbers::share,
    place, record,
    task::{Precision, Source, Task},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct PointArgs {
    /// Path file path.safetensors, or its folder.
    pub(crate) path: PathBuf,
    /// Position t on the path, from 0 to 1.
    #[arg(long, value_parser = share)]
    pub(crate) t: f64,
    /// File of the checkpoint to write.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Overwrite an existing file.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Writes γ(t) as a checkpoint.
pub(crate) fn run(args: &PointArgs) -> Result<(), Failure> {
    args.common.on_cpu("points of paths are computed")?;
    let extension = args.out.extension().and_then(|e| e.to_str());
    if !matches!(extension, Some("safetensors" | "pt" | "pth")) {
        let out = args.out.display();
        let expected = "expected a name that ends in .safetensors, .pt or .pth";
        return Err(Failure::usage(format!("--out: {expected}, found '{out}'")));
    }
    let place = place::path(&args.path);
    let file = PathFile::read(&place)?;
    files::refuse_existing(&args.out, args.force)?;
    let same =
        |a: &FilePath, b: &FilePath| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same(&place, &args.out) {
        return Err(Failure::usage(format!("--out {}: is the path itself", args.out.display())));
    }
    let theta = file.path.at(args.t)?;
    let buffers = running_statistics(args, &place, &file, &theta)?;
    // What the path states about data and risk holds for its points.
    let path: Provenance = serde_json::from_value(file.provenance)
        .map_err(|e| Failure::new(format!("{}: metadata 'collado.provenance': {e}", place.display())))?;
    let mut provenance = Provenance {
        version: Some(env!("CARGO_PKG_VERSION").into()),
        command: record::words(),
        data: path.data,
        data_hash: path.data_hash,
        loss: path.loss,
        kappa: path.kappa,
        regularizer: path.regularizer,
        statistics: path.statistics,
        statistics_rows: path.statistics_rows,
        ..Provenance::default()
    };
    provenance.extra.insert("path".into(), place.display().to_string().into());
    provenance.extra.insert("t".into(), json::value(&args.t));
    Checkpoint::new(file.arch, theta, provenance).with_buffers(buffers).named(file.names).write(&args.out)?;
    if !args.common.quiet && !args.common.json {
        json::print(&format!("written to {}", args.out.display()));
    }
    Ok(())
}

/// The running statistics of a point by a pass over training rows, if the network has some, since those that the path's files
/// have do not belong to points between them; with `--bn interpolate` these are combined all the same, like parameters.
fn running_statistics(
    args: &PointArgs,
    place: &FilePath,
    file: &PathFile,
    theta: &Tensor,
) -> Result<Option<Tensor>, Failure> {
    if file.arch.network().buffers().is_empty() {
        return Ok(None);
    }
    if args.data.bn == Some(Statistics::Interpolate) {
        let Some(buffers) = file.path.buffers() else {
            let message = format!("--bn interpolate: {} has no running statistics", place.display());
            return Err(Failure::new(message).hint("without this flag they are computed on training rows"));
        };
        return Ok(Some(Path::new(file.path.kind().clone(), buffers.clone())?.at(args.t)?));
    }
    let source = Source::of_path(place, file)?;
    let task = Task::for_files(&source, &args.data, &args.common, Precision::OfFiles)?;
    if task.statistics() == Some(Statistics::Interpolate) {
        let rows = task.train.reference_rows().len();
        args.common.note(format!(
            "the running statistics are computed anew on {rows} training rows, and the risk may differ from the profile, which \
             has those of the files combined: --bn interpolate writes them"
        ));
    }
    let theta = task.place(theta, place)?;
    task.running_statistics(&theta)
}
