//! `collado spectrum`: eigenvalues of a checkpoint's curvature.

mod dense;
mod ends;
mod output;

use std::path::PathBuf;

use candle_core::{DType, Tensor};
use clap::{Args as ClapArgs, ValueEnum};
use collado_landscape::Curvature;
use collado_models::{CurvatureForm, DenseCurvature, Objective, Rows, Span, with_slice};
use collado_plots::Panel;
use serde_json::Value as Json;

use self::{
    dense::dense,
    ends::ends,
    output::{report, save},
};
use crate::{
    args::{Common, DataArgs, Dtype, NetworkArgs},
    failure::Failure,
    folder,
    json::number,
    numbers, place, progress,
    task::{self, Precision, Task, default_memory, targets},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct SpectrumArgs {
    /// A checkpoint.
    checkpoint: PathBuf,
    #[command(flatten)]
    network: NetworkArgs,
    /// Which matrix.
    #[arg(long, default_value = "hessian")]
    matrix: MatrixName,
    /// All eigenvalues up to so many parameters; beyond, both ends, trace and density.
    #[arg(long, default_value_t = 3000, value_parser = numbers::whole::<usize>(0..=100000))]
    dense: usize,
    /// Eigenvalues at each end.
    #[arg(long, default_value_t = 5, value_parser = numbers::whole::<usize>(1..=10000))]
    count: usize,
    /// Lanczos steps at most.
    #[arg(long, default_value_t = 300, value_parser = numbers::whole::<usize>(1..=1_000_000))]
    steps: usize,
    /// Lanczos ends when all residuals are below so much times the largest eigenvalue.
    #[arg(long, default_value_t = 1e-6, value_parser = numbers::positive)]
    tolerance: f64,
    /// Products for the trace.
    #[arg(long, default_value_t = 60, value_parser = numbers::whole::<usize>(1..=1_000_000))]
    products: usize,
    /// Random vectors of the density; 0 = no density.
    #[arg(long, default_value_t = 4, value_parser = numbers::whole::<usize>(0..=1_000_000))]
    probes: usize,
    /// Folder for summary, table and picture; created.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Overwrite results that are there.
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MatrixName {
    Hessian,
    GaussNewton,
    Fisher,
}

impl MatrixName {
    fn form(self) -> CurvatureForm {
        match self {
            Self::Hessian => CurvatureForm::Hessian,
            Self::GaussNewton => CurvatureForm::GaussNewton,
            Self::Fisher => CurvatureForm::Fisher,
        }
    }

    /// As on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Hessian => "hessian",
            Self::GaussNewton => "gauss-newton",
            Self::Fisher => "fisher",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Hessian => "Hessian",
            Self::GaussNewton => "Gauss–Newton matrix",
            Self::Fisher => "Empirical Fisher matrix",
        }
    }
}

/// What is found, as JSON, columns and a picture.
struct Found {
    summary: Json,
    header: [&'static str; 3],
    rows: Vec<[f64; 3]>,
    panel: Panel,
    axis: &'static str,
    note: String,
}

/// Computes the spectrum of a checkpoint's curvature.
pub(crate) fn run(mut args: SpectrumArgs) -> Result<(), Failure> {
    if args.common.dtype.replace(Dtype::F64) == Some(Dtype::F32) {
        return Err(Failure::usage("--dtype f32: spectra are computed in f64"));
    }
    args.common.on_cpu("spectra are computed")?;
    if let Some(out) = &args.out {
        let files = ["summary.json", "spectrum.csv", "spectrum.svg"];
        folder::refuse_any(out, &files, args.force)?;
    }
    let file = place::checkpoint(&args.checkpoint)?;
    let (checkpoints, task) =
        task::open(&[file], &args.network, &args.data, &args.common, Precision::OfFiles)?;
    let checkpoint = &checkpoints[0];
    progress::catch_interrupt();
    let theta = checkpoint.theta.to_dtype(DType::F64)?;
    let targets = targets(&task.data.train)?;
    let inputs = task.data.train.inputs.to_dtype(DType::F64)?;
    let memory = args.common.memory.unwrap_or_else(default_memory);
    let curvature = DenseCurvature::new(&task.arch, &inputs, &targets, task.risk, memory)?;
    let operator = Curvature::new(&curvature, args.matrix.form(), &theta)?;
    let gradient = gradient_norm(&task, &theta)?;
    let mut found = if curvature.size() <= args.dense {
        dense(&operator, args.common.quiet)?
    } else {
        ends(&args, &operator)?
    };
    found.summary["gradient_norm"] = number(gradient);
    found.summary["matrix"] = args.matrix.name().into();
    found.summary["parameters"] = curvature.size().into();
    args.common.run.describe(&mut found.summary, "finished");
    if let Some(out) = &args.out {
        save(&args, &task, &folder::make(out)?, &found)?;
    }
    report(&args, &found.summary);
    Ok(())
}

fn gradient_norm(task: &Task, theta: &Tensor) -> Result<f64, Failure> {
    let stack = theta.unsqueeze(0)?;
    let grad = stack.zeros_like()?;
    task.train.evaluate(&Span::stack(&stack)?, Rows::All, Some(&grad))?;
    Ok(with_slice::<f64, _>(&grad, |g| Ok(g.iter().map(|x| x * x).sum::<f64>().sqrt()))?)
}

fn interrupted(error: collado_landscape::Error) -> Failure {
    match error {
        collado_landscape::Error::Interrupted => Failure::interrupted("interrupted; nothing was written"),
        error => error.into(),
    }
}
