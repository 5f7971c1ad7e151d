use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor};
use clap::{Args as ClapArgs, ValueEnum};
use collado_landscape::{
    Curvature, Density, DensitySettings, LanczosSettings, Ritz, dense_spectrum, density, explicit, lanczos,
    trace,
};
use collado_models::{
    ArchSpec, Checkpoint, CurvatureForm, DenseCurvature, Objective, Rows, Span, with_slice,
};
use collado_plots::{Figure, Panel, Role, Scale, Series};
use serde_json::{Value as Json, json};

use crate::{
    args::{Common, DataArgs, Dtype},
    failure::Failure,
    folder,
    json::{self, number, print},
    progress,
    table::{text, write_table},
    task::{Task, default_memory, targets},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct SpectrumArgs {
    /// A checkpoint.
    checkpoint: PathBuf,
    /// Network, for files that do not say.
    #[arg(long)]
    arch: Option<ArchSpec>,
    /// Which matrix.
    #[arg(long, default_value = "hessian")]
    matrix: MatrixName,
    /// All eigenvalues up to so many parameters; beyond, both ends, trace and density.
    #[arg(long, default_value_t = 3000)]
    dense: usize,
    /// Eigenvalues at each end.
    #[arg(long, default_value_t = 5)]
    count: usize,
    /// Lanczos steps at most.
    #[arg(long, default_value_t = 300)]
    steps: usize,
    /// Lanczos ends when all residuals are below so much times the largest eigenvalue.
    #[arg(long, default_value_t = 1e-6)]
    tolerance: f64,
    /// Products for the trace.
    #[arg(long, default_value_t = 60)]
    products: usize,
    /// Random vectors of the density; 0 = no density.
    #[arg(long, default_value_t = 4)]
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
    if let Some(out) = &args.out {
        let files = ["summary.json", "spectrum.csv", "spectrum.svg"];
        folder::refuse_any(out, &files, args.force)?;
    }
    let checkpoint = Checkpoint::read(&args.checkpoint, args.arch.as_ref())?;
    let task = Task::for_arch(&args.data, &args.common, &checkpoint.arch, &checkpoint.provenance)?;
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

/// All eigenvalues.
fn dense(operator: &Curvature<'_>, quiet: bool) -> Result<Found, Failure> {
    let bar = progress::bar("matrix", quiet);
    let (matrix, asymmetry) = explicit(operator, &mut progress::shares(&bar)).map_err(interrupted)?;
    bar.finish_and_clear();
    let found = dense_spectrum(&matrix, asymmetry)?;
    let (values, n) = (&found.eigenvalues, found.eigenvalues.len());
    let pair = |v: &f64| json!({"value": number(*v), "residual": number(found.rounding)});
    let count = n.min(5);
    let exact: f64 = values.iter().sum();
    let summary = json!({
        "eigenvalues": values.iter().map(|&v| number(v)).collect::<Vec<_>>(),
        "top": values.iter().rev().take(count).map(pair).collect::<Vec<_>>(),
        "bottom": values.iter().take(count).map(pair).collect::<Vec<_>>(),
        "index": found.index, "index_status": "exact", "zero_modes": found.zero_modes,
        "rounding": number(found.rounding), "trace": {"value": number(exact), "stderr": 0.0},
    });
    let rank: Vec<f64> = (0..n).map(|i| (i + 1) as f64).collect();
    let descending: Vec<f64> = values.iter().rev().copied().collect();
    let pick = |keep: fn(f64, f64) -> bool| -> Vec<(f64, f64)> {
        let both = rank.iter().zip(&descending).filter(|(_, v)| keep(**v, found.rounding));
        both.map(|(r, v)| (*r, v.abs())).collect()
    };
    let series = |label: String, points: Vec<(f64, f64)>, role: Role| {
        let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        Series::dots(label, &x, &y).role(role)
    };
    let positive = pick(|v, r| v > r);
    let negative = pick(|v, r| v < -r);
    let panel = Panel::new("|λ| (log scale)")
        .scale(Scale::Log)
        .rule(found.rounding, "rounding")
        .series(series(format!("{} negative", negative.len()), negative, Role::Test))
        .series(series(format!("{} positive", positive.len()), positive, Role::Train));
    let note = format!("{} zero modes within rounding are not drawn", found.zero_modes);
    let rows = rank.iter().zip(&descending).map(|(r, v)| [*r, *v, found.rounding]).collect();
    let axis = "rank, largest eigenvalue first";
    Ok(Found { summary, header: ["rank", "eigenvalue", "error"], rows, panel, axis, note })
}

/// Both ends, trace and density.
fn ends(args: &SpectrumArgs, operator: &Curvature<'_>) -> Result<Found, Failure> {
    let settings = LanczosSettings {
        count: args.count,
        steps: args.steps,
        tolerance: args.tolerance,
        seed: args.common.seed,
    };
    let bar = progress::bar("spectrum", args.common.quiet);
    let found = lanczos(operator, &settings, &mut |done, most| {
        bar.set_length(most as u64);
        bar.set_position(done as u64);
        !progress::interrupted()
    })?;
    let mut tell = progress::shares(&bar);
    bar.set_message("trace");
    let sum = trace(operator, args.products, args.common.seed, &mut tell).map_err(interrupted)?;
    bar.set_message("density");
    let smooth =
        DensitySettings { probes: args.probes, seed: args.common.seed, ..DensitySettings::default() };
    let smooth = match args.probes {
        0 => Density { at: vec![], value: vec![], stderr: vec![], sigma: f64::NAN },
        _ => density(operator, &smooth, &mut tell).map_err(interrupted)?,
    };
    bar.finish_and_clear();
    if !found.converged {
        progress::note(&args.common, "Lanczos ended before all residuals were small: more --steps help");
    }
    let pair = |r: &Ritz| json!({"value": number(r.value), "residual": number(r.residual)});
    let summary = json!({
        "eigenvalues": null,
        "top": found.top.iter().map(pair).collect::<Vec<_>>(),
        "bottom": found.bottom.iter().map(pair).collect::<Vec<_>>(),
        "index": found.negative, "index_status": "bound", "zero_modes": null,
        "trace": {"value": number(sum.value), "stderr": number(sum.stderr)},
        "steps": found.steps, "converged": found.converged,
    });
    let floor = SHOWN * smooth.value.iter().fold(f64::MIN_POSITIVE, |m, v| m.max(*v));
    // Between eigenvalues there is no density: the curve has gaps there, not a floor.
    let shown = |v: f64, other: f64| if v > floor { other.max(floor) } else { f64::NAN };
    let edge = |sign: f64| -> Vec<f64> {
        smooth.value.iter().zip(&smooth.stderr).map(|(v, e)| shown(*v, v + 2. * sign * e)).collect()
    };
    let drawn: Vec<f64> = smooth.value.iter().map(|&v| shown(v, v)).collect();
    let curve = Series::line("density, band of two standard errors", &smooth.at, &drawn);
    let mut panel = Panel::new("Density (log scale)").scale(Scale::Log);
    panel = panel.series(curve.uncounted().band(&edge(-1.), &edge(1.)));
    let (x, y): (Vec<f64>, Vec<f64>) =
        found.top.iter().chain(&found.bottom).map(|r| (r.value, floor)).unzip();
    panel = panel.series(Series::dots("eigenvalues at both ends", &x, &y).role(Role::Test));
    let rows = (0..drawn.len()).map(|i| [smooth.at[i], smooth.value[i], smooth.stderr[i]]).collect();
    let note = format!("eigenvalues widened by {:.2e}", smooth.sigma);
    Ok(Found { summary, header: ["lambda", "density", "stderr"], rows, panel, axis: "eigenvalue λ", note })
}

/// The lowest density that is drawn, over the highest.
const SHOWN: f64 = 1e-6;

fn interrupted(error: collado_landscape::Error) -> Failure {
    match error {
        collado_landscape::Error::Interrupted => Failure::interrupted("interrupted; nothing was written"),
        error => error.into(),
    }
}

fn save(args: &SpectrumArgs, task: &Task, folder: &Path, found: &Found) -> Result<(), Failure> {
    json::write(&folder.join("summary.json"), &found.summary)?;
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(found.header)?;
    found.rows.iter().try_for_each(|row| table.write_record(row.map(text)))?;
    write_table(&folder.join("spectrum.csv"), table)?;
    let figure = Figure::new(format!("{} spectrum", args.matrix.title()))
        .subtitle(format!("{} on {}; {}", task.arch, task.data.spec, found.note))
        .x_label(found.axis)
        .panel(found.panel.clone());
    folder::picture(folder, "spectrum", &figure)
}

fn report(args: &SpectrumArgs, summary: &Json) {
    if args.common.json {
        return print(&summary.to_string());
    }
    if args.common.quiet {
        return;
    }
    for end in ["top", "bottom"] {
        for pair in summary[end].as_array().into_iter().flatten() {
            print(&format!("{end:<12} {:>24}   ± {}", pair["value"], pair["residual"]));
        }
    }
    let status = if summary["index_status"] == "exact" { "exact" } else { "at least" };
    print(&format!("index        {:>24}   ({status})", summary["index"]));
    print(&format!("zero modes   {:>24}", summary["zero_modes"]));
    print(&format!("trace        {:>24}   ± {}", summary["trace"]["value"], summary["trace"]["stderr"]));
    print(&format!("gradient     {:>24}", summary["gradient_norm"]));
}
