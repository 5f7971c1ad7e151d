//! `collado spectrum`: eigenvalues of the Hessian or another curvature matrix of a checkpoint.

mod args;
mod dense;
mod differences;
mod ends;
mod found;
mod lines;
mod output;
mod ranks;
mod summary;

use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor};
use collado_landscape::{Curvature, LinearOperator};
use collado_models::with_slice;
use collado_risk::{CurvatureForm, EmpiricalRisk, ExactCurvature, Objective, Rows};

pub(crate) use self::args::SpectrumArgs;
use self::{
    args::MatrixName,
    dense::dense,
    differences::differences,
    ends::ends,
    found::SpectrumResult,
    output::save,
    ranks::RankRecord,
    summary::{Spectrum, Summary},
};
use crate::{
    args::{Dtype, Engine},
    failure::Failure,
    files,
    folder::{self, Folder},
    json::print,
    place, progress,
    task::{self, Precision},
};

/// Computes the spectra of checkpoints' curvature.
pub(crate) fn run(mut args: SpectrumArgs) -> Result<(), Failure> {
    if args.common.dtype.replace(Dtype::F64) == Some(Dtype::F32) {
        return Err(Failure::usage("--dtype f32: spectra are computed in f64"));
    }
    args.common.on_cpu("spectra are computed")?;
    if args.matrix.form() != CurvatureForm::Hessian {
        args.data.without_candle("of the matrices only the Hessian is computed from gradients")?;
    }
    let files = place::all(&args.checkpoints)?;
    let (checkpoints, task) =
        task::open(&files, &args.network, &args.data, &args.common, Precision::OfFiles)?;
    let folders = args.out.as_deref().map_or(Vec::new(), |out| folders(out, &files));
    let folder = Folder::create(args.out.as_deref(), args.force, &args.common, "summary.json", &FILES)?;
    folders.iter().try_for_each(|folder| files::refuse_any(folder, &FILES, args.force))?;
    progress::catch_interrupt();
    let mut all = Vec::with_capacity(files.len());
    for (i, (file, checkpoint)) in files.iter().zip(&checkpoints).enumerate() {
        let theta = checkpoint.theta.to_dtype(DType::F64)?;
        // Each has its own running statistics.
        let risk = match &checkpoint.buffers {
            Some(row) => task.train.clone().with_buffers(row)?,
            None => task.train.clone(),
        };
        let found = one(&args, &risk, &theta)?;
        if let Some(folder) = folders.get(i) {
            save(&args, &task, &files::make(folder)?, &found)?;
        }
        let spectrum = Spectrum {
            checkpoint: (files.len() > 1).then(|| file.display().to_string()),
            matrix: args.matrix.name(),
            parameters: theta.elem_count(),
            gradient_norm: gradient_norm(&risk, &theta)?,
            rank_check: RankRecord::new(found.check),
            values: found.values,
        };
        if !args.common.json && !args.common.quiet {
            spectrum.print();
        }
        all.push(spectrum);
    }
    let summary = match all.len() {
        1 => Summary::One(all.remove(0)),
        _ => Summary::Several { checkpoints: all },
    };
    let described = folder::finish(folder.as_ref(), &args.common, &summary, false)?;
    args.common.show(&described, || {
        if let Some(out) = &args.out {
            print(&format!("written to   {}", out.display()));
        }
    });
    Ok(())
}

/// Files that are not written over, beside the summary.
const FILES: [&str; 3] = ["eigenvalues.csv", "spectrum.csv", "spectrum.svg"];

/// The folders for the results of each checkpoint.
fn folders(out: &Path, files: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::with_capacity(files.len());
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let mut folder = if files.len() == 1 { out.to_owned() } else { out.join(&*name) };
        let mut number = 2;
        while folders.contains(&folder) {
            folder = out.join(format!("{name}-{number}"));
            number += 1;
        }
        folders.push(folder);
    }
    folders
}

/// Computes the spectrum at one point.
fn one(args: &SpectrumArgs, risk: &EmpiricalRisk, theta: &Tensor) -> Result<SpectrumResult, Failure> {
    let memory = args.common.memory();
    // The rest is for vectors. What rows that share statistics need is more than what else a product needs.
    let share = if task::shares_statistics(risk) { 2 } else { 4 };
    let curvature;
    let operator: Box<dyn LinearOperator + '_> = match args.data.engine {
        Engine::Fused => match ExactCurvature::new(&risk.clone().with_memory(memory / share)) {
            Ok(exact) => {
                curvature = exact;
                Box::new(Curvature::new(&curvature, args.matrix.form(), theta)?)
            }
            Err(collado_risk::Error::Unsupported { what, found }) if args.matrix == MatrixName::Hessian => {
                let why = format!("{what} is not available for {found}");
                Box::new(differences(risk, theta, &why, &args.common)?)
            }
            Err(error) => return Err(task::short_of_memory(error, share)),
        },
        Engine::Candle => {
            let why = "of the matrices candle's engine has none";
            Box::new(differences(risk, theta, why, &args.common)?)
        }
    };
    let size = theta.elem_count();
    // The matrix, and what its decomposition needs.
    let fits = 3 * size_of::<f64>() * size * size <= memory;
    if size <= args.dense && !fits {
        args.common.note(format!("--memory does not hold a {size} x {size} matrix: the ends alone"));
    }
    match size <= args.dense && fits {
        true => dense(args, &*operator),
        false => ends(args, &*operator, memory - memory / share),
    }
}

fn gradient_norm(risk: &EmpiricalRisk, theta: &Tensor) -> Result<f64, Failure> {
    let stack = theta.unsqueeze(0)?;
    let mut grad = stack.zeros_like()?;
    risk.at(&stack, Rows::All, Some(&mut grad))?;
    with_slice::<f64, _, _>(&grad, |g| Ok(g.iter().map(|x| x * x).sum::<f64>().sqrt()))
}
