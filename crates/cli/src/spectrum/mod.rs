//! `collado spectrum`: eigenvalues of a checkpoint's curvature.

mod dense;
mod ends;
mod lines;
mod output;

use std::path::PathBuf;

use candle_core::{DType, Tensor};
use clap::{Args as ClapArgs, ValueEnum, builder::RangedU64ValueParser};
use collado_landscape::{Curvature, RankCheck, Side};
use collado_models::{CurvatureForm, DenseCurvature, Objective, Rows, Span, with_slice};
use collado_plots::Panel;
use serde_json::{Value as Json, json};

use self::{
    dense::dense,
    ends::ends,
    lines::Line,
    output::{report, save},
};
use crate::{
    args::{Common, DataArgs, Dtype, NetworkArgs},
    failure::Failure,
    folder,
    json::{self, number, print},
    place, progress,
    task::{self, Precision, Task, default_memory, targets},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct SpectrumArgs {
    /// Checkpoints of one network, or folders of a run.
    #[arg(required = true)]
    checkpoints: Vec<PathBuf>,
    #[command(flatten)]
    network: NetworkArgs,
    /// Which matrix.
    #[arg(long, default_value = "hessian")]
    matrix: MatrixName,
    /// All eigenvalues up to so many parameters, where --memory holds the matrix; beyond, the ends, trace and density.
    #[arg(long, default_value_t = 3000)]
    dense: usize,
    /// Which ends: both, top or bottom. One end alone takes fewer products.
    #[arg(long = "ends", default_value = "both", value_name = "ENDS")]
    side: SideName,
    /// Eigenvalues at each end, counted with multiplicities.
    #[arg(long, default_value_t = 5, value_parser = at_least_one())]
    count: usize,
    /// Products at most of each start of Lanczos' method that finds eigenvalues.
    #[arg(long, default_value_t = 300, value_parser = at_least_one())]
    steps: usize,
    /// Products at most of the last start, orthogonal to all that was found, which checks that no eigenvalue was missed;
    /// 0 = no check, and every line is 'or more', 'or less'.
    #[arg(long, default_value_t = 100)]
    check: usize,
    /// Lanczos ends when all residuals are below so much times the largest eigenvalue.
    #[arg(long, default_value_t = 1e-6, value_parser = tolerance)]
    tolerance: f64,
    /// Products for the trace; 0 = no trace.
    #[arg(long, default_value_t = 60)]
    products: usize,
    /// Random vectors of the density; 0 = no density.
    #[arg(long, default_value_t = 4, value_parser = numbers::whole::<usize>(0..=1_000_000))]
    probes: usize,
    /// Folder for summary, tables (eigenvalues.csv, spectrum.csv) and picture; created. Of several checkpoints each has a folder
    /// in it, named after its file.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SideName {
    Both,
    Top,
    Bottom,
}

impl From<SideName> for Side {
    fn from(name: SideName) -> Self {
        match name {
            SideName::Both => Self::Both,
            SideName::Top => Self::Top,
            SideName::Bottom => Self::Bottom,
        }
    }
}

fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(x) if (0. ..1.).contains(&x) => Ok(x),
        _ => Err("expected a number from 0 to less than 1".into()),
    }
}

/// What is found, as JSON, columns and a picture.
struct Found {
    summary: Json,
    /// The eigenvalues at the ends.
    lines: Vec<Line>,
    /// What their ranks rest on; nothing where all eigenvalues are known.
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
    if (1..9).contains(&args.products) {
        let found = args.products;
        return Err(Failure::usage(format!("--products: expected 0, or at least 9, found {found}")));
    }
    let files: Vec<_> = args.checkpoints.iter().map(|c| place::checkpoints(c)).collect::<Result<_, _>>()?;
    let files = files.concat();
    let folders = folders(&args, &files)?;
    let (checkpoints, task) =
        task::open(&files, &args.network, &args.data, &args.common, Precision::OfFiles)?;
    progress::catch_interrupt();
    let targets = targets(&task.data.train)?;
    let inputs = task.data.train.inputs.to_dtype(DType::F64)?;
    let memory = args.common.memory.unwrap_or_else(default_memory);
    // Three quarters for vectors, one for what a product needs.
    let curvature = DenseCurvature::new(&task.arch, &inputs, &targets, task.risk, memory / 4)?;
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

/// Where the results of each checkpoint go, if anywhere; refuses what is there.
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

/// The spectrum at one point.
fn one(
    args: &SpectrumArgs,
    task: &Task,
    curvature: &DenseCurvature,
    theta: &Tensor,
    memory: usize,
) -> Result<Found, Failure> {
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
    let grad = stack.zeros_like()?;
    task.train.evaluate(&Span::stack(&stack)?, Rows::All, Some(&grad))?;
    Ok(with_slice::<f64, _>(&grad, |g| Ok(g.iter().map(|x| x * x).sum::<f64>().sqrt()))?)
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
