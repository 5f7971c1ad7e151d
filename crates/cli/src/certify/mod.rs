//! `collado certify`: encloses the largest risk along a path, for every t.

mod picture;

use std::{path::PathBuf, time::Instant};

use candle_core::Device;
use clap::{Args as ClapArgs, ValueEnum};
use collado_certify::{Certificate, CertifySettings, Progress, Status, certify_path};
use collado_risk::Path;
use serde_json::{Value as Json, json};

use crate::{
    args::{Common, DataArgs, Dtype},
    failure::Failure,
    folder,
    json::{number, print, write},
    numbers, place, progress,
    shown::enclosure,
    table::{text, write_table},
    task::{self, Precision, Task, default_memory},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct CertifyArgs {
    /// Path file path.safetensors, or its folder.
    path: PathBuf,
    /// Stop when hi - lo is at most this share of hi.
    #[arg(long, default_value_t = 1e-3, value_parser = numbers::not_negative)]
    tolerance: f64,
    /// Largest number of pieces of the path that are bounded; the enclosure holds with any number.
    #[arg(long, default_value_t = 10_000, value_parser = numbers::whole::<usize>(1..=100000000))]
    max_subintervals: usize,
    /// Folder for summary.json, pieces.csv, gap.csv and pictures, which is created.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Overwrite existing results.
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The cases in which `connect` computes a certificate of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CertifyMode {
    Auto,
    Always,
    Never,
}

/// Encloses the largest risk along a path.
pub(crate) fn run(args: &CertifyArgs) -> Result<(), Failure> {
    refuse_f32(&args.common)?;
    args.common.on_cpu("proofs are computed")?;
    if let Some(out) = &args.out {
        folder::refuse_existing(&out.join("summary.json"), args.force)?;
    }
    let file = place::path(&args.path);
    let (file, task) = task::open_path(&file, &args.data, &args.common, Precision::OfData)?;
    progress::catch_interrupt();
    let (tolerance, max_subintervals) = (args.tolerance, args.max_subintervals);
    let settings = CertifySettings { tolerance, max_subintervals, ..CertifySettings::default() };
    let proof = certificate(&task, &args.common, &file.path, &settings, f64::INFINITY)?;
    let mut summary = fields(&proof);
    let status = if proof.status == Status::Stopped { "interrupted" } else { "finished" };
    args.common.run.describe(&mut summary, status);
    if let Some(out) = &args.out {
        let folder = folder::make(out)?;
        let subtitle = format!("{} on {}, {} pieces", task.arch, task.data.spec, proof.subintervals);
        folder::picture(&folder, "enclosure", &picture::enclosure(&proof, &subtitle))?;
        folder::picture(&folder, "gap", &picture::gap(&proof, &subtitle))?;
        pieces(&folder, &proof)?;
        history(&folder, &proof)?;
        write(&folder.join("summary.json"), &summary)?;
    }
    args.common.show(&summary, || report(&proof, args.out.as_deref()));
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
    let memory = common.memory.unwrap_or_else(default_memory);
    let settings = CertifySettings { memory, ..*settings };
    let vertices = path.vertices().to_device(&Device::Cpu)?;
    let path = Path::new(path.kind().clone(), vertices)?;
    let (start, mut first) = (Instant::now(), None);
    let bar = progress::bar("certifying", common.quiet);
    let mut show = progress::shares(&bar);
    let mut tell = |p: &Progress| {
        // The gap falls geometrically: progress is its logarithm.
        let gap = ((p.hi - p.lo) / p.hi).ln();
        let from = *first.get_or_insert(gap);
        show((gap - from) / (settings.tolerance.max(1e-15).ln() - from))
            && start.elapsed().as_secs_f64() < seconds
    };
    let proof = certify_path(&path, &task.train, &settings, &mut tell)?;
    bar.finish_and_clear();
    Ok(proof)
}

/// The `certified` object of a summary.
pub(crate) fn fields(proof: &Certificate) -> Json {
    let pair = |(lo, hi): (f64, f64)| json!([number(lo), number(hi)]);
    json!({
        "lo": number(proof.lo), "hi": number(proof.hi), "subintervals": proof.subintervals,
        "method": proof.method.name(), "status": proof.status.name(), "t": number(proof.t),
        "ends": {"a": pair(proof.ends[0]), "b": pair(proof.ends[1])}, "above_ends": pair(proof.above_ends()),
        "error_hi": proof.error.map(number), "seconds": number(proof.seconds),
    })
}

fn pieces(folder: &std::path::Path, proof: &Certificate) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["t_from", "t_to", "risk_lo", "risk_hi", "error_hi"])?;
    for p in &proof.pieces {
        table.write_record([p.t.0, p.t.1, p.lower, p.upper, p.wrong].map(text))?;
    }
    write_table(&folder.join("pieces.csv"), table)
}

fn history(folder: &std::path::Path, proof: &Certificate) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["pieces", "risk_lo", "risk_hi"])?;
    for &(pieces, lo, hi) in &proof.history {
        table.write_record([pieces.to_string(), text(lo), text(hi)])?;
    }
    write_table(&folder.join("gap.csv"), table)
}

fn report(proof: &Certificate, out: Option<&std::path::Path>) {
    let gap = (proof.hi - proof.lo) / proof.hi;
    print(&format!("highest risk         in {} for every t, proved", enclosure((proof.lo, proof.hi), 9)));
    print(&format!("                     gap {gap:.2e}; at least the lower bound at t = {:.9}", proof.t));
    let [a, b] = proof.ends;
    print(&format!("risk at A            in {}", enclosure(a, 9)));
    print(&format!("risk at B            in {}", enclosure(b, 9)));
    print(&format!("barrier above ends   in {}", enclosure(proof.above_ends(), 9)));
    if let Some(error) = proof.error {
        print(&format!("error                at most {:.3} % for every t", (1e5 * error).ceil() / 1e3));
    }
    let (method, status) = (proof.method.name(), proof.status.name());
    print(&format!(
        "proof                {method}, {} pieces, {:.2} s, ended by {status}",
        proof.subintervals, proof.seconds
    ));
    if let Some(out) = out {
        print(&format!("written to           {}", out.display()));
    }
}
