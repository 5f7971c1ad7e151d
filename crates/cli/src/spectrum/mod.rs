//! `collado spectrum`: eigenvalues of the Hessian or another curvature matrix of a checkpoint.

mod args;
mod dense;
mod ends;
mod lines;
mod output;

use std::path::PathBuf;

use candle_core::{DType, Tensor};
use collado_landscape::{Curvature, RankCheck};
use collado_models::with_slice;
use collado_plots::Panel;
use collado_risk::{DenseCurvature, Objective, Rows};
use serde_json::{Value as Json, json};

pub(crate) use self::args::SpectrumArgs;
use self::{
    args::SideName,
    dense::dense,
    ends::ends,
    lines::Line,
    output::{report, save},
};
use crate::{
    args::Dtype,
    failure::Failure,
    folder,
    json::{self, number, print},
    place, progress,
    task::{self, Precision, Task, default_memory},
};

/// The result as JSON, columns and a picture.
struct SpectrumResult {
    summary: Json,
    /// The eigenvalues at the ends.
    lines: Vec<Line>,
    /// The check on which the ranks rest; `None` where all eigenvalues are known.
    check: Option<RankCheck>,
    header: [&'static str; 3],
    rows: Vec<[f64; 3]>,
    panel: Panel,
    axis: &'static str,
    note: String,
}

/// Computes the spectra of checkpoints' curvature.
pub(crate) fn run(mut args: SpectrumArgs) -> Result<(), Failure> {
    if args.common.dtype.replace(Dtype::F64) == Some(Dtype::F32) {
        return Err(Failure::usage("--dtype f32: spectra are computed in f64"));
    }
    args.common.on_cpu("spectra are computed")?;
    let files = place::all(&args.checkpoints)?;
    let folders = folders(&args, &files)?;
    let (checkpoints, task) =
        task::open(&files, &args.network, &args.data, &args.common, Precision::OfFiles)?;
    progress::catch_interrupt();
    let memory = args.common.memory.unwrap_or_else(default_memory);
    // Three quarters for vectors, one for what a product needs.
    let curvature = DenseCurvature::new(&task.train.clone().with_memory(memory / 4))?;
    let mut all = Vec::with_capacity(files.len());
    for (i, (file, checkpoint)) in files.iter().zip(&checkpoints).enumerate() {
        let found = one(&args, &task, &curvature, &checkpoint.theta.to_dtype(DType::F64)?, memory)?;
        let mut summary = found.summary.clone();
        if files.len() > 1 {
            summary["checkpoint"] = file.display().to_string().into();
        }
        if let Some(folder) = folders.get(i) {
            save(&args, &task, &folder::make(folder)?, &found)?;
        }
        if !args.common.json && !args.common.quiet {
            report(&found, (files.len() > 1).then_some(file));
        }
        all.push(summary);
    }
    let mut summary = if all.len() == 1 { all.remove(0) } else { json!({"checkpoints": all}) };
    args.common.run.describe(&mut summary, "finished");
    if let Some(out) = &args.out {
        json::write(&out.join("summary.json"), &summary)?;
    }
    args.common.show(&summary, || {
        if let Some(out) = &args.out {
            print(&format!("written to   {}", out.display()));
        }
    });
    Ok(())
}

/// The folders for the results of each checkpoint, if results are written; existing results are refused.
fn folders(args: &SpectrumArgs, files: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    const FILES: [&str; 4] = ["summary.json", "eigenvalues.csv", "spectrum.csv", "spectrum.svg"];
    let Some(out) = &args.out else { return Ok(Vec::new()) };
    let mut folders: Vec<PathBuf> = Vec::with_capacity(files.len());
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let mut folder = if files.len() == 1 { out.clone() } else { out.join(&*name) };
        let mut number = 2;
        while folders.contains(&folder) {
            folder = out.join(format!("{name}-{number}"));
            number += 1;
        }
        folder::refuse_any(&folder, &FILES, args.force)?;
        folders.push(folder);
    }
    folder::refuse_any(out, &FILES, args.force)?;
    Ok(folders)
}

/// Computes the spectrum at one point.
fn one(
    args: &SpectrumArgs,
    task: &Task,
    curvature: &DenseCurvature,
    theta: &Tensor,
    memory: usize,
) -> Result<SpectrumResult, Failure> {
    let operator = Curvature::new(curvature, args.matrix.form(), theta)?;
    let gradient = gradient_norm(task, theta)?;
    let size = curvature.size();
    // The matrix, and what its decomposition needs.
    let fits = 3 * size_of::<f64>() * size * size <= memory;
    if size <= args.dense && !fits {
        args.common.note(format!("--memory does not hold a {size} x {size} matrix: the ends alone"));
    }
    let mut found = if size <= args.dense && fits {
        dense(args, &operator)?
    } else {
        ends(args, &operator, memory / 4 * 3)?
    };
    lines::describe(&found.lines, found.check, &mut found.summary);
    found.summary["gradient_norm"] = number(gradient);
    found.summary["matrix"] = args.matrix.name().into();
    found.summary["parameters"] = size.into();
    Ok(found)
}

fn gradient_norm(task: &Task, theta: &Tensor) -> Result<f64, Failure> {
    let stack = theta.unsqueeze(0)?;
    let mut grad = stack.zeros_like()?;
    task.train.at(&stack, Rows::All, Some(&mut grad))?;
    with_slice::<f64, _, _>(&grad, |g| Ok(g.iter().map(|x| x * x).sum::<f64>().sqrt()))
}

fn failed(error: collado_landscape::Error) -> Failure {
    use collado_landscape::Error;
    match error {
        Error::Interrupted => Failure::interrupted("interrupted; nothing was written"),
        Error::Memory { expected, found } => {
            // Vectors have three quarters of it.
            let size = |bytes: usize| match bytes.div_ceil(3) * 4 {
                small @ ..1_048_576 => format!("{}KiB", small >> 10),
                large => format!("{}MiB", large.div_ceil(1 << 20)),
            };
            let message = format!("--memory: expected at least {}, found {}", size(expected), size(found));
            Failure::new(message).hint("a smaller --count, or --ends top, needs less")
        }
        error => error.into(),
    }
}
