//! `collado certify`: encloses the largest risk along a path, for every t.

mod args;
mod estimate;
mod picture;
mod proof;
mod summary;

use std::{ops::ControlFlow, path::Path as FilePath, time::Instant};

use candle_core::Device;
use collado_certify::{Certificate, CertifySettings, Status, certify_path};
use collado_risk::{Path, Progress};
use tracing::info;

pub(crate) use self::{
    args::{CertifyArgs, CertifyMode},
    estimate::{automatic_limit, likely_seconds},
    summary::Certified,
};
use crate::{
    args::{Common, Dtype},
    failure::Failure,
    files,
    folder::{self, Folder},
    place, progress,
    table::{text, write_table},
    task::{self, Precision, Task},
};

/// Files that are not written over, beside the summary.
const FILES: [&str; 2] = ["pieces.csv", "gap.csv"];

/// Encloses the largest risk along a path.
pub(crate) fn run(args: &CertifyArgs) -> Result<(), Failure> {
    args.data.without_candle("proofs have an arithmetic of their own")?;
    refuse_f32(&args.common)?;
    args.common.on_cpu("proofs are computed")?;
    if let Some(file) = &args.proof {
        files::refuse_existing(file, args.force)?;
    }
    let place = place::path(&args.path);
    let (file, task) = task::open_path(&place, &args.data, &args.common, Precision::OfData)?;
    let all = task.train.data().len();
    let task = match args.rows {
        Some(rows) if rows < all => task.on_rows(rows, &args.common)?,
        Some(rows) if rows > all => {
            return Err(Failure::usage(format!(
                "--rows: expected 1 to {all}, the training rows, found {rows}"
            )));
        }
        _ => task,
    };
    let rows = task.train.data().len();
    let folder = Folder::create(args.out.as_deref(), args.force, &args.common, "summary.json", &FILES)?;
    progress::catch_interrupt();
    let (tolerance, max_subintervals) = (args.tolerance, args.max_subintervals);
    let shortcuts = args.proof.is_none();
    let settings = CertifySettings { tolerance, max_subintervals, shortcuts, ..CertifySettings::default() };
    let proof = certificate(&task, &args.common, &file.path, &settings, f64::INFINITY)?;
    let summary = Certified::new(&proof).about(rows, all);
    if let Some(folder) = &folder {
        save(&task, folder.path(), &proof)?;
    }
    if let Some(file) = &args.proof {
        proof::write(file, &place, &task, (&proof, all))?;
    }
    let described = folder::finish(folder.as_ref(), &args.common, &summary, summary.is_stopped())?;
    args.common.show(&described, || summary.print(args.out.as_deref()));
    match proof.status {
        Status::Stopped => Err(Failure::interrupted("interrupted; the enclosure reached so far holds")),
        _ => Ok(()),
    }
}

/// Refuses `--dtype f32` for proofs, as it would round the numbers of the files.
pub(crate) fn refuse_f32(common: &Common) -> Result<(), Failure> {
    match common.dtype {
        Some(Dtype::F32) => {
            Err(Failure::usage("--dtype f32: proofs are computed in f64, from the numbers of the files"))
        }
        _ => Ok(()),
    }
}

/// The error that a proof would be about rounded numbers instead of those of the files.
pub(crate) fn rounded() -> Failure {
    Failure::usage("--dtype f32: a proof is about the numbers of the files, which are F64")
        .hint("--dtype f64, or no proof")
}

/// The certificate of `path` for the training rows of `task`; `seconds` bounds the search after the first cover.
///
/// The numbers of the data are widened exactly.
pub(crate) fn certificate(
    task: &Task,
    common: &Common,
    path: &Path,
    settings: &CertifySettings,
    seconds: f64,
) -> Result<Certificate, Failure> {
    common.note_cpu("proofs are computed");
    let settings = CertifySettings { memory: common.memory(), ..*settings };
    let vertices = path.vertices().to_device(&Device::Cpu)?;
    let buffers = path.buffers().cloned();
    let path = Path::new(path.kind().clone(), vertices)?;
    let path = buffers.into_iter().try_fold(path, Path::with_buffers)?;
    let start = Instant::now();
    let bar = progress::bar("certifying", common.quiet);
    let mut show = progress::shares(&bar);
    let mut tell = |share: f64| {
        let flow = show.update(share);
        if start.elapsed().as_secs_f64() < seconds { flow } else { ControlFlow::Break(()) }
    };
    let proof = certify_path(&path, &task.train, &settings, &mut tell)?;
    bar.finish_and_clear();
    if proof.status == Status::Stopped {
        info!(seconds = proof.seconds, limit = seconds, "the proof's time was up");
    }
    Ok(proof)
}

/// Writes tables and pictures.
fn save(task: &Task, folder: &FilePath, proof: &Certificate) -> Result<(), Failure> {
    let subtitle = format!("{} on {}, {} pieces", task.arch, task.data.spec, proof.subintervals);
    files::picture(folder, "enclosure", &picture::enclosure(proof, &subtitle))?;
    files::picture(folder, "gap", &picture::gap(proof, &subtitle))?;
    pieces(folder, proof)?;
    history(folder, proof)
}

/// Writes the bound on each piece of the path as `pieces.csv`.
pub(crate) fn pieces(folder: &FilePath, proof: &Certificate) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["t_from", "t_to", "risk_lo", "risk_hi", "error_hi"])?;
    for p in &proof.pieces {
        table.write_record([p.t.0, p.t.1, p.lower, p.upper, p.wrong].map(text))?;
    }
    write_table(&folder.join("pieces.csv"), table)
}

fn history(folder: &FilePath, proof: &Certificate) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["pieces", "risk_lo", "risk_hi"])?;
    for &(pieces, lo, hi) in &proof.history {
        table.write_record([pieces.to_string(), text(lo), text(hi)])?;
    }
    write_table(&folder.join("gap.csv"), table)
}
